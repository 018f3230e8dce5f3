"""A journal that cannot be written or read: everybody is told, and nothing is lost or doubled."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest

from chatd_supervisor.journal import Batch, Fact
from chatd_supervisor.journal.sqlite import SqliteJournal
from harness import CHATD, PATIENCE, Client, Server, descriptors, eventually, serving
from process.disks import Disk, ShortFiles, SmallDisk, kinds, mortal
from server_commands import run_chatd

TOLD = "--- not said yet: the server cannot write it down; it is tried again every second"
TURNED_AWAY = "--- closing: the server cannot write anything down, try again later\n"

RETRIES = 2.3
"""Seconds in which it is tried again twice."""

with tempfile.TemporaryDirectory() as scratch:
    KINDS = kinds(Path(scratch))


class People(NamedTuple):
    """Two who talk, on a server."""

    server: Server
    alice: Client
    bob: Client

    def hear(self, *lines: str) -> None:
        """See that both hear just these."""
        for client in (self.alice, self.bob):
            assert [client.line() for _ in lines] == list(lines)


def people(server: Server) -> People:
    alice, bob = server.connect("alice"), server.connect("bob")
    alice.until("bob")
    return People(server, alice, bob)


@pytest.fixture
def talking(server: Server) -> People:
    return people(server)


def talk_until_told(alice: Client, bob: Client) -> int:
    """Have alice say lines until one cannot be written; return which."""
    for n in count():
        alice.send(f"a{n}\n")
        line = alice.line()
        if line == TOLD:
            return n
        assert line == f"alice : a{n}"
        assert bob.line() == line
        assert n < 2000, "it is never full"
    raise AssertionError


def reason(server: Server) -> str:
    """Return why nothing can be written: what the administrator is told, and nobody else."""
    told: str = server.ask("status")["unwritable"]
    return told


def shown(server: Server) -> str:
    done = subprocess.run(
        [CHATD, "status", f"--runtime-dir={server.runtime_dir}"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return done.stdout


def turned_away(server: Server) -> None:
    server.clients.append(Client(server.port))
    assert server.clients[-1].rest() == TURNED_AWAY


def is_replaced(server: Server, worker: int) -> bool:
    return server.worker_of("alice") != worker


def told_once(client: Client) -> None:
    assert client.line() == TOLD
    assert client.silent(RETRIES)


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk(tmp_path: Path, kind: type[SmallDisk | ShortFiles]) -> None:
    disk: Disk = kind(tmp_path)
    with serving(tmp_path, program=disk.program, supervised=True) as server:
        fill_and_free(disk, server)


def fill_and_free(disk: Disk, server: Server) -> None:
    _, alice, bob = people(server)
    journal = str(server.state_dir / "journal.db")
    disk.fill(server)
    first = talk_until_told(alice, bob)
    why = reason(server)
    assert journal in why
    bob.send("b0\nb1\n")
    told_once(bob)
    assert alice.silent()
    # It shows, wherever one looks.
    status = server.ask("status")
    assert (status["state"], status["unwritable"]) == ("unwritable", why)
    assert re.search(rf"^unwritable +{re.escape(why)}$", shown(server), re.MULTILINE)
    title = Path(f"/proc/{server.master}/cmdline")
    eventually("it is in the title", lambda: b"chatd: master unwritable" in title.read_bytes())
    for _ in range(3):
        turned_away(server)
    # Workers may die, at the same line again and again.
    for _ in range(4):
        worker = server.worker_of("alice")
        os.kill(worker, signal.SIGKILL)
        eventually("there is another", partial(is_replaced, server, worker))
    alice.send("late\n")
    assert alice.silent(RETRIES)
    assert bob.silent()
    # And so may the master.
    server.kill_master()
    eventually("the next master is ready", server.is_ready)
    for client in (alice, bob):
        told_once(client)
    assert server.ask("status")["state"] == "unwritable"
    # Somebody who comes just before it can be written again.
    turned_away(server)
    disk.free(server)
    heard = [alice.line() for _ in range(4)]
    assert [bob.line() for _ in range(4)] == heard
    assert [line for line in heard if line.startswith("alice")] == [
        f"alice : a{first}",
        "alice : late",
    ]
    assert [line for line in heard if line.startswith("bob")] == ["bob : b0", "bob : b1"]
    # Nobody is there who was turned away, and whoever comes is let in again.
    eventually("it serves", lambda: server.ask("status")["state"] == "serving")
    alice.send("/who\n")
    assert "guest" not in alice.until("alice, bob")[-1]
    assert sorted(one["nick"] for one in server.ask("ps")) == ["alice", "bob"]
    server.connect("carol")
    assert "carol" in alice.until("carol")[-1]
    alice.send("end\n")
    assert alice.until("alice : end")[-1] == bob.until("alice : end")[-1]
    assert server.log().count("journal cannot be written ") == 2


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_asked_for_on_a_full_disk_is_not_promised(
    tmp_path: Path, kind: type[SmallDisk | ShortFiles]
) -> None:
    disk: Disk = kind(tmp_path)
    with serving(tmp_path, program=disk.program, supervised=True) as server:
        _, alice, bob = people(server)
        disk.fill(server)
        talk_until_told(alice, bob)
        for command in (["ban", "mallory"], ["kick", "bob"], ["say", "#lobby", "hello"]):
            done = asked(server, *command)
            assert done.returncode, command
            assert "not done, for nothing can be written: " in done.stderr
        server.kill_master()
        eventually("the next master is ready", server.is_ready)
        disk.free(server)
        eventually("it serves", lambda: server.ask("status")["state"] == "serving")
        # As it was told, nothing of it is done; and now it is.
        assert server.ask("bans") == []
        assert asked(server, "ban", "mallory").returncode == 0
        assert [one["mask"] for one in server.ask("bans")] == ["mallory"]
        bob.send("still here\n")
        assert "hello" not in "".join(bob.until("bob : still here"))


def asked(server: Server, *command: str) -> "subprocess.CompletedProcess[str]":
    return run_chatd(*command, f"--runtime-dir={server.runtime_dir}")


@pytest.mark.skipif(SmallDisk not in KINDS, reason="no user namespace may be had")
def test_a_reader_that_kept_the_log_until_the_disk_was_full(tmp_path: Path) -> None:
    disk = SmallDisk(tmp_path)
    program = [*disk.program[:-1], sys.executable, "-c", OFTEN_MOVED]
    with serving(tmp_path, program=program) as server:
        _, alice, bob = people(server)
        alice.send("first\n")
        assert alice.line() == bob.line() == "alice : first"
        reader = subprocess.Popen(
            [*inside(server), sys.executable, "-c", READER, server.state_dir / "journal.db"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"reading\n"
        said = talk_until_told(alice, bob)
        assert reason(server) == (
            f"{server.state_dir}/journal.db-wal takes up the last of its file system, for a program"
            " that has long been reading the journal keeps it from being emptied; fuser"
            f" {server.state_dir}/journal.db tells which"
        )
        reader.communicate(timeout=PATIENCE)
        # It goes on by itself, without a byte being freed by anybody.
        assert alice.line() == bob.line() == f"alice : a{said}"
        eventually("it serves", lambda: server.ask("status")["state"] == "serving")
        for n in range(20):
            alice.send(f"b{n}\n")
            assert alice.line() == bob.line() == f"alice : b{n}"


def inside(server: Server) -> list[str]:
    """Return what runs a program where the server's small disk can be seen."""
    return ["nsenter", "-t", str(server.pid), "-U", "-m", "--preserve-credentials"]


