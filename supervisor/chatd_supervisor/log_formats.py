"""How a record of the log looks: text for people, JSON for programs. chatd-log(7).

Text is ``TIME LEVEL chatd: EVENT FIELD=VALUE ...``, where a value that is not a plain word is
quoted as in JSON. A stack follows on lines of its own, indented, so that a line that begins with a
time is always a record. JSON is one object a line, in ASCII. Whatever a value is, no control
character leaves here.
"""

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from chatd_supervisor.logbook import FIELDS
from chatd_supervisor.sentence_errors import sentence_of

STACK: Final = "stack"
"""The field that is shown on lines of its own."""

_PLAIN: Final = re.compile(r"[^\s\"=\\]+")


class Formatter(Protocol):
    """Turns records into what is written."""

    def format(self, record: logging.LogRecord) -> str:
        """Return ``record`` without the end of its last line."""
        ...

    def lost(self, count: int) -> str:
        """Return a line that says that ``count`` records are missing."""
        ...


class TextFormatter(logging.Formatter):
    """UTC times, and nothing that a terminal or a log reader could trip over."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s chatd: %(message)s")
        self._second = 0
        self._shown = ""

    def formatTime(self, record: logging.LogRecord, _datefmt: str | None = None) -> str:  # noqa: N802  # logging's
        """Return when it was, to the second; the last second is remembered."""
        if int(record.created) != self._second:
            self._second = int(record.created)
            self._shown = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._second))
        return self._shown

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and more of them for a stack."""
        text = super().format(record)
        fields = _fields(record)
        stack = fields.get(STACK)
        for name, value in fields.items():
            if name != STACK and value is not None:
                text += f" {name}={as_value(value)}"
        if stack is not None:
            text += f"\n{stack}"
        if text.isprintable():
            return text
        # Continuation lines (a stack, say) are indented, so a line of its own is always a record.
        text = text.replace("\n", "\n    ")
        return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text)

    def lost(self, count: int) -> str:
        """Return what stands between the records."""
        return f"({count} records before this one could not be written)"


class JsonFormatter(logging.Formatter):
    """Objects with ``time``, ``level``, ``event``, and the fields of the event.

    What another library has logged is the event ``message``, with the text in a field of that name.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return an object in one line."""
        fields = _fields(record)
        shown: dict[str, object] = {
            "time": _precisely(record.created),
            "level": record.levelname.lower(),
        }
        if hasattr(record, FIELDS):
            shown["event"] = record.getMessage()
        else:
            shown |= {"event": "message", "message": super().format(record)}
        shown |= {name: value for name, value in fields.items() if value is not None}
        return json.dumps(shown, default=_in_words)

    def lost(self, count: int) -> str:
        """Return an object like the others."""
        shown = {"time": _precisely(time.time()), "level": "error"}
        return json.dumps({**shown, "event": "records lost", "count": count})


FORMATTERS: Final[Mapping[str, Callable[[], Formatter]]] = {
    "text": TextFormatter,
    "json": JsonFormatter,
}


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    found: Mapping[str, object] = getattr(record, FIELDS, {})
    return found


def as_value(value: object) -> str:
    """Return ``value`` as it stands in a line of text: quoted if it is no plain word."""
    if isinstance(value, float):
        text = f"{value:g}"
    elif isinstance(value, Mapping):
        text = json.dumps(value, default=_in_words)
    else:
        text = _in_words(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _in_words(value: object) -> str:
    return sentence_of(value) if isinstance(value, OSError) else str(value)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _precisely(when: float) -> str:
    seconds, milliseconds = divmod(int(when * 1000), 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{milliseconds:03d}Z"
