"""Lines of IRC, taken apart and looked at: the grammar, and what holds for every line."""

from collections.abc import Sequence
from typing import NamedTuple

LONGEST = 512
"""Bytes of a line with its end, without tags (RFC 1459 2.3)."""

LONGEST_TAGS = 8191
"""Bytes of the tags, with ``@`` and the space behind them (IRCv3 message-tags)."""

ESCAPES = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}
"""What follows a backslash in the value of a tag, and what it stands for."""


class Message(NamedTuple):
    """One line, taken apart."""

    tags: dict[str, str]
    """Unescaped; "" also for a tag without a value, which means the same."""
    source: str
    verb: str
    params: list[str]

    @property
    def nick(self) -> str:
        """Who the source is, without user and host."""
        return self.source.partition("!")[0]

    def __str__(self) -> str:
        tags = "".join(f" {key}={value!r}" for key, value in self.tags.items())
        return f"{self.source} {self.verb} {self.params}{tags}"


def unescape(value: str) -> str:
    """Return the value of a tag as it is meant (IRCv3 message-tags, "Escaping values")."""
    found = []
    characters = iter(value)
    for character in characters:
        if character == "\\":
            following = next(characters, "")
            found.append(ESCAPES.get(following, following))
        else:
            found.append(character)
    return "".join(found)


def parse(line: str) -> Message:
    """Take a line, without its end, apart. Raises AssertionError if it is no message."""
    tags: dict[str, str] = {}
    source = ""
    rest = line
    if rest.startswith("@"):
        raw, _, rest = rest[1:].partition(" ")
        for tag in raw.split(";"):
            key, _, value = tag.partition("=")
            assert key, f"a tag without a name in {line!r}"
            assert key not in tags, f"{key} twice in {line!r}"
            tags[key] = unescape(value)
        rest = rest.lstrip(" ")
    if rest.startswith(":"):
        source, _, rest = rest[1:].partition(" ")
        rest = rest.lstrip(" ")
    head, colon, trailing = (" " + rest).partition(" :")
    words = head.split()
    assert words, f"no command in {line!r}"
    if colon:
        words.append(trailing)
    return Message(tags, source, words[0], words[1:])


def checked(line: bytes) -> str:
    """Return a line that came, without its end; what holds for every line must hold for it."""
    assert line.endswith(b"\r"), f"a line that ends with LF alone: {line!r}"
    tags = 0
    if line.startswith(b"@"):
        tags = line.index(b" ") + 1
    assert tags <= LONGEST_TAGS, f"{tags} bytes of tags: {line!r}"
    assert len(line) + 1 - tags <= LONGEST, f"{len(line) + 1 - tags} bytes: {line!r}"
    assert b"\0" not in line, f"NUL in {line!r}"
    return line[:-1].decode()


def is_like(message: Message, verb: str, params: Sequence[str | None]) -> bool:
    """Tell whether ``message`` has that verb, and those params at its beginning; None is any."""
    return (
        message.verb == verb
        and len(message.params) >= len(params)
        and all(want in {None, got} for want, got in zip(params, message.params, strict=False))
    )


def shown(messages: Sequence[Message]) -> str:
    """Return messages as a person reads them."""
    return "\n    ".join(map(str, messages)) or "nothing"
