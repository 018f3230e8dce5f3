"""What the server says of itself, in lines."""

import pytest

from chatd_supervisor.hub import OperatorBlock
from chatd_workers.dialects.irc.reader import VERBS
from hub_lines import Lines

TOKENS = tuple(f"TOKEN{number}={number}" for number in range(15))
RULES = {
    "description": "a test server",
    "network": "Example",
    "version": "chatd-1.2",
    "started": "2026-11-23 10:32:00 UTC",
    "since": 0.0,
    "motd": ("Tea is at four.", "", "Biscuits as well."),
    "admin": ("Lab", "Somebody", "root@example.org"),
    "tokens": TOKENS,
    "operators": (OperatorBlock("root", "secret"), OperatorBlock("toor", "secret")),
}


@pytest.fixture
def lines() -> Lines:
    """Alice (1) alone."""
    lines = Lines(**RULES)
    lines.irc("alice")
    return lines


def users(here: int, most: int, *, hidden: int = 0, new: int = 0, rooms: int = 0) -> list[str]:
    """Return the answer to LUSERS; those who are invisible are operators here."""
    return [
        f"251 alice :There are {here - hidden} users and {hidden} invisible on 1 server",
        f"252 alice {hidden} :operator(s) online",
        f"253 alice {new} :unknown connection(s)",
        f"254 alice {rooms} :channels formed",
        f"255 alice :I have {here} clients and 0 servers",
        f"265 alice {here} {most} :Current local users {here}, max {most}",
        f"266 alice {here} {most} :Current global users {here}, max {most}",
    ]


def test_lusers_counts_people_and_remembers_the_most(lines: Lines) -> None:
    assert lines.send(1, "LUSERS") == users(1, 1)
    new = lines.arrive("irc")
    lines.send(new, "NICK bob")
    assert lines.send(1, "LUSERS") == users(1, 1, new=1)
    lines.send(new, "USER bo 0 * :Bob")
    lines.text("carol")
    lines.set_modes(new, "io")
    lines.send(new, "JOIN #x")
    assert lines.send(1, "LUSERS") == users(3, 3, hidden=1, rooms=2)
    lines.leave(new)
    assert lines.send(1, "LUSERS") == users(2, 3, rooms=1)


MOTD = [
    "375 alice :- irc.example.org Message of the day - ",
    "372 alice :- Tea is at four.",
    "372 alice :- ",
    "372 alice :- Biscuits as well.",
    "376 alice :End of /MOTD command.",
]
ADMIN = [
    "256 alice irc.example.org :Administrative info",
    "257 alice :Lab",
    "258 alice :Somebody",
    "259 alice :root@example.org",
]
INFO = [
    "371 alice :chatd-1.2: an instant messenger for Unix machines",
    "371 alice :Whichever of its processes is killed: nobody is disconnected, no line is lost",
    "371 alice :This is irc.example.org of Example, here since 2026-11-23 10:32:00 UTC",
    "374 alice :End of INFO list",
]
NO_SUCH = "402 alice other.example :No such server"


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("MOTD", MOTD),
        ("MOTD irc.example.org", MOTD),
        ("MOTD other.example", [NO_SUCH]),
        (
            "TIME",
            ["391 alice irc.example.org 1795453505 0 :2026-11-23 17:05:05 UTC"],
        ),
        ("TIME other.example", [NO_SUCH]),
        ("ADMIN", ADMIN),
        ("ADMIN IRC.*", ADMIN),
        ("ADMIN alice", ADMIN),
        ("ADMIN other.example", [NO_SUCH]),
        ("INFO", INFO),
        ("INFO other.example", [NO_SUCH]),
        ("VERSION other.example", [NO_SUCH]),
        ("LUSERS * other.example", [NO_SUCH]),
        (
            "LINKS",
            [
                "364 alice irc.example.org irc.example.org :0 a test server",
                "365 alice * :End of /LINKS list",
            ],
        ),
        ("LINKS other.*", ["365 alice * :End of /LINKS list"]),
        ("LINKS other.example *", [NO_SUCH]),
        (
            "STATS u",
            [
                "242 alice :Server Up 0 days 6:33:05",
                "219 alice u :End of /STATS report",
            ],
        ),
        (
            "STATS o",
            [
                "481 alice :Permission Denied- You're not an IRC operator",
                "219 alice o :End of /STATS report",
            ],
        ),
        (
            "STATS x",
            [
                "481 alice :Permission Denied- You're not an IRC operator",
                "219 alice x :End of /STATS report",
            ],
        ),
        ("STATS u other.example", [NO_SUCH]),
        ("USERS", ["446 alice :USERS has been disabled"]),
        (
            "HELP privmsg",
            [
                "704 alice PRIVMSG :PRIVMSG TARGET{,TARGET} :TEXT",
                "705 alice PRIVMSG :say TEXT",
                "705 alice PRIVMSG :Specified by: Modern, PRIVMSG",
                "706 alice PRIVMSG :End of /HELP",
            ],
        ),
        ("HELP nothing", ["524 alice nothing :No help available on this topic"]),
        ("HELPOP nothing", ["524 alice nothing :No help available on this topic"]),
    ],
)
def test_questions(lines: Lines, asked: str, wanted: list[str]) -> None:
    lines.wait(6 * 3600 + 33 * 60 + 5)
    assert lines.send(1, asked) == wanted


def test_operators_may_ask_who_may_be_one(lines: Lines) -> None:
    lines.set_modes(1, "o")
    assert lines.send(1, "STATS o") == [
        "243 alice O *@* * root",
        "243 alice O *@* * toor",
        "219 alice o :End of /STATS report",
    ]
    assert lines.send(1, "STATS x") == ["219 alice x :End of /STATS report"]


def test_version_tells_what_is_supported_too(lines: Lines) -> None:
    first, *tokens = lines.send(1, "VERSION")
    assert first == "351 alice chatd-1.2 irc.example.org :a test server"
    assert len(tokens) == 2
    text = " :are supported by this server"
    told = [token for line in tokens for token in line.removesuffix(text).split()[2:]]
    assert told == list(TOKENS)


@pytest.mark.parametrize("verb", ["HELP", "HELPOP"])
def test_help_lists_every_command(lines: Lines, verb: str) -> None:
    first, *rest, last = lines.send(1, verb)
    assert first == "704 alice index :Commands; HELP COMMAND tells more of one"
    assert last == "706 alice index :End of /HELP"
    assert {word for line in rest for word in line.split(":", 1)[1].split()} == set(VERBS)
    assert all(line.startswith("705 alice index :") for line in rest)


def test_without_motd_and_admin_that_is_told() -> None:
    lines = Lines()
    lines.irc("alice")
    assert lines.send(1, "MOTD") == ["422 alice :MOTD File is missing"]
    assert lines.send(1, "ADMIN") == ["423 alice irc.example.org :No administrative info available"]


def test_who_comes_is_told_how_many_are_here_and_the_message_of_the_day() -> None:
    lines = Lines(**RULES)
    lines.arrive("irc")
    lines.send(1, "NICK alice")
    heard = lines.send(1, "USER al 0 * :Alice")
    codes = [line[:3] for line in heard]
    assert codes[:5] == ["001", "002", "003", "004", "005"]
    assert heard[-12:] == [*users(1, 1), *MOTD]
