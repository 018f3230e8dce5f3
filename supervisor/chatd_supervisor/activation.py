"""Descriptors that the service manager passes when it starts us: sd_listen_fds(3).

``LISTEN_FDS`` counts them, from 3 on, ``LISTEN_PID`` says whom they are for, and ``LISTEN_FDNAMES``
what they are called. Two kinds come: sockets of socket units, to be listened on, and what an
earlier master has put into the store (``store``), which has names of ours.

Which socket is for which ``[[listen]]``: the one whose ``socket`` names it, or else the one whose
address it is bound to. One that is for none is an error, for whoever connects there would wait for
ever.
"""

import os
import socket
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import Final, NamedTuple

from chatd_supervisor import counts
from chatd_supervisor.addresses import UNIX, split_address
from chatd_supervisor.config import Config
from chatd_supervisor.handover import Handover, Standing
from chatd_supervisor.listen_config import Listen
from chatd_supervisor.logbook import note
from chatd_supervisor.notify import Notifier
from chatd_supervisor.ports import name_of
from chatd_supervisor.store import ASKED, SESSION, Store, own_name
from chatd_supervisor.supervise import socket_names
from chatd_supervisor.supervise.table import Stock
from chatd_workers.config_file import ConfigError
from chatd_workers.titles import format_address, printable

FIRST: Final = 3
"""SD_LISTEN_FDS_START."""

UNNAMED: Final = "unknown"


class Passed(NamedTuple):
    """A descriptor as it came."""

    name: str
    descriptor: int


def passed(environ: MutableMapping[str, str] = os.environ, first: int = FIRST) -> list[Passed]:
    """Return what was passed to this process, and forget what says so.

    They are not inherited any further. Variables that are meant for another process are dropped,
    too: no child of ours is that.
    """
    pid, count, names = (
        environ.pop(variable, "") for variable in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
    )
    if pid != str(os.getpid()) or not (count.isascii() and count.isdigit()):
        return []
    called = names.split(":") if names else []
    called += [UNNAMED] * (int(count) - len(called))
    found = [Passed(called[number], first + number) for number in range(int(count))]
    for one in found:
        os.set_inheritable(one.descriptor, False)
    return found


def plain_stock(handover: Handover | None, names_file: Path) -> Stock:
    """Return what this process was given, where no supervisor shares its table.

    By the program before it (``handover``), which has left in ``names_file`` what listens, or by a
    service manager. Raises OSError.
    """
    if handover is not None:
        names, lent = socket_names.read(names_file)
        return Stock(handover.descriptors, names, lent=lent)
    came = passed()
    called = {counts.cookie_of(one.descriptor): one.name for one in came}
    return Stock([one.descriptor for one in came], passed=called)


def fit(sockets: Iterable[Passed], wanted: Iterable[Listen]) -> tuple[dict[int, Listen], list[str]]:
    """Return which descriptor is for which ``wanted`` one, and a sentence for each that is not."""
    free = list(wanted)
    found: dict[int, Listen] = {}
    wrong: list[str] = []
    for name, descriptor in sockets:
        address = _listening_address(descriptor)
        if address is None:
            wrong.append(f"{_shown(name)} is no stream socket that listens")
            continue
        named = [listen for listen in free if listen.socket == name]
        fitting = named or [
            listen for listen in free if not listen.socket and is_same(listen.address, address)
        ]
        if fitting:
            found[descriptor] = fitting[0]
            free.remove(fitting[0])
        else:
            wrong.append(
                f'{_shown(name)} fits no [[listen]]; give one address = "{address}", '
                f'or socket = "{printable(name)}"'
            )
    return found, wrong


def begin_store(
    config: Config, notifier: Notifier, stock: Stock, known: Standing | None
) -> Store | None:
    """Return what the service manager holds for us or lends us; None if it does neither.

    What it has passed is in ``stock``, and gets our names there. ``known`` is what another program
    of ours has passed on. Raises ConfigError if a socket is for nothing: not after a crash, when
    clients wait; then it is told in the log.
    """
    told = notifier if ASKED in os.environ else Notifier()
    stored: dict[str, int] = {}
    sockets = []
    for cookie, name in stock.passed.items():
        descriptor = stock.look(cookie)
        if descriptor is None:
            continue
        own = own_name(name)
        if own is not None:
            stored[own] = descriptor
        if cookie in stock.named:
            continue
        if own is None:
            sockets.append((cookie, Passed(name, descriptor)))
        elif not own.startswith(SESSION):
            stock.named[cookie] = own
    found, wrong = fit([one for _, one in sockets], config.listen)
    if wrong and not stored:
        raise ConfigError(f"passed by the service manager: {'; '.join(wrong)}")
    for sentence in wrong:
        note("socket not taken", reason=sentence)
    lent = {*stock.lent, *(known.lent if known is not None else ())}
    for cookie, one in sockets:
        if one.descriptor in found:
            name = name_of(found[one.descriptor])
            stock.named[cookie] = name
            lent.add(name)
        else:
            stock.drop(cookie)
    if known is None and not (stored or lent or told.is_there):
        return None
    return Store(told, stored=stored, lent=lent, known=known, marks=stock.marks)


def is_same(configured: str, bound: str) -> bool:
    """Tell whether a socket ``bound`` to that address is what is ``configured``."""
    if configured == bound or configured.startswith(UNIX) or bound.startswith(UNIX):
        return configured == bound
    host, port = split_address(configured)
    other, other_port = split_address(bound)
    # Without a host all addresses are meant; a socket for IPv4 alone is all that there may be.
    hosts = {"": ("::", "0.0.0.0"), "localhost": ("127.0.0.1", "::1")}.get(host, (host,))  # noqa: S104
    return port == other_port and other in hosts


def _listening_address(descriptor: int) -> str | None:
    """Return the address of a stream socket that listens, None if it is anything else."""
    try:
        with socket.socket(fileno=os.dup(descriptor)) as found:
            if found.type != socket.SOCK_STREAM or not found.getsockopt(
                socket.SOL_SOCKET, socket.SO_ACCEPTCONN
            ):
                return None
            name = found.getsockname()
            if found.family == socket.AF_UNIX:
                return f"{UNIX}{os.fsdecode(name)}"
            return format_address(name)
    except OSError:
        return None


def _shown(name: str) -> str:
    return f"the socket called {printable(name)}"
