"""How long a worker may compute: in proportion to what its client has sent. Pure.

Reading takes some 3 us for each byte of a line, so a worker that computes for longer than its
account allows is not reading any more: it has been taken over, or a line sends it around in
circles.

An account begins full, at BURST (that of a worker that has to be careful at CAREFUL), and earns
SHARE of the time that passes, BYTE for each byte that the client has said, and for a relay RELAYED
for each byte that was said to it.
"""

from typing import Final

BURST: Final = 10.0
"""Seconds that an account has at the most."""

CAREFUL: Final = 1.0
"""Seconds of a worker that has a line or two to read before it need not be careful any more."""

SHARE: Final = 0.05
"""Of the time that passes: for bytes that come one by one, in packets of their own."""

BYTE: Final = 25e-6
RELAYED: Final = 5e-6
"""Seconds for a byte."""


class CpuAccount:
    """What is left of the processor time of one worker. Pure."""

    def __init__(
        self, now: float, used: float, said: int, told: int, *, careful: bool = False
    ) -> None:
        """Times are in seconds; ``said`` and ``told`` are bytes so far, as in ``charge``.

        ``careful``: another worker has died of what this one has to read next.
        """
        self._last = now, used, said, told
        self.left = CAREFUL if careful else BURST

    def charge(self, now: float, used: float, said: int, told: int) -> bool:
        """Take note of what was ``used`` by ``now``; return whether it was no more than allowed.

        ``said`` is how many bytes its client has said, ``told`` how many a relay was given for it.
        """
        then, used_then, said_then, told_then = self._last
        self._last = now, used, said, told
        earned = (now - then) * SHARE + (said - said_then) * BYTE + (told - told_then) * RELAYED
        self.left = min(BURST, self.left + max(0.0, earned)) - (used - used_then)
        return self.left >= 0
