r"""A line of IRC as data, both ways: pure, and no opinion on what any verb means.

::

    line   = ["@" tags SPACE] [":" source SPACE] verb *14( SPACE middle ) [SPACE [":"] trailing]
    tags   = tag *(";" tag)        tag = key ["=" escaped]

(Modern, "Message format"; IRCv3 message-tags.) Bounds are in bytes and do not count the CRLF.
What is read may be anything; what is written is always one line: a parameter that could not be
read back in its place is replaced by ``*``, because whoever caused it would else choose the words
of a line that is not theirs.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from chatd_workers.names import REPLACEMENT

MAX_TAGS: Final = 4094
"""Bytes of tags that a client may send, without the ``@`` and the space (message-tags)."""

MAX_REST: Final = 510
"""Bytes of a line without its tags."""

MAX_PARAMS: Final = 15
"""Parameters of a line; the last takes whatever is left (RFC 1459, 2.3)."""

_ACTION: Final = "\x01ACTION"

_ESCAPES: Final = {";": "\\:", " ": "\\s", "\\": "\\\\", "\r": "\\r", "\n": "\\n"}
_TO_ESCAPE: Final = {**str.maketrans(_ESCAPES), 0: REPLACEMENT}
_UNESCAPES: Final = {escape[1]: char for char, escape in _ESCAPES.items()}
_ESCAPED: Final = re.compile(r"\\(.?)", re.DOTALL)

# [+][vendor/]key; the vendor is the name of a host.
_KEY: Final = re.compile(r"\+?(?:[A-Za-z0-9.-]+/)?[A-Za-z0-9-]+")

_BREAKS: Final = str.maketrans(dict.fromkeys("\r\n\0", REPLACEMENT))


class Message(NamedTuple):
    """One line: ``source`` is empty if there is none, a tag without a value has an empty one."""

    tags: Mapping[str, str]
    source: str
    verb: str
    params: tuple[str, ...]


def parse(line: str) -> Message | None:
    """Return ``line`` (without its end) as data; None if it has no verb.

    More than one space between parts counts as one; tags that cannot be are left out.
    """
    tags: dict[str, str] = {}
    rest = line
    if rest.startswith("@"):
        data, _, rest = rest[1:].partition(" ")
        tags = parse_tags(data)
    rest = rest.lstrip(" ")
    source = ""
    if rest.startswith(":"):
        source, _, rest = rest[1:].partition(" ")
        rest = rest.lstrip(" ")
    verb, _, rest = rest.partition(" ")
    if not verb:
        return None
    params: list[str] = []
    while rest := rest.lstrip(" "):
        if rest.startswith(":") or len(params) == MAX_PARAMS - 1:
            params.append(rest.removeprefix(":"))
            break
        param, _, rest = rest.partition(" ")
        params.append(param)
    return Message(tags, source, verb, tuple(params))


def parse_tags(data: str) -> dict[str, str]:
    """Return tags by key; of two with one key the later counts."""
    tags = {}
    for tag in data.split(";"):
        key, _, value = tag.partition("=")
        if is_tag_key(key):
            tags[key] = unescape(value)
    return tags


def compose(message: Message) -> str:
    """Return ``message`` as one line, without its end. At most ``MAX_PARAMS`` parameters count."""
    words = [message.verb, *message.params[:MAX_PARAMS]]
    last = len(words) - 1
    line = " ".join(
        _middle(word) if index < last or not index else _last(word)
        for index, word in enumerate(words)
    )
    if message.source:
        line = f":{_middle(message.source)} {line}"
    if message.tags:
        line = f"@{compose_tags(message.tags)} {line}"
    return line


def compose_tags(tags: Mapping[str, str]) -> str:
    """Return ``tags`` as they stand between ``@`` and space; the keys have to be possible ones."""
    return ";".join(f"{key}={escape(value)}" if value else key for key, value in tags.items())


def escape(value: str) -> str:
    """Return a tag's value so that it can stand in a line."""
    return value.translate(_TO_ESCAPE)


def unescape(escaped: str) -> str:
    """Return the value meant: a backslash before any other character is dropped."""
    if "\\" not in escaped:
        return escaped
    return _ESCAPED.sub(lambda found: _UNESCAPES.get(found[1], found[1]), escaped)


def is_tag_key(key: str) -> bool:
    """Tell whether ``key`` can be a tag's, with or without the ``+`` of a client-only one."""
    return _KEY.fullmatch(key) is not None


def is_middle(param: str) -> bool:
    """Tell whether ``param`` can stand anywhere in a line, and not only last."""
    return bool(param) and param[0] != ":" and " " not in param


def clip(text: str, size: int) -> str:
    """Return as much of the beginning of ``text`` as fits into ``size`` bytes of UTF-8."""
    if len(text) * 4 <= size:
        return text
    return text.encode()[: max(size, 0)].decode("utf-8", "ignore")


def split(text: str, size: int) -> list[str]:
    """Return ``text`` in pieces of at most ``size`` bytes, cut at a space if that can be.

    A space at which it is cut is in neither piece. Empty text is one empty piece. ``size`` is at
    least 4: the bytes of one character.
    """
    pieces = []
    while len(piece := clip(text, size)) < len(text):
        cut = piece.rfind(" ") if text[len(piece)] != " " else len(piece)
        if cut <= 0:
            cut = len(piece)
        pieces.append(text[:cut])
        text = text[cut:].removeprefix(" ")
    return [*pieces, text]


def pack(words: Iterable[str], size: int, separator: str = " ") -> list[str]:
    """Return ``words`` joined into as few lines of at most ``size`` bytes as their order allows.

    A word that is longer than a line has one of its own, clipped. No words: no lines.
    """
    lines: list[str] = []
    room = 0
    for word in words:
        need = len(word.encode()) + len(separator)
        if lines and need <= room:
            lines[-1] += separator + word
        else:
            lines.append(clip(word, size))
            room = size + len(separator)
        room -= need
    return [line for line in lines if line]


def read_action(text: str) -> str | None:
    """Return what is done in a CTCP ACTION (``/me``), or None if ``text`` is none.

    The 0x01 at its end may be missing (Modern, "CTCP").
    """
    if not text.startswith(_ACTION) or text[len(_ACTION) : len(_ACTION) + 1] not in (
        "",
        " ",
        "\x01",
    ):
        return None
    return text[len(_ACTION) :].removesuffix("\x01").removeprefix(" ")


def write_action(text: str) -> str:
    """Return the CTCP ACTION that does ``text``."""
    return f"{_ACTION} {text}\x01"


def unbroken(line: str) -> str:
    """Return ``line`` with U+FFFD for each character that would end it (and NUL)."""
    # Formatting is not printable, either, and stays.
    return line if line.isprintable() else line.translate(_BREAKS)


def _middle(param: str) -> str:
    safe = unbroken(param)
    return safe if is_middle(safe) else "*"


def _last(param: str) -> str:
    safe = unbroken(param)
    return safe if is_middle(safe) else f":{safe}"
