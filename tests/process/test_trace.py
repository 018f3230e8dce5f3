"""``chatd trace``: what is seen of a client, and what is never seen, from outside."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness import CHATD, PATIENCE, Server, eventually, serving
from irc_harness import IRC_CONFIG, IrcClient

TEXT_TOO = '\n[[listen]]\naddress = "127.0.0.1:0"\n'


class Trace:
    """A running ``chatd trace``."""

    def __init__(self, server: Server, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [CHATD, "trace", f"--runtime-dir={server.runtime_dir}", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self._lines = self.process.stdout
        self.seen: list[str] = []
        self.first = self.line()

    def line(self) -> str:
        """Return the next line; "" at the end. The test's own deadline bounds it."""
        line = self._lines.readline()
        self.seen.append(line)
        return line

    def until(self, pattern: str) -> str:
        """Return the next line that ``pattern`` is found in."""
        while line := self.line():
            if re.search(pattern, line):
                return line
        raise AssertionError(f"ended before {pattern!r} came; got {self.seen}")

    def record(self, kind: str, name: str = "") -> dict[str, Any]:
        """Return the next record of that kind, of a trace with --json."""
        while line := self.line():
            found: dict[str, Any] = json.loads(line)
            if found["kind"] == kind and name in (found.get("name"), ""):
                return found
        raise AssertionError(f"ended before {kind} {name} came; got {self.seen}")

    def end(self) -> tuple[int, str]:
        """Return the exit code, and what was said on standard error."""
        out, err = self.process.communicate(timeout=PATIENCE)
        self.seen.append(out)
        return self.process.returncode, err


@contextmanager
def tracing(server: Server, *arguments: str) -> Iterator[Trace]:
    trace = Trace(server, *arguments)
    try:
        yield trace
    finally:
        if trace.process.poll() is None:
            trace.process.kill()
            trace.process.communicate()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, IRC_CONFIG + TEXT_TOO) as running:
        running.port = running.ports[1]
        yield running


def test_commands_and_events_are_shown_as_they_happen(server: Server) -> None:
    alice, bob = server.connect("alice"), server.connect("bob")
    worker = server.worker_of("alice")
    with tracing(server, "alice") as trace:
        assert re.fullmatch(
            rf"following alice, session #1, 127\.0\.0\.1:\d+ text, worker {worker}, "
            r"which it was not told; what is said is not shown\n",
            trace.first,
        )
        alice.send("hello\n")
        assert re.fullmatch(
            r"\d\d:\d\d:\d\d\.\d{6} > Say text=\"\(5 characters\)\"\n", trace.line()
        )
        assert re.search(
            r" < Said source=alice room=#lobby text=\"\(5 characters\)\" ", trace.line()
        )
        assert re.search(r" - read 6 bytes, up to offset 18, line 2\n", trace.line())
        bob.send("/msg alice psst\n")
        assert "source=bob nick=alice" in trace.until(" < Told ")
        alice.send("/join #ops\n")
        trace.until(r" > Join room=#ops\n")
        trace.until(r" < Entered room=#ops")
        bob.send("not for her\n")
        bob.send("/who\n")
        bob.until("in #lobby")
        alice.send("/quit\n")
        trace.until(r" \* session ended ")
        alice.close()
        trace.until(r" \* end: the session has ended\n")
        assert trace.end() == (0, "")
        assert "hello" not in "".join(trace.seen)
        assert "for her" not in "".join(trace.seen)
        assert not any("11 characters" in line for line in trace.seen)


def test_a_session_is_found_by_pid_and_number_and_told_if_it_is_not(server: Server) -> None:
    server.connect("alice")
    for who in (str(server.worker_of("alice")), "#1", "ALICE"):
        with tracing(server, who) as trace:
            assert trace.first.startswith("following alice, session #1, ")
    with tracing(server, "nobody") as trace:
        assert trace.end() == (1, "chatd: nobody is called nobody\n")


SECRETS = ("hunter2", "swordfish", "cGFzc3dvcmQ", "me@example.org")


