"""What every part of the hub does its work with: change the state, tell, answer, refuse.

A part is a module with a table ``ACTIONS``: what is done for each type of command. An action takes
the hub, the session and the command. What it decides it notes as facts, by which alone the state
changes (``state``); what is to be told it tells through the hub, in order.
"""

from collections.abc import Callable
from typing import Any

from chatd_supervisor.accounts import AccountBook, NoAccounts
from chatd_supervisor.hub.archive import NOTHING, Archive
from chatd_supervisor.hub.gone import Gone
from chatd_supervisor.hub.outcomes import Delivery, Outcome
from chatd_supervisor.hub.pieces import Pieces
from chatd_supervisor.hub.rules import Rules
from chatd_supervisor.journal import Fact
from chatd_supervisor.journal.strands import EVENTS
from chatd_supervisor.login_limits import LoginLimits
from chatd_supervisor.networks import place_of
from chatd_supervisor.questions import UNASKED, Answer, Question, Settled
from chatd_supervisor.rates import Rates
from chatd_supervisor.records import data_of
from chatd_supervisor.rooms import Audience, Room, Session
from chatd_supervisor.state import State
from chatd_workers import events as e
from chatd_workers.names import fold, make_safe

Action = Callable[["Core", Session, Any], None]
"""Any: each takes the one command type that is its key, which no type for a dict can say."""


