"""What a supervisor has from whoever was before it: sockets, and the word of how to go on."""

import mmap
import os
import socket
from collections.abc import MutableMapping
from typing import Final

import msgspec

from chatd_supervisor import counts, notify
from chatd_supervisor.activation import passed
from chatd_supervisor.bound import take_bound
from chatd_supervisor.daemon import Starter
from chatd_supervisor.handover import Handover
from chatd_supervisor.invocation import Invocation
from chatd_supervisor.store import ASKED
from chatd_supervisor.supervise import reserved
from chatd_supervisor.supervise.asked import Asked
from chatd_supervisor.supervise.marks import Marks
from chatd_supervisor.supervise.records import (
    MAX_RECORD,
    Ask,
    Descriptors,
    Leave,
    Prepared,
    Take,
    Taken,
    decode_offer,
    encode,
)
from chatd_supervisor.supervise.succession import TRIAL, VARIABLE
from chatd_workers.channel import receive_with_descriptors

AT_MOST: Final = 250
"""Descriptors in one record."""


class Inheritance:
    """What the first master of this supervisor finds; and the next ones, as far as it holds."""

    def __init__(self, asked: Asked, invocation: Invocation) -> None:
        self.asked = asked
        self.invocation = invocation
        self.starter: Starter | None = None
        self.channel: socket.socket | None = None
        """To whoever has the table now, if this is a successor."""
        self.count = 0
        """How many descriptors have come from there."""
        self.handover: Handover | None = None
        self.named: dict[int, str] = {}
        """What was bound before, as root, by its cookie."""
        self.passed: dict[int, str] = {}
        """What a service manager has passed, by its cookie."""
        self.trial = -1
        """What is to be standard error after a trial; -1: none is asked for."""
        self.marks = Marks() if ASKED in os.environ else None
        # The first master writes here why it cannot serve.
        self._complaint = mmap.mmap(-1, mmap.PAGESIZE)

    @classmethod
    def from_environment(
        cls, asked: Asked, invocation: Invocation, environ: MutableMapping[str, str] = os.environ
    ) -> "Inheritance":
        """Return what the environment speaks of, with the reserved descriptors out of its way."""
        self = cls(asked, invocation)
        notify.leave_watchdog_to_master(environ)
        bound = take_bound(environ)
        came = passed(environ)
        starter = Starter.from_environment()
        channel = int(environ.pop(VARIABLE, "-1"))
        trial = int(environ.pop(TRIAL, "-1"))
        kept = [*bound.values(), *(one.descriptor for one in came), channel, trial]
        if starter is not None:
            kept.append(starter.descriptor)
        moved = reserved.reserve(number for number in kept if number >= 0)
        self.named = {counts.cookie_of(moved[number]): name for name, number in bound.items()}
        self.passed = {counts.cookie_of(moved[one.descriptor]): one.name for one in came}
        if starter is not None:
            starter.descriptor = moved.get(starter.descriptor, -1)
            self.starter = starter
        self.trial = moved.get(trial, -1)
        if channel >= 0:
            self.channel = socket.socket(fileno=moved[channel])
        return self

    @property
    def is_successor(self) -> bool:
        """There is a table to be taken over."""
        return self.channel is not None

    def end_trial(self) -> None:
        """Have from now on what is to be standard error, now that there is nothing wrong."""
        os.dup2(self.trial, 2)
        os.close(self.trial)

    def complain(self, why: str) -> None:
        """Say, in a master that cannot serve, why."""
        text = why.encode("utf-8", "backslashreplace")[: mmap.PAGESIZE - 1]
        self._complaint[: len(text) + 1] = text + b"\0"

    def complaint(self) -> str:
        """Return what the master has said."""
        said = self._complaint[:].partition(b"\0")[0].decode("utf-8", "replace")
        return said or "it ended before it was ready, and said nothing; see the log"

    def told(self) -> None:
        """Take note that a master serves."""
        if self.starter is not None:
            # Only now, or at our own end: whoever started us waits for that. The table is the
            # master's as well, which has closed it.
            self.starter.descriptor = -1
        if self.handover is not None:
            # Whoever is next goes on after this program, whatever it was before.
            self.handover = msgspec.structs.replace(self.handover, before=[], failure="")


def await_table(inheritance: Inheritance) -> bool:
    """Take the table from whoever has it; return whether this program is to go on.

    Its master tells the giver so (``confirm``): then this process is not alone with it.
    """
    channel = inheritance.channel
    assert channel is not None, "asked for by a successor"
    received: list[int] = []
    with channel:
        while True:
            try:
                record, descriptors = receive_with_descriptors(
                    channel, MAX_RECORD, most=AT_MOST, least=0
                )
                received += descriptors
                match decode_offer(record):
                    case Ask():
                        # Perhaps of another giver than the one that has sent something already.
                        while received:
                            os.close(received.pop())
                        channel.send(encode(Prepared()))
                    case Descriptors():
                        pass
                    case Leave():
                        return False
                    case Take(note):
                        inheritance.handover = msgspec.msgpack.decode(note, type=Handover)
                        inheritance.count = len(received)
                        reserved.put(channel.fileno(), reserved.PREDECESSOR)
                        return True
            except (EOFError, ConnectionResetError, BrokenPipeError):
                return False


def confirm(inheritance: Inheritance, supervisor: int) -> bool:
    """Tell the giver that everything is here, and wait for its end; False: it goes on itself.

    ``supervisor`` is that of the master which says so. To be called by each master of a successor:
    the one that has begun with this may be dead.
    """
    taken = encode(Taken(inheritance.count, supervisor))
    try:
        channel = socket.socket(fileno=reserved.PREDECESSOR)
    except OSError:
        return True  # it has ended, long ago
    try:
        channel.send(taken)
        while True:
            try:
                record, descriptors = receive_with_descriptors(
                    channel, MAX_RECORD, most=AT_MOST, least=0
                )
            except ConnectionResetError:
                continue  # said once, before what else there is to be read (unix(7))
            for descriptor in descriptors:
                os.close(descriptor)
            match decode_offer(record):
                case Leave():
                    return False
                case Ask():
                    channel.send(taken)  # somebody else has taken the giver's place
    except (EOFError, BrokenPipeError):
        return True
    finally:
        channel.detach()
        reserved.clear(reserved.PREDECESSOR)
