"""The ledger: rows that are there for whoever comes next."""

import errno
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chatd_supervisor import ledger as ledger_module
from chatd_supervisor.ledger import GROWTH, ROW_SIZE, Ledger, LedgerError, Place, Row

TOKEN = bytes(range(8))
PLACE = Place(3, 4000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def test_what_was_entered_is_read_by_the_next(path: Path) -> None:
    ledger = Ledger(path)
    ledger.enter(7, TOKEN, PLACE)
    ledger.enter(1 << 40, TOKEN, Place(1, 16))
    ledger.employ(7, TOKEN[::-1], 4711, channel=1 << 60)
    rows = {
        7: Row(TOKEN[::-1], 4711, PLACE, 0, channel=1 << 60),
        1 << 40: Row(TOKEN, 0, Place(1, 16), 0),
    }
    assert ledger.rows() == Ledger.read(path) == rows
    # As if it were killed: nothing is closed.
    assert Ledger(path).rows() == rows
    assert Ledger(path).rows() == rows


def test_nobody_else_may_read_it(path: Path) -> None:
    Ledger(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_who_leaves_is_gone_and_the_row_is_used_again(path: Path) -> None:
    ledger = Ledger(path)
    for session in range(GROWTH):
        ledger.enter(session, TOKEN, PLACE)
    size = path.stat().st_size
    ledger.leave(5)
    ledger.leave(5)
    assert 5 not in Ledger.read(path)
    ledger.enter(GROWTH, TOKEN, PLACE)
    assert path.stat().st_size == size
    ledger.enter(GROWTH + 1, TOKEN, PLACE)
    assert path.stat().st_size == size + GROWTH * ROW_SIZE
    assert set(Ledger.read(path)) == set(range(GROWTH + 2)) - {5}
    # Rows that were free are so for the next one, too.
    again = Ledger(path)
    for session in range(2 * GROWTH, 3 * GROWTH - 1):
        again.enter(session, TOKEN, PLACE)
    assert path.stat().st_size == size + GROWTH * ROW_SIZE


def test_no_row_lies_across_two_pages() -> None:
    assert os.sysconf("SC_PAGE_SIZE") % ROW_SIZE == 0
    assert ledger_module._ROW.size <= ROW_SIZE


def test_many_are_based_elsewhere_in_one_write(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(path)
    for session in range(3000):
        ledger.enter(session, TOKEN, PLACE)
    for session in range(0, 3000, 7):
        ledger.leave(session)
    writes = []
    pwrite = os.pwrite

    def spy(fd: int, data: bytes, position: int) -> int:
        writes.append(len(data))
        return pwrite(fd, data, position)

    monkeypatch.setattr(os, "pwrite", spy)
    others = [session for session in range(1000, 2000) if session % 7]
    ledger.rebase((session, Place(9, 16), session * 10) for session in others)
    assert len(writes) == 1
    assert ledger.oldest() == 3
    assert ledger.place(1002) == Place(9, 16)
    assert ledger.place(1) == PLACE
    rows = Ledger.read(path)
    assert rows == ledger.rows()
    assert len(rows) == sum(1 for session in range(3000) if session % 7)
    for session, row in rows.items():
        if session in others:
            assert row == Row(TOKEN, 0, Place(9, 16), session * 10)
        else:
            assert row == Row(TOKEN, 0, PLACE, 0)


def test_the_oldest_segment_that_anybody_needs(path: Path) -> None:
    ledger = Ledger(path)
    assert ledger.oldest() is None
    ledger.enter(1, TOKEN, Place(5, 16))
    ledger.enter(2, TOKEN, Place(4, 16))
    assert ledger.oldest() == 4
    ledger.leave(2)
    assert ledger.oldest() == 5
    ledger.leave(1)
    assert ledger.oldest() is None


def test_no_room_for_a_row(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(path)
    with monkeypatch.context() as full:

        def no_room(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        full.setattr(os, "posix_fallocate", no_room)
        with pytest.raises(OSError, match="No space"):
            ledger.enter(1, TOKEN, PLACE)
        assert ledger.rows() == Ledger.read(path) == {}
    ledger.enter(1, TOKEN, PLACE)
    assert set(Ledger.read(path)) == {1}


def test_what_could_not_be_written_is_not_said_either(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(path)
    ledger.enter(1, TOKEN, PLACE)
    before = ledger.rows()
    with monkeypatch.context() as broken:

        def fails(*_: object) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        broken.setattr(os, "pwrite", fails)
        with pytest.raises(OSError, match="output error"):
            ledger.enter(2, TOKEN, PLACE)
        with pytest.raises(OSError, match="output error"):
            ledger.rebase([(1, Place(9, 16), 5)])
        assert ledger.rows() == before
    ledger.enter(3, TOKEN, PLACE)
    assert Ledger.read(path) == ledger.rows() == before | {3: Row(TOKEN, 0, PLACE, 0)}


def test_there_is_none(path: Path) -> None:
    assert Ledger.read(path) == {}
    assert not path.exists()


def test_killed_before_it_had_a_header(path: Path) -> None:
    path.touch()
    assert Ledger.read(path) == {}
    ledger = Ledger(path)
    ledger.enter(1, TOKEN, PLACE)
    assert set(Ledger.read(path)) == {1}


def test_killed_while_it_grew(path: Path) -> None:
    ledger = Ledger(path)
    ledger.enter(1, TOKEN, PLACE)
    with path.open("ab") as file:
        file.write(bytes(100))
    again = Ledger(path)
    for session in range(2, 2 * GROWTH):
        again.enter(session, TOKEN, PLACE)
    assert set(Ledger.read(path)) == set(range(1, 2 * GROWTH))


def test_no_connection_outlives_the_machine(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Ledger(path).enter(1, TOKEN, PLACE)
    other = path.with_name("boot_id")
    other.write_text("0a1b2c3d-0000-4000-8000-000000000000\n")
    with monkeypatch.context() as rebooted:
        rebooted.setattr(ledger_module, "BOOT_ID", other)
        assert Ledger.read(path) == {}
        ledger = Ledger(path)
        assert ledger.rows() == {}
        ledger.enter(2, TOKEN, PLACE)
        assert set(Ledger.read(path)) == {2}


@pytest.mark.parametrize(
    ("position", "data", "what"),
    [
        (0, b"CHATDLDG", "is not a ledger"),
        (8, b"\x07", r"another version of chatd \(7, this one writes 3\)"),
        (64, b"\x02", "is damaged at byte 64"),
        # Session 1 for the second time.
        (128 + 24, b"\x01", "is damaged at byte 128"),
        (192 + 24, b"\x01", "is damaged at byte 192"),
    ],
)
def test_a_damaged_file_is_named(path: Path, position: int, data: bytes, what: str) -> None:
    ledger = Ledger(path)
    ledger.enter(1, TOKEN, PLACE)
    ledger.enter(2, TOKEN, PLACE)
    content = path.read_bytes()
    path.write_bytes(content[:position] + data + content[position + len(data) :])
    for use in (Ledger.read, Ledger):
        with pytest.raises(LedgerError, match=what) as raised:
            use(path)
        assert str(path) in str(raised.value)


def test_something_else_is_not_overwritten(path: Path) -> None:
    path.write_text("a letter")
    with pytest.raises(LedgerError, match="is not a ledger"):
        Ledger(path)
    assert path.read_text() == "a letter"


def test_discarded_is_gone(path: Path) -> None:
    ledger = Ledger(path)
    ledger.discard()
    assert not path.exists()


class Ledgers(RuleBasedStateMachine):
    """One ledger after another on a file, and what it should say."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.path = self.directory / "ledger"
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(ledger_module, "GROWTH", 4)
        self.ledger = Ledger(self.path)
        self.rows: dict[int, Row] = {}

    @rule(session=st.integers(0, 30), place=st.builds(Place, st.integers(0, 9), st.integers(0, 99)))
    def enter(self, session: int, place: Place) -> None:
        if session not in self.rows:
            self.ledger.enter(session, TOKEN, place)
            self.rows[session] = Row(TOKEN, 0, place, 0)

    @precondition(lambda self: self.rows)
    @rule(
        data=st.data(),
        pid=st.integers(0, 1 << 22),
        token=st.binary(min_size=8, max_size=8),
        started=st.integers(0, (1 << 32) - 1),
        channel=st.integers(0, (1 << 64) - 1),
    )
    def employ(
        self, data: st.DataObject, pid: int, token: bytes, started: int, channel: int
    ) -> None:
        session = data.draw(st.sampled_from(sorted(self.rows)))
        self.ledger.employ(session, token, pid, started, channel)
        self.rows[session] = self.rows[session]._replace(
            token=token, pid=pid, started=started, channel=channel
        )

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), written=st.integers(0, 1 << 50))
    def rebase(self, data: st.DataObject, written: int) -> None:
        some = data.draw(st.sets(st.sampled_from(sorted(self.rows))))
        self.ledger.rebase((session, Place(7, session), written) for session in some)
        for session in some:
            self.rows[session] = self.rows[session]._replace(
                place=Place(7, session), written=written
            )

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        session = data.draw(st.sampled_from(sorted(self.rows)))
        self.ledger.leave(session)
        del self.rows[session]

    @rule()
    def open_again(self) -> None:
        self.ledger.close()
        self.ledger = Ledger(self.path)

    @invariant()
    def it_says_what_it_should(self) -> None:
        assert self.ledger.rows() == Ledger.read(self.path) == self.rows
        segments = [row.place.segment for row in self.rows.values()]
        assert self.ledger.oldest() == min(segments, default=None)

    def teardown(self) -> None:
        self.ledger.close()
        self.patch.undo()
        shutil.rmtree(self.directory)


Ledgers.TestCase.settings = settings(deadline=None)
TestLedgers = Ledgers.TestCase
