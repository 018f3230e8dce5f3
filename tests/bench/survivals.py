"""What clients notice when the master is killed, or upgraded: how long each of them is deaf."""

import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from bench.figures import Row, compared, median, percentile
from bench.subjects import STOPPING
from chatd_supervisor.backoff import CALM
from harness import CHATD, Server, eventually
from storm.course import config

PATIENCE: Final = 60.0
"""Seconds after which a line that is not back counts as lost."""

COMPANY: Final = 10
"""Sessions in a room, so that what they all say at once does not become a million deliveries."""

INTERVAL: Final = 0.25
"""Seconds between two lines of a session, while the server is upgraded."""

USUAL: Final = 3.0
"""Seconds of that before and after."""

LIMITS: Final = "[limits]\nmax_rooms = 0\n"


class Session:
    """A client that hears its own lines again."""

    def __init__(self, number: int, port: int, room: str) -> None:
        self.number = number
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.until(b"/help lists the commands.\n")
        self.socket.sendall(f"/nick s{number}\n".encode())
        self.until(f"is now s{number}\n".encode())
        self.socket.sendall(f"/join {room}\n".encode())
        self.until(f"you are in {room}\n".encode())
        self._partial = b""
        self._own = f"s{number} : ".encode()
        self.said = 0
        self.back = 0

    def until(self, end: bytes) -> None:
        """Read up to ``end``."""
        heard = b""
        while end not in heard:
            data = self.socket.recv(1 << 16)
            assert data, f"disconnected after {heard!r}"
            heard += data

    def say(self) -> None:
        """Say the next line."""
        line = b"%d\n" % self.said
        assert self.socket.send(line) == len(line)
        self.said += 1

    def hear(self) -> bool:
        """Read; return whether a line of its own was among it. They must come back in order."""
        data = self.socket.recv(1 << 16)
        assert data, f"session {self.number} was disconnected"
        *lines, self._partial = (self._partial + data).split(b"\n")
        before = self.back
        for line in lines:
            if line.startswith(self._own):
                assert int(line[len(self._own) :]) == self.back, f"{line!r}, {self.back} expected"
                self.back += 1
        return self.back > before


class Sessions:
    """Many of them, and a poller."""

    def __init__(self, count: int, port: int, company: int) -> None:
        self.all = [Session(number, port, f"#r{number // company}") for number in range(count)]
        self._poller = select.epoll()
        self._by_descriptor = {session.socket.fileno(): session for session in self.all}
        for session in self.all:
            session.socket.setblocking(False)
            self._poller.register(session.socket, select.EPOLLIN)

    def poll(self, patience: float) -> list[Session]:
        """Return those who hear a line of their own within ``patience`` seconds."""
        ready = self._poller.poll(max(0.0, patience))
        return [one for fd, _ in ready if (one := self._by_descriptor[fd]).hear()]

    def echo(self) -> list[float]:
        """Have each say a line; return after how many seconds each has it back."""
        began = time.perf_counter()
        for session in self.all:
            session.say()
        times: list[float] = []
        while len(times) < len(self.all):
            heard = self.poll(PATIENCE)
            now = time.perf_counter() - began
            times += [now for session in heard if session.back == session.said]
            assert now < PATIENCE, f"{len(self.all) - len(times)} lines are not back"
        return times

    def close(self) -> None:
        """Leave."""
        for session in self.all:
            session.socket.close()
        self._poller.close()


@contextmanager
def _attended(
    directory: Path, count: int, company: int, *, supervised: bool
) -> Iterator[tuple[Server, Sessions]]:
    """Run a server with ``count`` sessions."""
    directory.mkdir()
    server = Server(directory, LIMITS + config(), supervised=supervised)
    try:
        sessions = Sessions(count, server.port, company)
        yield server, sessions
    except BaseException:
        server.kill()
        server.stop(STOPPING)
        print(server.log()[-4000:], file=sys.stderr)
        raise
    sessions.close()
    code = server.stop(STOPPING)
    assert code == 0, server.log()[-4000:]


def adoption(directory: Path, quick: bool) -> list[Row]:
    """Time from SIGKILL of the master until each session has its next line back."""
    small = 200 if quick else 1000
    rows = _killed(directory / "supervised", small, 2 if quick else 10, supervised=True)
    if not quick:
        rows += _killed(directory / "many", 5000, 5, supervised=True)
    return rows + _killed(directory / "plain", small, 2 if quick else 10, supervised=False)


