"""``chatd`` that kills itself at chosen points: a SIGKILL at exactly that instant.

    python deadly.py FILE run ...

Each line of FILE is a point and a count. Every master that is started takes the first line away
and dies when it comes to that point for so many times; then it has added the line to FILE.died. If
there is no line left it is chatd as it is. What it starts in its turn, as a supervisor or for an
upgrade, is this program again; a supervisor's masters take their lines when they are cloned.
"""

import importlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from chatd_supervisor import cli, handover
from chatd_supervisor.lean import lean_imports

with lean_imports():  # as the program itself does
    from chatd_supervisor import births, egress, outbox, upgrading
    from chatd_supervisor.closing import Closing
    from chatd_supervisor.connections import Connection
    from chatd_supervisor.journal.sqlite import SqliteJournal
    from chatd_supervisor.journal.tending import Tending
    from chatd_supervisor.ledger import Ledger
    from chatd_supervisor.reception import Reception
    from chatd_supervisor.recovery import Recovery
    from chatd_supervisor.supervise import succession
    from chatd_supervisor.supervise.parent import Parent
    from chatd_supervisor.supervise.supervisor import Supervisor
    from chatd_supervisor.switchboard import Switchboard
    from chatd_supervisor.writing import write_all

SUPERVISOR: Final = "--supervisor"
"""The word that makes this a supervisor's program, before its arguments."""

SMALL: Final = 20_000
"""Bytes of a segment of the outbox, so that another is begun now and then."""

NARROW: Final = 16_384
"""Bytes of a client's send buffer, so that whoever reads seldom fills it up.

Left alone it grows to megabytes (tcp(7), tcp_wmem), at the kernel's choice, and then nothing may
have to be queued for minutes.
"""


class Point(NamedTuple):
    """Before or after a function of the master."""

    owner: Any
    """A class or module, whose functions cannot be said by a type."""
    name: str
    after: bool


BEFORE: Final = False
AFTER: Final = True

POINTS: Final = {
    # The tick.
    "rendered": Point(outbox.Outbox, "append", BEFORE),
    "outbox-written": Point(outbox.Outbox, "append", AFTER),
    "in-transaction": Point(SqliteJournal, "_write", AFTER),
    "journaled": Point(SqliteJournal, "commit", AFTER),
    "one-consumed": Point(Connection, "consume", AFTER),
    "consumed": Point(egress.Egress, "write", BEFORE),
    "taken-in-part": Point(egress.Output, "keep", BEFORE),
    "queue-taken-in-part": Point(egress.Output, "_taken", BEFORE),
    "written": Point(egress.Egress, "write", AFTER),
    "one-acknowledged": Point(Switchboard, "_acknowledge", AFTER),
    "indexed": Point(Tending, "_index", AFTER),
    # The outbox: another segment.
    "segment-begun": Point(outbox.Outbox, "_begin", AFTER),
    "rebased": Point(Ledger, "rebase", AFTER),
    "segments-removed": Point(outbox.Outbox, "_remove_before", AFTER),
    # Coming and going.
    "received": Point(births.Births, "give", BEFORE),
    "forked": Point(births, "give_birth", AFTER),
    "employed": Point(births.Births, "give", AFTER),
    "asked": Point(Parent, "ask", AFTER),
    "delivered": Point(births.Births, "_delivered", BEFORE),
    "brought-up": Point(births.Births, "_delivered", AFTER),
    "parting": Point(Closing, "part", BEFORE),
    "hung-up": Point(Connection, "hang_up", AFTER),
    "seen-off": Point(Reception, "see_off", BEFORE),
    "forgotten": Point(Reception, "see_off", AFTER),
    # Going on where another has stopped.
    "resuming": Point(Recovery, "_resume", BEFORE),
    "resumed": Point(Recovery, "_resume", AFTER),
    "attached": Point(Recovery, "_attach", AFTER),
    "worker-resumed": Point(Recovery, "_resume_worker", AFTER),
    "asked-to-resume": Point(Switchboard, "ask_to_resume", AFTER),
    "adopted": Point(births.Births, "adopt", AFTER),
    "recovered": Point(Recovery, "begin", AFTER),
    # Upgrading.
    "executing": Point(upgrading, "execute", BEFORE),
    "taken-over": Point(births.Births, "take_over", AFTER),
    # Stopping.
    "dissolving": Point(Switchboard, "dissolve", BEFORE),
    "dissolved": Point(Switchboard, "dissolve", AFTER),
    "clearing-away": Point(Ledger, "discard", BEFORE),
}


