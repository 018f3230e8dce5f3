r"""RPL_ISUPPORT: what a client may rely on, as tokens (Modern, "RPL_ISUPPORT Parameters").

What follows from the protocol stands here, what an operator may choose comes from the
configuration. A token is there only if it is true.
"""

from typing import Final

from chatd_workers.dialects.irc.lines import MAX_MODES
from chatd_workers.dialects.irc.modes import (
    ACCOUNT,
    CHANMODES,
    EXTENDED,
    MAX_KEY,
    PREFIX,
    PREFIXES,
    ROOM_MODES,
    Kind,
    letters,
)

MAX_TOKENS: Final = 13
"""Tokens in one line: 15 parameters, less the recipient and the text."""

FIXED: Final[dict[str, str]] = {
    "ACCOUNTEXTBAN": ACCOUNT,
    "BOT": "B",
    "CALLERID": "g",
    "CASEMAPPING": "precis",
    "CHANMODES": CHANMODES,
    "CHANTYPES": "#",
    "ELIST": "CMNTU",
    "EXCEPTS": "e",
    "EXTBAN": f"{EXTENDED},{ACCOUNT}",
    "INVEX": "I",
    "KEYLEN": str(MAX_KEY),
    "MODES": str(MAX_MODES),
    "MSGREFTYPES": "msgid,timestamp",
    "PREFIX": PREFIX,
    "SAFELIST": "",
    "STATUSMSG": "".join(PREFIXES.values()),
    "UTF8ONLY": "",
    "WHOX": "",
}
"""What no configuration changes; an empty value is none."""

LISTS: Final = letters(ROOM_MODES, Kind.LIST)


def tokens(
    *,
    network: str,
    nick_length: int,
    user_length: int,
    realname_length: int,
    channel_length: int,
    topic_length: int,
    kick_length: int,
    away_length: int,
    rooms_per_client: int,
    list_entries: int,
    accept_entries: int,
    monitor_entries: int,
    max_targets: int,
    history_lines: int,
) -> tuple[str, ...]:
    """Return all tokens, sorted by name. 0 is no limit, which is told where IRC can say so."""
    found = FIXED | {
        "CHANLIMIT": f"#:{_some(rooms_per_client)}",
        "CHANNELLEN": str(channel_length),
        "CHATHISTORY": str(history_lines),
        "MONITOR": _some(monitor_entries),
        "NETWORK": _escape(network),
        "NICKLEN": str(nick_length),
        "TARGMAX": _targets(max_targets, monitor_entries),
        "USERLEN": str(user_length),
    }
    # Of these, no token means no limit.
    found |= {
        name: value
        for name, limit, value in (
            ("ACCEPT", accept_entries, str(accept_entries)),
            ("AWAYLEN", away_length, str(away_length)),
            ("KICKLEN", kick_length, str(kick_length)),
            ("MAXLIST", list_entries, ",".join(f"{letter}:{list_entries}" for letter in LISTS)),
            ("MAXTARGETS", max_targets, str(max_targets)),
            ("NAMELEN", realname_length, str(realname_length)),
            ("TOPICLEN", topic_length, str(topic_length)),
        )
        if limit
    }
    return tuple(f"{name}={found[name]}" if found[name] else name for name in sorted(found))


def _targets(messages: int, monitored: int) -> str:
    limits = {
        "JOIN": "",
        "KICK": _some(messages),
        "LIST": "",
        "MONITOR": _some(monitored),
        "NAMES": "1",
        "NOTICE": _some(messages),
        "PART": "",
        "PRIVMSG": _some(messages),
        "TAGMSG": _some(messages),
        "WHOIS": _some(messages),
    }
    return ",".join(f"{command}:{limit}" for command, limit in limits.items())


def _some(limit: int) -> str:
    return str(limit) if limit else ""


def _escape(text: str) -> str:
    # A value is printable ASCII; a client that wants more reads 001.
    ascii_only = text.encode("ascii", "replace").decode()
    return ascii_only.replace("\\", "\\x5C").replace(" ", "\\x20").replace("=", "\\x3D")
