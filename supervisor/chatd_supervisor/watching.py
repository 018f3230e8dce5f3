"""The supervisor: starts the master, starts it again when it dies, and holds its sockets meanwhile.

A program of its own, ``python -m chatd_supervisor.watching``, so that it carries nothing of what
the command that started it, or the master, is made of. One thread, one poll(2), and no timer once
another master stands by (``standby``).

=====================  ==================================  ===================================
the master is          when this happens                   then
=====================  ==================================  ===================================
new, never ready       it ends                             the supervisor ends with its status
                                                           (whoever started us has been told)
starting, ready        SIGTERM, SIGINT                     passed on; from now on its end is meant
starting, ready        it says Stopping                    from now on its end is meant
starting, ready        it ends as is meant, or status 0    the supervisor ends
starting, ready        SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT   passed on; it takes them when it is
                                                           ready (``deferred_signals``)
starting               it ends                             another one, after a delay
ready                  it ends                             another one, at once; after a delay if
                                                           it had only just begun, as the last
none                   its delay is over                   another one
none                   SIGTERM, SIGINT                     the supervisor ends
=====================  ==================================  ===================================

What it holds is the master's affair: descriptors with names, each a duplicate (``holding``). So a
client stays connected and a listening socket keeps its backlog while there is no master. A process
whose parent dies becomes a child of the supervisor (PR_SET_CHILD_SUBREAPER, prctl(2)), which reaps
it: workers outlive their master, and not every PID 1 does that.

The master must not die with its supervisor (no PR_SET_PDEATHSIG): without one it serves as well.
"""

import contextlib
import os
import resource
import select
import signal
import sys
import time
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec
import setproctitle

from chatd_supervisor.backoff import Backoff
from chatd_supervisor.bound import take_bound
from chatd_supervisor.daemon import Starter
from chatd_supervisor.deferred_signals import let_in
from chatd_supervisor.exits import Exit
from chatd_supervisor.holding import (
    Doubt,
    Goodbye,
    Hold,
    Parcel,
    Ready,
    Recall,
    Release,
    Settled,
    Stopping,
    decode_wish,
    receive,
)
from chatd_supervisor.holdings import Holdings
from chatd_supervisor.logbook import Field, note
from chatd_supervisor.logs import set_up
from chatd_supervisor.paths import find
from chatd_supervisor.pidfile import AlreadyRunning, PidFile, sweep
from chatd_supervisor.reinstating import Attached, attached
from chatd_supervisor.standby import Standby
from chatd_supervisor.starting import start_master
from chatd_supervisor.supervision import Supervision
from chatd_supervisor.watched import Watched

ENDING: Final = frozenset({signal.SIGTERM, signal.SIGINT})

PASSED_ON: Final = ENDING | {signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT}

QUIET: Final = 1.0
"""Seconds between log lines that there is no room."""


