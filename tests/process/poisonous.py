"""``chatd`` with a reader that certain lines kill: a stand-in for a fault in a parser."""

import ctypes

from chatd_supervisor import restarts
from chatd_supervisor.cli import main
from chatd_workers import worker
from chatd_workers.commands import Command
from chatd_workers.dialects import DIALECTS, Dialect
from chatd_workers.framing import Framed, frame

TEXT = DIALECTS["text"]


def read(line: bytes) -> Command | None:
    if line.startswith(b"boom"):
        ctypes.string_at(0)  # SIGSEGV
    if line.startswith(b"crash"):
        raise RuntimeError("a fault in the reader")
    return TEXT.read(line)


def framed(data: bytes, **how: int) -> Framed:
    if b"unframeable" in data:
        ctypes.string_at(0)  # SIGSEGV
    return frame(data, **how)  # type: ignore[arg-type]


# Or fifteen deaths would take most of a minute.
restarts.LAST_DELAY = 0.2  # type: ignore[misc]
DIALECTS["text"] = Dialect(read, TEXT.write)
setattr(worker, "frame", framed)  # noqa: B010  # not exported, and none of its business
main(prog_name="chatd")
