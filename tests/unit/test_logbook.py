"""The events of the log: what is noted is in the table and in chatd-log(7), and looks like it."""

import ast
import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from chatd_supervisor import logbook
from chatd_supervisor.log_events import EVENTS
from chatd_supervisor.log_formats import FORMATTERS
from chatd_supervisor.logbook import note
from chatd_supervisor.logs import LogHandler

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "supervisor").rglob("*.py"))
LOGGING = {"debug", "info", "warning", "error", "exception", "critical", "log"}


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Have ``note`` write text to the file that is returned."""
    path = tmp_path / "log"
    handler = LogHandler(path)
    logger = logging.Logger("test")  # noqa: LOG001  # one of its own, seen by nobody else
    logger.addHandler(handler)
    monkeypatch.setattr(logbook, "_log", logger)
    yield path
    with suppress(OSError):
        os.close(handler._descriptor)


@pytest.fixture
def json_log(log: Path) -> Path:
    (handler,) = logbook._log.handlers
    assert isinstance(handler, LogHandler)
    handler.style = FORMATTERS["json"]()
    return log


def notes() -> list[tuple[str, set[str], str]]:
    """Return each call of ``note`` in the program: the event, its fields, where."""
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            event = node.args[0]
            if name in {"note", "say", "_say"} and isinstance(event, ast.Constant):
                fields = {one.arg or "" for one in node.keywords}
                if "fault" in fields:
                    fields = fields - {"fault"} | {"stack"}
                found.append((str(event.value), fields, f"{path.name}:{node.lineno}"))
    return found


def test_what_is_noted_is_in_the_table_and_no_more() -> None:
    noted = notes()
    for event, fields, where in noted:
        assert event in EVENTS, where
        assert fields <= set(EVENTS[event].fields), where
    for event, kind in EVENTS.items():
        used = set().union(*(fields for name, fields, _ in noted if name == event))
        assert used == set(kind.fields), event


def test_nothing_is_logged_but_by_name() -> None:
    for path in SOURCES:
        if path.name == "logbook.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value
                ours = isinstance(owner, ast.Name) and owner.id in {"log", "logger", "logging"}
                assert not (ours and node.func.attr in LOGGING), f"{path.name}:{node.lineno}"


def test_the_man_page_lists_them_all() -> None:
    page = (ROOT / "man" / "chatd-log.7").read_text("utf-8")
    items = re.split(r"^\.It Li ", page.partition(".Sh EVENTS")[2], flags=re.MULTILINE)[1:]
    found = {}
    for item in items:
        name, _, body = item.partition("\n")
        words = re.split(r"^\.(?:El|Ss)", body, flags=re.MULTILINE)[0]
        found[name] = " ".join(words.replace(".Va ", "").replace(" ,", ",").split())
    assert list(found) == list(EVENTS)
    for name, kind in EVENTS.items():
        wanted = f"{logging.getLevelName(kind.level).capitalize()}. {kind.meaning}"
        if kind.fields:
            wanted += f" Fields: {', '.join(kind.fields)} ."
        assert found[name] == wanted


def test_a_note_is_a_line_of_words_and_values(log: Path) -> None:
    note("session opened", session=3, pid=12, peer="127.0.0.1:5", dialect=None)
    note("worker died", session=3, how="was killed", next='"=\\')
    first, second = log.read_text().splitlines()
    assert first.endswith("Z INFO chatd: session opened session=3 pid=12 peer=127.0.0.1:5")
    assert second.endswith(r'WARNING chatd: worker died session=3 how="was killed" next="\"=\\"')


STRUCTURED = {"pid": 3, "listen": [{"way": "text"}]}


def test_no_value_is_in_a_form_of_pythons(log: Path) -> None:
    note("master traced", pid=3, status=STRUCTURED)
    note("log not reopened", reason=FileNotFoundError(2, "No such file or directory", "/x/y"))
    first, second = log.read_text().splitlines()
    assert json.loads(json.loads(first.partition(" status=")[2])) == STRUCTURED
    assert second.endswith(' reason="/x/y: No such file or directory"')


def test_what_has_parts_is_an_object_in_json(json_log: Path) -> None:
    note("master traced", pid=3, status=STRUCTURED)
    note("log not reopened", reason=FileNotFoundError(2, "No such file or directory", "/x/y"))
    first, second = map(json.loads, json_log.read_text().splitlines())
    assert first["status"] == STRUCTURED
    assert second["reason"] == "/x/y: No such file or directory"


HOSTILE = 'x" pid=1\x1b[31m\r\n2026-11-26T10:00:00Z INFO chatd: forged\x00\u202e\udcff\x85'


def test_no_value_is_a_line_or_a_field_of_its_own(log: Path) -> None:
    note("session ended", session=1, nick=HOSTILE)
    (line,) = log.read_text("utf-8").splitlines()
    assert line.isprintable()
    value = line.partition("nick=")[2]
    # What is left outside of the quotes is nothing.
    assert re.fullmatch(r'"(?:[^"\\]|\\.)*"', value)


def test_a_stack_stands_below_its_note(log: Path) -> None:
    note("ended", reason=OSError("no"), fault=ValueError("fell"))
    head, *stack = log.read_text().splitlines()
    assert head.endswith("CRITICAL chatd: ended reason=no")
    assert stack == ["    ValueError: fell"]


def test_json_is_an_object_a_line(json_log: Path) -> None:
    note("session ended", session=1, nick=HOSTILE, reason=None)
    note("ended", fault=ValueError("fell"))
    logbook._log.warning("a library says %d", 5)
    written = json_log.read_bytes()
    assert written.isascii()
    ended, fell, said = map(json.loads, written.splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", ended.pop("time"))
    assert ended == {"level": "info", "event": "session ended", "session": 1, "nick": HOSTILE}
    assert (fell["event"], fell["stack"]) == ("ended", "ValueError: fell")
    assert (said["event"], said["message"]) == ("message", "a library says 5")


def test_json_says_what_is_missing(json_log: Path) -> None:
    (handler,) = logbook._log.handlers
    assert isinstance(handler, LogHandler)
    handler._dropped = 3
    note("stopped")
    lost, stopped = map(json.loads, json_log.read_text().splitlines())
    assert (lost["event"], lost["count"], stopped["event"]) == ("records lost", 3, "stopped")
