"""Where things are kept: the runtime directory and the state directory.

In the runtime directory is what finds the server: PID files and sockets. All of it can be made
again (``runtime_files``), because such directories are removed while their owner lives: by
logind(8) at logout, by whoever cleans /tmp. What clients would be lost without is in the state
directory: the journal, and in ``sessions`` the ledger and the outbox.

From the command line or the configuration, else from ``$RUNTIME_DIRECTORY`` and
``$STATE_DIRECTORY`` (systemd.exec(5)), else from the XDG base directories; for a server that
becomes a user of its own, ``/run/chatd`` and ``/var/lib/chatd``.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from chatd_supervisor.sentence_errors import SentenceError

MAX_SOCKET_PATH: Final = 107
"""Bytes in the path of a Unix socket (unix(7))."""


class PathError(SentenceError):
    """A directory or file cannot be used; ``str()`` is the sentence for people."""


class Paths(NamedTuple):
    """The two directories, and the files in them."""

    runtime_dir: Path
    state_dir: Path

    @property
    def control_socket(self) -> Path:
        """Where ``chatd status`` and the like ask."""
        return self.runtime_dir / "control.sock"

    @property
    def adoption_socket(self) -> Path:
        """Where workers whose master has died bring their clients."""
        return self.runtime_dir / "adoption.sock"

    @property
    def state_link(self) -> Path:
        """A link to the state directory, for commands that are told the runtime directory alone."""
        return self.runtime_dir / "state"

    @property
    def sessions_dir(self) -> Path:
        """Where the ledger and the outbox are: what the next master needs to take up sessions."""
        return self.state_dir / "sessions"

    @property
    def ledger_file(self) -> Path:
        """Who serves which session, and from where on its output must be looked at."""
        return self.sessions_dir / "ledger"

    @property
    def saved_config(self) -> Path:
        """What the master lives by, for the next one (``last_good``)."""
        return self.sessions_dir / "config.json"

    @property
    def socket_names_file(self) -> Path:
        """What the listening sockets are called, for the next master (``socket_names``)."""
        return self.sessions_dir / "sockets"

    @property
    def state_lock(self) -> Path:
        """Locked by the server that uses the state directory; says which one that is."""
        return self.state_dir / "lock"

    @property
    def reserve_file(self) -> Path:
        """Room on the disk for the next master to start (``reserve``)."""
        return self.sessions_dir / "reserve"

    @property
    def crash_mark_file(self) -> Path:
        """Which report the master is applying."""
        return self.sessions_dir / "applying"

    @property
    def crash_stack_file(self) -> Path:
        """Where a master that hangs or crashes leaves its stack."""
        return self.sessions_dir / "crash"

    @property
    def journal_file(self) -> Path:
        """The journal's database; beside it lie its write-ahead log and that log's index."""
        return self.state_dir / "journal.db"

    @property
    def pid_file(self) -> Path:
        """Holds the master's pid, and is locked as long as its descriptor table lives."""
        return self.runtime_dir / "chatd.pid"

    @property
    def supervisor_file(self) -> Path:
        """Holds the supervisor's pid, if there is one (``pidfile.SupervisorFile``)."""
        return self.runtime_dir / "supervisor.pid"

    @property
    def log_file(self) -> Path:
        """What a daemon logs to."""
        return self.state_dir / "chatd.log"

    @property
    def quarantine_dir(self) -> Path:
        """Lines that killed their workers."""
        return self.state_dir / "quarantine"


SYSTEM: Final = Paths(Path("/run/chatd"), Path("/var/lib/chatd"))
"""Where a server is that is started as root and becomes another user; hier(7)."""


def find(
    runtime_dir: str | None,
    state_dir: str | None,
    environ: Mapping[str, str] = os.environ,
    *,
    system: bool = False,
) -> Paths:
    """Return the directories to use; None means by the environment. Creates nothing.

    ``system``: the server is of a user of its own, so whoever asks has another environment.
    """
    runtime_dir = runtime_dir or _first(environ.get("RUNTIME_DIRECTORY"))
    state_dir = state_dir or _first(environ.get("STATE_DIRECTORY"))
    if system:
        return Paths(Path(runtime_dir or SYSTEM.runtime_dir), Path(state_dir or SYSTEM.state_dir))
    return Paths(Path(runtime_dir or _runtime(environ)), Path(state_dir or _state(environ)))


