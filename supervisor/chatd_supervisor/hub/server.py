"""What the server says of itself: LUSERS, MOTD, VERSION and their like.

There is one server. Who names another one is told that there is none; its own name, a mask of
that, or the nick of somebody who is there mean this one, as they do elsewhere.
"""

import datetime as dt
from collections.abc import Callable
from typing import Final

from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.sight import is_open, rooms_for
from chatd_supervisor.rooms import Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.dialects.irc.grammar import pack
from chatd_workers.dialects.irc.masks import matcher
from chatd_workers.dialects.irc.reader import VERBS

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

_Answer = Callable[[Core, Session, list[str]], None]

_ADMIN: Final = ("RPL_ADMINLOC1", "RPL_ADMINLOC2", "RPL_ADMINEMAIL")
"""One numeric for each line about who runs the server."""

_SUBJECT: Final = "index"
"""What HELP is about if nothing is asked for."""

_HELP_WIDTH: Final = 60


def show_users(hub: Core, session: Session) -> None:
    """Tell ``session`` how many are here: LUSERS, and when it has registered."""
    people = [other for other in hub.sessions.values() if other.record.registered]
    invisible = sum("i" in other.record.modes for other in people)
    here, most = len(people), max(hub.most_registered, len(people))
    tell = hub.numeric
    tell(
        session,
        "RPL_LUSERCLIENT",
        f"There are {here - invisible} users and {invisible} invisible on 1 server",
    )
    tell(session, "RPL_LUSEROP", str(sum(map(hub.is_operator, people))))
    tell(session, "RPL_LUSERUNKNOWN", str(len(hub.sessions) - here))
    tell(session, "RPL_LUSERCHANNELS", str(sum(map(is_open, rooms_for(hub, session)))))
    tell(session, "RPL_LUSERME", f"I have {here} clients and 0 servers")
    for name, which in (("RPL_LOCALUSERS", "local"), ("RPL_GLOBALUSERS", "global")):
        tell(session, name, str(here), str(most), f"Current {which} users {here}, max {most}")


def show_motd(hub: Core, session: Session) -> None:
    """Tell ``session`` the message of the day: MOTD, and when it has registered."""
    if not hub.rules.motd:
        hub.refuse(session, "no-motd")
        return
    title = f"- {hub.rules.server} Message of the day - "
    hub.numeric(session, "RPL_MOTDSTART", title)
    for line in hub.rules.motd:
        hub.numeric(session, "RPL_MOTD", f"- {line}")
    hub.numeric(session, "RPL_ENDOFMOTD")


def _lusers(hub: Core, session: Session, _: list[str]) -> None:
    show_users(hub, session)


def _motd(hub: Core, session: Session, _: list[str]) -> None:
    show_motd(hub, session)


def _version(hub: Core, session: Session, _: list[str]) -> None:
    rules = hub.rules
    hub.numeric(session, "RPL_VERSION", rules.version, rules.server, rules.description)
    hub.reply(session, e.Supported(session.to, rules.tokens))


def _time(hub: Core, session: Session, _: list[str]) -> None:
    seconds = hub.now // 1_000_000
    moment = _EPOCH + dt.timedelta(seconds=seconds)
    # Modern, RPL_TIME: the time, and by how much it differs from the network's.
    words = f"{moment:%Y-%m-%d %H:%M:%S} UTC"
    hub.numeric(session, "RPL_TIME", hub.rules.server, str(seconds), "0", words)


def _admin(hub: Core, session: Session, _: list[str]) -> None:
    rules = hub.rules
    if not rules.admin:
        hub.refuse(session, "no-admin", rules.server)
        return
    hub.numeric(session, "RPL_ADMINME", rules.server)
    for name, line in zip(_ADMIN, rules.admin, strict=False):
        hub.numeric(session, name, line)


