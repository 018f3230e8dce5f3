"""Logging in to a server over its sockets, whatever dies meanwhile."""

import os
import pwd
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from argon2 import low_level

from chatd_supervisor.account_editing import editing, new_account
from chatd_supervisor.credentials import Credentials
from chatd_supervisor.hashing import derive
from chatd_supervisor.passwords import AT_ONCE, TITLE
from harness import CHATD, PATIENCE, Client, Server, eventually, serving
from irc_people import LISTENERS, Irc, connect, encoded, plain
from secure import TlsClient, make_certificate, make_expired_certificate, tls_listener
from server_commands import run_chatd

ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture(scope="module")
def quick() -> Credentials:
    """What is kept of ``sesame``, and checked as fast as that is done."""
    return derive("sesame")


@pytest.fixture(scope="module")
def slow(quick: Credentials) -> Credentials:
    """The same, but it takes seconds to be checked."""
    hashed = low_level.hash_secret(
        b"sesame", b"0123456789abcdef", 20, 65536, 1, 32, low_level.Type.ID
    )
    return Credentials(
        hashed.decode(), quick.salt, quick.rounds, quick.stored_key, quick.server_key
    )


@pytest.fixture
def server(tmp_path: Path, quick: Credentials, slow: Credentials) -> Iterator[Server]:
    with serving(tmp_path, LISTENERS) as running:
        add_accounts(running, quick, slow)
        yield running


def add_accounts(server: Server, quick: Credentials, slow: Credentials) -> None:
    with editing(server.state_dir / "journal.db") as editor:
        editor.change(new_account("alice", quick), new_account("sloth", slow))


def checks(server: Server) -> list[int]:
    """Return the pids of the processes that check a password, those of any master."""
    shown = subprocess.check_output(["ps", "-ww", "-A", "-o", "pid=,stat=,pgid=,args="], text=True)
    found = []
    for row in shown.splitlines():
        pid, state, group, title = row.split(None, 3)
        if title == TITLE and not state.startswith("Z") and int(group) in server.groups:
            found.append(int(pid))
    return found


def a_check(server: Server) -> int:
    """Return the pid of a process that checks a password, as soon as there is one."""
    return eventually("a check", lambda: checks(server))[0]


def another_check(server: Server, first: int) -> int:
    """Return the pid of a process that is not ``first`` and checks a password; 0: there is none."""
    return next((pid for pid in checks(server) if pid != first), 0)


def account_of(server: Server, nick: str) -> str:
    """Return to which account the one called ``nick`` is logged in, as others are told."""
    asking = connect(server).enter("asking")
    asking.say(f"WHOIS {nick}")
    lines = asking.until(" 318 ")
    asking.say("QUIT")
    asking.rest()
    return next((line.split()[4] for line in lines if " 330 " in line), "")


def test_logging_in_by_all_mechanisms_and_nobody_is_left(server: Server) -> None:
    alice = connect(server).enter("al")
    assert alice.log_in("alice", "wrong") == "904"
    assert alice.log_in("alice", "sesame") == "903"
    assert alice.log_in_with_scram("alice", "wrong") == "904"
    assert alice.log_in_with_scram("alice", "sesame") == "903"
    assert account_of(server, "al") == "alice"
    alice.say("REGISTER * * x")
    assert "1 failed login to alice since" in alice.until("ALREADY_AUTHENTICATED")[0]
    eventually("n + 1", lambda: len(server.titles()) == 2)


def test_an_account_is_registered_before_one_connects_and_lasts(server: Server) -> None:
    bob = connect(server)
    bob.say("CAP LS 302", "PING offered")
    offered = " ".join(bob.until("offered"))
    assert " sasl=PLAIN,SCRAM-SHA-256 " in offered
    assert " draft/account-registration=before-connect,custom-account-name " in offered
    bob.say("NICK bob", "REGISTER * * open-sesame", "USER b 0 * :B", "CAP END")
    lines = bob.until(" 001 ")
    assert [line.split()[1] for line in lines] == ["REGISTER", "900", "001"]
    other = connect(server).enter("other")
    assert other.log_in("bob", "open-sesame") == "903"


