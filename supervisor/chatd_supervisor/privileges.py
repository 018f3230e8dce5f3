"""Giving root up for good: from now on this process is an ordinary user's, and can be sure of it.

The order matters: groups first, for changing them is a privilege of its own, then the group, then
the user, each of them real, effective and saved (setgroups(2), setresgid(2), setresuid(2)). With
the user id the capabilities go (capabilities(7), "Effect of user ID changes on capabilities"), and
no_new_privs (prctl(2)) sees to it that no program brings any back.

Nothing of this is believed: afterwards it is tried to return.
"""

import contextlib
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from chatd_supervisor.sentence_errors import SentenceError
from chatd_workers.config_file import ConfigError
from chatd_workers.sandbox.syscalls import PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS

CAPABILITIES: Final = ("CapPrm", "CapEff", "CapAmb")
"""Fields of /proc/self/status that must be zero. What is inheritable (CapInh) works only through
programs that have capabilities, which no_new_privs rules out; so does the bounding set."""


class PrivilegeError(SentenceError):
    """Root could not be given up; ``str()`` is the sentence for people."""


class Identity(NamedTuple):
    """An ordinary user."""

    name: str
    uid: int
    gid: int
    home: str


def identity(name: str) -> Identity:
    """Return who is called ``name``. Raises ConfigError if nobody is, or it is root."""
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise ConfigError(
            f'server.user = "{name}": there is no such user; useradd --system {name} makes one'
        ) from None
    if found.pw_uid == 0:
        raise ConfigError(f'server.user = "{name}": is root, which is what is to be given up')
    return Identity(found.pw_name, found.pw_uid, found.pw_gid, found.pw_dir)


def user_name(uid: int) -> str:
    """Return what the user with this number is called; the number if it has no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def give_up_root(who: Identity) -> None:
    """Become ``who``; ``make_sure`` tells whether for good.

    Raises PrivilegeError; then this process must end.
    """
    # Before: the user may not be able to read it, which is for our caller to find out.
    import ctypes  # noqa: PLC0415  # only here

    prctl = ctypes.CDLL(None).prctl
    try:
        os.initgroups(who.name, who.gid)
        os.setresgid(who.gid, who.gid, who.gid)
        os.setresuid(who.uid, who.uid, who.uid)
    except OSError as error:
        raise PrivilegeError(f"cannot become {who.name}: {error.strerror}") from error
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # As any process of the user: otherwise /proc hides workers from their master (proc(5)). What
    # it has read as root, the user may read.
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    os.environ.update(HOME=who.home, USER=who.name, LOGNAME=who.name)


def make_sure(who: Identity) -> None:
    """Raise PrivilegeError if this process is more than ``who``, or can be; it tries."""
    left = remains(who)
    if left:
        raise PrivilegeError(f"became {who.name}, but kept {', '.join(left)}")


def remains(who: Identity) -> list[str]:
    """Return what this process still has that ``who`` has not, in words; it tries to return."""
    found = []
    if os.getresuid() != (who.uid,) * 3:
        found.append("a user id")
    if os.getresgid() != (who.gid,) * 3:
        found.append("a group id")
    if set(os.getgroups()) - set(os.getgrouplist(who.name, who.gid)):
        found.append("groups")
    status = _status()
    found += [field for field in CAPABILITIES if int(status[field], 16)]
    if status["NoNewPrivs"] != "1":
        found.append("the way back by a program of root's")
    ways: tuple[tuple[str, Callable[[], None]], ...] = (
        ("the way back to root", lambda: os.setresuid(0, 0, 0)),
        ("the way back to root's group", lambda: os.setresgid(0, 0, 0)),
        ("the choice of its groups", lambda: os.setgroups([0])),
    )
    for words, go_back in ways:
        with contextlib.suppress(PermissionError):
            go_back()
            found.append(words)
    return found


def _status() -> dict[str, str]:
    lines = Path("/proc/self/status").read_bytes().decode().splitlines()
    return {field: value.strip() for field, _, value in (line.partition(":") for line in lines)}
