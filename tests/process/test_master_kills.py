"""A killed master: its clients stay, and the next one goes on at the very byte."""

import array
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatd_workers.reports import TOKEN, Dismiss, Offer, decode_order, encode
from harness import CHATD, PATIENCE, Client, Server, eventually


class Restartable:
    """A server that is killed and run again, in the same directories."""

    def __init__(self, directory: Path, config: str = "") -> None:
        self.server = Server(directory, config)

    def kill(self) -> None:
        os.kill(self.server.pid, signal.SIGKILL)
        self.server.process.wait(PATIENCE)

    def again(self) -> Server:
        self.server.again()
        eventually("the next master is ready", self.server.is_ready)
        return self.server


@pytest.fixture
def restartable(tmp_path: Path) -> Iterator[Restartable]:
    made = Restartable(tmp_path)
    yield made
    made.server.stop()


def titles_of(client: Client) -> list[str]:
    """Titles of all processes that serve ``client``, whoever their parent is."""
    port = client.socket.getsockname()[1]
    shown = subprocess.check_output(["ps", "-ww", "-A", "-o", "args="], text=True)
    return [title for title in shown.splitlines() if f"@127.0.0.1:{port} " in title]


def test_one_that_steps_aside_leaves_its_clients_to_the_next(restartable: Restartable) -> None:
    server = restartable.server
    alice = server.connect("alice")
    worker = server.worker_of("alice")
    os.kill(worker, signal.SIGQUIT)  # as a terminal sends it to all of them
    os.kill(server.pid, signal.SIGQUIT)
    assert server.process.wait(PATIENCE) == 75
    alice.send("hello\n")
    server = restartable.again()
    assert alice.until("hello") == ["alice : hello"], "and nothing of it all was told"
    assert server.worker_of("alice") == worker


def test_nobody_is_disconnected_and_nothing_is_lost(restartable: Restartable) -> None:
    server = restartable.server
    alice, bob = server.connect("alice"), server.connect("bob")
    alice.until("bob")
    before = {server.worker_of("alice"), server.worker_of("bob")}
    alice.send("/join #ops\n/topic tea\n")
    alice.until("set the topic")
    bob.send("/join #ops\n")
    bob.until("here: alice")
    restartable.kill()
    eventually("it shows", lambda: "(no master)" in titles_of(alice)[0])
    alice.send("said to no master\nand half a")
    bob.send("so am I\n")
    assert alice.until("joined #ops") == ["--- bob joined #ops"]
    assert alice.silent()
    server = restartable.again()
    heard = {alice.line(), alice.line()}
    assert heard == {"alice : said to no master", "bob : so am I"}
    assert {bob.line(), bob.line()} == heard
    alice.send(" line\n/topic\n")
    assert alice.until("topic of")[-1] == "--- topic of #ops is: tea"
    assert bob.line() == "alice : and half a line"
    # The workers are the same, and have got their names back.
    assert {server.worker_of("alice"), server.worker_of("bob")} == before
    assert [title.partition("@")[0] for title in titles_of(alice)] == ["chatd: alice"]
    assert "no master" not in titles_of(alice)[0]
    assert server.ask("status")["adopted"] == 2


def test_a_worker_that_was_adopted_gets_a_successor_like_any_other(
    restartable: Restartable,
) -> None:
    alice = restartable.server.connect("alice")
    restartable.kill()
    server = restartable.again()
    for line in ("one", "two"):
        os.kill(server.worker_of("alice"), signal.SIGKILL)
        alice.send(f"{line}\n")
        assert alice.line() == f"alice : {line}"


def test_output_goes_on_at_the_very_byte_where_it_stopped(restartable: Restartable) -> None:
    server = restartable.server
    deaf = server.connect("deaf", receive_buffer=4096)
    alice = server.connect("alice")
    # More than the socket takes: the rest is queued in the master, and dies with it.
    expected = [f"alice : {n} {'x' * 1000}" for n in range(5000)]
    for n in range(5000):
        alice.send(f"{n} {'x' * 1000}\n")
        alice.until(f"alice : {n} ")
    queue = {one["nick"]: one["queue"] for one in server.ask("ps")}
    assert queue["deaf"] > 1_000_000
    # It keeps none of the outbox but for its own.
    (spill,) = server.state_dir.glob("sessions/spill.*")
    assert spill.stat().st_mode & 0o777 == 0o600
    assert len(list(server.state_dir.glob("sessions/outbox.*"))) == 1
    for n in range(5000, 5010):
        restartable.kill()
        server = restartable.again()
        expected.append(f"alice : {n}")
        alice.send(f"{n}\n")
        alice.until(f"alice : {n}")
    alice.send("the end\n")
    alice.until("the end")
    heard = deaf.until("the end")
    assert [line for line in heard if line.startswith("alice : ")] == [*expected, "alice : the end"]
    server.stop()
    assert not spill.exists()


def test_one_who_leaves_is_sent_everything_first(restartable: Restartable) -> None:
    server = restartable.server
    deaf = server.connect("deaf", receive_buffer=4096)
    alice = server.connect("alice")
    for n in range(3000):
        alice.send(f"{n} {'x' * 1000}\n")
        alice.until(f"alice : {n} ")
    deaf.socket.shutdown(socket.SHUT_WR)
    alice.until("deaf left #lobby")
    restartable.kill()
    restartable.again()
    heard = [line for line in deaf.rest().splitlines() if line.startswith("alice : ")]
    assert heard == [f"alice : {n} {'x' * 1000}" for n in range(3000)]