def test_all_in_one_packet(server: Server) -> None:
    """What is said after a password is checked comes after it."""
    alice = connect(server)
    alice.say(
        "CAP REQ sasl",
        "NICK alice",
        "USER alice 0 * :Alice",
        "AUTHENTICATE PLAIN",
        f"AUTHENTICATE {plain('alice', 'sesame')}",
        "NICK alice",
        "CAP END",
        "JOIN #x",
        "PRIVMSG #x :hello",
        "PING end",
    )
    codes = [line.split()[1] for line in alice.until("end") if not line.startswith("AUTHENTICATE")]
    wanted = ["CAP", "900", "903", "001"]
    assert codes[: len(wanted)] == wanted
    assert codes[-1] == "PONG"
    assert "JOIN" in codes


def test_others_are_served_while_a_password_is_checked(server: Server) -> None:
    bob, carol = server.connect("bob"), connect(server).enter("carol")
    sloth = connect(server).enter("sl")
    sloth.say("PING before", "AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('sloth', 'sesame')}")
    sloth.say("PING after")
    sloth.until("AUTHENTICATE +")
    pid = a_check(server)
    os.kill(pid, signal.SIGSTOP)
    assert len(server.titles()) == 5
    carol.say("PRIVMSG bob :hello")
    bob.until("[carol -> bob] hello")
    assert carol.log_in("alice", "sesame") == "903"
    assert sloth.silent()
    os.kill(pid, signal.SIGCONT)
    lines = sloth.until("after")
    assert [line.split()[1] for line in lines] == ["900", "903", "PONG"]


def test_a_check_that_is_killed_is_answered(server: Server) -> None:
    sloth = connect(server).enter("sl")
    sloth.say("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('sloth', 'sesame')}")
    os.kill(a_check(server), signal.SIGKILL)
    lines = sloth.until(" 904 ")
    assert lines[-1].endswith("the password could not be checked, try again")


def test_an_operator_whose_check_is_killed_is_asked_again(
    tmp_path: Path, slow: Credentials
) -> None:
    operators = f'[[operators]]\nname = "root"\npassword = "{slow.hash}"\n'
    with serving(tmp_path, LISTENERS + operators) as server:
        root = connect(server).enter("root")
        root.say("OPER root sesame")
        os.kill(a_check(server), signal.SIGKILL)
        again = "263"
        assert root.until(f" {again} ")[-1].split(" ", 4)[2:4] == ["root", "OPER"]


def test_killing_workers_while_a_password_is_checked(server: Server) -> None:
    sloth = connect(server).enter("sl")
    sloth.say("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('sloth', 'sesame')}", "PING after")
    check = a_check(server)
    for _ in range(5):
        # So that it is under way when the worker dies, however long it takes to see who that is.
        os.kill(check, signal.SIGSTOP)
        os.kill(server.worker_of("sl"), signal.SIGKILL)
        check = eventually("another check", partial(another_check, server, check))
    lines = sloth.until("after")
    assert [line.split()[1] for line in lines] == ["+", "900", "903", "PONG"]
    eventually("nobody is left", lambda: not checks(server))


def test_killing_the_master_while_a_password_is_checked(
    tmp_path: Path, quick: Credentials, slow: Credentials
) -> None:
    with serving(tmp_path, LISTENERS, supervised=True) as server:
        add_accounts(server, quick, slow)
        sloth = connect(server).enter("sl")
        sloth.say("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('sloth', 'sesame')}", "PING after")
        for _ in range(2):
            first = a_check(server)
            server.kill_master()
            eventually("the next master", server.is_ready)
            eventually("it is asked again", partial(another_check, server, first))
        lines = sloth.until("after")
        assert [line.split()[1] for line in lines] == ["+", "900", "903", "PONG"]
        assert account_of(server, "sl") == "sloth"


