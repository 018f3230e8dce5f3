"""Lines for a reader of IRC that nobody would type: those of the conformance table, mutated."""

import random
import re
from collections.abc import Callable

from conformance.rows_format import prepared, rows

MOST = 8300
"""Bytes of the longest line; the framing cuts longer ones before a reader sees them."""

VERBS = 0.2
"""How often the verb may be mutated, too: then hardly anything is left to be understood."""

PIECES = (
    *(b" ", b":", b" :", b",", b"@", b";", b"=", b"\\", b"#", b"+", b"-", b"*", b"?", b"!", b"%"),
    *(b"\0", b"\r", b"\x01", b"\x02", b"\x7f", b"\x1b[31m", b"\t", b"\xff", b"\xc3", b"\xf0\x9f"),
    *("é".encode(), "\u202e".encode(), "\U0001f603".encode(), "\ufeff".encode(), b"\xed\xa0\x80"),
    *(b"0", b"-1", b"999999999999999999999", b"1e9", b"NaN", b"@label=x ", b"@+draft/reply=1 "),
    *(b"msgid=1", b"timestamp=2026-01-01T00:00:00.000Z", b"timestamp=", b"#x1", b"@#x1", b"alice1"),
)
"""What is put into lines."""

_PERSON = re.compile(r"\b(?:alice|bob|carol|dave|erin|frank)\d+")
_ROOM = re.compile(r"#\w+")

Mutation = Callable[[random.Random, bytearray, list[bytes]], None]


def corpus() -> list[bytes]:
    """Return every line that the table has somebody send, with few names in all of them."""
    found = set()
    for row in rows():
        for step in prepared(row.steps):
            _, _, said = step.partition(" > ")
            if said:
                line = _ROOM.sub("#x1", _PERSON.sub(lambda m: m[0].rstrip("0123456789"), said))
                found.add(line.encode()[:MOST])
    return sorted(found)


def _flip(dice: random.Random, line: bytearray, _: list[bytes]) -> None:
    if line:
        line[dice.randrange(len(line))] = dice.randrange(256)


def _insert(dice: random.Random, line: bytearray, _: list[bytes]) -> None:
    at = dice.randrange(len(line) + 1)
    line[at:at] = dice.choice(PIECES) * dice.choice((1, 1, 1, 2, 3, 20))


def _remove(dice: random.Random, line: bytearray, _: list[bytes]) -> None:
    at = dice.randrange(len(line) + 1)
    del line[at : at + dice.choice((1, 1, 2, 5, 50))]


def _repeat(dice: random.Random, line: bytearray, _: list[bytes]) -> None:
    at = dice.randrange(len(line) + 1)
    part = bytes(line[at : at + dice.choice((1, 3, 10, 30))])
    line[at:at] = part * dice.choice((1, 2, 5, 100))


def _cross(dice: random.Random, line: bytearray, others: list[bytes]) -> None:
    other = dice.choice(others)
    line[dice.randrange(len(line) + 1) :] = other[dice.randrange(len(other) + 1) :]


def _shuffle(dice: random.Random, line: bytearray, _: list[bytes]) -> None:
    words = bytes(line).split(b" ")
    dice.shuffle(words)
    line[:] = b" ".join(words)


MUTATIONS: tuple[Mutation, ...] = (_flip, _insert, _insert, _remove, _repeat, _cross, _shuffle)


def a_line(dice: random.Random, known: list[bytes]) -> bytes:
    """Return a line: one of ``known`` as it is, or mutated, or bytes at random."""
    what = dice.random()
    if what < 0.5:
        return dice.choice(known)
    if what < 0.55:
        return dice.randbytes(dice.choice((0, 1, 5, 50, 600))).replace(b"\n", b" ")
    head, space, rest = dice.choice(known).partition(b" ")
    if head.startswith(b"@") or dice.random() < VERBS:
        head, space, rest = b"", b"", head + space + rest
    line = bytearray(rest)
    for _ in range(dice.choice((1, 1, 2, 3, 8))):
        dice.choice(MUTATIONS)(dice, line, known)
    return (head + space + line)[:MOST].replace(b"\n", b" ")
