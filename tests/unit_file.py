"""Unit files of systemd, as far as ``manager`` goes by them. systemd.syntax(7)."""

import re
import shlex
import signal
from pathlib import Path
from typing import Final

_UNITS: Final = {"ms": 0.001, "s": 1.0, "min": 60.0, "": 1.0}


class Unit:
    """What the [Service] and [Unit] sections of a file say, with systemd's defaults."""

    def __init__(self, path: Path) -> None:
        """Read ``path``, and ``path``.d/*.conf beside it."""
        self.values: dict[str, list[str]] = {}
        for part in [path, *sorted(path.with_name(f"{path.name}.d").glob("*.conf"))]:
            for line in part.read_text().splitlines():
                key, separator, value = line.strip().partition("=")
                if key.startswith(("#", ";", "[")) or not separator:
                    continue
                if value:
                    self.values.setdefault(key, []).append(value)
                else:
                    self.values[key] = []

    def get(self, key: str, default: str = "") -> str:
        """Return the last value of ``key``."""
        return (self.values.get(key) or [default])[-1]

    def seconds(self, key: str, default: float) -> float:
        """Return the time span ``key``; systemd.time(7), as far as needed."""
        value = self.get(key)
        if not value:
            return default
        return sum(
            float(number) * _UNITS[unit]
            for number, unit in re.findall(r"([\d.]+)\s*([a-z]*)", value)
        )

    def number(self, key: str, default: int) -> int:
        return int(self.get(key, str(default)))

    def signal(self, key: str, default: signal.Signals) -> signal.Signals:
        return signal.Signals[self.get(key, default.name)]

    def command(self, key: str) -> list[str]:
        return shlex.split(self.get(key).lstrip("-+!@"))

    @property
    def environment(self) -> dict[str, str]:
        values = self.values.get("Environment", [])
        return dict(word.split("=", 1) for value in values for word in shlex.split(value))

    def statuses(self, key: str) -> set[int]:
        return {int(one) for value in self.values.get(key, []) for one in value.split()}
