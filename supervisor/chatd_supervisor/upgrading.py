"""Replacing the running program: first a trial, then the master, then every worker.

The new program is first run in a child of ours, as ``chatd run --trial``: it imports everything,
reads its configuration, looks whether it can use the journal, and says what is wrong. Only if
nothing is does the master execute it in its own place (``handover``). The workers stay, with
their channels; the new master replaces them one after another.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import IO, Any, Final, NamedTuple

from chatd_supervisor import __version__
from chatd_supervisor.custody import Custody
from chatd_supervisor.handover import Channel, Handover, execute, resuming_command
from chatd_supervisor.last_good import SAVED, LastGood
from chatd_supervisor.logbook import note
from chatd_supervisor.notify import Notifier
from chatd_supervisor.paths import Paths
from chatd_supervisor.pidfile import PidFile
from chatd_supervisor.store import Store
from chatd_supervisor.switchboard import Switchboard
from chatd_workers.reports import PROTOCOL

PATIENCE: Final = 30.0
"""Seconds that a trial may take."""

MAX_COMPLAINT: Final = 4096
"""Bytes of what a failed trial has said that are passed on."""


class Launch(NamedTuple):
    """How this process came to be the master."""

    pid_file: PidFile
    state_lock: PidFile
    command: list[str]
    """The program and its arguments, to be run again after an upgrade."""
    daemon: bool
    keeper: Custody | None
    """Who holds our sockets beside us, if anybody does."""
    handover: Handover | None
    """What the program before us in this process has passed on, if any."""
    started: float
    """When the server was started, in seconds since the epoch."""
    bound: dict[str, int]
    """Listening sockets that were bound as root, by name."""
    last_good: LastGood
    notifier: Notifier = Notifier()
    """The line to the service manager, if there is one."""

    def succession(self, places: Paths) -> list[str]:
        """Return the command by which another master goes on after this one."""
        return [*self.command, f"{SAVED}={places.saved_config}"]

    @property
    def options(self) -> list[str]:
        """The options in ``command``, as ``Invocation.options`` returns them."""
        return self.command[len(resuming_command("", ())) :]


class Upgrade:
    """At most one trial at a time, and what has come of the last."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        board: Switchboard,
        launch: Launch,
        paths: Paths,
        named: Callable[[], dict[str, int]],
    ) -> None:
        """``named`` returns our sockets, by the names under which a supervisor holds them."""
        self._loop = loop
        self._board = board
        self._launch = launch
        self._paths = paths
        self._named = named
        self._deadline: asyncio.TimerHandle | None = None
        self._output: IO[bytes]
        self._command: list[str] = []
        handover = launch.handover
        # Why the last one failed; empty: it has not.
        self.failure = handover.failure if handover else ""
        # How many there were.
        self.generation = handover.generation + (not handover.failure) if handover else 0

    @property
    def state(self) -> str | None:
        """How it stands: ``trying``, ``failed``, or None."""
        return "trying" if self._command else "failed" if self.failure else None

    def begin_same(self) -> None:
        """Go on with what the interpreter that runs us has installed now."""
        try:
            self.begin(sys.executable, None)
        except OSError as error:
            self._fail(str(error))

    def begin_asked(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Do what is ``asked`` on the control socket: ``python`` and perhaps ``options``."""
        self.begin(str(asked["python"]), asked.get("options"))
        return {}

    def begin(self, python: str, options: list[str] | None) -> None:
        """Go on with what the interpreter ``python`` has installed, if its trial goes well.

        ``options`` are those it is to run with; None: ours. Raises OSError if it cannot be run.
        """
        if self._command:
            return
        if options is None:
            options = self._launch.options
        command = resuming_command(python, options)
        self.failure = ""
        note("upgrade tried", command=" ".join(command))
        self._output = os.fdopen(os.memfd_create("chatd-trial"), "w+b")
        try:
            trial = subprocess.Popen(
                [*command, "--trial"],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                start_new_session=True,
            )
        except OSError:
            self._output.close()
            raise
        self._command = command
        # It is reaped with the workers; subprocess is not to wait for it.
        trial.returncode = 0
        self._board.births.strangers[trial.pid] = self._tried
        self._deadline = self._loop.call_later(PATIENCE, self._give_up, trial.pid)

    def _give_up(self, pid: int) -> None:
        if pid in self._board.births.strangers:
            os.kill(pid, signal.SIGKILL)  # not reaped, so it is its own

    def _tried(self, exitcode: int) -> None:
        command, self._command = self._command, []
        assert self._deadline is not None, "set when it began"
        self._deadline.cancel()
        with self._output:
            self._output.seek(0)
            said = self._output.read(MAX_COMPLAINT).decode(errors="backslashreplace").strip()
        if exitcode:
            how = f"by signal {-exitcode}" if exitcode < 0 else f"with exit status {exitcode}"
            self._fail(said or f"its trial ended {how} and said nothing")
            return
        try:
            self._execute(command)
        except OSError as error:
            self._launch.notifier.ready()
            self._fail(str(error))

    def _fail(self, why: str) -> None:
        self.failure = why
        note("upgrade failed", reason=why)

    def _execute(self, command: list[str]) -> None:
        board = self._board
        if board.births.nursery is not None:
            board.births.nursery.settle()
        # What has been said so far is done with, so that nothing is left in memory alone.
        board.settle()
        if board.commits.stuck:
            raise OSError(f"nothing can be written: {board.commits.stuck}")
        launch = self._launch
        launch.notifier.reloading()
        launch.notifier.drain()
        handover = Handover(
            protocol=PROTOCOL,
            version=__version__,
            command=launch.command,
            runtime_dir=str(self._paths.runtime_dir),
            state_dir=str(self._paths.state_dir),
            daemon=launch.daemon,
            pid_file=launch.pid_file.fileno(),
            state_lock=launch.state_lock.fileno(),
            keeper=launch.keeper.fileno() if launch.keeper is not None else None,
            store=launch.keeper.standing if isinstance(launch.keeper, Store) else None,
            named=self._named(),
            channels=channels_of(board),
            started=launch.started,
            generation=self.generation,
            since=time.monotonic(),
        )
        if board.egress.tap is not None:
            board.egress.tap.end("the server goes on with another program")
        note("upgrade executed", command=" ".join(command))
        execute(command, handover)


def channels_of(board: Switchboard) -> list[Channel]:
    """Return the workers of ``board``, for a program that goes on with them."""
    return [
        Channel(
            session=connection.session,
            pid=worker.pid,
            descriptor=worker.channel.fileno(),
            child=worker.child,
            exitcode=worker.exitcode,
            owed=worker.owed,
            held=board.checks.held(worker),
            nick=worker.nick,
            room=worker.room,
        )
        for connection in board.connections.values()
        if (worker := connection.worker) is not None and not worker.ended
    ]
