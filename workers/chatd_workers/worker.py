"""One client's reader: from the client's bytes to reports, from the master's last commit on.

What a worker does for as long as one master lives (``main`` is the rest of its life).
"""

import contextlib
import socket
import time
from types import CodeType, FrameType
from typing import TYPE_CHECKING

import msgspec
import setproctitle

from chatd_workers.commands import Command, Fresh, Refuse, together
from chatd_workers.dialects import DIALECTS
from chatd_workers.framing import Framed, frame
from chatd_workers.ingress import Ingress, StreamEnded
from chatd_workers.opening import Unwelcome, read_beginning
from chatd_workers.pace import Pace, go_on
from chatd_workers.reports import (
    MAX_COMMANDS,
    MAX_ORDER,
    MAX_TRACE,
    MAX_USED,
    Ack,
    Announce,
    Dismiss,
    Drain,
    Drained,
    Ended,
    Limit,
    Order,
    Ready,
    Record,
    Report,
    Resume,
    Resumed,
    Retitle,
    Serve,
    Trace,
    decode_order,
    encode,
)
from chatd_workers.stacks import REST, of_frame
from chatd_workers.titles import format_address, worker_title

if TYPE_CHECKING:
    from chatd_workers.relay import Relay


class MasterGone(Exception):
    """The channel has ended: the master is no more."""


