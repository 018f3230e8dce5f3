"""Slash commands: what is typed becomes orders and changes of the screen, pure.

A table; ``/help`` and chat-client(1) are made from it. Two slashes say a line that begins with one.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from chatd_client.exchange import (
    AnyOrder,
    Ask,
    Join,
    Kind,
    Leave,
    ListRooms,
    Quit,
    Reconnect,
    Rename,
    SetTopic,
    WhoIs,
)
from chatd_client.screen.themes import THEMES
from chatd_client.screen.transcript import Look
from chatd_client.screen.windows import Desk
from chatd_workers.names import make_safe


class Outcome(NamedTuple):
    """What a line that was typed leads to."""

    orders: tuple[AnyOrder, ...] = ()
    quit: bool = False
    search: str = ""
    theme: str = ""
    names: bool = False
    """Show or hide the list of names."""


Act = Callable[[Desk, str], Outcome]


class WrongUse(Exception):
    """The command needs something else; ``str()`` says what, if not just its usage."""


class Command(NamedTuple):
    """One slash command."""

    usage: str
    help: str
    act: Act


def entered(desk: Desk, text: str) -> Outcome:
    """Do what the line ``text`` asks for; what is wrong with it is shown in the window."""
    if not text.startswith("/") or text.startswith("//"):
        return _say(desk, text.removeprefix("/") if text.startswith("//") else text)
    name, _, rest = text[1:].partition(" ")
    command = COMMANDS.get(_SHORT.get(name.lower(), name.lower()))
    if command is None:
        text = f"there is no command /{make_safe(name)[:30]}; /help lists them"
        desk.tell(text, Look.ERROR)
        return Outcome()
    try:
        return command.act(desk, rest.strip())
    except WrongUse as wrong:
        desk.tell(str(wrong) or f"use: {command.usage}", Look.ERROR)
        return Outcome()


def _say(desk: Desk, text: str, kind: Kind = Kind.MESSAGE) -> Outcome:
    room = desk.window.name
    if not room:
        desk.tell("nobody is here to talk to; /join #ROOM or /query NICK first", Look.ERROR)
        return Outcome()
    if not text.strip():
        return Outcome()
    return Outcome((desk.say(room, text, kind),))


def _me(desk: Desk, rest: str) -> Outcome:
    return _say(desk, _needed(rest), Kind.ACTION)


def _join(desk: Desk, rest: str) -> Outcome:
    room, _, key = _needed(rest).partition(" ")
    room = room if room[0] in "#&+!" else f"#{room}"
    desk.go(desk.windows.index(desk.open(room)))
    return Outcome((Join(room=room, key=key.strip()),))


def _part(desk: Desk, rest: str) -> Outcome:
    window = desk.window
    if not window.is_room:
        return _close(desk, "")
    return Outcome((Leave(room=window.name, reason=rest),))


def _close(desk: Desk, _: str) -> Outcome:
    window = desk.window
    if not window.name:
        raise WrongUse("the server's window stays; /quit leaves")
    orders = (Leave(room=window.name),) if window.is_room and window.inside else ()
    desk.close(window)
    return Outcome(orders)


def _message(desk: Desk, rest: str) -> Outcome:
    target, _, text = _needed(rest).partition(" ")
    return Outcome((desk.say(target, _needed(text.strip())),))


def _query(desk: Desk, rest: str) -> Outcome:
    nick, _, text = _needed(rest).partition(" ")
    desk.go(desk.windows.index(desk.open(nick)))
    return _say(desk, text.strip()) if text.strip() else Outcome()


def _topic(desk: Desk, rest: str) -> Outcome:
    room = _in_room(desk)
    if not rest:
        topic = desk.window.topic
        desk.tell(f"topic: {topic}" if topic else "there is no topic")
        return Outcome()
    return Outcome((SetTopic(room=room, text=rest),))


def _kick(desk: Desk, rest: str) -> Outcome:
    nick, _, reason = _needed(rest).partition(" ")
    return Outcome((Ask(line=f"KICK {_in_room(desk)} {nick} :{reason or nick}"),))


def _invite(desk: Desk, rest: str) -> Outcome:
    return Outcome((Ask(line=f"INVITE {_needed(rest).split()[0]} {_in_room(desk)}"),))


def _mode(desk: Desk, rest: str) -> Outcome:
    first = rest.partition(" ")[0]
    target = "" if first[:1] in ("#", "&") or first == desk.nick else f"{_in_room(desk)} "
    return Outcome((Ask(line=f"MODE {target}{rest}".strip()),))


def _away(_: Desk, rest: str) -> Outcome:
    return Outcome((Ask(line=f"AWAY :{rest}" if rest else "AWAY"),))


def _window(desk: Desk, rest: str) -> Outcome:
    if rest.isdecimal() and 0 <= int(rest) < len(desk.windows):
        desk.go(int(rest))
    elif rest and (window := desk.find(rest)) is not None:
        desk.go(desk.windows.index(window))
    else:
        raise WrongUse
    return Outcome()


def _move(desk: Desk, rest: str) -> Outcome:
    if not rest.isdecimal():
        raise WrongUse
    desk.move(int(rest))
    return Outcome()


def _clear(desk: Desk, _: str) -> Outcome:
    desk.window.transcript.clear()
    desk.window.anchor = None
    return Outcome()


def _theme(_: Desk, rest: str) -> Outcome:
    if rest not in THEMES:
        raise WrongUse(f"the themes are {', '.join(THEMES)}")
    return Outcome(theme=rest)


def _help(desk: Desk, rest: str) -> Outcome:
    name = rest.removeprefix("/").lower()
    if name:
        command = COMMANDS.get(_SHORT.get(name, name))
        if command is None:
            raise WrongUse(f"there is no command /{make_safe(name)[:30]}")
        desk.tell(f"{command.usage}: {command.help}")
        return Outcome()
    width = max(len(command.usage) for command in COMMANDS.values())
    for command in COMMANDS.values():
        desk.tell(f"{command.usage:<{width}}  {command.help}")
    desk.tell("keys: Alt-1 to Alt-9, Alt-Left and Alt-Right, Alt-A: windows; PgUp, PgDn; F2: names")
    return Outcome()


def _needed(rest: str) -> str:
    if not rest:
        raise WrongUse
    return rest


def _in_room(desk: Desk) -> str:
    if not desk.window.is_room:
        raise WrongUse("this is not a room")
    return desk.window.name


def _orders(make: Callable[[str], AnyOrder], *, needs: bool = False) -> Act:
    """Return the act that gives one order, made of what stands behind the command."""

    def act(_: Desk, rest: str) -> Outcome:
        if needs and not rest:
            raise WrongUse
        return Outcome((make(rest),))

    return act


COMMANDS: Final[dict[str, Command]] = {
    "join": Command("/join #ROOM [KEY]", "come into a room", _join),
    "part": Command("/part [REASON]", "leave this room", _part),
    "close": Command("/close", "close this window, and leave its room", _close),
    "msg": Command("/msg WHO TEXT", "say something to a person or a room", _message),
    "query": Command("/query NICK [TEXT]", "open a window to talk with somebody", _query),
    "me": Command("/me TEXT", "say what you do", _me),
    "nick": Command(
        "/nick NAME", "be called NAME", _orders(lambda rest: Rename(nick=rest), needs=True)
    ),
    "topic": Command("/topic [TEXT]", "show or set the topic of this room", _topic),
    "names": Command("/names", "show or hide who is in this room", lambda *_: Outcome(names=True)),
    "whois": Command("/whois NICK", "who is NICK", _orders(lambda r: WhoIs(nick=r), needs=True)),
    "whoami": Command(
        "/whoami", "your own connection: process, restarts", _orders(lambda _: WhoIs())
    ),
    "list": Command("/list", "which rooms there are", _orders(lambda _: ListRooms())),
    "away": Command("/away [REASON]", "be away, or back", _away),
    "kick": Command("/kick NICK [REASON]", "throw somebody out of this room", _kick),
    "invite": Command("/invite NICK", "ask somebody into this room", _invite),
    "mode": Command("/mode [ROOM] [MODES]", "show or set modes", _mode),
    "quote": Command(
        "/quote LINE", "send LINE as it stands", _orders(lambda r: Ask(line=r), needs=True)
    ),
    "search": Command(
        "/search TEXT", "find TEXT further up", lambda _, rest: Outcome(search=_needed(rest))
    ),
    "window": Command("/window NUMBER|NAME", "look at another window", _window),
    "move": Command("/move NUMBER", "give this window another number", _move),
    "clear": Command("/clear", "forget what this window shows", _clear),
    "theme": Command("/theme NAME", f"one of {', '.join(THEMES)}", _theme),
    "reconnect": Command("/reconnect", "connect again now", _orders(lambda _: Reconnect())),
    "help": Command("/help [COMMAND]", "this list", _help),
    "quit": Command(
        "/quit [REASON]", "leave", lambda _, rest: Outcome((Quit(reason=rest),), quit=True)
    ),
}

_SHORT: Final = {
    "j": "join",
    "p": "part",
    "leave": "part",
    "m": "msg",
    "q": "query",
    "n": "nick",
    "t": "topic",
    "w": "window",
    "wc": "close",
    "exit": "quit",
    "raw": "quote",
    "lastlog": "search",
    "h": "help",
}
"""Other names that people are used to."""
