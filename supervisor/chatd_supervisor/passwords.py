"""Having passwords checked and hashed: by a process that is forked for one of them, and is gone.

argon2 takes 64 MiB and a tenth of a second, in which a loop serves nobody. A thread is out of the
question in a process that forks, and one that waits for work would be there when there is none.
So for each check the master forks a process, ``chatd: password check`` in ps(1):

* The question is in its channel before it is forked. It closes everything it has inherited but
  that channel, answers with one record, and exits. Argon2 is imported there and nowhere else.
* There are never more than AT_ONCE of them, zombies included. Who comes then waits; WAITING may
  wait, and PER_PEER of one address, so that nobody's guesses keep others from coming in.
* Whatever happens to it (it is killed, has no memory, takes too long) is answered: ``Unavailable``,
  with a sentence for whoever asked.
* It is nicer than everybody else (NICENESS).
* If the master is killed, it finishes, finds that nobody wants its answer, and exits. Nothing was
  written, so for a new master the question has not been asked.

An answer comes from the loop, never from within ``ask``. Here nobody knows whose password it is.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Final

import msgspec
import setproctitle

from chatd_supervisor.credentials import WrongPassword
from chatd_supervisor.logbook import note
from chatd_supervisor.processes import fork
from chatd_supervisor.questions import (
    Answer,
    Check,
    Checked,
    Derive,
    Derived,
    Question,
    Unacceptable,
    Unavailable,
)
from chatd_workers import channel as channels
from chatd_workers.channel import close_all_but
from chatd_workers.reports import MALFORMED

TITLE: Final = "chatd: password check"

AT_ONCE: Final = 2
"""Processes at once: 64 MiB each, and as many cores are busy."""

WAITING: Final = 64
"""Questions that may wait for one,"""

PER_PEER: Final = 8
"""and of one address, those that are being answered included."""

DEADLINE: Final = 20.0
"""Seconds from the question to the answer."""

SILENCE: Final = 60.0
"""Seconds between two lines in the log that say that there are too many."""

NICENESS: Final = 15
"""By which checks stand back (nice(2)), so that who talks does not wait for who logs in. Each check
runs in four threads (``hashing.LANES``); with less, those of two outweigh the master."""

MAX_RECORD: Final = 16 * 1024
"""Bytes of a question or an answer."""


BUSY: Final = Unavailable("too many passwords are being checked, try again in a moment")
LATE: Final = Unavailable("checking the password took too long, try again in a moment")
DIED: Final = Unavailable("the password could not be checked, try again")

_encode: Final = msgspec.msgpack.Encoder().encode
_decode_question: Final = msgspec.msgpack.Decoder(Question).decode
_decode_answer: Final = msgspec.msgpack.Decoder(Answer).decode


class Request:
    """A question that was asked, and who is told the answer."""

    __slots__ = ("deadline", "peer", "pid", "question", "told")

    def __init__(self, question: Question, peer: str, told: Callable[[Answer], None]) -> None:
        self.question = question
        self.peer = peer
        # None once the answer is told, or not wanted any more.
        self.told: Callable[[Answer], None] | None = told
        self.deadline: asyncio.TimerHandle | None = None
        # Who answers it; 0: it waits.
        self.pid = 0


class Passwords:
    """All questions that are not answered yet."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        children: MutableMapping[int, Callable[[int], None]],
    ) -> None:
        """``children``: who is to be told the exit code of which pid (``Births.strangers``)."""
        self._loop = loop
        self._children = children
        self._waiting: list[Request] = []
        # Until they are reaped, and the channels of those that have not answered.
        self._running: dict[int, Request] = {}
        self._channels: dict[int, socket.socket] = {}
        self._silent_until = 0.0

    def ask(self, question: Question, told: Callable[[Answer], None], *, peer: str = "") -> Request:
        """Have ``question`` answered, for somebody at the address ``peer``.

        ``told`` is called once, with the answer, after this has returned, and at the latest
        DEADLINE seconds later.
        """
        request = Request(question, peer, told)
        if self._is_full_for(peer):
            self._refuse(request)
            return request
        request.deadline = self._loop.call_later(DEADLINE, self._expire, request)
        self._waiting.append(request)
        # Not here: whoever asks may have to write down first that it did.
        self._loop.call_soon(self._begin)
        return request

    def forget(self, request: Request) -> None:
        """Let ``request`` go: nobody wants the answer any more, and it is not told."""
        request.told = None
        if request.deadline is not None:
            request.deadline.cancel()
        if request in self._waiting:
            self._waiting.remove(request)
        channel = self._channels.pop(request.pid, None)
        if channel is not None:
            self._loop.remove_reader(channel)
            channel.close()
            # What it may still find out is of no use. Not reaped yet, or just now.
            with contextlib.suppress(ProcessLookupError):
                os.kill(request.pid, signal.SIGKILL)

    def close(self) -> None:
        """Let everything go; nothing is answered any more."""
        for request in [*self._waiting, *self._running.values()]:
            self.forget(request)

    def _is_full_for(self, peer: str) -> bool:
        pending = [*self._waiting, *self._running.values()]
        return (
            len(self._waiting) >= WAITING
            or sum(request.peer == peer and bool(peer) for request in pending) >= PER_PEER
        )

    def _refuse(self, request: Request) -> None:
        # Said once in a while, not for every guess.
        if self._loop.time() >= self._silent_until:
            self._silent_until = self._loop.time() + SILENCE
            note("password refused", waiting=len(self._waiting), peer=request.peer or "unknown")
        self._loop.call_soon(self._answer, request, BUSY)

    def _begin(self) -> None:
        while self._waiting and len(self._running) < AT_ONCE:
            request = self._waiting.pop(0)
            try:
                pid, channel = _give_birth(request.question)
            except OSError as error:
                note("password process not started", reason=error.strerror)
                self._answer(request, DIED)
                continue
            request.pid = pid
            self._running[pid] = request
            self._channels[pid] = channel
            self._children[pid] = partial(self._reaped, pid)
            self._loop.add_reader(channel, self._heard, request)

    def _heard(self, request: Request) -> None:
        answer: Answer = DIED
        try:
            record = self._channels[request.pid].recv(MAX_RECORD, socket.MSG_DONTWAIT)
            if record:
                answer = _decode_answer(record)
            else:
                note("password process failed", pid=request.pid, reason="has died")
        except (ConnectionResetError, *MALFORMED) as error:
            # It has died before it had read the question (unix(7)), or is not itself any more.
            note("password process failed", pid=request.pid, reason=error)
        self._answer(request, answer)

    def _answer(self, request: Request, answer: Answer) -> None:
        told = request.told
        self.forget(request)
        if told is not None:
            told(answer)

    def _expire(self, request: Request) -> None:
        note("password late", seconds=DEADLINE)
        self._answer(request, LATE)

    def _reaped(self, pid: int, _exitcode: int) -> None:
        # What it has said, and that it has ended, is in its channel.
        del self._running[pid]
        self._loop.call_soon(self._begin)


