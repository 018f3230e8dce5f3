"""Telling the service manager how things are: the protocol of sd_notify(3).

A message is one datagram to the Unix socket that ``NOTIFY_SOCKET`` names: assignments, one a line,
and at most one descriptor beside them (SCM_RIGHTS). Nothing comes back.

=====================  =============================================================================
what is sent           when
=====================  =============================================================================
READY                  clients can connect; again after each reload and upgrade
RELOADING              before either, with the time (MONOTONIC_USEC), as Type=notify-reload asks for
STOPPING               a graceful stop has begun
STATUS                 what the title shows, with its changes, at most once in ``REST`` seconds
WATCHDOG               twice in each ``WATCHDOG_USEC``, by a timer of the loop that serves clients
EXTEND_TIMEOUT_USEC    before what may take longer than the manager expects: recovery, a stop
MAINPID                with READY, of a daemon: the manager has started one of its ancestors; and
                       of a supervisor that it has not started (``supervise.standing_in``)
FDSTORE                see ``store``
=====================  =============================================================================

Nobody waits for the manager. What its socket does not take is queued, at most one message of each
kind or name, and sent when it can be. Without ``NOTIFY_SOCKET`` nothing is done at all.

libsystemd is not used: this is all that it would do for us, and each worker would carry it.
"""

import array
import asyncio
import errno
import os
import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Final

from chatd_supervisor.logbook import note

SOCKET: Final = "NOTIFY_SOCKET"
WATCHED: Final = "WATCHDOG_PID"

REST: Final = 1.0
"""Seconds between two of STATUS: the manager tells everybody who watches the unit."""

RETRY: Final = 0.1
"""Seconds until a descriptor is sent again of which too many were under way (ETOOMANYREFS)."""

MARGIN: Final = 5.0
"""Seconds that a stop may take beyond those of its clients."""

FAREWELL: Final = 1.0
"""Seconds that an ending process waits for its last messages to be taken."""

BEGINNING: Final = 300.0
"""Seconds that a start may take: a long journal is checked and sessions are taken up."""


def address_of(environ: Mapping[str, str]) -> str:
    """Return the address of the manager's socket as connect(2) takes it; "" if there is none.

    ``@`` stands for the NUL of an abstract socket. Others than Unix sockets are for virtual
    machines, and not for us.
    """
    given = environ.get(SOCKET, "")
    if given.startswith("@") and len(given) > 1:
        return "\0" + given[1:]
    return given if given.startswith("/") else ""


def watchdog_interval(environ: Mapping[str, str], pid: int) -> float | None:
    """Return after how many seconds the manager is to hear from ``pid``, None if it is not to.

    Half of its time-out, as sd_watchdog_enabled(3) advises. It names the process that it has
    started, which a supervisor leaves out (``leave_watchdog_to_master``).
    """
    usec = environ.get("WATCHDOG_USEC", "")
    if not (usec.isascii() and usec.isdigit() and int(usec)):
        return None
    if environ.get(WATCHED, str(pid)) != str(pid):
        return None
    return int(usec) / 2e6


def leave_watchdog_to_master(environ: MutableMapping[str, str]) -> None:
    """Pass on to each master what the manager asks of this process, its supervisor."""
    if environ.get(WATCHED) == str(os.getpid()):
        del environ[WATCHED]


def tell(*assignments: str, environ: Mapping[str, str] = os.environ) -> None:
    """Send one message, if there is a manager, and wait until it has taken it."""
    notifier = Notifier(address_of(environ))
    notifier.send("once", *assignments)
    notifier.drain()
    notifier.close()


def assignment(name: str, value: object) -> str:
    """Return ``NAME=value`` in one line, whatever ``value`` holds."""
    return f"{name}={' '.join(str(value).split())}"


