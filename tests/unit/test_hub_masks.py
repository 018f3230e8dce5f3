"""Masks in the lists of rooms: whom they mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd_supervisor.hub.masks import MAX_MASK, means, read_mask
from chatd_workers.events import Source

ALICE = Source("Alice", "al", "192.0.2.1", "acc")
NOBODY = Source("Alice", "al", "192.0.2.1")


@pytest.mark.parametrize(
    ("masks", "source", "meant"),
    [
        ([], ALICE, False),
        (["alice!*@*"], ALICE, True),
        (["*!*@192.0.2.*"], ALICE, True),
        (["bob!*@*", "?LICE!a?@*"], ALICE, True),
        (["bob!*@*"], ALICE, False),
        (["$a"], ALICE, True),
        (["$a"], NOBODY, False),
        (["$a:ACC"], ALICE, True),
        (["$a:a*"], ALICE, True),
        (["$a:other"], ALICE, False),
        (["$a:*"], NOBODY, False),
        (["$a:Alice"], NOBODY, False),
    ],
)
def test_whom_masks_mean(masks: list[str], source: Source, *, meant: bool) -> None:
    assert means(masks, source) == meant


@pytest.mark.parametrize(
    ("typed", "mask"),
    [
        ("alice", "alice!*@*"),
        ("a!b", "a!b@*"),
        ("b@c", "*!b@c"),
        ("***", "*!*@*"),
        ("$a", "$a"),
        ("$A:", "$a"),
        ("$a:x", "$a:x"),
        ("$b:x", None),
        ("$", None),
        ("", None),
        ("a b", None),
        (":a", None),
        ("a\x02", None),
        ("x" * (MAX_MASK - 3), None),
        ("é" * 80, None),
    ],
)
def test_what_can_be_a_mask(typed: str, mask: str | None) -> None:
    assert read_mask(typed) == mask


@given(st.text())
def test_a_mask_is_one_word_within_bounds_and_read_as_itself(typed: str) -> None:
    mask = read_mask(typed)
    if mask is not None:
        assert " " not in mask
        assert len(mask.encode()) <= MAX_MASK
        assert read_mask(mask) == mask
        means([mask], ALICE)
