"""The outbox, one thing at a time."""

import errno
import os
from pathlib import Path
from typing import Any, cast

import pytest

from chatd_supervisor import outbox as outbox_module
from chatd_supervisor import segments
from chatd_supervisor.egress import Egress, Route, Run
from chatd_supervisor.ledger import Ledger
from chatd_supervisor.outbox import LostOutput, Outbox, OutboxError, Recovered, recover
from outbox_wires import TOKEN, Wire, count, output, unwritten


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "written", count)


class Master:
    """An outbox and a ledger, and clients that take nothing unless told to."""

    def __init__(self, directory: Path, clients: int = 3) -> None:
        self.directory = directory
        self.outbox = Outbox(directory)
        self.ledger = Ledger(directory / "ledger")
        self.egress = Egress(unwritten)
        self.wires = {number: Wire() for number in range(1, clients + 1)}
        self.outputs = {number: output(number, wire) for number, wire in self.wires.items()}
        for number in self.wires:
            self.ledger.enter(number, TOKEN, self.outbox.place)
        self.everybody = Route(list(self.outputs.values()))
        self.alone = {number: Route([one]) for number, one in self.outputs.items()}
        self.tick = 0

    def say(self, data: bytes, route: Route | None = None) -> None:
        self.tick += 1
        runs = [Run(data, route or self.everybody)]
        self.outbox.append(self.tick, runs)
        self.egress.write(runs)

    def roll(self) -> None:
        outputs = [(n, cast("Any", self.wires[n]), one) for n, one in self.outputs.items()]
        self.outbox.roll(outputs, self.ledger, self.tick)

    def recover(self) -> Recovered:
        return recover(self.directory, self.tick, Ledger.read(self.directory / "ledger"))

    def rest(self) -> dict[int, bytes]:
        recovered = self.recover()
        return {n: b"".join(recovered.rest(n, len(w.heard))) for n, w in self.wires.items()}

    @property
    def file(self) -> Path:
        return segments.path_of(self.directory, self.outbox.place.segment)


@pytest.fixture
def master(tmp_path: Path) -> Master:
    return Master(tmp_path)


def test_members_are_written_once_for_each_segment(master: Master) -> None:
    sizes = []
    for _ in range(2):
        for _ in range(3):
            before = master.outbox.place.position
            master.say(b"hello")
            sizes.append(master.outbox.place.position - before)
        for session, one in master.outputs.items():
            master.wires[session].room = 15
            one.drain()
        master.roll()
    assert sizes[1:3] == sizes[4:6] == [sizes[1]] * 2
    assert sizes[0] == sizes[3] == 2 * sizes[1] - len(b"hello") + 3 * 8
    master.say(b"again")
    assert master.rest() == dict.fromkeys(master.wires, b"again")


def test_what_is_recovered_is_not_copied(master: Master) -> None:
    master.say(b"hello")
    recovered = master.recover()
    one, other = (recovered.rest(session, 1)[0] for session in (1, 2))
    assert bytes(one) == b"ello"
    assert one.obj is other.obj


def test_one_who_is_slow_keeps_segments_for_a_while(
    master: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "KEPT_SEGMENTS", 3)
    master.wires[1].room = master.wires[2].room = 1 << 20
    master.wires[3].room = 2
    heard = b""
    for number in range(2, 9):
        master.say(b"line %d\n" % number)
        heard += b"line %d\n" % number
        master.roll()
        there = segments.found(master.directory)
        # After three he is given his queue anew, in the fifth, and so on.
        assert there == list(range(1 if number < 5 else 5, number + 1))
        assert master.ledger.place(3).segment == there[0]
        assert master.ledger.place(1) == master.outbox.place._replace(position=16)
    assert master.wires[3].heard == b"li"
    assert master.rest() == {1: b"", 2: b"", 3: heard[2:]}


def test_queues_are_given_anew_a_few_at_a_time(
    master: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "KEPT_SEGMENTS", 0)
    monkeypatch.setattr(outbox_module, "REPLACED_BYTES", 1)
    master.say(b"hello")
    for places in ([2, 1, 1], [2, 3, 1], [2, 3, 4], [5, 3, 4]):
        master.roll()
        assert [master.ledger.place(session).segment for session in (1, 2, 3)] == places
    assert master.rest() == dict.fromkeys(master.wires, b"hello")


