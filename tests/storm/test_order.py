"""The judge of the storm is a test's test: each kind of fault must be seen."""

import pytest

from storm.figures import Figures
from storm.order import Ear, Order, Speaker, text_of
from storm.wires import IRC, TEXT

SEED = 4


class Hall:
    """An order with two speakers who have said a hundred lines each, and two ears."""

    def __init__(self) -> None:
        self.figures = Figures(SEED)
        self.order = Order(self.figures)
        for key in (1, 2):
            nick = b"p%d" % key
            speaker = self.order.speakers[nick] = Speaker(key, nick)
            speaker.said = 100
        self.a = Ear("a", self.order)
        self.b = Ear("b", self.order)

    def conclude(self, *others: Ear) -> str:
        for speaker in self.order.speakers.values():
            speaker.said = speaker.ordered
        self.order.conclude([self.a, self.b, *others])
        f = self.figures
        return f"{f.lost} {f.doubled} {f.reordered} {f.garbled}"


def said(key: int, *numbers: int) -> bytes:
    return b"".join(b"p%d : %s\n" % (key, text_of(SEED, key, n)) for n in numbers)


def test_the_same_in_any_pieces_is_right() -> None:
    hall = Hall()
    stream = said(1, 0, 1) + b"--- p9 joined #lobby\n" + said(2, *range(100)) + said(1, 2)
    for at in range(0, len(stream), 7):
        hall.a.hear(stream[at : at + 7])
    for at in range(0, len(stream), 1000):
        hall.b.hear(stream[at : at + 1000])
    assert hall.conclude() == "0 0 0 0"
    assert hall.figures.zeros
    assert hall.figures.lines == 103
    assert hall.figures.deliveries == 208
    hall.order.speakers[b"p2"].hear(hall.b.place or 0)
    assert hall.order.speakers[b"p2"].heard == 100


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (said(1, 0, 1, 2), said(1, 0, 2), "1 0 0 0"),
        (said(1, 0, 2), said(1, 0, 2), "1 0 0 0"),
        (said(1, 0, 1, 2), said(1, 0, 1), "1 0 0 0"),
        (said(1, 0, 1), said(1, 0, 1, 3), "2 0 0 0"),
        (said(1, 0, 1), said(1, 0, 1, 1), "0 1 0 0"),
        (said(1, 0, 1, 2), said(1, 0, 1, 1, 2), "0 1 0 0"),
        (said(1, 0, 1), said(1, 0, 0, 1, 1), "0 2 0 0"),
        (said(1, 0) + said(2, 0), said(2, 0) + said(1, 0), "0 0 1 0"),
        (said(1, 0, 1), said(1, 0) + said(1, 1)[:-3], "1 0 0 1"),
        (said(1, 0), said(1, 0)[:-2] + b"\n", "1 0 0 1"),
        (said(1, 0), said(1, 0) + b"p1 : bonjour\n", "0 0 0 1"),
        (said(1, 0), said(1, 0) + b"p3 : 3 0 x\n", "0 0 0 1"),
        (said(1, 0), said(1, 0) + said(1, 1)[:9] + said(1, 1), "0 0 0 1"),
        (b"--- x left #lobby\n" * 2, b"--- x left #lobby\n", "0 1 0 0"),
        (said(1, 0), b"--- x left #lobby\n" + said(1, 0), "1 0 1 0"),
    ],
)
def test_each_fault_is_seen(first: bytes, second: bytes, expected: str) -> None:
    hall = Hall()
    hall.a.hear(first)
    hall.b.hear(second)
    assert hall.conclude() == expected
    assert not hall.figures.zeros
    assert hall.figures.notes


def test_what_was_said_and_never_heard_is_lost() -> None:
    hall = Hall()
    for ear in (hall.a, hall.b):
        ear.hear(said(1, *range(100)) + said(2, *range(97)))
    hall.order.conclude([hall.a, hall.b])
    assert hall.figures.lost == 3


def test_a_visitor_hears_from_where_it_came_in() -> None:
    hall = Hall()
    late = Ear("late", hall.order, late=True)
    hall.a.hear(said(1, 0, 1, 2))
    late.hear(b"--- said before: p1 : nothing\n" + said(1, 1, 2, 3))
    assert not hall.order.catch_up(late)
    hall.a.hear(said(1, 3, 4))
    hall.b.hear(said(1, 0, 1, 2, 3, 4))
    assert hall.order.catch_up(late)
    assert hall.conclude() == "0 0 0 0"