def _killed(directory: Path, count: int, rounds: int, *, supervised: bool) -> list[Row]:
    """Kill the master of ``count`` sessions so often; before each, time the same without that."""
    times: list[float] = []
    usual: list[float] = []
    with _attended(directory, count, COMPANY, supervised=supervised) as (server, sessions):
        workers = _workers(server)
        for _ in range(rounds):
            usual += sessions.echo()
            times += _kill_and_echo(server, sessions)
        kept = len(workers & _workers(server))
    if supervised:
        assert kept == count, f"{count - kept} workers have been replaced"
    print(f"  {count} sessions, supervised {supervised}: {times[:20]}", file=sys.stderr)
    how = "under a supervisor" if supervised else "run again at once"
    return [
        compared(
            f"{count:,} sessions, SIGKILL of the master, {how}: until a line is back, {name}",
            figure(times) * 1e3,
            figure(usual) * 1e3,
            unit="ms",
            other_is="alive",
            reach=reach if supervised else "",
        )
        for name, figure, reach in (
            ("p50", median, "<= 1.5"),
            ("p99", partial(percentile, percent=99), "<= 2"),
        )
    ] + [Row("... worst", f"{max(times) * 1e3:.0f} ms", f"{max(usual) * 1e3:.0f}")]


def _workers(server: Server) -> set[int]:
    return {session["pid"] for session in server.ask("ps")}


def _kill_and_echo(server: Server, sessions: Sessions) -> list[float]:
    """Kill the master, have everybody say a line, and return how long each waited for it."""
    # One that has just been started is not started again at once, if that happens often.
    time.sleep(CALM)
    before = server.kill_master()
    if not server.supervised:
        server.again()
    times = sessions.echo()
    after = eventually("a master is ready", lambda: server.is_ready() and server.master)
    assert after != before
    return times


def upgrade(directory: Path, quick: bool) -> list[Row]:
    """How much longer than usual each of the sessions waits for a line during an upgrade."""
    return [
        row
        for supervised in (True, False)
        for row in _upgraded(directory / f"supervised-{supervised}", quick, supervised)
    ]


def _upgraded(directory: Path, quick: bool, supervised: bool) -> list[Row]:
    count = 200 if quick else 1000
    pauses: list[float] = []
    lasted: list[float] = []
    usual: list[float] = []
    with _attended(directory, count, 1, supervised=supervised) as (server, sessions):
        workers = _workers(server)
        for number in range(1 if quick else 3):
            ticking = Ticking(sessions)
            ticking.run(lambda: False, USUAL)
            usual += ticking.longest
            ticking = Ticking(sessions)
            began = time.perf_counter()
            command = [CHATD, "upgrade", f"--runtime-dir={server.runtime_dir}"]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL) as upgrading:
                ticking.run(partial(_is_upgraded, upgrading, server, number + 1), PATIENCE)
                assert upgrading.wait(PATIENCE) == 0, server.log()[-4000:]
            lasted.append(time.perf_counter() - began)
            pauses += [max(0.0, gap - INTERVAL) for gap in ticking.longest]
            print(f"  upgrade {number}: {sorted(ticking.longest)[::50]}", file=sys.stderr)
        kept = workers & _workers(server)
    assert not kept, f"{len(kept)} workers are those of before"
    profile = "supervised" if supervised else "plain"
    each = f"each saying a line every {INTERVAL * 1e3:.0f} ms"
    what = f"upgrade, {profile}, with {count:,} sessions, {each}"
    return [
        Row(
            f"{what}: pause of a session, p50",
            f"{median(pauses) * 1e3:.0f} ms",
            f"without one {(median(usual) - INTERVAL) * 1e3:.0f}",
        ),
        Row(
            "... p99",
            f"{percentile(pauses, 99) * 1e3:.0f} ms",
            f"without one {(percentile(usual, 99) - INTERVAL) * 1e3:.0f}",
            reach="<= 120 ms" if supervised else "<= 300 ms",
        ),
        Row("... worst", f"{max(pauses) * 1e3:.0f} ms"),
        Row("... until all workers are new", f"{median(lasted):.1f} s"),
    ]


def _is_upgraded(upgrading: "subprocess.Popen[bytes]", server: Server, times: int) -> bool:
    return upgrading.poll() is not None and server.log().count("all workers are new") == times


class Ticking:
    """Sessions that say a line every INTERVAL, evenly spread, and how long they hear nothing."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._last = [0.0] * len(sessions.all)
        self.longest = [0.0] * len(sessions.all)
        """The longest time between two lines that came back, by session; seconds."""

    def run(self, over: Callable[[], bool], most: float) -> None:
        """Go on until ``over``, at most for so many seconds; then all lines must be back."""
        sessions = self._sessions
        count = len(sessions.all)
        began = time.perf_counter()
        self._last = [began] * count
        said = 0
        while (now := time.perf_counter()) < began + most and not (said % count == 0 and over()):
            due = int((now - began) / INTERVAL * count)
            # At most once round, lest who is stopped for a while says many lines at once.
            for number in range(said, min(due, said + count - said % count)):
                sessions.all[number % count].say()
                said = number + 1
            self._hear(began + (said + 1) / count * INTERVAL - time.perf_counter())
        deadline = time.perf_counter() + PATIENCE
        while any(session.back < session.said for session in sessions.all):
            assert time.perf_counter() < deadline, "some lines are not back"
            self._hear(PATIENCE)

    def _hear(self, patience: float) -> None:
        heard = self._sessions.poll(patience)
        now = time.perf_counter()
        for session in heard:
            number = session.number
            self.longest[number] = max(self.longest[number], now - self._last[number])
            self._last[number] = now
