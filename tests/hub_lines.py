"""A hub with clients of both dialects, spoken to in lines: reader, hub and writer, no sockets."""

from typing import Any, Final

from chatd_supervisor.hub import Delivery, Hub, OperatorBlock, Rules
from chatd_supervisor.journal import Fact
from chatd_supervisor.records import data_of
from chatd_supervisor.rooms import Session
from chatd_workers import commands as c
from chatd_workers.dialects import DIALECTS
from chatd_workers.dialects.irc.writer import Writer

SERVER: Final = "irc.example.org"
START: Final = 1795_429_920_000_000
"""2026-11-23 10:32:00 UTC, when everything begins."""


class Lines:
    """What each session has been sent since it was last looked at, as lines.

    What comes from the server itself is without its name: ``352 bob ...``.
    """

    def __init__(self, **rules: Any) -> None:
        rules.setdefault("operators", (OperatorBlock("root", "secret", ("all",)),))
        self.hub = Hub(Rules(server=SERVER, **rules))
        self.hub.now = START
        self._write = {"irc": Writer(SERVER).write, "text": DIALECTS["text"].write}
        self._sent: dict[int, bytes] = {}

    def arrive(self, dialect: str, host: str = "10.0.0.1") -> int:
        """Let somebody come, and return its number."""
        number = max(self._sent, default=0) + 1
        self._sent[number] = b""
        self._apply(number, c.Arrive(dialect, host))
        return number

    def irc(self, nick: str, capabilities: str = "") -> int:
        """Let a client of IRC come and introduce itself; return its number."""
        number = self.arrive("irc")
        if capabilities:
            self.send(number, f"CAP REQ :{capabilities}")
            self.send(number, "CAP END")
        self.send(number, f"NICK {nick}")
        self.send(number, f"USER {nick[:2].lower()} 0 * :{nick.title()} A.")
        assert self.session(number).record.registered
        self.read(number)
        return number

    def text(self, nick: str) -> int:
        """Let a client of the text dialect come and take a name; return its number."""
        number = self.arrive("text")
        self.send(number, f"/nick {nick}")
        self.read(number)
        return number

    def session(self, number: int) -> Session:
        return self.hub.sessions[number]

    def send(self, number: int, line: str) -> list[str]:
        """Let ``number`` say ``line``; return what it is sent then."""
        self.read(number)
        entry = DIALECTS[self.session(number).dialect].read(line.encode())
        assert entry is not None
        self._apply(number, entry)
        return self.read(number)

    def read(self, number: int) -> list[str]:
        """Return what ``number`` has been sent."""
        data, self._sent[number] = self._sent[number], b""
        lines = data.decode().replace("\r\n", "\n").split("\n")[:-1]
        return [line.removeprefix(f":{SERVER} ") for line in lines]

    def leave(self, number: int, reason: str = "") -> None:
        """Let the connection of ``number`` be over."""
        self._apply(number, c.Depart(reason))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.hub.now += round(seconds * 1_000_000)
        self.hub.monotonic += seconds

    def set_modes(self, who: int, modes: str) -> None:
        """Give ``who`` the user ``modes``; ``o`` makes it an operator of the server."""
        operator = "root" if "o" in modes else ""
        self.hub.change(self.session(who), "umode", modes=modes, operator=operator)

    def set_room_modes(self, who: int, room: str, modes: str) -> None:
        """Give ``room`` the ``modes``."""
        self.hub.change_in(self.session(who), room, "mode", fields={"modes": modes})

    def set_status(self, who: int, room: str, status: str) -> None:
        """Give ``who`` the ``status`` in ``room``."""
        data = data_of({"session": who, "status": status})
        self.hub.happen(Fact(who, self.session(who).nick, room, "status", "", data))

    def _apply(self, number: int, entry: c.Entry) -> None:
        for outcome in self.hub.apply(number, entry):
            if not isinstance(outcome, Delivery):
                continue
            for one in outcome.audience.sessions:
                if one is not outcome.but:
                    self._sent[one.id] += self._write[one.dialect](outcome.event, one.view)
