"""What people do, as lines of IRC: their source is whoever does it, as ``nick!user@host``.

For an event that the recipient has not the capability for, nothing is written.
"""

from collections.abc import Callable
from typing import Any, Final

from chatd_workers import capabilities as cap
from chatd_workers import events as e
from chatd_workers.dialects.irc.lines import last, line, middle, prefix, tags_of
from chatd_workers.dialects.irc.talking import spoken


def _joined(event: e.Joined, view: int) -> bytes:
    source = event.source
    body = f"JOIN {event.room}"
    if view & cap.EXTENDED_JOIN:
        body += f" {source.account or '*'} :{source.realname}"
    data = _line(event, view, body)
    if event.away:
        # The id is the JOIN's.
        data += _away_changed(e.AwayChanged(source, event.away, e.Stamp(event.stamp.time)), view)
    return data


def _left(event: e.Left, view: int) -> bytes:
    return _line(event, view, f"PART {event.room}{_text(event.reason)}")


def _departed(event: e.Departed, view: int) -> bytes:
    return _line(event, view, f"QUIT{_text(event.reason)}")


def _kicked(event: e.Kicked, view: int) -> bytes:
    # RFC 2812, 3.2.8: without a reason, the nick of whoever does it.
    reason = event.reason or event.source.nick
    return _line(event, view, f"KICK {event.room} {middle(event.nick)}{_text(reason)}")


def _killed(event: e.Killed, view: int) -> bytes:
    return _line(event, view, f"KILL {event.nick}{_text(event.reason)}")


def _renamed(event: e.Renamed, view: int) -> bytes:
    return _line(event, view, f"NICK {middle(event.nick)}")


def _topic_changed(event: e.TopicChanged, view: int) -> bytes:
    return _line(event, view, f"TOPIC {event.room} :{event.topic}")


def _said(event: e.Said, view: int) -> bytes:
    return spoken(event, event.status + event.room, view)


def _told(event: e.Told, view: int) -> bytes:
    return spoken(event, event.nick, view)


def _invited(event: e.Invited, view: int) -> bytes:
    if event.notify and not view & cap.INVITE_NOTIFY:
        return b""
    return _line(event, view, f"INVITE {event.nick} {event.room}")


def _away_changed(event: e.AwayChanged, view: int) -> bytes:
    if not view & cap.AWAY_NOTIFY:
        return b""
    return _line(event, view, f"AWAY{_text(event.text)}")


def _account_changed(event: e.AccountChanged, view: int) -> bytes:
    if not view & cap.ACCOUNT_NOTIFY:
        return b""
    return _line(event, view, f"ACCOUNT {event.source.account or '*'}")


def _host_changed(event: e.HostChanged, view: int) -> bytes:
    if not view & cap.CHGHOST:
        return b""
    return _line(event, view, f"CHGHOST {event.user} {last(event.host)}")


def _realname_changed(event: e.RealnameChanged, view: int) -> bytes:
    if not view & cap.SETNAME:
        return b""
    return _line(event, view, f"SETNAME :{event.source.realname}")


# Any: whatever has a source and a stamp.
def _line(event: Any, view: int, body: str) -> bytes:
    source = event.source
    return line(tags_of(view, event.stamp, source), f":{prefix(source)} {body}")


def _text(text: str) -> str:
    return f" :{text}" if text else ""


# Any: each takes the one event type that is its key, which no type for a dict can say.
PEOPLE: Final[dict[type, Callable[[Any, int], bytes]]] = {
    e.Joined: _joined,
    e.Left: _left,
    e.Departed: _departed,
    e.Kicked: _kicked,
    e.Killed: _killed,
    e.Renamed: _renamed,
    e.TopicChanged: _topic_changed,
    e.Said: _said,
    e.Told: _told,
    e.Invited: _invited,
    e.AwayChanged: _away_changed,
    e.AccountChanged: _account_changed,
    e.HostChanged: _host_changed,
    e.RealnameChanged: _realname_changed,
}
"""By type of event; they take the event and the view."""
