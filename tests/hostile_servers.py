"""What a server that means harm, or is broken, could say: strategies for hypothesis."""

from typing import Final

from hypothesis import strategies as st

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
