"""Workers die of everything there is to die of, and nobody notices."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Server, descriptors, eventually

POISONOUS = [sys.executable, str(Path(__file__).with_name("poisonous.py"))]


def kill_the_only(server: Server) -> None:
    """Kill the one worker there is, and wait until it is not there any more."""
    (pid,) = server.workers()
    os.kill(pid, signal.SIGKILL)
    eventually("another one", lambda: pid not in server.workers())


def test_every_worker_killed_one_after_another_and_all_at_once(server: Server) -> None:
    people = [server.connect(f"p{n}") for n in range(5)]
    for person in people:
        person.until("is now p4") if person is not people[-1] else None
    for _ in range(3):
        for number, speaker in enumerate(people):
            os.kill(server.worker_of(f"p{number}"), signal.SIGKILL)
            speaker.send(f"line of {number}\n")
            for person in people:
                assert person.line() == f"p{number} : line of {number}"
    for round_ in range(5):
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        for number, speaker in enumerate(people):
            speaker.send(f"round {round_} of {number}\n")
        heard = [sorted(person.line() for _ in people) for person in people]
        assert heard == [[f"p{n} : round {round_} of {n}" for n in range(5)]] * 5
    assert all(person.silent(0.05) for person in people)
    assert len(server.titles()) == 6


def test_a_worker_killed_200_times_with_a_line_begun_loses_nothing(server: Server) -> None:
    alice = server.connect("alice")
    alice.send("begun ")
    for killed in range(200):
        # Each line that is said commits something, so the successors come without delay.
        alice.send(f"and ended {killed}\nbegun ")
        kill_the_only(server)
        assert alice.line() == f"alice : begun and ended {killed}"
    assert server.ask("ps")[0]["restarts"] == 200


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL])
def test_other_deaths_are_not_noticed_either(server: Server, number: signal.Signals) -> None:
    alice = server.connect("alice")
    for n in range(3):
        os.kill(server.worker_of("alice"), number)
        alice.send(f"line {n}\n")
        assert alice.line() == f"alice : line {n}"
    assert f"was killed by {number.name}" in server.log()


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGPIPE]
)
def test_signals_that_are_the_masters_business_change_nothing(
    server: Server, number: signal.Signals
) -> None:
    alice = server.connect("alice")
    pid = server.worker_of("alice")
    for n in range(5):
        os.kill(pid, number)
        alice.send(f"line {n}\n")
        assert alice.line() == f"alice : line {n}"
    assert server.worker_of("alice") == pid


def test_a_worker_that_dies_with_its_last_word_unheard(server: Server) -> None:
    alice, bob = server.connect("alice"), server.connect("bob")
    alice.until("is now bob")
    pid = server.worker_of("bob")

    def status(field: str) -> str:
        return Path(f"/proc/{pid}/status").read_text().partition(f"\n{field}:\t")[2].split()[0]

    slept = int(status("voluntary_ctxt_switches"))
    # The master finds both in one turn: that the stream has ended, and the end of the channel.
    os.kill(server.pid, signal.SIGSTOP)
    bob.socket.shutdown(socket.SHUT_WR)
    eventually("it has told", lambda: int(status("voluntary_ctxt_switches")) > slept)
    os.kill(pid, signal.SIGKILL)
    eventually("it is dead", lambda: status("State") == "Z")
    os.kill(server.pid, signal.SIGCONT)
    alice.until("bob left")
    assert bob.rest() == ""
    assert "Exception" not in server.log()


def test_a_stopped_worker_stops_nobody_else(server: Server) -> None:
    alice, bob = server.connect("alice"), server.connect("bob")
    alice.until("is now bob")
    pid = server.worker_of("alice")
    os.kill(pid, signal.SIGSTOP)
    alice.send("frozen\n")
    bob.send("hello\n")
    assert alice.line() == bob.line() == "bob : hello"
    os.kill(pid, signal.SIGCONT)
    assert alice.line() == bob.line() == "alice : frozen"


def test_the_worker_of_one_who_has_left_is_not_kept_by_being_stopped(server: Server) -> None:
    bob = server.connect("bob")
    alice = server.connect("alice")
    bob.until("is now alice")
    pid = server.worker_of("alice")
    alice.send("bye\n/quit\n")
    bob.until("alice left")
    eventually("it is gone", lambda: not Path(f"/proc/{pid}").exists())


def test_a_worker_killed_after_the_end_of_the_stream(server: Server) -> None:
    bob = server.connect("bob")
    for n in range(10):
        alice = server.connect(f"alice{n}")
        bob.until(f"is now alice{n}")
        pid = server.worker_of(f"alice{n}")
        os.kill(pid, signal.SIGSTOP)
        alice.send("last words")
        alice.socket.shutdown(1)
        os.kill(pid, signal.SIGKILL)
        assert alice.rest() == f"alice{n} : last words\n"
        assert bob.until("left")[0] == f"alice{n} : last words"


def test_usr1_writes_state_and_stack_to_the_log(server: Server) -> None:
    server.connect("alice")
    pid = server.worker_of("alice")
    os.kill(pid, signal.SIGUSR1)
    eventually(
        "the worker's", lambda: "alice@127.0.0.1" in server.log() and "wait(" in server.log()
    )
    assert f"worker traced session=1 pid={pid}" in server.log()
    os.kill(server.pid, signal.SIGUSR1)
    eventually("the master's", lambda: r"\"clients\": 1" in server.log())
    assert server.worker_of("alice") == pid


def test_term_to_the_whole_group_is_a_graceful_stop(server: Server) -> None:
    alice, bob = server.connect("alice"), server.connect("bob")
    alice.until("is now bob")
    for n in range(100):
        bob.send(f"line {n}\n")
    # Whoever hears the first of them knows that all have come, for they were sent before.
    alice.until("line 0")
    os.killpg(server.pid, signal.SIGTERM)
    said = [f"bob : line {n}" for n in range(1, 100)]
    assert alice.rest().splitlines() == [*said, "--- closing: the server is stopping"]
    assert server.process.wait(10) == 0


def test_hup_reloads_and_drops_nobody(server: Server) -> None:
    alice = server.connect("alice")
    text = server.config_path.read_text()
    server.config_path.write_text(f"[limits]\nline_length = 100\n{text}")
    os.kill(server.pid, signal.SIGHUP)
    eventually("reloaded", lambda: "configuration reloaded" in server.log())
    alice.send("x" * 101 + "\n")
    assert alice.line() == "--- line dropped: it is longer than 100 bytes"
    server.config_path.write_text("[limits]\nline_length = true\n")
    os.kill(server.pid, signal.SIGHUP)
    eventually("refused", lambda: "not reloaded" in server.log())
    alice.send("y" * 101 + "\n")
    assert alice.line() == "--- line dropped: it is longer than 100 bytes"
    server.config_path.write_text(text + '[[listen]]\naddress = "127.0.0.2:0"\n')
    os.kill(server.pid, signal.SIGHUP)
    eventually("another listener", lambda: len(server.ask("status")["listen"]) == 2)
    server.config_path.write_text(text)
    os.kill(server.pid, signal.SIGHUP)
    eventually("it is closed", lambda: len(server.ask("status")["listen"]) == 1)
    alice.send("still here\n")
    assert alice.line() == "alice : still here"


@pytest.fixture
def poisonous(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path, "[limits]\nmax_restarts = 3\nrestart_period = 4.0\n", POISONOUS)
    try:
        yield server
    finally:
        assert server.stop() == 0, server.log()


def test_a_line_that_kills_its_reader_is_dropped_and_told(poisonous: Server) -> None:
    alice, bob = poisonous.connect("alice"), poisonous.connect("bob")
    alice.until("is now bob")
    alice.send("before\nboom and\x1b more\nafter\n")
    assert alice.line() == bob.line() == "alice : before"
    assert alice.line() == (
        "--- line dropped: it crashed the process that reads it: boom and\ufffd more"
    )
    assert alice.line() == bob.line() == "alice : after"
    (kept,) = (poisonous.state_dir / "quarantine").iterdir()
    assert kept.read_bytes() == b"boom and\x1b more\n"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert bob.silent()


def test_a_line_is_dropped_also_if_it_cannot_be_kept(poisonous: Server) -> None:
    # Whatever keeps the disk from taking it; here a file is where the directory would be.
    (poisonous.state_dir / "quarantine").write_text("")
    alice = poisonous.connect("alice")
    alice.send("boom\nafter\n")
    assert alice.line().startswith("--- line dropped: it crashed")
    assert alice.line() == "alice : after"
    assert "quarantine failed " in poisonous.log()


def test_a_fault_in_the_reader_is_in_the_log(poisonous: Server) -> None:
    alice = poisonous.connect("alice")
    alice.send("crash\nafter\n")
    assert alice.line().endswith("it crashed the process that reads it: crash")
    assert alice.line() == "alice : after"
    assert "RuntimeError: a fault in the reader" in poisonous.log()
    assert len(descriptors(poisonous.worker_of("alice"))) == 2


def test_what_cannot_even_be_framed_closes_its_client_alone(poisonous: Server) -> None:
    alice, bob = poisonous.connect("alice"), poisonous.connect("bob")
    alice.until("is now bob")
    alice.send("unframeable\n")
    reason = "what was sent keeps crashing its reader"
    assert alice.rest() == f"--- closing: {reason}\n"
    assert bob.line() == f"--- alice left #lobby ({reason})"


def test_nothing_but_lines_that_are_dropped_closes_the_client(poisonous: Server) -> None:
    alice, bob = poisonous.connect("alice"), poisonous.connect("bob")
    alice.until("is now bob")
    alice.send("boom\n" * 7)
    heard = alice.rest().splitlines()
    reason = "what was sent keeps crashing its reader"
    dropped = "--- line dropped: it crashed the process that reads it: boom"
    assert heard == [dropped] * 5 + [f"--- closing: {reason}"]
    assert bob.line() == f"--- alice left #lobby ({reason})"
    assert len(list((poisonous.state_dir / "quarantine").iterdir())) == 5


def test_too_many_restarts_are_shown_as_degraded(poisonous: Server) -> None:
    alice = poisonous.connect("alice")
    for n in range(4):
        kill_the_only(poisonous)
        alice.send(f"line {n}\n")
        assert alice.line() == f"alice : line {n}"
    eventually("degraded", lambda: poisonous.ask("status")["state"] == "degraded")
    eventually("in the title", lambda: "degraded" in poisonous.titles()[0])
    eventually("over", lambda: poisonous.ask("status")["state"] == "serving")
    eventually("in the title", lambda: "degraded" not in poisonous.titles()[0])
