"""The master's side of the nursery, against one that the test plays."""

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, suppress
from functools import partial

import pytest

from chatd_supervisor import nursing
from chatd_supervisor.listeners import AT_ONCE
from chatd_supervisor.nursery import MAX_RECORD, Born, Failed, Ready, encode
from chatd_supervisor.nursing import Nursery, Outcome, is_wanted
from chatd_workers.channel import pair, receive_with_descriptor
from chatd_workers.sandbox.walls import Wall


class Played:
    """What stands for the nursery: our end of its channel, and a process that does nothing."""

    def __init__(self) -> None:
        self.channel: socket.socket
        self._channels: list[socket.socket] = []
        self.processes: list[subprocess.Popen[bytes]] = []
        self.heirs: dict[int, Callable[[int], None]] = {}

    def spawn(self, _path: str, program: Sequence[str], _environ: object, **_: object) -> int:
        self.channel = socket.socket(fileno=os.dup(int(program[4])))
        self.channel.settimeout(10)
        self._channels.append(self.channel)
        # In a session of its own, because else Python 3.13 would start it by what this stands for.
        command = [sys.executable, "-c", "input()"]
        self.processes.append(subprocess.Popen(command, stdin=-1, start_new_session=True))
        return self.processes[-1].pid

    def close(self) -> None:
        for channel in self._channels:
            channel.close()
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.kill()
            process.communicate()


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Iterator[Played]:
    one = Played()
    monkeypatch.setattr(os, "posix_spawn", one.spawn)
    monkeypatch.setattr(nursing, "RETRY", 0.01)
    with closing(one):
        yield one


Told = list[tuple[int, Outcome]]
Scene = Callable[[Nursery, Told], Awaitable[None]]


