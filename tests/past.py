"""A hub with a journal under it, but no processes: what people do there, tick by tick."""

from pathlib import Path
from typing import Any, Self

from chatd_supervisor.hub import Delivery, Hub, Rules
from chatd_supervisor.journal import Batch
from chatd_supervisor.journal.sqlite import SqliteJournal
from chatd_supervisor.recalling import Recollection
from chatd_workers import commands as c
from chatd_workers import events as e

HISTORY = ("batch", "draft/chathistory", "message-tags", "server-time")
PLAYBACK = (*HISTORY, "draft/event-playback")
MARKS = ("draft/read-marker",)

START = 1_700_000_000_000_000
"""When everything begins; a whole second."""


class Place:
    """A server without processes. Its time stands still until it is told."""

    def __init__(self, path: Path, rules: Rules | None = None) -> None:
        self.path = path
        self.hub = Hub(rules or Rules(history_on_join=0))
        self.now = START
        self.heard: dict[int, list[e.Event]] = {}
        self._numbers = 0
        self._open()

    def _open(self) -> None:
        self.journal = SqliteJournal(self.path)
        self.hub.id_of = self.journal.id_of
        self.hub.past = Recollection(self.journal, self.hub)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.journal.close()

    def do(self, session: int, *entries: c.Entry) -> list[e.Event]:
        """Apply ``entries`` in the tick that is under way; return what ``session`` hears of it."""
        self.hub.now = self.now
        before = len(self.heard.setdefault(session, []))
        for entry in entries:
            for outcome in self.hub.apply(session, entry):
                assert isinstance(outcome, Delivery), outcome
                for listener in outcome.audience.sessions:
                    if listener is not outcome.but:
                        self.heard.setdefault(listener.id, []).append(outcome.event)
        return self.heard[session][before:]

    def tick(self, later: int = 1000) -> None:
        """Write down what was done since the last one; time goes on by ``later`` microseconds."""
        facts, self.hub.facts = self.hub.facts, []
        gone = [fact.session for fact in facts if fact.kind == "depart"]
        self.journal.commit(Batch(facts, [], [], gone, [], [], [], [], 0, self.now))
        self.now += later

    def arrive(self, nick: str, *capabilities: str, account: str = "") -> int:
        """Let somebody in who speaks IRC; return the number of the session."""
        self._numbers += 1
        number = self._numbers
        self.do(number, c.Arrive("irc", "10.0.0.1"))
        if capabilities:
            self.do(number, c.Capabilities("REQ", names=list(capabilities)))
        self.do(number, c.Rename(nick), c.User(nick, nick), c.Capabilities("END"))
        if account:
            self.log_in(number, account)
        assert self.hub.find(nick) is self.hub.sessions[number]
        return number

    def log_in(self, number: int, account: str) -> None:
        self.hub.change(self.hub.sessions[number], "account", account=account)

    def again(self) -> None:
        """Close the journal and open it again."""
        self.journal.close()
        self._open()

    def ask(self, session: int, entry: c.Command) -> Any:
        """Return the one answer to ``entry``."""
        (answer,) = self.do(session, entry)
        return answer

    def lines(self, session: int, *asked: Any) -> list[e.Past]:
        """Return what CHATHISTORY shows: verb, target, a selector or two, a limit."""
        verb, target, first, *more, limit = asked
        entry = c.Chathistory(verb, target, first, more[0] if more else None, limit)
        answer = self.ask(session, entry)
        assert isinstance(answer, e.HistoryShown), answer
        assert answer.target == target
        return list(answer.lines)

    def texts(self, session: int, *asked: Any) -> list[str]:
        return [line.text for line in self.lines(session, *asked)]


LATEST = c.Selector(latest=True)


def by_id(line: e.Past) -> c.Selector:
    return c.Selector(id=line.id)


def by_time(line: e.Past) -> c.Selector:
    """Return the place of ``line`` as a client knows it: to the millisecond."""
    return c.Selector(time=line.time // 1000 * 1000)


def say(room: str, text: str) -> c.Send:
    return c.Send("say", [room], text)
