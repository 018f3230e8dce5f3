"""What does not decode is refused by one of a few exceptions, whatever the bytes are."""

import contextlib
import random

import pytest

from chatd_workers.reports import MALFORMED, decode_offer, decode_record
from fuzz.lines import corpus
from fuzz.records import Forger


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"\xff",
        b"\x92\x05\xa2\xff\xfe",  # a trace that is not UTF-8
        b"\x92\x04" + b"\x91" * 100_000,  # arrays in arrays, where nothing is looked for
        b"\x95\x01\x01\xc2\xc4\x00\xdd\xff\xff\xff\xff",  # 4 G of commands
        b"\x95\x01\x01\xc2\xc6\xff\xff\xff\xff",  # 4 GB of a line's beginning
    ],
)
def test_no_record(record: bytes) -> None:
    for decode in (decode_record, decode_offer):
        with pytest.raises(MALFORMED):
            decode(record)


def test_broken_records_raise_nothing_else(pytestconfig: pytest.Config) -> None:
    dice = random.Random(pytestconfig.getoption("--seed"))
    forger = Forger(dice, corpus())
    for _ in range(3000):
        with contextlib.suppress(*MALFORMED):
            decode_record(forger.broken(dice.randrange(1, 64)))
