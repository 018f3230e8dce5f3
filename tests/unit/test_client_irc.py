"""chat-client on IRC: what it says and tells, line by line."""

import re
from typing import Final

import msgspec
import pytest

from chatd_client.dialogue import Dialogue
from chatd_client.exchange import (
    Came,
    Doubtful,
    News,
    Phase,
    Refused,
    Said,
    Say,
    Sent,
    Status,
)
from chatd_client.memory import Memory
from client_dialects import DIALECTS, GREETING, RESUME, played


def greeted() -> Dialogue:
    """Return a client of IRC that is online, with its output and news taken."""
    engine = DIALECTS["irc"](RESUME, [])
    told = played(engine, [("said", line) for line in GREETING])
    assert any(isinstance(each, Status) and each.phase is Phase.ONLINE for each in told)
    return engine


def settled(engine: Dialogue, *lines: str) -> tuple[list[str], list[News]]:
    """Have the server say ``lines``, and that nothing was missed whenever it is asked.

    Return all lines that are said to it, and what is told.
    """
    sent: list[str] = []
    told: list[News] = []
    answers = list(lines)
    while answers:
        engine.receive("".join(f"{line}\r\n" for line in answers).encode(), 2.0)
        output, news = engine.take()
        said = output.decode().split("\r\n")[:-1]
        sent += said
        told += news
        answers = [
            f":irc.example BATCH {sign}p chathistory #ops"
            for _ in [line for line in said if "CHATHISTORY" in line]
            for sign in "+-"
        ]
    return sent, told


def label_of(lines: list[str]) -> str:
    [line] = [line for line in lines if "PRIVMSG" in line]
    found = re.search("label=([^; ]+)", line)
    assert found
    return found[1]


JOINED: Final = (":alice!a@h JOIN #ops", ":irc.example 366 alice #ops :End")


def saying(engine: Dialogue) -> str:
    """Have ``hello`` said in #ops; return its label."""
    settled(engine, *JOINED)
    engine.order(Say(id="one", room="#ops", text="hello"), 2.0)
    lines = engine.take()[0].decode().split("\r\n")
    assert any("chatd/once=one" in line for line in lines)
    assert engine.under_way() == ("one",)
    return label_of(lines)


def test_a_line_is_confirmed_by_its_echo_and_only_by_that() -> None:
    engine = greeted()
    label = saying(engine)
    for other in (":bob!b@h PRIVMSG #ops :hello", f"@label={label}x :bob!b@h PRIVMSG #ops :hello"):
        _, told = settled(engine, other)
        assert [each.sent for each in told if isinstance(each, Said)] == [""]
    assert engine.under_way() == ("one",)
    echo = f"@label={label};chatd/once=one;msgid=m1 :alice!a@h PRIVMSG #ops :hello"
    _, [said] = settled(engine, echo)
    assert isinstance(said, Said)
    assert (said.sent, said.own, said.text, said.msgid) == ("one", True, "hello", "m1")
    # Told, it is over for whoever keeps it; until then it would be said again.
    memory = Memory(RESUME)
    memory.ordered(Say(id="one", room="#ops", text="hello"))
    memory.heard(said)
    assert not memory.says


def test_the_same_words_twice_are_said_twice() -> None:
    engine = greeted()
    settled(engine, *JOINED)
    line = ":bob!b@h PRIVMSG #ops :ha"
    _, told = settled(engine, line, line, line)
    assert [each.text for each in told if isinstance(each, Said)] == ["ha"] * 3
    line = f"@time=2026-11-26T10:00:00.000Z;msgid=m1 {line}"
    _, told = settled(engine, line, line, line)
    assert [each.text for each in told if isinstance(each, Said)] == ["ha"]


def test_a_refusal_is_of_the_line_with_that_label() -> None:
    engine = greeted()
    label = saying(engine)
    _, [refused] = settled(
        engine, f"@label={label} :irc.example 404 alice #ops :Cannot send to channel"
    )
    assert isinstance(refused, Refused)
    assert refused.sent == "one"
    assert "Cannot send" in refused.why
    assert engine.under_way() == ()


@pytest.mark.parametrize("dialect", ["text", "lab"])
def test_what_may_have_arrived_is_not_said_again_where_nobody_knows(dialect: str) -> None:
    says = [Say(id="one", room="#lobby", text="first"), Say(id="two", room="#lobby", text="next")]
    resume = msgspec.structs.replace(RESUME, under_way=("one",), was_online=True)
    dialogue = DIALECTS[dialect](resume, says)
    _, told = dialogue.take()
    assert [each.sent for each in told if isinstance(each, Doubtful)] == ["one"]
    assert dialogue.under_way() == ()


def test_what_may_have_arrived_is_said_again_with_its_id_where_that_is_once() -> None:
    says = [Say(id="one", room="#ops", text="first"), Say(id="two", room="#ops", text="next")]
    resume = msgspec.structs.replace(
        RESUME, under_way=("one",), was_online=True, rooms=("#ops",), nick="alice"
    )
    engine = DIALECTS["irc"](resume, says)
    played(engine, [("said", line) for line in GREETING])
    sent, told = settled(engine, *JOINED)
    lines = [line for line in sent if "PRIVMSG" in line]
    assert ["chatd/once=one" in lines[0], "chatd/once=two" in lines[1]] == [True, True]
    assert len(lines) == 2
    assert not [each for each in told if isinstance(each, (Doubtful, Sent))]


def test_a_nick_that_is_taken_is_tried_otherwise() -> None:
    engine = DIALECTS["irc"](RESUME, [])
    engine.begin(1.0)
    engine.take()
    engine.receive(GREETING[0] + GREETING[1], 1.0)
    engine.take()
    engine.receive(b":irc.example 433 * alice :Nickname is already in use\r\n", 1.0)
    sent = engine.take()[0].decode()
    nick = sent.partition("NICK ")[2].partition("\r\n")[0]
    assert nick.startswith("alice")
    assert nick != "alice"


def test_one_comes_into_the_rooms_that_were_asked_for() -> None:
    engine = DIALECTS["irc"](RESUME, [])
    engine.begin(1.0)
    for line in GREETING:
        engine.receive(line, 1.0)
    sent = engine.take()[0].decode().split("\r\n")
    assert [line for line in sent if line.startswith("JOIN")] == ["JOIN #ops", "JOIN #tea key"]
    _, told = settled(engine, *JOINED)
    [came] = [each for each in told if isinstance(each, Came)]
    assert came.own
