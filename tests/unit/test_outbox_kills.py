"""The outbox: whenever the master is killed, what each client has still to be sent is known."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from chatd_supervisor import outbox as outbox_module
from chatd_supervisor import segments, spills
from chatd_supervisor.egress import Egress, Output, Route, Run
from chatd_supervisor.ledger import Ledger
from chatd_supervisor.outbox import LostOutput, recover
from chatd_supervisor.writing import write_all
from outbox_wires import TOKEN, Wire, count, output, unwritten

FATES = [*3 * ["committed"], "retracted", "killed", "killed after"]


class Killed(Exception):
    """The master was killed here."""


class Masters(RuleBasedStateMachine):
    """Masters that are killed at any point, one after another, and one set of clients."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.tick = 0
        self.last = 0
        self.wires: dict[int, Wire] = {}
        # What each client is to be sent, by what was committed.
        self.streams: dict[int, bytes] = {}
        self.outputs: dict[int, Output] = {}
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(outbox_module, "written", count)

    @initialize(
        spilled=st.sampled_from([0, 30, 1 << 20]),
        history=st.sampled_from([0, 30, 1 << 20]),
        buffers=st.sampled_from([1, 4, 1024]),
    )
    def start(self, spilled: int, history: int, buffers: int) -> None:
        self.patch.setattr(outbox_module, "SPILLED_BYTES", spilled)
        self.patch.setattr(spills, "HISTORY", history)
        self.patch.setattr(outbox_module, "_BUFFERS", buffers)
        self.routes: list[Route] = []
        self.begin()
        for _ in range(3):
            self.enter()

    def begin(self) -> None:
        """A master starts, whoever has been there before."""
        self.ledger = Ledger(self.directory / "ledger")
        recovered = recover(self.directory, self.tick, self.ledger.rows())
        self.outbox = recovered.outbox
        self.egress = Egress(unwritten)
        assert set(self.ledger.rows()) == set(self.wires)
        self.outputs = {}
        for session, wire in self.wires.items():
            rest = recovered.rest(session, len(wire.heard))
            assert wire.heard + b"".join(rest) == self.streams[session]
            self.outputs[session] = output(session, wire, rest)
            with pytest.raises(LostOutput):
                recovered.rest(session, len(self.streams[session]) + 1)
        self.assemble()

    def die(self) -> None:
        self.ledger.close()
        self.outbox.close()

    def assemble(self) -> None:
        """Somebody has come or gone, or the master has: there are other audiences."""
        sessions = sorted(self.wires)
        some = [sessions, sessions[::2], sessions[1::2], *([session] for session in sessions)]
        self.routes = [Route([self.outputs[session] for session in one]) for one in some if one]

    @rule()
    def enter(self) -> None:
        self.last += 1
        self.wires[self.last] = wire = Wire()
        self.streams[self.last] = b""
        self.ledger.enter(self.last, TOKEN, self.outbox.place)
        self.outputs[self.last] = output(self.last, wire)
        self.assemble()

    @precondition(lambda self: len(self.wires) > 3)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        session = data.draw(st.sampled_from(sorted(self.wires)))
        for of in (self.wires, self.streams, self.outputs):
            del of[session]
        self.ledger.leave(session)
        self.assemble()

    def runs(self, data: st.DataObject) -> list[Run]:
        said = data.draw(
            st.lists(
                st.tuples(st.binary(min_size=1, max_size=20), st.sampled_from(self.routes)),
                min_size=1,
                max_size=6,
            )
        )
        return [Run(*one) for one in said]

    @rule(
        data=st.data(),
        fate=st.sampled_from(
            ["committed", "retracted", "committed", "committed", "killed", "killed after"]
        ),
    )
    def say(self, data: st.DataObject, fate: str) -> None:
        """A tick, which may fail to be committed, or in the midst of which the master is killed."""
        for session in data.draw(st.sets(st.sampled_from(sorted(self.wires)))):
            self.wires[session].room += data.draw(st.integers(1, 50))
        runs = self.runs(data)
        before = self.outbox.place
        self.outbox.append(self.tick + 1, runs)
        if fate == "retracted":
            self.outbox.retract(before)
            return
        if fate == "killed":
            self.die()
            if data.draw(st.booleans()):
                # A part of it had not been written.
                keep = data.draw(st.integers(before.position, self.outbox.place.position))
                os.truncate(segments.path_of(self.directory, before.segment), keep)
            self.begin()
            return
        self.tick += 1
        for bytes_, route in runs:
            for session in route.sessions:
                self.streams[session] += bytes_
        if fate == "killed after":
            # Some have been written already.
            done = data.draw(st.integers(0, len(runs)))
            self.egress.write(runs[:done])
            self.die()
            self.begin()
        else:
            self.egress.write(runs)

    @rule(data=st.data(), at=st.integers(0, 200))
    def full_disk(self, data: st.DataObject, at: int) -> None:
        """The file system is full after some bytes; what is appended is tried again later."""
        left = at

        def write(real: Callable[[int, Any, int], int], fd: int, what: bytes, position: int) -> int:
            nonlocal left
            if not left:
                raise OSError(errno.ENOSPC, "")
            taken = what[:left]
            left -= len(taken)
            return real(fd, taken, position)

        pwrite = os.pwrite
        place = self.outbox.place
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "pwrite", lambda *to: write(pwrite, *to))
            patch.setattr(os, "pwritev", lambda fd, all_, at: write(pwrite, fd, b"".join(all_), at))
            runs = self.runs(data)
            try:
                self.outbox.append(self.tick + 1, runs)
            except OSError:
                assert self.outbox.place == place
            else:
                self.outbox.retract(place)
        path = segments.path_of(self.directory, place.segment)
        assert path.stat().st_size == place.position

    @rule(data=st.data())
    def cut(self, data: st.DataObject) -> None:
        """What is queued for one is forgotten but for some."""
        session = data.draw(st.sampled_from(sorted(self.wires)))
        output = self.outputs[session]
        wire = self.wires[session]
        kept = b"".join(output.queue)[: data.draw(st.integers(0, 20))]
        if output.queue:
            self.tick += 1
            self.outbox.replace(self.tick, session, len(wire.heard), kept)
            self.streams[session] = wire.heard + kept
            output.queue.clear()
            output.queue.append(kept)
            output.queued = len(kept)
            if not kept:
                output.queue.clear()
                output.drain()

    @rule(data=st.data())
    def drain(self, data: st.DataObject) -> None:
        session = data.draw(st.sampled_from(sorted(self.wires)))
        self.wires[session].room += data.draw(st.integers(1, 100))
        self.outputs[session].drain()

    @rule(
        fate=st.sampled_from(["", "", "in a spill", "before the ledger", "after the ledger"]),
        missing=st.sets(st.integers(1, 5)),
        torn=st.integers(0, 60),
    )
    def roll(self, fate: str, missing: set[int], torn: int) -> None:
        rebase = self.ledger.rebase

        def killed(bases: Any) -> None:
            if fate == "after the ledger":
                rebase(bases)
            raise Killed

        def killed_writing(fd: int, data: bytes, position: int) -> None:
            write_all(fd, data[:torn], position)
            raise Killed

        if fate == "in a spill":
            self.patch.setattr(spills, "write_all", killed_writing)
        if fate:
            self.ledger.rebase = killed  # type: ignore[method-assign]
        some = [
            (session, cast("Any", self.wires[session]), output)
            for session, output in self.outputs.items()
            if session not in missing
        ]
        with suppress(Killed):
            self.outbox.roll(some, self.ledger)
        self.patch.setattr(spills, "write_all", write_all)
        if fate:
            self.die()
            self.begin()
        else:
            needed = [row.place.segment for row in self.ledger.rows().values()]
            there = segments.found(self.directory)
            last = self.outbox.place.segment
            assert there == list(range(min(needed, default=last), last + 1))
            waiting = {session for session, one in self.outputs.items() if one.queue}
            assert set(spills.found(self.directory)) <= waiting | missing

    @rule()
    def kill(self) -> None:
        self.die()
        self.begin()

    @invariant()
    def what_was_heard_is_the_beginning_of_the_stream(self) -> None:
        for session, wire in self.wires.items():
            assert self.streams[session].startswith(wire.heard)
            queued = b"".join(self.outputs[session].queue)
            assert wire.heard + queued == self.streams[session]

    def teardown(self) -> None:
        self.die()
        self.patch.undo()
        shutil.rmtree(self.directory)


Masters.TestCase.settings = settings(deadline=None)
TestMasters = Masters.TestCase
