"""Masks: what they match, and that no mask takes long."""

import time
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd_workers.dialects.irc.masks import is_mask, matcher, normalize
from chatd_workers.names import fold


@pytest.mark.parametrize(
    ("mask", "whole"),
    [
        ("alice", "alice!*@*"),
        ("alice!al", "alice!al@*"),
        ("al@host", "*!al@host"),
        ("@host", "*!*@host"),
        ("alice@", "*!alice@*"),
        ("!al@", "*!al@*"),
        ("a!b@c", "a!b@c"),
        ("a!b!c@d@e", "a!b!c@d@e"),
        ("**", "*!*@*"),
        ("", "*!*@*"),
        ("a***b", "a*b!*@*"),
    ],
)
def test_a_ban_mask_is_completed(mask: str, whole: str) -> None:
    assert normalize(mask) == whole


@given(st.text("a*?!@#", max_size=12))
def test_a_completed_mask_is_complete(mask: str) -> None:
    assert normalize(normalize(mask)) == normalize(mask)


@pytest.mark.parametrize(
    ("mask", "text", "expected"),
    [
        ("bar!*@*", "Bar!user@host", True),
        ("BAR!*@*", "bar!user@host", True),
        ("bar!*@*", "barney!user@host", False),
        ("STRASSE!*@*", "straße!u@h", True),
        ("*an1", "#chan1", True),
        ("#c?an1", "#chan1", True),
        ("#c?an1", "#can1", False),
        ("a.c", "abc", False),
        ("*", "", True),
        ("?", "", False),
        ("", "", True),
        ("*\n", "a\n", True),
        ("*!*@*.example.org", "a!b@x.example.org", True),
        ("[a]*", "[a]lice", True),
        ("\uff0a", "a", False),
    ],
)
def test_masks(mask: str, text: str, expected: bool) -> None:
    assert matcher(mask)(text) is expected


@given(st.text("abA*?", max_size=10), st.text("abA", max_size=12))
def test_masks_match_what_globs_match(mask: str, text: str) -> None:
    assert matcher(mask)(text) is fnmatchcase(fold(text), fold(mask))


@given(st.text(), st.text())
def test_no_mask_fails(mask: str, text: str) -> None:
    matcher(mask)(text)


@pytest.mark.parametrize(
    "mask", ["*a" * 250 + "*b", "*?a" * 160 + "*b", "a*" * 250 + "b", "*" * 500]
)
def test_no_mask_takes_long(mask: str) -> None:
    match = matcher(mask)
    begun = time.process_time()
    match("a" * 500)
    match("a" * 500 + "b")
    assert time.process_time() - begun < 0.1


def test_masks_are_told_from_names() -> None:
    assert is_mask("a*")
    assert is_mask("a?")
    assert not is_mask("alice")
