"""Taking stock of a descriptor table: nothing of a client is closed, and nothing is leaked."""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd_supervisor import counts
from chatd_supervisor.supervise.table import Stock, open_descriptors, open_sockets
from descriptor_kinds import KINDS

LOOPBACK = ("127.0.0.1", 0)


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


class Table:
    """What a dead master has left, and what of it is worth what."""

    def __init__(self, directory: Path) -> None:
        self.held = ExitStack()
        """Other ends, which the processes at the other side hold."""
        self.everything: list[int] = []
        self.clients: dict[int, int] = {}
        """Descriptors of what the ledger knows, by cookie: clients, and channels to workers."""
        self.accepted: list[int] = []
        """Of clients that nobody has written down yet."""
        self.named: dict[int, str] = {}
        self.files: dict[Path, int] = {}
        self.directory = directory
        self.tcp = socket.create_server(LOOPBACK)
        self.unix = self._unix("unix")
        self.other = socket.create_server(LOOPBACK)
        self.other_unix = self._unix("other")

    def _unix(self, name: str) -> socket.socket:
        bound = socket.socket(socket.AF_UNIX)
        bound.bind(str(self.directory / name))
        bound.listen()
        return bound

    def keep(self, *sockets: socket.socket) -> list[int]:
        found = [one.detach() for one in sockets]
        self.everything += found
        return found

    def connected(self, listener: socket.socket) -> tuple[socket.socket, socket.socket]:
        near = socket.socket(listener.family)
        near.connect(listener.getsockname())
        return near, listener.accept()[0]

    def come(self, listener: socket.socket) -> int:
        near, far = self.connected(listener)
        self.held.enter_context(near)
        return self.keep(far)[0]

    # What there can be

    def client(self) -> None:
        self.note(self.come(self.tcp))

    def unix_client(self) -> None:
        self.note(self.come(self.unix))

    def reset_client(self) -> None:
        """... of which the ledger knows, and which has said something."""
        near, far = self.connected(self.tcp)
        near.send(b"my last words\n")
        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        near.close()
        self.note(self.keep(far)[0])

    def channel(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.held.enter_context(theirs)
        self.note(self.keep(ours)[0])

    def dead_channel(self) -> None:
        """... whose worker has died after its last word."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        theirs.send(b"report")
        theirs.close()
        self.note(self.keep(ours)[0])

    def newcomer(self) -> None:
        self.accepted.append(self.come(self.tcp))

    def unix_newcomer(self) -> None:
        self.accepted.append(self.come(self.unix))

    def half_closed_newcomer(self) -> None:
        near, far = self.connected(self.tcp)
        near.sendall(b"hello\n")
        near.shutdown(socket.SHUT_WR)
        self.held.enter_context(near)
        self.accepted += self.keep(far)

    def let_go(self) -> None:
        """One whose half that is ours is closed."""
        near, far = self.connected(self.tcp)
        self.held.enter_context(near)
        far.shutdown(socket.SHUT_WR)
        self.keep(far)

    def elsewhere(self) -> None:
        """One that came by no socket of ours, as somebody at the control socket."""
        self.come(self.other)
        self.come(self.other_unix)

    def listener(self) -> None:
        bound = socket.create_server(LOOPBACK)
        (descriptor,) = self.keep(bound)
        self.named[counts.cookie_of(descriptor)] = f"listener {len(self.named)}"

    def unknown_listener(self) -> None:
        self.keep(socket.create_server(LOOPBACK))

    def duplicate(self) -> None:
        sockets = [*self.clients.values(), *self.accepted]
        if sockets:
            self.everything.append(os.dup(sockets[len(self.everything) % len(sockets)]))

    def file(self) -> None:
        path = self.directory / f"file{len(self.everything)}"
        self.everything.append(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))

    def removed_file(self) -> None:
        path = self.directory / "removed"
        self.everything.append(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.unlink()

    def note(self, descriptor: int) -> None:
        self.clients[counts.cookie_of(descriptor)] = descriptor

    def locked(self, name: str) -> None:
        path = self.directory / name
        if path not in self.files:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.lockf(descriptor, fcntl.LOCK_EX)
            self.everything.append(descriptor)
            self.files[path] = descriptor

    def any(self, kind: str) -> None:
        """One of the kinds that a worker may send."""
        before = set(open_descriptors(3))
        made = KINDS[kind](-1)
        others = set(open_descriptors(3)) - before - {*made}
        for other in filter(is_open, others):
            self.held.callback(os.close, other)
        self.everything += made

    def add(self, what: str) -> None:
        if what in KINDS:
            self.any(what)
        elif what.endswith((".pid", "lock")):
            self.locked(what)
        else:
            getattr(self, what)()

    def listener_of(self, found: socket.socket) -> str | None:
        address = found.getsockname()
        return next((str(a) for a in (self.tcp, self.unix) if a.getsockname() == address), None)

    def close(self) -> None:
        self.held.close()
        for one in (self.tcp, self.unix, self.other, self.other_unix):
            one.close()


OURS = [
    *("client", "unix_client", "reset_client", "channel", "dead_channel"),
    *("newcomer", "unix_newcomer", "half_closed_newcomer", "let_go", "elsewhere"),
    *("listener", "unknown_listener", "duplicate", "file", "removed_file"),
    *("chatd.pid", "lock"),
]

NOT_OURS = sorted(KINDS.keys() - {"twice", "many", "none"})


@given(st.lists(st.sampled_from(OURS + NOT_OURS), max_size=40), st.randoms(use_true_random=False))
def test_whatever_is_in_it_what_is_a_clients_is_kept_and_the_rest_is_not(
    kinds: list[str], dice: random.Random
) -> None:
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        table = Table(Path(directory))
        stack.callback(table.close)
        for kind in kinds:
            table.add(kind)
        found = list(table.everything)
        dice.shuffle(found)
        # In the order in which a master goes about it.
        stock = Stock(found, table.named)
        for path, descriptor in table.files.items():
            assert stock.take_file(path) == descriptor
            assert stock.take_file(path) is None
        stock.close_files()
        names = stock.take_named()
        assert sorted(names.values()) == sorted(
            one for one in found if is_open(one) and _cookie(one) in table.named
        )
        assert sorted(names) == sorted(table.named.values())
        taken = {cookie: stock.take(cookie) for cookie in table.clients}
        for cookie, kept in taken.items():
            assert kept is not None
            assert counts.cookie_of(kept) == cookie, "the very socket, or a duplicate of it"
        newcomers = stock.take_accepted(table.listener_of)
        assert len(newcomers) == len(table.accepted)
        stock.close()
        kept_open = {
            *table.files.values(),
            *names.values(),
            *(one for one in taken.values() if one is not None),
            *(one.fileno() for _, one in newcomers),
        }
        assert {one for one in found if is_open(one)} == kept_open
        for one in kept_open:
            assert not os.get_inheritable(one)
        for path in table.files:
            assert _is_locked(path), "no descriptor of it was closed"
        for _, newcomer in newcomers:
            newcomer.detach()
        for one in kept_open:
            os.close(one)


def _cookie(descriptor: int) -> int:
    try:
        return counts.cookie_of(descriptor)
    except OSError:
        return 0


def _is_locked(path: Path) -> bool:
    """Tell, as another process, whether somebody has locked the file."""
    pid = os.fork()
    if pid == 0:
        try:
            with path.open("r+b") as file:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os._exit(0)
        os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


@pytest.fixture
def directory() -> Iterator[Path]:
    # Short, for the sake of the sockets in it.
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def test_what_is_not_there_is_not_taken(directory: Path) -> None:
    with socket.create_server(LOOPBACK) as listener:
        cookie = counts.cookie(listener)
        stock = Stock([], {cookie: "listener"})
        assert stock.take(cookie) is stock.look(cookie) is None
        stock.drop(cookie)
        assert stock.take_named() == {}
        assert stock.take_file(directory / "chatd.pid") is None
        assert stock.take_accepted(lambda _: "any") == []
        assert stock.close() == 0
        assert counts.cookie(listener) == cookie


def test_what_is_closed_already_is_passed_over() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    os.close(reading)
    stock = Stock([reading, writing])
    assert stock.close() == 0


def test_another_file_at_the_path_is_not_taken(directory: Path) -> None:
    path = directory / "chatd.pid"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    path.rename(directory / "away")
    path.touch()
    stock = Stock([descriptor])
    assert stock.take_file(path) is None
    assert stock.take_file(directory / "away") == descriptor
    os.close(descriptor)


def test_what_is_looked_at_stays() -> None:
    with socket.create_server(LOOPBACK) as listener:
        cookie = counts.cookie(listener)
        kept = os.dup(listener.fileno())
        stock = Stock([kept])
        assert stock.look(cookie) == kept
        assert stock.cookies == {cookie}
        assert stock.close() == 1
        assert not is_open(kept)


def test_a_socket_by_its_own_address_is_taken_and_no_other() -> None:
    with socket.create_server(LOOPBACK) as listener:
        near = socket.create_connection(listener.getsockname())
        far = listener.accept()[0]
        address = near.getsockname()
        stock = Stock([near.detach(), far.detach()])
        assert stock.take_connected(("127.0.0.1", 1)) is None
        found = stock.take_connected(address)
        assert found is not None
        assert found.getsockname() == address
        found.close()
        assert stock.close() == 1


@pytest.mark.parametrize("make", [lambda: os.memfd_create("some"), lambda: os.eventfd(0)])
def test_what_is_open_is_found_by_number(make: Callable[[], int]) -> None:
    found = make()
    with socket.socket() as one:
        assert {found, one.fileno()} <= set(open_descriptors(3))
        assert min(open_descriptors(one.fileno())) == one.fileno()
        sockets = open_sockets(3)
        assert one.fileno() in sockets
        assert found not in sockets
    os.close(found)
