"""The master's side of its supervisor: what is to outlive this process is held over there, too.

Nothing here waits, but for ``receive`` at the master's beginning and ``goodbye`` at its end. What
the channel does not take, because the supervisor is stopped (SIGSTOP) or busy, is queued in order
and sent when it can be. The queue has at most one entry for each name: who comes and goes
meanwhile leaves none. A descriptor in it is the master's own, which it keeps open until released.

If the supervisor dies, another is started (``reinstating``) and told everything anew: at
once, unless they die in a row. Until then the master serves on without one.
"""

import asyncio
import contextlib
import errno
import os
import select
import socket
import time
from collections.abc import Mapping
from typing import Final

import msgspec

from chatd_supervisor.backoff import Backoff
from chatd_supervisor.holding import (
    AllHeld,
    Doubt,
    Goodbye,
    Hold,
    Ready,
    Recall,
    Release,
    Settled,
    Stopping,
    Wish,
    decode_answer,
    encode,
    receive,
)
from chatd_supervisor.logbook import note
from chatd_supervisor.reinstating import Renewal
from chatd_supervisor.sentence_errors import SentenceError
from chatd_supervisor.variables import KEEPER
from chatd_workers.channel import pair, send_with_descriptor

PATIENCE: Final = 5.0
"""Seconds in which the supervisor must have passed on what it holds."""

FAREWELL: Final = 1.0
"""Seconds that the master waits for the supervisor to let go of everything."""

RETRY: Final = 0.1
"""Seconds until a descriptor is sent again of which too many were under way (ETOOMANYREFS)."""


class KeeperError(SentenceError):
    """The supervisor has not done its part; ``str()`` is the sentence for people."""


