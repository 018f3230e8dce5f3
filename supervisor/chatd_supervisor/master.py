"""The master: accepts, orders, writes, and sees to it that every client has its worker.

One process, one thread (it forks), one asyncio loop that never blocks. This module starts and
stops things and answers questions about them; the work is in ``switchboard`` (the tick),
``births`` (workers), ``hub`` (rooms), ``egress`` (writing) and ``listeners``.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from chatd_supervisor import cpu_timer
from chatd_supervisor.adoption import Adoption, bind_or_take
from chatd_supervisor.births import Births
from chatd_supervisor.checks import Checks
from chatd_supervisor.commits import Commits
from chatd_supervisor.config import Config
from chatd_supervisor.connections import Connection, sockets_of
from chatd_supervisor.control import ControlServer
from chatd_supervisor.ending import end_of_a_fault, step_aside
from chatd_supervisor.handover import go_back
from chatd_supervisor.hub import Hub, Operation
from chatd_supervisor.inspection import (
    describe_listener,
    describe_program,
    describe_work,
    master_title,
    shown_state,
)
from chatd_supervisor.journal import Journal
from chatd_supervisor.listeners import Listener
from chatd_supervisor.logbook import note
from chatd_supervisor.paths import Paths
from chatd_supervisor.ports import Ports
from chatd_supervisor.quarantine import keep_next
from chatd_supervisor.reception import Reception
from chatd_supervisor.recovery import Recovery
from chatd_supervisor.reloading import live_by
from chatd_supervisor.renewing import renew_after
from chatd_supervisor.report_queue import ReportQueue
from chatd_supervisor.requests import Arguments, Request, answer_by, requests_to
from chatd_supervisor.runtime_files import RuntimeFiles, pieces_of
from chatd_supervisor.session_files import SessionFiles
from chatd_supervisor.settings import open_journal, room_for, rules_of, writers_of
from chatd_supervisor.signals import Signals
from chatd_supervisor.stack_report import StackReport
from chatd_supervisor.staffing import Staffing, rates_of
from chatd_supervisor.state import State
from chatd_supervisor.store import session_name
from chatd_supervisor.supervise.pair import Pair
from chatd_supervisor.supervise.socket_names import SocketNames
from chatd_supervisor.switchboard import Switchboard
from chatd_supervisor.throttle import Throttle
from chatd_supervisor.timeouts import Timeouts
from chatd_supervisor.titling import Title
from chatd_supervisor.upgrading import Launch, Upgrade
from chatd_supervisor.walling import build_walls
from chatd_supervisor.watchdog import WatchedSelector
from chatd_supervisor.winding_down import wind_down
from chatd_workers.dialects import DIALECTS
from chatd_workers.rehearsal import rehearse
from chatd_workers.signals import MASTERS_SIGNALS


class Master:
    """The server: everything that one master process holds."""

    def __init__(
        self, config: Config, paths: Paths, load_config: Callable[[], Config], launch: Launch
    ) -> None:
        self._config = config
        self._paths = paths
        self._load_config = load_config
        self._launch = launch
        self._store = launch.store
        self._parent = launch.parent
        self._pair: Pair | None = None
        self._last_good = launch.last_good
        self._state = "serving"
        # What answers which request on the control socket.
        self._answers: dict[str, Request] = {}

    def run(self, ready: Callable[[], None]) -> int:
        """Serve until told to stop; return the exit code.

        ``ready`` is called once, when clients can connect. Raises ListenError if an address cannot
        be listened on, JournalError if the journal cannot be used, OSError if a socket or file in
        the runtime directory cannot be made.
        """
        self._selector = WatchedSelector()
        with asyncio.Runner(loop_factory=partial(asyncio.SelectorEventLoop, self._selector)) as run:
            return run.run(self._main(ready))

    async def _main(self, ready: Callable[[], None]) -> int:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(end_of_a_fault)
        self._stopped = asyncio.Event()
        control = ControlServer(self._paths.control_socket, partial(answer_by, self._answers))
        with contextlib.ExitStack() as held:
            try:
                journal = held.enter_context(
                    contextlib.closing(open_journal(self._config, self._paths))
                )
                # Before the first fork: this is what workers share with the master.
                rehearse(tuple(DIALECTS))
                self._walls = build_walls(self._config.sandbox)
                held.callback(control.close)
                await self._begin(journal, control)
                held.enter_context(contextlib.closing(self._handle_signals()))
            except Exception as error:
                handover = self._launch.handover
                if self._parent is None and handover is not None and handover.is_upgrade:
                    note("upgrade undone", reason=error)
                    go_back(handover, str(error))
                raise
            held.callback(self._ports.close)
            held.callback(self._runtime_files.close)
            held.callback(self._adoption.close)
            # What exists now lives as long as the master: never look at it again.
            if self._launch.handover is None and not self._switchboard.connections:
                gc.collect()  # not while clients wait
            gc.freeze()
            gc.enable()
            self._title.refresh()
            self._switchboard.open()
            if not self._last_good.error:
                self._last_good.keep(self._config)
            ready()
            if self._pair is not None:
                self._pair.ready()
            connections = self._switchboard.connections.values()
            renew_after(self._launch.handover, self._loop, self._births, connections)
            self._files.watchdog.begin(self._config.server.watchdog)
            await self._stopped.wait()
            await self._wind_down()
            # Closing the journal may take its time.
            self._files.watchdog.end()
            self._clear_away()
        note("stopped")
        return os.EX_OK

    async def _begin(self, journal: Journal, control: ControlServer) -> None:
        """Take up what there is, and begin to listen."""
        launch = self._launch
        # What was bound as root has no name in the table yet.
        held = {**launch.stock.take_named(), **launch.bound}
        self._names = SocketNames(self._paths.socket_names_file, self._store)
        # First of all, for it is what most often cannot be.
        names = self._names
        self._ports = Ports(self._loop, self._receive, self._store, held, names.set_listening)
        self._ports.listen(self._config, self._last_good)
        with self._ports.let_nobody_in_if_that_fails():
            recovery = self._assemble(journal)
            bound = bind_or_take(self._paths.adoption_socket, held)
            self._adoption = Adoption(
                self._loop, bound, recovery.offered, recovery.pestered, names.set_adoption
            )
            self._upgrade = Upgrade(
                self._loop, self._switchboard, launch, self._paths, lambda: names.named().values()
            )
            self._answers |= self._requests()
            if self._parent is not None:
                file = self._paths.supervisor_file
                self._pair = Pair(self._loop, self._parent, self._upgrade, file)
                self._pair.begin(self._births, self._walls.wanted, self._config.sandbox)
            if self._store is not None:
                self._store.may_hold(map(session_name, self._files.rows))
            recovery.begin(launch.stock, self._parent, self._config.limits, self._ports)
            self._timeouts.expect_all()
            if self._store is not None:
                self._store.hold_only(self._named())
            for name, descriptor in held.items():
                note("unknown socket", name=name)
                os.close(descriptor)
            held.clear()  # the ports look there again, at a reload
            launch.stock.close()
            await control.start()
            supervisor = self._pair.file if self._pair is not None else None
            pieces = pieces_of(self._paths, launch.pid_file, control, self._adoption, supervisor)
            self._runtime_files = RuntimeFiles(self._loop, self._paths, pieces)

    def _assemble(self, journal: Journal) -> Recovery:
        """Put everything together, in the state that the journal and the runtime files tell."""
        limits = self._config.limits
        snapshot = journal.load()
        self._files = SessionFiles(self._paths, self._selector, snapshot.tick)
        ledger = self._files.ledger
        board = self._switchboard = Switchboard(
            self._loop,
            ledger,
            send_queue=limits.send_queue,
            closed=self._closed,
            operate=self._operate,
        )
        self._title = Title(self._loop, self._title_text, self._launch.notifier.status)
        board.commits = Commits(
            self._loop,
            Hub(rules_of(self._config), State.restored(snapshot)),
            board.egress,
            journal,
            self._files.outbox,
            tick=snapshot.tick,
            queue=ReportQueue(self._files.mark, partial(keep_next, self._paths.quarantine_dir)),
            connection_of=board.connections.get,
            wake=board.commit,
            changed=self._title.refresh_soon,
        )
        self._staffing = Staffing(self._loop, board, self._paths, limits, self._title.refresh_soon)
        board.hub.process_of = self._staffing.process_of
        board.hub.network_of = self._staffing.network_of
        births = self._births = board.births = Births(
            self._loop,
            ledger,
            orders=self._staffing.orders,
            born=self._staffing.born,
            judged=self._staffing.judged,
            severed=self._staffing.severed,
        )
        births.parent = self._parent
        board.checks = Checks(self._loop, board.commits, board.commit, births.strangers)
        board.throttle = Throttle(
            self._loop,
            lambda connection: rates_of(connection, self._config.limits),
            board.checks.take,
            board.commit,
        )
        self._timeouts = Timeouts(self._loop, board, limits)
        board.egress.writers |= writers_of(self._config)
        reception = self._reception = Reception(
            board,
            births,
            ledger,
            self._store,
            self._timeouts,
            config=self._config,
            room_for=room_for(limits.max_clients),
        )
        board.learned = reception.learn
        self._staffing.origins = reception.origins
        reception.numbered = max(snapshot.last_session, *self._files.rows, 0)
        return Recovery(
            self._loop,
            board,
            births,
            reception,
            files=self._files,
            snapshot=snapshot,
        )

    def _clear_away(self) -> None:
        """Remove what only a successor could have used."""
        self._switchboard.shut()
        self._files.discard()
        self._paths.adoption_socket.unlink(missing_ok=True)
        self._names.discard()
        self._last_good.discard()
        if self._pair is not None:
            self._pair.file.remove()
        if self._store is not None:
            self._store.goodbye()

    def _handle_signals(self) -> Signals:
        signals = Signals(
            self._loop,
            {
                signal.SIGTERM: partial(self.stop, "SIGTERM"),
                signal.SIGINT: partial(self.stop, "SIGINT"),
                signal.SIGQUIT: partial(step_aside, self._switchboard, self._launch.notifier),
                signal.SIGHUP: self._reload_on_hangup,
                signal.SIGUSR2: self._upgrade.begin_same,
                signal.SIGCHLD: self._births.reap,
                cpu_timer.SIGNAL: self._staffing.cpu_watch.look,
            },
        )
        # Not through the loop: the stack is to show where the master is, above all when it hangs.
        signal.signal(signal.SIGUSR1, StackReport(self._status))
        signal.siginterrupt(signal.SIGUSR1, False)
        # They are blocked until here; and some may have died meanwhile.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, MASTERS_SIGNALS)
        self._births.reap()
        return signals

    def _receive(self, listener: Listener, clients: Sequence[socket.socket]) -> None:
        self._reception.receive(listener, clients)

    def _closed(self, connection: Connection) -> None:
        self._reception.see_off(connection)
        self._title.refresh_soon()

    # Upgrading

    def _named(self) -> dict[str, int]:
        """Return our sockets, by the names under which the service manager holds them."""
        return self._names.named() | sockets_of(self._switchboard.connections.values())

    # Stopping

    def stop(self, on: str) -> None:
        """Begin a graceful stop, on a signal or request: all that has arrived is still said."""
        note("stopping", on=on)
        if self._state == "stopping":
            return
        self._state = "stopping"
        self._launch.notifier.stopping(self._config.limits.stop_timeout)
        self._upgrade.stop()
        if self._pair is not None:
            self._pair.stopping()
        self._stopped.set()

    async def _wind_down(self) -> None:
        self._runtime_files.close()
        self._staffing.stopping = True
        self._title.refresh()
        self._ports.close()
        await wind_down(self._switchboard, self._births, self._config.limits.stop_timeout)

    # Reloading

    def reload(self) -> list[str]:
        """Read the configuration again and live by it, without dropping anybody.

        Returns warnings about what cannot change while running. Raises ConfigError or ListenError,
        and then everything stays as it was.
        """
        with self._launch.notifier.reload(), self._last_good.told():
            config = self._load_config()
            self._ports.listen(config)
            old, self._config = self._config, config
            self._files.watchdog.begin(config.server.watchdog)
            warnings = live_by(
                config,
                old,
                board=self._switchboard,
                reception=self._reception,
                staffing=self._staffing,
                timeouts=self._timeouts,
            )
        self._last_good.keep(config)
        self._title.refresh_soon()
        return warnings

    def _reload_on_hangup(self) -> None:
        try:
            self.reload()
        except (OSError, ValueError) as error:
            note("configuration not reloaded", reason=error)

    def _operate(self, operation: Operation) -> None:
        """Do what an operator has asked for in a client."""
        if operation.what == "HIDE":
            self._staffing.hide(operation.room)
            return
        note("operator asks", session=operation.session, what=operation.what)
        match operation.what:
            case "REHASH":
                self._reload_on_hangup()
            case "DIE":
                self.stop("an operator")
            case "RESTART":
                self._upgrade.begin_same()

    # Looking inside

    def _requests(self) -> dict[str, Request]:
        """Return what answers which request on the control socket."""
        return {
            "status": lambda _: self._status(),
            "reload": lambda _: {"warnings": self.reload()},
            "stop": self._stop_on_request,
            "upgrade": self._upgrade.begin_asked,
            **requests_to(self._switchboard, self._paths, self._ports),
        }

    def _stop_on_request(self, _: Arguments) -> dict[str, Any]:
        self.stop("request")
        return {"pid": os.getpid()}

    def _status(self) -> dict[str, Any]:
        """Return what ``chatd status`` shows; JSON-able, times in seconds since the epoch."""
        return {
            **describe_program(self._config, self._paths, self._launch, self._upgrade),
            "state": self._shown_state(),
            "degraded_since": self._staffing.degraded_since,
            "sandbox": self._walls.described(),
            "listen": [describe_listener(one) for one in self._ports],
            **describe_work(self._switchboard, self._births, self._reception),
        }

    def _shown_state(self) -> str:
        return shown_state(self._state, self._switchboard, self._staffing.degraded_since)

    def _title_text(self) -> str:
        clients = len(self._switchboard.connections)
        return master_title(self._ports, clients, self._shown_state())