class Fate:
    """When this process dies."""

    def __init__(self, line: str, died: Path) -> None:
        self._line = line
        self._died = died
        self._left = int(line.split()[1])
        self._pid = os.getpid()

    def is_due(self) -> bool:
        """Count; return whether this is the time. Not in a worker."""
        self._left -= 1
        return not self._left and os.getpid() == self._pid

    def strike(self) -> None:
        """Die."""
        with self._died.open("a") as died:
            died.write(f"{self._line}\n")
        os.kill(self._pid, signal.SIGKILL)

    def surround(self, point: Point) -> None:
        """Come by at ``point``."""
        original = getattr(point.owner, point.name)

        def surrounded(*args: Any, **kwargs: Any) -> Any:
            if not point.after and self.is_due():
                self.strike()
            result = original(*args, **kwargs)
            if point.after and self.is_due():
                self.strike()
            return result

        setattr(point.owner, point.name, surrounded)

    def tear_outbox(self) -> None:
        """Come by when all but the last bytes of a tick are written to the outbox."""
        original = outbox.Outbox._write

        def torn(box: outbox.Outbox, buffers: list[bytes]) -> None:
            if self.is_due():
                write_all(box._fd, b"".join(buffers)[:-3], box._position)
                self.strike()
            original(box, buffers)

        setattr(outbox.Outbox, "_write", torn)  # noqa: B010  # nobody's method

    def come_between_clients(self) -> None:
        """Come by after each client that is written to."""
        original = egress._write

        def one_by_one(data: bytes, outputs: Iterable[egress.Output]) -> list[egress.Output]:
            grown: list[egress.Output] = []
            for output in outputs:
                grown += original(data, (output,))
                if self.is_due():
                    self.strike()
            return grown

        egress._write = one_by_one


SPECIAL: Final[dict[str, Callable[[Fate], None]]] = {
    "outbox-torn": Fate.tear_outbox,
    "one-written": Fate.come_between_clients,
}


def narrow_buffers() -> None:
    """Give every client that is attached a small send buffer."""
    original = egress.Output.attach

    def attach(output: egress.Output, client: socket.socket, rest: Sequence[Any]) -> None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, NARROW)
        original(output, client, rest)

    setattr(egress.Output, "attach", attach)  # noqa: B010  # for the test alone


def take_line(spool: Path) -> str:
    """Return the first line of ``spool``, which is not there any more; "" if there is none."""
    if not spool.exists():
        return ""
    first, _, rest = spool.read_text().partition("\n")
    spool.write_text(rest)
    return first


def meet_fate(spool: Path) -> None:
    """Have this master die as the first line of ``spool`` says, if there is one."""
    line = take_line(spool)
    if not line:
        return
    outbox.SEGMENT_BYTES = SMALL  # type: ignore[misc]  # for the test alone
    narrow_buffers()
    fate = Fate(line, spool.with_suffix(".died"))
    name = line.split()[0]
    if name in SPECIAL:
        SPECIAL[name](fate)
    else:
        fate.surround(POINTS[name])


def supervise(spool: Path) -> int:
    """Be a supervisor, whose masters meet their fates."""
    original = Supervisor._be_master

    def be_master(supervisor: Supervisor) -> None:
        meet_fate(spool)
        original(supervisor)

    setattr(Supervisor, "_be_master", be_master)  # noqa: B010  # for the test alone
    program = importlib.import_module("chatd_supervisor.supervise.__main__")
    code: int = program.main(sys.argv[2:])
    return code


def main() -> None:
    """Be chatd, for as long as is said."""
    spool = Path(sys.argv.pop(1)).resolve()

    def command(python: str, arguments: Sequence[str]) -> list[str]:
        return [python, "-P", str(Path(__file__).resolve()), str(spool), *arguments]

    def supervisor(python: str) -> list[str]:
        return command(python, [SUPERVISOR])

    succession.program_of = supervisor
    if sys.argv[1] == SUPERVISOR:
        sys.exit(supervise(spool))

    original = handover.python_command
    for module in list(sys.modules.values()):
        if getattr(module, "python_command", None) is original:
            setattr(module, "python_command", command)  # noqa: B010  # modules have no such type
    is_master = "run" in sys.argv and not {"--supervise", "--trial"} & set(sys.argv)
    if is_master:
        meet_fate(spool)
    cli.main(prog_name="chatd")


if __name__ == "__main__":
    main()