def play(one: Played, scene: Scene) -> None:
    """Play ``scene``, with a nursery that is ready and a list that takes what is told."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        nursery = Nursery(loop, one.heirs, Wall(0), 0)
        nursery.begin(busy=False)
        await until(lambda: nursery.pid is not None)
        assert not nursery.is_ready
        one.channel.send(encode(Ready()))
        await until(lambda: nursery.is_ready)
        await scene(nursery, [])
        nursery.pid = None
        nursery.close()

    asyncio.run(run())


async def until(reached: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not reached():
            await asyncio.sleep(0.001)


def ask(nursery: Nursery, told: Told, number: int) -> socket.socket:
    """Ask for a birth; return the master's end of the worker's channel."""
    ours, theirs = pair()
    assert nursery.ask(theirs, partial(take, told, number))
    return ours


def take(told: Told, number: int, outcome: Outcome) -> None:
    told.append((number, outcome))


def test_each_is_told_of_its_own(played: Played) -> None:
    async def scene(nursery: Nursery, told: Told) -> None:
        ends = [ask(nursery, told, number) for number in range(3)]
        for end in ends:
            _, descriptor = receive_with_descriptor(played.channel, MAX_RECORD)
            # What has come is the worker's end of that very channel.
            os.write(descriptor, b"here")
            os.close(descriptor)
            assert end.recv(10) == b"here"
            end.close()
        for answer in (Born(3, 33), Failed(1, errno.EAGAIN), Born(2, 22), Born(2, 23)):
            played.channel.send(encode(answer))
        await until(lambda: len(told) == 3)
        await asyncio.sleep(0.02)
        assert [number for number, _ in told] == [2, 0, 1]
        assert told[0][1] == 33
        assert isinstance(told[1][1], OSError)
        assert told[1][1].errno == errno.EAGAIN
        assert told[2][1] == 22
        assert not nursery.expecting

    play(played, scene)


def test_more_than_the_channel_holds_it_is_not_asked_for(played: Played) -> None:
    async def scene(nursery: Nursery, told: Told) -> None:
        ours, theirs = pair()
        asked = 0
        while nursery.ask(again := theirs.dup(), partial(take, told, asked)):
            asked += 1
            assert nursery.is_crowded == (asked >= nursing.MANY)
        again.close()
        assert asked > nursing.MANY + AT_ONCE
        # Nothing has been lost by that.
        for ticket in range(1, asked + 1):
            _, descriptor = receive_with_descriptor(played.channel, MAX_RECORD)
            os.close(descriptor)
            played.channel.send(encode(Born(ticket, 1000 + ticket)))
            await asyncio.sleep(0)
        await until(lambda: len(told) == asked)
        assert told == [(number, 1001 + number) for number in range(asked)]
        ours.close()
        theirs.close()

    play(played, scene)


def test_when_it_has_ended_nothing_is_known(played: Played) -> None:
    async def scene(nursery: Nursery, told: Told) -> None:
        ends = [ask(nursery, told, number) for number in range(100)]
        played.channel.send(encode(Born(1, 11)))
        played.channel.close()
        await until(lambda: not nursery.expecting)
        # What it had still said counts.
        assert told == [(0, 11), *((number, None) for number in range(1, 100))]
        assert not nursery.is_ready
        for end in ends[1:]:
            assert end.recv(10) == b"", "nobody has the other end"
            end.close()
        ends[0].close()

    play(played, scene)


def test_if_it_does_not_answer_it_is_killed(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nursing, "PATIENCE", 0.2)

    async def scene(nursery: Nursery, told: Told) -> None:
        # As long as it answers something it is waited for.
        ends = [ask(nursery, told, number) for number in range(4)]
        for ticket in (1, 2):
            await asyncio.sleep(0.12)
            played.channel.send(encode(Born(ticket, ticket)))
        await until(lambda: len(told) == 2)
        assert played.processes[0].poll() is None
        await until(lambda: len(told) == 4)
        assert told[2:] == [(2, None), (3, None)]
        await until(lambda: played.processes[0].poll() is not None)
        for end in ends:
            end.close()

    play(played, scene)


def test_if_it_cannot_be_started_it_is_tried_again(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([OSError(errno.EMFILE, "too many"), OSError(errno.EAGAIN, "no room")])

    def spawn(path: str, program: Sequence[str], environ: object, **how: object) -> int:
        for failure in failures:
            raise failure
        return played.spawn(path, program, environ, **how)

    monkeypatch.setattr(os, "posix_spawn", spawn)

    async def scene(nursery: Nursery, told: Told) -> None:
        assert next(failures, None) is None
        assert nursery.is_ready
        assert not told

    play(played, scene)


def test_one_that_had_served_is_replaced_at_once_and_no_other(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nursing, "RETRY", 0.3)

    async def scene(nursery: Nursery, _: Told) -> None:
        for served, expected in ((False, 1), (True, 3)):
            if served:
                played.channel.send(encode(Ready()))
                await until(lambda: nursery.is_ready)
                await asyncio.sleep(nursing.RETRY)
            played.heirs.pop(played.processes[-1].pid)(-signal.SIGKILL)
            assert not nursery.is_ready
            assert nursery.is_coming
            await asyncio.sleep(0.01)
            assert len(played.processes) == expected
            await until(lambda: nursery.pid is not None)

    play(played, scene)


def test_nonsense_is_its_end(played: Played) -> None:
    async def scene(nursery: Nursery, told: Told) -> None:
        end = ask(nursery, told, 0)
        played.channel.send(b"nonsense")
        await until(lambda: told)
        assert told == [(0, None)]
        assert not nursery.is_ready
        end.close()

    play(played, scene)


def test_before_the_program_goes_all_answers_are_waited_for(played: Played) -> None:
    async def scene(nursery: Nursery, told: Told) -> None:
        end = ask(nursery, told, 0)

        def answer() -> None:
            receive_with_descriptor(played.channel, MAX_RECORD)
            played.channel.send(encode(Born(1, 11)))

        answering = asyncio.create_task(asyncio.to_thread(answer))
        await asyncio.sleep(0)
        nursery.settle()
        assert told == [(0, 11)]
        await answering
        end.close()

    play(played, scene)


@pytest.mark.parametrize(
    ("configured", "supervised", "wanted"),
    [
        (None, False, False),
        (None, True, True),
        (True, False, True),
        (True, True, True),
        (False, True, False),
    ],
)
def test_who_gets_one(configured: bool | None, supervised: bool, wanted: bool) -> None:
    assert is_wanted(configured, supervised=supervised) == wanted
