"""The rows of the conformance table: how they are written, and how they are read.

A file in rows/ holds rows. A row begins with a line

    == WHAT ... | WHERE | WHAT HOLDS

WHAT are the commands, numerics and capabilities that it shows, WHERE is the section of the
specification that says so, WHAT HOLDS names the test. ``server=NAME`` among WHAT asks for another
server than the usual one (``servers.py``). What follows is a script, a step a line; a line that
begins with ``--`` is a comment.

    alice enters [with CAP ...]  connects, registers as alice, and reads the greeting to its end
    alice connects               connects and says nothing
    alice drops                  closes her connection without a word
    alice joins #x [KEY]         (enters, if she has not,) joins; all forget what they heard of it
    alice is oper                becomes an operator, and all forget what they heard of it
    alice > LINE                 sends a line
    alice >> BYTES               sends bytes as they are, after escapes as in Python (\\r, \\xff)
    alice < PATTERN              the next that she hears is like this
    alice <* PATTERN             several such lines: the next ones are these, in any order
    alice <~ PATTERN             something that she hears is like this; what comes before is dropped
    alice <! PATTERN             nothing of all that she has been sent is like this; all is dropped
    alice <.                     nothing more has been sent to her
    alice awaits PATTERN         the next that she hears, which comes by itself, is like this
    alice closed                 nothing more, and the connection is closed by the server
    alice registers PASSWORD     her nick becomes an account, and she is logged in; all forget it
    alice proves-for ACCOUNT PASSWORD by MECHANISM
                                 authenticates by SASL, up to where the server says how it went
    alice joins as many as allowed, alice fills b of #x
                                 up to what CHANLIMIT and MAXLIST say; all forget it
    alice knows 005              005 is asked for and is well-formed
    alice pauses                 so that what comes next has a later server-time
    ---                          everybody hears everything up to here, and forgets it

Names of people and channels get a suffix, so that all rows can meet one server: ``alice`` (and bob,
carol, dave, erin, frank; in any case) becomes ``alice17``, ``#x`` becomes ``#x17``, and ``%%`` is
the suffix. ``(a*400)`` stands for 400 times ``a``, ``(b64:...)`` for ... in base64, with a
semicolon for each NUL.

What PATTERN may be is told in ``patterns.py``.
"""

import base64
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROWS = Path(__file__).with_name("rows")

PEOPLE = ("alice", "bob", "carol", "dave", "erin", "frank")

_SUFFIXED = re.compile(rf"(\b(?:{'|'.join(PEOPLE)})\b|#[A-Za-z]\w*|%%)", re.IGNORECASE)
_REPEATED = re.compile(r"\((.+?)\*(\d+)\)")
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")
_ENCODED = re.compile(r"\(b64:(.*?)\)")


class Row(NamedTuple):
    """One row of the table."""

    name: str
    shows: frozenset[str]
    server: str
    where: str
    steps: tuple[str, ...]


def rows() -> Iterator[Row]:
    """Return all rows of all files."""
    for path in sorted(ROWS.glob("*.irc")):
        yield from _rows_of(path.stem, path.read_text("utf-8"))


def _rows_of(area: str, text: str) -> Iterator[Row]:
    before, *chunks = re.split(r"^== ", text, flags=re.MULTILINE)
    assert all(line.startswith("--") for line in before.split("\n") if line), area
    for chunk in chunks:
        head, *lines = chunk.split("\n")
        fields = [field.strip() for field in head.split("|")]
        assert len(fields) == 3, f"{area}: {head}"
        what, where, holds = fields
        words = what.split()
        servers = [word.removeprefix("server=") for word in words if word.startswith("server=")]
        shows = frozenset(word for word in words if not word.startswith("server="))
        steps = tuple(line for line in lines if line.strip() and not line.startswith("-- "))
        assert shows, f"{area}: {head}"
        assert steps, f"{area}: {head}"
        yield Row(f"{area}: {holds}", shows, (servers or ["usual"])[0], where, steps)


_suffixes = itertools.count(1)


def prepared(steps: tuple[str, ...]) -> list[str]:
    """Return ``steps`` with names of their own."""
    suffix = str(next(_suffixes))

    def own(match: re.Match[str]) -> str:
        return suffix if match[0] == "%%" else match[0] + suffix

    return [_expanded(_SUFFIXED.sub(own, step)) for step in steps]


def _expanded(step: str) -> str:
    """Return ``step`` with all that stands for something else; sent bytes keep their escapes."""

    def encoded(match: re.Match[str]) -> str:
        return base64.b64encode(match[1].replace(";", "\0").encode()).decode()

    step = _ENCODED.sub(encoded, step)
    if " >> " not in step:
        step = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), step)
    return _REPEATED.sub(lambda match: match[1] * int(match[2]), step)
