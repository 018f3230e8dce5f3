"""Clients of other people: WeeChat and irssi on a terminal, and bots made with two libraries.

Each of them connects, joins, talks, sets a topic, changes its nick and looks into the past. Then
its worker is killed, and the master, in the middle of a conversation; and neither does it notice,
nor does anybody else see it come or go. Over TLS, where a session lives in its worker, only the
master is killed.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from harness import PATIENCE, Server, eventually, serving
from irc_harness import IRC_CONFIG, IrcClient, enter
from irc_messages import Message
from screens import Screen, Start, irssi, weechat
from secure import HOST, make_certificate, tls_listener

BOTS = Path(__file__).with_name("bots")

ROOM = "#tea"


@contextmanager
def serving_irc(directory: Path, *, tls: bool) -> Iterator[tuple[Server, str, int]]:
    """Run a supervised server; yield it, and host and port for the client under test."""
    config = IRC_CONFIG
    if tls:
        pem = make_certificate(directory, "chatd")
        config += tls_listener(pem, 'dialect = "irc"')
    with serving(directory, config, supervised=True) as server:
        yield server, HOST if tls else "127.0.0.1", server.ports[-1]


class Bob:
    """The other one in the room, who hears what the client under test does."""

    def __init__(self, port: int) -> None:
        self.client: IrcClient = enter(port, "bob")
        self._heard: list[Message] = []
        self.client.send(f"JOIN {ROOM}", f"MODE {ROOM} -t")
        self.hears("MODE", ROOM, "-t")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()

    def says(self, text: str) -> None:
        self.client.send(f"PRIVMSG {ROOM} :{text}")

    def hears(self, verb: str, *params: str | None) -> Message:
        found = self.client.until(verb, *params, patience=PATIENCE)
        self._heard += found
        return found[-1]

    def times(self, verb: str) -> int:
        """Return how often this was heard of anybody but Bob."""
        self._heard += self.client.sync()
        return sum(m.verb == verb and m.nick != "bob" for m in self._heard)


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def tls(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.mark.parametrize("start", [weechat, irssi])
def test_a_person_chats(tmp_path: Path, start: Start, tls: bool) -> None:
    with serving_irc(tmp_path, tls=tls) as (server, host, port), Bob(server.port) as bob:
        bob.says("said before anna came")
        with start(tmp_path / "client", "anna", port, host=host, tls=tls) as screen:
            screen.sees("Welcome.*anna")
            screen.type(f"/join {ROOM}")
            screen.sees(rf"anna .*has joined {ROOM}")
            bob.hears("JOIN", ROOM)
            _talk(screen, bob)
            if not tls:
                os.kill(server.worker_of("anita"), signal.SIGKILL)
                _talk_on(screen, bob, "the worker's death")
            server.kill_master()
            _talk_on(screen, bob, "the master's death")
            eventually("a master is back", server.is_ready)
            _talk_on(screen, bob, "all that")
            screen.has_noticed_nothing()
            assert (bob.times("JOIN"), bob.times("QUIT"), bob.times("PART")) == (1, 0, 0)


def _talk(screen: Screen, bob: Bob) -> None:
    screen.type("hello bob")
    bob.hears("PRIVMSG", ROOM, "hello bob")
    bob.says("hello anna")
    screen.sees("bob.*hello anna")
    screen.type("/topic all about green tea")
    bob.hears("TOPIC", ROOM, "all about green tea")
    bob.client.send(f"TOPIC {ROOM} :all about black tea")
    screen.sees("all about black tea")
    screen.type("/nick anita")
    bob.hears("NICK", "anita")
    screen.type("/quote CAP REQ :draft/chathistory")
    screen.type(f"/quote CHATHISTORY LATEST {ROOM} * 10")
    screen.sees("said before anna came")


def _talk_on(screen: Screen, bob: Bob, after: str) -> None:
    """Both say something, and both hear it once."""
    screen.type(f"I am here after {after}")
    bob.says(f"so am I after {after}")
    bob.hears("PRIVMSG", ROOM, f"I am here after {after}")
    shown = screen.sees(f"so am I after {after}")
    assert shown.count(f"so am I after {after}") == 1, shown


@pytest.mark.parametrize("library", ["miniirc", "pydle"])
def test_a_bot_serves(tmp_path: Path, library: str, tls: bool) -> None:
    with serving_irc(tmp_path, tls=tls) as (server, host, port), Bob(server.port) as bob:
        bob.says("before: hello")
        with running_bot(library, port, *([host, "tls"] if tls else [])):
            bob.hears("PRIVMSG", ROOM, "here I am")
            bob.says("!echo good morning")
            bob.hears("PRIVMSG", ROOM, "good morning")
            bob.says("!topic bots and tea")
            bob.hears("TOPIC", ROOM, "bots and tea")
            bob.says("!history")
            bob.hears("PRIVMSG", ROOM, "bob said hello")
            bob.says("!nick robot")
            bob.hears("NICK", "robot")
            if not tls:
                os.kill(server.worker_of("robot"), signal.SIGKILL)
                bob.says("!echo its worker is dead")
                bob.hears("PRIVMSG", ROOM, "its worker is dead")
            server.kill_master()
            bob.says("!echo the master is dead")
            bob.hears("PRIVMSG", ROOM, "the master is dead")
            eventually("a master is back", server.is_ready)
            bob.says("!echo long live the master")
            bob.hears("PRIVMSG", ROOM, "long live the master")
            assert (bob.times("JOIN"), bob.times("QUIT"), bob.times("PART")) == (1, 0, 0)


@contextmanager
def running_bot(library: str, port: int, *more: str) -> Iterator[None]:
    """Run the bot made with ``library``; whatever it complains of is shown with a failure."""
    command = [sys.executable, str(BOTS / f"with_{library}.py"), str(port), "bot", ROOM, *more]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            yield
            assert process.poll() is None, "it has ended"
        finally:
            process.kill()
