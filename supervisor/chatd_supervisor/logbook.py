"""What is logged: events with stable names and fields, so that programs can read the log too.

``note("session opened", session=3, pid=12, ...)`` is one line in the log, as text or JSON
(``logs``). EVENTS says of each event how grave it is, which fields it may have, and what it means;
chatd-log(7) lists them for people, and tests compare the three. What clients say is in no field:
only nicks, which are escaped.

Names and fields are an interface: new ones may come, old ones stay.
"""

import logging
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Final

from chatd_supervisor.log_budget import LogBudget
from chatd_supervisor.log_events import EVENTS, Kind

__all__ = ["EVENTS", "FIELDS", "Field", "Kind", "note"]

FIELDS: Final = "fields"
"""Under this name a log record has them."""

Field = str | int | float | PurePath | BaseException | Mapping[str, object] | None
"""What a field may be: what has a form for people, and no form of Python's. A list is joined with
commas; a mapping is shown as JSON."""

LISTENERS: Final[list[Callable[[str, Mapping[str, object]], None]]] = []
"""Who hears of each event and its fields as well (``tracing``), whatever is logged."""

BUDGET: Final = LogBudget()
"""Of all that this process logs."""

_log = logging.getLogger("chatd")


def note(event: str, /, **fields: Field) -> None:
    """Log that ``event`` has happened, if its budget allows; a field that is None is left out.

    An exception as the field ``fault`` is logged as its stack, ``stack``. Raises KeyError if there
    is no such event.
    """
    fault = fields.pop("fault", None)
    if isinstance(fault, BaseException):
        fields["stack"] = "".join(traceback.format_exception(fault))
    if isinstance(stack := fields.get("stack"), str):
        fields["stack"] = stack.rstrip()
    for listener in LISTENERS:
        listener(event, fields)
    kind = EVENTS[event]
    now = time.monotonic()
    if now >= BUDGET.due:
        for of, count in BUDGET.left_out(now):
            note("records left out", of=of, count=count)
    if kind.limited and not BUDGET.admits(event, len(str(fields.get("stack", ""))), now):
        return
    _log.log(kind.level, event, extra={FIELDS: fields})
