"""Answers that are gathered (WHOIS, LIST), and all else that a server says, in its words."""

from typing import Final

from chatd_client.exchange import Listed, Person
from chatd_client.irc.cleaning import clean_name, clean_plain
from chatd_client.irc.session import Session
from chatd_workers.dialects.irc.grammar import Message

MOST_FACTS: Final = 40

_SILENT: Final = frozenset(
    (
        *("002", "003", "004", "042", "250", "254", "265", "266"),
        *("305", "306", "321", "329", "333", "375", "396", "422"),
    )
)
"""Numerics that tell nobody anything new."""


class Answers:
    """Gathers what comes in several lines."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._facts: dict[str, list[tuple[str, str]]] = {}

    def asked(self, nick: str) -> None:
        """Have what is said of ``nick`` gathered."""
        self._facts[self._session.support.key(nick)] = []

    def on_whois(self, message: Message) -> bool:
        """Take one of the numerics about a person; return whether it was asked for."""
        if len(message.params) < 2:
            return False
        nick = clean_name(message.params[1])
        facts = self._facts.get(self._session.support.key(nick))
        if facts is None:
            return False
        if message.verb in ("318", "401", "406", "402"):
            del self._facts[self._session.support.key(nick)]
            if message.verb != "318" and not facts:
                return False
            self._session.tell(Person(nick=nick, facts=tuple(facts)))
            return True
        if len(facts) < MOST_FACTS:
            facts += _facts_of(message)
        return True

    def on_listed(self, message: Message) -> None:
        """322."""
        if len(message.params) < 3:
            return
        members = message.params[2]
        known = members.isascii() and members.isdigit()
        self._session.tell(
            Listed(
                room=clean_name(message.params[1]),
                members=int(members[:9]) if known else 0,
                topic=clean_plain(message.params[3]) if len(message.params) > 3 else "",
            )
        )

    def on_list_end(self, _message: Message) -> None:
        """323."""
        self._session.tell(Listed(end=True))

    def tell(self, message: Message) -> None:
        """Tell a numeric or another message in its own words."""
        if message.verb in _SILENT:
            return
        is_numeric = message.verb.isdigit()
        words = message.params[1:] if is_numeric else message.params
        text = " ".join(clean_plain(each) for each in words)
        error = (is_numeric and message.verb[:1] in "45") or message.verb in ("FAIL", "ERROR")
        room = ""
        if is_numeric and len(words) > 1:
            known = self._session.room_of(clean_name(words[0]))
            room = known.name if known else ""
        self._session.info(text, room=room, code=message.verb, error=error)


def _facts_of(message: Message) -> list[tuple[str, str]]:
    params = [clean_plain(each) for each in message.params[2:]]
    label = _LABELS.get(message.verb)
    if message.verb == "311" and len(params) > 3:
        return [("address", f"{params[0]}@{params[1]}"), ("real name", params[3])]
    if message.verb == "317" and params:
        idle = [("idle", f"{params[0]} s")]
        return [*idle, ("signed on", params[1])] if len(params) > 2 else idle
    if message.verb == "330" and params:
        return [("account", params[0])]
    if message.verb == "320" and params:
        name, colon, value = params[-1].partition(": ")
        return [(name, value)] if colon else [("", params[-1])]
    return [(label or "", " ".join(params))] if params else []


_LABELS: Final = {
    "301": "away",
    "312": "server",
    "313": "operator",
    "319": "rooms",
    "335": "bot",
    "338": "host",
    "378": "host",
    "379": "modes",
    "276": "certificate",
    "671": "secure",
}

WHOIS: Final = frozenset(
    (*_LABELS, "311", "317", "318", "320", "330", "307", "308", "309", "310", "401", "402", "406")
)
