"""A password is checked by a process of its own, and whatever happens to that one is answered."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from chatd_supervisor import passwords
from chatd_supervisor.hashing import scram_keys, verify
from chatd_supervisor.passwords import BUSY, DIED, LATE, TITLE
from chatd_supervisor.processes import fork
from chatd_supervisor.questions import Answer, Check, Checked, Derive, Derived, Unacceptable
from harness import PATIENCE, ROOT, descriptors, eventually
from password_desk import QUICK, SLOW, Desk


def at_a_desk(course: Callable[[Desk], Coroutine[Any, Any, None]]) -> None:
    """Run ``course`` with a desk, and see that it leaves no process."""

    async def run() -> None:
        desk = Desk()
        try:
            async with asyncio.timeout(PATIENCE):
                await course(desk)
        finally:
            desk.passwords.close()
            await until("all are reaped", lambda: not desk.running())
        assert desk.children == {}

    asyncio.run(run())


async def until(what: str, probe: Callable[[], Any]) -> Any:
    """Return the first true result of ``probe``, while the loop goes on."""
    deadline = time.monotonic() + PATIENCE
    while not (result := probe()):
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.002)
    return result


def title(pid: int) -> str:
    """Return the title of ``pid``; empty if it is gone, or about to be."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


async def stopped_child(desk: Desk) -> int:
    """Return the pid of the one child, which is stopped (SIGSTOP) once it has its title."""
    (pid,) = await until("a child", desk.running)
    await until("its title", lambda: title(pid) == TITLE)
    os.kill(pid, signal.SIGSTOP)
    return int(pid)


def test_right_and_wrong_passwords_and_new_ones() -> None:
    async def course(desk: Desk) -> None:
        assert await desk.ask(Check(QUICK, "never typed")) == Checked(right=True)
        assert await desk.ask(Check(QUICK, "sesame")) == Checked(right=False)
        assert await desk.ask(Check("plain", "plain")) == Checked(right=True)
        assert await desk.ask(Derive("")) == Unacceptable("is empty")
        made = await desk.ask(Derive("sésame"))
        assert isinstance(made, Derived)
        kept = made.credentials
        assert verify(kept.hash, "sésame")
        assert scram_keys("sésame".encode(), kept.salt, kept.rounds).stored_key == kept.stored_key

    at_a_desk(course)


def test_two_people_with_one_password_have_different_salts() -> None:
    async def course(desk: Desk) -> None:
        one, other = await asyncio.gather(desk.ask(Derive("x")), desk.ask(Derive("x")))
        assert isinstance(one, Derived)
        assert isinstance(other, Derived)
        assert one.credentials.salt != other.credentials.salt
        assert one.credentials.hash != other.credentials.hash

    at_a_desk(course)


def test_the_process_has_its_title_and_its_channel_and_is_gone_after() -> None:
    async def course(desk: Desk) -> None:
        before = descriptors(os.getpid())
        answer = desk.ask(Check(SLOW, "x"))
        pid = await stopped_child(desk)
        shown = subprocess.run(
            ["ps", "-ww", "-o", "args=", "-p", f"{pid}"], capture_output=True, text=True, check=True
        )
        assert shown.stdout.strip() == "chatd: password check"
        (held,) = descriptors(pid).values()
        assert held.startswith("socket:")
        assert held not in before.values()
        os.kill(pid, signal.SIGCONT)
        assert await answer == Checked(right=False)
        await until("it is gone", lambda: not desk.running())
        assert desk.reaped == [pid]
        assert descriptors(os.getpid()) == before

    at_a_desk(course)


def test_the_loop_goes_on_while_a_password_is_checked() -> None:
    async def course(desk: Desk) -> None:
        answer = desk.ask(Check(SLOW, "x"))
        pid = await stopped_child(desk)
        turns = 0
        while turns < 100:
            await asyncio.sleep(0)
            turns += 1
        assert not answer.done()
        os.kill(pid, signal.SIGCONT)
        assert await answer == Checked(right=False)

    at_a_desk(course)


def test_a_question_is_not_answered_before_it_is_asked() -> None:
    async def course(desk: Desk) -> None:
        told: list[Answer] = []
        desk.passwords.ask(Check(QUICK, "x"), told.append)
        assert told == []
        assert desk.running() == []
        await until("it is answered", lambda: told)

    at_a_desk(course)


