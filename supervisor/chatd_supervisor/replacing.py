"""``chatd upgrade``: having the running server replace its program, and seeing that it has."""

import sys
import time
from typing import Any, Final

from chatd_supervisor.asking import ControlError, NotRunning, ask
from chatd_supervisor.invocation import Invocation

PATIENCE: Final = 60.0
"""Seconds that an upgrade may take: the trial, and the start of the new program."""

LOOK: Final = 0.05
"""Seconds between looks at how far it is."""


def upgrade(invocation: Invocation, options: list[str] | None) -> dict[str, Any]:
    """Have the server run the program that we are; return its status afterwards.

    ``options`` are those it is to run with; None: the same as before. Raises NotRunning,
    ControlError (which says why it goes on as it was), or ConfigError.
    """
    control = invocation.paths().control_socket
    before = ask(control, "status")
    ask(control, "upgrade", python=sys.executable, options=options)
    deadline = time.monotonic() + PATIENCE
    gone = ControlError(f"no end of the upgrade within {PATIENCE:g} s; see the log")
    while time.monotonic() < deadline:
        time.sleep(LOOK)
        try:
            now = ask(control, "status")
        except ControlError as error:
            # Between the two programs nobody answers.
            gone = error
            continue
        if now["generation"] != before["generation"]:
            return now
        if now["upgrade"] == "failed":
            raise ControlError(
                f"not upgraded, everything goes on as it was: {now['upgrade_failure']}"
            )
    if isinstance(gone, NotRunning):
        raise ControlError("the server did not survive the upgrade; see the log") from gone
    raise gone
