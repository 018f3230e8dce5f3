"""What the service manager is told, seen from its end of the socket."""

import array
import asyncio
import contextlib
import os
import re
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from chatd_supervisor import notify
from chatd_supervisor.notify import Notifier, address_of, assignment, watchdog_interval


class Manager:
    """The socket that NOTIFY_SOCKET names."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(5.0)

    def hear(self) -> list[str]:
        """Return the assignments of the next message."""
        return self.socket.recv(4096).decode().split("\n")

    def hear_all(self) -> list[list[str]]:
        """Return all messages that have come by now."""
        heard = []
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                heard.append(self.hear())
        self.socket.settimeout(5.0)
        return heard

    def choke(self, notifier: Notifier) -> None:
        """Let messages come until there is no room for another one."""
        number = 0
        while not notifier.waits(f"filling {number}"):
            number += 1
            notifier.send(f"filling {number}", "FILLING=1")
        notifier.withdraw(f"filling {number}")


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.socket.close()


Make = Callable[[dict[str, str]], Notifier]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Notifier] = []

    def from_environment(environ: dict[str, str]) -> Notifier:
        made.append(Notifier.from_environment(environ))
        return made[-1]

    yield from_environment
    for one in made:
        one.close()


@pytest.fixture
def notifier(manager: Manager, make: Make) -> Notifier:
    return make({"NOTIFY_SOCKET": manager.socket.getsockname()})


def in_loop(run: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await asyncio.wait_for(run(), 10)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("given", "address"),
    [("/run/notify", "/run/notify"), ("@here", "\0here"), ("", ""), ("@", ""), ("vsock:2:3", "")],
)
def test_addresses_are_paths_or_abstract(given: str, address: str) -> None:
    assert address_of({"NOTIFY_SOCKET": given}) == address


def test_without_a_manager_nothing_is_done() -> None:
    notifier = Notifier.from_environment({})
    assert not notifier.is_there
    notifier.begin()
    notifier.ready()  # which needs a loop otherwise
    notifier.status("3 clients")
    notifier.drain()


def test_an_abstract_socket_is_found(make: Make) -> None:
    name = f"chatd-test-{os.getpid()}"
    manager = Manager(f"\0{name}")
    environ = {"NOTIFY_SOCKET": f"@{name}"}
    make(environ).begin(2.5)
    assert manager.hear() == ["EXTEND_TIMEOUT_USEC=2500000"]
    assert environ, "it is there for the next program, too"
    manager.socket.close()


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [
        ("30000000", "7", 15.0),
        ("30000000", None, 15.0),
        ("30000000", "8", None),
        ("", "7", None),
        ("0", "7", None),
        ("-5", "7", None),
        ("x", "7", None),
    ],
)
def test_the_watchdog_is_fed_in_half_of_its_time(
    usec: str, pid: str | None, seconds: float | None
) -> None:
    environ = {"WATCHDOG_USEC": usec, **({"WATCHDOG_PID": pid} if pid else {})}
    assert watchdog_interval(environ, pid=7) == seconds


def test_no_value_becomes_a_second_assignment() -> None:
    assert assignment("STATUS", "a\nREADY=1\0\r b") == "STATUS=a READY=1\0 b"


def test_a_life_is_told_in_order(manager: Manager, notifier: Notifier) -> None:
    async def live() -> None:
        before = time.monotonic_ns() // 1000
        notifier.ready()
        with notifier.reload():
            pass
        notifier.stopping(2.0)
        assert manager.hear() == ["READY=1"]
        reloading, monotonic = manager.hear()
        assert reloading == "RELOADING=1"
        usec = int(monotonic.removeprefix("MONOTONIC_USEC="))
        assert before <= usec <= time.monotonic_ns() // 1000
        assert manager.hear() == ["READY=1"]
        assert manager.hear() == ["STOPPING=1", "EXTEND_TIMEOUT_USEC=7000000"]

    in_loop(live)


def test_a_reload_that_fails_is_over_too(manager: Manager, notifier: Notifier) -> None:
    with pytest.raises(OSError, match="wrong"), notifier.reload():
        raise OSError("wrong")
    assert [heard[0] for heard in manager.hear_all()] == ["RELOADING=1", "READY=1"]


def test_a_daemon_says_which_process_it_is(manager: Manager, notifier: Notifier) -> None:
    async def live() -> None:
        notifier.ready(daemon=True)
        assert manager.hear() == ["READY=1", f"MAINPID={os.getpid()}"]

    in_loop(live)


def test_the_status_changes_without_haste(
    manager: Manager, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "REST", 0.05)

    async def live() -> None:
        notifier.ready()
        for number in range(100):
            notifier.status(f"{number} clients")
        heard = manager.hear_all()
        assert heard == [["READY=1"], ["STATUS=0 clients"]]
        await asyncio.sleep(0.2)
        assert manager.hear_all() == [["STATUS=99 clients"]], "the last one, once, and no timer"
        notifier.status("100 clients")
        assert manager.hear_all() == [["STATUS=100 clients"]]

    in_loop(live)


def test_the_watchdog_is_fed_by_the_loop(manager: Manager, make: Make) -> None:
    address = manager.socket.getsockname()
    notifier = make({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "40000"})

    async def live() -> None:
        notifier.ready()
        notifier.ready()  # as after a reload: not twice as often from now on
        await asyncio.sleep(0.5)
        fed = manager.hear_all().count(["WATCHDOG=1"])
        assert 5 <= fed <= 26
        time.sleep(0.2)  # it hangs
        assert manager.hear_all().count(["WATCHDOG=1"]) == 0

    in_loop(live)


def test_nobody_waits_for_a_manager_that_does_not_read(
    manager: Manager, notifier: Notifier
) -> None:
    async def live() -> None:
        notifier.ready()
        manager.choke(notifier)
        notifier.reloading()
        notifier.send("ready", "READY=1")
        notifier.reloading()
        notifier.send("ready", "READY=1")
        assert notifier.waits("ready")
        heard: list[list[str]] = []
        while ["READY=1"] not in heard[1:]:
            heard += manager.hear_all()
            await asyncio.sleep(0)
        last = [one[0] for one in heard if not re.match("FILLING", one[0])]
        assert last == ["READY=1", "RELOADING=1", "READY=1"], "each once, the first before"

    in_loop(live)


def test_what_waits_is_sent_before_the_end(manager: Manager, notifier: Notifier) -> None:
    manager.choke(notifier)
    notifier.stopping(0.0)
    manager.hear()
    assert notifier.waits("stopping")
    notifier.drain()
    assert manager.hear_all()[-1][0] == "STOPPING=1"


def test_a_descriptor_goes_beside_its_message(manager: Manager, notifier: Notifier) -> None:
    with socket.socket() as passed:
        notifier.send("held", "FDSTORE=1", descriptor=passed.fileno())
        message, ancillary, _, _ = manager.socket.recvmsg(4096, socket.CMSG_SPACE(4))
        assert message == b"FDSTORE=1"
        received = array.array("i", ancillary[0][2])[0]
        assert os.fstat(received).st_ino == os.fstat(passed.fileno()).st_ino
        os.close(received)


def test_a_manager_that_begins_anew_is_found_again(manager: Manager, notifier: Notifier) -> None:
    address = manager.socket.getsockname()
    notifier.begin(1)
    manager.socket.close()
    os.unlink(address)
    notifier.begin(1)  # nobody is there
    again = Manager(address)
    notifier.begin(1)
    assert again.hear() == ["EXTEND_TIMEOUT_USEC=1000000"]
    again.socket.close()
