"""The reading process: owns the connection, speaks its dialect, and tells its parent what it hears.

It waits for its parent, the server, an attempt to reach it, and the time, and for nothing else.
What the parent does not take yet is kept up to a bound; beyond that the server is not read from,
so that a flood stays where it comes from. It ends with its parent (``reader_process``), or when
that closes the channel.
"""

import random
import select
import socket
import ssl
import time
from typing import Final

from msgspec.structs import replace

from chatd_client.backoff import Backoff
from chatd_client.channel import Channel, Gone
from chatd_client.dialects import make
from chatd_client.dialogue import Dialogue
from chatd_client.exchange import (
    AnyNews,
    AnyOrder,
    Fetched,
    Join,
    Leave,
    MarkRead,
    News,
    Older,
    Phase,
    Quit,
    Reconnect,
    Refused,
    Rename,
    Resume,
    Say,
    Status,
    TypingNow,
)
from chatd_client.exits import Exit
from chatd_client.memory import Memory
from chatd_client.reaching import OTHERS, Attempt, CannotReach, Reached, not_a_chat_server
from chatd_workers.truncation import is_truncation

BLOCK: Final = 64 * 1024
"""Bytes that are read from the server at once."""

MOST_WAITING: Final = 1024 * 1024
"""Bytes of news that the parent has not taken, above which the server is not read from."""

_KEPT: Final = (Say, Join, Leave, Rename, Quit, Reconnect, TypingNow, MarkRead)
"""Orders that are remembered, or of no matter, while there is no connection."""


def read(channel: socket.socket) -> None:
    """Read until it is over, or the parent has gone."""
    try:
        Reader(Channel(channel, AnyOrder)).run()
    except Gone:
        return


class Connection:
    """A server that is reached, and what is spoken with it."""

    def __init__(self, reached: Reached, dialogue: Dialogue) -> None:
        self.reached = reached
        self.dialogue = dialogue
        self.online: float | None = None
        self.output = bytearray()
        self.is_first = True
        reached.server.setblocking(False)

    @property
    def pending(self) -> bool:
        """Whether something has come that the socket's readability does not show."""
        server = self.reached.server
        return isinstance(server, ssl.SSLSocket) and server.pending() > 0

    def receive(self) -> bytes | None:
        """Return what has come; None if nothing has, b"" at the end. Raises OSError."""
        try:
            return self.reached.server.recv(BLOCK)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except ssl.SSLError as error:
            if is_truncation(error):
                return b""
            raise

    def flush(self) -> None:
        """Send what is to be sent, as far as the server takes it. Raises OSError."""
        try:
            while self.output:
                sent = self.reached.server.send(self.output[:BLOCK])
                del self.output[:sent]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return


