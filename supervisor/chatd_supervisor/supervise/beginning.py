"""How a master begins that shares a supervisor's descriptor table."""

import os
import time
from functools import partial
from pathlib import Path

from chatd_supervisor import __version__
from chatd_supervisor.handover import Handover
from chatd_supervisor.logbook import Field, note
from chatd_supervisor.logs import set_up
from chatd_supervisor.paths import Paths
from chatd_supervisor.supervise import reserved, socket_names
from chatd_supervisor.supervise.asked import Asked
from chatd_supervisor.supervise.guard import Plan
from chatd_supervisor.supervise.parent import Parent
from chatd_supervisor.supervise.successor import Inheritance
from chatd_supervisor.supervise.table import Stock, open_descriptors
from chatd_workers.reports import PROTOCOL


def take_stock(inheritance: Inheritance) -> Stock:
    """Return what is in the table, but for what is reserved and the line to whoever starts us."""
    asked = inheritance.asked
    places = Paths(Path(asked.runtime_dir), Path(asked.state_dir))
    names, lent = socket_names.read(places.socket_names_file)
    starter = inheritance.starter.descriptor if inheritance.starter is not None else -1
    found = [number for number in open_descriptors(reserved.FREE) if number != starter]
    stock = Stock(found, {**inheritance.named, **names}, inheritance.passed, lent)
    stock.marks = inheritance.marks
    return stock


def parent_of(inheritance: Inheritance, supervisor: int, workers: dict[int, int]) -> Parent:
    """Return the ``supervisor`` of this process, with its ``workers``."""
    return Parent(supervisor, workers, plan_of(inheritance))


def plan_of(inheritance: Inheritance) -> Plan:
    """Return what a guard of this process does when that dies."""
    asked, known = inheritance.asked, inheritance.handover
    note = Handover(
        protocol=PROTOCOL,
        version=__version__,
        runtime_dir=asked.runtime_dir,
        state_dir=asked.state_dir,
        daemon=asked.is_daemon,
        started=known.started if known is not None else time.time(),
        generation=known.generation if known is not None else 0,
    )
    program = asked.program(inheritance.invocation.options())
    return Plan(program, note.encoded(), partial(say, asked))


def say(asked: Asked, event: str, **fields: Field) -> None:
    """Log an event from outside of a master, and leave the log closed."""
    path = Path(asked.log_file) if asked.log_file else None
    try:
        handler = set_up(asked.log_level, path, asked.log_format)
    except OSError:
        path = None
        handler = set_up(asked.log_level, None, asked.log_format)
    note(event, **fields)
    if path is not None:
        os.close(handler.fileno())