READER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN")
database.execute("SELECT count(*) FROM entries").fetchone()
print("reading", flush=True)
sys.stdin.read()
"""

OFTEN_MOVED = """
from chatd_supervisor.journal import tending
tending.CHECKPOINT = 40
from chatd_supervisor.cli import main
main(prog_name="chatd")
"""
"""The log is moved into the file more often than usual."""


def test_a_full_disk_and_a_stop(tmp_path: Path) -> None:
    with serving(tmp_path, "[limits]\nstop_timeout = 1.0\n") as server:
        _, alice, bob = people(server)
        ShortFiles(tmp_path).fill(server)
        talk_until_told(alice, bob)
        server.process.terminate()
        assert server.process.wait(PATIENCE) == 0
        server.again()
        eventually("the next one is ready", server.is_ready)
        assert server.ask("ps") == []
        server.port = int(server.ask("status")["listen"][0]["address"].rpartition(":")[2])
        dora = server.connect("dora")
        dora.send("hello\n")
        assert dora.line() == "dora : hello"


def test_a_journal_that_is_locked_for_a_while(talking: People) -> None:
    server, alice, bob = talking
    other = sqlite3.connect(server.state_dir / "journal.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    alice.send("one\n")
    assert alice.line() == TOLD
    path = f"{server.state_dir}/journal.db"
    assert reason(server) == f"{path} is locked by another program; fuser {path} tells which"
    alice.send("two\n")
    bob.send("three\n")
    told_once(bob)
    assert alice.silent()
    other.execute("ROLLBACK")
    other.close()
    heard = {alice.line() for _ in range(3)}
    assert heard == {"alice : one", "alice : two", "bob : three"} == {bob.line() for _ in range(3)}


def test_whose_session_somebody_has_removed_is_told_and_let_go(talking: People) -> None:
    server, alice, bob = talking
    (session,) = [one["session"] for one in server.ask("ps") if one["nick"] == "alice"]
    other = sqlite3.connect(server.state_dir / "journal.db", isolation_level=None)
    other.execute("DELETE FROM sessions WHERE id = ?", [session])
    # The master reads its journal again when it could not write it.
    other.execute("BEGIN IMMEDIATE")
    bob.send("one\n")
    told_once(bob)
    alice.send("two\n")
    other.execute("ROLLBACK")
    other.close()
    bob.until("bob : one")
    assert alice.rest().endswith(
        "--- closing: the server does not know your session any more, connect again\n"
    )
    alice.close()
    eventually("nobody else is there", lambda: [one["nick"] for one in server.ask("ps")] == ["bob"])


def test_a_journal_that_may_not_be_written(tmp_path: Path) -> None:
    program = [*mortal(), CHATD]
    with serving(tmp_path, program=program) as server:
        talking = people(server)
        journal = server.state_dir / "journal.db"
        journal.chmod(0o400)
        # Whoever has it open goes on.
        talking.alice.send("one\n")
        talking.hear("alice : one")
        server.process.kill()
        server.again(program)
        assert server.process.wait(PATIENCE) == 65
        assert f"chatd: {journal} cannot be written: " in server.log()
        talking.alice.send("two\n")
        journal.chmod(0o600)
        server.again(program)
        eventually("the next master is ready", server.is_ready)
        talking.hear("alice : two")


def test_a_directory_that_is_moved_away_and_back(talking: People, tmp_path: Path) -> None:
    server, alice, _ = talking
    server.state_dir.rename(tmp_path / "elsewhere")
    alice.send("one\n")
    assert alice.line() == TOLD
    assert "was moved, removed or replaced while it was in use; put it back" in server.log()
    assert alice.silent(RETRIES)
    (tmp_path / "elsewhere").rename(server.state_dir)
    talking.hear("alice : one")
    alice.send("two\n")
    talking.hear("alice : two")


def test_a_directory_that_is_removed_can_be_had_back(talking: People) -> None:
    server, alice, _ = talking
    alice.send("one\n")
    talking.hear("alice : one")
    shutil.rmtree(server.state_dir)
    alice.send("two\n")
    assert alice.line() == TOLD
    assert f"(until then what was there is in /proc/{server.pid}/fd)" in server.log()
    # As it says.
    (server.state_dir / "sessions").mkdir(0o700, parents=True)
    for number, name in descriptors(server.pid).items():
        kept = Path(name.removesuffix(" (deleted)"))
        if kept.is_relative_to(server.state_dir) and kept.name != "journal.db-shm":
            shutil.copy(f"/proc/{server.pid}/fd/{number}", kept)
    server.process.kill()
    server.again()
    eventually("the next master is ready", server.is_ready)
    talking.hear("alice : two")
    lines = history(server)
    assert [line["text"] for line in lines] == ["one", "two"]


def history(server: Server) -> list[dict[str, str]]:
    done = subprocess.run(
        [CHATD, "history", "--json", f"--state-dir={server.state_dir}"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", ["journal.db-wal", "journal.db-shm"])
def test_a_log_that_is_removed_costs_nothing(talking: People, name: str) -> None:
    server, alice, _ = talking
    alice.send("one\n")
    talking.hear("alice : one")
    (server.state_dir / name).unlink()
    alice.send("two\n")
    talking.hear("alice : two")
    server.process.kill()
    server.again()
    eventually("the next master is ready", server.is_ready)
    alice.send("three\n")
    talking.hear("alice : three")
    assert [line["text"] for line in history(server)] == ["one", "two", "three"]
    assert server.log().count("journal log removed") == 1


def test_a_backup_beside_the_log_of_what_was_there_is_refused(
    talking: People, tmp_path: Path
) -> None:
    server, alice, bob = talking
    alice.send("one\n")
    talking.hear("alice : one")
    backup = tmp_path / "backup.db"
    state = f"--state-dir={server.state_dir}"
    subprocess.run([CHATD, "backup", backup, state], timeout=PATIENCE, check=True)
    alice.send("two\n")
    talking.hear("alice : two")
    for client in (alice, bob):
        client.close()
    server.process.kill()
    server.process.wait(PATIENCE)
    shutil.copy(backup, server.state_dir / "journal.db")
    server.again()
    assert server.process.wait(PATIENCE) == 65
    assert "journal.db-wal is of another journal than " in server.log()
    # As it says.
    subprocess.run([CHATD, "restore", backup, *server.options()], timeout=PATIENCE, check=True)
    server.again()
    eventually("it serves", server.is_ready)
    assert [line["text"] for line in history(server)] == ["one"]


@pytest.mark.parametrize("size", [0, 1])
def test_an_empty_journal_is_not_begun_anew(talking: People, size: int) -> None:
    server, alice, bob = talking
    for client in (alice, bob):
        client.close()
    server.process.terminate()
    server.process.wait(PATIENCE)
    journal = server.state_dir / "journal.db"
    journal.write_bytes(b"x" * size)
    server.again()
    assert server.process.wait(PATIENCE) == 65
    assert f"{journal} is no journal, it has {size} bytes; " in server.log()
    journal.unlink()
    server.again()
    eventually("it serves", server.is_ready)


# Damage

OLD = 20_000
"""Lines that were said in #old."""


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[People]:
    """A server with a journal of some megabytes, of which a backup was made."""
    path = tmp_path / "s" / "journal.db"
    path.parent.mkdir(0o700)
    journal = SqliteJournal(path)
    facts = [Fact(1, "old", "#old", "say", f"{n} " + "x" * 100) for n in range(OLD)]
    journal.commit(Batch(facts, [], [], [], [], [], [], [], 0))
    while journal.tend() is not None:
        pass
    journal.close()
    shutil.copy(path, tmp_path / "backup.db")
    with serving(tmp_path) as server:
        yield people(server)


