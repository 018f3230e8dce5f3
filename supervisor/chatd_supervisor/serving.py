"""From a command to a serving master and back: what ``chatd run`` and ``chatd start`` do."""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from chatd_supervisor import __version__
from chatd_supervisor.addresses import ListenError, split_address
from chatd_supervisor.bound import tell_supervisor
from chatd_supervisor.config import Config
from chatd_supervisor.daemon import Starter, daemonize, drop_standard_error
from chatd_supervisor.exits import Exit
from chatd_supervisor.handover import (
    Handover,
    check_places,
    from_environment,
    go_back,
)
from chatd_supervisor.invocation import Invocation, paths_of
from chatd_supervisor.journal import JournalError
from chatd_supervisor.last_good import LastGood, read
from chatd_supervisor.lean import lean_imports
from chatd_supervisor.listen_config import Listen
from chatd_supervisor.locks import Locks, locks_of, refuse_other, shared_locks
from chatd_supervisor.logbook import note
from chatd_supervisor.logs import LogHandler, set_up
from chatd_supervisor.paths import Paths, prepare
from chatd_supervisor.pidfile import AlreadyRunning
from chatd_supervisor.privileges import PrivilegeError
from chatd_supervisor.stepping_down import step_down, tell_user
from chatd_workers.config_file import ConfigError
from chatd_workers.signals import MASTERS_SIGNALS

if TYPE_CHECKING:  # the commands that ask do not pay for these
    from chatd_supervisor.supervise.asked import Asked
    from chatd_supervisor.supervise.parent import Parent
    from chatd_supervisor.supervise.successor import Inheritance
    from chatd_supervisor.supervise.table import Stock


class Beginning(NamedTuple):
    """What a master has from whoever was before it."""

    stock: "Stock"
    last_good: LastGood
    handover: Handover | None = None
    """What another program has passed on to this one."""
    parent: "Parent | None" = None
    """The supervisor,"""
    asked: "Asked | None" = None
    """and how that was run."""
    bound: Mapping[str, int] = MappingProxyType({})
    """Listening sockets that were bound as root, by name."""
    complain: Callable[[str], None] | None = None
    """Tells a supervisor why this master cannot serve."""


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
    # Not for a plain one.
    from chatd_supervisor.supervise.asked import Asked  # noqa: PLC0415
    from chatd_supervisor.supervise.standing_in import stand_in  # noqa: PLC0415

    try:
        _refuse_machine()
        saved = invocation.likely_places().saved_config
        config, _ = _configuration(invocation, saved, follows=_may_follow())
        bound = step_down(invocation, config)
        places = paths_of(config)
        prepare(places)
        if starter is None and (code := stand_in(places)) is not None:
            return code
        refuse_other(places)
    except (ConfigError, OSError, AlreadyRunning) as error:
        return _failed(starter, *_explained(error))
    tell_supervisor(bound)
    if starter is not None:
        starter.leave_to_next_program()
    program = Asked.of(places, config.server, daemon=starter is not None).program(
        invocation.options()
    )
    # Until there are handlers: Python's own would show where it was interrupted.
    signal.pthread_sigmask(signal.SIG_BLOCK, MASTERS_SIGNALS)
    return os.execv(sys.executable, program)  # noqa: S606  # ourselves


def _may_follow() -> bool:
    """Return whether clients of a server before this one may wait for it."""
    from chatd_supervisor.notify import SOCKET  # noqa: PLC0415  # brings asyncio along

    return SOCKET in os.environ


def _refuse_machine() -> None:
    from chatd_supervisor.supervise.clone import can_share_tables  # noqa: PLC0415

    if not can_share_tables():
        machine = os.uname().machine
        raise ConfigError(f"a server on {machine} cannot be supervised; use --plain")


def serve(invocation: Invocation, starter: Starter | None) -> int:
    """Serve until told to stop, in the plain profile; return the exit code.

    With a starter, as a daemon.
    """
    with lean_imports():
        # Before root is given up; and no command asks for it.
        from chatd_supervisor.activation import plain_stock  # noqa: PLC0415

    handover = from_environment()
    try:
        places = _places_before(invocation, handover)
        follows = _may_follow() if handover is None else bool(handover.failure)
        config, last_good = _configuration(invocation, places.saved_config, follows=follows)
        bound = step_down(invocation, config) if handover is None else {}
        stock = plain_stock(handover, places.socket_names_file)
        places = paths_of(config)
        locks = locks_of(places, handover)
    except (ConfigError, OSError, AlreadyRunning) as error:
        if handover is not None and handover.is_upgrade:
            go_back(handover, str(error))
        return _failed(starter, *_explained(error))
    try:
        beginning = Beginning(stock, last_good, handover, bound=bound)
        return _run(invocation, config, locks, starter, beginning)
    finally:
        locks.release()


