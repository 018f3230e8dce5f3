"""CHATHISTORY and MARKREAD (IRCv3 draft/chathistory, draft/read-marker)."""

from typing import Final, Literal, NamedTuple, cast

from chatd_workers import commands as c
from chatd_workers.dialects.irc.grammar import Message
from chatd_workers.dialects.irc.requests.params import name, number, word
from chatd_workers.dialects.irc.timestamps import read_time

_MOST: Final = 1_000_000


class _Form(NamedTuple):
    """What stands after a subcommand: a target, selectors (``*``: one may be it), a limit."""

    target: bool
    selectors: int
    star: bool = False
    message_ids: bool = True


_FORMS: Final[dict[str, _Form]] = {
    "BEFORE": _Form(True, 1),
    "AFTER": _Form(True, 1),
    "LATEST": _Form(True, 1, star=True),
    "AROUND": _Form(True, 1),
    "BETWEEN": _Form(True, 2),
    "TARGETS": _Form(False, 2, message_ids=False),
}


def chathistory(message: Message) -> c.Plain:
    """CHATHISTORY."""
    verb = message.params[0].upper()
    form = _FORMS.get(verb)
    if form is None:
        return c.Refuse("chathistory-unknown", word(message.params[0]))
    params = list(message.params[1:])
    if len(params) < form.target + form.selectors + 1:
        return c.Refuse("chathistory-incomplete", verb)
    target = name(params.pop(0)) if form.target else ""
    selectors = []
    for param in params[: form.selectors]:
        selector = _selector(param, form)
        if selector is None:
            return c.Refuse("chathistory-invalid", word(param), verb)
        selectors.append(selector)
    limit = number(params[form.selectors], _MOST)
    if not limit:
        return c.Refuse("chathistory-invalid", word(params[form.selectors]), verb)
    return c.Chathistory(
        cast('Literal["BEFORE", "AFTER", "LATEST", "AROUND", "BETWEEN", "TARGETS"]', verb),
        target,
        selectors[0],
        selectors[1] if form.selectors == 2 else None,
        limit,
    )


def markread(message: Message) -> c.Plain:
    """MARKREAD: a client cannot set ``*``."""
    target = name(message.params[0])
    if len(message.params) == 1:
        return c.Markread(target)
    moment = _time(message.params[1])
    if moment is None:
        return c.Refuse("markread-invalid", word(message.params[1]))
    return c.Markread(target, moment)


def _selector(param: str, form: _Form) -> c.Selector | None:
    if param == "*":
        return c.Selector(latest=True) if form.star else None
    kind, _, value = param.partition("=")
    if kind == "msgid":
        return c.Selector(id=name(value)) if value and form.message_ids else None
    moment = _time(param)
    return None if moment is None else c.Selector(time=moment)


def _time(param: str) -> int | None:
    kind, _, value = param.partition("=")
    return read_time(value) if kind == "timestamp" else None
