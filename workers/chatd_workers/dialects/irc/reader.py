"""The reader: one line of a client, made into a command. No state, and never an exception.

In order: what is no message, a numeric, or too long; what is not UTF-8, or holds a NUL; a verb
that is not in the table; too few parameters; then what the verb's function makes of it. A client
that has given the line a label gets the answer, a refusal too, with that label (IRCv3
labeled-response).

A source is ignored, as are tags that are neither a label nor client-only. What must not reach
another person's terminal is replaced (``names.make_passable``); text keeps formatting and CTCP.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from chatd_workers import commands as c
from chatd_workers.dialects.irc.grammar import MAX_REST, MAX_TAGS, Message, parse
from chatd_workers.dialects.irc.requests import history, people, rooms, session, talk
from chatd_workers.dialects.irc.requests.params import optional, word
from chatd_workers.text_kinds import is_tag_value

MAX_LABEL: Final = 64
"""Bytes of a label; a longer one is ignored (IRCv3 labeled-response), and one that could not be
passed on."""


class Verb(NamedTuple):
    """A verb that clients may send."""

    least: int
    """How many parameters it needs; an empty one is none."""
    make: Callable[[Message], c.Plain]
    usage: str
    """What may stand after it, for HELP."""
    summary: str
    """What it does, for HELP."""
    source: str
    """Where it is specified."""
    missing: str = "need-more-parameters"
    """The problem when it has fewer."""


def _help(message: Message) -> c.Plain:
    topic = optional(message.params, 0)
    if topic and topic.upper() not in VERBS:
        return c.Refuse("help-not-found", word(topic))
    return c.Ask("HELP", [topic.upper()] if topic else [])


VERBS: Final[dict[str, Verb]] = {
    "CAP": Verb(
        1,
        session.capabilities,
        "LS [302] | LIST | REQ :NAMES | END",
        "negotiate capabilities",
        "IRCv3 capability-negotiation",
    ),
    "AUTHENTICATE": Verb(
        1, session.authenticate, "MECHANISM | DATA | *", "log in with SASL", "IRCv3 sasl-3.2"
    ),
    "PASS": Verb(1, session.password, "PASSWORD", "the server's password", "Modern, PASS"),
    "NICK": Verb(1, session.nick, "NICK", "be called NICK", "Modern, NICK", "no-nick"),
    "USER": Verb(4, session.user, "USER 0 * :REALNAME", "who one is", "Modern, USER"),
    "PING": Verb(1, session.ping, "TOKEN", "ask for a PONG", "Modern, PING", "no-origin"),
    "PONG": Verb(0, session.nothing, "TOKEN", "answer a PING", "Modern, PONG"),
    "OPER": Verb(2, session.oper, "NAME PASSWORD", "be an operator", "Modern, OPER"),
    "QUIT": Verb(0, session.leave, "[:REASON]", "leave the server", "Modern, QUIT"),
    "JOIN": Verb(
        1,
        rooms.join,
        "ROOM{,ROOM} [KEY{,KEY}] | 0",
        "come into rooms; 0: leave all",
        "Modern, JOIN",
    ),
    "PART": Verb(1, rooms.part, "ROOM{,ROOM} [:REASON]", "leave rooms", "Modern, PART"),
    "TOPIC": Verb(1, rooms.topic, "ROOM [:TOPIC]", "show or set the topic", "Modern, TOPIC"),
    "NAMES": Verb(0, rooms.members, "[ROOM{,ROOM}]", "who is in rooms", "Modern, NAMES"),
    "LIST": Verb(
        0,
        rooms.listing,
        "[MASK | !MASK | >N | <N | C>N | C<N | T>N | T<N]{,...}",
        "which rooms there are",
        "Modern, LIST and ELIST",
    ),
    "INVITE": Verb(0, rooms.invite, "[NICK ROOM]", "ask NICK into ROOM", "Modern, INVITE"),
    "KICK": Verb(2, rooms.kick, "ROOM NICK{,NICK} [:REASON]", "put out of a room", "Modern, KICK"),
    "MODE": Verb(
        1, rooms.mode, "ROOM|NICK [MODES [PARAMETER...]]", "show or change modes", "Modern, MODE"
    ),
    "PRIVMSG": Verb(
        1, talk.privmsg, "TARGET{,TARGET} :TEXT", "say TEXT", "Modern, PRIVMSG", "no-recipient"
    ),
    "NOTICE": Verb(
        0, talk.notice, "TARGET{,TARGET} :TEXT", "say TEXT that is not answered", "Modern, NOTICE"
    ),
    "TAGMSG": Verb(
        1, talk.tagmsg, "TARGET{,TARGET}", "send tags alone", "IRCv3 message-tags", "no-recipient"
    ),
    "WHO": Verb(
        1, people.who, "MASK [o][%FIELDS[,TOKEN]]", "who matches", "Modern, WHO; IRCv3 whox"
    ),
    "WHOIS": Verb(1, people.whois, "NICK{,NICK}", "who is NICK", "Modern, WHOIS", "no-nick"),
    "WHOWAS": Verb(1, people.whowas, "NICK [COUNT]", "who was NICK", "Modern, WHOWAS", "no-nick"),
    "ISON": Verb(1, people.ison, "NICK{ NICK}", "which of them are there", "RFC 2812, 4.9"),
    "USERHOST": Verb(1, people.userhost, "NICK{ NICK}", "user and host", "Modern, USERHOST"),
    "MONITOR": Verb(
        1,
        people.monitor,
        "+|- NICK{,NICK} | C | L | S",
        "be told who comes and goes",
        "IRCv3 monitor",
    ),
    "ACCEPT": Verb(
        0,
        people.accept,
        "[NICK | -NICK | *]{,...}",
        "from whom +g and +R let lines through",
        "Modern has none; as in Hybrid and Solanum",
    ),
    "AWAY": Verb(0, session.away, "[:REASON]", "be away, or back", "Modern, AWAY"),
    "SETNAME": Verb(0, session.realname, ":REALNAME", "another real name", "IRCv3 setname"),
    "CHATHISTORY": Verb(
        1,
        history.chathistory,
        "BEFORE|AFTER|LATEST|AROUND TARGET SELECTOR LIMIT"
        " | BETWEEN TARGET SELECTOR SELECTOR LIMIT | TARGETS TIME TIME LIMIT",
        "lines of the past",
        "IRCv3 draft/chathistory",
        "chathistory-incomplete",
    ),
    "MARKREAD": Verb(
        1,
        history.markread,
        "TARGET [timestamp=TIME]",
        "up to where one has read",
        "IRCv3 draft/read-marker",
        "markread-incomplete",
    ),
    "REGISTER": Verb(
        3,
        session.register,
        "ACCOUNT|* EMAIL|* PASSWORD",
        "make an account",
        "IRCv3 draft/account-registration",
    ),
    "VERIFY": Verb(
        2,
        session.verify,
        "ACCOUNT CODE",
        "confirm an account",
        "IRCv3 draft/account-registration",
    ),
    "CHANREG": Verb(1, rooms.claim, "ROOM [OFF]", "have ROOM last", "chatd-irc(7)"),
    "CHANACCESS": Verb(
        2, rooms.grant, "ROOM ACCOUNT [o|v]", "what ACCOUNT is in a room that lasts", "chatd-irc(7)"
    ),
    "NICKSERV": Verb(
        1,
        talk.service,
        "IDENTIFY [ACCOUNT] PASSWORD | REGISTER PASSWORD [EMAIL]",
        "log in, make an account",
        "chatd-irc(7)",
    ),
    "NS": Verb(1, talk.service, "...", "NICKSERV", "chatd-irc(7)"),
    "CHANSERV": Verb(
        1, talk.service, "REGISTER ROOM | DROP ROOM", "have ROOM last, or no longer", "chatd-irc(7)"
    ),
    "CS": Verb(1, talk.service, "...", "CHANSERV", "chatd-irc(7)"),
    "LUSERS": Verb(0, people.ask, "", "how many are here", "Modern, LUSERS"),
    "MOTD": Verb(0, people.ask, "", "the message of the day", "Modern, MOTD"),
    "VERSION": Verb(0, people.ask, "", "what runs here", "Modern, VERSION"),
    "TIME": Verb(0, people.ask, "", "the server's time", "Modern, TIME"),
    "ADMIN": Verb(0, people.ask, "", "who runs it", "Modern, ADMIN"),
    "INFO": Verb(0, people.ask, "", "what it is", "Modern, INFO"),
    "STATS": Verb(1, people.ask, "LETTER", "figures", "Modern, STATS"),
    "LINKS": Verb(0, people.ask, "", "which servers there are", "Modern, LINKS"),
    "USERS": Verb(0, people.ask, "", "not supported", "RFC 2812, 4.6"),
    "HELP": Verb(0, _help, "[VERB]", "this", "Modern, HELP"),
    "HELPOP": Verb(0, _help, "[VERB]", "HELP", "Modern, HELP"),
    "KILL": Verb(1, session.kill, "NICK :REASON", "have NICK disconnected", "Modern, KILL"),
    "WALLOPS": Verb(1, session.wallops, ":TEXT", "tell operators", "Modern, WALLOPS"),
    "REHASH": Verb(0, session.operate, "", "read the configuration again", "Modern, REHASH"),
    "RESTART": Verb(0, session.operate, "", "restart the server", "Modern, RESTART"),
    "DIE": Verb(0, session.operate, "", "stop the server", "RFC 2812, 4.3"),
}
"""All verbs; man page, HELP and tests read this table."""


def read(line: bytes) -> c.Command | None:
    """Return what ``line`` (without its end) asks for, or None if nothing. Never raises."""
    try:
        message, is_utf8 = parse(line.decode()), True
    except UnicodeDecodeError:
        message, is_utf8 = parse(line.decode("utf-8", "replace")), False
    if message is None or _is_numeric(message.verb):
        return None
    command = _read(line, message, is_utf8=is_utf8)
    label = message.tags.get("label", "")
    if label and len(label.encode()) <= MAX_LABEL and is_tag_value(label):
        return c.Labeled(label, command)
    return command


def _read(line: bytes, message: Message, *, is_utf8: bool) -> c.Plain:
    verb = message.verb.upper() if message.verb.isascii() else message.verb
    if _is_too_long(line) or len(message.tags) > c.MAX_LISTED:
        return c.Refuse("input-too-long")
    if not is_utf8:
        return c.Refuse("invalid-utf8", word(verb))
    if b"\0" in line:
        return c.Refuse("line-has-nul", word(verb))
    known = VERBS.get(verb)
    if known is None:
        return c.Refuse("unknown-command", word(message.verb))
    needed = message.params[: known.least]
    if len(needed) < known.least or not all(needed):
        return c.Refuse(known.missing, verb)
    return known.make(message)


def _is_too_long(line: bytes) -> bool:
    if not line.startswith(b"@"):
        return len(line) > MAX_REST
    tags, _, rest = line.partition(b" ")
    return len(tags) - 1 > MAX_TAGS or len(rest) > MAX_REST


def _is_numeric(verb: str) -> bool:
    return len(verb) == 3 and verb.isascii() and verb.isdigit()