def test_one_who_is_gone_keeps_nothing(master: Master, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(wire: Wire) -> int:
        if wire is master.wires[2]:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return count(wire)

    monkeypatch.setattr(outbox_module, "written", gone)
    for wire in master.wires.values():
        wire.room = 100
    master.say(b"hello")
    master.roll()
    assert segments.found(master.directory) == [2]


def test_nobody_is_left(master: Master) -> None:
    for session in master.wires:
        master.ledger.leave(session)
    master.outbox.roll([], master.ledger, 0)
    assert segments.found(master.directory) == [2]


def test_who_is_left_out_keeps_the_segments(master: Master) -> None:
    master.outbox.roll([], master.ledger, 0)
    assert segments.found(master.directory) == [1, 2]


@pytest.mark.parametrize(
    ("limits", "appends"),
    [
        # The members, once, and then the runs.
        ({"SEGMENT_BYTES": (32 + 3 * 8) + 18 * (32 + 20)}, 18),
        ({"SEGMENT_DELIVERIES": 30, "DELIVERIES_EACH": 0}, 10),
        ({"SEGMENT_DELIVERIES": 0, "DELIVERIES_EACH": 4}, 4),
    ],
)
def test_a_segment_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int], appends: int
) -> None:
    for name, limit in limits.items():
        monkeypatch.setattr(outbox_module, name, limit)
    master = Master(tmp_path)
    for wire in master.wires.values():
        wire.room = 1 << 20
    master.roll()
    for _ in range(appends - 1):
        assert not master.outbox.is_full
        master.say(b"x" * 20)
    master.say(b"x" * 20)
    assert master.outbox.is_full
    master.roll()
    assert not master.outbox.is_full


