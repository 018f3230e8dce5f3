"""Every numeric can be written, and every refusal has one, or a FAIL, or a sentence."""

import re

import pytest

from chatd_workers import events as e
from chatd_workers.dialects.irc.grammar import parse
from chatd_workers.dialects.irc.numerics import NUMERICS
from chatd_workers.dialects.irc.refusals import CONFIRMATIONS, REFUSALS, SENTENCES, AsNumeric
from chatd_workers.dialects.irc.writer import Writer
from chatd_workers.problems import NOTICES, PROBLEMS, explain

WRITER = Writer("irc.example.org")
HERE = ":irc.example.org"


def line(event: e.Event) -> str:
    data = WRITER.write(event, 0).decode()
    assert data.endswith("\r\n")
    return data[:-2]


def test_codes_are_three_digits_and_each_is_there_once() -> None:
    codes = [numeric.code for numeric in NUMERICS.values()]
    assert all(re.fullmatch("[0-9]{3}", code) for code in codes)
    assert len(set(codes)) == len(codes)


def test_names_say_what_codes_say() -> None:
    for name, numeric in NUMERICS.items():
        is_error = 400 <= int(numeric.code) < 600 or name.startswith("ERR_")
        assert name.startswith("ERR_" if is_error else "RPL_")


@pytest.mark.parametrize("name", NUMERICS)
def test_every_numeric_has_its_parameters_and_its_text(name: str) -> None:
    numeric = NUMERICS[name]
    given = tuple(param.strip(":.").replace(" ", "-") for param in numeric.parameters)
    message = parse(line(e.Numeric("bob", name, given)))
    assert message is not None
    assert (message.source, message.verb) == ("irc.example.org", numeric.code)
    wanted = [*given, numeric.text] if numeric.text else [*given]
    assert message.params == ("bob", *wanted)
    assert all(param for param in message.params)
    assert numeric.section


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        (e.Numeric("*", "ERR_NOTREGISTERED"), "451 * :You have not registered"),
        (e.Numeric("bob", "RPL_UMODEIS", ("+i",)), "221 bob +i"),
        (e.Numeric("bob", "RPL_TOPIC", ("#x", "tea")), "332 bob #x :tea"),
        (e.Numeric("bob", "RPL_AWAY", ("eve", "")), "301 bob eve :"),
        (
            e.Numeric("bob", "ERR_CANNOTSENDTOCHAN", ("#x", "No CTCP (+C)")),
            "404 bob #x :No CTCP (+C)",
        ),
        (
            e.Numeric("bob", "RPL_ISUPPORT", ("A=1", "B")),
            "005 bob A=1 B :are supported by this server",
        ),
        (e.Numeric("bob", "RPL_CHANNELMODEIS", ("#x", "+kn", "key")), "324 bob #x +kn key"),
        (e.Numeric("bob", "RPL_WHOSPCRPL", ("42", "Real name")), "354 bob 42 :Real name"),
        (e.Numeric("bob", "RPL_LISTSTART", ("Channel",)), "321 bob Channel :Users  Name"),
        (e.Numeric("bob", "ERR_NOSUCHNICK", ("a b",)), "401 bob * :No such nick/channel"),
        (e.Numeric("bob", "ERR_NOSUCHNICK", ("",)), "401 bob * :No such nick/channel"),
        (e.Numeric("bob", "ERR_NOSUCHNICK", (":b",)), "401 bob * :No such nick/channel"),
        (e.Numeric("bob", "RPL_ISON", ("",)), "303 bob :"),
        (e.Numeric("bob", "RPL_MONONLINE", ("a!a@a,b!b@b",)), "730 bob :a!a@a,b!b@b"),
    ],
)
def test_numerics(event: e.Numeric, wanted: str) -> None:
    assert line(event) == f"{HERE} {wanted}"


@pytest.mark.parametrize("name", [name for name, numeric in NUMERICS.items() if numeric.separator])
def test_a_list_goes_on_in_the_next_line(name: str) -> None:
    numeric = NUMERICS[name]
    words = [f"word{number}" for number in range(200)]
    params = ("x",) * (len(numeric.parameters) - 1)
    data = WRITER.write(e.Numeric("bob", name, (*params, numeric.separator.join(words))), 0)
    found: list[str] = []
    for text in data.decode().split("\r\n")[:-1]:
        assert len(text) <= 510
        message = parse(text)
        assert message is not None
        assert message.params[:-1] == ("bob", *params)
        found += message.params[-1].split(numeric.separator)
    assert found == words


