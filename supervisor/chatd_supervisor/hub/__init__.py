"""The hub: who may do what, what has happened then, and who hears of it. Pure.

``apply`` takes one entry of one session and returns what is to be delivered to whom. What it
decides it notes as facts, and its state changes by these alone (``state``), so the state is a
function of the journal they are written to. Nothing here knows of sockets, processes or clocks.

Whatever comes from a worker is checked here again: names against the rules, texts for characters
that may not be passed on. A worker is not to be trusted.

Dialects share rooms, nicks and rules; what a client hears of an event is its writer's business.
"""

from collections.abc import Callable
from typing import Final

from chatd_supervisor.hub import (
    acceptance,
    asking,
    authentication,
    chathistory,
    coming,
    enrolment,
    lasting,
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
from chatd_supervisor.hub.administering import Notify, Wish, administer
from chatd_supervisor.hub.banning import redate
from chatd_supervisor.hub.checking import Asking
from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.logins import account_changed, stale_accounts, vouch
from chatd_supervisor.hub.outcomes import Delivery, Leaving, Operation, Outcome
from chatd_supervisor.hub.rules import OperatorBlock, Rules
from chatd_supervisor.journal import JournalError
from chatd_supervisor.questions import Question
from chatd_supervisor.rooms import Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.dialects import DIALECTS

__all__ = [
    "QUESTIONS",
    "Delivery",
    "Hub",
    "Leaving",
    "Operation",
    "OperatorBlock",
    "Outcome",
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
    **authentication.ACTIONS,
    **enrolment.ACTIONS,
    **lasting.ACTIONS,
    **asking.ACTIONS,
    **listing.ACTIONS,
    **presence.ACTIONS,
    **server.ACTIONS,
    **whoing.ACTIONS,
    **recalling.ACTIONS,
    **chathistory.ACTIONS,
    **reading.ACTIONS,
}

QUESTIONS: Final[dict[type, Asking]] = {
    **operators.QUESTIONS,
    **authentication.QUESTIONS,
    **enrolment.QUESTIONS,
}
"""What must be known first, by type of command; workers report these alone (``commands.ALONE``)."""

_IN_ONE_ROOM: Final = frozenset(
    {c.Say, c.SayAs, c.Act, c.Join, c.Leave, c.Who, c.History, c.Search, c.Missed}
)
"""What is said of the room one is in: for those who are in one, always."""

_IN_MANY_ROOMS: Final = frozenset({c.Enter, c.Part, c.LeaveAll})
"""What would take somebody out of the one room."""


class Hub(Core):
    """Decides by the rules, on the state that earlier decisions have made."""

    def set_time(self, now: int, *, monotonic: float, passed: int) -> None:
        """Take note what time it is, for what is applied next; see ``Core``."""
        self.now, self.monotonic, self.passed = now, monotonic, passed
        redate(self)

    def apply(self, number: int, entry: c.Entry) -> list[Outcome]:
        """Apply ``entry`` of session ``number`` and return what follows, in order.

        Raises KeyError for a session that is not there; JournalError if the journal could not be
        read when a part of it was decided already, none of which may be written down then.
        """
        self._outcomes = []
        self.past.allow()
        if type(entry) is c.Arrive:
            coming.arrive(self, number, entry)
            session = self.sessions[number]
            if session.record.registered:
                self._unless_unreadable(session, lambda: vouch(self, session))
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
        answered = Delivery(session.alone, e.Answered(entry.label, tuple(self._answers)))
        # Whoever is let go because of it is answered first: after its end nothing is told to it.
        ends = (
            place
            for place, outcome in enumerate(self._outcomes)
            if type(outcome) is Leaving and outcome.session == session.id
        )
        self._outcomes.insert(next(ends, len(self._outcomes)), answered)

    def _act(self, session: Session, entry: c.Entry) -> None:
        if not self._may_act(session, entry):
            self.refuse(session, "not-registered")
            return
        one_room = self.knows_one_room(session)
        if type(entry) in (_IN_MANY_ROOMS if one_room else _IN_ONE_ROOM):
            # No reader of its dialect makes such a command: its worker is not what it was.
            self.refuse(session, "unknown-command", type(entry).__name__)
            return
        self._unless_unreadable(session, lambda: _ACTIONS[type(entry)](self, session, entry))

    def _unless_unreadable(self, session: Session, act: Callable[[], None]) -> None:
        """Do ``act``, and tell ``session`` if the journal cannot be read for it.

        What cannot be looked up for one client (a page is damaged, it takes too long) concerns
        nobody else: what cannot be written down does.
        """
        decided = len(self.facts)
        try:
            act()
        except JournalError:
            if len(self.facts) > decided:
                raise
            self.refuse(session, "not-looked-up")

    def _may_act(self, session: Session, entry: c.Entry) -> bool:
        return session.record.registered or type(entry) in registration.BEFORE

    def question(self, number: int, entry: c.Command) -> Question | None:
        """Return what must be known before session ``number`` can do ``entry``, if anything.

        Changes nothing. Whoever applies ``entry`` then gives the answer as well (``settled``).
        """
        session = self.sessions.get(number)
        plain = entry.command if type(entry) is c.Labeled else entry
        asking = QUESTIONS.get(type(plain))
        if session is None or asking is None or not self._may_act(session, plain):
            return None
        return asking(self, session, plain)

    def account_changed(self, name: str) -> list[Outcome]:
        """Let be true for everybody what somebody has done to the account ``name`` beside us."""
        self._outcomes = []
        account_changed(self, name)
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def administer(self, wish: Wish | Notify) -> tuple[list[Outcome], int]:
        """Do what the administrator wants; return what follows, and how many it concerns."""
        self._outcomes = []
        concerned = administer(self, wish)
        outcomes, self._outcomes = self._outcomes, []
        return outcomes, concerned

    def stale_accounts(self) -> list[str]:
        """Return the accounts for which ``account_changed`` has not been told, as it should be."""
        return stale_accounts(self)

    def nick_to_be(self, dialect: str) -> str:
        """Return what the next one to arrive with ``dialect`` is called."""
        return coming.guest_nick(self) if DIALECTS[dialect].one_room else "*"

    def place_to_be(self, dialect: str) -> str:
        """Return where the next one to arrive with ``dialect`` is."""
        return self.lobby.name if DIALECTS[dialect].one_room else ""
