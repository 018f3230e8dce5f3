"""How often something may be done from one address: a bucket of tokens for each. Pure."""

from typing import Final

MINUTE: Final = 60.0
"""Seconds."""

KNOWN: Final = 10_000
"""Addresses that are remembered; beyond that, those whose bucket is full again are forgotten."""


class Rates:
    """Counts what was done from each address."""

    def __init__(self) -> None:
        # By address: what is left in its bucket, and when that was so.
        self._buckets: dict[str, tuple[float, float]] = {}

    def admits(self, host: str, rate: int, now: float) -> bool:
        """Tell whether ``host`` may do it ``now`` (seconds), and count it then.

        ``rate`` is how often a minute, and how often at once; 0: as often as it likes.
        """
        if not rate:
            return True
        left, since = self._buckets.get(host, (float(rate), now))
        left = min(float(rate), left + (now - since) * rate / MINUTE)
        admitted = left >= 1
        if len(self._buckets) >= KNOWN and host not in self._buckets:
            self._forget(now)
        self._buckets[host] = left - admitted, now
        return admitted

    def _forget(self, now: float) -> None:
        """Forget whose bucket must be full again by ``now``."""
        self._buckets = {
            host: (left, since)
            for host, (left, since) in self._buckets.items()
            if now - since < MINUTE
        }
