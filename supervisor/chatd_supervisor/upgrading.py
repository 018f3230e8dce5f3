"""Replacing the running program: first a trial, then the master, then every worker.

The new program is first run beside us: it imports everything, reads its configuration, looks
whether it can use the journal, and says what is wrong. Only if nothing is does it go on in our
place. The workers stay, with their channels; the new master replaces them one after another.

A supervised server is passed on to a supervisor of the new program, which is the one that was tried
and has everything imported by then (``supervise.succession``). It is what a pair does as well whose
supervisor was killed: it goes on with the same program, so that the supervisor is as new again. In
the plain profile the master executes the new program in its own place (``handover``).
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any, Final, NamedTuple

import msgspec

from chatd_supervisor import __version__
from chatd_supervisor.deferred_signals import DEFERRED
from chatd_supervisor.handover import Handover, execute, resuming_command
from chatd_supervisor.last_good import LastGood
from chatd_supervisor.logbook import note
from chatd_supervisor.notify import Notifier
from chatd_supervisor.paths import Paths
from chatd_supervisor.pidfile import PidFile
from chatd_supervisor.signals import unheeded
from chatd_supervisor.store import Store
from chatd_supervisor.supervise import reserved, succession
from chatd_supervisor.supervise.asked import Asked
from chatd_supervisor.supervise.parent import Parent
from chatd_supervisor.supervise.retired import is_follower
from chatd_supervisor.supervise.table import Stock, open_sockets
from chatd_supervisor.switchboard import Switchboard
from chatd_workers.reports import PROTOCOL
from chatd_workers.signals import MASTERS_SIGNALS

PATIENCE: Final = 30.0
"""Seconds that a trial may take."""

MAX_COMPLAINT: Final = 4096
"""Bytes of what a failed trial has said that are passed on."""


QUIET: Final = 0.2
"""Seconds from the death of a supervisor until another one is made ready."""

LAST_RETRY: Final = 30.0
"""Seconds until that is tried again, at most: doubled with each time that it fails."""


class Launch(NamedTuple):
    """How this process came to be the master."""

    pid_file: PidFile
    state_lock: PidFile
    options: list[str]
    """As ``Invocation.options`` returns them."""
    daemon: bool
    store: Store | None
    """Where the service manager holds our sockets, if it does."""
    parent: Parent | None
    """The supervisor, if there is one."""
    stock: Stock
    """The sockets that were here before."""
    handover: Handover | None
    """What the program before us has passed on, if any."""
    started: float
    """When the server was started, in seconds since the epoch."""
    bound: dict[str, int]
    """Listening sockets that were bound as root, by name."""
    last_good: LastGood
    asked: Asked | None = None
    """How the supervisor was run."""
    notifier: Notifier = Notifier()
    """The line to the service manager, if there is one."""


class Upgrade:
    """At most one trial at a time, and what has come of the last."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        board: Switchboard,
        launch: Launch,
        paths: Paths,
        listening: Callable[[], Iterable[int]],
    ) -> None:
        """``listening`` returns the sockets that listen, for clients and for workers."""
        self._loop = loop
        self._listening = listening
        self._board = board
        self._launch = launch
        self._paths = paths
        self._deadline: asyncio.TimerHandle | None = None
        self._output: IO[bytes] | None = None
        # The program that is tried, and its process.
        self._program: list[str] = []
        self._pid = 0
        # It is the same program, for the sake of the supervisor.
        self._renewing = False
        self._retry = QUIET
        handover = launch.handover
        # Why the last one failed; empty: it has not.
        self.failure = handover.failure if handover else ""
        # How many there were.
        self.generation = handover.generation if handover else 0

    @property
    def state(self) -> str | None:
        """How it stands: ``trying``, ``failed``, or None."""
        if self._program and not self._renewing:
            return "trying"
        return "failed" if self.failure else None

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
        if self._program:
            if not self._renewing:
                return
            self._abandon()
        self.failure = ""
        self._try(python, self._launch.options if options is None else options)

    def renew(self) -> None:
        """Have the pair replaced by another of the same program: its supervisor has died."""
        if self._program:
            return  # it is about to be, or this comes again when it has failed
        try:
            self._try(sys.executable, self._launch.options, renewing=True)
        except OSError as error:
            self._put_off(str(error))

    def _try(self, python: str, options: list[str], *, renewing: bool = False) -> None:
        asked = self._launch.asked
        supervised = self._launch.parent is not None and asked is not None
        program = (
            asked.program(options, succession.program_of(python))
            if supervised and asked is not None
            else resuming_command(python, options)
        )
        if not renewing:
            note("upgrade tried", command=" ".join(program))
            self._output = os.fdopen(os.memfd_create("chatd-trial"), "w+b")
        try:
            if supervised:
                self._pid = succession.launch(program, self._output)
                self._loop.add_reader(reserved.SUCCESSOR, self._hear)
            else:
                self._pid = self._spawn([*program, "--trial"])
        except OSError:
            self._close_output()
            raise
        self._program, self._renewing = program, renewing
        self._board.births.strangers[self._pid] = self._ended
        self._deadline = self._loop.call_later(PATIENCE, self._kill)

    def _spawn(self, program: list[str]) -> int:
        assert self._output is not None, "a trial says what is wrong"
        actions = [(os.POSIX_SPAWN_DUP2, self._output.fileno(), number) for number in (1, 2)]
        return os.posix_spawn(
            program[0], program, os.environ, file_actions=actions, setsigmask=DEFERRED
        )

    def _kill(self) -> None:
        if self._pid in self._board.births.strangers:
            os.kill(self._pid, signal.SIGKILL)  # not reaped, so it is its own

    def _abandon(self) -> None:
        """Try it no more: something else is to be tried."""
        self._board.births.strangers[self._pid] = lambda _code: None
        self._kill()
        self._forget()

    def _forget(self) -> None:
        self._program, self._pid = [], 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if self._launch.parent is not None:
            self._loop.remove_reader(reserved.SUCCESSOR)
            succession.refuse()

    def _close_output(self) -> str:
        """Return what a trial has said."""
        if self._output is None:
            return ""
        with self._output:
            self._output.seek(0)
            said = self._output.read(MAX_COMPLAINT).decode(errors="backslashreplace").strip()
        self._output = None
        return said

    def _ended(self, exitcode: int) -> None:
        """Take note that the program has ended: its trial, or itself before it had taken over."""
        program, renewing = self._program, self._renewing
        self._forget()
        said = self._close_output()
        if exitcode or self._launch.parent is not None:
            how = f"by signal {-exitcode}" if exitcode < 0 else f"with exit status {exitcode}"
            self._failed(said or f"its trial ended {how} and said nothing", renewing=renewing)
            return
        try:
            self._execute(program)
        except OSError as error:
            self._launch.notifier.ready()
            self._failed(str(error), renewing=False)

    def _hear(self) -> None:
        """Go on when the successor is prepared."""
        try:
            prepared = succession.is_prepared()
        except succession.NotTaken:
            # It has ended, or is about to: that is told with what it has said (``_ended``).
            self._loop.remove_reader(reserved.SUCCESSOR)
            return
        if not prepared:
            return
        renewing = self._renewing
        try:
            self._hand_over()
        except OSError as error:
            self._abandon()
            self._close_output()
            self._launch.notifier.ready()
            self._failed(str(error), renewing=renewing)

    def _failed(self, why: str, *, renewing: bool) -> None:
        if renewing:
            self._put_off(why)
        else:
            self._fail(why)
        parent = self._launch.parent
        if parent is not None and not parent.forks and not renewing:
            self._loop.call_later(QUIET, self.renew)

    def _put_off(self, why: str) -> None:
        self._retry = min(self._retry * 2, LAST_RETRY)
        note("supervisor not renewed", reason=why, retry=self._retry)
        self._loop.call_later(self._retry, self.renew)

    def _fail(self, why: str) -> None:
        self.failure = why
        note("upgrade failed", reason=why)

    def stop(self) -> None:
        """Try nothing any more: the server stops."""
        if self._program:
            self._abandon()

    def _settle(self) -> None:
        """Be done with what has been said so far, so that nothing is left in memory alone."""
        board = self._board
        board.settle()
        if board.commits.stuck:
            raise OSError(f"nothing can be written: {board.commits.stuck}")
        self._launch.notifier.reloading()
        self._launch.notifier.drain()

    def _end_tap(self) -> None:
        if self._board.egress.tap is not None:
            self._board.egress.tap.end("the server goes on with another program")

    def _sockets(self) -> list[int]:
        """Return the sockets that the next program has a use for."""
        found = list(self._listening())
        for connection in self._board.connections.values():
            if connection.client is not None:
                found.append(connection.client.fileno())
            if connection.worker is not None and not connection.worker.ended:
                found.append(connection.worker.channel.fileno())
        return found

    def _note(self, before: list[str]) -> Handover:
        launch, renewing = self._launch, self._renewing
        return Handover(
            protocol=PROTOCOL,
            version=__version__,
            before=[] if renewing else before,
            runtime_dir=str(self._paths.runtime_dir),
            state_dir=str(self._paths.state_dir),
            daemon=launch.daemon,
            store=launch.store.standing if launch.store is not None else None,
            started=launch.started,
            generation=self.generation + (not renewing),
            since=time.monotonic(),
        )

    def _hand_over(self) -> None:
        """Pass the table on, and end. Raises NotTaken, OSError."""
        parent, asked = self._launch.parent, self._launch.asked
        assert parent is not None, "a successor is a supervisor's"
        assert asked is not None, "a supervisor was asked for"
        self._settle()
        given = self._note(asked.program(self._launch.options))
        before = signal.pthread_sigmask(signal.SIG_BLOCK, MASTERS_SIGNALS)
        try:
            successor = succession.hand_over(open_sockets(reserved.FREE), given.encoded())
        except BaseException:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            raise
        # From here on it goes on as soon as nobody has the table any more but it.
        if not self._renewing:
            note("upgrade executed", command=" ".join(self._program))
        self._end_tap()
        # Somebody waits for the end of the first of them.
        parent.dismiss(retire=not asked.is_daemon and not is_follower(parent.pid))
        succession.pass_signals(successor, unheeded())
        os._exit(os.EX_OK)

    def _execute(self, command: list[str]) -> None:
        """Execute the new program in our own place. Raises OSError."""
        self._settle()
        launch = self._launch
        given = self._note(resuming_command(sys.executable, launch.options))
        given = msgspec.structs.replace(
            given,
            pid_file=launch.pid_file.fileno(),
            state_lock=launch.state_lock.fileno(),
            descriptors=self._sockets(),
        )
        self._end_tap()
        note("upgrade executed", command=" ".join(command))
        execute(command, given)
