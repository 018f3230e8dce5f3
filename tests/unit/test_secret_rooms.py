"""A secret room is not there for whoever is not in it: what it is told is the same, to the byte."""

from typing import Final

import pytest

from chatd_workers.dialects.irc.reader import VERBS
from hub_lines import Lines

SECRET: Final = "#hidden"
MISSING: Final = "#absent"

EARLIER: Final = "timestamp=2016-01-01T00:00:00.000Z"
LATER: Final = "timestamp=2036-01-01T00:00:00.000Z"

ASKED: Final[dict[str, tuple[str, ...]]] = {
    "PART": ("PART {}", "PART {} :bye", "PART #open,{}", "PART {},{}"),
    "TOPIC": ("TOPIC {}", "TOPIC {} :new", "TOPIC {} :"),
    "NAMES": ("NAMES {}", "NAMES #open,{}", "NAMES"),
    "LIST": ("LIST", "LIST {}", "LIST #*", "LIST !#open,{}", "LIST >0,{}", "LIST C<9", "LIST T<9"),
    "INVITE": ("INVITE bob {}", "INVITE alice {}", "INVITE nobody {}", "INVITE"),
    "KICK": ("KICK {} alice", "KICK {} nobody :why", "KICK {} bob"),
    "MODE": (
        "MODE {}",
        "MODE {} b",
        "MODE {} e",
        "MODE {} +b *!*@h",
        "MODE {} +o bob",
        "MODE {} -s",
        "MODE {} +x",
        "MODE {} +k",
    ),
    "PRIVMSG": (
        "PRIVMSG {} :hello",
        "PRIVMSG @{} :hello",
        "PRIVMSG +{} :hello",
        "PRIVMSG @+{} :hello",
        "PRIVMSG {},carol :hello",
        "PRIVMSG {} :\x01VERSION\x01",
        "PRIVMSG {} :\x01ACTION waves\x01",
    ),
    "NOTICE": ("NOTICE {} :hello", "NOTICE @{} :hello"),
    "TAGMSG": ("@+typing=active TAGMSG {}", "@+draft/react=x TAGMSG @{}"),
    "WHO": ("WHO {}", "WHO {} o", "WHO {} %tcnu,7", "WHO alice", "WHO alice %c", "WHO *"),
    "WHOIS": ("WHOIS alice", "WHOIS {}"),
    "CHATHISTORY": (
        "CHATHISTORY LATEST {} * 10",
        f"CHATHISTORY BEFORE {{}} {LATER} 10",
        f"CHATHISTORY AFTER {{}} {EARLIER} 10",
        f"CHATHISTORY AROUND {{}} {LATER} 10",
        f"CHATHISTORY BETWEEN {{}} {EARLIER} {LATER} 10",
        f"CHATHISTORY TARGETS {EARLIER} {LATER} 10",
    ),
    "MARKREAD": ("MARKREAD {}", f"MARKREAD {{}} {EARLIER}"),
    "MONITOR": ("MONITOR + {}", "MONITOR S"),
    "CHANREG": ("CHANREG {}", "CHANREG {} OFF"),
    "CHANACCESS": ("CHANACCESS {} bob o", "CHANACCESS {} bob"),
    "CHANSERV": ("CHANSERV REGISTER {}", "CHANSERV DROP {}"),
    "CS": ("CS REGISTER {}",),
    "LUSERS": ("LUSERS",),
    "STATS": ("STATS u", "STATS {}"),
    "HELP": ("HELP {}",),
    "HELPOP": ("HELPOP {}",),
    "ISON": ("ISON {} alice",),
    "USERHOST": ("USERHOST {} alice",),
    "WHOWAS": ("WHOWAS {}",),
    "ACCEPT": ("ACCEPT {}",),
    "NICK": ("NICK {}",),
    "NICKSERV": ("NICKSERV {}",),
    "NS": ("NS {}",),
}
"""What takes a room, or could tell of one, for each verb of IRC."""

TELLING: Final = {"JOIN"}
"""What cannot but tell: a room that is there is not made."""