class Notifier:
    """The line to the service manager, if there is one; else everything here does nothing."""

    def __init__(self, address: str = "") -> None:
        self._address = address
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        # By kind or name, in the order in which they are sent.
        self._queue: dict[str, tuple[bytes, int, Callable[[], None] | None]] = {}
        self._waiting = False
        self._shown = ""
        self._told = ""
        self._resting: asyncio.TimerHandle | None = None
        self._interval: float | None = None
        self._fed = False

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str] = os.environ) -> "Notifier":
        """Return the notifier that the environment asks for, which stays for the next program."""
        notifier = cls(address_of(environ))
        notifier._interval = watchdog_interval(environ, os.getpid())
        return notifier

    @property
    def is_there(self) -> bool:
        """There is a manager that listens."""
        return bool(self._address)

    def begin(self, seconds: float = BEGINNING) -> None:
        """Say that a start may take ``seconds``."""
        self.send("begin", assignment("EXTEND_TIMEOUT_USEC", round(seconds * 1e6)))

    def ready(self, *, daemon: bool = False) -> None:
        """Say that clients can connect, and go on from the running loop.

        Of a ``daemon`` the pid, too, if it is not one that a supervisor has started.
        """
        if not self.is_there:
            return
        self._loop = asyncio.get_running_loop()
        more = [assignment("MAINPID", os.getpid())] if daemon else []
        self.send("ready", "READY=1", *more)
        if self._interval is not None and not self._fed:
            self._fed = True
            self._feed(self._interval)

    def _feed(self, interval: float) -> None:
        """Show that the loop turns, again and again."""
        assert self._loop is not None, "called with READY"
        self.send("watchdog", "WATCHDOG=1")
        self._loop.call_later(interval, self._feed, interval)

    @contextmanager
    def reload(self) -> Iterator[None]:
        """Say that the configuration is read again, and when that is over, however it went."""
        self.reloading()
        try:
            yield
        finally:
            self.send("ready", "READY=1")

    def reloading(self) -> None:
        """Say that something is renewed; READY says that it has been."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        # Two of a kind must not become one: then the manager would wait for the second READY.
        self._queue.pop("ready", None)
        self.send("reloading", "RELOADING=1", assignment("MONOTONIC_USEC", now))

    def stopping(self, seconds: float) -> None:
        """Say that a stop has begun, in which clients have ``seconds`` to hear of it."""
        usec = round((seconds + MARGIN) * 1e6)
        self.send("stopping", "STOPPING=1", assignment("EXTEND_TIMEOUT_USEC", usec))

    def status(self, sentence: str) -> None:
        """Show ``sentence`` to whoever asks the manager; not more often than each ``REST``."""
        self._shown = sentence
        if self._loop is None or not self.is_there:
            self._tell()
        elif self._resting is None:
            self._tell()
            self._resting = self._loop.call_later(REST, self._rested)

    def _rested(self) -> None:
        self._resting = None
        if self._shown != self._told:
            self.status(self._shown)

    def _tell(self) -> None:
        self._told = self._shown
        self.send("status", assignment("STATUS", self._shown))

    def send(
        self,
        key: str,
        *assignments: str,
        descriptor: int = -1,
        sent: Callable[[], None] | None = None,
    ) -> None:
        """Send a message; it takes the place of one by the same ``key`` that still waits.

        A ``descriptor`` must stay open until it is sent, or ``withdraw`` was called. ``sent`` is
        called when the manager has it.
        """
        if not self.is_there:
            return
        self._queue.pop(key, None)
        self._queue[key] = ("\n".join(assignments).encode(), descriptor, sent)
        if not self._waiting:
            self._flush()

    def withdraw(self, key: str) -> bool:
        """Do not send what waits by ``key``; False if nothing does."""
        return self._queue.pop(key, None) is not None

    def waits(self, key: str) -> bool:
        """Tell whether a message by ``key`` has not been sent yet."""
        return key in self._queue

    def drain(self, patience: float = FAREWELL) -> None:
        """Wait until all is sent, ``patience`` seconds at most: before the process ends."""
        deadline = time.monotonic() + patience
        while self._queue:
            self._flush()
            left = deadline - time.monotonic()
            if not self._queue or self._socket is None or left <= 0:
                return
            poll = select.poll()
            poll.register(self._socket, select.POLLOUT)
            poll.poll(left * 1000)

    def close(self) -> None:
        """Say no more."""
        self._address = ""
        self._queue.clear()
        self._forget()

    def _flush(self) -> None:
        """Send what the socket takes."""
        waited, self._waiting = self._waiting, False
        while self._queue:
            key, (message, descriptor, sent) = next(iter(self._queue.items()))
            try:
                self._connected().sendmsg([message], _rights(descriptor))
                if sent is not None:
                    sent()
            except BlockingIOError:
                self._wait()
                return
            except (FileNotFoundError, ConnectionError):
                # The manager begins anew, or has gone. What is not heard is not asked for.
                self._forget()
            except OSError as error:
                if descriptor >= 0 and error.errno == errno.ETOOMANYREFS:
                    self._wait(RETRY)
                    return
                note("service manager not told", what=key, reason=error.strerror)
            del self._queue[key]
        if waited and self._loop is not None and self._socket is not None:
            self._loop.remove_writer(self._socket)

    def _connected(self) -> socket.socket:
        if self._socket is None:
            fresh = socket.socket(
                socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
            )
            try:
                # Connected, for only then does poll(2) tell when there is room again.
                fresh.connect(self._address)
            except OSError:
                fresh.close()
                raise
            self._socket = fresh
        return self._socket

    def _forget(self) -> None:
        if self._socket is not None:
            if self._loop is not None:
                self._loop.remove_writer(self._socket)
            self._socket.close()
            self._socket = None

    def _wait(self, seconds: float = 0) -> None:
        """Go on sending when there is room, or in so many ``seconds``."""
        if self._loop is None or self._socket is None:
            return  # ready() and drain() go on
        self._waiting = True
        if seconds:
            self._loop.remove_writer(self._socket)
            self._loop.call_later(seconds, self._flush)
        else:
            self._loop.add_writer(self._socket, self._flush)


def _rights(descriptor: int) -> list[tuple[int, int, bytes]]:
    if descriptor < 0:
        return []
    return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]).tobytes())]