def test_members_of_what_could_not_be_appended_are_written_the_next_time(
    master: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:

        def no_room(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        full.setattr(os, "pwritev", no_room)
        with pytest.raises(OSError, match="No space"):
            master.say(b"hello")
    master.say(b"hello again")
    assert master.rest() == dict.fromkeys(master.wires, b"hello again")


def test_members_of_what_was_retracted_are_written_the_next_time(master: Master) -> None:
    before = master.outbox.place
    master.outbox.append(1, [Run(b"hello", master.everybody)])
    master.outbox.retract(before)
    assert master.outbox.place == before
    master.say(b"hello again")
    assert master.rest() == dict.fromkeys(master.wires, b"hello again")


def test_a_segment_that_cannot_be_begun_changes_nothing(
    master: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "SEGMENT_DELIVERIES", 0)
    monkeypatch.setattr(outbox_module, "DELIVERIES_EACH", 1)
    master.outbox._settle(3)
    master.say(b"hello")
    assert master.outbox.is_full
    place = master.outbox.place
    with monkeypatch.context() as full:

        def no_room(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        full.setattr(os, "pwrite", no_room)
        with pytest.raises(OSError, match="No space"):
            master.roll()
    # Not at once: it would be tried with each tick.
    assert not master.outbox.is_full
    assert master.outbox.place == place
    assert segments.found(master.directory) == [1]
    master.say(b" again")
    master.roll()
    assert master.rest() == dict.fromkeys(master.wires, b"hello again")


def test_no_room_for_queues(master: Master, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "KEPT_SEGMENTS", 0)
    master.say(b"hello")
    with monkeypatch.context() as full:

        def no_room(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        full.setattr(os, "pwritev", no_room)
        master.roll()
    assert segments.found(master.directory) == [1, 2]
    assert master.rest() == dict.fromkeys(master.wires, b"hello")


def test_a_place_behind_a_replacement_is_not_affected_by_it(master: Master) -> None:
    master.say(b"hello")
    master.outbox.replace(master.tick, 1, 0, b"lo")
    master.ledger.rebase([(1, master.outbox.place, 2)])
    master.wires[1].heard = b"lo"
    master.say(b" again")
    assert master.rest() == {1: b" again", 2: b"hello again", 3: b"hello again"}


@pytest.mark.parametrize("written", [4, 11])
def test_counts_that_do_not_fit(master: Master, written: int) -> None:
    for wire in master.wires.values():
        wire.room = 5
    master.say(b"hello")
    master.roll()
    master.say(b"again")
    recovered = master.recover()
    assert recovered.rest(1, 5) == [b"again"]
    assert recovered.rest(1, 10) == []
    with pytest.raises(LostOutput, match=rf"session 1: {written} bytes .* after 5 to 10$"):
        recovered.rest(1, written)


def test_a_session_of_which_nothing_is_known(master: Master) -> None:
    with pytest.raises(LostOutput, match="session 9: it is not in the ledger"):
        master.recover().rest(9, 0)


def test_a_missing_segment_is_named_to_those_who_need_it(master: Master) -> None:
    master.wires[1].room = master.wires[2].room = 100
    for _ in range(3):
        master.say(b"hello")
        master.roll()
    assert segments.found(master.directory) == [1, 2, 3, 4]
    segments.path_of(master.directory, 2).unlink()
    master.say(b"again")
    recovered = master.recover()
    assert recovered.rest(1, 15) == [b"again"]
    with pytest.raises(LostOutput, match=r"session 3: .* in .*/outbox\.2"):
        recovered.rest(3, 0)


def test_all_segments_are_missing(master: Master) -> None:
    master.say(b"hello")
    master.roll()
    for segment in segments.found(master.directory):
        segments.path_of(master.directory, segment).unlink()
    recovered = master.recover()
    with pytest.raises(LostOutput, match=r"/outbox\.1"):
        recovered.rest(1, 0)
    # Nobody's place is in a segment that was begun since.
    assert recovered.outbox.place.segment == 2


def test_with_nobody_left_everything_is_removed_unread(master: Master) -> None:
    master.say(b"hello")
    master.roll()
    master.file.write_bytes(b"spoiled")
    recovered = recover(master.directory, 0, {})
    assert segments.found(master.directory) == [recovered.outbox.place.segment]


def test_killed_before_a_segment_had_a_header(master: Master) -> None:
    master.say(b"hello")
    for segment in (2, 3):
        segments.path_of(master.directory, segment).write_bytes(b"chat")
        assert master.rest() == dict.fromkeys(master.wires, b"hello")
        assert segments.found(master.directory) == list(range(1, segment + 1))


@pytest.mark.parametrize("what", ["a queue", "a line that belongs to no tick"])
def test_killed_while_something_was_written_between_two_ticks(master: Master, what: str) -> None:
    master.say(b"hello")
    size = master.file.stat().st_size
    if what == "a queue":
        master.outbox.replace(master.tick, 1, 0, b"lo")
    else:
        master.outbox.append(master.tick, [Run(b"goodbye", master.everybody)])
    torn = master.file.read_bytes()[size:]
    for keep in range(size, master.file.stat().st_size):
        os.truncate(master.file, keep)
        assert master.rest() == dict.fromkeys(master.wires, b"hello")
        assert master.file.stat().st_size == size
        segments.path_of(master.directory, 2).unlink()
        os.truncate(master.file, size)
        with master.file.open("ab") as file:
            file.write(torn)


@pytest.mark.parametrize("bit", range(8))
def test_any_change_to_a_file_is_noticed_and_the_file_named(master: Master, bit: int) -> None:
    master.say(b"hello")
    master.outbox.replace(master.tick, 1, 0, b"lo")
    master.say(b"alone", master.alone[2])
    content = bytearray(master.file.read_bytes())
    assert master.rest() == {1: b"lo", 2: b"helloalone", 3: b"hello"}
    for at in range(len(content)):
        content[at] ^= 1 << bit
        master.file.write_bytes(content)
        content[at] ^= 1 << bit
        with pytest.raises(OutboxError, match=r"/outbox\.1 (has not|was changed)"):
            master.recover()


def test_who_was_sent_what_is_not_there_is_told_apart(master: Master) -> None:
    master.say(b"hello")
    master.say(b"again", master.alone[1])
    master.wires[1].heard = b"helloag"
    os.truncate(master.file, master.file.stat().st_size - 1)
    recovered = master.recover()
    with pytest.raises(LostOutput, match="session 1: 7 bytes were written"):
        recovered.rest(1, 7)
    assert recovered.rest(2, 0) == [b"hello"]


def test_a_file_that_is_not_the_last_lacks_its_end(master: Master) -> None:
    master.say(b"hello")
    first = master.file
    master.roll()
    os.truncate(first, first.stat().st_size - 10)
    with pytest.raises(OutboxError, match=r"/outbox\.1 is cut short"):
        master.recover()


def test_nobody_else_may_read_it(master: Master) -> None:
    assert master.file.stat().st_mode & 0o777 == 0o600


def test_discarded_is_gone(master: Master) -> None:
    master.say(b"hello")
    master.roll()
    assert len(segments.found(master.directory)) == 2
    master.outbox.discard()
    assert segments.found(master.directory) == []
