"""Waiting for whatever comes first: news, input, the end of a command, a time."""

import os
import select
import time
from typing import Final

from chatd_client.companion import Companion
from chatd_client.exits import Exit
from chatd_client.scripting.executing import Executor
from chatd_client.scripting.output import STANDARD_OUTPUT, OutputClosed, OutputFailed
from chatd_client.scripting.script import Script
from chatd_client.scripting.typed import Lines

STANDARD_INPUT: Final = 0
BLOCK: Final = 64 * 1024


def run(
    companion: Companion,
    script: Script,
    executor: Executor | None = None,
    *,
    reads: bool = True,
    timeout: float | None = None,
    patience: float | None = None,
) -> int:
    """Go on until ``script`` knows what to exit with; return that.

    Not ``reads``: standard input is not looked at. ``timeout`` is how many seconds may pass after
    the end of the input until the server has everything, ``patience`` how many from the start until
    the script has what it waits for.
    """
    try:
        return _run(companion, script, executor, reads=reads, timeout=timeout, patience=patience)
    except OutputClosed:
        return Exit.OUTPUT_CLOSED
    except OutputFailed as error:
        script.complain(f"what the server says cannot be shown: {error}")
        return Exit.INPUT_OUTPUT
    finally:
        if executor is not None:
            executor.close()


def _run(
    companion: Companion,
    script: Script,
    executor: Executor | None,
    *,
    reads: bool,
    timeout: float | None,
    patience: float | None,
) -> int:
    lines = Lines()
    failed: Exit | None = None
    deadline = None if patience is None else time.monotonic() + patience
    is_finishing = False
    while script.code is None:
        if timeout is not None and script.is_finishing and not is_finishing:
            deadline = time.monotonic() + timeout
            is_finishing = True
        poll = select.poll()
        poll.register(companion, select.POLLIN)
        poll.register(STANDARD_OUTPUT, 0)  # only tells when whoever read it has gone
        if reads and script.wants_input:
            poll.register(STANDARD_INPUT, select.POLLIN)
        if executor is not None and executor.fileno() >= 0:
            poll.register(executor.fileno(), select.POLLIN)
        limits = [executor.time_left() if executor is not None else None]
        if deadline is not None:
            limits.append(max(0.0, deadline - time.monotonic()))
        soonest = min((limit for limit in limits if limit is not None), default=None)
        ready = dict(poll.poll(None if soonest is None else soonest * 1000 + 1))
        if ready.get(STANDARD_OUTPUT, 0) & (select.POLLERR | select.POLLNVAL):
            raise OutputClosed
        # Before the input: an answer may be there that makes room.
        for news in companion.receive():
            script.hear(news)
            if executor is not None:
                executor.hear(news)
        if executor is not None:
            executor.look()
        if STANDARD_INPUT in ready and script.code is None:
            failed = _read(script, lines) or failed
        if deadline is not None and time.monotonic() >= deadline and script.code is None:
            script.give_up()
    return script.code or failed or Exit.OK


def _read(script: Script, lines: Lines) -> Exit | None:
    """Take some input; return what its failure is to be exited with, if it has failed."""
    failed = None
    try:
        data = os.read(STANDARD_INPUT, BLOCK)
    except OSError as error:
        script.complain(f"the input cannot be read: {error.strerror}")
        failed, data = Exit.INPUT_OUTPUT, b""
    for line in lines.feed(data, final=not data):
        script.typed(line)
    if not data:
        script.ended()
    return failed
