"""chatd's text dialect as clients speak it: in one room at a time, in no other by mistake."""

import pytest

from chatd_client.exchange import Join, Leave, News, Refused, Resume, Said, Say, SetTopic, Target
from chatd_client.text import TextDialogue

WELCOME = b"--- Welcome to chatd. You are alice in #lobby.\n"
ANSWERED = b"--- which room? usage: /join ROOM [KEY]\n"


class Wire:
    """A dialogue, and what it has written and told."""

    def __init__(self, *rooms: str, was_online: bool = False) -> None:
        target = Target(host="h", nick="alice", rooms=rooms)
        self.dialogue = TextDialogue(Resume(target=target, was_online=was_online), [], wall=0)
        self.dialogue.begin(1.0)

    def hears(self, data: bytes) -> tuple[str, list[News]]:
        self.dialogue.receive(data, 2.0)
        output, news = self.dialogue.take()
        return output.decode(), news

    def orders(self, *orders: Join | Leave | Say | SetTopic) -> tuple[str, list[News]]:
        for order in orders:
            self.dialogue.order(order, 2.0)
        output, news = self.dialogue.take()
        return output.decode(), news


def say(number: int, room: str, text: str) -> Say:
    return Say(id=str(number), room=room, text=text)


def test_it_is_said_once_it_is_known_where_one_is() -> None:
    wire = Wire("#ops", "#tea")
    assert wire.orders(say(1, "#ops", "hello"))[0] == "/nick alice\n/join #ops\n/join\n"
    assert wire.hears(WELCOME)[0] == ""
    assert wire.hears(b"--- you are in #ops\n--- nobody else is here\n")[0] == ""
    output, news = wire.hears(ANSWERED)
    assert output == "hello\n"
    assert not news
    _, (heard,) = wire.hears(b"alice : hello\n")
    assert isinstance(heard, Said)
    assert (heard.room, heard.sent) == ("#ops", "1")


def test_who_is_not_let_in_has_not_said_it_elsewhere() -> None:
    wire = Wire()
    wire.hears(WELCOME)
    wire.orders(Join(room="#closed"), say(1, "#closed", "a secret\nof two lines"))
    output, news = wire.hears(b"--- you are banned from #closed\n" + ANSWERED)
    assert output == ""
    assert [each.sent for each in news if isinstance(each, Refused)] == ["1"]
    assert "you are in #lobby" in next(each.why for each in news if isinstance(each, Refused))
    assert wire.orders(say(2, "#LOBBY", "hello"))[0] == "hello\n"


def test_of_several_ways_the_last_counts() -> None:
    wire = Wire()
    wire.hears(WELCOME)
    wire.orders(Join(room="#a"), Join(room="#b"), say(1, "#b", "for b"), say(2, "#a", "for a"))
    assert wire.hears(b"--- you are in #a\n" + ANSWERED)[0] == ""
    output, news = wire.hears(b"--- you are in #b\n" + ANSWERED)
    assert output == "for b\n"
    assert [each.sent for each in news if isinstance(each, Refused)] == ["2"]


@pytest.mark.parametrize("order", [Leave(room="#ops"), SetTopic(room="#ops", text="new")])
def test_another_room_is_neither_left_nor_given_a_topic(order: Leave | SetTopic) -> None:
    wire = Wire()
    wire.hears(WELCOME)
    output, (news,) = wire.orders(order)
    assert output == "/nick alice\n"[: len(output)]
    assert isinstance(news, Refused)
    assert news.why == "you are in #lobby"
    output, _ = wire.orders(Leave(room="#lobby"))
    assert output == "/leave\n/join\n"


def test_what_is_said_in_private_is_said_from_anywhere() -> None:
    wire = Wire()
    wire.hears(WELCOME)
    assert wire.orders(say(1, "bob", "psst"))[0] == "/msg bob psst\n"