def test_there_are_never_more_than_two(monkeypatch: pytest.MonkeyPatch) -> None:
    most = 0

    async def course(desk: Desk) -> None:
        def counted(live: Callable[[], int]) -> int:
            nonlocal most
            pid = fork(live)
            # Zombies included: those are children until they are reaped.
            most = max(most, len(desk.running()))
            return pid

        monkeypatch.setattr("chatd_supervisor.passwords.fork", counted)
        answers = [desk.ask(Check(QUICK, f"{n}")) for n in range(12)]
        assert set(await asyncio.gather(*answers)) == {Checked(right=False)}
        assert len(set(desk.reaped)) >= 10

    at_a_desk(course)
    assert most == passwords.AT_ONCE


def test_when_too_many_wait_the_next_is_told_so_and_the_others_are_answered(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(passwords, "WAITING", 4)

    async def course(desk: Desk) -> None:
        first = [desk.ask(Check(QUICK, "x")) for _ in range(4)]
        late = [desk.ask(Check(QUICK, "x"), peer="192.0.2.1") for _ in range(9)]
        assert set(await asyncio.gather(*late)) == {BUSY}
        assert set(await asyncio.gather(*first)) == {Checked(right=False)}

    at_a_desk(course)
    assert caplog.messages == ["password refused"]
    assert caplog.records[0].__dict__["fields"]["peer"].startswith("192.0.2.1")


def test_one_address_cannot_have_all_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "PER_PEER", 3)

    async def course(desk: Desk) -> None:
        guesses = [desk.ask(Check(QUICK, f"{n}"), peer="192.0.2.1") for n in range(9)]
        other = desk.ask(Check(QUICK, "never typed"), peer="192.0.2.2")
        answers = await asyncio.gather(*guesses)
        assert answers.count(BUSY) == 6
        assert await other == Checked(right=True)

    at_a_desk(course)


def test_what_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "DEADLINE", 0.3)

    async def course(desk: Desk) -> None:
        answers = [desk.ask(Check(SLOW, "x"))]
        await stopped_child(desk)
        assert await answers[0] == LATE
        await until("it is killed", lambda: not desk.running())
        # One that waits is not forgotten either.
        monkeypatch.setattr(passwords, "AT_ONCE", 0)
        assert await desk.ask(Check(QUICK, "x")) == LATE

    at_a_desk(course)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_process_that_dies_is_an_answer_too(number: signal.Signals) -> None:
    async def course(desk: Desk) -> None:
        answer = desk.ask(Check(SLOW, "x"))
        pid = await stopped_child(desk)
        os.kill(pid, number)
        os.kill(pid, signal.SIGCONT)
        assert await answer == DIED
        assert await desk.ask(Check(QUICK, "never typed")) == Checked(right=True)

    at_a_desk(course)


def test_a_hash_that_cannot_be_read_is_no_wrong_password() -> None:
    async def course(desk: Desk) -> None:
        assert await desk.ask(Check("$argon2id$nonsense", "x")) == DIED

    at_a_desk(course)


def test_when_no_process_can_be_made_that_is_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(_live: object) -> int:
        raise OSError(11, "Resource temporarily unavailable")

    async def course(desk: Desk) -> None:
        monkeypatch.setattr("chatd_supervisor.passwords.fork", no_room)
        before = descriptors(os.getpid())
        assert await desk.ask(Check(QUICK, "x")) == DIED
        assert descriptors(os.getpid()) == before

    at_a_desk(course)


def test_signals_to_the_whole_group_do_not_cost_an_answer() -> None:
    async def course(desk: Desk) -> None:
        answer = desk.ask(Check(SLOW, "x"))
        pid = await stopped_child(desk)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(pid, number)
        os.kill(pid, signal.SIGCONT)
        assert await answer == Checked(right=False)

    at_a_desk(course)


def test_who_has_left_is_told_nothing_and_its_place_is_free() -> None:
    async def course(desk: Desk) -> None:
        told: list[Answer] = []
        requests = [desk.passwords.ask(Check(SLOW, "x"), told.append) for _ in range(4)]
        await until("two run", lambda: len(desk.running()) == 2)
        for request in requests:
            desk.passwords.forget(request)
        assert await desk.ask(Check(QUICK, "never typed")) == Checked(right=True)
        assert told == []

    at_a_desk(course)


def test_a_master_that_is_killed_meanwhile_leaves_nothing() -> None:
    master = subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "password_desk.py")],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                str(ROOT / part) for part in ("supervisor", "workers", "tests")
            ),
        },
    )
    children = Path(f"/proc/{master.pid}/task/{master.pid}/children")
    (pid,) = eventually("a check", lambda: children.read_text().split())
    eventually("its title", lambda: title(int(pid)) == TITLE)
    master.kill()
    master.wait(PATIENCE)
    assert title(int(pid)) == TITLE, "it was to be in the middle of it"
    eventually("it is gone", lambda: title(int(pid)) == "")
