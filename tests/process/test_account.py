"""chatd account and hash-password: with a server and without, from a pipe and from a terminal."""

import json
import os
import pty
import select
import signal
import subprocess
from pathlib import Path

import pytest

from chatd_supervisor.hashing import verify
from chatd_supervisor.journal.sqlite import SqliteJournal
from harness import CHATD, PATIENCE, Server
from server_commands import run_chatd

PRINT = "ab" * 32


def chatd(
    *arguments: str, state: Path | None = None, said: str = ""
) -> subprocess.CompletedProcess[str]:
    where = [f"--state-dir={state}"] if state is not None else []
    return run_chatd(*arguments, *where, input=said)


def account(*arguments: str, state: Path, said: str = "") -> str:
    done = chatd("account", *arguments, state=state, said=said)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def test_an_accounts_life_without_a_server(tmp_path: Path) -> None:
    state = tmp_path / "state"
    added = account("add", "Alice", "--password-stdin", "--email=a@b", state=state, said="sesame\n")
    assert added == "chatd: account Alice added\n"
    account("add", "bob", "--password-stdin", state=state, said="x")
    account("certificate", "add", "alice", ":".join(["AB"] * 32), state=state)
    account("suspend", "BOB", state=state)
    shown = account("list", state=state).splitlines()
    assert [line.split()[0] for line in shown] == ["NAME", "Alice", "bob"]
    assert shown[1].split()[2:] == ["a@b", "1", "no"]
    assert shown[2].split()[2:] == ["-", "0", "yes"]
    listed = json.loads(account("list", "--json", state=state))
    created = listed[0].pop("created")
    assert created > 1_700_000_000
    assert listed[0] == {
        "name": "Alice",
        "email": "a@b",
        "suspended": False,
        "certificates": [PRINT],
    }
    account("passwd", "alice", "--password-stdin", state=state, said="other\n")
    account("restore", "bob", state=state)
    account("certificate", "remove", PRINT, state=state)
    journal = SqliteJournal(state / "journal.db")
    alice, bob = journal.accounts.all()
    assert verify(alice.credentials.hash, "other")
    assert not bob.suspended
    assert journal.accounts.certificates() == []
    journal.close()
    account("remove", "alice", state=state)
    assert [one["name"] for one in json.loads(account("list", "--json", state=state))] == ["bob"]


def test_beside_a_server_that_writes(server: Server) -> None:
    alice = server.connect("alice")
    alice.send("".join(f"line {n}\n" for n in range(2000)))
    account("add", "alice", "--password-stdin", state=server.state_dir, said="sesame\n")
    alice.until("alice : line 1999")
    alice.send("and on\n")
    alice.until("alice : and on")
    assert "alice" in account("list", state=server.state_dir)
    assert "trying again" not in server.log()


@pytest.mark.parametrize(
    ("arguments", "said", "code", "told"),
    [
        (["account", "add", "alice", "--password-stdin"], "x\n", 1, "there is an account Alice"),
        (
            ["account", "add", "\u0430\u04cf\u0456\u0441\u0435", "--password-stdin"],
            "x\n",
            1,
            "it would look like account Alice",
        ),
        (
            ["account", "add", "\u0430lice", "--password-stdin"],
            "x\n",
            2,
            "several scripts in one word",
        ),
        (["account", "passwd", "bob", "--password-stdin"], "x\n", 1, "there is no account bob"),
        (["account", "remove", "bob"], "", 1, "there is no account bob"),
        (["account", "suspend", "bob"], "", 1, "there is no account bob"),
        (["account", "restore", "bob"], "", 1, "there is no account bob"),
        (["account", "certificate", "add", "bob", PRINT], "", 1, "there is no account bob"),
        (["account", "certificate", "remove", PRINT], "", 1, "no account has a certificate"),
        (["account", "certificate", "add", "alice", "12"], "", 2, "no SHA-256 fingerprint"),
        (["account", "add", "a b", "--password-stdin"], "x\n", 2, "cannot be a nick"),
        (["account", "add", "-a", "--password-stdin"], "x\n", 2, "No such option"),
        (["account", "add", "x" * 25, "--password-stdin"], "x\n", 2, "24 characters at most"),
        (["account", "add", "Guest7", "--password-stdin"], "x\n", 2, "not as guests are called"),
        (["account", "add", "c", "--password-stdin"], "\n", 2, "the password is empty"),
        (["account", "add", "c", "--password-stdin"], "a\tb\n", 2, "control characters"),
        (["account", "add", "c", "--password-stdin", "--email=x"], "x\n", 2, "is no address"),
        (["account", "add", "c"], "x\n", 2, "use --password-stdin"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(
    tmp_path: Path, arguments: list[str], said: str, code: int, told: str
) -> None:
    account("add", "Alice", "--password-stdin", state=tmp_path, said="sesame\n")
    done = chatd(*arguments, state=tmp_path, said=said)
    assert done.returncode == code
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert [one["name"] for one in json.loads(account("list", "--json", state=tmp_path))] == [
        "Alice"
    ]


def test_where_there_is_no_journal_there_are_no_accounts(tmp_path: Path) -> None:
    done = chatd("account", "list", state=tmp_path)
    assert done.returncode == 65
    assert "there is no journal" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_hash_password_prints_a_hash_for_the_configuration(tmp_path: Path) -> None:
    done = chatd("hash-password", "--password-stdin", said="sesame\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert verify(done.stdout.strip(), "sesame")
    file = tmp_path / "chatd.toml"
    file.write_text(f'[[operators]]\nname = "root"\npassword = "{done.stdout.strip()}"\n')
    assert chatd("check-config", f"--config={file}").returncode == 0


def read(terminal: int) -> bytes:
    """Return what is shown next on ``terminal``, soon."""
    assert select.select([terminal], [], [], PATIENCE)[0], "nothing more is shown"
    return os.read(terminal, 4096)


@pytest.mark.parametrize("again", ["sésame", "other"])
def test_somebody_is_asked_twice_and_nothing_is_shown(tmp_path: Path, again: str) -> None:
    printed = tmp_path / "printed"
    pid, terminal = pty.fork()
    if pid == 0:
        os.dup2(os.open(printed, os.O_WRONLY | os.O_CREAT, 0o600), 1)
        os.execv(CHATD, [CHATD, "hash-password"])
    shown = b""
    for question, typed in ((b"Password for", "sésame"), (b"Once more", again)):
        while question not in shown:
            shown += read(terminal)
        os.write(terminal, f"{typed}\n".encode())
    if again != "sésame":
        while b"Error" not in shown:
            shown += read(terminal)
        os.kill(pid, signal.SIGHUP)
    os.waitpid(pid, 0)
    os.close(terminal)
    assert "sésame" not in shown.decode()
    assert verify(printed.read_text().strip() or "none", "sésame") == (again == "sésame")