class Reader:
    """The reading process's one loop."""

    def __init__(self, channel: Channel[AnyNews, AnyOrder]) -> None:
        self._channel = channel
        self._dice = random.SystemRandom()
        self._backoff = Backoff(self._dice)
        self._attempt: Attempt | None = None
        self._connection: Connection | None = None
        self._again: float | None = None
        self._under_way: tuple[str, ...] | None = None
        self._over = False
        self._memory = Memory(self._first_order())

    def _first_order(self) -> Resume:
        # What is to be said comes along, and may be more than is read at once.
        self._early: list[AnyOrder] = []
        while not self._early:
            select.select([self._channel], [], [])
            self._early = self._channel.receive()
        first = self._early.pop(0)
        assert isinstance(first, Resume), first
        return first

    def run(self) -> None:
        """Run until it is over. Raises Gone."""
        self._under_way = self._memory.resume().under_way
        self._reach()
        for order in self._early:
            self._take(order)
        while not (self._over and not self._channel.waiting):
            self._wait()

    # Waiting

    def _wait(self) -> None:
        channel, connection = self._channel, self._connection
        poller = select.poll()
        poller.register(channel, select.POLLIN | (select.POLLOUT if channel.waiting else 0))
        if self._attempt is not None:
            poller.register(self._attempt, select.POLLIN)
        reads = connection is not None and channel.waiting < MOST_WAITING
        if connection is not None:
            events = (select.POLLIN if reads else 0) | (select.POLLOUT if connection.output else 0)
            poller.register(connection.reached.server, events)
        pending = reads and connection is not None and connection.pending
        ready = {number for number, _ in poller.poll(0 if pending else self._patience())}
        if channel.fileno() in ready:
            channel.flush()
            for order in channel.receive():
                self._take(order)
        if self._attempt is not None and self._attempt.fileno() in ready:
            self._reached(self._attempt)
        now = time.monotonic()
        if self._again is not None and now >= self._again:
            self._reach()
        if connection is not None and connection is self._connection:
            readable = connection.reached.server.fileno() in ready
            self._attend(connection, reads=bool(reads and (readable or pending)), now=now)

    def _patience(self) -> float | None:
        due = [self._again]
        if self._connection is not None:
            due.append(self._connection.dialogue.wake)
        left = [each - time.monotonic() for each in due if each is not None]
        # Rounded up: less than a millisecond must not become a wait of none, again and again.
        return max(0.0, min(left)) * 1000 + 1 if left else None

    # The connection

    def _reach(self) -> None:
        self._again = None
        self._tell(Status(phase=Phase.CONNECTING, server=self._address()))
        self._attempt = Attempt(self._memory.target)
        self._attempt.start()

    def _address(self) -> str:
        target = self._memory.target
        return target.unix or target.host

    def _reached(self, attempt: Attempt) -> None:
        self._attempt = None
        attempt.close()
        result = attempt.result
        if isinstance(result, CannotReach):
            self._lost(result.code, str(result))
            return
        assert isinstance(result, Reached), result
        now = time.monotonic()
        resume = self._memory.resume(self._under_way)
        wall = time.time_ns() // 1000 - int(now * 1_000_000)
        says = list(self._memory.says.values())
        dialogue = make(result.dialect, resume, says, wall=wall, dice=self._dice)
        connection = self._connection = Connection(result, dialogue)
        dialogue.begin(now)
        if self._memory.quitting is not None:
            dialogue.order(self._memory.quitting, now)
        if result.early:
            self._hear(connection, result.early, now)
        self._exchange(connection)

    def _attend(self, connection: Connection, *, reads: bool, now: float) -> None:
        try:
            if reads:
                data = connection.receive()
                if data == b"":
                    self._exchange(connection)
                    self._closed(connection)
                    return
                if data:
                    self._hear(connection, data, now)
            wake = connection.dialogue.wake
            if wake is not None and now >= wake:
                connection.dialogue.tick(now)
            self._exchange(connection)
        except OSError as error:
            self._closed(connection, f"the connection is lost: {error.strerror or error}")

    def _hear(self, connection: Connection, data: bytes, now: float) -> None:
        if connection.is_first:
            connection.is_first = False
            if connection.reached.dialect == "irc" and data.startswith(OTHERS):
                error = not_a_chat_server(data, self._address())
                self._drop(connection)
                self._lost(error.code, str(error))
                return
        connection.dialogue.receive(data, now)

    def _exchange(self, connection: Connection) -> None:
        """Send and tell what the dialogue has to say, and see whether it goes on."""
        if connection is not self._connection:
            return
        dialogue = connection.dialogue
        output, news = dialogue.take()
        connection.output += output
        self._tell(*(self._completed(each, connection) for each in news))
        try:
            connection.flush()
        except OSError as error:
            self._closed(connection, f"the connection is lost: {error.strerror or error}")
            return
        if dialogue.failure is not None:
            self._drop(connection)
            self._lost(*dialogue.failure)
        elif dialogue.secure_port:
            self._move(connection, dialogue.secure_port)
        elif dialogue.done and not connection.output:
            self._drop(connection)
            self._end(Exit.OK, "")
        elif dialogue.is_dead:
            self._closed(connection, "the server does not answer any more")

    def _completed(self, news: News, connection: Connection) -> News:
        if isinstance(news, Status):
            if news.phase is Phase.ONLINE and connection.online is None:
                connection.online = time.monotonic()
            reached = connection.reached
            server = news.server or self._address()
            return replace(news, server=server, port=reached.port, secure=reached.secure)
        return news

    def _move(self, connection: Connection, port: int) -> None:
        """Reach the server by TLS, as it wants it (sts)."""
        self._drop(connection)
        self._memory.move(port)
        self._reach()

    def _drop(self, connection: Connection) -> None:
        self._under_way = connection.dialogue.under_way()
        if connection.online is not None:
            self._backoff.succeeded(time.monotonic() - connection.online)
        self._connection = None
        connection.reached.server.close()

    def _closed(self, connection: Connection, why: str = "") -> None:
        """Note that the server has closed, or is counted as gone."""
        dialogue = connection.dialogue
        self._drop(connection)
        said = dialogue.parting
        if self._memory.quitting is not None and not self._memory.says:
            self._end(Exit.OK, "")
            return
        why = why or "the server has closed the connection"
        self._lost(Exit.LOST, f"{why}: {said}" if said else why)

    def _lost(self, code: Exit, why: str) -> None:
        memory = self._memory
        if not memory.was_online or not memory.target.keep:
            self._end(code, why)
            return
        if memory.quitting is not None and not memory.says:
            self._end(Exit.OK, "")
            return
        pause = self._backoff.next()
        self._again = time.monotonic() + pause
        self._tell(Status(phase=Phase.WAITING, server=self._address(), why=why, retry=pause))

    def _end(self, code: Exit, why: str) -> None:
        self._over = True
        self._again = None
        status = Status(phase=Phase.ENDED, server=self._address(), why=why, exit_code=code)
        self._tell(status)

    # The parent

    def _take(self, order: AnyOrder) -> None:
        if self._over:
            return
        self._memory.ordered(order)
        connection = self._connection
        if isinstance(order, Reconnect):
            self._reconnect()
        elif connection is not None:
            connection.dialogue.order(order, time.monotonic())
            self._exchange(connection)
        elif isinstance(order, Quit) and not self._memory.says:
            self._end(Exit.OK, "")
        elif isinstance(order, Older):
            self._tell(Fetched(room=order.room, count=0, more=False))
        elif not isinstance(order, _KEPT):
            room = getattr(order, "room", "")
            self._tell(Refused(why="there is no connection to the server", room=room))

    def _reconnect(self) -> None:
        if self._connection is not None:
            connection = self._connection
            self._drop(connection)
        if self._attempt is None:
            self._reach()

    def _tell(self, *news: News) -> None:
        for each in news:
            self._memory.heard(each)  # type: ignore[arg-type]
        self._channel.send(list(news))  # type: ignore[arg-type]
