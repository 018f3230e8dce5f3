r"""Lines of IRC as the server writes them: fast, and within the bounds whatever they hold.

A line has at most 512 bytes with its CRLF, tags apart (Modern, "Message format"). A text that
makes it longer is clipped between two characters. Names in events are valid already; what comes
from elsewhere, such as a word that the client made up, goes through ``middle``. Whatever an event
holds, what should be one line is one (``grammar.unbroken``): the hub has checked every text, and a
fault there must not let anybody write the lines of others.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from chatd_workers import capabilities as cap
from chatd_workers.dialects.irc.grammar import MAX_PARAMS, clip, escape, is_middle, pack, unbroken
from chatd_workers.dialects.irc.modes import PREFIXES
from chatd_workers.dialects.irc.numerics import NUMERICS
from chatd_workers.dialects.irc.timestamps import write_time
from chatd_workers.events import Source, Stamp, Tags

MAX_BODY: Final = 510
"""Bytes in a line without its tags and its CRLF."""

MAX_MODES: Final = 12
"""Parameters in one MODE (ISUPPORT's MODES): 15 parameters in a line, less target and letters, and
one that some clients lose."""

TAGGED: Final = cap.SERVER_TIME | cap.MESSAGE_TAGS | cap.ACCOUNT_TAG
"""Who has none of these gets no tags of an event."""

_MILLISECONDS: Final = tuple(f".{number:03}Z" for number in range(1000))

NOBODY: Final = Source("*")
"""For the tags of what comes from the server itself."""


def prefix(source: Source) -> str:
    """Return ``nick!user@host``, with ``*`` for what is not known; of a server its name alone."""
    if source.server:
        return source.nick
    return f"{source.nick or '*'}!{source.user or '*'}@{source.host or '*'}"


def tags_of(view: int, stamp: Stamp, source: Source, tags: Tags = ()) -> str:
    """Return the tags that who has ``view`` is to see, with ``@`` and space; or nothing."""
    found = ""
    if view & cap.SERVER_TIME and stamp.time:
        found = f";time={timestamp(stamp.time)}"
    if view & cap.MESSAGE_TAGS:
        if stamp.id:
            found += f";msgid={stamp.id}"
        if source.bot:
            found += ";bot"
        for key, value in tags:
            found += f";+{key}={escape(value)}" if value else f";+{key}"
    if view & cap.ACCOUNT_TAG and source.account:
        found += f";account={escape(source.account)}"
    return f"@{found[1:]} " if found else ""


def timestamp(time: int) -> str:
    """Return a time in microseconds as server-time writes it, in milliseconds."""
    return f"{_second(time // 1_000_000)}{_MILLISECONDS[time // 1000 % 1000]}"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return write_time(seconds * 1_000_000)[:19]


def middle(param: str) -> str:
    """Return ``param`` if it can stand within a line, and else ``*``."""
    return param if is_middle(param) else "*"


def last(param: str) -> str:
    """Return ``param`` as it can stand last in a line, with a colon only if it must have one."""
    return param if is_middle(param) else f":{param}"


def line(tags: str, body: str) -> bytes:
    """Return a whole line of ``tags`` (with their space) and ``body``, which is clipped to fit."""
    body = unbroken(body)
    data = body.encode()
    if len(data) > MAX_BODY:
        data = clip(body, MAX_BODY).encode()
    return b"%b%b\r\n" % (unbroken(tags).encode(), data)


def room_after(head: str) -> int:
    """Return the bytes that are left for text in a line that begins with ``head``.

    Never too few to say anything: names that alone fill a line make it longer than it may be.
    """
    return max(MAX_BODY - len(head.encode()), 32)


def numeric(server: str, to: str, name: str, params: tuple[str, ...] = ()) -> bytes:
    """Return the numeric ``name`` as a line; as several if it is a list that needs them."""
    code, text, parameters, _, separator = NUMERICS[name]
    named = len(parameters)
    several = bool(named) and parameters[-1].endswith("...")
    if text and (several or len(params) <= named):
        params = (*params[: MAX_PARAMS - 2], f":{text}")
    elif params:
        words = params[-1]
        colon = text or parameters[named - 1 if named else 0].startswith(":")
        params = (*params[:-1][: MAX_PARAMS - 2], f":{words}" if colon else last(words))
    head = f":{server} {code} {middle(to)}"
    for param in params[:-1]:
        head += f" {middle(param)}"
    if not params:
        return line("", head)
    if separator:
        return listed(f"{head} :", params[-1][1:].split(separator), separator)
    return line("", f"{head} {params[-1]}")


def listed(head: str, words: Iterable[str], separator: str = " ") -> bytes:
    """Return ``words`` in as few lines as can be, each beginning with ``head``; one at least."""
    lines = pack(words, room_after(head), separator)
    return "".join(f"{unbroken(head + text)}\r\n" for text in lines or [""]).encode()


def modes(head: str, changes: Iterable[tuple[str, str, str]]) -> list[str]:
    """Return bodies of MODE that begin with ``head``: signs as few as can be, all within bounds.

    ``changes`` are a sign, a letter and a parameter (empty: none) each.
    """
    bodies = []
    room = room_after(head)
    letters, params, sign, size = "", "", "", 0
    count = 0
    for new_sign, letter, parameter in changes:
        word = f" {middle(parameter)}" if parameter else ""
        need = 2 + len(word.encode())
        if letters and (size + need > room or (word and count == MAX_MODES)):
            bodies.append(f"{head}{letters}{params}")
            letters, params, sign, size = "", "", "", 0
            count = 0
        letters += letter if new_sign == sign else new_sign + letter
        params += word
        sign = new_sign
        size += need
        count += bool(word)
    if letters:
        bodies.append(f"{head}{letters}{params}")
    return bodies


def prefixes(status: str, view: int) -> str:
    """Return what stands before a member's nick: all prefixes with multi-prefix, else the first."""
    found = "".join([PREFIXES.get(letter, "") for letter in status])
    return found if view & cap.MULTI_PREFIX else found[:1]