@pytest.mark.parametrize("way", ["plain", "tls"])
def test_an_upgrade_while_a_password_is_checked(
    tmp_path: Path, quick: Credentials, slow: Credentials, way: str
) -> None:
    """Also where the worker is not replaced: it waits for its acknowledgement."""
    pem = make_certificate(tmp_path, "server")
    config = LISTENERS + tls_listener(pem, 'dialect = "irc"')
    with serving(tmp_path, config) as server:
        add_accounts(server, quick, slow)
        sloth: Client
        if way == "plain":
            sloth = connect(server)
        else:
            sloth = TlsClient(server.ports[2])
            server.clients.append(sloth)
        sloth.send("NICK sl\r\nUSER s 0 * :S\r\n")
        sloth.until(" 422 ")
        sloth.send(
            f"AUTHENTICATE PLAIN\r\nAUTHENTICATE {plain('sloth', 'sesame')}\r\nPING after\r\n"
        )
        first = a_check(server)
        subprocess.run(
            [CHATD, "upgrade", *server.options()[:2]],
            check=True,
            timeout=PATIENCE,
            capture_output=True,
        )
        eventually("it is asked again", partial(another_check, server, first))
        lines = sloth.until("after")
        assert [line.split()[1] for line in lines] == ["+", "900", "903", "PONG"]


def test_a_stop_does_not_wait_for_a_check_that_hangs(server: Server) -> None:
    sloth = connect(server).enter("sl")
    sloth.say("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('sloth', 'sesame')}")
    pid = a_check(server)
    os.kill(pid, signal.SIGSTOP)
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert "the server is stopping" in sloth.rest()
    assert server.process.wait(PATIENCE) == 0
    assert time.monotonic() - begun < 6
    eventually("it is gone", lambda: not checks(server))


def test_a_storm_of_logins_is_a_queue(server: Server) -> None:
    clients = [connect(server).enter(f"al{number}") for number in range(24)]
    elsewhere = IrcFrom("127.0.0.9", server.ports[1])
    server.clients.append(elsewhere)
    for client in [*clients, elsewhere]:
        client.say("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('alice', 'sesame')}")
    # Whoever comes last has not to wait for all who come from one address.
    assert elsewhere.outcome() == "903"
    assert sum(map(is_logged_in, clients)) < 16
    most = 0
    while (running := len(checks(server))) or not most:
        most = max(most, running)
    assert 1 <= most <= AT_ONCE
    assert [client.outcome() for client in clients] == ["903"] * 24
    eventually("n + 1", lambda: len(server.titles()) == 26)