class Worker:
    """One client's reader, from the master's last commit on."""

    def __init__(
        self,
        channel: socket.socket,
        client: socket.socket,
        orders: Serve,
        relay: "Relay | None" = None,
        pace: Pace | None = None,
        *,
        outermost: CodeType | None = None,
    ) -> None:
        """``pace`` is what it was under the last master; a stack is told from ``outermost`` on."""
        self._outermost = outermost
        self._channel = channel
        self._relay = relay
        dialect = DIALECTS[orders.dialect]
        self._read = dialect.read
        self._nul_ends = dialect.nul_ends
        self._end_ends = dialect.end_ends
        self._fixed_limit = dialect.line_length
        self.orders = orders
        self._beginning = orders.beginning
        self._limit = dialect.line_length or orders.line_length
        self._discarding = orders.discarding
        # The beginning of a line that had to be taken from the socket before its end had come.
        self._carry = orders.carry
        self.pace = go_on(pace, orders.message_rate, time.monotonic())
        # How many bytes are still to be taken line by line, each announced first.
        self._careful = MAX_USED if orders.careful else 0
        self._offset = orders.offset
        self._acknowledged = True
        # What is to be said again to the next master, if it does not know it.
        self._said: list[Record] = []
        self._lines = 0
        # When draining: how many bytes are still to be reported.
        self._to_drain: int | None = None
        self._traced = 0.0
        self._retitle(orders.nick, orders.room)
        self._ingress = Ingress(client, channel)

    def run(self, *, newborn: bool) -> None:
        """Report what the client says until its stream ends. Raises MasterGone."""
        if newborn:
            self._send(Ready())
        try:
            self._follow()
        except StreamEnded as ended:
            broken = self._relay.reason if self._relay is not None else ""
            self._said = [Ended(broken or str(ended))]
        except Unwelcome as unwelcome:
            self._said = [Ended(str(unwelcome), told=True)]
        self._say()
        # The master closes the channel when it has done with this client.
        while True:
            self._obey()

    def _follow(self) -> None:
        seen = 0
        while True:
            complete = False
            allowed = MAX_COMMANDS
            if self._to_drain is None:
                allowed = self.pace.allows(time.monotonic())
                if not allowed:
                    self._rest()
                    continue
                look, complete, order = self._ingress.wait(seen)
                if order:
                    self._obey()
                if not look:
                    continue
            self._tell_secured()
            fresh, final = self._look(complete=complete)
            # What is left after a report may hold whole lines (a report has its limits), so only
            # what was looked at in vain is to be added to before it is looked at again.
            reported = self._begin(fresh, final=final) if self._beginning else None
            if reported is None and not self._beginning:
                reported = self._read_lines(fresh, allowed, final=final)
            seen = len(fresh) if reported is None else 0
            self._drain(reported or 0)

    def _tell_secured(self) -> None:
        """Report how the connection is encrypted, before a line could take this process over."""
        in_clear = self._beginning and self.orders.proxied  # the header of the proxy
        if self._relay and not in_clear and (secured := self._relay.fresh()):
            self._report([], 0, discarding=self._discarding, carry=self._carry, told=secured)
            self._relay.told()

    def _begin(self, fresh: bytes, *, final: bool) -> int | None:
        """Report what comes before the lines, if anything does; return its bytes, as below."""
        if final and not fresh:
            raise StreamEnded("connection closed")
        beginning = read_beginning(fresh, proxied=self.orders.proxied, final=final)
        if beginning is None:
            return None
        self._beginning = False
        if not beginning.used:
            return None
        told = beginning.told
        self._announce(beginning.used)
        self._report([], beginning.used, discarding=False, told=told)
        if told is not None and told.host:
            peer = format_address((told.host, told.port))
            self.orders = msgspec.structs.replace(self.orders, peer=peer)
            self._retitle(self._nick, self._room)
        return beginning.used

    def _read_lines(self, fresh: bytes, allowed: int, *, final: bool) -> int | None:
        """Report up to ``allowed`` lines of those in ``fresh``.

        Returns how many bytes that took, None if nothing was reported.
        """
        framed = self._frame(fresh, 1 if self._careful else allowed, final=final)
        if framed.used:
            used = framed.used - len(self._carry)
            self._announce(used)
            commands = together(map(self._parse, framed.lines))
            if len(commands) < len(framed.lines):
                framed = self._frame(fresh, len(commands), final=final)
                used = framed.used - len(self._carry)
            self._report(commands, used, discarding=framed.discarding)
            return used
        if final:
            raise StreamEnded("connection closed")
        if fresh and self._ingress.is_cramped():
            carry = self._carry + fresh
            self._announce(len(fresh))
            self._report([], len(fresh), discarding=self._discarding, carry=carry)
            return len(fresh)
        return None

    def _frame(self, fresh: bytes, most: int, *, final: bool) -> Framed:
        return frame(
            self._carry + fresh,
            limit=self._limit,
            discarding=self._discarding,
            # A line whose end somebody may have cut off was not said.
            final=final and self._end_ends and not (self._relay and self._relay.truncated),
            nul_ends=self._nul_ends,
            most=min(most, MAX_COMMANDS),
        )

    def _rest(self) -> None:
        """Leave what has come where it is until a line may be read, or an order comes.

        TCP holds the client back when the socket's buffer is full.
        """
        if self._ingress.rest(self.pace.until_one()):
            self._obey()

    def _look(self, *, complete: bool) -> tuple[bytes, bool]:
        """Return the bytes to be read, and whether nothing follows them."""
        try:
            fresh = self._ingress.peek()
        except StreamEnded:
            if not self._carry:
                raise
            return b"", True
        return fresh, complete and len(fresh) < MAX_USED

    def _announce(self, used: int) -> None:
        """Say, if care is to be taken, that what may kill us are the next ``used`` bytes."""
        if self._careful:
            announcement = Announce(used)
            self._said.append(announcement)
            self._send(announcement)
            self._careful = max(0, self._careful - used)

    def _report(
        self,
        commands: list[Command | None],
        used: int,
        *,
        discarding: bool,
        carry: bytes = b"",
        told: Fresh | None = None,
    ) -> None:
        self._acknowledged = False
        said = [command for command in commands if command is not None]
        # By now: if the master dies before it has answered, they may have been said all the same.
        self.pace.spend(len(commands))
        report = Report(used, discarding, carry, said, [] if told is None else [told])
        self._said.append(report)
        self._send(report)
        # The socket must not be looked at before the master has taken those bytes from it.
        while not self._acknowledged:
            self._obey()
        self._said = []
        self._offset += used
        self._discarding = discarding
        self._carry = carry
        self._lines += len(commands)

    def _parse(self, line: bytes) -> Command | None:
        if len(line) > self._limit:
            return Refuse("line-too-long", str(self._limit))
        return self._read(line)

    def _drain(self, used: int) -> None:
        if self._to_drain is None:
            return
        self._to_drain -= used
        if not used or self._to_drain <= 0:
            self._to_drain = None
            self._send(Drained())

    def _obey(self) -> None:
        try:
            record = self._channel.recv(MAX_ORDER)
        except ConnectionResetError as error:
            # It died with something of ours unread (unix(7)). What it had still said to us is of
            # no use: a new master begins from its journal.
            raise MasterGone from error
        if not record:
            raise MasterGone
        order: Order = decode_order(record)
        match order:
            case Ack():
                self._acknowledged = True
            case Retitle(nick, room):
                self._retitle(nick, room)
            case Limit(line_length, message_rate):
                self._limit = self._fixed_limit or line_length
                self.pace = go_on(self.pace, message_rate, time.monotonic())
            case Drain():
                self._to_drain = self._ingress.unread()
                if self._relay is not None:
                    self._relay.hurry()
            case Resume(offset, carried):
                self._resume(offset, carried)
            case Serve() | Dismiss():
                raise AssertionError("not in the middle of a channel's life")

    def _resume(self, offset: int, carried: int) -> None:
        """Go on with the next master, which knows the stream up to ``offset``."""
        self._send(Resumed())
        here, there = (self._offset, len(self._carry)), (offset, carried)
        report = self._said[-1] if self._said else None
        if there != here:
            # The last report was committed, and its acknowledgement lost with the last master.
            assert isinstance(report, Report), "nothing else is committed"
            assert there == (self._offset + report.used, len(report.carry)), "by that alone"
            self._acknowledged = True
        else:
            self._say()

    def _say(self) -> None:
        for record in self._said:
            self._send(record)

    def _send(self, record: Record) -> None:
        try:
            self._channel.send(encode(record))
        except (BrokenPipeError, ConnectionResetError) as error:
            raise MasterGone from error

    def _retitle(self, nick: str, room: str) -> None:
        self._nick, self._room = nick, room
        title = worker_title(nick, self.orders.peer, self.orders.dialect, room)
        setproctitle.setproctitle(title)
        self.title = title

    def trace(self, _signal: int, frame: FrameType | None) -> None:
        """Send state and Python stack to the master's log (the handler of SIGUSR1)."""
        now = time.monotonic()
        if now < self._traced + REST:
            return  # thousands of them, each within the one before, are deeper than Python goes
        self._traced = now
        state = (
            f"{self.title}: session {self.orders.session}, {self._lines} lines, "
            f"limit {self._limit}, discarding {self._discarding}, "
            f"carry {len(self._carry)}, acknowledged {self._acknowledged}, "
            f"to drain {self._to_drain}\n"
        )
        text = state + of_frame(frame, self._outermost)
        with contextlib.suppress(OSError):
            self._channel.send(encode(Trace(text[-MAX_TRACE:])), socket.MSG_DONTWAIT)
