"""A hostile sender and the real program: whatever comes by the wire, the screen keeps its shape.

What the screen does with hostile news is in tests/unit/test_screen_safety.py; here bytes go in at
one end, in each dialect, and all that comes out at the other is looked at.
"""

import contextlib
import re
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from besieged import besieged
from client_dialects import GREETING
from hostile import ATTACKS, hostile_bytes
from hostile_servers import messages, plain_lines

ROOM = (
    b":irc.example CAP * LS :message-tags server-time multi-prefix draft/typing\r\n",
    b":irc.example CAP alice ACK :message-tags server-time multi-prefix\r\n",
    *GREETING[2:],
    b":alice!a@h JOIN #lobby\r\n",
    b":irc.example 353 alice = #lobby :alice @bob\r\n",
    b":irc.example 366 alice #lobby :End\r\n",
)

WELCOME = (b"--- Welcome to irc.example. You are alice in #lobby.\n",)

IRC_LINES = (
    b":x%s!%s@%s PRIVMSG #lobby :%s",
    b":x%s!%s@%s NOTICE #lobby :%s",
    b":x%s!%s@%s PRIVMSG alice :alice %s",
    b":x%s!%s@%s PRIVMSG #lobby :\x01ACTION alice %s\x01",
    b":x%s!%s@%s PRIVMSG #lobby :\x01%s\x01",
    b"@+typing=active :x%s!%s@%s TAGMSG #lobby :%s",
    b":x%s!%s@%s TOPIC #lobby :%s",
    b":x%s!%s@%s JOIN #lobby %s",
    b":x%s!%s@%s QUIT :%s",
    b":x%s!%s@%s PART #lobby :%s",
    b":x%s!%s@%s NICK :x%s",
    b":x%s!%s@%s KICK #lobby bob :%s",
    b":x%s!%s@%s MODE #lobby +k :%s",
    b":x%s!%s@%s INVITE alice :#%s",
    b":irc.example 353 alice = #lobby :@x%s x%s x%s x%s",
    b":irc.example 332 alice #lobby :%s%s%s%s",
    b":irc.example 311 alice x%s %s %s * :%s",
    b":irc.example 404 alice %s%s%s :%s",
    b":%s%s%s NOTICE * :%s",
)
TEXT_LINES = (
    b"x%s : %s",
    b"* x%s %s",
    b"-x%s- %s",
    b"[x%s -> alice] alice %s",
    b"--- x%s has come in: %s",
    b"--- topic of %s: %s",
    b"%s%s",
)
LAB_LINES = (b"x%s : %s", b"x%s : alice: %s", b"%s%s")

some = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


few = settings(some, phases=(Phase.generate,))
"""Each has a program of its own; to make a failure smaller would take minutes."""


@st.composite
def said(draw: st.DrawFn, forms: tuple[bytes, ...], end: bytes) -> bytes:
    """Return some lines of others, everything in which is theirs."""
    lines = []
    for form in draw(st.lists(st.sampled_from(forms), min_size=1, max_size=12)):
        theirs = tuple(draw(hostile_bytes) for _ in range(form.count(b"%s")))
        line = form % theirs
        lines.append(line.replace(b"\n", b"").replace(b"\0", b"") + end)
    return b"".join(lines)


class Dialect(NamedTuple):
    """How others are heard by a dialect."""

    forms: tuple[bytes, ...]
    end: bytes
    calm: str
    """What bob says last."""
    greeting: tuple[bytes, ...]
    arguments: tuple[str, ...] = ()
    scheme: str = ""
    room: str = "#lobby"
    state: str = "online  irc.example"


DIALECTS: Final = {
    "irc": Dialect(
        IRC_LINES, b"\r\n", ":bob!b@h PRIVMSG #lobby :{}\r\n", ROOM, ("--room", "#lobby"), "irc://"
    ),
    "text": Dialect(TEXT_LINES, b"\n", "bob : {}\n", WELCOME),
    "lab": Dialect(
        LAB_LINES, b"\0\0", "bob : {}\0\0", (), ("--lab",), "", "#lab", "online  127.0.0.1"
    ),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_nothing_that_others_send_disturbs_the_screen(tmp_path: Path, name: str) -> None:
    dialect = DIALECTS[name]
    with besieged(
        tmp_path, *dialect.arguments, greeting=dialect.greeting, scheme=dialect.scheme
    ) as alice:

        @some
        @given(said(dialect.forms, dialect.end))
        def suffer(lines: bytes) -> None:
            alice.suffers(lines, dialect.calm, dialect.room, dialect.state)

        alice.suffers(b"", dialect.calm, dialect.room, dialect.state)
        suffer()
        # One by one, so that each is on the screen; what differs by the dialect was tried above.
        for attack in ATTACKS if name == "irc" else ():
            theirs = attack.encode("utf-8", "surrogatepass").replace(b"\n", b"").replace(b"\0", b"")
            lines = b"".join(form.replace(b"%s", theirs) + dialect.end for form in dialect.forms)
            alice.suffers(lines, dialect.calm, dialect.room, dialect.state)
        alice.has_gone_on()


@pytest.mark.parametrize("name", DIALECTS)
def test_nothing_that_a_server_sends_disturbs_the_screen(tmp_path: Path, name: str) -> None:
    dialect = DIALECTS[name]
    line = messages() if name == "irc" else plain_lines
    greeting = (*GREETING, *ROOM[-3:]) if name == "irc" else dialect.greeting

    @settings(few, max_examples=2 if name == "lab" else 4)  # it takes a second to leave
    @given(st.lists(line, min_size=30, max_size=60).map(b"".join))
    def suffer(lines: bytes) -> None:
        with besieged(
            tmp_path, *dialect.arguments, greeting=greeting, scheme=dialect.scheme
        ) as alice:
            # Which window one is left in, and whether one is online, is the server's to say.
            with contextlib.suppress(OSError):
                alice.server.say(lines)
            for keys in ("", "Alt-0", "Alt-1", "F2", "PgUp", "End"):
                alice.terminal.press(*filter(None, (keys, "q")))
                alice.terminal.sees(r" > q$")
                alice.is_painted()
                alice.terminal.press("Ctrl-C")
                alice.terminal.sees(r" >$")
                assert re.match(r" \S+  (online|connecting|offline|closed) ", alice.row(-3))
                assert re.match(r" \d+ \S+ ", alice.row(-2))
            alice.has_gone_on()

    suffer()
