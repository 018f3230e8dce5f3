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
carol, dave, erin, frank; in any case) becomes ``alice17``, ``#x`` becomes ``#x17``, and ``NN`` is
the suffix. ``(a*400)`` stands for 400 times ``a``, ``(b64:...)`` for ... in base64 with ``\\0``
as NUL.

A pattern is a message. What it does not say is not asked: without a source any may come, without
tags any may come; ``@-`` asks that there be none, ``@!x`` that there be no ``x``. All params must
be there, up to a last ``[...]``. Of a numeric the first param is left out: it must be the nick
(``*`` before registration will do), and the source must be the server. In verb, source, params and
values of tags ``...`` is anything, ``{n}`` a number, ``{time}`` a server-time, ``{host}`` a host,
``{id}`` an id without spaces; ``<x>`` is remembered, and is the same wherever it stands later;
``A|B`` is either, in a verb, or in a param in capitals. A source ``alice!`` is alice with any user and host. A param
``[a b]`` is these words in any order.
"""

import base64
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from irc_harness import SERVER_NAME, Message

ROWS = Path(__file__).with_name("rows")

PEOPLE = ("alice", "bob", "carol", "dave", "erin", "frank")

CLASSES = {
    "n": r"\d+",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "host": r"[0-9A-Za-z_:./-]+",
    "id": r"[^ ]+",
    "any": r".*",
}

_PART = re.compile(r"(\.\.\.|\{\w+\}|<\w+>)")
_SUFFIXED = re.compile(rf"(\b(?:{'|'.join(PEOPLE)})\b|#[A-Za-z]\w*|NN)", re.IGNORECASE)
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
        return suffix if match[0] == "NN" else match[0] + suffix

    return [_expanded(_SUFFIXED.sub(own, step)) for step in steps]


def _expanded(step: str) -> str:
    """Return ``step`` with all that stands for something else; sent bytes keep their escapes."""

    def encoded(match: re.Match[str]) -> str:
        return base64.b64encode(match[1].replace("\\0", "\0").encode()).decode()

    step = _ENCODED.sub(encoded, step)
    if " >> " not in step:
        step = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), step)
    return _REPEATED.sub(lambda match: match[1] * int(match[2]), step)


class Pattern:
    """What a message is to be like."""

    def __init__(self, text: str, known: dict[str, str]) -> None:
        """``known``: what has been remembered; ``match`` adds to it."""
        self.text = text
        self._known = known
        rest = text
        self._tags: list[str] = []
        self._source = ""
        if rest.startswith("@"):
            tags, _, rest = rest[1:].partition(" ")
            self._tags = tags.split(";")
        if rest.startswith(":"):
            self._source, _, rest = rest[1:].partition(" ")
        self._verb, self._params = _split(rest)

    def mismatch(self, message: Message, nick: str) -> str:
        """Return how ``message``, to somebody called ``nick``, differs; "" if it does not."""
        found: dict[str, str] = {}
        params = list(message.params)
        if message.verb not in self._verb.split("|"):
            return f"verb {message.verb}"
        if message.verb.isdigit():
            if message.source != SERVER_NAME:
                return f"the source of a numeric is {message.source}"
            if not params or params.pop(0) not in {nick, "*" if nick == "*" else nick}:
                return f"it is for {message.params[:1]}, not {nick}"
        if self._source and not self._fits(_source(self._source), message.source, found):
            return f"source {message.source}"
        wanted = list(self._params)
        if wanted[-1:] == ["[...]"]:
            wanted.pop()
            params = params[: len(wanted)]
        if len(wanted) != len(params):
            return f"{len(params)} params"
        for want, got in zip(wanted, params, strict=True):
            if not self._fits_param(want, got, found):
                return f"param {got!r}, not {want!r}"
        wrong = self._wrong_tag(message.tags, found)
        if not wrong:
            self._known.update(found)
        return wrong

    def _fits_param(self, want: str, got: str, found: dict[str, str]) -> bool:
        if re.fullmatch(r"[A-Z_]+(\|[A-Z_]+)+", want):
            return got in want.split("|")
        if want.startswith("[") and want.endswith("]"):
            return sorted(want[1:-1].split()) == sorted(got.split())
        return self._fits(want, got, found)

    def _fits(self, want: str, got: str, found: dict[str, str]) -> bool:
        regex = ""
        for part in _PART.split(want):
            name = part[1:-1]
            if part == "...":
                regex += ".*"
            elif part.startswith("{") and name in CLASSES:
                regex += CLASSES[name]
            elif part.startswith("<") and part.endswith(">"):
                value = found.get(name, self._known.get(name))
                regex += f"(?P<{name}>.+)" if value is None else re.escape(value)
            else:
                regex += re.escape(part)
        match = re.fullmatch(regex, got, re.DOTALL)
        if match is not None:
            found.update(match.groupdict())
        return match is not None

    def _wrong_tag(self, tags: dict[str, str], found: dict[str, str]) -> str:
        for tag in self._tags:
            key, has_value, value = tag.partition("=")
            if key == "-":
                if tags:
                    return f"tags {tags}"
            elif key.startswith("!"):
                if key[1:] in tags:
                    return f"there is a tag {key[1:]}"
            elif key not in tags:
                return f"no tag {key}"
            elif not self._fits(value if has_value else "", tags[key], found):
                return f"tag {key}={tags[key]!r}"
        return ""


def _split(text: str) -> tuple[str, list[str]]:
    """Return verb and params of a pattern; a param in brackets may have spaces."""
    head, colon, trailing = (" " + text).partition(" :")
    words = re.findall(r"\[[^\]]*\](?= |$)|\S+", head)
    if colon:
        words.append(trailing)
    return words[0], words[1:]


def _source(pattern: str) -> str:
    if pattern == "server":
        return SERVER_NAME
    return f"{pattern}...@..." if pattern.endswith("!") else pattern