def test_a_client_that_goes_meanwhile_has_still_said_what_it_said(
    restartable: Restartable,
) -> None:
    server = restartable.server
    alice, bob = server.connect("alice"), server.connect("bob")
    restartable.kill()
    bob.send("last words\n")
    bob.close()
    restartable.again()
    alice.until("bob : last words")
    assert alice.line().startswith("--- bob left #lobby")


def test_a_session_without_worker_and_client_is_closed(tmp_path: Path) -> None:
    restartable = Restartable(tmp_path, "[limits]\nadoption_timeout = 1.0\n")
    server = restartable.server
    alice, bob = server.connect("alice"), server.connect("bob")
    alice.until("bob")
    lost = server.worker_of("bob")
    restartable.kill()
    os.kill(lost, signal.SIGKILL)
    server = restartable.again()
    assert alice.line() == "--- bob left #lobby (connection lost)"
    assert [one["nick"] for one in server.ask("ps")] == ["alice"]
    assert bob.rest() == ""
    server.stop()


def test_stop_without_a_master_ends_those_who_wait(restartable: Restartable) -> None:
    server = restartable.server
    alice, bob = server.connect("alice"), server.connect("bob")
    alice.until("bob")
    restartable.kill()
    stop = [CHATD, "stop", f"--runtime-dir={server.runtime_dir}"]
    done = subprocess.run(stop, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert done.stdout == "chatd: no master was running; ended 2 workers that waited for one\n"
    assert (alice.rest(), bob.rest()) == ("", "")
    assert subprocess.run(stop, check=False, capture_output=True, timeout=PATIENCE).returncode == 3
    server = restartable.again()
    assert server.ask("status")["clients"] == 0


def test_workers_whose_runtime_directory_is_gone_end(restartable: Restartable) -> None:
    alice = restartable.server.connect("alice")
    restartable.kill()
    eventually("it shows", lambda: "(no master)" in titles_of(alice)[0])
    shutil.rmtree(restartable.server.runtime_dir)
    assert alice.rest() == ""
    restartable.again()


def test_after_a_stop_there_is_nobody_to_go_on_with(restartable: Restartable) -> None:
    alice = restartable.server.connect("alice")
    restartable.server.process.terminate()
    assert alice.rest() == "--- closing: the server is stopping\n"
    assert restartable.again().ask("status")["clients"] == 0


def offer(path: Path, session: int, token: bytes, client: socket.socket) -> bytes:
    """Offer ``client`` as a worker would; return the master's answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as channel:
        channel.settimeout(PATIENCE)
        channel.connect(str(path))
        rights = array.array("i", [client.fileno()])
        record = encode(Offer(session, token, "text"))
        channel.sendmsg([record], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        return channel.recv(4096)


def test_the_adoption_socket_takes_nothing_from_strangers(restartable: Restartable) -> None:
    server = restartable.server
    alice = server.connect("alice")
    path = server.runtime_dir / "adoption.sock"
    assert path.stat().st_mode & 0o777 == 0o600
    session = server.ask("ps")[0]["session"]
    worker = server.worker_of("alice")
    os.kill(worker, signal.SIGSTOP)
    restartable.kill()
    server = restartable.again()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for number in (session, session + 1, 0):
            answer = offer(path, number, secrets.token_bytes(TOKEN), ours)
            assert isinstance(decode_order(answer), Dismiss)
    assert "offer refused" in server.log()
    # Garbage costs whoever sends it the connection, and nobody else.
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as channel:
        channel.settimeout(PATIENCE)
        channel.connect(str(path))
        channel.send(b"\xc1garbage")
        assert channel.recv(4096) == b""
    os.kill(worker, signal.SIGCONT)
    alice.send("still here\n")
    assert alice.line() == "alice : still here"
    assert server.worker_of("alice") == worker


FAULTY = """
import sys
from chatd_supervisor import hub
from chatd_workers.commands import Topic
topic = hub._ACTIONS[Topic]
def faulty(self, session, entry):
    outcome = topic(self, session, entry)
    if entry.text == "boom":
        raise ZeroDivisionError("a fault in the hub")
    return outcome
hub._ACTIONS[Topic] = faulty
from chatd_supervisor.cli import main
main(prog_name="chatd")
"""


def test_a_fault_in_the_hub_costs_one_report_and_nobody_else_anything(tmp_path: Path) -> None:
    server = Server(tmp_path, program=[sys.executable, "-c", FAULTY])
    alice, bob = server.connect("alice"), server.connect("bob")
    alice.until("bob")
    alice.send("/topic boom\n")
    assert alice.line() == "--- line dropped: the server failed at it, and has written down why"
    assert "ZeroDivisionError: a fault in the hub" in server.log()
    alice.send("/topic\nstill here\n")
    assert alice.line() == "--- #lobby has no topic"
    assert bob.line() == "alice : still here"
    server.stop()


def test_a_fault_anywhere_else_ends_the_master_and_not_its_clients(tmp_path: Path) -> None:
    fault = (
        "from chatd_supervisor.switchboard import Switchboard as S\n"
        "S._acknowledge = lambda *_: 1 / 0\n"
        "import sys; from chatd_supervisor.cli import main; main(prog_name='chatd')"
    )
    server = Server(tmp_path, program=[sys.executable, "-c", fault])
    alice = server.connect()
    alice.send("hello\n")
    assert server.process.wait(PATIENCE) == 70
    assert "ended by a fault in chatd" in server.log()
    server.again()
    eventually("the next master is ready", server.is_ready)
    alice.send("again\n")
    assert [alice.line(), alice.line()] == ["guest1 : hello", "guest1 : again"]
    server.stop()
