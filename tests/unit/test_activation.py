"""Sockets that a service manager passes, and the names in its store."""

import faulthandler
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd_supervisor import counts
from chatd_supervisor.activation import Passed, begin_store, fit, is_same, passed
from chatd_supervisor.config import Config
from chatd_supervisor.listen_config import Listen
from chatd_supervisor.notify import Notifier
from chatd_supervisor.store import Store, own_name, stored_name
from chatd_supervisor.supervise.marks import Marks
from chatd_supervisor.supervise.table import Stock
from chatd_workers.config_file import ConfigError


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def address(of: socket.socket) -> str:
    return f"127.0.0.1:{of.getsockname()[1]}"


def test_what_is_passed_is_ours_once(listening: socket.socket) -> None:
    os.set_inheritable(listening.fileno(), True)
    environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "irc", "A": "b"}
    assert passed(environ, listening.fileno()) == [Passed("irc", listening.fileno())]
    assert environ == {"A": "b"}
    assert not os.get_inheritable(listening.fileno())
    assert passed(environ, listening.fileno()) == []


@pytest.mark.parametrize(
    "wrong",
    [{"LISTEN_PID": "1"}, {"LISTEN_PID": ""}, {"LISTEN_FDS": ""}, {"LISTEN_FDS": "-1"}],
)
def test_what_is_anothers_is_left_alone_but_for_what_says_so(wrong: dict[str, str]) -> None:
    environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", **wrong}
    assert passed(environ) == []
    assert environ == {}


def test_a_socket_without_a_name_is_called_unknown(listening: socket.socket) -> None:
    environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
    assert passed(environ, listening.fileno())[0].name == "unknown"


def test_a_name_counts_more_than_an_address(listening: socket.socket) -> None:
    by_address = Listen(address=address(listening))
    by_name = Listen(address="127.0.0.1:1", socket="irc", dialect="irc")
    number = listening.fileno()
    assert fit([Passed("irc", number)], [by_address, by_name]) == ({number: by_name}, [])
    assert fit([Passed("chatd.socket", number)], [by_name, by_address]) == (
        {number: by_address},
        [],
    )


def test_what_fits_nothing_is_told_with_what_to_do(listening: socket.socket) -> None:
    found, wrong = fit([Passed("a\nb", listening.fileno())], [Listen(address="127.0.0.1:1")])
    assert found == {}
    (sentence,) = wrong
    assert sentence == (
        rf'the socket called a\nb fits no [[listen]]; give one address = "{address(listening)}", '
        r'or socket = "a\nb"'
    )


def test_only_stream_sockets_that_listen_are_taken() -> None:
    with socket.socket() as idle, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        read, write = os.pipe()
        for number in (idle.fileno(), datagrams.fileno(), read):
            found, wrong = fit([Passed("x", number)], [Listen(socket="x")])
            assert found == {}
            assert wrong == ["the socket called x is no stream socket that listens"]
        os.close(read)
        os.close(write)


def test_two_sockets_are_not_for_one_table(listening: socket.socket) -> None:
    twice = [Passed("x", listening.fileno()), Passed("x", listening.fileno())]
    assert len(fit(twice, [Listen(socket="x")])[1]) == 1


@pytest.mark.parametrize(
    ("configured", "bound", "same"),
    [
        ("127.0.0.1:5015", "127.0.0.1:5015", True),
        ("localhost:5015", "127.0.0.1:5015", True),
        ("localhost:5015", "[::1]:5015", True),
        (":5015", "[::]:5015", True),
        ("*:5015", "0.0.0.0:5015", True),
        (":5015", "127.0.0.1:5015", False),
        (":5015", "[::]:5016", False),
        ("unix:/run/x", "unix:/run/x", True),
        ("unix:/run/x", "127.0.0.1:5015", False),
        (":5015", "unix:/run/x", False),
    ],
)
def test_addresses_are_the_same_if_they_mean_the_same(
    configured: str, bound: str, same: bool
) -> None:
    assert is_same(configured, bound) is same


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_names_in_the_store_are_ours_and_plain(name: str) -> None:
    stored = stored_name(name)
    assert re.fullmatch(r"[ -9;-~]*", stored), "as fdname_is_valid() there has it"
    assert own_name(stored) == name


def test_names_of_socket_units_are_none_of_ours() -> None:
    assert own_name("chatd.socket") is None


# The store, by what is sent to it


class Sent(Notifier):
    """Collects what would be sent."""

    def __init__(self) -> None:
        super().__init__("/none")
        self.all: list[str] = []
        self.choked = False

    def send(
        self,
        key: str,
        *assignments: str,
        descriptor: int = -1,
        sent: Callable[[], None] | None = None,
    ) -> None:
        if self.choked:
            self._queue[key] = (b"", descriptor, sent)
            return
        verb = assignments[0].removesuffix("=1")
        self.all.append(f"{verb} {assignments[1].removeprefix('FDNAME=held ')}")
        if sent is not None:
            sent()


def test_a_file_by_another_name_is_removed_first(listening: socket.socket) -> None:
    sent = Sent()
    store = Store(sent)
    store.hold("session 1 text", listening.fileno())
    store.hold("session 1 text", listening.fileno())
    store.hold("session 2 text", listening.fileno())
    store.release("session 1 text")
    assert sent.all == [
        "FDSTORE session 1 text",
        "FDSTOREREMOVE session 1 text",
        "FDSTORE session 2 text",
    ]
    store.goodbye()
    assert sent.all[3:] == ["FDSTOREREMOVE session 2 text"]


