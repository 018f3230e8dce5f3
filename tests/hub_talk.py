"""A hub, talked to in the lines of both dialects, and what each client is sent, shortened.

The source of a line is its nick alone, the recipient and the text for people of a numeric are left
out: ``:chatd 482 bob #x :You're not ...`` is ``482 #x``.
"""

import re
from collections.abc import Callable
from typing import Any

import account_samples
from chatd_supervisor.hub import Delivery, Hub, Leaving, Rules
from chatd_supervisor.questions import Answer, Question, Settled
from chatd_workers import commands as c
from chatd_workers.dialects import DIALECTS

_TAGS = re.compile(r"^@[^ ]+ ")
_SOURCE = re.compile(r"^:([^! ]+)![^ ]+ ")
_NUMERIC = re.compile(r"^:chatd ([0-9]{3}) [^ ]+")


def short(line: str) -> str:
    """Return ``line`` with what is the same in all of its kind left out."""
    line = _SOURCE.sub(r":\1 ", _TAGS.sub("", line))
    head = _NUMERIC.match(line)
    if head is None:
        return line
    params, colon, text = line[head.end() :].partition(" :")
    # A parameter that is a list, as opposed to a sentence.
    listed = head[1] in ("281", "301") and colon
    return f"{head[1]}{params}{f' :{text}' if listed else ''}"


class Talk:
    """People, by nick."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.hub = Hub(rules or Rules(history_on_join=0))
        self.numbers: dict[str, int] = {}
        self.lines: dict[str, list[str]] = {}
        self.outcomes: list[Any] = []
        # What had to be known before the last entry, and who knows.
        self.asked: Question | None = None
        self.answer: Callable[[Question], Answer] = account_samples.answer

    def come(self, *nicks: str, dialect: str = "irc", caps: str = "", account: str = "") -> None:
        """Let people arrive and be called so."""
        for nick in nicks:
            number = self.numbers[nick] = len(self.numbers) + 1
            self.apply(nick, c.Arrive(dialect, "h"))
            self.apply(nick, c.Rename(nick))
            if dialect == "irc":
                self.apply(nick, c.User(nick, nick))
            fields: dict[str, Any] = {"capabilities": caps.split()} if caps else {}
            if account:
                fields["account"] = account
            if fields:
                self.hub.change(self.hub.sessions[number], "test", **fields)
        self.lines.clear()

    def join(self, room: str, *nicks: str) -> None:
        """Let people come into ``room``; the first makes it, if it is not there."""
        for nick in nicks:
            text = self.hub.sessions[self.numbers[nick]].dialect == "text"
            self.apply(nick, c.Join(room) if text else c.Enter([room]))
        self.lines.clear()

    def apply(self, nick: str, entry: c.Entry) -> None:
        """Apply ``entry`` and whatever follows from it."""
        number = self.numbers[nick]
        question = self.hub.question(number, entry)  # type: ignore[arg-type]  # None for an Arrive
        self.asked = question
        answered = self.answer(question) if question is not None else None
        self.hub.settled = Settled(question, answered) if question and answered else None
        self.outcomes = self.hub.apply(number, entry)
        self.hub.settled = None
        self.follow()

    def follow(self) -> None:
        """Let happen what follows from the last entry."""
        leaving = []
        for outcome in self.outcomes:
            if isinstance(outcome, Delivery):
                self._hear(outcome)
            elif isinstance(outcome, Leaving):
                leaving.append(outcome)
        for outcome in leaving:
            for told in self.hub.apply(outcome.session, c.Depart(outcome.reason)):
                if isinstance(told, Delivery):
                    self._hear(told)

    def _hear(self, delivery: Delivery) -> None:
        for listener in delivery.audience.sessions:
            if listener is not delivery.but:
                data = DIALECTS[listener.dialect].write(delivery.event, listener.view)
                nick = next(n for n, number in self.numbers.items() if number == listener.id)
                self.lines.setdefault(nick, []).extend(map(short, data.decode().splitlines()))

    def say(self, nick: str, line: str) -> dict[str, list[str]]:
        """Have ``nick`` send ``line``; return the lines that everybody is sent then."""
        self.lines.clear()
        session = self.hub.sessions[self.numbers[nick]]
        command = DIALECTS[session.dialect].read(line.encode())
        assert command is not None
        self.apply(nick, command)
        return dict(self.lines)
