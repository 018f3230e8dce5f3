"""chat-client on a server that knows next to nothing of IRCv3: ngircd (ngircd(8)).

No ids, no times, no labels, no echo, no history: what one says is known to have arrived because a
PING that was sent after it is answered.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.subjects import Subject, ngircd
from client_harness import piped
from harness import CHAT_CLIENT
from irc_harness import IrcClient
from terminals import Terminal


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Subject]:
    with ngircd(tmp_path / "ngircd") as running:
        yield running


def person(server: Subject, nick: str) -> IrcClient:
    client = IrcClient(server.port)
    client.send(f"NICK {nick}", f"USER {nick} 0 * :{nick}", "JOIN #ops")
    client.until("366", None, "#ops")
    return client


def chatting(server: Subject, *options: str) -> Terminal:
    return Terminal(CHAT_CLIENT, f"irc://127.0.0.1:{server.port}", *options)


def test_people_talk(server: Subject) -> None:
    with (
        person(server, "bob") as bob,
        chatting(server, "--nick", "alice", "--room", "#ops") as alice,
    ):
        alice.sees("alice  online")
        bob.until("JOIN", "#ops")
        alice.type("good morning\r")
        bob.until("PRIVMSG", "#ops", "good morning")
        alice.sees("alice │ good morning\n")
        bob.send("PRIVMSG #ops :and to you", "PRIVMSG #ops :ha", "PRIVMSG #ops :ha")
        alice.sees("bob │ and to you\n(.*\n)*.*bob │ ha\n.*bob │ ha\n")
        # What cannot be said is said so, and nothing hangs on it.
        bob.send("MODE #ops +m")
        alice.sees("mode \\+m by bob")
        alice.type("and now?\r")
        alice.sees("not said: and now\\?")
        alice.type("/msg bob psst\r")
        bob.until("PRIVMSG", "bob", "psst")
        alice.type("/whois bob\r")
        alice.sees("bob.*127.0.0.1|127.0.0.1.*bob")


def test_a_nick_that_is_taken(server: Subject) -> None:
    with (
        person(server, "alice"),
        chatting(server, "--nick", "alice", "--room", "#ops") as other,
    ):
        other.sees(r"alice\S+  online")


def test_a_script_says_everything_in_order(server: Subject) -> None:
    with person(server, "bob") as bob:
        lines = [f"line {number}" for number in range(12)]
        done = piped(
            "".join(f"{line}\n" for line in lines),
            *(f"irc://127.0.0.1:{server.port}", "-q", "--nick", "bot", "--room", "#ops"),
        )
        assert (done.returncode, done.stderr) == (0, "")
        heard = bob.until("PRIVMSG", "#ops", lines[-1])
        assert [each.params[-1] for each in heard if each.verb == "PRIVMSG"] == lines


def test_the_server_away_for_a_while(tmp_path: Path) -> None:
    with ngircd(tmp_path / "ngircd") as server:
        alice = chatting(server, "--nick", "alice", "--room", "#ops")
        alice.sees("alice  online")
    with alice:
        alice.sees("alice  offline")
        alice.type("is anybody there?\r")
        alice.sees("1 under way")
        with ngircd(tmp_path / "ngircd", server.port) as server, person(server, "bob") as bob:
            alice.sees("alice  online", 30)
            alice.sees(r"is anybody there\?\n")
            # It was said before bob came, or he has heard it: once.
            said = [each for each in bob.sync() if each.verb == "PRIVMSG"]
            assert len(said) <= 1
            assert alice.shown().count("is anybody there?") == 1
            bob.send("PRIVMSG #ops :back")
            alice.sees("bob │ back")