class Supervisor:
    """What one supervisor process holds: the master, and descriptors by name."""

    def __init__(self, command: list[str], asked: Supervision, starter: Starter | None) -> None:
        """``command`` starts a master. Raises OSError if the log cannot be opened.

        ``starter``, if this is a daemon, is handed to the first master, to be told how it went.
        """
        self._command = command
        self._starter = starter
        log = Path(asked.log_file) if asked.log_file else None
        self._handler = set_up(asked.log_level, log, asked.log_format)
        self._holdings = Holdings()
        for name, descriptor in take_bound().items():
            # The first master finds them as one after a death does.
            self._holdings.put(name, descriptor)
        self._standby = Standby(partial(self._spawn, standing_by=True), wanted=bool(asked.standby))
        self._master: Watched | None = None
        self._due = 0.0
        self._backoff = Backoff()
        self._served = False
        """Some master has been ready: whoever started us has gone."""
        self._stopping = False
        self._status: int | None = None
        self._quiet_until = 0.0
        self._come, told = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for number in (*PASSED_ON, signal.SIGCHLD):
            signal.signal(number, _noted)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        let_in()
        self._poll = select.poll()
        self._poll.register(self._come, select.POLLIN)

    def run(self) -> int:
        """Watch until the end; return the exit code."""
        if self._master is None:
            self._start()
        while self._status is None:
            self._turn()
        self._standby.dismiss()
        self._holdings.let_go()
        return self._status

    def _turn(self) -> None:
        """Wait for one thing to happen, and do what it asks for."""
        if self._master is None:
            seconds: float | None = max(0.0, self._due - time.monotonic())
        else:
            seconds = self._standby.seconds()
        happened = dict(self._poll.poll(seconds * 1000 if seconds is not None else None))
        if self._come in happened:
            self._take_signals()
        master = self._master
        if master is not None and master.process in happened:
            self._master = None
            self._bury(master, None)
        elif master is not None and master.channel.fileno() in happened:
            if happened[master.channel.fileno()] & ~select.POLLOUT:
                self._hear(master)
            self._pay(master)
        if self._master is not None:
            self._standby.tend()
        elif self._status is None and time.monotonic() >= self._due:
            self._start()

    # The master's life

    def watch(self, found: Attached) -> None:
        """Supervise a master that runs already, whose supervisor has died."""
        found.channel.setblocking(False)
        self._master = Watched(found.pid, found.channel, found.process)
        self._master.ready_since = time.monotonic()
        self._served = True
        self._poll.register(found.process, select.POLLIN)
        self._poll.register(found.channel, select.POLLIN)
        self._say("supervising", pid=os.getpid(), master=found.pid)

    def _start(self) -> None:
        """Have a master begin: the one that stands by, or another."""
        try:
            master = self._standby.take() or self._spawn(self._command)
        except OSError as error:
            # No room for a process; or the program is just being replaced.
            self._ended(None, f"{self._command[0]} cannot be run: {error.strerror}", Exit.SOFTWARE)
            return
        self._master = master
        self._poll.register(master.channel, select.POLLIN)

    def _spawn(self, command: list[str], *, standing_by: bool = False) -> Watched:
        starter = self._starter.descriptor if self._starter is not None else None
        return start_master(command, self._handler.fileno(), starter, standing_by=standing_by)

    def _reap(self) -> None:
        """Collect all dead children: the master, or workers of one that was before."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if self._standby.has_died(pid):
                continue
            if self._master is not None and pid == self._master.pid:
                master, self._master = self._master, None
                self._bury(master, os.waitstatus_to_exitcode(status))

    def _bury(self, master: Watched, code: int | None) -> None:
        """Do what the end of ``master`` asks for; ``code`` None: how it was is not known."""
        # All it ever sent is there to be read.
        self._hear(master)
        if master.channel.fileno() >= 0:
            self._hang_up(master)
        if master.process is not None:
            self._poll.unregister(master.process)
            os.close(master.process)
        if code is None:
            how, code = "ended", Exit.OK if self._stopping else Exit.SOFTWARE
        else:
            how = f"exited with status {code}" if code >= 0 else f"was killed by {_name(-code)}"
        if code == Exit.OK or self._stopping:
            if code not in (Exit.OK, -signal.SIGTERM, -signal.SIGINT):
                self._say("master died", pid=master.pid, how=f"{how} while it stopped")
            self._status = max(code, Exit.OK)
            return
        self._ended(master, how, code)

    def _ended(self, master: Watched | None, how: str, code: int) -> None:
        """Start another master, now or later, after one that has ended as nobody meant it to."""
        served = None
        if master is not None and master.ready_since is not None:
            served = time.monotonic() - master.ready_since
        elif not self._served:
            # Whoever started us has been told why, or will be told that it was killed.
            if master is None:
                self._say("ended", reason=how)
            self._status = code if code > 0 else Exit.SOFTWARE
            return
        delay = self._backoff.after(served)
        self._due = time.monotonic() + delay
        before = "" if served is not None else " before it was ready"
        when = f"in {delay:g} s" if delay else ""
        pid = master.pid if master is not None else None
        again = f"starting it again {when}".rstrip()
        self._say("master died", pid=pid, how=f"{how}{before}", next=again)

    # Signals

    def _take_signals(self) -> None:
        come = set(os.read(self._come, 65536))
        for number in sorted(come & PASSED_ON):
            self._take(signal.Signals(number))
        # Always: a SIGCHLD may be one of several.
        self._reap()

    def _take(self, number: signal.Signals) -> None:
        master = self._master
        if number in ENDING:
            self._stopping = True
            if master is None:
                self._say("stopping", on=f"{number.name}; no master runs")
                self._status = Exit.OK
        if master is not None:
            master.send(number)

    # What is held

    def _hear(self, master: Watched) -> None:
        """Do all that the master has asked for."""
        while master.channel.fileno() >= 0:
            try:
                parcel = receive(master.channel)
            except BlockingIOError:
                return
            except ConnectionResetError:
                continue  # told once, before what is left to be read (unix(7), SEQPACKET)
            except EOFError:
                self._hang_up(master)
                return
            try:
                self._grant(master, parcel)
            except msgspec.DecodeError as error:
                self._say("wish not understood", pid=master.pid, reason=error)
                if parcel.descriptor is not None:
                    os.close(parcel.descriptor)

    def _grant(self, master: Watched, parcel: Parcel) -> None:
        wish = decode_wish(parcel.record)
        if isinstance(wish, Hold) == (parcel.descriptor is None and not parcel.lost):
            raise msgspec.ValidationError(f"{wish}, and its descriptor")
        match wish:
            case Hold(name):
                self._holdings.put(name, parcel.descriptor)
                if parcel.descriptor is None:
                    self._say_no_room(name)
            case Release(name):
                self._holdings.drop(name)
            case Recall():
                master.owed = self._holdings.debt()
            case Doubt():
                self._holdings.doubt()
            case Settled():
                self._holdings.settle()
            case Ready(command):
                # Another one after an upgrade.
                self._command = command
                master.ready_since = time.monotonic()
                self._served = True
                self._standby.want(command)
                if self._starter is not None:
                    # Only now, or at our own end: whoever started us waits for that.
                    self._starter.pass_on()
            case Stopping():
                self._stopping = True
            case Goodbye():
                self._stopping = True
                self._holdings.let_go()
                self._hang_up(master)

    def _pay(self, master: Watched) -> None:
        """Pass the master what it is owed, as far as the channel takes it."""
        if master.owed is None or master.channel.fileno() < 0:
            return
        event = self._holdings.pay(master.owed, master.channel)
        if not event:
            master.owed = None
        self._poll.modify(master.channel, select.POLLIN | event)

    def _hang_up(self, master: Watched) -> None:
        self._poll.unregister(master.channel)
        master.channel.close()

    # The log

    def _say_no_room(self, name: str) -> None:
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET
            held = f"{len(self._holdings)} by the supervisor"
            self._say("no room for socket", name=name, held=held)

    def _say(self, event: str, **fields: Field) -> None:
        # It may have been moved away, and nobody tells us.
        with contextlib.suppress(OSError):  # better there than nowhere
            self._handler.reopen()
        note(event, **fields)


def main(arguments: list[str]) -> int:
    """Supervise as ``arguments`` say (``supervision``); return the exit code."""
    asked, command = Supervision.read(arguments)
    places = find(asked.runtime_dir, None)
    setproctitle.setproctitle("chatd: supervisor")
    starter = Starter(int(asked.starter)) if asked.starter else None
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    pid_file = PidFile(places.supervisor_file)
    found = attached()
    try:
        pid_file.acquire()
        supervisor = Supervisor(command, asked, starter)
        if found is not None:
            supervisor.watch(found)
    except AlreadyRunning as error:
        return _failed(starter, Exit.ALREADY_RUNNING, f"{error} (chatd status tells more)")
    except OSError as error:
        pid_file.release()
        return _failed(starter, Exit.CANNOT_CREATE, str(error))
    try:
        return supervisor.run()
    finally:
        # What a master leaves that was killed, if it was the last one.
        sweep(places.pid_file, places.control_socket)
        pid_file.release()


def _failed(starter: Starter | None, code: Exit, reason: str) -> int:
    if starter is not None:
        starter.tell(code, f"chatd: {reason}")
    else:
        print(f"chatd: {reason}", file=sys.stderr)
    return code


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"  # a real-time one has no name


def _noted(_signal: int, _frame: FrameType | None) -> None:
    """Do nothing: that there is a handler has its number written to the pipe."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
