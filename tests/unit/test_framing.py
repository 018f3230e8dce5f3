"""Framing: the same lines, however the bytes arrive in pieces."""

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from chatd_workers.framing import frame
from chatd_workers.reports import MAX_COMMANDS, MAX_USED

LIMIT = 64


@dataclass
class Stream:
    """A worker's reading, in small: bytes arrive, are peeked, framed, and taken."""

    limit: int = LIMIT
    most: int = MAX_COMMANDS
    unread: bytes = b""
    discarding: bool = False
    nul_ends: bool = True
    lines: list[bytes] = field(default_factory=list)

    def arrive(self, data: bytes, *, final: bool = False) -> None:
        self.unread += data
        while True:
            window = self.unread[:MAX_USED]
            framed = frame(
                window,
                limit=self.limit,
                discarding=self.discarding,
                final=final and len(window) < MAX_USED,
                most=self.most,
                nul_ends=self.nul_ends,
            )
            assert 0 <= framed.used <= len(window)
            self.lines += framed.lines
            self.unread = self.unread[framed.used :]
            if not framed.used:
                return
            self.discarding = framed.discarding


def whole(data: bytes) -> list[bytes]:
    stream = Stream()
    stream.arrive(data)
    stream.arrive(b"", final=True)
    return stream.lines


def plainly(data: bytes, limit: int, *, nul_ends: bool = True) -> list[bytes]:
    """The definition, for bytes that are all there."""
    lines = (data.replace(b"\0", b"\n") if nul_ends else data).split(b"\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix(b"\r")[: limit + 1] for line in lines]


streams = st.lists(
    st.one_of(
        st.binary(max_size=12),
        st.sampled_from([b"\n", b"\r\n", b"\0", b"\r", b"\n\0", b"alice : hi\0"]),
        st.integers(LIMIT - 2, LIMIT + 3).map(lambda size: b"x" * size),
    ),
    max_size=30,
).map(b"".join)


@given(streams)
@example(b"x" * LIMIT + b"\r\n")
@example(b"x" * (LIMIT + 1) + b"\r\n")
@example(b"x" * (LIMIT + 1) + b"\r")
def test_framing_is_what_the_definition_says(data: bytes) -> None:
    assert whole(data) == plainly(data, LIMIT)


@given(streams, st.lists(st.integers(0, 2000)), st.integers(1, 5))
def test_any_split_gives_the_same_lines(data: bytes, cuts: list[int], most: int) -> None:
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    stream = Stream(most=most)
    for start, end in pairwise(places):
        stream.arrive(data[start:end])
    stream.arrive(b"", final=True)
    assert stream.lines == whole(data)


@given(streams)
def test_byte_by_byte_gives_the_same_lines(data: bytes) -> None:
    stream = Stream()
    for index in range(len(data)):
        stream.arrive(data[index : index + 1])
    stream.arrive(b"", final=True)
    assert stream.lines == whole(data)


@given(streams, st.integers(0, 2000))
def test_a_successor_frames_on_from_the_commit_point(data: bytes, cut: int) -> None:
    first = Stream()
    first.arrive(data[:cut])
    successor = Stream(unread=first.unread, discarding=first.discarding, lines=first.lines)
    successor.arrive(data[cut:])
    successor.arrive(b"", final=True)
    assert successor.lines == whole(data)


@given(streams, st.lists(st.integers(0, 2000)))
def test_where_a_nul_ends_no_line_it_belongs_to_it(data: bytes, cuts: list[int]) -> None:
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    stream = Stream(nul_ends=False)
    for start, end in pairwise(places):
        stream.arrive(data[start:end])
    stream.arrive(b"", final=True)
    assert stream.lines == plainly(data, LIMIT, nul_ends=False)


def test_an_incomplete_line_waits() -> None:
    assert frame(b"hello", limit=LIMIT).used == 0
    assert frame(b"", limit=LIMIT).used == 0


def test_a_line_that_never_ends_is_told_once_and_dropped_as_it_comes() -> None:
    stream = Stream(limit=8192)
    for _ in range(100):
        stream.arrive(b"x" * 1000)
        assert len(stream.unread) <= 8193
    stream.arrive(b"\nhello\n")
    assert stream.lines == [b"x" * 8193, b"hello"]


def test_ten_thousand_newlines_are_ten_thousand_empty_lines() -> None:
    assert whole(b"\n" * 10_000) == [b""] * 10_000


def test_at_most_max_commands_lines_come_at_once() -> None:
    framed = frame(b"a\n" * (MAX_COMMANDS + 5), limit=LIMIT)
    assert len(framed.lines) == MAX_COMMANDS
    assert framed.used == 2 * MAX_COMMANDS
