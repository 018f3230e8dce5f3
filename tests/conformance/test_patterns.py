"""The judge of the table is a test's test: what is not as written must be seen."""

import pytest

from conformance.patterns import Pattern
from conformance.rows_format import prepared
from irc_messages import parse

ALICE = {"alice"}


def wrong(pattern: str, line: str) -> str:
    return Pattern(pattern, {}).mismatch(parse(line), ALICE)


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("PRIVMSG #x :hello there", ":bob!b@h PRIVMSG #x :hello there"),
        (":bob! PRIVMSG #x hello", ":bob!b@h PRIVMSG #x :hello"),
        (":bob... MODE bob +i", ":bob MODE bob +i"),
        ("401 bob :...", ":irc.example 401 alice bob :No such nick"),
        ("317 bob {n} {n} :...", ":irc.example 317 alice bob 0 1700000000 :seconds idle"),
        ("353 = #x [@alice bob]", ":irc.example 353 alice = #x :bob @alice"),
        ("366 [...]", ":irc.example 366 alice #x :End"),
        ("401|403 #x :...", ":irc.example 403 alice #x :No"),
        ("FAIL X BAD|WORSE [...]", "FAIL X WORSE #x :text"),
        ("@a=1;b PRIVMSG #x hi", "@b;c=2;a=1 PRIVMSG #x hi"),
        (r"@a=b...c PRIVMSG #x hi", r"@a=b\sc PRIVMSG #x hi"),
        ("@!c PRIVMSG #x hi", "@a=1 PRIVMSG #x hi"),
        ("@time={time} PRIVMSG #x hi", "@time=2026-11-25T23:22:33.239Z PRIVMSG #x hi"),
        ("BATCH +<b> x <b>", "BATCH +17 x 17"),
    ],
)
def test_what_is_as_written(pattern: str, line: str) -> None:
    assert not wrong(pattern, line)


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("PRIVMSG #x :hello", ":bob!b@h NOTICE #x :hello"),
        ("PRIVMSG #x :hello", ":bob!b@h PRIVMSG #x :hello "),
        ("PRIVMSG #x :hello", ":bob!b@h PRIVMSG #x hello there"),
        ("PART #x", ":bob!b@h PART #x :"),
        (":bob! PART #x", ":bobby!b@h PART #x"),
        (":bob! PART #x", ":bob PART #x"),
        ("401 bob :...", ":irc.example 401 bob bob :for somebody else"),
        ("401 bob :...", ":other.example 401 alice bob :from somebody else"),
        ("401 bob :...", ":irc.example 401 alice bob"),
        ("353 = #x [@alice bob]", ":irc.example 353 alice = #x :bob @alice carol"),
        ("353 = #x [@alice bob]", ":irc.example 353 alice = #x :bob alice"),
        ("FAIL X BAD|WORSE [...]", "FAIL X WORST #x :text"),
        ("@a=1 PRIVMSG #x hi", "@a=2 PRIVMSG #x hi"),
        ("@a PRIVMSG #x hi", "@a=2 PRIVMSG #x hi"),
        ("@- PRIVMSG #x hi", "@a PRIVMSG #x hi"),
        ("@!a PRIVMSG #x hi", "@a PRIVMSG #x hi"),
        ("@time={time} PRIVMSG #x hi", "@time=2026-11-25T23:22:33Z PRIVMSG #x hi"),
        ("BATCH +<b> x <b>", "BATCH +17 x 18"),
    ],
)
def test_what_is_not(pattern: str, line: str) -> None:
    assert wrong(pattern, line)


def test_what_is_remembered_must_be_the_same_later() -> None:
    known: dict[str, str] = {}
    assert not Pattern("@msgid=<m> PRIVMSG #x hi", known).mismatch(
        parse("@msgid=17 PRIVMSG #x hi"), ALICE
    )
    assert known == {"m": "17"}
    other = parse("@msgid=18 PRIVMSG #x hi")
    assert Pattern("@msgid=<m> PRIVMSG #x hi", known).mismatch(other, ALICE)


def test_names_get_a_suffix_and_shorthands_are_written_out() -> None:
    one, *others = prepared(
        ("alice > JOIN #x,#y", "ALICE < :alice! (a*3) %%", "bob >> \\xff(b64:;a;b)", "a > \\x01b")
    )
    suffix = one.removeprefix("alice").partition(" ")[0]
    assert one == f"alice{suffix} > JOIN #x{suffix},#y{suffix}"
    assert others == [
        f"ALICE{suffix} < :alice{suffix}! aaa {suffix}",
        f"bob{suffix} >> \\xffAGEAYg==",
        "a > \x01b",
    ]
