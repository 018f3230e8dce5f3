"""History: in the rooms, and on the command line, while the server runs and when it does not."""

import json
import re
import select
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from harness import CHATD, PATIENCE, Server, eventually
from server_commands import run_chatd

SHOWN = "[history]\non_join = 3\nmax_lines = 5\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path, SHOWN)
    yield made
    made.stop()


def chatd(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_chatd(*arguments, f"--state-dir={server.state_dir}")


def bare(lines: list[str]) -> list[str]:
    """Lines of the past without their times."""
    return [re.sub(r"^--- \d{4}-\d\d-\d\d \d\d:\d\d ", "> ", line) for line in lines]


def say(server: Server, nick: str, *lines: str) -> None:
    person = server.connect(nick)
    for line in lines:
        person.send(f"{line}\n")
    person.send("/quit\n")
    person.rest()


def test_a_newcomer_sees_the_last_lines(server: Server) -> None:
    say(server, "alice", "one", "two", "/me waves", "/topic tea", "/msg alice psst")
    bob = server.connect()
    bob.close()
    carol = server.connect("carol")
    carol.send("/join #ops\n")
    assert carol.until("nobody else is here")
    assert carol.silent()
    carol.send("/leave\n")
    assert bare(carol.until("set the topic"))[-4:] == [
        "--- the last 3 lines of #lobby (times are UTC)",
        "> alice : two",
        "> * alice waves",
        "> alice set the topic: tea",
    ]


def test_asking_for_more_and_searching(server: Server) -> None:
    alice = server.connect("alice")
    for n in range(8):
        alice.send(f"line {n} {'Été' if n % 2 else 'hiver'}\n")
        alice.until(f"line {n}")
    alice.send("/history 2\n")
    assert bare([alice.line() for _ in range(3)]) == [
        "--- the last 2 lines of #lobby (times are UTC)",
        "> alice : line 6 hiver",
        "> alice : line 7 Été",
    ]
    alice.send("/history 1000\n")
    assert len([alice.line() for _ in range(6)]) == 6  # max_lines, and the head
    alice.send("/search ete 3\n")
    assert bare([alice.line(), alice.line()]) == [
        "--- the last 1 line of #lobby with: ete 3 (times are UTC)",
        "> alice : line 3 Été",
    ]
    alice.send("/search nonsense\n")
    assert alice.line() == "--- nothing in #lobby holds: nonsense"
    alice.send("/history many\n")
    assert alice.line() == "--- how many? usage: /history [N]"
    # What is asked for together with what was just said has it.
    alice.send("just now\n/history 1\n")
    alice.until("alice : just now")
    assert bare([alice.line(), alice.line()])[1] == "> alice : just now"


def test_what_was_missed(server: Server) -> None:
    bob = server.connect("bob")
    say(server, "alice", "before")
    bob.send("/quit\n")
    bob.rest()
    say(server, "carol", "first", "second")
    guest = server.connect()
    guest.send("/missed\n")
    assert guest.until("somebody else before")
    guest.send("/nick Bob\n/missed\n")
    lines = guest.until("second")
    assert bare(lines)[-3:] == [
        "--- while you were away, 2 lines in #lobby (times are UTC)",
        "> carol : first",
        "> carol : second",
    ]
    guest.send("/nick dora\n/missed\n")
    assert guest.until("not been here under this name")


def test_history_outlives_the_server_and_is_read_beside_it(server: Server) -> None:
    say(server, "alice", "one", "two words", "/me waves", "/msg alice private words")
    say(server, "bob", "/join #ops", "elsewhere")
    for running in (True, False):
        if not running:
            server.stop()
        done = chatd(server, "history")
        assert [re.sub(r"^\S+ \S+ ", "", line) for line in done.stdout.splitlines()] == [
            "alice : one",
            "alice : two words",
            "* alice waves",
        ]
        entry = json.loads(chatd(server, "history", "ops", "--json").stdout)
        assert entry.keys() == {
            "seq",
            "time",
            "session",
            "nick",
            "room",
            "kind",
            "text",
            "data",
            "id",
        }
        assert (entry["nick"], entry["room"], entry["text"]) == ("bob", "#ops", "elsewhere")
        assert entry["data"] == {"user": "guest2", "host": "127.0.0.1"}
        assert abs(entry["time"] - time.time()) < 60
        found = chatd(server, "history", "--search", "WORDS").stdout.splitlines()
        assert [line.partition(" : ")[2] for line in found] == ["two words"]
        assert chatd(server, "history", "--last", "1").stdout.endswith("* alice waves\n")
        assert chatd(server, "history", "--since", "1h").stdout == done.stdout
        assert chatd(server, "history", "--since", "2100-01-01").stdout == ""
    assert chatd(server, "history", "--since", "yesterday").returncode == 2


def test_a_backup_is_whole_and_replaces_nothing(server: Server, tmp_path: Path) -> None:
    say(server, "alice", *[f"line {n}" for n in range(100)])
    copy = tmp_path / "copy.db"
    done = chatd(server, "backup", str(copy))
    assert re.fullmatch(rf"chatd: {copy} holds the journal, \d+ entries\n", done.stdout)
    assert copy.stat().st_mode & 0o777 == 0o600
    done = chatd(server, "backup", str(copy))
    assert done.returncode == 73
    assert f"{copy} exists" in done.stderr
    with closing(sqlite3.connect(copy)) as database, database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        lines = database.execute("SELECT count(*) FROM entries WHERE kind = 'say'").fetchone()
    database.close()
    assert lines == (100,)
    done = chatd(server, "restore", str(copy))
    assert done.returncode == 4
    assert done.stderr.endswith("; stop it first\n")
    # And a server goes on from it.
    server.process.terminate()
    server.process.wait(PATIENCE)
    done = chatd(server, "restore", str(copy))
    assert done.returncode == 0, done.stderr
    assert f"chatd: the journal is that of {copy}, " in done.stdout
    server.again()
    eventually("it serves", server.is_ready)
    assert "line 99" in chatd(server, "history", "--last", "1").stdout


@pytest.mark.parametrize("content", [b"x" * 5000, b"SQLite format 3\0" + b"\xa5" * 5000])
def test_a_journal_that_cannot_be_used_is_never_replaced(server: Server, content: bytes) -> None:
    server.stop()
    journal = server.state_dir / "journal.db"
    journal.write_bytes(content)
    for command in (["run", f"--runtime-dir={server.runtime_dir}"], ["history"]):
        done = chatd(server, *command)
        assert done.returncode == 65
        assert f"{journal} is damaged" in done.stderr
        assert "Traceback" not in done.stderr
    assert journal.read_bytes() == content
    assert list(server.runtime_dir.iterdir()) == []


def test_no_journal_is_said_so(tmp_path: Path) -> None:
    done = run_chatd("history", f"--state-dir={tmp_path}")
    assert (done.returncode, done.stdout) == (65, "")
    assert f"there is no journal {tmp_path}/journal.db" in done.stderr


def test_following_shows_what_is_said_and_ends_as_tail_does(server: Server) -> None:
    say(server, "alice", "before")
    with (
        following(server, "--last=1") as every,
        following(server, "--search=tea cup", "--json") as some,
    ):
        assert every.line().endswith(" alice : before")
        say(server, "bob", "a cup of tea", "/msg bob tea cup", "/join #ops", "tea cup elsewhere")
        assert every.line().endswith(" bob : a cup of tea")
        assert json.loads(some.line())["text"] == "a cup of tea"
        server.process.kill()
        server.process.wait(PATIENCE)
        server.again()
        eventually("it serves", server.is_ready)
        address = server.ask("status")["listen"][0]["address"]
        server.port = int(address.rpartition(":")[2])
        say(server, "carol", "coffee", "another Cup, TEA")
        assert every.line().endswith(" carol : coffee")
        assert every.line().endswith(" carol : another Cup, TEA")
        assert json.loads(some.line())["text"] == "another Cup, TEA"
        every.process.send_signal(signal.SIGINT)
        assert every.process.wait(PATIENCE) == -signal.SIGINT
        assert every.rest() == []
        server.stop()
        journal = server.state_dir / "journal.db"
        journal.rename(journal.with_name("away.db"))
        assert some.process.wait(PATIENCE) == 65
        assert some.rest() == [f"chatd: {journal} was moved away, removed or replaced"]


class Following:
    """A ``chatd history --follow``; both its outputs are one."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def line(self) -> str:
        """Return the next line without its end; fail if there is none for PATIENCE seconds."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        assert ready, "nothing more is shown"
        return self.process.stdout.readline().decode().removesuffix("\n")

    def rest(self) -> list[str]:
        """Return the lines up to the end, without their times."""
        assert self.process.stdout is not None
        lines = self.process.stdout.read().decode().splitlines()
        return [re.sub(r"^[\d-]+ [\d:]+ ", "", line) for line in lines]


@contextmanager
def following(server: Server, *options: str) -> Iterator[Following]:
    # Without a buffer, which select() would not see.
    command = [CHATD, "history", "--follow", *options, f"--state-dir={server.state_dir}"]
    with subprocess.Popen(
        command, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            yield Following(process)
        finally:
            process.kill()


def test_a_backup_that_does_not_fit_leaves_nothing(server: Server, tmp_path: Path) -> None:
    say(server, "alice", *["x" * 4000] * 100)
    copies = tmp_path / "copies"
    copies.mkdir()
    command = [CHATD, "backup", str(copies / "copy.db"), f"--state-dir={server.state_dir}"]
    done = subprocess.run(
        ["prlimit", "--fsize=100000", *command],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 73
    assert done.stderr.startswith(f"chatd: {copies}/copy.db cannot be read or written: ")
    assert list(copies.iterdir()) == []
    assert subprocess.run(command, timeout=PATIENCE, check=True).returncode == 0


def test_a_backup_has_nowhere_to_be(server: Server, tmp_path: Path) -> None:
    for place in (tmp_path / "none" / "copy.db", Path("/proc/copy.db")):
        done = chatd(server, "backup", str(place))
        assert (done.returncode, done.stdout) == (73, "")
        assert done.stderr.startswith(f"chatd: {place} cannot be made: ")
