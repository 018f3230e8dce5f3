"""Requests on the control socket (``control``) that concern sessions and what they share.

The master adds those that concern itself: stop, reload, upgrade, status.
"""

from collections.abc import Callable
from typing import Any

from chatd_supervisor.inspection import describe_sessions
from chatd_supervisor.metering import measure
from chatd_supervisor.switchboard import Switchboard
from chatd_supervisor.work import AccountChanged

Request = Callable[[dict[str, Any]], dict[str, Any]]
"""Takes the arguments, returns the answer; raises ControlError, OSError or ValueError."""


def requests_to(board: Switchboard) -> dict[str, Request]:
    """Return what answers which request, by its name."""

    def ps(_: dict[str, Any]) -> dict[str, Any]:
        return {"sessions": describe_sessions(board.connections.values(), board.hub.sessions)}

    def account(arguments: dict[str, Any]) -> dict[str, Any]:
        board.commits.add(AccountChanged(str(arguments["name"])))
        board.commit()
        return {}

    return {"ps": ps, "account": account, "metrics": lambda _: measure(board)}
