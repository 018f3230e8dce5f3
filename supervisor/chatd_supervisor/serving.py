"""From a command to a serving master and back: what ``chatd run`` and ``chatd start`` do."""

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from chatd_supervisor import __version__
from chatd_supervisor.addresses import ListenError, split_address
from chatd_supervisor.bound import tell_supervisor
from chatd_supervisor.config import Config
from chatd_supervisor.custody import Custody
from chatd_supervisor.daemon import Starter, daemonize, drop_standard_error
from chatd_supervisor.exits import Exit
from chatd_supervisor.handover import (
    Handover,
    check_places,
    from_environment,
    go_back,
    python_command,
    resuming_command,
)
from chatd_supervisor.invocation import Invocation, paths_of
from chatd_supervisor.journal import JournalError
from chatd_supervisor.last_good import LastGood, read
from chatd_supervisor.lean import lean_imports
from chatd_supervisor.listen_config import Listen
from chatd_supervisor.logbook import note
from chatd_supervisor.logs import LogHandler, set_up
from chatd_supervisor.paths import Paths, prepare
from chatd_supervisor.pidfile import AlreadyRunning, PidFile, holder, sweep
from chatd_supervisor.privileges import PrivilegeError
from chatd_supervisor.stepping_down import step_down, tell_user
from chatd_supervisor.subreaper import become_subreaper
from chatd_supervisor.supervision import Supervision
from chatd_supervisor.variables import KEEPER, STANDBY
from chatd_workers.config_file import ConfigError


class Inherited(NamedTuple):
    """What this process has from what it was before."""

    handover: Handover | None
    """What the program before us, a master as well, has passed on."""
    bound: dict[str, int]
    """Listening sockets that were bound as root, by name."""
    last_good: LastGood


class Locks(NamedTuple):
    """What says that both directories are ours."""

    pid_file: PidFile
    state: PidFile

    def release(self) -> None:
        """Give both back."""
        self.pid_file.release()
        self.state.release()


def start(invocation: Invocation, *, supervised: bool) -> int:
    """Serve as a daemon; return, when it is ready or has failed, the exit code.

    Raises ConfigError: an error in the configuration is seen before anything forks.
    """
    invocation.config()
    return daemonize(partial(supervise if supervised else serve, invocation))


def supervise(invocation: Invocation, starter: Starter | None) -> int:
    """Become the supervisor of a server, in this process; with a starter, as a daemon.

    Returns an exit code if that cannot be, else never.
    """
    try:
        _refuse_sockets()
        config = invocation.config()
        bound = step_down(invocation, config)
        places = paths_of(config)
        prepare(places)
    except (ConfigError, OSError) as error:
        return _failed(starter, *_explained(error))
    tell_supervisor(bound)
    if starter is not None:
        os.set_inheritable(starter.descriptor, True)
    become_subreaper()
    descriptor = starter.descriptor if starter is not None else None
    supervision = Supervision.of(places, config.server, descriptor)
    command = python_command(sys.executable, ["run", *invocation.options()])
    return os.execv(sys.executable, supervision.program(command))  # noqa: S606  # ourselves


def _refuse_sockets() -> None:
    if os.environ.get("LISTEN_PID") == str(os.getpid()):
        raise ConfigError(
            "a service manager has passed us sockets, so it is the supervisor itself; "
            "leave --supervise out"
        )


def is_supervised(invocation: Invocation) -> bool:
    """Tell whether a supervisor runs in the directory. Raises ConfigError, OSError."""
    return holder(invocation.paths().supervisor_file) is not None


