"""chatd kick, say and announce: what the administrator does from outside."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from administered import administered, asked, done, person
from harness import CHATD, PATIENCE, Server, serving
from irc_harness import IRC_LISTEN, SERVER_NAME, Closed


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with administered(tmp_path) as running:
        yield running


def test_somebody_is_put_off_and_told_why(server: Server) -> None:
    alice, bob = server.connect("alice"), server.connect("bob")
    assert done(server, "kick", "alice", "enough", "of", "that") == "chatd: alice was put off\n"
    assert f"--- {SERVER_NAME} has put you off the server: enough of that\n" in alice.rest()
    bob.until("--- alice left #lobby (Killed (irc.example (enough of that)))")
    with person(server, "iris") as iris:
        done(server, "kick", "IRIS")
        [*_, killed] = iris.until("KILL")
        assert (killed.source, list(killed.params)) == (SERVER_NAME, ["iris", "no reason given"])
        with pytest.raises(Closed):
            iris.until("never")
    assert "put off by the administrator" in server.log()
    assert "enough" not in server.log()


def test_the_server_speaks_in_a_room_and_that_is_kept(server: Server) -> None:
    alice = server.connect("alice")
    with person(server, "iris") as iris:
        alice.until("--- iris joined #lobby")
        said = "the database moves at noon"
        assert done(server, "say", "#LOBBY", said) == "chatd: said to 2 clients in #LOBBY\n"
        alice.until(f"-{SERVER_NAME}- {said}")
        [*_, notice] = iris.until("NOTICE", "#lobby", said)
        assert notice.source == SERVER_NAME
    shown = done(server, "history", f"--state-dir={server.state_dir}", "#lobby")
    assert shown.count(said) == 1
    with person(server, "ivy", "batch message-tags draft/chathistory") as ivy:
        ivy.send("CHATHISTORY LATEST #lobby * 1")
        [*_, notice] = ivy.until("NOTICE", "#lobby", said)
        assert notice.source == SERVER_NAME


def test_everybody_is_told(server: Server) -> None:
    alice = server.connect("alice")
    alice.send("/join #elsewhere\n")
    alice.until("you are in #elsewhere")
    with person(server, "iris") as iris:
        assert done(server, "announce", "good", "night") == "chatd: told to 2 clients\n"
        alice.until("--- announcement: good night")
        iris.until("NOTICE", "*", "good night")


def test_a_server_whose_name_has_no_dot_is_one_all_the_same(tmp_path: Path) -> None:
    with serving(tmp_path, IRC_LISTEN) as server, person(server, "iris") as iris:
        done(server, "kick", "iris")
        assert iris.until("KILL")[-1].source == "chatd"


def test_nobody_else_is_called_as_the_server_is(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        alice = server.connect("alice")
        alice.send("/nick ChatD\n")
        alice.until("nick ChatD is in use")


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("kick", "nobody"), "nobody here is called nobody"),
        (("say", "#nowhere", "hello"), "there is no room #nowhere"),
        (("announce", "a\nb"), "a text is one line without control characters"),
        (("announce", "\x1b[2J"), "a text is one line without control characters"),
        (("announce", " "), "a text is one line without control characters"),
        (("say", "#lobby", "x" * 351), "a text has at most 350 bytes, and this one 351"),
    ],
)
def test_what_cannot_be_done_is_said(server: Server, command: tuple[str, ...], why: str) -> None:
    result = asked(server, *command)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"chatd: {why}\n"


def test_nobody_is_asked_where_nobody_runs(tmp_path: Path) -> None:
    result = subprocess.run(
        [CHATD, "announce", f"--runtime-dir={tmp_path}", "hello"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert result.returncode == 3
