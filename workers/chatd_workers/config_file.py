"""Reading a TOML file into structures, and telling a person what is wrong with it.

Whatever is wrong is said with the file's name, the key, the value and what is allowed instead.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from chatd_workers.config_keys import keys_of

T = TypeVar("T", bound=Struct)

SHOWN: Final = 60
"""Characters of a wrong value or key that a message repeats."""

_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_WRONG: Final = re.compile(r"`([\w.\[\]]+)` (.*)", re.DOTALL)


class ConfigError(ValueError):
    """The configuration cannot be used; ``str()`` says where, what, and what is allowed."""


def parse(path: Path) -> dict[str, Any]:
    """Return the document in ``path``. Raises ConfigError, from OSError if it cannot be read."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 at byte {error.start}") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}") from error


class Form(NamedTuple):
    """What a file may contain."""

    tables: Mapping[str, type[Struct]]
    """By name; "" is the whole file."""
    arrays: Mapping[str, str] = {}
    """What a table must be of which there may be several."""
    named: frozenset[str] = frozenset()
    """Tables whose keys are names, each of a table."""
    untold: tuple[str, ...] = ()
    """How keys end whose values no message repeats."""

    def convert(self, document: Any, kind: type[T], place: str = "") -> T:
        """Return ``document``, which stands at ``place`` in the file, as ``kind``.

        Raises ConfigError, without the name of the file.
        """
        try:
            return msgspec.convert(document, kind)
        except msgspec.ValidationError as error:
            raise ConfigError(self._sentence(str(error), document, place)) from error

    def _sentence(self, message: str, document: Any, place: str) -> str:
        """Turn msgspec's ``Expected `int`, got `str` - at `$.limits.max_clients``` into ours."""
        what, _, where = message.rpartition(" - at `$")
        if not what:
            what, where = message, ""
        # Users count from 1.
        inner = re.sub(r"\[(\d+)\]", lambda found: f"[{int(found[1]) + 1}]", where)
        inner = inner.removesuffix("`").removeprefix(".")
        if unknown := _UNKNOWN.fullmatch(what):
            return self._unknown(unknown[1], _joined(place, inner))
        reason = ""
        if missing := _MISSING.fullmatch(what):
            inner = _joined(inner, missing[1])
            reason = f"is missing; must be {self._allowed(_joined(place, inner))}"
        elif wrong := _WRONG.fullmatch(what):
            inner = _joined(inner, wrong[1])
            reason = wrong[2]
        key = _joined(place, inner)
        shown = "" if key.endswith(self.untold) else _shown(document, inner)
        return f"{key}{shown}: {reason or f'must be {self._allowed(key)}'}"

    def _unknown(self, name: str, place: str) -> str:
        allowed = self._split(place)[0].__struct_fields__
        near = difflib.get_close_matches(name, allowed, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        full = _joined(place, name)
        shown = full if full.isprintable() else repr(full)
        return f"{shown[:SHOWN]}: unknown key{hint} (allowed: {', '.join(allowed)})"

    def _split(self, key: str) -> tuple[type[Struct], str]:
        """Return the table of ``key``, such as ``listen[2].address``, and its name in that."""
        table, _, name = key.partition(".")
        table = table.partition("[")[0]
        if table not in self.tables:
            table, name = "", key
        elif table in self.named:
            name = name.partition(".")[2]
        # Of a list, whatever in it is wrong.
        return self.tables[table], name.partition("[")[0]

    def _allowed(self, key: str) -> str:
        table, name = self._split(key)
        if not name:
            return self.arrays.get(key, "a table")
        return next(known.allowed for known in keys_of(table) if known.name == name)


def _joined(place: str, name: str) -> str:
    return f"{place}.{name}" if place and name else place or name


def _shown(document: Any, key: str) -> str:
    """Return `` = VALUE`` for what the document has at ``key``, or nothing for a default."""
    value = document
    for name, index in re.findall(r"(\w+)|\[(\d+)\]", key):
        try:
            value = value[name] if name else value[int(index) - 1]
        except (KeyError, IndexError):
            return ""
    shown = json.dumps(value, default=str)
    return f" = {shown}" if len(shown) <= SHOWN else f" = {shown[:SHOWN]}..."
