"""The text dialect: made for ``nc``, scripts and the lab's client. chatd-protocol(7).

In: a line is said in the room; ``/`` begins a command; ``//`` says a line that begins with ``/``;
``alice : bonjour`` is the lab client's way to say who speaks.

Out: the first word of a line tells what it is, and cannot be forged, because no nick can be one
of these: ``---`` the server, ``*`` an action, ``[`` a private line (the one place where a nick's
own character stands first, and it is followed by `` -> ``); anything else is a nick, `` : ``, text.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.dialects import text_accounts, text_moderation, text_modes
from chatd_workers.dialects.text_people import person_shown, shown_time
from chatd_workers.names import is_nick, make_safe, room_name, strip_formatting
from chatd_workers.problems import confirm, explain


class _Verb(NamedTuple):
    usage: str
    summary: str
    make: Callable[[str], c.Command]


def _nick(rest: str) -> c.Command:
    return c.Rename(_name(rest)) if rest else _missing("nick", "/nick")


def _join(rest: str) -> c.Command:
    room, _, key = rest.partition(" ")
    return c.Join(_name(room_name(room)), _name(key.strip())) if room else _missing("room", "/join")


def _msg(rest: str) -> c.Command:
    nick, _, text = rest.partition(" ")
    if not nick:
        return _missing("nick", "/msg")
    return c.Tell(_name(nick), text) if text.strip() else _missing("text", "/msg")


def _me(rest: str) -> c.Command:
    return c.Act(rest) if rest else _missing("text", "/me")


def _who(rest: str) -> c.Command:
    return c.Who(_name(room_name(rest)) if rest else "")


def _whois(rest: str) -> c.Command:
    return c.Whois([_name(rest)]) if rest else _missing("nick", "/whois")


def _topic(rest: str) -> c.Command:
    return c.Topic({"": None, "-": ""}.get(rest, rest))


def _history(rest: str) -> c.Command:
    if rest and not (rest.isascii() and rest.isdigit() and len(rest) <= 6):
        return c.Refuse("not-a-count", VERBS["/history"].usage)
    return c.History(int(rest or 0))


def _search(rest: str) -> c.Command:
    return c.Search(rest) if rest else _missing("text", "/search")


def _mode(rest: str) -> c.Command:
    changes = text_modes.read(rest)
    if changes is None:
        return c.Refuse("missing-modes", text_modes.USAGE)
    return c.Mode("", changes)


def _kick(rest: str) -> c.Command:
    nick, _, reason = rest.partition(" ")
    return c.Kick("", [_name(nick)], reason.strip()) if nick else _missing("nick", "/kick")


def _invite(rest: str) -> c.Command:
    return c.Invite(_name(rest)) if rest else _missing("nick", "/invite")


def _missing(what: str, verb: str) -> c.Command:
    return c.Refuse(f"missing-{what}", VERBS[verb].usage)


def _name(typed: str) -> str:
    return typed[: c.MAX_NAME]


VERBS: Final[dict[str, _Verb]] = {
    "/help": _Verb("/help", "this list", lambda _: c.Help()),
    "/nick": _Verb("/nick NAME", "be called NAME", _nick),
    "/join": _Verb("/join ROOM [KEY]", "go to ROOM, leaving this one", _join),
    "/leave": _Verb("/leave", "leave this room for #lobby", lambda _: c.Leave()),
    "/msg": _Verb("/msg NICK TEXT", "say TEXT to NICK alone", _msg),
    "/me": _Verb("/me TEXT", "do something: * alice TEXT", _me),
    "/who": _Verb("/who [ROOM]", "who is here, or in ROOM", _who),
    "/whois": _Verb("/whois NICK", "who NICK is", _whois),
    "/away": _Verb("/away [TEXT]", "be away because of TEXT, or be back", c.Away),
    "/rooms": _Verb("/rooms", "which rooms there are", lambda _: c.Rooms()),
    "/topic": _Verb("/topic [TEXT]", "show or set the topic; - clears it", _topic),
    "/mode": _Verb("/mode [WORD [VALUE]]", "show how the room is set, or set it", _mode),
    "/kick": _Verb("/kick NICK [REASON]", "put NICK out of the room", _kick),
    "/invite": _Verb("/invite NICK", "ask NICK into the room", _invite),
    "/history": _Verb("/history [N]", "the last lines said here", _history),
    "/search": _Verb("/search WORDS", "lines said here that hold WORDS", _search),
    "/missed": _Verb("/missed", "what was said here while you were away", lambda _: c.Missed()),
    "/register": _Verb(text_accounts.REGISTER, "make your nick an account", text_accounts.register),
    "/identify": _Verb(text_accounts.IDENTIFY, "log in to an account", text_accounts.identify),
    "/keep": _Verb("/keep", "have this room last, as yours", text_accounts.keep),
    "/release": _Verb("/release", "let it go again", text_accounts.release),
    "/access": _Verb(text_accounts.ACCESS, "what NICK is in it", text_accounts.access),
    "/quit": _Verb("/quit [REASON]", "leave the server", c.Quit),
}
"""The commands of the dialect, in the order in which /help shows them."""


def read(line: bytes) -> c.Command | None:
    """Return what ``line`` asks for, or None for a blank one. Never raises on any bytes."""
    text = make_safe(line.decode("utf-8", "replace"))
    if text.startswith("/"):
        if not text.startswith("//"):
            return _read_command(text)
        return c.Say(text[1:])
    head, separator, rest = text.partition(" :")
    if separator and rest[:1] in ("", " ") and is_nick(head):
        return c.SayAs(_name(head), rest[1:])
    return c.Say(text) if text.strip() else None


def _read_command(text: str) -> c.Command:
    word, _, rest = text.partition(" ")
    verb = VERBS.get(word.lower())
    if verb is None:
        return c.Refuse("unknown-command", _name(word))
    return verb.make(rest.strip())


def write(event: e.Event, _view: int = 0) -> bytes:
    """Return ``event`` as one or more lines of UTF-8, each ending in LF; b"" if it says nothing."""
    writer = _WRITERS.get(type(event))
    if writer is None:
        return b""
    # What IRC formats with is left out. The hub has checked every text; but whatever an event
    # holds, it writes no line and moves no cursor that this writer has not meant.
    return "".join([make_safe(strip_formatting(line)) + "\n" for line in writer(event)]).encode()


# A writer returns lines without their ends.


def _said(event: e.Said) -> list[str]:
    nick = event.source.nick
    match event.kind:
        case "say":
            return [f"{nick} : {event.text}"]
        case "act":
            return [f"* {nick} {event.text}"]
        case "notice":
            return [f"-{nick}- {event.text}"]
        case _:
            return []


def _told(event: e.Told) -> list[str]:
    if event.kind == "tag":
        return []
    act = "* " if event.kind == "act" else ""
    return [f"[{event.source.nick} -> {event.nick}] {act}{event.text}"]


def _departed(event: e.Departed) -> list[str]:
    reason = f" ({event.reason})" if event.reason else ""
    return [f"--- {event.source.nick} left {event.room or 'the server'}{reason}"]


def _welcomed(event: e.Welcomed) -> list[str]:
    welcome = f"--- Welcome to {event.server}. You are {event.nick} in {event.room}."
    return [welcome, *_room(event)]


def _entered(event: e.Entered) -> list[str]:
    return [f"--- you are in {event.room}", *_room(event)]


def _room(event: e.Welcomed | e.Entered) -> list[str]:
    topic = [f"--- topic of {event.room} is: {event.topic}"] if event.topic else []
    if not event.others:
        return [*topic, "--- nobody else is here"]
    return [*topic, f"--- here: {_some(event.others, event.members - 1)}"]


def _some(names: tuple[str, ...], total: int) -> str:
    listed = ", ".join(names)
    return listed if total <= len(names) else f"{listed} and {total - len(names)} more"


def _left(event: e.Left) -> list[str]:
    reason = f" ({event.reason})" if event.reason else ""
    return [f"--- {event.source.nick} left {event.room}{reason}"]


def _topic_changed(event: e.TopicChanged) -> list[str]:
    if not event.topic:
        return [f"--- {event.source.nick} cleared the topic of {event.room}"]
    return [f"--- {event.source.nick} set the topic of {event.room}: {event.topic}"]


def _topic_shown(event: e.TopicShown) -> list[str]:
    if not event.topic:
        return [f"--- {event.room} has no topic"]
    return [f"--- topic of {event.room} is: {event.topic}"]


def _rooms(event: e.RoomsListed) -> list[str]:
    lines = [
        f"--- {name} ({members}){': ' if topic else ''}{topic}"
        for name, members, topic in event.rooms
    ]
    if event.total > len(event.rooms):
        lines.append(f"--- and {event.total - len(event.rooms)} more")
    return lines


def _recalled(event: e.Recalled) -> list[str]:
    shown = len(event.lines)
    room = event.room
    if event.kind == "missed":
        if event.total < 0:
            return ["--- you have not been here under this name before"]
        more = event.total > e.COUNTED
        count = f"more than {_lines(e.COUNTED)}" if more else _lines(event.total)
        head = f"--- while you were away, {count} in {room}"
        if shown < event.total:
            head += f", the first {shown}"
    elif event.kind == "search":
        if not shown:
            return [f"--- nothing in {room} holds: {event.words}"]
        head = f"--- the last {_lines(shown)} of {room} with: {event.words}"
    elif not shown:
        return [] if event.kind == "joined" else [f"--- nothing has been said in {room}"]
    else:
        head = f"--- the last {_lines(shown)} of {room}"
    return [f"{head} (times are UTC)" if shown else head, *map(_past, event.lines)]


def _lines(count: int) -> str:
    return f"{count} line{'' if count == 1 else 's'}"


def _past(line: e.Past) -> str:
    stamp = shown_time(line.time)
    if line.kind == "act":
        return f"--- {stamp} * {line.nick} {line.text}"
    if line.kind == "topic" and not line.text:
        return f"--- {stamp} {line.nick} cleared the topic"
    if line.kind == "topic":
        return f"--- {stamp} {line.nick} set the topic: {line.text}"
    if line.kind == "notice":
        return f"--- {stamp} -{line.nick}- {line.text}"
    return f"--- {stamp} {line.nick} : {line.text}"


def _helped(_: e.Helped) -> list[str]:
    return [f"--- {verb.usage:<16} {verb.summary}" for verb in VERBS.values()]


# Any: each writer takes the one event type that is its key, which no type for a dict can say.
_WRITERS: Final[dict[type, Callable[[Any], list[str]]]] = {
    e.Welcomed: _welcomed,
    e.Said: _said,
    e.Told: _told,
    e.Joined: lambda event: [f"--- {event.source.nick} joined {event.room}"],
    e.Left: _left,
    e.Departed: _departed,
    **text_moderation.WRITERS,
    e.Renamed: lambda event: [f"--- {event.source.nick} is now {event.nick}"],
    e.Entered: _entered,
    e.TopicChanged: _topic_changed,
    e.TopicShown: _topic_shown,
    e.Members: lambda event: [f"--- in {event.room}: {_some(event.nicks, event.members)}"],
    e.PersonShown: person_shown,
    e.AwayShown: lambda event: [f"--- {event.nick} is away: {event.text}"],
    e.RoomsListed: _rooms,
    e.Helped: _helped,
    e.Hinted: lambda _: ["--- /nick NAME gives you a name, /help lists the commands."],
    e.Recalled: _recalled,
    e.Refused: lambda event: [f"--- {explain(event.problem, event.value, event.about)}"],
    e.Informed: lambda event: [f"--- {confirm(event.notice, event.value, event.about)}"],
    e.Closing: lambda event: [f"--- closing: {event.reason}"],
}