def test_every_problem_is_told_in_one_way() -> None:
    assert set(REFUSALS) | SENTENCES == set(PROBLEMS)
    assert not set(REFUSALS) & SENTENCES
    assert set(CONFIRMATIONS) <= set(NOTICES)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_refusal_is_one_line_of_the_server_with_all_its_parameters(problem: str) -> None:
    message = parse(line(e.Refused(problem, "VALUE", "#about", "bob")))
    assert message is not None
    assert message.source == "irc.example.org"
    way = REFUSALS.get(problem)
    if isinstance(way, AsNumeric):
        numeric = NUMERICS[way.name]
        assert message.verb == numeric.code
        assert message.params[0] == "bob"
        # The text is there as well, be it the table's or another.
        assert len(message.params) == len(numeric.parameters) + 2 - (not numeric.text)
    elif way is not None:
        assert message.verb == "FAIL"
        assert message.params[1] == way.code
        assert message.params[-1] == explain(problem, "VALUE", "#about")
    else:
        assert message.verb == "NOTICE"
        assert message.params == ("bob", explain(problem, "VALUE", "#about"))
    assert "{" not in "".join(message.params)


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        (e.Refused("unknown-command", "X", to="bob"), "421 bob X :Unknown command"),
        (e.Refused("need-more-parameters", "JOIN"), "461 * JOIN :Not enough parameters"),
        (e.Refused("no-recipient", "PRIVMSG"), "411 * :No recipient given (PRIVMSG)"),
        (e.Refused("nick-in-use", "eve", to="bob"), "433 bob eve :Nickname is already in use"),
        (e.Refused("nick-too-long", "24", "e" * 30), f"432 * {'e' * 30} :Erroneous nickname"),
        (e.Refused("nick-invalid", "a b"), "432 * * :Erroneous nickname"),
        (e.Refused("not-in-room", "#x"), "442 * #x :You're not on that channel"),
        (e.Refused("not-in-room", "", "#x"), "442 * #x :You're not on that channel"),
        (e.Refused("not-on-room", "eve", "#x"), "441 * eve #x :They aren't on that channel"),
        (e.Refused("already-on-room", "eve", "#x"), "443 * eve #x :is already on channel"),
        (e.Refused("too-many-rooms", "9", "#x"), "405 * #x :You have joined too many channels"),
        (e.Refused("list-full", "b", "#x"), "478 * #x b :Channel list is full"),
        (
            e.Refused("invalid-mode-parameter", "l zero", "#x"),
            "696 * #x l zero :Invalid mode parameter",
        ),
        (
            e.Refused("invalid-mode-parameter", "k", "#x"),
            "696 * #x k * :Invalid mode parameter",
        ),
        (
            e.Refused("monitor-full", "eve,dan", "100"),
            "734 * 100 eve,dan :Monitor list is full.",
        ),
        (
            e.Refused("invalid-utf8", "PRIVMSG"),
            "FAIL PRIVMSG INVALID_UTF8 :PRIVMSG dropped: it is not valid UTF-8",
        ),
        (
            e.Refused("invalid-utf8"),
            "FAIL * INVALID_UTF8 : dropped: it is not valid UTF-8",
        ),
        (
            e.Refused("chathistory-target", "#x", "LATEST"),
            "FAIL CHATHISTORY INVALID_TARGET LATEST #x :there is no history of #x for you",
        ),
        (
            e.Refused("unknown-subcommand", "Q", "MONITOR"),
            "400 * MONITOR Q :There is no such subcommand",
        ),
        (
            e.Refused("not-looked-up", to="bob"),
            (
                "FAIL * TEMPORARILY_UNAVAILABLE :not done: it cannot be looked up at the moment;"
                " try again later"
            ),
        ),
        (
            e.Refused("not-written", "disk full", to="bob"),
            (
                "NOTICE bob :not said yet: the server cannot write it down; it is tried again every"
                " second"
            ),
        ),
    ],
)
def test_refusals(event: e.Refused, wanted: str) -> None:
    assert line(event) == f"{HERE} {wanted}"
