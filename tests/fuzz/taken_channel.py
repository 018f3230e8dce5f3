"""``chatd`` whose workers turn on the master as soon as their client says ``!``.

Such a worker reports what its client sends, but as commands of its own choice, and now and then
sends what is no such record any more: see ``records``. It counts what it sends in a file that the
environment names (TALLY), a pair of numbers for each of SLOTS. One more pair says, as soon as it
is not zero, that the attack is over: then all that has come is reported at once.
"""

import contextlib
import mmap
import os
import random
import select
import socket
import struct
from pathlib import Path
from typing import Final, NoReturn

from chatd_supervisor.cli import main
from chatd_workers.commands import Command
from chatd_workers.dialects import DIALECTS, Dialect
from chatd_workers.reports import ACK, MAX_ORDER, MAX_USED
from chatd_workers.worker import Worker
from fuzz.lines import corpus
from fuzz.records import Forger

TALLY: Final = "CHATD_FUZZ_TALLY"
BROKEN: Final = "CHATD_FUZZ_BROKEN"
SEED: Final = "CHATD_FUZZ_SEED"
SLOTS: Final = 4096
PAIR: Final = struct.Struct("<QQ")
"""Records that were sent, and those of them that were broken on purpose."""

TEXT = DIALECTS["text"]
KNOWN = corpus()

ANNOUNCED: Final = [0]
"""What this worker is about to report, and a careful one has told the master: the line with which
it turns on it, and what there is to be skipped before."""
real_announce = Worker._announce


def tally() -> mmap.mmap:
    with Path(os.environ[TALLY]).open("r+b") as file:
        return mmap.mmap(file.fileno(), PAIR.size * (SLOTS + 1))


SENT = tally()


def count(*, broken: bool) -> None:
    place = os.getpid() % SLOTS * PAIR.size
    sent, wrong = PAIR.unpack_from(SENT, place)
    PAIR.pack_into(SENT, place, sent + 1, wrong + broken)


def announce(worker: Worker, used: int) -> None:
    ANNOUNCED[0] = used
    real_announce(worker, used)


def sockets() -> tuple[socket.socket, socket.socket]:
    """Return the client's socket and the channel, under whatever numbers they are."""
    found = []
    for descriptor in range(64):
        with contextlib.suppress(OSError):
            found.append(socket.socket(fileno=descriptor))
    client = next(each for each in found if each.family != socket.AF_UNIX)
    return client, next(each for each in found if each.family == socket.AF_UNIX)


def turn_on_the_master() -> NoReturn:
    with contextlib.suppress(OSError):
        client, channel = sockets()
        dice = random.Random(f"{os.environ[SEED]} {os.getpid()}")
        forger = Forger(dice, KNOWN)
        first = True
        while True:
            # Not set to block: the master has the same open file, and the sandbox forbids it.
            select.select([client], [], [])
            come = client.recv(MAX_USED, socket.MSG_PEEK)
            if not come:
                break
            used = ANNOUNCED[0] if first else dice.randrange(1, min(len(come), 64) + 1)
            over = any(PAIR.unpack_from(SENT, PAIR.size * SLOTS))
            if over and not first:
                used = len(come)
            broken = not first and not over and dice.random() < float(os.environ[BROKEN])
            first = False
            count(broken=broken)
            if not broken:
                channel.send(forger.report(used))
                while (told := channel.recv(MAX_ORDER)) != ACK:
                    if not told:
                        os._exit(0)
                continue
            record = forger.broken(used)
            if dice.random() < 0.1:
                socket.send_fds(channel, [record], [client.fileno()] * dice.randrange(1, 4))
            else:
                channel.send(record)
    os._exit(0)


def read(line: bytes) -> Command | None:
    if line.startswith(b"!"):
        turn_on_the_master()
    return TEXT.read(line)


setattr(Worker, "_announce", announce)  # noqa: B010  # it is none of its business
DIALECTS["text"] = Dialect(read, TEXT.write)
if __name__ == "__main__":
    main(prog_name="chatd")
