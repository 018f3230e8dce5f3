r"""chatd's text dialect, as its clients speak it (chatd-protocol(7)). Pure.

On this wire one is in one room at a time. Whoever says something for another room has it refused,
for here it would be heard by others than it is meant for; and what is said while one is on the way
to a room waits until it is known whether one has been let in.
"""

import re
from collections.abc import Sequence
from typing import Final

from chatd_client.exchange import (
    AnyOrder,
    Ask,
    Join,
    Kind,
    Leave,
    ListRooms,
    Phase,
    Refused,
    Rename,
    Renamed,
    Resume,
    Say,
    SetTopic,
    Status,
    Told,
    WhoIs,
)
from chatd_client.irc.cleaning import clean_name
from chatd_client.plain import SAID, PlainDialogue, one_line
from chatd_workers.names import LOBBY, fold


class TextDialogue(PlainDialogue):
    """chatd's text dialect."""

    dialect = "text"

    def __init__(self, resume: Resume, says: Sequence[Say], *, wall: int) -> None:
        super().__init__(resume, says, wall=wall)
        self.room = LOBBY
        self._moving = 0
        """Orders to go to another room that the server has not answered."""

    def begin(self, now: float) -> None:
        """Ask for the nick, and for the room."""
        self._now = now
        if self._resume.target.nick:
            self._output += f"/nick {one_line(self.nick)}\n".encode()
        # Of several, the first; who went to another meanwhile has put that one there.
        if self._resume.target.rooms:
            self._move(f"/join {self._resume.target.rooms[0]}")
        if self._resume.was_online:
            self._tell_holes()
        self._go_on()

    def _move(self, line: str) -> None:
        """Go to another room; until it is answered nobody knows where one would be heard.

        The answer may be any of many refusals. So a question follows whose answer is always the
        same, and comes after it.
        """
        self._output += f"{one_line(line)}\n/join\n".encode()
        self._moving += 1

    def _is_here(self, room: str) -> bool:
        return not room.startswith("#") or fold(room) == fold(self.room)

    def _is_on_the_way(self) -> bool:
        return self._moving > 0

    def _objection(self, say: Say) -> str:
        """What is for another room must not be heard in this one."""
        if self._is_here(say.room):
            return ""
        return f"you are in {self.room}, and on this port in one room at a time: /join {say.room}"

    def _write(self, say: Say, text: str) -> bytes:
        line = one_line(text)
        if say.room and not say.room.startswith("#"):
            act = "* " if say.kind is Kind.ACTION else ""
            line = f"/msg {say.room} {act}{line}"
        elif say.kind is Kind.ACTION:
            line = f"/me {line}"
        elif line.startswith("/"):
            line = f"/{line}"
        return f"{line}\n".encode()

    def _goodbye(self, reason: str) -> bytes:
        return f"/quit {one_line(reason)}\n".encode()

    def _carry_out(self, order: AnyOrder) -> None:
        line = ""
        if isinstance(order, Join):
            self._move(f"/join {order.room} {order.key}".rstrip())
            return
        if isinstance(order, (Leave, SetTopic)) and (self._moving or not self._is_here(order.room)):
            where = "on your way to another room" if self._moving else f"in {self.room}"
            self._tell(Refused(why=f"you are {where}", room=order.room))
            return
        if isinstance(order, Leave):
            self._move("/leave")
            return
        if isinstance(order, Rename):
            line = f"/nick {order.nick}"
        elif isinstance(order, SetTopic):
            line = f"/topic {order.text or '-'}"
        elif isinstance(order, WhoIs):
            line = f"/whois {order.nick or self.nick}"
        elif isinstance(order, ListRooms):
            line = "/rooms"
        elif isinstance(order, Ask):
            line = f"/{order.line.removeprefix('/')}"
        if line:
            self._output += f"{one_line(line)}\n".encode()
        else:
            self._cannot(order)

    def _hear(self, line: str) -> None:
        if line.startswith("--- "):
            self._hear_server(line[4:])
        elif found := _PRIVATE.fullmatch(line):
            nick, to, text = found.groups()
            kind = Kind.ACTION if text.startswith("* ") else Kind.MESSAGE
            room = to if fold(nick) == fold(self.nick) else nick
            self._said(clean_name(nick), text.removeprefix("* "), clean_name(room), kind)
        elif found := _ACTION.fullmatch(line):
            self._said(clean_name(found[1]), found[2], self.room, Kind.ACTION)
        elif found := _NOTICE.fullmatch(line):
            self._said(clean_name(found[1]), found[2], self.room, Kind.NOTICE)
        elif found := SAID.fullmatch(line):
            self._said(clean_name(found[1]), found[2], self.room)
        else:
            self._tell(Told(text=line, time=self._time()))

    def _hear_server(self, text: str) -> None:
        if self._moving and text.startswith(_ANSWERED):
            self._moving -= 1
            return
        if found := _WELCOME.fullmatch(text):
            self.nick, self.room = clean_name(found[2]), clean_name(found[3])
            self._tell(
                Status(
                    phase=Phase.ONLINE,
                    server=clean_name(found[1]),
                    nick=self.nick,
                    dialect="text",
                    is_chatd=True,
                    time=self._time(),
                )
            )
        elif found := _IS_NOW.fullmatch(text):
            own = fold(found[1]) == fold(self.nick)
            new = clean_name(found[2])
            if own:
                self.nick = new
            room = "" if own else self.room
            self._tell(
                Renamed(room=room, nick=clean_name(found[1]), new=new, own=own, time=self._time())
            )
            return
        elif found := _YOU_ARE_IN.fullmatch(text):
            self.room = clean_name(found[1])
        elif text.startswith("closing: "):
            self.parting = text.removeprefix("closing: ")
        self._tell(Told(text=text, room=self.room, time=self._time()))


_WELCOME: Final = re.compile(r"Welcome to (.+?)\. You are (\S+) in (\S+)\.")
_YOU_ARE_IN: Final = re.compile(r"you are in (\S+)(?: already)?")
_ANSWERED: Final = "which room? usage: /join"
"""What ``/join`` without a room is answered with."""
_IS_NOW: Final = re.compile(r"(\S+) is now (\S+)")
_PRIVATE: Final = re.compile(r"\[(\S+) -> (\S+)\] (.*)")
_ACTION: Final = re.compile(r"\* (\S+) (.*)")
_NOTICE: Final = re.compile(r"-(\S+)- (.*)")
