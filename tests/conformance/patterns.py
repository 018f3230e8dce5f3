"""What a message is to be like, as rows write it.

A pattern is a message. What it does not say is not asked: without a source any may come, without
tags any may come; ``@-`` asks that there be none, ``@!x`` that there be no ``x``. All params must
be there, up to a last ``[...]``. Of a numeric the first param is left out: it must be the nick
(``*`` before registration will do), and the source must be the server. In verb, source, params and
values of tags ``...`` is anything, ``{n}`` a number, ``{time}`` a server-time, ``{host}`` a host,
``{id}`` an id without spaces; ``<x>`` is remembered, and is the same wherever it stands later;
``A|B`` is either, in a verb, or in a param in capitals. A source ``alice!`` is alice with any user
and host. A param ``[a b]`` is these words in any order.
"""

import re

from irc_harness import SERVER_NAME
from irc_messages import Message

CLASSES = {
    "n": r"\d+",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "host": r"[0-9A-Za-z_:./-]+",
    "id": r"[^ ]+",
    "any": r".*",
}

_PART = re.compile(r"(\.\.\.|\{\w+\}|<\w+>)")


class Pattern:
    """What a message is to be like."""

    def __init__(self, text: str, known: dict[str, str]) -> None:
        """``known``: what has been remembered; ``match`` adds to it."""
        self.text = text
        self._known = known
        rest = text
        self._tags: list[str] = []
        self._source = ""
        if rest.startswith("@"):
            tags, _, rest = rest[1:].partition(" ")
            self._tags = tags.split(";")
        if rest.startswith(":"):
            self._source, _, rest = rest[1:].partition(" ")
        self._verb, self._params = _split(rest)

    def mismatch(self, message: Message, names: set[str]) -> str:
        """Return how ``message``, to somebody with ``names``, differs; "" if it does not."""
        found: dict[str, str] = {}
        params = list(message.params)
        if message.verb not in self._verb.split("|"):
            return f"verb {message.verb}"
        if message.verb.isdigit():
            if message.source != SERVER_NAME:
                return f"the source of a numeric is {message.source}"
            if not params or params.pop(0) not in names:
                return f"it is for {message.params[:1]}, not {names}"
        if self._source and not self._fits(_source(self._source), message.source, found):
            return f"source {message.source}"
        wrong = self._wrong_param(params, found) or self._wrong_tag(message.tags, found)
        if not wrong:
            self._known.update(found)
        return wrong

    def _wrong_param(self, params: list[str], found: dict[str, str]) -> str:
        wanted = list(self._params)
        if wanted[-1:] == ["[...]"]:
            wanted.pop()
            params = params[: len(wanted)]
        if len(wanted) != len(params):
            return f"{len(params)} params"
        for want, got in zip(wanted, params, strict=True):
            if not self._fits_param(want, got, found):
                return f"param {got!r}, not {want!r}"
        return ""

    def _fits_param(self, want: str, got: str, found: dict[str, str]) -> bool:
        if re.fullmatch(r"[A-Z_]+(\|[A-Z_]+)+", want):
            return got in want.split("|")
        if want.startswith("[") and want.endswith("]"):
            return sorted(want[1:-1].split()) == sorted(got.split())
        return self._fits(want, got, found)

    def _fits(self, want: str, got: str, found: dict[str, str]) -> bool:
        regex = ""
        for part in _PART.split(want):
            name = part[1:-1]
            if part == "...":
                regex += ".*"
            elif part.startswith("{") and name in CLASSES:
                regex += CLASSES[name]
            elif part.startswith("<") and part.endswith(">"):
                value = found.get(name, self._known.get(name))
                regex += f"(?P<{name}>.+)" if value is None else re.escape(value)
            else:
                regex += re.escape(part)
        match = re.fullmatch(regex, got, re.DOTALL)
        if match is not None:
            found.update(match.groupdict())
        return match is not None

    def _wrong_tag(self, tags: dict[str, str], found: dict[str, str]) -> str:
        for tag in self._tags:
            key, has_value, value = tag.partition("=")
            if key == "-":
                if tags:
                    return f"tags {tags}"
            elif key.startswith("!"):
                if key[1:] in tags:
                    return f"there is a tag {key[1:]}"
            elif key not in tags:
                return f"no tag {key}"
            elif not self._fits(value if has_value else "", tags[key], found):
                return f"tag {key}={tags[key]!r}"
        return ""


def _split(text: str) -> tuple[str, list[str]]:
    """Return verb and params of a pattern; a param in brackets may have spaces."""
    head, colon, trailing = (" " + text).partition(" :")
    words = re.findall(r"\[[^\]]*\](?= |$)|\S+", head)
    if colon:
        words.append(trailing)
    return words[0], words[1:]


def _source(pattern: str) -> str:
    if pattern == "server":
        return SERVER_NAME
    return f"{pattern}...@..." if pattern.endswith("!") else pattern
