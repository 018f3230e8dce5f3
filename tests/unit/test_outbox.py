"""The outbox, one thing at a time."""

import errno
import mmap
import os
from pathlib import Path
from typing import Any, cast

import pytest

from chatd_supervisor import outbox as outbox_module
from chatd_supervisor import segments, spills
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
        self.outbox.roll(outputs, self.ledger)

    def roll_without_spills(self) -> None:
        """Roll as if all others had spilled so much already that it is nobody's turn."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(outbox_module, "SPILLED_BYTES", 0)
            self.roll()

    def cut(self, session: int, kept: bytes) -> None:
        """Forget the queue of a session but for the ``kept`` rest of a line, in a tick."""
        self.outputs[session].cut()
        self.tick += 1
        self.outbox.replace(self.tick, session, len(self.wires[session].heard), kept)

    def again(self) -> None:
        """Another master comes."""
        recovered = self.recover()
        self.outbox = recovered.outbox
        for number, wire in self.wires.items():
            self.outputs[number] = output(number, wire, recovered.rest(number, len(wire.heard)))
        self.everybody = Route(list(self.outputs.values()))
        self.alone = {number: Route([one]) for number, one in self.outputs.items()}

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


def test_one_who_is_slow_keeps_no_segment(master: Master) -> None:
    master.wires[1].room = master.wires[2].room = 1 << 20
    master.wires[3].room = 2
    heard = b""
    for number in range(2, 9):
        master.say(b"line %d\n" % number)
        heard += b"line %d\n" % number
        master.roll()
        assert segments.found(master.directory) == [number]
        assert spills.found(master.directory) == [3]
        assert master.ledger.place(3) == master.ledger.place(1) == master.outbox.place
    assert master.wires[3].heard == b"li"
    master.say(b"and more\n")
    assert master.rest() == {1: b"", 2: b"", 3: heard[2:] + b"and more\n"}


def test_one_who_has_caught_up_or_is_gone_has_no_spill(master: Master) -> None:
    master.say(b"hello")
    master.roll()
    assert sorted(spills.found(master.directory)) == [1, 2, 3]
    master.wires[2].room = 100
    master.outputs[2].drain()
    master.ledger.leave(3)
    del master.outputs[3], master.wires[3]
    master.roll()
    assert spills.found(master.directory) == [1]
    assert master.rest() == {1: b"hello", 2: b""}


def test_what_is_spilled_is_not_read_before_it_is_sent(master: Master) -> None:
    master.say(b"hello")
    master.roll()
    (spilled,) = master.recover().rest(1, 2)
    assert bytes(spilled) == b"llo"
    assert isinstance(spilled.obj, mmap.mmap)


def test_the_next_master_goes_on_with_a_spill(master: Master) -> None:
    master.say(b"hello")
    master.roll()
    before = spills.path_of(master.directory, 3).stat()
    master.again()
    master.say(b" again")
    master.roll()
    after = spills.path_of(master.directory, 3).stat()
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size + len(" again"))
    assert master.rest() == dict.fromkeys(master.wires, b"hello again")


def test_a_spill_is_begun_anew_when_it_is_mostly_history(
    master: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spills, "HISTORY", 4)
    sizes = []
    for room in (0, 2, 4, 2):
        master.wires[1].room = room
        master.outputs[1].drain()
        master.say(b"hello")
        master.roll()
        sizes.append(spills.path_of(master.directory, 1).stat().st_size - spills.HEADER.size)
    # By the third time, 6 of the 10 bytes that it had were history.
    assert sizes == [5, 10, 15 - 6, 20 - 6]
    assert master.rest()[1] == (b"hello" * 4)[8:]


def test_a_spill_is_begun_anew_when_a_queue_was_cut(master: Master) -> None:
    master.wires[1].room = 2
    master.say(b"hello\nand much more\n")
    master.roll()
    master.cut(1, b"llo\n")
    # As long as what was cut.
    master.say(b"--- goodbye!\n", master.alone[1])
    assert master.outputs[1].queued == len(b"llo\nand much more\n") - 1
    master.say(b"x", master.alone[1])
    master.roll()
    assert master.rest()[1] == b"llo\n--- goodbye!\nx"


def test_a_queue_that_was_cut_is_not_looked_for_in_the_spill(master: Master) -> None:
    master.wires[1].room = 2
    master.say(b"hello\nand much more\n")
    master.roll()
    master.cut(1, b"llo\n")
    master.again()
    assert b"".join(master.outputs[1].queue) == b"llo\n"
    master.say(b"--- goodbye!\n", master.alone[1])
    master.roll()
    assert master.rest()[1] == b"llo\n--- goodbye!\n"


def test_queues_are_spilled_a_few_at_a_time(
    master: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "SPILLED_BYTES", 1)
    master.say(b"hello")
    # Who has had his turn has no more to spill the next time.
    for places in ([2, 1, 1], [2, 3, 1], [2, 3, 4], [5, 5, 5]):
        master.roll()
        assert [master.ledger.place(session).segment for session in (1, 2, 3)] == places
        assert segments.found(master.directory) == list(
            range(min(places), master.outbox.place.segment + 1)
        )
    assert master.rest() == dict.fromkeys(master.wires, b"hello")


@pytest.mark.parametrize("what", ["missing", "short", "empty", "changed", "of another"])
def test_a_spill_that_is_no_good_is_named(master: Master, what: str) -> None:
    master.say(b"hello")
    master.roll()
    master.say(b" again")
    path = spills.path_of(master.directory, 3)
    content = path.read_bytes()
    path.unlink()
    if what != "missing":
        of_another = spills.path_of(master.directory, 2).read_bytes()
        path.write_bytes(
            {
                "short": content[:-1],
                "empty": b"",
                "changed": b"x" + content[1:],
                "of another": of_another,
            }[what]
        )
    recovered = master.recover()
    assert b"".join(recovered.rest(1, 0)) == b"hello again"
    with pytest.raises(LostOutput, match=r"session 3: 0 .* to 5, is not in .*/spill\.3$"):
        recovered.rest(3, 0)
    assert recovered.rest(3, 5) == [b" again"]


def test_a_spill_that_was_only_begun_is_removed(master: Master) -> None:
    begun = master.directory / "spill.7.new"
    begun.write_bytes(b"chat")
    other = master.directory / "spill.txt"
    other.write_bytes(b"not ours")
    master.recover()
    assert not begun.exists()
    assert other.exists()


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
    master.outbox.roll([], master.ledger)
    assert segments.found(master.directory) == [2]


def test_who_is_left_out_keeps_the_segments(master: Master) -> None:
    master.outbox.roll([], master.ledger)
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


@pytest.mark.parametrize("spilled", [False, True])
def test_no_room_for_spills(
    master: Master, monkeypatch: pytest.MonkeyPatch, *, spilled: bool
) -> None:
    if spilled:
        master.roll()
    master.say(b"hello")
    last = master.outbox.place.segment
    with monkeypatch.context() as full:

        def no_room(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        full.setattr(spills, "write_all", no_room)
        master.roll()
    assert segments.found(master.directory) == [last, last + 1]
    assert spills.found(master.directory) == []
    master.again()
    master.roll()
    assert segments.found(master.directory) == [last + 3]
    assert master.rest() == dict.fromkeys(master.wires, b"hello")


def test_a_place_behind_a_replacement_is_not_affected_by_it(master: Master) -> None:
    master.say(b"hello")
    master.outbox.replace(master.tick, 1, 0, b"lo")
    master.ledger.rebase([(1, master.outbox.place, 2)])
    master.wires[1].heard = b"lo"
    master.say(b" again")
    assert master.rest() == {1: b" again", 2: b"hello again", 3: b"hello again"}


@pytest.mark.parametrize(
    ("written", "complaint"),
    [(4, "4 bytes .* after them, to 5, is not in .*/spill.1$"), (11, "11 bytes .* after 5 to 10$")],
)
def test_counts_that_do_not_fit(master: Master, written: int, complaint: str) -> None:
    for wire in master.wires.values():
        wire.room = 5
    master.say(b"hello")
    master.roll()
    master.say(b"again")
    recovered = master.recover()
    assert recovered.rest(1, 5) == [b"again"]
    assert recovered.rest(1, 10) == []
    with pytest.raises(LostOutput, match=f"session 1: {complaint}"):
        recovered.rest(1, written)


def test_a_session_of_which_nothing_is_known(master: Master) -> None:
    with pytest.raises(LostOutput, match="session 9: it is not in the ledger"):
        master.recover().rest(9, 0)


def test_a_missing_segment_is_named_to_those_who_need_it(master: Master) -> None:
    master.wires[1].room = master.wires[2].room = 100
    for _ in range(3):
        master.say(b"hello")
        master.roll_without_spills()
    assert segments.found(master.directory) == [1, 2, 3, 4]
    segments.path_of(master.directory, 2).unlink()
    master.say(b"again")
    recovered = master.recover()
    assert recovered.rest(1, 15) == [b"again"]
    with pytest.raises(LostOutput, match=r"session 3: .* in .*/outbox\.2"):
        recovered.rest(3, 0)


def test_all_segments_are_missing(master: Master) -> None:
    master.say(b"hello")
    master.roll_without_spills()
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
    master.roll_without_spills()
    os.truncate(first, first.stat().st_size - 10)
    with pytest.raises(OutboxError, match=r"/outbox\.1 is cut short"):
        master.recover()


def test_nobody_else_may_read_it(master: Master) -> None:
    assert master.file.stat().st_mode & 0o777 == 0o600


def test_discarded_is_gone(master: Master) -> None:
    master.say(b"hello")
    master.roll_without_spills()
    master.roll()
    master.outbox.discard()
    assert sorted(path.name for path in master.directory.iterdir()) == ["ledger"]
