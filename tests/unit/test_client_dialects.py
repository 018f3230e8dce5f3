"""What the client makes of what servers say: nothing that one says harms it or a terminal."""

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
from hostile_servers import VERBS, messages, plain_lines

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


def test_whatever_is_left_out_of_a_line_harms_nothing() -> None:
    for verb in VERBS:
        for count in range(4):
            for source in ("", ":alice!a@h "):
                words = ("alice", "#ops", "x")[:count]
                line = f"{source}{' '.join((verb, *words))}\r\n".encode()
                played(DIALECTS["irc"](RESUME, []), [("said", line)])
                begun: list[Step] = [("said", each) for each in GREETING]
                played(DIALECTS["irc"](RESUME, []), [*begun, ("said", line)])