def test_secrets_are_never_shown_and_text_only_if_asked_for(server: Server) -> None:
    alice = server.connect("alice")
    with (
        tracing(server, "--json", "alice") as plain,
        tracing(server, "--json", "--text", "alice") as reading,
    ):
        assert json.loads(plain.first)["text"] is False
        assert json.loads(reading.first)["text"] is True
        alice.send("/identify alice hunter2\n")
        alice.until("--- ")
        alice.send("/join #ops swordfish\n/mode key swordfish\n/mode\nhello you\n")
        alice.until("alice : hello you")
        for trace in (plain, reading):
            assert trace.record("command", "Identify")["fields"]["password"] == "(secret)"
            assert trace.record("command", "Join")["fields"] == {"room": "#ops", "key": "(secret)"}
            said = trace.record("event", "Said")
            wanted = "hello you" if trace is reading else "(9 characters)"
            assert said["fields"]["text"] == wanted
            assert said["bytes"] == len("alice : hello you\n")
        alice.send("/quit\n")
        alice.rest()
        alice.close()
        assert (plain.end()[0], reading.end()[0]) == (0, 0)
        for trace in (plain, reading):
            assert not any(secret in "".join(trace.seen) for secret in SECRETS)
        assert "hello you" not in "".join(plain.seen)


def test_sasl_and_passwords_of_irc_are_never_shown(server: Server) -> None:
    with IrcClient(server.ports[0]) as client:
        client.negotiate(["sasl", "labeled-response", "batch"])
        with tracing(server, "--json", "--text", "#1") as trace:
            client.send("AUTHENTICATE PLAIN")
            client.until("AUTHENTICATE")
            client.send("AUTHENTICATE cGFzc3dvcmQ=", "PASS hunter2", "NICK iris")
            client.send("USER iris 0 * :Iris", "CAP END")
            client.until("422")
            client.send("OPER admin hunter2", "REGISTER * me@example.org hunter2")
            client.send("PRIVMSG NickServ :idnetify hunter2")
            client.send("MODE #lobby +k swordfish", "@label=9 JOIN #x swordfish")
            client.send("MODE #x +k swordfish", "MODE #x", "PRIVMSG #x :a word")
            client.send("PING over")
            client.until("PONG")
            assert trace.record("command", "Authenticate")["fields"] == {"data": "(secret)"}
            assert trace.record("command", "Password")["fields"] == {"password": "(secret)"}
            assert trace.record("command", "Oper")["fields"]["password"] == "(secret)"
            labeled = trace.record("command", "Labeled")["fields"]
            assert (labeled["command"], labeled["keys"]) == ("Enter", ["(secret)"])
            changed = trace.record("event", "ModesChanged")
            assert changed["fields"]["changes"] == [["+", "k", "(secret)"]]
            assert trace.record("command", "Send")["fields"]["text"] == "a word"
            trace.record("command", "Ping")
        client.send("QUIT")
    assert not any(secret in "".join(trace.seen) for secret in SECRETS)


def test_who_looks_on_stands_in_the_log_and_is_told_as_is_configured(server: Server) -> None:
    alice = server.connect("alice")
    with tracing(server, "alice") as trace:
        by = trace.process.pid
        eventually("it is noted", lambda: f"by={by} " in server.log())
    assert (
        f"WARNING chatd: trace begun session=1 nick=alice told=no text=no by={by} uid={os.getuid()}"
    ) in server.log()
    eventually("its end is noted", lambda: f"trace ended session=1 by={by} " in server.log())
    assert alice.silent()
    with tracing(server, "--text", "alice") as trace:
        assert "which it was told; what is said is shown" in trace.first
        alice.until("--- an administrator reads along from now on: what you say and what you are")
        assert "< Informed notice=traced-text" in trace.line()
    alice.until("--- no administrator follows your connection any more")
    by = trace.process.pid
    assert f"text=yes by={by} " in server.log()
    assert f"trace ended session=1 by={by} uid={os.getuid()} reason=left" in server.log()


@pytest.mark.parametrize(
    ("wanted", "arguments", "told"),
    [
        ("never", ["--text"], ""),
        ("always", [], "--- an administrator follows what your connection does from now on"),
    ],
)
def test_the_configuration_says_who_is_told(
    tmp_path: Path, wanted: str, arguments: list[str], told: str
) -> None:
    with serving(tmp_path, f'[server]\ntell_traced = "{wanted}"\n') as server:
        alice = server.connect("alice")
        with tracing(server, *arguments, "alice"):
            if told:
                alice.until(told)
            else:
                assert alice.silent()


