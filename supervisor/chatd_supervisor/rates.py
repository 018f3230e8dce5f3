"""How often something may be done from one address: a bucket of tokens for each. Pure."""

from typing import Final

from chatd_supervisor.recent import Recent

MINUTE: Final = 60.0
"""Seconds."""


class Rates:
    """Counts what was done from each address."""

    def __init__(self) -> None:
        # By address: what is left in its bucket, and when that was so.
        self._buckets: Recent[str, tuple[float, float]] = Recent()

    def admits(self, host: str, rate: int, now: float) -> bool:
        """Tell whether ``host`` may do it ``now`` (seconds), and count it then.

        ``rate`` is how often a minute, and how often at once; 0: as often as it likes.
        """
        if not rate:
            return True
        left, since = self._buckets.get(host) or (float(rate), now)
        left = min(float(rate), left + (now - since) * rate / MINUTE)
        admitted = left >= 1
        self._buckets.set(host, (left - admitted, now))
        return admitted
