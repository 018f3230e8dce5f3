"""TLS: as any other connection for who uses it, and what is different when processes die."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from harness import CHATD, PATIENCE, Client, Server, chatd, descriptors, eventually, serving
from secure import HOST, Pem, TlsClient, TlsSocket, make_certificate, tls_listener

PLAIN = '[[listen]]\naddress = "127.0.0.1:0"\n'


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Pem:
    return make_certificate(tmp_path_factory.mktemp("pem"), "server")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Pem:
    """What a client has."""
    return make_certificate(tmp_path_factory.mktemp("pem"), "client")


@pytest.fixture
def server(tmp_path: Path, pem: Pem) -> Iterator[Server]:
    """One that speaks TLS on its second port."""
    with serving(tmp_path, PLAIN + tls_listener(pem)) as running:
        yield running


def connect(
    server: Server, nick: str, pem: Pem | None = None, receive_buffer: int = 0
) -> TlsClient:
    client = TlsClient(server.ports[-1], pem, receive_buffer)
    server.clients.append(client)
    client.greet(nick)
    return client


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("shown", [False, True])
def test_people_talk_over_tls_and_without(
    server: Server, own: Pem, version: str, shown: bool
) -> None:
    alice = TlsClient(server.ports[-1], own if shown else None, version=version).greet("alice")
    bob = server.connect("bob")
    assert alice.socket.version == f"TLSv{version}"
    alice.until("is now bob")
    alice.send("hello\n")
    assert alice.line() == bob.line() == "alice : hello"
    bob.send("hello yourself\n")
    assert alice.line() == bob.line() == "bob : hello yourself"
    shown_as = {one["nick"]: (one["peer"], one["way"]) for one in server.ask("ps")}
    assert shown_as["alice"] == (f"127.0.0.1:{alice.port}", ["tls"])
    assert shown_as["bob"][1] == []
    assert f"chatd: alice@127.0.0.1:{alice.port} text #lobby" in server.titles()
    assert [one["way"] for one in server.ask("status")["listen"]] == [[], ["tls"]]
    alice.close()


def test_openssl_s_client_is_a_client_and_gets_the_last_words(server: Server) -> None:
    bob = server.connect("bob")
    with subprocess.Popen(
        ["openssl", "s_client", "-quiet", "-connect", f"{HOST}:{server.ports[-1]}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(b"/nick alice\nhello\n/quit bye\n")
        process.stdin.flush()
        said, _ = process.communicate(timeout=PATIENCE)
    assert said.decode().splitlines()[-2:] == ["alice : hello", "--- closing: goodbye"]
    bob.until("alice left #lobby (bye)")


def test_who_ends_its_half_is_sent_the_rest_and_then_the_end(server: Server) -> None:
    alice, bob = connect(server, "alice"), server.connect("bob")
    alice.until("is now bob")
    alice.send("one\ntwo\n")
    alice.socket.shutdown(socket.SHUT_WR)
    assert [bob.line(), bob.line()] == ["alice : one", "alice : two"]
    assert bob.line() == "--- alice left #lobby (connection closed)"
    assert alice.rest() == "alice : one\nalice : two\n"
    assert alice.socket.ended


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("how", ["ended", "reset", "forged"])
def test_a_line_that_may_have_been_cut_off_is_not_said(
    server: Server, version: str, how: str
) -> None:
    bob = server.connect("bob")
    alice = TlsClient(server.ports[-1], version=version)
    server.clients.append(alice)
    alice.greet("alice")
    bob.until("is now alice")
    alice.send("pay him 10")
    eventually("it has come", lambda: unread_of(server, "alice") == len("pay him 10"))
    alice.socket.cut(how)
    assert bob.line().startswith("--- alice left #lobby (")
    bob.send("next\n")
    assert bob.line() == "bob : next"
    assert "pay him" not in chatd(server, "history")


def unread_of(server: Server, nick: str) -> int:
    """Return how many bytes of ``nick`` wait to become a line."""
    shown = subprocess.check_output(
        [CHATD, "inspect", nick, f"--runtime-dir={server.runtime_dir}", "--json"], timeout=PATIENCE
    )
    found = json.loads(shown)
    return int(found["session"]["reading"]["unread"])


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # of 3.12: there may be threads
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_what_comes_after_the_end_was_said_is_not_said(server: Server, version: str) -> None:
    # RFC 8446, section 6.1: what is received after close_notify is ignored.
    bob = server.connect("bob")
    alice = TlsClient(server.ports[-1], version=version).greet("alice")
    server.clients.append(alice)
    alice.send("before\n")
    alice.socket.goes_on_after_the_end(b"after\n")
    assert bob.until("--- alice left")[-2] == "alice : before"


@pytest.mark.parametrize("size", [20_000, 3_000_000])
def test_much_reaches_one_who_reads_slowly_byte_by_byte(server: Server, size: int) -> None:
    alice, bob = connect(server, "alice", receive_buffer=4096), server.connect("bob")
    alice.until("is now bob")
    lines = [f"{n} {'x' * 990}" for n in range(size // 1000)]
    for line in lines:
        bob.send(f"{line}\n")
        bob.until(line)
    bob.send("the end\n")
    heard = alice.until("the end")
    assert heard == [f"bob : {line}" for line in [*lines, "the end"]]


def test_much_that_is_said_at_once_arrives(server: Server) -> None:
    alice, bob = connect(server, "alice"), server.connect("bob")
    alice.until("is now bob")
    text = "".join(f"{n} {'y' * 500}\n" for n in range(2000))
    pid = os.fork()
    if pid == 0:
        alice.send(text)
        os._exit(0)
    heard = [bob.line() for _ in range(2000)]
    os.waitpid(pid, 0)
    assert heard == [f"alice : {line}" for line in text.splitlines()]


def test_one_without_tls_on_its_port_is_told(server: Server) -> None:
    bob = server.connect("bob")
    plain = Client(server.ports[-1], HOST)
    plain.send("hello\n")
    assert plain.rest() == "--- closing: TLS is spoken on this port, and nothing else\n"
    plain.close()
    bob.until("left #lobby (TLS is spoken on this port, and nothing else)")
    bob.send("hello\n")
    assert bob.line() == "bob : hello"


def test_tls_on_a_port_without_it_is_not_taken_for_lines(server: Server) -> None:
    bob = server.connect("bob")
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode != 0
    heard = bob.until("left #lobby (TLS is not spoken on this port)")
    assert [line for line in heard if not line.startswith("--- ")] == []


def test_too_old_a_version_is_refused_in_its_own_words(server: Server) -> None:
    bob = server.connect("bob")
    with socket.create_connection((HOST, server.ports[-1]), PATIENCE) as sock:
        # A ClientHello of TLS 1.1 with one cipher.
        hello = bytes.fromhex("0302") + bytes(32) + bytes.fromhex("00 0002 002f 01 00")
        message = b"\x01" + len(hello).to_bytes(3, "big") + hello
        sock.sendall(b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message)
        # An alert: fatal, protocol version.
        assert sock.recv(100)[-2:] == b"\x02\x46"
        assert sock.recv(100) == b""
    bob.until("left #lobby (TLS handshake failed: unsupported protocol)")


def test_who_never_shakes_hands_is_let_go(tmp_path: Path, pem: Pem) -> None:
    program = (
        "from chatd_workers import pump; pump.HANDSHAKE = 0.3\n"
        "import sys; from chatd_supervisor.cli import main; main(prog_name='chatd')"
    )
    with serving(
        tmp_path, PLAIN + tls_listener(pem), program=[sys.executable, "-c", program]
    ) as server:
        bob = server.connect("bob")
        with socket.create_connection((HOST, server.ports[-1]), PATIENCE) as sock:
            sock.sendall(b"\x16\x03\x01")
            assert sock.recv(100) == b""
        bob.until("left #lobby (no TLS handshake within 0.3 s)")


def test_a_worker_holds_what_it_pumps_between_and_nothing_else(server: Server) -> None:
    for n in range(3):
        connect(server, f"p{n}")
    for n in range(3):
        held = descriptors(server.worker_of(f"p{n}"))
        kinds = sorted(what.partition(":")[0] for what in held.values())
        assert kinds == ["anon_inode", "socket", "socket", "socket", "socket"], held
    # The master holds two, as for any client.
    master = [what for what in descriptors(server.pid).values() if what.startswith("socket")]
    alone = len(master)
    connect(server, "p3")
    master = [what for what in descriptors(server.pid).values() if what.startswith("socket")]
    assert len(master) == alone + 2


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_no_process_has_the_key_in_its_memory_once_hands_are_shaken(
    tmp_path: Path, kind: str
) -> None:
    pem = make_certificate(tmp_path, "server", kind)
    needles = parts_of(pem, kind)
    # This test has them, so that one that finds nothing has looked.
    assert set(found(needles, os.getpid())) >= {"as it is written", "in the file"}
    with serving(tmp_path, PLAIN + tls_listener(pem)) as server:
        connect(server, "alice")
        bob = server.connect("bob")
        for who in (server.worker_of("alice"), server.worker_of("bob"), server.pid):
            assert found(needles, who) == []
        bob.send("fine\n")
        assert bob.line() == "bob : fine"


def parts_of(pem: Pem, kind: str) -> dict[str, bytes]:
    """Return what a key would be known by: its number both ways round, a line of its file."""
    text = subprocess.run(
        ["openssl", kind, "-in", str(pem.key), "-noout", "-text"],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    ).stdout
    first, last = {"ec": ("priv:", "pub:"), "rsa": ("prime1:", "prime2:")}[kind]
    shown = text.partition(first)[2].partition(last)[0]
    number = bytes.fromhex(re.sub(r"[\s:]", "", shown)).lstrip(b"\0")
    line = pem.key.read_bytes().splitlines()[2]
    return {"as it is written": number, "as OpenSSL has it": number[::-1], "in the file": line}


def found(needles: dict[str, bytes], pid: int) -> list[str]:
    memory = memory_of(pid)
    return [name for name, needle in needles.items() if needle in memory]


def another_master(server: Server, before: int) -> bool:
    return server.master not in (0, before)


def memory_of(pid: int) -> bytes:
    parts = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for row in Path(f"/proc/{pid}/maps").read_text().splitlines():
            where, how = row.split()[:2]
            first, last = (int(end, 16) for end in where.split("-"))
            if how.startswith("rw") and last - first < 1 << 27:
                memory.seek(first)
                parts.append(memory.read(last - first))
    return b"".join(parts)


def test_irc_is_spoken_over_it_as_well(tmp_path: Path, pem: Pem) -> None:
    with serving(tmp_path, tls_listener(pem, 'dialect = "irc"')) as server:
        alice = TlsClient(server.port)
        alice.send("NICK alice\r\nUSER alice 0 * :Alice\r\n")
        alice.until(" 001 alice ")
        assert record_of(server, "alice")["secured"].startswith("TLSv1.3 ")
        alice.send("QUIT\r\n")
        assert "ERROR :" in alice.rest()
        alice.close()
        plain = Client(server.port, HOST)
        plain.send("NICK bob\r\n")
        said = plain.rest()
        assert said.startswith("ERROR :")
        assert "TLS is spoken on this port" in said
        plain.close()


def record_of(server: Server, nick: str) -> dict[str, Any]:
    """Return what the journal has of the session of ``nick``."""
    with closing(sqlite3.connect(server.state_dir / "journal.db")) as database:
        found = [json.loads(row[0]) for row in database.execute("SELECT state FROM sessions")]
    return next(one for one in found if one["nick"] == nick)


def test_what_a_client_shows_of_itself_is_written_down(server: Server, own: Pem) -> None:
    alice = TlsClient(server.ports[-1], own).greet("alice")
    bob = connect(server, "bob")
    record = record_of(server, "alice")
    assert record["fingerprint"] == own.fingerprint
    assert record["secured"].startswith("TLSv1.3 TLS_")
    record = record_of(server, "bob")
    assert "fingerprint" not in record
    assert record["secured"].startswith("TLSv1.3 TLS_")
    server.connect("carol")
    assert "secured" not in record_of(server, "carol")
    alice.close()
    bob.close()


# Deaths


def test_the_master_may_be_killed_and_not_a_byte_is_missed(tmp_path: Path, pem: Pem) -> None:
    server = Server(tmp_path, PLAIN + tls_listener(pem))
    alice, bob = connect(server, "alice"), server.connect("bob")
    alice.until("is now bob")
    worker = server.worker_of("alice")
    for n in range(5):
        alice.send(f"before {n}\nand aft")
        assert bob.line() == f"alice : before {n}"
        server.kill_master()
        alice.send(f"er {n}\nonce {n}\n")
        server.again()
        eventually("the next master is ready", server.is_ready)
        assert [bob.line(), bob.line()] == [f"alice : and after {n}", f"alice : once {n}"]
        bob.send(f"heard {n}\n")
        bob.until(f"bob : heard {n}")
    expected = [
        line
        for n in range(5)
        for line in (
            *(f"alice : before {n}", f"alice : and after {n}", f"alice : once {n}"),
            f"bob : heard {n}",
        )
    ]
    assert [alice.line() for _ in expected] == expected
    assert server.worker_of("alice") == worker
    alice.send("/quit\n")
    assert alice.rest() == "--- closing: goodbye\n"
    assert server.stop() == 0


def test_much_is_on_its_way_when_the_master_is_killed(tmp_path: Path, pem: Pem) -> None:
    server = Server(tmp_path, PLAIN + tls_listener(pem))
    deaf, bob = connect(server, "deaf", receive_buffer=4096), server.connect("bob")
    deaf.until("is now bob")
    lines = [f"{n} {'x' * 1000}" for n in range(6000)]
    for place, line in enumerate(lines):
        bob.send(f"{line}\n")
        bob.until(line[:6])
        if place in (2000, 4000):
            server.kill_master()
            server.again()
            eventually("the next master is ready", server.is_ready)
    bob.send("the end\n")
    assert deaf.until("the end") == [f"bob : {line}" for line in [*lines, "the end"]]
    assert server.stop() == 0


def test_a_supervised_master_is_killed_while_tls_is_spoken(tmp_path: Path, pem: Pem) -> None:
    with serving(tmp_path, PLAIN + tls_listener(pem), supervised=True) as server:
        alice = connect(server, "alice")
        for n in range(3):
            alice.send("half ")
            before = server.kill_master()
            alice.send(f"a line {n}\n")
            assert alice.line() == f"alice : half a line {n}"
            eventually("another master", partial(another_master, server, before))
        connect(server, "bob")


def test_an_upgrade_leaves_a_tls_worker_as_it_is(server: Server) -> None:
    alice, bob = connect(server, "alice"), server.connect("bob")
    alice.until("is now bob")
    before = {nick: server.worker_of(nick) for nick in ("alice", "bob")}
    os.kill(server.pid, signal.SIGUSR2)
    eventually("it has been upgraded", lambda: "all workers are new" in server.log())
    assert server.worker_of("alice") == before["alice"]
    assert server.worker_of("bob") != before["bob"]
    alice.send("still here\n")
    assert bob.line() == alice.line() == "alice : still here"
    connect(server, "carol")
    alice.send("/quit\n")
    assert alice.rest().endswith("--- closing: goodbye\n")


def test_when_a_tls_worker_is_killed_its_client_is_gone_and_the_others_are_told_why(
    server: Server,
) -> None:
    bob = server.connect("bob")
    for _ in range(3):
        alice = connect(server, "alice")
        bob.until("is now alice")
        os.kill(server.worker_of("alice"), signal.SIGKILL)
        assert bob.line() == "--- alice left #lobby (its TLS worker was killed by SIGKILL)"
        alice.rest()
        # Not as if the server had ended it.
        assert not alice.socket.ended
        eventually("she is gone", lambda: len(server.ask("ps")) == 1)
    status = server.ask("status")
    assert (status["restarts"], status["state"]) == (0, "serving")


def test_a_stop_gives_everybody_the_last_words_without_waiting_for_them(server: Server) -> None:
    clients = [connect(server, f"p{n}") for n in range(3)]
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(PATIENCE) == 0
    assert time.monotonic() - begun < 2.0
    for client in clients:
        assert client.rest().endswith("--- closing: the server is stopping\n")
        assert client.socket.ended


def test_one_who_does_not_read_the_last_words_holds_nobody_up_for_long(server: Server) -> None:
    deaf, bob = connect(server, "deaf", receive_buffer=4096), server.connect("bob")
    for _ in range(3000):
        bob.send("x" * 1000 + "\n")
        bob.line()
    deaf.send("/quit\n")
    bob.until("deaf left")
    eventually("it is closed", lambda: len(server.ask("ps")) == 1)


# Certificates


def fingerprint(server: Server) -> str:
    sock = socket.create_connection((HOST, server.ports[-1]), PATIENCE)
    with sock:
        return TlsSocket(sock).fingerprint


def reload(server: Server, how: str) -> None:
    before = server.log().count(how)
    os.kill(server.pid, signal.SIGHUP)
    eventually(how, lambda: server.log().count(how) > before)


def test_certificates_are_replaced_under_a_hundred_clients(tmp_path: Path) -> None:
    pem = make_certificate(tmp_path, "server")
    with serving(tmp_path, PLAIN + tls_listener(pem)) as server:
        crowd = [TlsClient(server.ports[-1]) for _ in range(100)]
        server.clients += crowd
        for client in crowd:
            client.greet()
        first = fingerprint(server)
        assert first == pem.fingerprint
        make_certificate(tmp_path, "server")
        assert fingerprint(server) == first
        reload(server, "configuration reloaded")
        second = fingerprint(server)
        assert second == pem.fingerprint != first
        for number, client in enumerate(crowd):
            client.send(f"/nick p{number}\n/msg p{number} still here\n")
            client.until(f"[p{number} -> p{number}] still here")
            client.close()


def test_one_that_cannot_be_used_changes_nothing(tmp_path: Path, own: Pem) -> None:
    pem = make_certificate(tmp_path, "server")
    with serving(tmp_path, PLAIN + tls_listener(pem)) as server:
        first = fingerprint(server)
        cert, key = pem.cert.read_bytes(), pem.key.read_bytes()
        for path, content, said in (
            (pem.cert, b"nonsense", f"{pem.cert}: holds no certificate in PEM"),
            (pem.key, b"nonsense", f"{pem.key}: holds no key in PEM that can be used"),
            (
                pem.key,
                own.key.read_bytes(),
                f"{pem.key}: holds the key of another certificate than {pem.cert}",
            ),
            (pem.key, None, f"{pem.key}: cannot be read: No such file or directory"),
        ):
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content)
            reload(server, f'configuration not reloaded reason="{said}')
            assert fingerprint(server) == first
            pem.cert.write_bytes(cert)
            pem.key.write_bytes(key)
        reload(server, "configuration reloaded")
        # And neither does an upgrade begin with it.
        pem.cert.write_bytes(b"nonsense")
        os.kill(server.pid, signal.SIGUSR2)
        said = f'upgrade failed reason="chatd: {pem.cert}: holds no'
        eventually(said, lambda: said in server.log())
        assert fingerprint(server) == first


def test_a_start_with_one_that_cannot_be_used_says_which(tmp_path: Path, pem: Pem) -> None:
    (tmp_path / "c.toml").write_text(tls_listener(Pem(pem.cert, tmp_path / "none")))
    for command in (
        ["run", f"--runtime-dir={tmp_path}/r", f"--state-dir={tmp_path}/s"],
        ["check-config"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "chatd_supervisor", *command, f"--config={tmp_path}/c.toml"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 78
        said = f"chatd: {tmp_path}/none: cannot be read: No such file or directory\n"
        assert done.stderr.endswith(said)


def test_a_port_begins_to_speak_tls_at_a_reload(tmp_path: Path, pem: Pem) -> None:
    with serving(tmp_path) as server:
        alice = server.connect("alice")
        path = server.config_path
        before = path.read_text()
        listener = tls_listener(pem).replace(f"{HOST}:0", f"127.0.0.1:{server.port}")
        path.write_text(listener)
        reload(server, "configuration reloaded")
        assert [one["way"] for one in server.ask("status")["listen"]] == [["tls"]]
        bob = TlsClient(server.port, host="127.0.0.1").greet("bob")
        alice.until("is now bob")
        bob.send("hello\n")
        assert alice.line() == "bob : hello"
        path.write_text(before.replace(":0", f":{server.port}"))
        reload(server, "configuration reloaded")
        server.connect("carol")
        bob.close()