def _first(directories: str | None) -> str | None:
    return directories.split(":", 1)[0] if directories else None


def _base(environ: Mapping[str, str], variable: str) -> str | None:
    # Relative paths are invalid there and are to be ignored (XDG Base Directory Specification).
    base = environ.get(variable, "")
    return base if os.path.isabs(base) else None


def _runtime(environ: Mapping[str, str]) -> str:
    base = _base(environ, "XDG_RUNTIME_DIR")
    if base:
        return f"{base}/chatd"
    ours = f"/run/user/{os.getuid()}"
    # Last of all a directory of our own below /tmp; prepare() refuses one that is not ours.
    return f"{ours}/chatd" if os.path.isdir(ours) else f"/tmp/chatd-{os.getuid()}"  # noqa: S108


def _state(environ: Mapping[str, str]) -> str:
    base = _base(environ, "XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return f"{base}/chatd"


def prepare(paths: Paths) -> None:
    """Create the directories (0700) and check that they can be used. Raises PathError."""
    # Before anything is made.
    longest = paths.adoption_socket
    size = len(os.fsencode(longest))
    if size > MAX_SOCKET_PATH:
        raise PathError(
            f"{longest}: a Unix socket's path has at most {MAX_SOCKET_PATH} bytes, "
            f"this one {size}; choose a shorter --runtime-dir"
        )
    for directory in (*paths, paths.sessions_dir):
        make_directory(directory)
        if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
            raise PathError(f"no permission to write in directory {directory}")
    _refuse_foreign(paths.runtime_dir)


def make_directory(directory: Path) -> None:
    """Make ``directory`` (0700) if it is not there. Raises PathError."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise PathError(f"cannot make directory {directory}: it is not a directory") from error
    except OSError as error:
        raise PathError(f"cannot make directory {directory}: {error.strerror}") from error


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells the file at ``path``, not what it links to, from others; None: no file."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def link_state(paths: Paths) -> None:
    """Have the runtime directory tell which state directory belongs to it. Raises OSError."""
    new = paths.state_link.with_suffix(".new")
    new.unlink(missing_ok=True)
    new.symlink_to(paths.state_dir)
    new.replace(paths.state_link)


def is_linked(paths: Paths) -> bool:
    """Return whether the runtime directory tells which state directory belongs to it."""
    try:
        return os.readlink(paths.state_link) == os.fspath(paths.state_dir)
    except (FileNotFoundError, NotADirectoryError):
        return False


def linked_state(runtime_dir: Path) -> Path | None:
    """Return the state directory of the server that is, or was, in ``runtime_dir``; None: unknown.

    The link counts only if it is ours, or we are root, and leads to a directory of its owner.
    """
    link = runtime_dir / "state"
    try:
        owner = link.lstat().st_uid
        state_dir = Path(os.readlink(link))
        if owner != state_dir.stat().st_uid or os.geteuid() not in (owner, 0):
            return None
    except OSError:
        return None
    return state_dir


def hand_over(directory: Path, uid: int, gid: int) -> None:
    """As root, make ``directory`` if it is not there, and have it belong to a user.

    One that belongs to root already is given away if nothing is in it. Raises PathError.
    """
    make_directory(directory)
    try:
        descriptor = os.open(directory, os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise PathError(f"{directory} is a symbolic link; name the directory itself") from error
    try:
        owner = os.fstat(descriptor).st_uid
        if owner == uid:
            return
        if owner != 0 or os.listdir(descriptor):
            raise PathError(
                f"{directory} belongs to uid {owner} and is not empty; "
                f"chown -R {uid}:{gid} {directory} gives it to server.user"
            )
        os.fchown(descriptor, uid, gid)
    except PermissionError as error:
        raise PathError(f"cannot give directory {directory} away: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _refuse_foreign(directory: Path) -> None:
    """Refuse a runtime directory that somebody else could put a socket or a lock into.

    Where others may create files (/tmp), the name itself may be theirs, or a link of theirs.
    """
    found = directory.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise PathError(f"{directory} is a symbolic link; name the directory itself")
    if found.st_uid not in (os.getuid(), 0):
        raise PathError(f"{directory} belongs to uid {found.st_uid}, not to us")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PathError(f"{directory} can be written by others; chmod 700 {directory}")
