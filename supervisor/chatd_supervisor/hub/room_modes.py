"""Modes of rooms: shown, and changed.

What one command changes is collected, done as one fact and told as one event, in its order: only
what has really changed, so that nobody hears that a moderated room is moderated.
"""

import re
from collections.abc import Callable
from typing import Any, ClassVar, Final

from chatd_supervisor.hub.core import Core
from chatd_supervisor.hub.masks import read_mask
from chatd_supervisor.hub.outcomes import Operation
from chatd_supervisor.hub.permissions import operator_problem
from chatd_supervisor.journal import Fact
from chatd_supervisor.records import data_of
from chatd_supervisor.rooms import Room, Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.dialects.irc.modes import MAX_KEY, PREFIXES, ROOM_MODES, Kind, write_modes
from chatd_workers.names import fold

LISTS: Final = {"b": "bans", "e": "exceptions", "I": "invitations"}
"""The fields of a room's record that hold its lists."""

# It must come through the parameter of a JOIN, which is a list.
_KEY: Final = re.compile(rf"[!-+\--9;-~][!-+\--~]{{0,{MAX_KEY - 1}}}")

_LIMIT: Final = re.compile(r"0*([1-9][0-9]{0,8})")

_HIDDEN: Final = "*"
"""What stands for a key to who need not know it."""


def show(hub: Core, session: Session, room: Room) -> None:
    """Tell ``session`` the modes of ``room``; what the key is, only if it is in."""
    record = room.record
    modes = [(letter, "") for letter in record.modes]
    if record.key:
        modes.append(("k", record.key if session.id in room.members else _HIDDEN))
    if record.limit:
        modes.append(("l", str(record.limit)))
    hub.reply(session, e.ModesShown(room.name, tuple(modes), record.created, session.to))


def change(hub: Core, session: Session, room: Room, changes: list[c.ModeChange]) -> None:
    """Change the modes of ``room`` as far as ``session`` may; show the lists that it asks for."""
    known = [each for each in changes if each.letter in ROOM_MODES]
    for letter in dict.fromkeys(each.letter for each in changes if each.letter not in ROOM_MODES):
        hub.refuse(session, "unknown-mode", letter)
    wanted = [each for each in known if not _asks(each)]
    if wanted:
        problem = operator_problem(hub, session, room)
        if problem is not None:
            hub.refuse(session, *problem)
        else:
            _Changing(hub, session, room).change(wanted)
    for letter in dict.fromkeys(each.letter for each in known if _asks(each)):
        _show_list(hub, session, room, letter)


def _asks(change: c.ModeChange) -> bool:
    return change.letter in LISTS and change.parameter is None


def _show_list(hub: Core, session: Session, room: Room, letter: str) -> None:
    """Show a list: bans to anybody who sees the room, the others to its operators."""
    problem = None if letter == "b" else operator_problem(hub, session, room)
    if problem is not None:
        hub.refuse(session, *problem)
        return
    masks = getattr(room.record, LISTS[letter])
    listed = tuple((mask, setting.by, setting.at) for mask, setting in masks.items())
    hub.reply(session, e.MasksListed(room.name, letter, listed, session.to))