NONSENSE = b"\xa5" * 4096


def damage(path: Path, holding: bytes, times: int) -> None:
    """Write nonsense over all pages but the first and the last that hold something so often."""
    content = path.read_bytes()
    starts = range(0, len(content), len(NONSENSE))
    found = [n for n in starts if content.count(holding, n, n + len(NONSENSE)) >= times]
    with path.open("r+b") as file:
        for start in found[1:-1]:
            file.seek(start)
            file.write(NONSENSE)


def test_a_damaged_page_that_is_read_costs_one_answer(aged: People) -> None:
    server, alice, _ = aged
    damage(server.state_dir / "journal.db", b"x" * 100, times=5)
    alice.send("/join #old\n")
    alice.until("nobody else is here")
    alice.send("/history 200\n")
    # What is wrong is for the log: a client is not told where on the server's disk what is.
    assert alice.line() == "--- the journal cannot be read at the moment; the server's log says why"
    said = f'journal cannot be read reason="{server.state_dir}/journal.db is damaged ('
    assert said in server.log()
    alice.send("/leave\n")
    alice.until("you are in #lobby")
    alice.send("still here\n")
    assert alice.until("still here")
    assert aged.bob.until("still here")


def test_a_journal_damaged_beyond_use_ends_the_master_and_is_not_begun_anew(
    aged: People, tmp_path: Path
) -> None:
    server, alice, _ = aged
    # Who came through a socket that is no more would not be let in.
    config = server.config_path.read_text()
    server.config_path.write_text(config.replace("127.0.0.1:0", f"127.0.0.1:{server.port}"))
    path = server.state_dir / "journal.db"
    # Another writer makes what the master has in memory worthless.
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("UPDATE state SET guests = guests")
    other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    damage(path, b"", times=0)
    identity = path.stat().st_ino
    alice.send("one\n")
    assert server.process.wait(PATIENCE) == 65
    for _ in range(2):
        assert f"{path} is damaged (" in server.log()
        server.expect_ready()
        server.again()
        assert server.process.wait(PATIENCE) == 65
    assert path.stat().st_ino == identity
    assert path.read_bytes().count(NONSENSE) > 500
    other.close()
    # What to do is said: put a backup there.
    assert "put a backup there" in server.log()
    for name in ("journal.db", "journal.db-wal", "journal.db-shm"):
        (server.state_dir / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.db", path)
    server.again()
    eventually("the next master is ready", server.is_ready)
    server.port = int(server.ask("status")["listen"][0]["address"].rpartition(":")[2])
    carol = server.connect("carol")
    carol.send("/join #old\n/history 1\n")
    assert f": {OLD - 1} xxx" in carol.until("xxx")[-1]
    # Whoever was there is not known any more, and let in like anybody who comes.
    assert "guest" in alice.until(" : one")[-1]
    eventually("bob is, too", lambda: len(server.ask("ps")) == 3)


FULL = """
import errno, os, sys
from pathlib import Path
from chatd_supervisor import outbox
write = os.pwritev
def full(*given):
    if Path(os.environ["FULL"]).exists():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return write(*given)
outbox.os.pwritev = full
from chatd_supervisor.cli import main
main(prog_name="chatd")
"""


def test_an_outbox_that_cannot_be_written_is_called_by_its_name(tmp_path: Path) -> None:
    full = tmp_path / "full"
    program = ["env", f"FULL={full}", sys.executable, "-c", FULL]
    with serving(tmp_path, program=program) as server:
        alice, bob = people(server)[1:]
        full.touch()
        alice.send("hello\n")
        # Nobody can be told: that would have to stand in the outbox.
        eventually("it is logged", lambda: "outbox cannot be written" in server.log())
        said = f"{server.state_dir}/sessions/outbox.1 cannot be written: No space left on device"
        assert reason(server).startswith(said)
        assert f'outbox cannot be written reason="{said}' in server.log()
        assert "journal cannot be written" not in server.log()
        full.unlink()
        assert alice.line() == bob.line() == "alice : hello"
