"""What every way of scripting has in common: where lines are said, and whether all were taken."""

import secrets
from collections import deque
from collections.abc import Callable
from typing import Final

from chatd_client.beginning import room_to_begin_with, way_into
from chatd_client.companion import Companion
from chatd_client.exchange import (
    AnyNews,
    AnyOrder,
    Doubtful,
    Kind,
    Phase,
    Quit,
    Refused,
    Said,
    Say,
    Sent,
    Status,
    Target,
)
from chatd_client.exits import Exit

MOST_UNDER_WAY: Final = 512
"""Lines that the server has not acknowledged, beyond which no more are read."""


class Script:
    """Gives lines to the server, and hears what becomes of them."""

    def __init__(
        self, companion: Companion, target: Target, complain: Callable[[str], None]
    ) -> None:
        """``complain`` is given sentences for people."""
        self._companion = companion
        self._target = target
        self.complain = complain
        self._held: deque[tuple[str, Kind]] = deque()
        self._under_way: set[str] = set()
        self._is_online = False
        self._was_online = False
        self._at_end = False
        self._quitting = False
        self._worst = Exit.OK
        self.room = ""
        self.nick = target.nick
        # What to exit with, as soon as it is known.
        self.code: int | None = None

    @property
    def wants_input(self) -> bool:
        """Whether more can be taken now."""
        busy = len(self._under_way) + len(self._held) >= MOST_UNDER_WAY
        return not (self._at_end or busy or self._quitting)

    @property
    def is_finishing(self) -> bool:
        """Whether nothing more comes, and what came is still being said."""
        return self._at_end or self._quitting

    def typed(self, line: str) -> None:
        """Take a line of the input."""
        self.say(line)

    def ended(self) -> None:
        """Take note of the end of the input."""
        self._at_end = True
        self._go_on()

    def hear(self, news: AnyNews) -> None:
        """Take ``news``."""
        match news:
            case Status():
                self._stands(news)
            case Said(sent=sent) | Sent(sent=sent) if sent:
                self._under_way.discard(sent)
            case Refused() if news.sent in self._under_way:
                self._under_way.discard(news.sent)
                self._worst = Exit.DENIED
            case Doubtful():
                self._under_way.discard(news.sent)
                self._worst = Exit.LOST
        self._go_on()

    def say(self, text: str, kind: Kind = Kind.MESSAGE) -> None:
        """Say ``text`` in the room, as soon as that is possible."""
        if text.strip():
            self._held.append((text, kind))
            self._go_on()

    def order(self, order: AnyOrder) -> None:
        """Give ``order``."""
        if isinstance(order, Say):
            self._under_way.add(order.id)
        elif isinstance(order, Quit):
            self._quitting = True
        self._companion.order(order)

    def leave(self) -> None:
        """Leave, when all has been said."""
        self.ended()

    def give_up(self) -> None:
        """End though not all has been said."""
        left = len(self._under_way) + len(self._held)
        if self.is_finishing or left:
            self.complain(f"given up: the server has not acknowledged {left} of the lines")
        else:
            self.complain("given up: nobody has said anything")
        self.code = Exit.LOST

    def _go_on(self) -> None:
        while self._held and self._is_online and self.room:
            text, kind = self._held.popleft()
            self.order(Say(id=secrets.token_hex(16), room=self.room, text=text, kind=kind))
        # Not before there was a connection: that there is none is worth more than a goodbye.
        if self._at_end and self._was_online and not self._held and not self._quitting:
            self.order(Quit())

    def _stands(self, status: Status) -> None:
        self.nick = status.nick or self.nick
        self._is_online = status.phase is Phase.ONLINE
        self._was_online = self._was_online or self._is_online
        if self._is_online and not self.room:
            rooms = self._target.rooms
            self.room = room_to_begin_with(status, rooms)
            if join := way_into(self.room, status, rooms):
                self._companion.order(join)
            if not self.room and (self._held or self._at_end):
                self.complain("this server has no room to begin with; --room says where to talk")
                self.code = Exit.USAGE
        elif status.phase is Phase.ENDED:
            expected = self._quitting and not status.exit_code
            if not expected:
                self.complain(status.why or "the connection is closed")
            self.code = status.exit_code or self._worst or (Exit.OK if expected else Exit.LOST)