class Core:
    """The state, the rules, and the outcomes of the entry that is being applied."""

    def __init__(self, rules: Rules, state: State | None = None) -> None:
        self.rules = rules
        self.state = state or State()
        # What has been decided since this was last emptied.
        self.facts: list[Fact] = []
        # Ids that clients have given to lines (chatd/once), and which of ``facts`` each is.
        self.onces: dict[str, int] = {}
        # What was before. Set by whoever has a journal.
        self.past: Archive = NOTHING
        # Microseconds since the epoch; and the id that the entry of a fact will have, which is the
        # so-manieth of ``facts``. Set by whoever has a clock and a journal.
        self.now = 0
        # Seconds by a clock that nobody sets, for silence and rates; and what time it surely is
        # (``clock.Passed``), for what cannot be had back. Set with ``now``.
        self.monotonic = 0.0
        self.passed = 0
        self.id_of: Callable[[int], str] = lambda ahead: f"-{ahead}"
        # Set by whoever has a journal, too: accounts are no part of the state, which is small
        # enough to be in memory.
        self.accounts = AccountBook(NoAccounts())
        self.pieces = Pieces()
        # Something nobody can guess. Set by whoever has such.
        self.nonce: Callable[[], str] = lambda: "nonce"
        # The pid of the worker of a session, or 0, and how many it has had before. Set by whoever
        # has workers.
        self.process_of: Callable[[int], tuple[int, int]] = lambda _: (0, 0)
        # The network that a session is counted by; empty: by none, it is exempt. Set by whoever has
        # connections.
        self.network_of: Callable[[int], str] = lambda _: ""
        # What was asked before the entry that is being applied, if anything, and the answer.
        self.settled: Settled | None = None
        # What this master remembers of those who are not here now; nothing of it is written down.
        self.gone = Gone()
        self._rates = Rates()
        self.login_limits = LoginLimits()
        for session in self.state.sessions.values():
            if account := session.record.account:
                since = session.record.signon / 1_000_000
                self.login_limits.recognize(fold(account), self.origin_of(session), since)
        self.most_registered = self.state.registered
        self._outcomes: list[Outcome] = []
        self._moments = 0
        # Whose labeled command is being applied, and what it is to be told of it.
        self._labeled: Session | None = None
        self._answers: list[e.Event] = []

    @property
    def sessions(self) -> dict[int, Session]:
        """The sessions, by number."""
        return self.state.sessions

    @property
    def rooms(self) -> dict[str, Room]:
        """The rooms, by folded name."""
        return self.state.rooms

    @property
    def nicks(self) -> dict[str, Session]:
        """The sessions, by folded nick."""
        return self.state.nicks

    @property
    def lobby(self) -> Room:
        """The room that those who know one room at a time start in."""
        return self.state.lobby

    @property
    def seconds(self) -> float:
        """The time, in seconds since the epoch."""
        return self.now / 1_000_000

    # Changing

    def note(self, fact: Fact) -> e.Stamp:
        """Note what changes nothing: something that was said. Return its stamp."""
        self.facts.append(fact)
        return self.stamp()

    def change(self, session: Session, kind: str, text: str = "", **fields: Any) -> e.Stamp:
        """Let ``fields`` of the record of ``session`` change, by a fact of this ``kind``."""
        data = _data(session, kind, fields)
        return self.happen(Fact(session.id, session.nick, "", kind, text, data))

    def change_in(
        self, session: Session, room: Room | str, kind: str, text: str = "", **fields: Any
    ) -> e.Stamp:
        """Let ``session`` do something in or to ``room``, by a fact of this ``kind``."""
        name = room if isinstance(room, str) else room.name
        data = _data(session, kind, fields)
        return self.happen(Fact(session.id, session.nick, name, kind, text, data))

    def happen(self, fact: Fact) -> e.Stamp:
        """Note ``fact``, let it have happened, and return its stamp."""
        self.facts.append(fact)
        self.state.apply(fact)
        stamp = self.stamp()
        if self.state.ended:
            self._seal(fact)
        return stamp

    def _seal(self, fact: Fact) -> None:
        """Seal the past of rooms that ``fact`` has ended, if not everybody could come into them.

        Otherwise whoever makes a room of that name later would be shown what was said there.
        """
        for room in self.state.ended:
            if room.is_closed:
                self.facts.append(Fact(fact.session, fact.nick, room.name, "seal", ""))
        self.state.ended.clear()

    def stamp(self) -> e.Stamp:
        """Return the stamp of the last fact."""
        return e.Stamp(self.now, self.id_of(len(self.facts)))

    def moment(self) -> e.Stamp:
        """Return a stamp for what is shown and not kept.

        Its id is of no entry; with the time, no other master gives the same one.
        """
        self._moments += 1
        return e.Stamp(self.now, f"{self.id_of(0)}.{self.now:x}.{self._moments}")

    # Telling

    def then(self, outcome: Outcome) -> None:
        """Have ``outcome`` follow."""
        self._outcomes.append(outcome)

    def tell(self, audience: Audience, event: e.Event, *, but: Session | None = None) -> None:
        """Tell ``audience``, without ``but``, of ``event``."""
        if not audience.sessions:
            return
        labeled = self._labeled
        if labeled is not None and labeled is not but and labeled in audience.sessions:
            self._answers.append(event)
            if audience.sessions == (labeled,):
                return
            assert but is None, "only the one who asks is left out"
            but = labeled
        self._outcomes.append(Delivery(audience, event, but))

    def deliver(self, session: Session, event: e.Event) -> None:
        """Tell ``session`` of ``event``, which is no answer to it even if it has caused it."""
        self._outcomes.append(Delivery(session.alone, event))

    def reply(self, session: Session, event: e.Event) -> None:
        """Tell ``session`` alone of ``event``."""
        self.tell(session.alone, event)

    def refuse(self, session: Session, problem: str, value: str = "", about: str = "") -> None:
        """Tell ``session`` that something cannot be done (``problems.PROBLEMS``)."""
        # Only the one who sent it sees it, but even that only made safe.
        self.reply(session, e.Refused(problem, make_safe(value), make_safe(about), session.to))

    def inform(self, session: Session, notice: str, value: str = "", about: str = "") -> None:
        """Tell ``session`` that something was done (``problems.NOTICES``)."""
        self.reply(session, e.Informed(notice, value, about, session.to))

    def numeric(self, session: Session, name: str, *params: str) -> None:
        """Answer ``session`` by a numeric (``dialects.irc.numerics``)."""
        self.reply(session, e.Numeric(session.to, name, params))

    # Looking

    def answer_to(self, question: Question) -> Answer:
        """Return the answer to ``question``, if it is the one that was asked (``Hub.question``)."""
        settled = self.settled
        return settled.answer if settled is not None and settled.question == question else UNASKED

    def admits(self, session: Session, what: str, rate: int) -> bool:
        """Tell whether ``session`` may do ``what``, at most ``rate`` times a minute, and count it.

        If not, it is told so.
        """
        if self._rates.admits(f"{session.id} {what}", rate, self.monotonic):
            return True
        self.refuse(session, "try-again", what)
        return False

    def origin_of(self, session: Session) -> str:
        """Return where ``session`` comes from: an address of IPv4, a network of IPv6, a user."""
        return place_of(session.record.host, self.rules.ipv6_prefix)

    def is_exempt(self, session: Session) -> bool:
        """Return whether limits on addresses are not for ``session``."""
        return not self.network_of(session.id)

    def knows_one_room(self, session: Session) -> bool:
        """Tell whether the dialect of ``session`` knows one room at a time."""
        return session.one_room

    def find(self, nick: str) -> Session | None:
        """Return who is called ``nick`` and has registered."""
        session = self.nicks.get(fold(nick))
        return session if session is not None and session.record.registered else None

    def room_of(self, session: Session, name: str) -> Room | None:
        """Return the room called ``name``, if ``session`` is in it; its present one if empty."""
        if not name:
            return session.room if session.rooms else None
        return session.rooms.get(fold(name))

    def onlookers(self, room: Room) -> Audience:
        """Return who is told of comings, goings and the like in ``room``.

        In a crowd they are noise to people who read lines, and cost as many writes as there are
        members; only those are told whose clients keep a list.
        """
        most = self.rules.announce_members
        if not most or len(room.members) <= most:
            return room.audience()
        return Audience(room.listing.values())

    def neighbours(self, session: Session) -> Audience:
        """Return who is told, once, of what happens to ``session`` in all its rooms, but itself."""
        found: dict[int, Session] = {}
        for room in session.rooms.values():
            for member in self.onlookers(room).sessions:
                found[member.id] = member
        found.pop(session.id, None)
        return Audience(found.values())

    def is_operator(self, session: Session) -> bool:
        """Tell whether ``session`` is an operator of the server."""
        return bool(session.record.operator)


def _data(session: Session, kind: str, fields: dict[str, Any]) -> str:
    """Return the data of a fact; of one that may be shown again, with who did it, and where."""
    if kind in EVENTS:
        fields = {**session.names, **fields}
        if kind == "join" and session.record.realname:
            fields["realname"] = session.record.realname
        if kind in ("nick", "depart") and session.rooms:
            fields["in"] = [room.name for room in session.rooms.values()]
    return data_of(fields)
