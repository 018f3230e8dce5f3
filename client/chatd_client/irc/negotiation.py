"""Capabilities: which are wanted, and CAP until all that are there are on. IRCv3, version 302."""

from typing import Final

from chatd_client.irc import sasl
from chatd_client.irc.session import ONCE, Session
from chatd_workers.dialects.irc.grammar import Message

WANTED: Final[tuple[str, ...]] = (
    "message-tags",
    "server-time",
    "batch",
    "labeled-response",
    "echo-message",
    "account-tag",
    "account-notify",
    "away-notify",
    "chghost",
    "extended-join",
    "multi-prefix",
    "setname",
    "standard-replies",
    "cap-notify",
    "draft/chathistory",
    "chathistory",
    "draft/read-marker",
    "read-marker",
    "invite-notify",
    ONCE,
)
"""``sasl`` as well, where there is an account to log in to. Not draft/event-playback: comings and
goings of the past are of no use to who was not there."""


def on_cap(session: Session, message: Message) -> None:
    """CAP."""
    if len(message.params) < 2:
        return
    verb = message.params[1].upper()
    rest = message.params[2:]
    names = rest[-1].split() if rest else []
    if verb in ("LS", "NEW"):
        _offered(session, verb, names, goes_on=len(rest) > 1 and rest[0] == "*")
    elif verb == "ACK":
        session.caps.update(name for name in names if not name.startswith("-"))
        session.caps.difference_update(name[1:] for name in names if name.startswith("-"))
        session.is_chatd |= ONCE in names
        _answered(session)
    elif verb == "NAK":
        if len(names) > 1:
            # All or nothing (capability-negotiation, "CAP NAK"): one by one, then.
            for name in names:
                _request(session, name)
        _answered(session)
    elif verb == "DEL":
        session.caps.difference_update(names)


def _offered(session: Session, verb: str, names: list[str], *, goes_on: bool) -> None:
    for word in names:
        name, _, value = word.partition("=")
        session.offered[name] = value
    if not goes_on and not (verb == "LS" and _moves_to_tls(session)):
        _ask(session, names if verb == "NEW" else list(session.offered))


def _moves_to_tls(session: Session) -> bool:
    """Honour sts: a plain connection is given up for one by TLS at the port it names."""
    policy = dict(
        part.partition("=")[::2] for part in session.offered.get("sts", "").split(",") if part
    )
    port = policy.get("port", "")
    if session.target.tls or session.target.unix or not port.isascii() or not port.isdigit():
        return False
    session.secure_port = int(port[:5])
    return 0 < session.secure_port < 65536


def _ask(session: Session, names: list[str]) -> None:
    offered = {name.partition("=")[0] for name in names}
    wanted = [name for name in WANTED if name in offered and name not in session.caps]
    if sasl.is_wanted(session) and "sasl" in offered and not session.logged_in:
        wanted.append("sasl")
    if wanted:
        _request(session, " ".join(wanted))
    elif not session.requests:
        _go_on(session)


def _request(session: Session, names: str) -> None:
    session.requests += 1
    session.send("CAP", "REQ", names)


def _answered(session: Session) -> None:
    session.requests -= 1
    if session.requests <= 0:
        _go_on(session)


def _go_on(session: Session) -> None:
    if session.registered:
        return
    if sasl.is_wanted(session) and not session.logged_in:
        if "sasl" in session.caps:
            if session.proof is None:
                sasl.begin(session)
            return
        sasl.fail(session, "the server knows no accounts: we cannot log in")
        return
    end(session)


def end(session: Session) -> None:
    """End the negotiation, so that one is let in."""
    if not session.registered:
        session.send("CAP", "END")
