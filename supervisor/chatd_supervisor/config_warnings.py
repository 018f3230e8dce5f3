"""What is odd in a configuration that can be used: keys that change nothing, as others are. Pure.

What somebody would rely on in vain, such as ``proxy_from`` without ``proxy_protocol``, is an error
(``listen_config``). These are not: they may be there for the day when the other key is set.
"""

from typing import Final, NamedTuple

from chatd_supervisor.config import Config


class _Switch(NamedTuple):
    """In ``table``, the ``keys`` change nothing if ``by`` has the value ``off``."""

    table: str
    keys: tuple[str, ...]
    by: str
    off: object


_SWITCHES: Final = (
    _Switch("accounts", ("require_email",), "registration", off=False),
    _Switch("limits", ("crash_penalty",), "max_crashes", 0),
    _Switch("limits", ("restart_period",), "max_restarts", 0),
    _Switch("sandbox", ("memory_mb",), "mode", "off"),
)


def without_effect(config: Config) -> dict[str, str]:
    """Return why they change nothing, by keys as ``table.key`` that are not at their default."""
    found = {}
    for table, keys, by, off in _SWITCHES:
        given = getattr(config, table)
        if getattr(given, by) == off:
            value = str(off).lower() if isinstance(off, bool) else off
            for key in keys:
                if getattr(given, key) != getattr(type(given)(), key):
                    found[f"{table}.{key}"] = f"{table}.{by} is {value}"
    return found


def sentences(config: Config) -> list[str]:
    """Return the same for people."""
    return [f"{key} has no effect: {reason}" for key, reason in without_effect(config).items()]