def test_another_file_by_a_name_takes_the_place_of_the_first(listening: socket.socket) -> None:
    sent = Sent()
    store = Store(sent)
    store.hold("adoption", listening.fileno())
    with socket.socket() as other:
        store.hold("adoption", other.fileno())
    assert sent.all == ["FDSTORE adoption", "FDSTOREREMOVE adoption", "FDSTORE adoption"]


def test_an_upgrade_knows_what_was_stored_and_what_was_not_yet(listening: socket.socket) -> None:
    sent = Sent()
    before = Store(sent)
    with socket.socket() as gone:
        before.hold("gone", gone.fileno())
        before.hold("listener", listening.fileno())
        sent.choked = True
        before.release("gone")
        with socket.socket() as late:
            before.hold("late", late.fileno())
            sent.choked = False
            sent.all.clear()
            after = Store(sent, known=before.standing)
            after.hold_only({"listener": listening.fileno(), "late": late.fileno()})
    assert sent.all == ["FDSTOREREMOVE gone", "FDSTORE late"]


def test_the_next_master_stores_nothing_twice_and_leaves_nothing() -> None:
    sent, marks = Sent(), Marks()
    dead = Store(sent, marks=marks)
    clients = [socket.socket() for _ in range(3)]
    named = {f"session {number}": one.fileno() for number, one in enumerate(clients)}
    for name, descriptor in named.items():
        sent.choked = name == "session 2"
        dead.hold(name, descriptor)
    sent.choked = False
    sent.all.clear()
    # Who gets the number of one that has left is another one.
    clients[0].close()
    clients[0] = socket.socket()
    assert clients[0].fileno() == named["session 0"]
    del named["session 0"]
    after = Store(sent, marks=marks)
    after.may_hold(["session 0", "session 1", "session 4"])
    after.release("session 4")
    after.hold_only(named | {"session 3": clients[0].fileno()})
    assert sent.all == [
        "FDSTOREREMOVE session 4",
        "FDSTOREREMOVE session 0",
        "FDSTORE session 2",
        "FDSTORE session 3",
    ]
    for one in clients:
        one.close()


def test_marks_are_a_supervisors_and_its_masters_alone(listening: socket.socket) -> None:
    marks = Marks()
    marks.put(listening.fileno())
    with marks.passed_on():
        assert exit_code(lambda: marks.has(listening.fileno())) == 0
    assert exit_code(lambda: marks.has(listening.fileno())) == -signal.SIGSEGV


def exit_code(look: Callable[[], bool]) -> int:
    """Return how a fork ends that expects ``look`` to be true."""
    pid = os.fork()
    if pid == 0:
        faulthandler.disable()
        os._exit(not look())
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def test_what_is_lent_is_not_stored(listening: socket.socket) -> None:
    sent = Sent()
    store = Store(sent, lent=["listener"])
    store.hold("listener", listening.fileno())
    assert store.standing.lent == ["listener"]
    assert store.is_lent("listener")
    assert sent.all == []


def test_a_name_that_is_too_long_is_told(listening: socket.socket) -> None:
    sent = Sent()
    Store(sent).hold("x" * 251, listening.fileno())
    assert sent.all == []


# What was passed, in the table that a master takes stock of


def kept(one: socket.socket) -> tuple[int, int]:
    """Return a duplicate of ``one``, as in a table, and its cookie."""
    descriptor = os.dup(one.fileno())
    return descriptor, counts.cookie_of(descriptor)


LOCAL = ("127.0.0.1", 0)

LENT = Listen(address="127.0.0.1:1", socket="irc", dialect="irc")
NAME = "listener 127.0.0.1:1 irc"


def test_what_a_socket_unit_lends_is_found_by_our_name(listening: socket.socket) -> None:
    descriptor, cookie = kept(listening)
    stock = Stock([descriptor], passed={cookie: "irc"})
    store = begin_store(Config(listen=(LENT,)), Notifier(), stock, None)
    assert store is not None
    assert store.lent == {NAME}
    assert stock.take_named() == {NAME: descriptor}
    assert stock.close() == 0
    os.close(descriptor)


def test_the_next_master_knows_it_from_the_one_before(listening: socket.socket) -> None:
    descriptor, cookie = kept(listening)
    # Both the manager's word, which the supervisor has kept, and the file of names.
    stock = Stock([descriptor], {cookie: NAME}, {cookie: "irc"}, frozenset({NAME}))
    store = begin_store(Config(listen=(LENT,)), Notifier(), stock, None)
    assert store is not None
    assert store.is_lent(NAME)
    assert stock.take_named() == {NAME: descriptor}
    os.close(descriptor)


def test_a_socket_that_is_for_nothing_is_an_error_at_a_start(listening: socket.socket) -> None:
    descriptor, cookie = kept(listening)
    stock = Stock([descriptor], passed={cookie: "other"})
    with pytest.raises(ConfigError, match="passed by the service manager: the socket called other"):
        begin_store(Config(), Notifier(), stock, None)
    stock.close()


def test_after_a_crash_it_is_closed_and_what_was_stored_is_ours(listening: socket.socket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, socket.create_server(LOCAL) as adoption:
        table = [kept(one) for one in (listening, other, adoption)]
        (one, first), (useless, second), (offers, third) = table
        passed_on = {
            first: stored_name("listener 127.0.0.1:1 text"),
            second: "other",
            third: stored_name("session 7 text"),
        }
        stock = Stock([one, useless, offers], passed=passed_on)
        store = begin_store(Config(), Notifier(), stock, None)
        assert store is not None
        assert stock.take_named() == {"listener 127.0.0.1:1 text": one}
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(useless)
        # A client's is known by the ledger, not by its name.
        assert stock.cookies == {third}
        stock.close()
        os.close(one)


def test_without_a_manager_there_is_no_store() -> None:
    assert begin_store(Config(), Notifier(), Stock(), None) is None