def test_what_a_visitor_says_is_not_before_its_coming() -> None:
    hall = Hall()
    late = Ear("late", hall.order, late=True)
    late.hear(said(2, 0))
    for ear in (hall.a, hall.b):
        ear.hear(b"--- p2 joined #lobby\n" + said(2, 0))
    assert hall.order.catch_up(late)
    assert hall.conclude() == "0 0 0 0"


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        (said(1, 1, 3), "1 0 0 0"),
        (said(1, 1, 1, 2, 3), "0 1 0 0"),
        (said(1, 2, 1, 3), "0 1 0 0"),
        (said(1, 1, 5), "2 0 0 1"),
        (said(1, 1) + b"x\n" + said(1, 2, 3), "0 0 0 1"),
    ],
)
def test_each_fault_of_what_a_visitor_hears_is_seen(heard: bytes, expected: str) -> None:
    hall = Hall()
    late = Ear("late", hall.order, late=True)
    for ear in (hall.a, hall.b):
        ear.hear(said(1, 0, 1, 2, 3))
    late.hear(heard)
    assert hall.conclude(late) == expected


def test_a_long_order_is_forgotten_and_still_compared() -> None:
    hall = Hall()
    hall.order.speakers[b"p1"].said = 1 << 20
    number = 0
    while hall.order.end < 4 << 20:
        for ear in (hall.a, hall.b):
            ear.hear(said(1, *range(number, number + 100)))
        number += 100
        hall.order.trim([hall.a, hall.b])
    assert len(hall.order._text) < 3 << 20
    hall.a.hear(said(1, number))
    hall.b.hear(said(1, number, number - 1, 3))
    assert hall.conclude() == "0 2 0 0"


def test_who_is_not_told_its_own_lines_hears_all_others() -> None:
    hall = Hall()
    deaf = Ear("deaf", hall.order, deaf_to=b"p2")
    deaf.hear(said(1, 0, 1))
    for ear in (hall.a, hall.b):
        ear.hear(said(2, 0) + said(1, 0) + said(2, 1, 2) + said(1, 1) + said(2, 3))
    assert hall.order.catch_up(deaf)
    hall.order.speakers[b"p2"].hear(deaf.place or 0)
    assert hall.order.speakers[b"p2"].heard == 4
    assert hall.conclude(deaf) == "0 0 0 0"


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        (said(1, 0, 2), "1 0 0 0"),
        (said(1, 0, 1), "1 0 0 0"),
        (said(1, 0, 1, 1, 2), "0 1 0 0"),
        (said(1, 0, 2, 1), "0 0 1 0"),
        (said(2, 0) + said(1, 0, 1, 2), "0 1 0 0"),
        (said(1, 0, 1, 2) + b"x\n", "0 0 0 1"),
    ],
)
def test_each_fault_of_what_others_say_is_seen_by_it(heard: bytes, expected: str) -> None:
    hall = Hall()
    deaf = Ear("deaf", hall.order, deaf_to=b"p2")
    for ear in (hall.a, hall.b):
        ear.hear(said(2, 0) + said(1, 0) + said(2, 1) + said(1, 1, 2) + said(2, 2))
    deaf.hear(heard)
    assert hall.conclude(deaf) == expected


def test_what_is_heard_over_irc_is_put_into_the_form_of_the_order() -> None:
    heard = (
        b":p1!p1@127.0.0.1 PRIVMSG #lobby :1 0 abc : d\r\n"
        b"@time=2026-01-01T00:00:00.000Z;msgid=x :p2!u@h PRIVMSG #lobby :2 0 x\r\n"
        b":v3!v3@127.0.0.1 JOIN #lobby\r\n"
        b"@msgid=y :v3!v3@127.0.0.1 QUIT :Quit: seen enough\r\n"
        b":irc.example 366 p1 #lobby :End\r\n"
        b"ERROR :Closing link\r\n"
    )
    assert IRC.ordered(heard) == (
        b"p1 : 1 0 abc : d\np2 : 2 0 x\n"
        b"--- v3 joined #lobby\n--- v3 left #lobby\n"
        b"--- :irc.example 366 p1 #lobby :End\n--- ERROR :Closing link\n"
    )


def test_lines_are_all_different_and_some_as_long_as_can_be() -> None:
    texts = [text_of(SEED, key, number) for key in (1, 23) for number in range(5000)]
    assert len(set(texts)) == len(texts)
    assert max(map(len, texts)) == TEXT.longest
    assert not any(text.endswith((b" ", b"\r")) or b" :" in text for text in texts)
