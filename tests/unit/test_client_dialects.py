"""What the client makes of what servers say: nothing that one says harms it or a terminal."""

from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatd_client.exchange import (
    AnyOrder,
    Join,
    Kind,
    Leave,
    ListRooms,
    MarkRead,
    Older,
    Quit,
    Rename,
    Say,
    SetTopic,
    TypingNow,
    WhoIs,
)
from client_dialects import DIALECTS, GREETING, RESUME, WALL, Step, played
from hostile import ATTACKS

VERBS: Final = (
    *(
        "PRIVMSG",
        "NOTICE",
        "TAGMSG",
        "BATCH",
        "CAP",
        "AUTHENTICATE",
        "PING",
        "PONG",
        "ACK",
        "ERROR",
    ),
    *(
        "FAIL",
        "WARN",
        "NICK",
        "INVITE",
        "MARKREAD",
        "JOIN",
        "PART",
        "KICK",
        "QUIT",
        "TOPIC",
        "MODE",
    ),
    *("AWAY", "ACCOUNT", "CHGHOST", "SETNAME", "CHATHISTORY", "REDACT", "\x00PRIVMSG", "a:b", "é"),
    *map(
        "{:03}".format,
        (
            *(1, 2, 4, 5, 10, 221, 301, 305, 311, 312, 317, 318, 319, 320, 322, 323, 324, 329, 330),
            *(331, 332, 333, 353, 366, 376, 401, 403, 404, 421, 422, 432, 433, 437, 461, 464, 465),
            *(471, 473, 474, 475, 671, 730, 731, 900, 903, 904),
        ),
    ),
)

WORDS: Final = (
    *("alice", "bob", "#ops", "#tea", "*", "LS", "ACK", "NAK", "NEW", "DEL", "LIST", "=", "@"),
    *(
        "+r1",
        "-r1",
        "+r2",
        "-r2",
        "chathistory",
        "labeled-response",
        "netjoin",
        "draft/chathistory",
    ),
    *("timestamp=2026-11-26T10:00:00.000Z", "CHATHISTORY", "INVALID_PARAMS", "+ov", "-b", "4711"),
    *(
        "CASEMAPPING=rfc1459",
        "PREFIX=(ov)@+",
        "CHANTYPES=",
        "NICKLEN=-1",
        "CHATHISTORY=x",
        "sasl=A",
    ),
    *("\x01ACTION waves\x01", "\x01VERSION\x01", "message-tags", "sts=port=6697,duration=1"),
)

TAGS: Final = (
    *("batch=r1", "batch=r2", "label=1", "label=2", "msgid=a", "msgid=b", "msgid=", "account=bob"),
    *("time=2026-11-26T10:00:00.000Z", "time=9999-99-99T99:99:99Z", "time=x", "+typing=active"),
    *("+typing=", "+draft/reply=a", "chatd/once=1", "+chatd/once=1", "bot", "a\\", "=", ""),
)

word = st.one_of(st.sampled_from(WORDS), st.sampled_from(ATTACKS), st.text(max_size=6))


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Return a line that is like what a server says."""
    tags = draw(st.lists(st.sampled_from(TAGS), max_size=3))
    source = draw(st.sampled_from(("", ":bob!b@h ", ":alice!a@h ", ":irc.example ", ": ", ":!@ ")))
    params = draw(st.lists(word, max_size=5))
    line = f"@{';'.join(tags)} " if tags else ""
    line += source + draw(st.sampled_from(VERBS))
    for place, param in enumerate(params):
        line += f" {':' if place == len(params) - 1 else ''}{param}"
    end = draw(st.sampled_from(("\r\n", "\n", "\r", "")))
    return (line + end).encode("utf-8", "surrogatepass")


plain_lines = st.lists(
    st.one_of(
        word,
        st.sampled_from(
            (
                "--- Welcome to chatd. You are guest1 in #lobby.",
                "--- guest1 is now alice",
                "--- you are in #ops",
                "--- here: bob",
                "--- alice joined #ops",
                "[bob -> alice]",
            )
        ),
    ),
    max_size=6,
).map(lambda words: (" ".join(words) + "\n").encode("utf-8", "surrogatepass"))

orders: st.SearchStrategy[AnyOrder] = st.sampled_from(
    (
        Say(id="1", room="#ops", text="one\r\ntwo"),
        Say(id="2", room="bob", text="x" * 2000),
        Say(id="3", room="#ops", text="漢" * 300, kind=Kind.ACTION),
        Join(room="#new", key="k"),
        Leave(room="#ops"),
        Rename(nick="al"),
        SetTopic(room="#ops", text="t"),
        WhoIs(nick="bob"),
        ListRooms(),
        Older(room="#ops", count=10),
        MarkRead(room="#ops", time=WALL),
        TypingNow(room="#ops", active=True),
        Quit(reason="bye"),
    )
)


def steps(said: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[Step]]:
    """Return what happens to a client: bytes, orders, time that passes."""
    return st.lists(
        st.one_of(
            st.tuples(st.just("said"), said),
            st.tuples(st.just("bytes"), st.binary(max_size=30)),
            st.tuples(st.just("order"), orders),
            st.tuples(st.just("passed"), st.floats(0, 200)),
        ),
        max_size=25,
    )


wide = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@wide
@given(steps(messages()), st.booleans())
def test_no_server_of_irc_harms_it(happening: list[Step], greeted: bool) -> None:
    begun: list[Step] = [("said", line) for line in GREETING] if greeted else []
    played(DIALECTS["irc"](RESUME, []), [*begun, *happening])


@wide
@given(st.sampled_from(("text", "lab")), steps(plain_lines))
def test_no_server_of_lines_harms_it(dialect: str, happening: list[Step]) -> None:
    played(DIALECTS[dialect](RESUME, []), happening)


@wide
@given(st.lists(messages(), max_size=12), st.data())
def test_it_does_not_matter_how_bytes_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join((*GREETING, *lines))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    whole = played(DIALECTS["irc"](RESUME, []), [("said", stream)])
    assert played(DIALECTS["irc"](RESUME, []), [("said", piece) for piece in pieces]) == whole
