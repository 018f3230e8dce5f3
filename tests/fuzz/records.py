"""Records for the channel that no worker of ours would send: right ones, wrong ones, no records."""

import random
from typing import Final

from chatd_workers.commands import Command, Proxied, Say, Secured, Send
from chatd_workers.dialects import DIALECTS
from chatd_workers.reports import (
    MAX_CARRY,
    MAX_RECORD,
    MAX_USED,
    Announce,
    Drained,
    Ended,
    Ready,
    Record,
    Report,
    Trace,
    encode,
)
from fuzz.lines import a_line

OVERSIZE: Final = MAX_RECORD + 4096


class Forger:
    """Makes records at random, of lines that are ``known``."""

    def __init__(self, dice: random.Random, known: list[bytes]) -> None:
        self._dice = dice
        self._known = known

    def commands(self, most: int) -> list[Command]:
        """Return up to ``most`` commands that a worker could report."""
        found = []
        for _ in range(self._dice.randrange(0, most + 1)):
            command = DIALECTS["irc"].read(a_line(self._dice, self._known))
            if command is not None:
                found.append(command)
        return found

    def report(self, used: int) -> bytes:
        """Return a report of ``used`` bytes that is right in all that the master can know."""
        return encode(Report(used, False, b"", self.commands(min(used, 3)), []))

    def broken(self, used: int) -> bytes:
        """Return what a worker should not send, in most cases."""
        dice = self._dice
        kind = dice.randrange(5)
        if kind == 0:
            return dice.randbytes(dice.choice((1, 2, 5, 40, 1000, OVERSIZE)))
        record = bytearray(encode(self._wrong(used)) if kind < 3 else self.report(used))
        if kind != 1:
            for _ in range(dice.choice((1, 1, 2, 8))):
                self._mutate(record)
        return bytes(record)

    def _wrong(self, used: int) -> Record:
        dice = self._dice
        number = dice.choice((0, 1, used, MAX_USED, MAX_USED + 1, -1, 1 << 63))
        text = "x" * dice.choice((0, 1, 100, 20_000))
        wrong: list[Record] = [
            Report(number, dice.random() < 0.5, b"", self.commands(3), []),
            Report(used, True, b"x" * dice.choice((1, used, MAX_CARRY, MAX_CARRY + 1)), [], []),
            Report(used, False, b"", self.commands(3) * 30, []),
            Report(used, False, b"", [], [Proxied("192.0.2.1", number % 65536)]),
            Report(used, False, b"", [], [Secured("TLSv1.3", text, "")] * dice.randrange(1, 4)),
            Announce(number),
            Drained(),
            Ready(),
            Trace(text),
            Ended(text, told=dice.random() < 0.5),
            Ended("gone\r\nc0 : forged", told=dice.random() < 0.5),
            Report(used, False, b"", [Say("gone\nc0 : forged")], []),
            Report(used, False, b"", [Send("say", ["#calm"], "x", {"k": "\x1b[2J"})], []),
        ]
        return dice.choice(wrong)

    def _mutate(self, record: bytearray) -> None:
        dice = self._dice
        at = dice.randrange(len(record)) if record else 0
        match dice.randrange(4):
            case 0 if record:
                record[at] = dice.randrange(256)
            case 1:
                record[at:at] = dice.randbytes(dice.choice((1, 2, 100)))
            case 2:
                del record[at : at + dice.choice((1, 2, 10))]
            case _:
                record[at:at] = record[at : at + dice.choice((1, 4, 50))]