def is_logged_in(client: Irc) -> bool:
    """Tell whether ``client`` has been told so, and leave that to be read."""
    waiting = client.socket.recv(1 << 16, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    return b" 903 " in waiting


def test_external_by_a_certificate(tmp_path: Path, quick: Credentials, slow: Credentials) -> None:
    pem, own = make_certificate(tmp_path, "server"), make_certificate(tmp_path, "alice")
    with serving(tmp_path, LISTENERS + tls_listener(pem, 'dialect = "irc"')) as server:
        add_accounts(server, quick, slow)
        chatd_account(server, "certificate", "add", "alice", own.fingerprint)
        client = TlsClient(server.ports[2], own)
        server.clients.append(client)
        client.send("CAP LS 302\r\nPING offered\r\n")
        assert " sasl=PLAIN,EXTERNAL,SCRAM-SHA-256 " in " ".join(client.until("offered"))
        client.send("AUTHENTICATE EXTERNAL\r\nAUTHENTICATE +\r\n")
        assert " alice :You are now logged in as alice" in client.until(" 900 ")[-1]
        client.send("NICK alice\r\nUSER a 0 * :A\r\nCAP END\r\n")
        client.until(" 001 alice ")


def test_a_certificate_that_has_expired(
    tmp_path: Path, quick: Credentials, slow: Credentials
) -> None:
    pem, own = make_certificate(tmp_path, "server"), make_expired_certificate(tmp_path, "alice")
    with serving(tmp_path, LISTENERS + tls_listener(pem, 'dialect = "irc"')) as server:
        add_accounts(server, quick, slow)
        chatd_account(server, "certificate", "add", "alice", own.fingerprint)
        client = TlsClient(server.ports[2], own)
        server.clients.append(client)
        client.send("CAP REQ sasl\r\nAUTHENTICATE EXTERNAL\r\nAUTHENTICATE +\r\n")
        said = client.until(" 904 ")[-1]
        assert "this certificate has expired, it was valid until 2020-01-02 00:00 UTC" in said
        client.send(f"AUTHENTICATE PLAIN\r\nAUTHENTICATE {plain('alice', 'sesame')}\r\n")
        client.until(" 903 ")


def test_a_local_user_is_known_by_the_kernels_word(tmp_path: Path, quick: Credentials) -> None:
    path = tmp_path / "sock"
    local = f'[[listen]]\naddress = "unix:{path}"\n'
    with serving(tmp_path, f'{LISTENERS}{local}dialect = "irc"\n') as server:
        with editing(server.state_dir / "journal.db") as editor:
            editor.change(new_account(ME, quick))
        stranger = connect(server)
        stranger.say(f"NICK {ME}")
        assert " 433 " in stranger.line()
        client = LocalIrc(str(path))
        server.clients.append(client)
        client.say("CAP LS 302", "PING offered")
        assert "EXTERNAL" in " ".join(client.until("offered"))
        client.say(f"NICK {ME}", "USER me 0 * :Me", "CAP END")
        assert [line.split()[1] for line in client.until(" 001 ")] == ["900", "001"]
        client.say("AUTHENTICATE EXTERNAL", f"AUTHENTICATE {encoded(ME)}")
        assert client.outcome() == "903"


class IrcFrom(Irc):
    """Somebody on IRC, from another address."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE, (host, 0))
        self.received = bytearray()


class LocalIrc(Irc):
    """Somebody on this machine."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self.received = bytearray()


def chatd_account(server: Server, *arguments: str, said: str = "") -> None:
    done = run_chatd("account", *arguments, *server.options(), input=said)
    assert (done.returncode, done.stderr) == (0, ""), done


@pytest.mark.parametrize("command", ["remove", "suspend", "passwd"])
def test_who_is_logged_in_is_logged_out_by_a_command(server: Server, command: str) -> None:
    alice = connect(server).enter("al")
    alice.log_in("alice", "sesame")
    more = ["--password-stdin"] if command == "passwd" else []
    chatd_account(server, command, "alice", *more, said="other\n")
    assert " 901 " in alice.line()
    assert alice.log_in("alice", "sesame") == {"suspend": "902"}.get(command, "904")
    assert alice.log_in("alice", "other") == ("903" if command == "passwd" else "904")


def test_what_was_done_while_there_was_no_master_is_found_out_by_the_next(server: Server) -> None:
    alice = connect(server).enter("al")
    alice.log_in("alice", "sesame")
    server.process.kill()
    server.process.wait(PATIENCE)
    chatd_account(server, "remove", "alice")
    server.again()
    alice.until(" 901 ")


def test_who_is_called_like_a_new_account_is_called_otherwise(server: Server) -> None:
    bob = server.connect("bob")
    chatd_account(server, "add", "bob", "--password-stdin", said="sesame\n")
    bob.until("bob is now guest")
    bob.send("/identify bob sesame\n")
    bob.until("you are logged in to bob now")
    bob.send("/nick bob\n")
    bob.until("is now bob")


def test_a_room_that_is_kept_survives_the_server(server: Server) -> None:
    alice = connect(server).enter("al")
    alice.log_in("alice", "sesame")
    alice.say("JOIN #x", "CHANREG #x", "TOPIC #x :tea", "MODE #x +m", "PART #x")
    alice.until("PART #x")
    for number in (signal.SIGTERM, signal.SIGKILL):
        server.process.send_signal(number)
        server.again()
        eventually("the next master", server.is_ready)
        server.find_ports()
        bob = server.connect("bob")
        bob.send("/join #x\n/topic\nhello\n")
        bob.until("topic of #x is: tea")
        bob.until("you may not speak in #x")
        bob.close()
    alice = connect(server).enter("al")
    alice.log_in("alice", "sesame")
    alice.say("JOIN #x")
    alice.until(" MODE #x +o al")
