"""The bars around the transcript: pure, and each exactly one row, whatever others are called."""

from prompt_toolkit.formatted_text import StyleAndTextTuples

from chatd_client.exchange import Phase
from chatd_client.screen.cells import clip, pad, shown, width
from chatd_client.screen.windows import Activity, Desk, Window

_PHASES = {
    Phase.CONNECTING: "connecting",
    Phase.ONLINE: "online",
    Phase.WAITING: "offline",
    Phase.ENDED: "closed",
}
_TABS = {
    Activity.NONE: "class:tab",
    Activity.EVENT: "class:tab-event",
    Activity.TALK: "class:tab-talk",
    Activity.MENTION: "class:tab-mention",
}

SLOW = 0.5
"""Seconds of lag from which on it stands out."""

_EDGE = "│ "
_LONGEST_NAME = 24
_HIGHEST = 999


def prompt(desk: Desk) -> StyleAndTextTuples:
    """Return what stands before what is typed."""
    name = shown(desk.window.name) or shown(desk.status.server) or "server"
    return [("class:prompt", f"{clip(name, _LONGEST_NAME)} > ")]


def title(desk: Desk, cells: int) -> StyleAndTextTuples:
    """Return where we are, and what it is about."""
    window = desk.window
    name = clip(shown(window.name) or shown(desk.status.server) or "chat-client", _LONGEST_NAME)
    people = f" {len(window.members)}" if window.is_room and window.members else ""
    head = f" {name}{people} "
    topic = window.topic or ("" if window.name else "the server; /help lists the commands")
    rest = max(0, cells - width(head))
    return [("class:bar-name", clip(head, cells)), ("class:bar-weak", pad(topic, rest))]


def status(desk: Desk, cells: int, sought: str = "") -> StyleAndTextTuples:
    """Return who and how we are connected; ``sought`` is what is searched for."""
    now = desk.status
    good = now.phase is Phase.ONLINE
    parts: StyleAndTextTuples = [
        ("class:bar", f" {clip(desk.nick, _LONGEST_NAME) or '-'} "),
        ("class:bar-good" if good else "class:bar-bad", f" {_PHASES[now.phase]} "),
        ("class:bar-weak", f" {clip(shown(now.server), 40)} "),
    ]
    if now.secure:
        parts.append(("class:bar-weak", f" {shown(now.secure)} "))
    if desk.lag is not None:
        slow = desk.lag.seconds >= SLOW
        parts.append(("class:bar-bad" if slow else "class:bar-weak", f" lag {_lag(desk)} "))
    if not good and now.why:
        parts.append(("class:bar", f" {shown(now.why)} "))
    under_way = sum(window.transcript.under_way() for window in desk.windows)
    if under_way:
        parts.append(("class:bar", f" {under_way} under way "))
    if sought:
        parts.append(("class:bar-name", f" {sought} "))
    elif desk.window.anchor is not None:
        parts.append(("class:bar-name", " ↑ scrolled; End: back "))
    elif desk.window.typing:
        parts.append(("class:bar-weak", f" {_typing(desk.window)} "))
    return _cut(parts, cells)


def _lag(desk: Desk) -> str:
    assert desk.lag is not None
    seconds = desk.lag.seconds
    text = f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.0f} s"
    return f"{text} …" if desk.lag.pending else text


def _typing(window: Window) -> str:
    names = list(window.typing)
    if len(names) > 2:
        return f"{len(names)} people type …"
    return f"{' and '.join(clip(name, 16) for name in names)} type{'s' * (len(names) == 1)} …"


def tabs(desk: Desk, cells: int) -> StyleAndTextTuples:
    """Return all windows with their numbers and what has happened there.

    If there is not room for all, the first ones are left out up to the one that is looked at.
    """
    each: list[tuple[str, str]] = []
    for number, window in enumerate(desk.windows):
        name = clip(shown(window.name) or "server", 16)
        many = f"({min(window.unread, _HIGHEST)})" if window.unread else ""
        style = "class:tab-active" if number == desk.active else _TABS[window.activity]
        each.append((style, f" {number} {name}{many} "))
    first = 0
    while first < desk.active and sum(width(t) for _, t in each[first : desk.active + 1]) > cells:
        first += 1
    return _cut(list(each[first:]), cells)


def names(desk: Desk, cells: int, rows: int) -> StyleAndTextTuples:
    """Return who is in the room, operators first, in a column of ``cells`` by ``rows``."""
    members = sorted(
        desk.window.members.values(), key=lambda m: (_rank(m.prefix), m.nick.casefold())
    )
    column: StyleAndTextTuples = [("class:names-head", f"{len(members)} here")]
    room = rows - 1
    for member in members[: room if len(members) <= room else room - 1]:
        style = "class:names-away" if member.away else "class:names"
        prefix = shown(member.prefix)[:1] or " "
        column.append((style, f"{prefix}{shown(member.nick)}"))
    if len(members) > room:
        column.append(("class:names-head", f"and {len(members) - room + 1} more"))
    column += [("", "")] * (rows - len(column))
    parts: StyleAndTextTuples = []
    for style, text, *_ in column:
        parts += [("class:gutter", _EDGE), (style, pad(text, cells - width(_EDGE)) + "\n")]
    return parts


def _rank(prefix: str) -> int:
    place = "~&@%+".find(prefix[:1]) if prefix else -1
    return place if place >= 0 else 9


def _cut(parts: StyleAndTextTuples, cells: int) -> StyleAndTextTuples:
    kept: StyleAndTextTuples = []
    for part in parts:
        style, text = part[0], clip(part[1], cells)
        cells -= width(text)
        kept.append((style, text))
        if cells <= 0:
            break
    return kept
