"""One of something is not many."""

import pytest

from chatd_supervisor.amounts import amount


@pytest.mark.parametrize(
    ("count", "noun", "words"),
    [
        (0, "room", "0 rooms"),
        (1, "room", "1 room"),
        (2, "day", "2 days"),
        (1, "entry", "1 entry"),
        (3, "entry", "3 entries"),
    ],
)
def test_the_words(count: int, noun: str, words: str) -> None:
    assert amount(count, noun) == words
