"""Requests on the control socket (``control``) that concern sessions and what they share.

The master adds those that concern itself: stop, reload, upgrade, status.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from chatd_supervisor.asking import ControlError
from chatd_supervisor.bans import Ban
from chatd_supervisor.control import Stream
from chatd_supervisor.examining import examine, find
from chatd_supervisor.hub.administering import Kick, Wish, objection
from chatd_supervisor.hub.banning import Enter, Strike
from chatd_supervisor.inspection import describe_sessions
from chatd_supervisor.logbook import note
from chatd_supervisor.metering import measure
from chatd_supervisor.paths import Paths
from chatd_supervisor.ports import Ports
from chatd_supervisor.switchboard import Switchboard
from chatd_supervisor.tracing import Tracing
from chatd_supervisor.work import AccountChanged, Administered


class Arguments(dict[str, Any]):
    """What stands in a question beside the request; what is needed and not there is refused."""

    def __missing__(self, name: str) -> Any:
        """Raise ControlError, for a KeyError would be taken for a fault in chatd."""
        raise ControlError(f"the request lacks {name}")


Request = Callable[[Arguments], dict[str, Any] | Stream]
"""Takes the arguments, returns the answer; raises ControlError, OSError or ValueError."""


def answer_by(
    answers: Mapping[str, Request], request: str, arguments: dict[str, Any]
) -> dict[str, Any] | Stream:
    """Answer ``request`` on the control socket by the table ``answers``. Raises ControlError."""
    answer = answers.get(request)
    if answer is None:
        raise ControlError(f"no such request: {request}")
    try:
        said = answer(Arguments(arguments))
    except (OSError, ValueError) as error:
        raise ControlError(str(error)) from error
    return said


def requests_to(board: Switchboard, paths: Paths, ports: Ports) -> dict[str, Request]:
    """Return what answers which request, by its name."""

    def ps(_: Arguments) -> dict[str, Any]:
        return {"sessions": describe_sessions(board.connections.values(), board.hub.sessions)}

    def account(arguments: Arguments) -> dict[str, Any]:
        board.commits.add(AccountChanged(str(arguments["name"])))
        board.commit()
        return {}

    def inspect(arguments: Arguments) -> dict[str, Any]:
        found = examine(board, find(board, str(arguments["who"])))
        return {**found, "quarantine": str(paths.quarantine_dir)}

    def administer(arguments: Arguments) -> dict[str, Any]:
        wish = msgspec.convert(arguments, Wish)
        if reason := objection(board.hub, wish):
            raise ControlError(reason)
        concerned: list[int] = []
        work = Administered(wish, concerned)
        board.commits.add(work)
        board.commit()
        # Nothing but our memory has it, so it is not promised for later.
        if board.commits.stuck and board.commits.withdraw(work):
            raise ControlError(
                f"not done, for nothing can be written: {board.commits.stuck};"
                " mend that, then ask again"
            )
        if isinstance(wish, Kick) and not concerned[-1]:
            raise ControlError(f"{wish.nick} has just gone")
        if isinstance(wish, Enter | Strike):
            _log(wish, concerned[-1])
        return {"concerned": concerned[-1]}

    def bans(_: Arguments) -> dict[str, Any]:
        now = time.time_ns() // 1000
        entries = sorted(board.hub.state.bans.entries.values(), key=lambda ban: ban.key)
        return {"bans": [_shown(ban) for ban in entries if ban.holds(now)]}

    return {
        "bans": bans,
        "ps": ps,
        "account": account,
        "administer": administer,
        "metrics": lambda _: measure(board, ports),
        "inspect": inspect,
        "trace": Tracing(board).answer,
    }


def _log(wish: Enter | Strike, put_off: int) -> None:
    where = "exempt" if wish.exempt else "ban"
    if isinstance(wish, Enter):
        term = wish.seconds or None
        note("ban set", list=where, kind=wish.kind, who=wish.mask, seconds=term, put_off=put_off)
    else:
        note("ban lifted", list=where, kind=wish.kind, who=wish.mask)


def _shown(ban: Ban) -> dict[str, Any]:
    """Return ``ban`` with its times in seconds since the epoch, as all answers have them."""
    return {
        "kind": ban.kind,
        "mask": ban.mask,
        "exempt": ban.exempt,
        "reason": ban.reason,
        "since": ban.since / 1_000_000,
        "until": ban.until / 1_000_000 or None,
    }