ROOMLESS: Final = {
    *("CAP", "AUTHENTICATE", "PASS", "USER", "OPER", "REGISTER", "VERIFY"),
    *("PING", "PONG", "QUIT", "AWAY", "SETNAME", "KILL", "WALLOPS", "REHASH", "RESTART", "DIE"),
    *("MOTD", "VERSION", "TIME", "ADMIN", "INFO", "LINKS", "USERS"),
}
"""What names no room, and tells of none."""

LOOKS: Final = ("n", "nm", "nt", "mn", "Cn", "Mn", "nR", "in")
"""How the secret room is set besides."""

MODERN: Final = (
    "message-tags labeled-response batch echo-message server-time draft/chathistory"
    " draft/read-marker standard-replies multi-prefix userhost-in-names"
)


def test_all_verbs_are_looked_at() -> None:
    assert ASKED.keys() | TELLING | ROOMLESS == VERBS.keys()


def told(line: str, modes: str, caps: str, *, there: bool) -> list[str]:
    """Return what an outsider is told of ``line``, with ``{}`` for a room that may be there."""
    lines = Lines()
    alice, bob = lines.irc("alice"), lines.irc("bob", caps)
    lines.send(alice, f"JOIN {SECRET}")
    lines.send(alice, f"TOPIC {SECRET} :plans")
    lines.send(alice, f"PRIVMSG {SECRET} :plans")
    lines.send(alice, f"MODE {SECRET} +b bob")
    lines.set_room_modes(alice, SECRET, "".join(sorted(f"s{modes}")))
    lines.irc("carol")
    lines.send(3, "JOIN #open")
    asked = SECRET if there else MISSING
    said = line.format(asked, asked)
    if "labeled" in caps:
        said = f"@label=7;{said[1:]}" if said.startswith("@") else f"@label=7 {said}"
    told = lines.send(bob, said)
    assert lines.read(alice) == [], "nobody inside hears of it"
    return [each.replace(asked, "{}").replace(asked.removeprefix("#"), "{}") for each in told]


@pytest.mark.parametrize("caps", ["", MODERN], ids=["plain", "modern"])
@pytest.mark.parametrize("verb", ASKED)
def test_who_is_outside_cannot_tell_a_secret_room_from_none(verb: str, caps: str) -> None:
    for line in ASKED[verb]:
        for modes in LOOKS:
            answers = told(line, modes, caps, there=True)
            assert answers == told(line, modes, caps, there=False), f"{line} +{modes}"
            assert not any("plans" in answer for answer in answers)


def test_who_reads_lines_cannot_tell_either() -> None:
    lines = Lines()
    alice, tom = lines.irc("alice"), lines.text("tom")
    lines.send(alice, f"JOIN {SECRET}")
    lines.set_room_modes(alice, SECRET, "ns")
    assert lines.send(tom, f"/who {SECRET}") == [
        f"--- there is no room {SECRET} (/rooms lists them)"
    ]
    assert not any("hidden" in each for each in lines.send(tom, "/rooms"))
    assert not any("hidden" in each for each in lines.send(tom, "/whois alice"))


def test_a_secret_room_that_takes_lines_from_outside_takes_them() -> None:
    lines = Lines()
    alice, bob = lines.irc("alice"), lines.irc("bob")
    lines.send(alice, f"JOIN {SECRET}")
    lines.set_room_modes(alice, SECRET, "s")
    assert lines.send(bob, f"PRIVMSG {SECRET} :built") == []
    assert lines.read(alice)[-1].endswith(f" PRIVMSG {SECRET} :built")


def test_who_may_see_all_is_told_as_of_any_room() -> None:
    lines = Lines()
    alice, root = lines.irc("alice"), lines.irc("root")
    lines.send(alice, f"JOIN {SECRET}")
    lines.set_room_modes(alice, SECRET, "ns")
    lines.set_modes(root, "o")
    assert lines.send(root, f"PART {SECRET}")[0].startswith(f"442 root {SECRET} ")
    assert lines.send(root, f"PRIVMSG {SECRET} :hello")[0].startswith(f"404 root {SECRET} ")
