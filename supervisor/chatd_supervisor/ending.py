"""How a master ends without a stop: at once, its clients held by others.

What it was in the middle of is half done, in memory; what is written down is whole. So the best way
on is the one after any death: a new master, which finds all clients still there.
"""

import asyncio
import logging
import os
from typing import Any

from chatd_supervisor.exits import Exit
from chatd_supervisor.journal import JournalError
from chatd_supervisor.logbook import note
from chatd_supervisor.notify import Notifier
from chatd_supervisor.switchboard import Switchboard


def end_of_a_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """End the process of an exception in a callback, as the loop's exception handler."""
    if "handle" not in context:
        loop.default_exception_handler(context)
        return
    fault = context.get("exception")
    code = Exit.SOFTWARE
    if isinstance(fault, JournalError):
        # It can be neither written nor read. That is no fault of ours, and the sentence is enough.
        note("ended", reason=fault)
        code = Exit.DATA
    else:
        note("ended by a fault in chatd", fault=fault)
    logging.shutdown()
    os._exit(code)


def step_aside(board: Switchboard, notifier: Notifier) -> None:
    """End the process for another master to go on in its place, on SIGQUIT.

    The way on is the one after a death, which is known to hold; nobody is told anything. What has
    been said so far is written down first, so that less is left to be found out.
    """
    board.commit()
    if board.egress.tap is not None:
        board.egress.tap.end("the server goes on with another master")
    note("stepping aside", what="everything is left to the next master")
    notifier.drain()
    logging.shutdown()
    os._exit(Exit.STEPPED_ASIDE)
