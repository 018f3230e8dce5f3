"""The dialects of chat-client for the tests: pure, with what a server of IRC greets with."""

import random
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from chatd_client.dialogue import Dialogue
from chatd_client.exchange import (
    News,
    Resume,
    Say,
    Target,
)
from chatd_client.irc.engine import Engine
from chatd_client.plain import LabDialogue
from chatd_client.text import TextDialogue
from chatd_workers.names import is_passable

WALL: Final = 1_795_429_920_000_000

RESUME: Final = Resume(target=Target(host="h", nick="alice", rooms=("#ops", "#tea key")))

DIALECTS: Final[dict[str, Callable[[Resume, list[Say]], Dialogue]]] = {
    "irc": lambda resume, says: Engine(resume, says, wall=WALL, dice=random.Random(1)),
    "text": lambda resume, says: TextDialogue(resume, says, wall=WALL),
    "lab": lambda resume, says: LabDialogue(resume, says, wall=WALL),
}

OFFERED: Final = (
    "message-tags server-time batch labeled-response echo-message draft/chathistory chathistory"
    " draft/read-marker multi-prefix chatd/once"
)

GREETING: Final = (
    f":irc.example CAP * LS :{OFFERED} sasl\r\n".encode(),
    f":irc.example CAP alice ACK :{OFFERED}\r\n".encode(),
    b":irc.example 001 alice :Welcome\r\n",
    b":irc.example 004 alice irc.example chatd-0.1 i ntb\r\n",
    b":irc.example 005 alice CHANTYPES=# CASEMAPPING=ascii CHATHISTORY=100 :are supported\r\n",
    b":irc.example 422 alice :No MOTD\r\n",
)

Step = tuple[str, Any]


def strings_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from strings_of(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from strings_of(each)


def played(dialogue: Dialogue, happening: list[Step]) -> list[News]:
    """Have all of it happen; see that what is sent and told is harmless; return what is told."""
    now = 1.0
    told: list[News] = []
    # Of the lab's lines NUL is the end.
    end = b"\0" if isinstance(dialogue, LabDialogue) else b"\n"
    dialogue.begin(now)
    for kind, what in happening:
        if kind == "order":
            dialogue.order(what, now)
        elif kind == "passed":
            now += what
            dialogue.tick(now)
        else:
            dialogue.receive(what, now)
        output, news = dialogue.take()
        for line in re.split(end, output):
            assert b"\0" not in line
            assert b"\r" not in line.removesuffix(b"\r"), line
            line.decode()
        for each in news:
            for text in strings_of(msgspec.to_builtins(each)):
                assert all(map(is_passable, text.split("\n"))), text
        assert dialogue.wake is None or dialogue.wake >= 0
        told += news
    dialogue.under_way()
    return told
