"""What ``redaction`` shows of each command and event: nothing that it should not."""

import typing
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from chatd_supervisor import redaction
from chatd_supervisor.redaction import CARES, HIDDEN, LONGEST, MANY, Care, care_of, shown
from chatd_workers import commands as c
from chatd_workers import events as e

SAID = "something-said"


def parts(union: Any) -> Iterator[type[Struct]]:
    """Yield each type of ``union``, and each that stands in a field of one."""
    waiting = [union]
    seen: set[Any] = set()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        if isinstance(one, type) and issubclass(one, Struct):
            waiting += typing.get_type_hints(one).values()
            yield one
        else:
            waiting += [each for each in typing.get_args(one) if not isinstance(each, str)]


EVERYTHING = sorted(
    set(parts(c.Entry | e.Event)), key=lambda struct: struct.__name__ + struct.__module__
)


def holds_text(hint: Any) -> bool:
    """Tell whether what is in a field of this type may be a text of somebody's choice."""
    if hint is str:
        return True
    if typing.get_origin(hint) is typing.Literal:
        return False
    return any(map(holds_text, typing.get_args(hint)))


def texts(struct: type[Struct]) -> list[str]:
    return [name for name, hint in typing.get_type_hints(struct).items() if holds_text(hint)]


FIELDS = [(struct, field) for struct in EVERYTHING for field in texts(struct)]


def a_value(hint: Any, field: str) -> Any:
    """Return something of this type in which each text is ``SAID`` and the name of the field."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    made: Any = None
    if hint is str:
        made = f"{SAID}-{field}"
    elif hint in (int, bool):
        made = hint(1)
    elif isinstance(hint, type) and issubclass(hint, Struct):
        made = a_struct(hint)
    elif origin is typing.Annotated:
        made = a_value(inner[0], field)
    elif origin is typing.Literal:
        made = inner[0]
    elif origin is list or (origin is tuple and inner[-1] is ...):
        made = origin([a_value(inner[0], field)])
    elif origin is tuple:
        made = tuple(a_value(one, field) for one in inner)
    elif origin is dict:
        made = {a_value(inner[0], field): a_value(inner[1], field)}
    else:
        # A union: the first of it. What is not known by name yet is that of all events.
        first = next(one for one in inner if one is not type(None))
        made = a_value(e.Hinted if isinstance(first, typing.ForwardRef) else first, field)
    return made


def a_struct(struct: type[Struct]) -> Struct:
    hints = typing.get_type_hints(struct)
    return struct(**{name: a_value(hint, name) for name, hint in hints.items()})


@pytest.mark.parametrize(("struct", "field"), FIELDS, ids=lambda one: getattr(one, "__name__", one))
def test_every_text_has_its_care(struct: type[Struct], field: str) -> None:
    assert field in CARES, f"{struct.__name__}.{field} stands in no table: is it a secret?"


def test_no_care_is_for_nothing() -> None:
    assert set(CARES) == {field for _, field in FIELDS}
    assert set(redaction._CARES_OF) <= set(FIELDS)
    listed = f"{redaction._SHOWN} {redaction._TEXT} {redaction._NEVER}".split()
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("struct", EVERYTHING, ids=lambda struct: struct.__name__)
def test_what_is_shown_is_what_may_be(struct: type[Struct]) -> None:
    value = a_struct(struct)
    for text in (False, True):
        found = msgspec.json.encode(shown(value, text=text)).decode()
        for field in texts(struct):
            if f'{SAID}-{field}"' not in found:
                continue
            care = care_of(struct, field)
            nested = struct in (e.Answered, c.Labeled)
            by_letter = (struct, field) in (
                (c.ModeChange, "parameter"),
                (e.ModesChanged, "changes"),
            )
            assert care is not Care.SECRET or by_letter or nested, field
            assert text or care is not Care.TEXT or nested, field


@pytest.mark.parametrize(
    "value",
    [
        c.Password("hunter2"),
        c.Authenticate("hunter2"),
        c.Oper("admin", "hunter2"),
        c.Register("ann", "hunter2", "hunter2"),
        c.Identify("ann", "hunter2"),
        c.Verify("ann", "hunter2"),
        c.Join("#a", "hunter2"),
        c.Enter(["#a"], ["hunter2"]),
        c.Mode("#a", [c.ModeChange(True, "k", "hunter2")]),
        c.Labeled("9", c.Identify("ann", "hunter2")),
        c.Send("say", ["#a", "NickServ"], "identfy hunter2"),
        c.Tell("nickserv", "identify hunter2"),
        e.Told(e.Source("ann"), "NickServ", "hunter2"),
        e.ModesChanged(None, "#a", (("+", "m", ""), ("+", "k", "hunter2"))),
        e.ModesShown("#a", (("k", "hunter2"), ("l", "3")), 0),
        e.Replied("AUTHENTICATE", ("hunter2",)),
        e.Answered("9", (e.Answered("8", (e.Replied("AUTHENTICATE", ("hunter2",)),)),)),
        e.Said(e.Source("ann"), "#a", "hello", once="hunter2"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("text", [False, True])
def test_no_secret_is_shown(value: Struct, text: bool) -> None:
    found = msgspec.json.encode(shown(value, text=text)).decode()
    assert "hunter2" not in found
    assert HIDDEN in found


def test_what_a_mode_has_that_is_no_secret_is_shown() -> None:
    assert shown(c.Mode("#a", [c.ModeChange(True, "b", "*!*@x")]), text=False) == {
        "target": "#a",
        "changes": [{"add": True, "letter": "b", "parameter": "*!*@x"}],
    }
    changes = (("+", "o", "bob"), ("-", "k", ""))
    found = shown(e.ModesChanged(None, "#a", changes), text=False)
    assert found["changes"] == [["+", "o", "bob"], ["-", "k", ""]]


def test_text_is_shown_only_if_asked_for_and_as_usual_is_left_out() -> None:
    said = e.Said(e.Source("ann", host="here"), "#a", "good day", tags=(("x", "abc"),))
    plain = {"source": {"nick": "ann", "host": "here"}, "room": "#a"}
    assert shown(said, text=True) == {**plain, "text": "good day", "tags": [["x", "abc"]]}
    assert shown(said, text=False) == {
        **plain,
        "text": "(8 characters)",
        "tags": [["(1 character)", "(3 characters)"]],
    }


def test_what_is_shown_is_bounded() -> None:
    long = shown(c.Say("x" * (LONGEST + 7)), text=True)["text"]
    assert long == f"{'x' * LONGEST} (and 7 more)"
    many = shown(c.Whois([str(n) for n in range(MANY + 5)]), text=False)["nicks"]
    assert (len(many), many[-1]) == (MANY + 1, "(and 5 more)")
    answered = shown(e.Answered("9", (e.Hinted(),) * (MANY + 2)), text=False)["events"]
    assert (len(answered), answered[0], answered[-1]) == (
        MANY + 1,
        {"event": "Hinted"},
        "(and 2 more)",
    )


def test_what_is_in_no_table_is_a_secret() -> None:
    class Unheard(Struct):
        whatever: str

    assert shown(Unheard("hunter2"), text=True) == {"whatever": HIDDEN}