def _info(hub: Core, session: Session, _: list[str]) -> None:
    rules = hub.rules
    for line in (
        f"{rules.version}: an instant messenger for Unix machines",
        "Whichever of its processes is killed: nobody is disconnected, no line is lost",
        f"This is {rules.server} of {rules.network}, here since {rules.started}",
    ):
        hub.numeric(session, "RPL_INFO", line)
    hub.numeric(session, "RPL_ENDOFINFO")


def _links(hub: Core, session: Session, arguments: list[str]) -> None:
    rules = hub.rules
    if not arguments or matcher(arguments[-1])(rules.server):
        hub.numeric(session, "RPL_LINKS", rules.server, rules.server, f"0 {rules.description}")
    hub.numeric(session, "RPL_ENDOFLINKS", "*")


def _users(hub: Core, session: Session, _: list[str]) -> None:
    hub.refuse(session, "users-disabled")


# Figures


def _stats(hub: Core, session: Session, arguments: list[str]) -> None:
    letter = arguments[0][:1] if arguments else "*"
    show = _STATS.get(letter)
    if show is not None:
        show(hub, session)
    elif not hub.is_operator(session):
        hub.refuse(session, "no-privileges")
    hub.numeric(session, "RPL_ENDOFSTATS", letter)


def _uptime(hub: Core, session: Session) -> None:
    days, seconds = divmod(int(hub.monotonic - hub.rules.since), 86400)
    hours, minutes = divmod(seconds // 60, 60)
    words = f"Server Up {days} days {hours}:{minutes:02}:{seconds % 60:02}"
    hub.numeric(session, "RPL_STATSUPTIME", words)


def _operators(hub: Core, session: Session) -> None:
    if not hub.is_operator(session):
        hub.refuse(session, "no-privileges")
        return
    for block in hub.rules.operators:
        hub.numeric(session, "RPL_STATSOLINE", "O", "*@*", "*", block.name)


_STATS: Final[dict[str, Callable[[Core, Session], None]]] = {
    "u": _uptime,
    "o": _operators,
    "O": _operators,
}
"""By letter; operators may ask for others, of which there is nothing to tell."""

# Help


def _help(hub: Core, session: Session, arguments: list[str]) -> None:
    subject = arguments[0].upper() if arguments else _SUBJECT
    if not arguments:
        title = "Commands; HELP COMMAND tells more of one"
        lines = pack(sorted(VERBS), _HELP_WIDTH)
    elif subject in VERBS:
        title = f"{subject} {VERBS[subject].usage}".rstrip()
        lines = [VERBS[subject].summary, f"Specified by: {VERBS[subject].source}"]
    else:
        hub.refuse(session, "help-not-found", arguments[0])
        return
    hub.numeric(session, "RPL_HELPSTART", subject, title)
    for line in lines:
        hub.numeric(session, "RPL_HELPTXT", subject, line)
    hub.numeric(session, "RPL_ENDOFHELP", subject, "End of /HELP")


_ANSWERS: Final[dict[str, tuple[_Answer, int | None]]] = {
    "LUSERS": (_lusers, 1),
    "MOTD": (_motd, 0),
    "VERSION": (_version, 0),
    "TIME": (_time, 0),
    "ADMIN": (_admin, 0),
    "INFO": (_info, 0),
    "STATS": (_stats, 1),
    "LINKS": (_links, None),
    "HELP": (_help, None),
    "USERS": (_users, 0),
}
"""How each question is answered, and which of its arguments is the server that is asked."""


def _ask(hub: Core, session: Session, entry: c.Ask) -> None:
    answer, place = _ANSWERS[entry.what]
    asked = entry.arguments[place : place + 1] if place is not None else []
    # LINKS has its server first only if a mask follows.
    if entry.what == "LINKS" and len(entry.arguments) > 1:
        asked = entry.arguments[:1]
    if asked and not _is_here(hub, asked[0]):
        hub.refuse(session, "server-unknown", asked[0])
        return
    answer(hub, session, entry.arguments)


def _is_here(hub: Core, target: str) -> bool:
    return matcher(target)(hub.rules.server) or hub.find(target) is not None


ACTIONS: Final[dict[type, Action]] = {
    c.Ask: _ask,
}