def serve(invocation: Invocation, starter: Starter | None) -> int:
    """Serve until told to stop; return the exit code. With a starter, as a daemon."""
    if os.environ.pop(STANDBY, ""):
        # Only here: it is what no command that asks pays for.
        from chatd_supervisor.awaiting_turn import await_turn  # noqa: PLC0415

        if not await_turn(int(os.environ[KEEPER])):
            return Exit.OK
    handover = from_environment()
    if starter is not None and KEEPER in os.environ:
        # Until the configuration tells where the log is: that of the supervisor.
        set_up("info", None)
    try:
        config, last_good = _configuration(invocation, handover)
        # A supervisor has become the user that we are to be, or there are workers that are root's.
        is_first = handover is None and KEEPER not in os.environ
        bound = step_down(invocation, config) if is_first else {}
        places = paths_of(config)
        locks = _locks(places, handover)
    except (ConfigError, OSError, AlreadyRunning) as error:
        if handover is not None and not handover.failure:
            go_back(handover, str(error))
        return _failed(starter, *_explained(error))
    try:
        return _run(invocation, config, locks, starter, Inherited(handover, bound, last_good))
    finally:
        # A supervisor that was killed has left it.
        sweep(places.supervisor_file)
        locks.release()


def _configuration(invocation: Invocation, handover: Handover | None) -> tuple[Config, LastGood]:
    """Return what to live by: what the file says or, after another master, the last good one.

    Raises ConfigError.
    """
    follows = KEEPER in os.environ or "NOTIFY_SOCKET" in os.environ
    if handover is not None:
        follows = bool(handover.failure)
    try:
        config = invocation.config()
    except ConfigError as error:
        if handover is not None:
            path = Paths(Path(handover.runtime_dir), Path(handover.state_dir)).saved_config
        else:
            path = invocation.saved_config()
        saved = read(path) if follows else None
        if saved is None:
            raise
        return saved, LastGood(path, goes_on=True, error=str(error))
    path = paths_of(config).saved_config
    return config, LastGood(path, goes_on=follows and path.exists())


def _locks(places: Paths, handover: Handover | None) -> Locks:
    """Return the locks on both directories, taken now or by the program before us.

    Raises PathError if a directory cannot be used, AlreadyRunning, other OSErrors.
    """
    locks = Locks(PidFile(places.pid_file), PidFile(places.state_lock, places.runtime_dir))
    if handover is None:
        prepare(places)
        _refuse_supervisor(places)
        locks.pid_file.acquire()
    else:
        check_places(places, handover)
        locks.pid_file.take_over(handover.pid_file)
    try:
        if handover is None or handover.state_lock is None:
            locks.state.acquire()
        else:
            locks.state.take_over(handover.state_lock)
    except BaseException:
        locks.pid_file.release()
        raise
    return locks


def _refuse_supervisor(places: Paths) -> None:
    """Leave the directory to a supervisor that is there, even if its master is not just now."""
    pid = holder(places.supervisor_file) if KEEPER not in os.environ else None
    if pid is not None:
        raise AlreadyRunning(places.runtime_dir, pid)


def try_out(invocation: Invocation) -> int:
    """Do what can be done of a start beside a running server; return the exit code.

    Says on standard error what would keep this program from going on in that one's place.
    """
    try:
        config = invocation.config()
        with lean_imports():
            from chatd_supervisor import master  # noqa: F401, PLC0415
            from chatd_supervisor.certificates import check_certificates  # noqa: PLC0415
            from chatd_supervisor.journal.files import check  # noqa: PLC0415
        check_certificates(config)
        check(paths_of(config).journal_file)
    except (ConfigError, OSError) as error:
        return _failed(None, *_explained(error))
    return Exit.OK


def _explained(error: Exception) -> tuple[Exit, object]:
    """Return the exit code for ``error``, and what is said of it."""
    if isinstance(error, ConfigError):
        return Exit.CONFIG, error
    if isinstance(error, AlreadyRunning):
        return Exit.ALREADY_RUNNING, f"{error} (chatd status tells more)"
    if isinstance(error, JournalError):
        return Exit.DATA, error
    if isinstance(error, ListenError):
        return Exit.UNAVAILABLE, error.strerror
    if isinstance(error, PrivilegeError):
        return Exit.NO_PERMISSION, error
    return Exit.CANNOT_CREATE, error


