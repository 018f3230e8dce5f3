"""Over IRC, side by side with ngircd: many lines under way, and one."""

from contextlib import AbstractContextManager
from pathlib import Path

from bench.figures import Row, compared, number
from bench.lines import fresh, measure, median_of, ngircd_subject
from bench.subjects import Load, Subject, chatd, install_ngircd
from irc_harness import IRC_LISTEN

ROOM = 200

SENDERS = 10

CONFIG = f"""
[limits]
message_rate = 0
{IRC_LISTEN}"""
"""Nobody is slowed down, as in ngircd's configuration."""


def irc(directory: Path, quick: bool) -> list[Row]:
    """Ten who pipeline into a room of 200, and one line into it."""
    install_ngircd()
    return [*_pipelined(directory, quick), *_one_in_flight(directory, quick)]


def _pipelined(directory: Path, quick: bool) -> list[Row]:
    rows = []
    for window in (256, 1024):
        load = Load(ROOM, SENDERS, lines=10_000 if quick else 40_000, window=window)
        figures = measure(directory, load, [_chatd, ngircd_subject])
        rate = {
            name: median_of(figures, name, lambda f: f["heard"] / f["seconds"]) for name in figures
        }
        spent = median_of(figures, "chatd", lambda f: f["cpu"] / f["seconds"])
        rows += [
            compared(
                f"IRC, {SENDERS} pipelining into {ROOM}, {window} in flight: deliveries",
                rate["chatd"],
                rate["ngircd"],
                unit="/s",
                other_is="ngircd",
                reach=">= 1.0",
            ),
            Row("... CPUs busy", number(spent)),
        ]
    return rows


def _one_in_flight(directory: Path, quick: bool) -> list[Row]:
    load = Load(ROOM, senders=1, lines=500 if quick else 2000, window=1)
    figures = measure(directory, load, [_chatd, ngircd_subject])
    rows = []
    for percent, reach in (("p50", "<= 1.25"), ("p99", "")):
        until = {
            name: median_of(figures, name, lambda f: f[f"all_{percent}"])  # noqa: B023  # used here
            for name in figures
        }
        rows.append(
            compared(
                f"IRC, one line into {ROOM}: until the last has it, {percent}",
                until["chatd"],
                until["ngircd"],
                unit="µs",
                other_is="ngircd",
                reach=reach,
            )
        )
    return rows


def _chatd(directory: Path) -> AbstractContextManager[Subject]:
    return chatd(fresh(directory, "chatd"), protocol="irc", config=CONFIG)
