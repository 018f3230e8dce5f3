"""The hub: who may do what, what has happened then, and who hears of it. Pure.

``apply`` takes one entry of one session and returns what is to be delivered to whom. What it
decides it notes as facts, and its state changes by these alone (``state``), so the state is a
function of the journal they are written to. Nothing here knows of sockets, processes or clocks.

Whatever comes from a worker is checked here again: names against the rules, texts for characters
that may not be passed on. A worker is not to be trusted.

Dialects share rooms, nicks and rules; what a client hears of an event is its writer's business.
"""

from typing import Final

from chatd_supervisor.hub import (
    acceptance,
    asking,
    chathistory,
    coming,
    listing,
    moderation,
    modes,
    negotiation,
    operators,
    presence,
    reading,
    recalling,
    registration,
    rooming,
    server,
    talking,
    whoing,
)
from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.outcomes import (
    Delivery,
    Leaving,
    Operation,
    Outcome,
    PasswordCheck,
)
from chatd_supervisor.hub.rules import OperatorBlock, Rules
from chatd_supervisor.rooms import Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.dialects import DIALECTS

__all__ = [
    "Delivery",
    "Hub",
    "Leaving",
    "Operation",
    "OperatorBlock",
    "Outcome",
    "PasswordCheck",
    "Rules",
]

_ACTIONS: Final[dict[type, Action]] = {
    **coming.ACTIONS,
    **registration.ACTIONS,
    **negotiation.ACTIONS,
    **talking.ACTIONS,
    **rooming.ACTIONS,
    **moderation.ACTIONS,
    **modes.ACTIONS,
    **acceptance.ACTIONS,
    **operators.ACTIONS,
    **asking.ACTIONS,
    **listing.ACTIONS,
    **presence.ACTIONS,
    **server.ACTIONS,
    **whoing.ACTIONS,
    **recalling.ACTIONS,
    **chathistory.ACTIONS,
    **reading.ACTIONS,
}

_IN_ONE_ROOM: Final = frozenset(
    {c.Say, c.SayAs, c.Act, c.Join, c.Leave, c.Who, c.History, c.Search, c.Missed}
)
"""What is said of the room one is in: for those who are in one, always."""

_IN_MANY_ROOMS: Final = frozenset({c.Enter, c.Part, c.LeaveAll})
"""What would take somebody out of the one room."""


class Hub(Core):
    """Decides by the rules, on the state that earlier decisions have made."""

    def apply(self, number: int, entry: c.Entry) -> list[Outcome]:
        """Apply ``entry`` of session ``number`` and return what follows, in order.

        Raises KeyError for a session that is not there.
        """
        self._outcomes = []
        if type(entry) is c.Arrive:
            coming.arrive(self, number, entry)
        elif type(entry) is c.Labeled:
            self._apply_labeled(self.sessions[number], entry)
        else:
            self._act(self.sessions[number], entry)
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def _apply_labeled(self, session: Session, entry: c.Labeled) -> None:
        self._labeled = session
        self._answers = []
        try:
            self._act(session, entry.command)
        finally:
            self._labeled = None
        answers = tuple(self._answers)
        self.reply(session, e.Answered(entry.label, answers))

    def _act(self, session: Session, entry: c.Entry) -> None:
        if not session.record.registered and type(entry) not in registration.BEFORE:
            self.refuse(session, "not-registered")
            return
        one_room = self.knows_one_room(session)
        if type(entry) in (_IN_MANY_ROOMS if one_room else _IN_ONE_ROOM):
            # No reader of its dialect makes such a command: its worker is not what it was.
            self.refuse(session, "unknown-command", type(entry).__name__)
            return
        _ACTIONS[type(entry)](self, session, entry)

    def nick_to_be(self, dialect: str) -> str:
        """Return what the next one to arrive with ``dialect`` is called."""
        return coming.guest_nick(self) if DIALECTS[dialect].one_room else "*"

    def place_to_be(self, dialect: str) -> str:
        """Return where the next one to arrive with ``dialect`` is."""
        return self.lobby.name if DIALECTS[dialect].one_room else ""
