"""The nursery: a process that forks workers for the master, because it never changes.

A fork shares memory with the process that it came from until either side writes to it, and CPython
writes wherever it looks (reference counts). So a worker forked by the master gets to own whatever
the master touches from then on, 4 MB and in the end 12; and the master has to copy it, page by
page, after each birth. This process has imported and rehearsed what a worker is made of, and does
nothing but fork: what it shares with a worker stays shared. It has also never heard of any client,
so whoever takes a worker over finds nobody else's words in its memory.

A program of its own, ``python -m chatd_supervisor.nursery``, started by the master (``nursing``),
whose child it is, and it ends with it: when the channel between the two has ended, and what was
still asked for in it is done.

Workers are the master's children all the same, to be reaped by nobody else: the nursery forks
siblings of its own (``cloning``).

Sequence, one of each kind for a birth; ``ticket`` tells which::

    master                           nursery
                                  ◀─ Ready
    Bear + the worker's channel   ─▶            the client's socket and the orders are in it already
                                  ◀─ Born
                                  ◀─ Failed     or this
    (the end of the channel)      ─▶            and it ends
"""

import os
import socket
import sys
from types import FrameType
from typing import Final, NoReturn

from chatd_supervisor.lean import lean_imports
from chatd_supervisor.pacing import PACE

GENTLY: Final = "--gently"
"""The option with which it makes pauses until it is ready: there are clients."""

if __name__ == "__main__" and GENTLY in sys.argv:
    PACE.begin()

with lean_imports():
    import msgspec
    from msgspec import Struct

    from chatd_supervisor.cloning import fork_sibling
    from chatd_supervisor.processes import WorkerProcess
    from chatd_workers.channel import receive_with_descriptor
    from chatd_workers.dialects import DIALECTS
    from chatd_workers.rehearsal import rehearse
    from chatd_workers.sandbox.walls import SANDBOX, Wall, own_size
    from chatd_workers.signals import MASTERS_SIGNALS, UNBLOCK, change_mask, handle

TITLE: Final = "chatd: nursery"

MAX_RECORD: Final = 64
"""Bytes of an encoded record, at the most."""


class Ready(Struct, frozen=True, array_like=True, tag=1, gc=False):
    """Nursery to master: ask me."""


class Born(Struct, frozen=True, array_like=True, tag=2, gc=False):
    """Nursery to master: here is the worker."""

    ticket: int
    pid: int


class Failed(Struct, frozen=True, array_like=True, tag=3, gc=False):
    """Nursery to master: there is none."""

    ticket: int
    errno: int
    """What the system said."""


class Bear(Struct, frozen=True, array_like=True, tag=1, gc=False):
    """Master to nursery, with the worker's end of its channel: fork a worker for it."""

    ticket: int


Answer = Ready | Born | Failed

encode: Final = msgspec.msgpack.Encoder().encode
"""Encode any of them."""

decode_answer: Final = msgspec.msgpack.Decoder(Answer).decode
"""Decode what the nursery sent; raises msgspec.DecodeError."""

_decode_wish: Final = msgspec.msgpack.Decoder(Bear).decode


def command(channel: int, walls: int, memory_mb: int, *, gently: bool) -> list[str]:
    """Return how a nursery is started whose descriptor to the master is ``channel``.

    ``walls`` is the number of the ``Wall`` that its workers get, ``memory_mb`` what they may take
    beside what they share, in MB; 0: any number. ``gently``: see GENTLY.
    """
    # -P: whatever lies in the present directory is none of ours.
    program = [sys.executable, "-P", "-m", "chatd_supervisor.nursery"]
    return [*program, str(channel), str(walls), str(memory_mb), *[GENTLY] * gently]


def main(arguments: list[str]) -> int:
    """Fork workers as ``arguments`` (``command``) say until the master is gone."""
    import gc  # noqa: PLC0415  # the program's alone, not of the master that knows the records

    import setproctitle  # noqa: PLC0415

    channel, walls, memory_mb = (int(one) for one in arguments if one != GENTLY)
    # As the master has handlers of its own: of the same signals, which are also those that a worker
    # must not die of, nor this process. It ends with its channel.
    for number in MASTERS_SIGNALS:
        handle(number, _ignored)
    change_mask(UNBLOCK, MASTERS_SIGNALS)
    PACE.rest()
    rehearse(tuple(DIALECTS))
    PACE.rest()
    PACE.end()
    SANDBOX.choose(Wall(walls), own_size() + memory_mb * 1024 * 1024 if memory_mb else 0)
    setproctitle.setproctitle(TITLE)
    with socket.socket(fileno=channel) as master:
        master.set_inheritable(False)
        gc.collect()
        gc.freeze()
        try:
            master.send(encode(Ready()))
            while True:
                _bear(master, *receive_with_descriptor(master, MAX_RECORD))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return os.EX_OK


def _bear(master: socket.socket, record: bytes, descriptor: int) -> None:
    """Have one worker born, which gets ``descriptor`` as its channel."""
    ticket = _decode_wish(record).ticket
    answer: Answer
    with socket.socket(fileno=descriptor) as worker_end:
        worker = WorkerProcess(None, worker_end)
        try:
            pid = fork_sibling()
        except OSError as error:
            answer = Failed(ticket, error.errno or 0)
        else:
            if pid == 0:
                _live(worker)
            answer = Born(ticket, pid)
    master.send(encode(answer))


def _live(worker: WorkerProcess) -> NoReturn:
    """Be the ``worker``, and nothing of what this process was."""
    try:
        worker.live()
    finally:
        os._exit(os.EX_SOFTWARE)


def _ignored(_signal: int, _frame: FrameType | None) -> None:
    """Do nothing, where SIG_IGN would be inherited and SIG_DFL end the process."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
