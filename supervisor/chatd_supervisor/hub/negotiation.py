"""Capability negotiation (IRCv3 capability-negotiation): what the server can, and who wants it."""

from typing import Any, Final

from chatd_supervisor.hub.authentication import mechanisms_of
from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.registration import register_if_ready
from chatd_supervisor.rooms import Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.capabilities import NAMES
from chatd_workers.dialects.irc.grammar import pack
from chatd_workers.dialects.irc.lines import room_after

WITH_VALUES: Final = 302
"""The version from which on capabilities have values, and lists several lines."""


def available(hub: Core, session: Session) -> dict[str, str]:
    """Return the capabilities that ``session`` can ask for, and their values."""
    values = {**dict(hub.rules.capabilities), "sasl": ",".join(mechanisms_of(session))}
    if session.record.secured:
        values["sts"] = f"duration={hub.rules.sts_duration}"
    else:
        values["sts"] = f"port={hub.rules.sts_port}"
    return {name: values.get(name, "") for name in NAMES if name not in hub.rules.unavailable}


def _negotiate(hub: Core, session: Session, entry: c.Capabilities) -> None:
    if entry.verb == "END":
        if session.record.negotiating:
            hub.change(session, "caps", negotiating=False)
            register_if_ready(hub, session)
        return
    if not session.record.registered and not session.record.negotiating and entry.verb != "LIST":
        hub.change(session, "caps", negotiating=True)
    if entry.verb == "LS":
        _list_available(hub, session, entry.version)
    elif entry.verb == "LIST":
        _reply(hub, session, "LIST", session.record.capabilities)
    else:
        _request(hub, session, entry.names)


def _list_available(hub: Core, session: Session, version: int) -> None:
    version = max(version, session.record.version)
    if version != session.record.version:
        fields: dict[str, Any] = {"version": version}
        if version >= WITH_VALUES and "cap-notify" not in session.record.capabilities:
            fields["capabilities"] = sorted([*session.record.capabilities, "cap-notify"])
        hub.change(session, "caps", **fields)
    with_values = version >= WITH_VALUES
    shown = [
        f"{name}={value}" if value and with_values else name
        for name, value in available(hub, session).items()
        if name != "sts" or with_values
    ]
    _reply(hub, session, "LS", shown)


def _request(hub: Core, session: Session, names: list[str]) -> None:
    there = available(hub, session)
    wanted = set(session.record.capabilities)
    for name in names:
        bare = name.removeprefix("-")
        # Neither can be asked for, by their specifications: the one is no capability of messages,
        # the other cannot be let go of by who has asked for version 302.
        if bare not in there or bare == "sts":
            hub.reply(session, e.Replied("CAP", (session.to, "NAK", " ".join(names))))
            return
        if name != bare:
            if bare == "cap-notify" and session.record.version >= WITH_VALUES:
                hub.reply(session, e.Replied("CAP", (session.to, "NAK", " ".join(names))))
                return
            wanted.discard(bare)
        else:
            wanted.add(bare)
    if wanted != set(session.record.capabilities):
        hub.change(session, "caps", capabilities=sorted(wanted))
    hub.reply(session, e.Replied("CAP", (session.to, "ACK", " ".join(names))))


def _reply(hub: Core, session: Session, verb: str, shown: list[str]) -> None:
    """Show a list, in as few lines as it takes; not everybody reads on after the first."""
    lines = [" ".join(shown)]
    if session.record.version >= WITH_VALUES:
        room = room_after(f":{hub.rules.server} CAP {session.to} {verb} * :")
        lines = pack(shown, room) or [""]
    for line in lines[:-1]:
        hub.reply(session, e.Replied("CAP", (session.to, verb, "*", line)))
    hub.reply(session, e.Replied("CAP", (session.to, verb, lines[-1])))


ACTIONS: Final[dict[type, Action]] = {c.Capabilities: _negotiate}