def test_a_killed_worker_is_shown_and_the_trace_goes_on(server: Server) -> None:
    alice = server.connect("alice")
    alice.send("once\n")
    alice.until("alice : once")
    with tracing(server, "alice") as trace:
        killed = server.worker_of("alice")
        os.kill(killed, signal.SIGKILL)
        died = trace.until(r" \* worker died ")
        assert f'pid={killed} how="was killed by SIGKILL" next="restarting at once"' in died
        born = re.search(r"\* worker (\d+) is born", trace.line())
        assert born
        assert int(born[1]) == server.worker_of("alice") != killed
        alice.send("again\n")
        trace.until(" > Say ")


def test_a_killed_master_ends_it_with_a_sentence(tmp_path: Path) -> None:
    with serving(tmp_path, supervised=True) as server:
        alice = server.connect("alice")
        with tracing(server, "alice") as trace:
            killed = server.kill_master()
            code, said = trace.end()
            assert code == 3
            assert said == (
                f"chatd: the master, pid {killed}, has died; whoever was followed may be "
                "connected still: trace again when there is another\n"
            )
        eventually("another master", server.is_ready)
        with tracing(server, "alice") as trace:
            alice.send("hello\n")
            trace.until(" > Say ")


def test_an_upgrade_and_a_stop_end_it_with_a_reason(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        alice = server.connect("alice")
        with tracing(server, "alice") as trace:
            os.kill(server.master, signal.SIGUSR2)
            trace.until(r" \* end: the server goes on with another program\n")
            assert trace.end() == (1, "")
        eventually("it goes on", lambda: "chatd: upgraded " in server.log())
        with tracing(server, "alice") as trace:
            alice.send("hello\n")
            trace.until(" > Say ")
            os.kill(server.master, signal.SIGTERM)
            trace.until(" < Closing ")
            trace.until(r" \* end: the session has ended\n")
            assert trace.end() == (0, "")


def test_ctrl_c_ends_it_without_a_word(server: Server) -> None:
    server.connect("alice")
    with tracing(server, "alice") as trace:
        trace.process.send_signal(signal.SIGINT)
        assert trace.end() == (-signal.SIGINT, "")


def test_whoever_does_not_read_is_cut_off_and_nobody_waits(server: Server) -> None:
    alice, bob = server.connect("alice"), server.connect("bob")
    with tracing(server, "--text", "alice") as trace:
        alice.until("an administrator reads along")
        by = trace.process.pid
        os.kill(by, signal.SIGSTOP)
        for number in range(1500):
            alice.send(f"{number} {'x' * 900}\n")
            if number % 100 == 99:
                bob.until(f"alice : {number} x")
            if "trace ended" in server.log():
                break
        eventually("it is cut off", lambda: f"trace ended session=1 by={by} " in server.log())
        assert 'reason="did not read, and was cut off"' in server.log()
        os.kill(by, signal.SIGCONT)
        code, said = trace.end()
        assert (code, said) == (
            1,
            "chatd: the master has closed the connection: this was not read fast enough\n",
        )


def test_a_flood_is_cut_short_and_counted(server: Server) -> None:
    server.connect("alice")
    bob = server.connect("bob")
    with tracing(server, "--json", "--text", "alice") as trace:
        # Stopped until all of it has come, so that it is read at once.
        worker = server.worker_of("bob")
        os.kill(worker, signal.SIGSTOP)
        bob.send("".join(f"{number}\n" for number in range(900)) + "last\n")
        os.kill(worker, signal.SIGCONT)
        shown = skipped = 0
        while shown + skipped < 901:
            found = json.loads(trace.line())
            shown += found.get("name") == "Said"
            skipped += found["count"] if found["kind"] == "skipped" else 0
        assert skipped
        assert shown >= 200
        bob.send("on\n")
        assert trace.record("event", "Said")["fields"]["text"] == "on"


def test_no_more_than_so_many_at_once_and_others_can_ask(server: Server) -> None:
    server.connect("alice")
    traces = [Trace(server, "alice") for _ in range(8)]
    try:
        assert all(trace.first.startswith("following") for trace in traces)
        with tracing(server, "alice") as refused:
            code, said = refused.end()
        assert code == 1
        assert said == "chatd: more than 8 traces at once; end another one first\n"
        assert server.ask("status")["clients"] == 1
    finally:
        for trace in traces:
            trace.process.kill()
            trace.process.communicate()
    eventually("all have left", lambda: server.log().count("trace ended") == 8)
    with tracing(server, "alice") as again:
        assert again.first.startswith("following")