def _give_birth(question: Question) -> tuple[int, socket.socket]:
    """Fork a process that answers ``question``; return its pid and our end of its channel.

    Raises OSError if the system has no room for it.
    """
    ours, theirs = channels.pair()
    try:
        ours.send(_encode(question))
        pid = fork(partial(_live, theirs))
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return pid, ours


def _live(channel: socket.socket) -> int:
    """Answer the question in ``channel``, in a fresh fork; return the exit code.

    The master's signals stay blocked: a TERM that reaches the whole process group is no reason to
    leave a client without its answer, and the time that is left is short.
    """
    gc.freeze()
    signal.set_wakeup_fd(-1)
    close_all_but(channel.fileno())
    with contextlib.suppress(PermissionError):  # of whoever has us in a sandbox
        os.nice(NICENESS)
    setproctitle.setproctitle(TITLE)
    answer = answer_to(_decode_question(channel.recv(MAX_RECORD)))
    # Nobody there: the master was killed, or does not want to know any more.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        channel.send(_encode(answer))
    return os.EX_OK


def answer_to(question: Question) -> Answer:
    """Answer ``question``. Takes 0.1 s and 64 MiB."""
    from chatd_supervisor import hashing  # noqa: PLC0415  # not in the master

    match question:
        case Check(known, password):
            return Checked(hashing.verify(known, password))
        case Derive(password):
            try:
                return Derived(hashing.derive(password))
            except WrongPassword as error:
                return Unacceptable(str(error))