def serve_shared(
    inheritance: "Inheritance", supervisor: int, workers: dict[int, int], *, served: bool
) -> int:
    """Serve in a clone of the process ``supervisor``, which shares our descriptor table.

    ``workers`` are its other children, ``served``: there was a master before this one. Returns the
    exit code.
    """
    from chatd_supervisor.supervise import beginning as beginnings  # noqa: PLC0415
    from chatd_supervisor.supervise import succession  # noqa: PLC0415
    from chatd_supervisor.supervise.successor import confirm  # noqa: PLC0415

    asked, invocation, starter = inheritance.asked, inheritance.invocation, inheritance.starter
    parent = beginnings.parent_of(inheritance, supervisor, workers)
    if not confirm(inheritance, parent.pid):
        parent.dismiss()
        return Exit.OK
    succession.refuse()  # a dead master's
    stock = beginnings.take_stock(inheritance)
    if asked.is_daemon:
        # Until the configuration tells where the log is: that of the supervisor.
        set_up("info", None)
    try:
        places = Paths(Path(asked.runtime_dir), Path(asked.state_dir))
        config, last_good = _configuration(
            invocation, places.saved_config, follows=served or _may_follow()
        )
        places = paths_of(config)
        if inheritance.handover is not None:
            check_places(places, inheritance.handover)
        locks = shared_locks(places, stock, wait=inheritance.is_successor)
    except (ConfigError, OSError, AlreadyRunning) as error:
        inheritance.complain(str(error))
        return _failed(starter, *_explained(error))
    # Not before: the locks go with any descriptor of their files, and are not only ours.
    stock.close_files()
    handover, complain = inheritance.handover, inheritance.complain
    beginning = Beginning(stock, last_good, handover, parent, asked, complain=complain)
    code = _run(invocation, config, locks, starter, beginning)
    if code == Exit.OK or not served:
        locks.release()
    # Else the directories stay the supervisor's, which has another master begin.
    return code


def _places_before(invocation: Invocation, handover: Handover | None) -> Paths:
    """Return where a master before this one was, as far as that can be known."""
    if handover is not None:
        return Paths(Path(handover.runtime_dir), Path(handover.state_dir))
    return invocation.likely_places()


def _configuration(
    invocation: Invocation, saved_config: Path, *, follows: bool
) -> tuple[Config, LastGood]:
    """Return what to live by: what the file says or, if this ``follows``, the last good one.

    Raises ConfigError.
    """
    try:
        config = invocation.config()
    except ConfigError as error:
        saved = read(saved_config) if follows else None
        if saved is None:
            raise
        return saved, LastGood(saved_config, goes_on=True, error=str(error))
    path = paths_of(config).saved_config
    return config, LastGood(path, goes_on=follows and path.exists())


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
    beginning: Beginning,
) -> int:
    handover, parent = beginning.handover, beginning.parent
    places = paths_of(config)
    with lean_imports():
        # Only here: the commands that ask do not pay for the server's imports.
        from chatd_supervisor.activation import begin_store  # noqa: PLC0415
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

    def failed(code: Exit, error: object) -> int:
        if beginning.complain is not None:
            beginning.complain(str(error))
        return _failed(starter, code, error)

    daemon = starter is not None or (handover is not None and handover.daemon)
    notifier = Notifier.from_environment()
    try:
        log_file = places.log_file if daemon else None
        handler = set_up(config.server.log_level, log_file, config.server.log_format)
        if daemon:
            drop_standard_error()
        if beginning.last_good.error:
            note("configuration not used", reason=beginning.last_good.error)
        if handover is None:
            tell_user(config)
            tell_without_effect(config)
        known = handover.store if handover is not None else None
        store = begin_store(config, notifier, beginning.stock, known)
        launch = Launch(
            pid_file=locks.pid_file,
            state_lock=locks.state,
            options=invocation.options(),
            daemon=daemon,
            store=store,
            parent=parent,
            asked=beginning.asked,
            stock=beginning.stock,
            handover=handover,
            started=handover.started if handover is not None else time.time(),
            bound=dict(beginning.bound),
            last_good=beginning.last_good,
            notifier=notifier,
        )
        if handover is None:
            notifier.begin()
        master = Master(config, places, load_config, launch)
        tell = partial(notifier.ready, daemon=daemon and parent is None)
        return master.run(partial(_ready, config, places, starter, tell))
    except ListenError as error:
        return failed(Exit.UNAVAILABLE, error.strerror)
    except ConfigError as error:
        return failed(Exit.CONFIG, error)
    except (JournalError, LedgerError, OutboxError) as error:
        return failed(Exit.DATA, error)
    except OSError as error:
        note("ended", reason=error, fault=error)
        return failed(Exit.CANNOT_CREATE, error)
    except Exception as error:  # noqa: BLE001  # logged with its stack
        note("ended by a fault in chatd", fault=error)
        return failed(Exit.SOFTWARE, f"ended by a fault in chatd: {error!r}")


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
