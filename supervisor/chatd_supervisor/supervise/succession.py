"""Passing the descriptor table on to another program, which has made ready meanwhile.

The successor is started beside whoever has the table: it imports everything, looks whether it could
serve, and waits. Then it is sent each descriptor (SCM_RIGHTS), and goes on when the channel ends,
which is when the giver has ended. Which descriptor is what it finds out as any new master does
(``table``), so that the numbers need not be the same.

At no instant is there nobody who has everything, or one process alone: the giver ends when the
successor's master has said that it has all. And never do two masters serve: the lock on the state
directory belongs to the giver's table, and is free when that is gone.
"""

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Final

import msgspec

from chatd_supervisor.deferred_signals import DEFERRED
from chatd_supervisor.supervise import reserved
from chatd_supervisor.supervise.records import (
    MAX_RECORD,
    Ask,
    Descriptors,
    Leave,
    Prepared,
    Reply,
    Take,
    Taken,
    decode_reply,
    encode,
)
from chatd_workers.channel import pair, send_with_descriptor
from chatd_workers.signals import MASTERS_SIGNALS

AT_ONCE: Final = 250
"""Descriptors in one record; unix(7), SCM_MAX_FD is 253."""

PATIENCE: Final = 30.0
"""Seconds in which a successor must have made ready;"""

TAKING: Final = 10.0
"""and in which it must have taken what it is sent."""

PASSED_ON: Final = frozenset(MASTERS_SIGNALS) - {int(signal.SIGCHLD), int(signal.SIGXCPU)}
"""Signals that ask something of the server, and not of one of its processes."""

VARIABLE: Final = "CHATD_SUCCESSOR"
"""The environment variable with the number of the successor's end of the channel."""

TRIAL: Final = "CHATD_TRIAL"
"""The environment variable that asks for a look whether this program can serve, beforehand: the
number of what is standard error after that."""


class NotTaken(OSError):
    """The successor could not take the table; ``str()`` says why."""


def program_of(python: str) -> list[str]:
    """Return how a supervisor is run by the interpreter ``python``, without its arguments."""
    # -P: whatever lies in the present directory is none of ours.
    return [python, "-P", "-m", "chatd_supervisor.supervise"]


def launch(program: Sequence[str], output: IO[bytes] | None = None) -> int:
    """Start a successor, at the other end of the reserved descriptor SUCCESSOR; return its pid.

    With an ``output`` it looks first whether it can serve, and says there what is wrong. Raises
    OSError.
    """
    ours, theirs = pair()
    with contextlib.ExitStack() as stack:
        stack.enter_context(ours)
        stack.enter_context(theirs)
        theirs.set_inheritable(True)
        environ = {**os.environ, VARIABLE: str(theirs.fileno())}
        actions: list[tuple[int, int, int]] = []
        if output is not None:
            error = os.dup(2)
            stack.callback(os.close, error)
            os.set_inheritable(error, True)
            environ[TRIAL] = str(error)
            actions = [(os.POSIX_SPAWN_DUP2, output.fileno(), 2)]
        pid = os.posix_spawn(
            program[0], list(program), environ, file_actions=actions, setsigmask=DEFERRED
        )
        ours.setblocking(False)
        reserved.put(ours.fileno(), reserved.SUCCESSOR)
    ask()
    return pid


@contextlib.contextmanager
def borrowed_channel() -> Iterator[socket.socket]:
    """Yield the channel to the successor as a socket, whose descriptor stays open."""
    channel = socket.socket(fileno=reserved.SUCCESSOR)
    try:
        yield channel
    finally:
        channel.detach()


def ask() -> None:
    """Ask the successor, if there is one, to say when it is prepared. Raises OSError."""
    with borrowed_channel() as channel:
        channel.send(encode(Ask()))


def refuse() -> None:
    """Let go of the successor, if there is one: whoever has the table goes on himself."""
    with contextlib.suppress(OSError), borrowed_channel() as channel:
        channel.send(encode(Leave()))
    reserved.clear(reserved.SUCCESSOR)


def is_prepared() -> bool:
    """Read what the successor has said; return whether it is prepared. Raises NotTaken if gone."""
    reply = _receive()
    if reply is None:
        return False
    if not isinstance(reply, Prepared):
        raise NotTaken(f"the successor said {type(reply).__name__} before it was asked to take")
    return True


def hand_over(descriptors: Iterable[int], note: bytes, seconds: float = TAKING) -> int:
    """Send ``descriptors`` and ``note`` to a successor that is prepared; wait until it has all.

    Return the pid of who passes signals on to it. From then on it goes on as soon as this process,
    and whoever shares its table, has ended. Raises NotTaken.
    """
    sent = list(descriptors)
    try:
        with borrowed_channel() as channel:
            channel.settimeout(seconds)
            for first in range(0, len(sent), AT_ONCE):
                some = sent[first : first + AT_ONCE]
                send_with_descriptor(channel, encode(Descriptors()), *some)
            channel.send(encode(Take(note)))
            reply = None
            while not isinstance(reply, Taken):
                # An empty record, where the successor has ended, is no reply.
                reply = decode_reply(channel.recv(MAX_RECORD))
    except (OSError, msgspec.DecodeError) as error:
        raise NotTaken(f"the successor does not take what it is sent: {error}") from error
    if reply.count != len(sent):
        raise NotTaken(f"the successor has {reply.count} descriptors of {len(sent)}")
    return reply.supervisor


def pass_signals(supervisor: int, numbers: Iterable[int]) -> None:
    """Send those of ``numbers`` to ``supervisor`` that are meant for the server, whoever it is."""
    for number in PASSED_ON.intersection(numbers):
        with contextlib.suppress(ProcessLookupError):
            os.kill(supervisor, number)


def _receive() -> Reply | None:
    with borrowed_channel() as channel:
        try:
            record = channel.recv(MAX_RECORD, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except OSError as error:
            raise NotTaken(f"the successor has ended: {error.strerror}") from error
    if not record:
        raise NotTaken("the successor has ended")
    try:
        reply: Reply = decode_reply(record)
    except msgspec.DecodeError as error:
        raise NotTaken(f"the successor cannot be understood: {error}") from error
    return reply


def this_program() -> list[str]:
    """Return how another supervisor of this program is run."""
    return program_of(sys.executable)