class _Changing:
    """What one command changes in a room."""

    def __init__(self, hub: Core, session: Session, room: Room) -> None:
        record = room.record
        self._hub = hub
        self._session = session
        self._room = room
        self._made: list[c.ModeChange] = []
        self._refused: set[tuple[str, ...]] = set()
        # How it is to be.
        self._modes = set(record.modes)
        self._key = record.key
        self._limit = record.limit
        self._seats: dict[int, str] = {}
        # Masks by their folded form, and what is to become of them, by list.
        self._masks: dict[str, dict[str, str]] = {}
        self._patches: dict[str, dict[str, tuple[str, int] | None]] = {}

    def change(self, changes: list[c.ModeChange]) -> None:
        """Do ``changes`` as far as they can be done, and tell of them."""
        for each in changes:
            self._KINDS[ROOM_MODES[each.letter].kind](self, each.add, each.letter, each.parameter)
        if not self._made:
            return
        hub, session, room = self._hub, self._session, self._room
        text = " ".join(write_modes(self._made))
        becomes_secret = "s" in self._modes and "s" not in room.record.modes
        data = data_of({**session.names, **self._changes()})
        stamp = hub.happen(Fact(session.id, session.nick, room.name, "mode", text, data))
        told = tuple(("-+"[each.add], each.letter, each.parameter or "") for each in self._made)
        event = e.ModesChanged(session.source, room.name, told, stamp)
        hub.tell(room.audience(), event)
        if session.id not in room.members:
            hub.reply(session, event)
        if becomes_secret:
            hub.then(Operation(session.id, "HIDE", room.name))

    def _changes(self) -> dict[str, Any]:
        """Return what is to be changed, as a fact carries it."""
        record = self._room.record
        fields = {
            name: value
            for name, value, old in (
                ("modes", "".join(sorted(self._modes)), record.modes),
                ("key", self._key, record.key),
                ("limit", self._limit, record.limit),
            )
            if value != old
        }
        changes = {"fields": fields, "masks": self._patches, "seats": self._seats}
        return {name: value for name, value in changes.items() if value}

    def _make(self, letter: str, parameter: str | None = None, *, add: bool) -> None:
        self._made.append(c.ModeChange(add, letter, parameter))

    def _refuse(self, problem: str, value: str = "", about: str = "") -> None:
        """Refuse what cannot be done, once for each reason."""
        if (problem, value, about) not in self._refused:
            self._refused.add((problem, value, about))
            self._hub.refuse(self._session, problem, value, about)

    def _refuse_parameter(self, letter: str, parameter: str) -> None:
        shown = parameter if parameter and " " not in parameter else "*"
        self._refuse("invalid-mode-parameter", f"{letter} {shown}", self._room.name)

    # One for each kind of mode

    def _flag(self, add: bool, letter: str, _parameter: str | None) -> None:
        if (letter in self._modes) != add:
            self._modes ^= {letter}
            self._make(letter, add=add)

    def _change_key(self, add: bool, letter: str, parameter: str | None) -> None:
        if not add:
            if self._key:
                self._key = ""
                self._make(letter, _HIDDEN, add=False)
        elif parameter is None:
            self._refuse("need-more-parameters", "MODE")
        elif not _KEY.fullmatch(parameter):
            # What it was is not repeated: a client would show it to everybody behind the user.
            self._refuse_parameter(letter, "")
        elif parameter != self._key:
            self._key = parameter
            self._make(letter, parameter, add=True)

    def _change_limit(self, add: bool, letter: str, parameter: str | None) -> None:
        if not add:
            if self._limit:
                self._limit = 0
                self._make(letter, add=False)
        elif parameter is None:
            self._refuse("need-more-parameters", "MODE")
        elif (digits := _LIMIT.fullmatch(parameter)) is None:
            self._refuse_parameter(letter, parameter)
        elif int(digits[1]) != self._limit:
            self._limit = int(digits[1])
            self._make(letter, digits[1], add=True)

    def _change_list(self, add: bool, letter: str, parameter: str | None) -> None:
        mask = read_mask(parameter or "")
        if mask is None:
            self._refuse_parameter(letter, parameter or "")
            return
        name = LISTS[letter]
        there = self._masks.get(name)
        if there is None:
            record = getattr(self._room.record, name)
            there = self._masks[name] = {fold(each): each for each in record}
        old = there.get(fold(mask))
        if (old is not None) == add:
            return
        most = self._hub.rules.list_entries
        if add and most and len(there) >= most:
            self._refuse("list-full", letter, self._room.name)
            return
        patch = self._patches.setdefault(name, {})
        if old is None:
            there[fold(mask)] = mask
            source = self._session.source
            by = f"{source.nick}!{source.user}@{source.host}"
            patch[mask] = (by, self._hub.now)
        else:
            mask = there.pop(fold(mask))
            patch[mask] = None
        self._make(letter, mask, add=add)

    def _change_status(self, add: bool, letter: str, parameter: str | None) -> None:
        if not parameter:
            self._refuse("need-more-parameters", "MODE")
            return
        member = self._hub.find(parameter)
        if member is None:
            self._refuse("nick-unknown", parameter)
            return
        if member.id not in self._room.members:
            self._refuse("not-on-room", member.nick, self._room.name)
            return
        status = self._seats.get(member.id, member.status(self._room))
        if (letter in status) != add:
            has = set(status) ^ {letter}
            self._seats[member.id] = "".join(each for each in PREFIXES if each in has)
            self._make(letter, member.nick, add=add)

    # A dict of functions, not methods: looked up once a change.
    _KINDS: ClassVar[dict[Kind, Callable[["_Changing", bool, str, str | None], None]]] = {
        Kind.FLAG: _flag,
        Kind.KEY: _change_key,
        Kind.SETTING: _change_limit,
        Kind.LIST: _change_list,
        Kind.MEMBER: _change_status,
    }