class Keeper:
    """The channel to the supervisor, what it holds, and what it is still to be told."""

    def __init__(self, channel: socket.socket) -> None:
        channel.setblocking(False)
        self._channel = channel
        self._loop: asyncio.AbstractEventLoop | None = None
        self._known: set[str] = set()
        # By name, or by the wish itself where it has none; in the order in which they are sent.
        self._queue: dict[str | Wish, tuple[Wish, int]] = {}
        self._waiting = False
        self.is_there = True
        """The supervisor lives, as far as we know."""
        self._since = time.monotonic()
        self._backoff = Backoff()
        self._renewal: Renewal | None = None
        self._command: list[str] | None = None
        """How another master is started; None: there is none yet to be supervised, or no more."""

    @classmethod
    def from_environment(cls) -> "Keeper | None":
        """Return the keeper that the environment speaks of, None if it speaks of none.

        It is spoken of no more afterwards, and the channel is no longer inheritable.
        """
        number = os.environ.pop(KEEPER, "")
        return cls.from_descriptor(int(number)) if number.isdecimal() else None

    @classmethod
    def from_descriptor(cls, descriptor: int) -> "Keeper | None":
        """Return the keeper whose channel is ``descriptor``, None if that is no such channel."""
        try:
            os.set_inheritable(descriptor, False)
            channel = socket.socket(fileno=descriptor)
        except OSError:
            return None  # nothing of ours; as if it were not there
        if (channel.family, channel.type) != (socket.AF_UNIX, socket.SOCK_SEQPACKET):
            channel.detach()
            return None
        return cls(channel)

    @property
    def is_supervisor(self) -> bool:
        """It is a process of ours."""
        return True

    @property
    def has_all(self) -> bool:
        """Tell whether it has been passed all that it is to hold."""
        return self.is_there and not self._queue

    def fileno(self) -> int | None:
        """Return the channel's descriptor, None if the supervisor has died."""
        return self._channel.fileno() if self.is_there else None

    def receive(self, patience: float = PATIENCE) -> dict[str, int]:
        """Return all that the supervisor holds: descriptors by name, now the caller's to close.

        They are held on until they are released. Waits ``patience`` seconds at most; raises
        KeeperError. If the supervisor is dead, what it had sent is returned.
        """
        received: dict[str, int] = {}
        try:
            with contextlib.suppress(BrokenPipeError):  # then what it has sent is all there is
                self._channel.send(encode(Recall()))
            complaint = self._collect(received, time.monotonic() + patience)
        except (EOFError, ConnectionResetError):
            complaint = ""
            self._gone()
        if complaint:
            for descriptor in received.values():
                os.close(descriptor)
            raise KeeperError(errno.EPROTO, complaint)
        return received

    def _collect(self, received: dict[str, int], deadline: float) -> str:
        """Put into ``received`` what comes; return what is wrong with it, "" if nothing is."""
        while self._await(select.POLLIN, deadline):
            parcel = receive(self._channel)
            try:
                answer = decode_answer(parcel.record)
            except msgspec.DecodeError as error:
                if parcel.descriptor is not None:
                    os.close(parcel.descriptor)
                return f"what the supervisor says cannot be understood: {error}"
            if isinstance(answer, AllHeld):
                return ""
            if parcel.descriptor is None:
                note("no room for socket", name=answer.name, held="by the supervisor")
            else:
                received[answer.name] = parcel.descriptor
                self._known.add(answer.name)
        return "the supervisor has not passed on what it holds in time; kill it if it hangs"

    def attach(self, loop: asyncio.AbstractEventLoop, renewal: Renewal) -> None:
        """Send from ``loop`` what waits, and notice there that the supervisor has died.

        ``renewal`` is how another one is come by, once clients can connect.
        """
        self._loop = loop
        self._renewal = renewal
        if not self.is_there:
            return
        loop.add_reader(self._channel, self._listen)
        if self._queue:
            self._wait()

    def hold(self, name: str, descriptor: int) -> None:
        """Have ``descriptor`` held by ``name``; it must stay open until ``name`` is released."""
        self._send(name, Hold(name), descriptor)

    def release(self, name: str) -> None:
        """Have what is held by ``name`` closed over there; nothing, if nothing is."""
        self._queue.pop(name, None)
        if name in self._known:
            self._send(name, Release(name))

    def hold_only(self, named: Mapping[str, int]) -> None:
        """Have all that is ``named`` held, and nothing else: after an upgrade.

        What the program before this one had still to say of it was lost with it.
        """
        self._send(wish := Doubt(), wish)
        for name, descriptor in named.items():
            self.hold(name, descriptor)
        self._send(settled := Settled(), settled)

    def is_lent(self, _name: str) -> bool:
        """Return False: we have made all of them."""
        return False

    def ready(self, command: list[str]) -> None:
        """Say that clients can connect, and by which ``command`` another master is started."""
        self._command = command
        self._send("ready", Ready(command))
        if not self.is_there:
            self._renew_soon()

    def stopping(self) -> None:
        """Say that this master is to end, so that its death from now on is no accident."""
        self._command = None
        self._send(wish := Stopping(), wish)

    def goodbye(self, patience: float = FAREWELL) -> None:
        """Have everything let go of, and wait until it is, ``patience`` seconds at most."""
        self._command = None
        if not self.is_there:
            return
        deadline = time.monotonic() + patience
        # Nothing else matters any more.
        self._queue = {wish: (wish, -1) for wish in (Stopping(), Goodbye())}
        while self.is_there and self._queue:
            self._flush()
            if self._queue and not self._await(select.POLLOUT, deadline):
                break
        with contextlib.suppress(OSError):
            while self.is_there and self._await(select.POLLIN, deadline):
                if not self._channel.recv(1):
                    break
        self._leave()

    def _send(self, key: str | Wish, wish: Wish, descriptor: int = -1) -> None:
        if not self.is_there:
            return
        self._queue.pop(key, None)
        self._queue[key] = (wish, descriptor)
        if not self._waiting:
            self._flush()

    def _flush(self) -> None:
        """Send what the channel takes."""
        waited, self._waiting = self._waiting, False
        while self._queue:
            key, (wish, descriptor) = next(iter(self._queue.items()))
            try:
                if descriptor < 0:
                    self._channel.send(encode(wish))
                else:
                    send_with_descriptor(self._channel, encode(wish), descriptor)
            except BlockingIOError:
                self._wait()
                return
            except (BrokenPipeError, ConnectionResetError):
                self._gone()
                return
            except OSError as error:
                if error.errno == errno.ETOOMANYREFS:  # unix(7)
                    self._wait(RETRY)
                    return
                # A fault of ours (EBADF); tried again, it would hold up all that comes after it.
                what = f"{type(wish).__name__.lower()} {key if isinstance(key, str) else ''}"
                note("supervisor not told", what=what.rstrip(), reason=error.strerror)
                del self._queue[key]
                continue
            del self._queue[key]
            if isinstance(wish, Hold):
                self._known.add(wish.name)
            elif isinstance(wish, Release):
                self._known.discard(wish.name)
        if waited and self._loop is not None:
            self._loop.remove_writer(self._channel)

    def _wait(self, seconds: float = 0) -> None:
        """Go on sending when the channel takes more, or in so many ``seconds``."""
        if self._loop is None:
            return
        self._waiting = True
        if seconds:
            self._loop.remove_writer(self._channel)
            self._loop.call_later(seconds, self._flush)
        else:
            self._loop.add_writer(self._channel, self._flush)

    def _await(self, event: int, deadline: float) -> bool:
        """Wait for ``event`` on the channel; False if it has not come by ``deadline``."""
        poll = select.poll()
        poll.register(self._channel, event)
        return bool(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))

    def _listen(self) -> None:
        """Nothing is to come any more but the end of the channel."""
        try:
            if self._channel.recv(1):
                return
        except BlockingIOError:
            return
        except ConnectionResetError:
            pass
        self._gone()

    def _gone(self) -> None:
        note("supervisor died", next="another one is started")
        self._leave()
        self._renew_soon()

    def _renew_soon(self) -> None:
        if self._command is not None and self._loop is not None:
            self._loop.call_later(self._backoff.after(time.monotonic() - self._since), self._renew)

    def _renew(self) -> None:
        """Have another supervisor, and tell it everything."""
        if self._command is None or self._renewal is None or self._loop is None:
            return
        self._since = time.monotonic()
        ours, theirs = pair()
        with theirs:
            try:
                self._renewal.start(theirs)
            except OSError as error:
                ours.close()
                note("supervisor not started", reason=error)
                self._renew_soon()
                return
        ours.setblocking(False)
        self._channel = ours
        self.is_there = True
        self._loop.add_reader(ours, self._listen)
        for name, descriptor in self._renewal.named().items():
            self.hold(name, descriptor)
        self._send("ready", Ready(self._command))

    def _leave(self) -> None:
        if not self.is_there:
            return
        self.is_there = False
        self._waiting = False
        self._queue.clear()
        self._known.clear()
        if self._loop is not None:
            self._loop.remove_reader(self._channel)
            self._loop.remove_writer(self._channel)
        self._channel.close()