def _run(
    invocation: Invocation,
    config: Config,
    locks: Locks,
    starter: Starter | None,
    inherited: Inherited,
) -> int:
    handover = inherited.handover
    places = paths_of(config)
    with lean_imports():
        # Only here: the commands that ask do not pay for the server's imports.
        from chatd_supervisor.activation import begin_store  # noqa: PLC0415
        from chatd_supervisor.keeping import Keeper  # noqa: PLC0415
        from chatd_supervisor.ledger import LedgerError  # noqa: PLC0415
        from chatd_supervisor.master import Master  # noqa: PLC0415
        from chatd_supervisor.notify import Notifier  # noqa: PLC0415
        from chatd_supervisor.outbox import OutboxError  # noqa: PLC0415
        from chatd_supervisor.reloading import tell_without_effect  # noqa: PLC0415
        from chatd_supervisor.upgrading import Launch  # noqa: PLC0415

    def load_config() -> Config:
        # A reload is when a log that was moved away is begun anew, so before anything is logged.
        _reopen(handler)
        return invocation.config()

    daemon = starter is not None or (handover is not None and handover.daemon)
    notifier = Notifier.from_environment()
    try:
        log_file = places.log_file if daemon else None
        handler = set_up(config.server.log_level, log_file, config.server.log_format)
        if daemon:
            drop_standard_error()
        if inherited.last_good.error:
            note("configuration not used", reason=inherited.last_good.error)
        if handover is None:
            tell_user(config)
            tell_without_effect(config)
        keeper: Custody | None
        if handover is not None and handover.keeper is not None:
            keeper = Keeper.from_descriptor(handover.keeper)
        else:
            keeper = Keeper.from_environment()
        if keeper is None:
            keeper = begin_store(config, notifier, handover.store if handover else None)
        launch = Launch(
            pid_file=locks.pid_file,
            state_lock=locks.state,
            command=resuming_command(sys.executable, invocation.options()),
            daemon=daemon,
            keeper=keeper,
            handover=handover,
            started=handover.started if handover is not None else time.time(),
            bound=inherited.bound,
            last_good=inherited.last_good,
            notifier=notifier,
        )
        if handover is None:
            notifier.begin()
        master = Master(config, places, load_config, launch)
        tell = partial(notifier.ready, daemon=daemon and not isinstance(keeper, Keeper))
        return master.run(partial(_ready, config, places, starter, tell))
    except ListenError as error:
        return _failed(starter, Exit.UNAVAILABLE, error.strerror)
    except ConfigError as error:
        return _failed(starter, Exit.CONFIG, error)
    except (JournalError, LedgerError, OutboxError) as error:
        return _failed(starter, Exit.DATA, error)
    except OSError as error:
        note("ended", reason=error, fault=error)
        return _failed(starter, Exit.CANNOT_CREATE, error)
    except Exception as error:  # noqa: BLE001  # logged with its stack
        note("ended by a fault in chatd", fault=error)
        return _failed(starter, Exit.SOFTWARE, f"ended by a fault in chatd: {error!r}")


def _failed(starter: Starter | None, code: Exit, error: object) -> int:
    """Say why to whoever started it, and return ``code``."""
    if starter is not None:
        note("not started", reason=str(error))
        starter.tell(code, f"chatd: {error}")
    else:
        print(f"chatd: {error}", file=sys.stderr)
    return code


def _reopen(handler: LogHandler) -> None:
    try:
        handler.reopen()
    except OSError as error:
        note("log not reopened", reason=error)


def _ready(
    config: Config, places: Paths, starter: Starter | None, tell: Callable[[], None]
) -> None:
    note("ready", version=__version__, pid=os.getpid(), runtime_dir=places.runtime_dir)
    if all(map(_is_local, config.listen)):
        ports = [split_address(one.address)[1] for one in config.listen if not one.unix_path]
        port = next(iter(ports), 0)
        hint = f"--listen :{port or 5015} opens it to others"
        note("only this machine can connect", hint=hint)
    tell()
    if starter is not None:
        starter.tell(Exit.OK, f"chatd: started, pid {os.getpid()}, log {places.log_file}")


def _is_local(listen: Listen) -> bool:
    if listen.unix_path:
        return True
    host, _ = split_address(listen.address)
    return host in ("localhost", "::1") or host.startswith("127.")
