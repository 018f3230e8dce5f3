"""The log: its lines, and that nothing it meets disturbs whoever logs."""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from chatd_supervisor.logs import LogHandler


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    logger = logging.Logger("test")  # noqa: LOG001  # one of its own, seen by nobody else
    yield logger
    for handler in logger.handlers:
        assert isinstance(handler, LogHandler)
        with suppress(OSError):
            os.close(handler._descriptor)


def to_file(log: logging.Logger, path: Path) -> LogHandler:
    handler = LogHandler(path)
    log.addHandler(handler)
    return handler


def to_pipe(log: logging.Logger, path: Path) -> int:
    """Log to a pipe; return its reading end, which does not block."""
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    log.addHandler(LogHandler(path))
    return reading


def drain(reading: int) -> bytes:
    data = b""
    with suppress(BlockingIOError):
        while piece := os.read(reading, 1 << 16):
            data += piece
    return data


def test_a_record_is_a_line_with_time_level_and_text(log: logging.Logger, tmp_path: Path) -> None:
    to_file(log, tmp_path / "log")
    log.info("session %d: %s", 7, "é佐")
    written = (tmp_path / "log").read_text("utf-8")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO chatd: session 7: é佐\n", written)


def test_what_was_there_stays(log: logging.Logger, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("before\n")
    to_file(log, tmp_path / "log")
    log.info("after")
    assert (tmp_path / "log").read_text().startswith("before\n2")


def test_controls_are_escaped_and_further_lines_indented(
    log: logging.Logger, tmp_path: Path
) -> None:
    to_file(log, tmp_path / "log")
    log.warning("a\x1b[31m\rb\x00\u202e\udcff\nWARNING chatd: not a record")
    head, further = (tmp_path / "log").read_text("utf-8").splitlines()
    assert head.endswith(r"WARNING chatd: a\x1b[31m\rb\x00\u202e\udcff")
    assert further == "    WARNING chatd: not a record"


def test_an_exception_is_logged_with_its_stack(log: logging.Logger, tmp_path: Path) -> None:
    to_file(log, tmp_path / "log")
    try:
        _ = list[int]()[0]
    except IndexError:
        log.exception("fell")
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines[0].endswith("ERROR chatd: fell")
    assert lines[-1] == "    IndexError: list index out of range"


def test_a_full_disk_loses_records_and_says_how_many(log: logging.Logger, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.symlink_to("/dev/full")
    handler = to_file(log, path)
    for number in range(3):
        log.info("lost %d", number)
    path.unlink()
    handler.reopen()
    log.info("first")
    log.info("second")
    note, first, second = path.read_text().splitlines()
    assert note == "(3 records before this one could not be written)"
    assert first.endswith("first")
    assert second.endswith("second")


def test_a_reader_that_is_gone_disturbs_nobody(log: logging.Logger, tmp_path: Path) -> None:
    os.close(to_pipe(log, tmp_path / "pipe"))
    log.info("to nobody")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    log.info("to somebody")
    said = drain(reading).decode()
    os.close(reading)
    assert said.startswith("(1 records before")
    assert said.endswith("to somebody\n")


def test_a_reader_that_does_not_read_is_not_waited_for(log: logging.Logger, tmp_path: Path) -> None:
    reading = to_pipe(log, tmp_path / "pipe")
    # More than a pipe holds: were a write to wait, this would never end.
    for number in range(5000):
        log.info("%d %s", number, "x" * 90)
    read = drain(reading).decode().splitlines()
    assert 0 < len(read) < 5000
    log.info("again")
    note, again = drain(reading).decode().splitlines()[-2:]
    os.close(reading)
    whole = [line for line in read if line.endswith("x" * 90)]
    assert note == f"({5000 - len(whole)} records before this one could not be written)"
    assert again.endswith("INFO chatd: again")


def test_a_line_cut_off_does_not_swallow_the_next(log: logging.Logger, tmp_path: Path) -> None:
    reading = to_pipe(log, tmp_path / "pipe")
    for _ in range(40):
        log.info("y" * 50_000)
    drain(reading)
    log.info("whole")
    lines = drain(reading).decode().split("\n")
    os.close(reading)
    assert lines[-2].endswith("INFO chatd: whole")
    assert re.match(r"\d{4}-", lines[-2])


def test_a_log_call_that_does_not_fit_its_format_is_no_fault_of_the_server(
    log: logging.Logger, tmp_path: Path
) -> None:
    to_file(log, tmp_path / "log")
    log.info("%d clients", "many")
    assert "'%d clients' cannot be logged" in (tmp_path / "log").read_text()


def test_a_log_that_was_moved_away_is_begun_anew(log: logging.Logger, tmp_path: Path) -> None:
    handler = to_file(log, tmp_path / "log")
    log.info("old")
    (tmp_path / "log").rename(tmp_path / "log.1")
    log.info("still old")
    handler.reopen()
    log.info("new")
    assert (tmp_path / "log.1").read_text().count("\n") == 2
    assert (tmp_path / "log").read_text().endswith("INFO chatd: new\n")
