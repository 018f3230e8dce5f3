"""What a master does that stands by (``standby``): import everything, and wait for its turn."""

import gc
import os
import signal
import socket
from functools import partial
from typing import Final

import msgspec
import setproctitle

from chatd_supervisor.deferred_signals import DEFERRED, defer_signals, let_in
from chatd_supervisor.holding import MAX_RECORD, Go, decode_answer
from chatd_supervisor.lean import lean_imports
from chatd_supervisor.pacing import PACE

OTHERS_BUSINESS: Final = DEFERRED | {signal.SIGINT}


def await_turn(channel: int) -> bool:
    """Get ready to serve, and wait; return whether it is our turn. False: nobody needs us.

    ``channel`` is the descriptor on which we are told, which stays open.
    """
    # They come from a terminal, or from whoever signals all of chatd, and what follows is the
    # others' business.
    before = {number: signal.signal(number, signal.SIG_IGN) for number in OTHERS_BUSINESS}
    # One that is blocked waits for whoever handles it, even if it is ignored now (signal(7)).
    let_in()
    try:
        return _wait(channel)
    finally:
        defer_signals()
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(descriptor: int) -> bool:
    with lean_imports():
        from chatd_supervisor import keeping, master  # noqa: F401, PLC0415
        from chatd_supervisor.walling import buildable  # noqa: PLC0415
        from chatd_workers.dialects import DIALECTS  # noqa: PLC0415
        from chatd_workers.rehearsal import rehearse  # noqa: PLC0415
    # Here it costs nobody anything; later it finds that all is done.
    for task in (partial(rehearse, tuple(DIALECTS)), buildable, gc.collect):
        PACE.rest()
        task()
    PACE.end()
    setproctitle.setproctitle("chatd: standby")
    with socket.socket(fileno=os.dup(descriptor)) as channel:
        try:
            record = channel.recv(MAX_RECORD)
        except ConnectionResetError:
            return False
    if not record:
        return False
    try:
        return isinstance(decode_answer(record), Go)
    except msgspec.DecodeError:
        return False
