"""The screen of chat-client when nobody has said which room: one is somewhere, and can talk."""

from collections.abc import Iterator

import pytest

from harness import CHAT_CLIENT, Client, Server, serving
from irc_harness import IRC_CONFIG
from terminals import Terminal

TEXT_TOO = '\n[[listen]]\naddress = "127.0.0.1:0"\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), IRC_CONFIG + TEXT_TOO) as running:
        yield running


@pytest.mark.parametrize(("listener", "nick"), [(0, "iris"), (1, "tess")], ids=["irc", "text"])
def test_a_newcomer_is_in_the_lobby_and_can_talk(server: Server, listener: int, nick: str) -> None:
    friend = Client(server.ports[1]).greet(f"{nick}s-friend")
    server.clients.append(friend)
    address = f"127.0.0.1:{server.ports[listener]}"
    with Terminal(CHAT_CLIENT, address, "--nick", nick) as terminal:
        terminal.sees(rf"#lobby.*\n(.*\n)*.*{nick}  online")
        terminal.type("good morning\r")
        friend.until(f"{nick} : good morning")
        friend.send("and to you\n")
        terminal.sees(rf"{nick}s-friend │ and to you")
        terminal.type("/quit\r")
        friend.until(f"--- {nick} left #lobby")


def test_what_was_asked_for_comes_first(server: Server) -> None:
    address = f"irc://127.0.0.1:{server.ports[0]}"
    with Terminal(CHAT_CLIENT, address, "--nick", "ann", "--room", "#ops") as terminal:
        terminal.sees(r"ann  online")
        terminal.type("hi\r")
        terminal.sees(r"ann │ hi")
        assert "#lobby" not in terminal.shown()


def test_on_the_text_wire_words_are_heard_where_they_are_said_or_nowhere(server: Server) -> None:
    """One is in one room at a time there, whatever windows one has."""
    address = f"127.0.0.1:{server.ports[1]}"
    rooms = ("--room", "#ops", "--room", "#tea")
    friend = Client(server.ports[1]).greet("texas")
    server.clients.append(friend)
    friend.send("/join #ops\n")
    friend.until("--- you are in #ops")
    with Terminal(CHAT_CLIENT, address, "--nick", "tom", *rooms) as terminal:
        terminal.sees(r"you are in #ops")
        terminal.sees("#ops >$")
        terminal.type("to all of ops\r")
        friend.until("tom : to all of ops")
        # On the way to another room it is not known yet where one is heard.
        terminal.type("/join #elsewhere\rsecret\r")
        terminal.sees(r"tom │ secret\n")
        terminal.press("Alt-1")
        terminal.type("not heard\r")
        terminal.sees(r"not said: not heard \(you are in #elsewhere")
        terminal.type("/join #bad,name\rlost\r")
        terminal.sees(r"not said: lost \(you are in #elsewhere")
        terminal.press("Alt-1")
        terminal.type("/join #ops\rback again\r")
        friend.until("tom : back again")
        terminal.type("/quit\r")
        assert terminal.exit_code() == 0
    assert b"secret" not in friend.received
