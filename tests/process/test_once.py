"""Lines with an id: said once, also when they come twice at once, or again after a death."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Server, eventually
from irc_harness import IRC_CONFIG, IrcClient
from irc_messages import Message

ID = "o" * 22


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path, IRC_CONFIG, supervised=True)
    yield running
    assert running.stop() == 0


def enter(server: Server, nick: str) -> IrcClient:
    client = IrcClient(server.port)
    client.send(
        "CAP REQ :chatd/once message-tags echo-message", f"NICK {nick}", f"USER {nick} 0 * x"
    )
    client.send("CAP END", "JOIN #x")
    client.until("366")
    return client


def echoes(client: IrcClient, count: int) -> list[Message]:
    return [client.until("PRIVMSG", "#x", patience=15)[-1] for _ in range(count)]


def test_what_comes_twice_in_one_write_is_one_line(server: Server) -> None:
    with enter(server, "ann") as ann, enter(server, "bob") as bob:
        ann.send(f"@chatd/once={ID} PRIVMSG #x :one", f"@chatd/once={ID} PRIVMSG #x :two")
        first, second = echoes(ann, 2)
        assert first == second
        assert first.params == ["#x", "one"]
        ann.send("PRIVMSG #x :end")
        heard = bob.until("PRIVMSG", "#x", "end")
        said = [message for message in heard if message.verb == "PRIVMSG"]
        assert [message.params[-1] for message in said] == ["one", "end"]
        assert said[0].tags == {"msgid": first.tags["msgid"]}


def test_what_comes_over_two_connections_at_once_is_one_line(server: Server) -> None:
    with enter(server, "ann") as ann, enter(server, "bob") as bob, enter(server, "cat") as cat:
        for turn in range(20):
            line = f"@chatd/once={ID}{turn} PRIVMSG #x :{turn}"
            ann.send(line)
            bob.send(line)
        cat.send("PRIVMSG #x :end")
        ann.send("PRIVMSG #x :end")
        bob.send("PRIVMSG #x :end")
        heard = [cat.until("PRIVMSG", "#x", "end") for _ in range(3)]
        said = [message.params[-1] for part in heard for message in part[:-1]]
        assert sorted(said, key=int) == [str(turn) for turn in range(20)]


@pytest.mark.parametrize("whose", ["worker", "master"])
def test_an_answer_is_the_same_after_a_death(server: Server, whose: str) -> None:
    with enter(server, "ann") as ann:
        ann.send(f"@chatd/once={ID} PRIVMSG #x :one")
        [first] = echoes(ann, 1)
        if whose == "worker":
            os.kill(server.worker_of("ann"), signal.SIGKILL)
        else:
            server.kill_master()
        ann.send(f"@chatd/once={ID} PRIVMSG #x :one")
        [second] = echoes(ann, 1)
        assert second == first
        eventually("the server is ready", server.is_ready)
