"""Failed logins, by account and by network: who must wait before the next attempt. Pure.

Whatever the mechanism, a failure is counted against the account that was tried and against the
network that it came from (``networks.place_of``). The first of them cost nothing: FREE of an
account, FREE_OF_NETWORK of a network. After each further one nobody may try that account, or nobody
of that network any, for a time that doubles from FIRST to LONGEST. What is tried meanwhile is not
looked at, so it tells nothing, and is not counted, so it makes nobody wait longer.

* The owner is not shut out by strangers: where an account was logged in to in the last FAMILIAR
  seconds, its owner is at home. There the failures of that network with that account count, and
  nobody else's. Whoever guesses from the owner's own network can still make him wait there.
* A program that goes on with a wrong password holds up its account, and not its whole network:
  failures count against that only while they are free to the account. So the network's count is of
  those who try one account after the other.
* A network that is exempt (``[exempt]``) is not counted; the accounts are all the same.
* A failure is forgotten FORGOTTEN seconds after the last one of its kind, not when somebody logs
  in: whoever guesses may have an account of his own to log in to in between.
* An account that does not exist is counted like one that does.

Kept in memory alone: a new master begins anew, with those at home who are logged in. What a tick
counts is undone if the tick cannot be written down (``undo``), for it is applied again then.

Rejected: to make the client wait instead of refusing it. It would hold a connection for each guess,
and whoever waits for no answer would not notice.
"""

from collections.abc import Hashable
from typing import Any, Final, Literal, NamedTuple

from chatd_supervisor.recent import Recent
from chatd_workers.problems import explain

FREE: Final = 5
"""Failures to log in to an account that cost nothing,"""

FREE_OF_NETWORK: Final = 20
"""and of all from one network."""

FIRST: Final = 2.0
LONGEST: Final = 900.0
"""Seconds to wait after the next one, and after many."""

DAY: Final = 86400.0

FORGOTTEN: Final = DAY
"""Seconds after which failures are forgotten if no other follows."""

FAMILIAR: Final = 30 * DAY
"""Seconds for which a network is its owner's home to an account."""


class Pause(NamedTuple):
    """That nobody may try for a while."""

    problem: Literal["account-paused", "network-paused"]
    """Which failures were too many (``problems.PROBLEMS``)."""
    seconds: float

    @property
    def term(self) -> str:
        """For how long, in words."""
        return in_words(self.seconds)

    @property
    def sentence(self) -> str:
        """What whoever tries is told."""
        return explain(self.problem, self.term)


class _Failures(NamedTuple):
    number: int
    last: float


class LoginLimits:
    """Counts failures. All times are in seconds of one clock, which may be set."""

    def __init__(self) -> None:
        # By account, by network, and by both where the account is at home.
        self._of_accounts: Recent[Hashable, _Failures] = Recent()
        self._of_networks: Recent[Hashable, _Failures] = Recent()
        self._at_home: Recent[Hashable, _Failures] = Recent()
        # When who was last logged in to from where.
        self._homes: Recent[tuple[str, str], float] = Recent()
        # Failures that the owner of an account has not been told of.
        self._untold: Recent[Hashable, int] = Recent()
        # When accounts were made from a network in the last day.
        self._made: Recent[Hashable, tuple[float, ...]] = Recent()
        # What was so before this tick: a table, a key, and its value; None: it was not there. Any:
        # each table has its own types.
        self._before: list[tuple[Recent[Any, Any], Any, Any]] = []

    # Failing and succeeding

    def pause(self, account: str, network: str, now: float, *, exempt: bool) -> Pause | None:
        """Return why ``account`` may not be tried from ``network`` at the moment; None: it may.

        An empty ``account`` is none: what is tried is no login to one.
        """
        if self._is_at_home(account, network, now):
            left = self._left(self._at_home, (account, network), now)
            return Pause("account-paused", left) if left else None
        of_account = self._left(self._of_accounts, account, now)
        of_network = 0.0
        if not exempt:
            of_network = self._left(self._of_networks, network, now, FREE_OF_NETWORK)
        left = max(of_account, of_network)
        if not left:
            return None
        return Pause("account-paused" if of_account == left else "network-paused", left)

    def failed(self, account: str, network: str, now: float, *, exempt: bool, exists: bool) -> None:
        """Count a failure to log in to ``account``, as ``pause`` has it.

        ``exists``: it has an owner, who is to be told.
        """
        number = 0
        if self._is_at_home(account, network, now):
            number = self._count(self._at_home, (account, network), now)
        elif account:
            number = self._count(self._of_accounts, account, now)
        if not exempt and number <= FREE:
            self._count(self._of_networks, network, now)
        if account and exists:
            self._set(self._untold, account, (self._untold.get(account) or 0) + 1)

    def succeeded(self, account: str, network: str, now: float) -> int:
        """Note that ``account`` is logged in to; return how many failures nobody was told of."""
        untold = self._untold.get(account) or 0
        self._set(self._untold, account, None)
        self._set(self._at_home, (account, network), None)
        self._set(self._homes, (account, network), now)
        return untold

    def recognize(self, account: str, network: str, since: float) -> None:
        """Note that somebody is logged in to ``account`` since before there was this master."""
        self._homes.set((account, network), since)

    def forget_home(self, account: str) -> None:
        """Note that ``account`` may be somebody else's now: it is at home nowhere."""
        self._set(self._untold, account, None)
        for key in [key for key in self._homes if key[0] == account]:
            self._set(self._homes, key, None)

    # Making accounts

    def until_next_account(self, network: str, most: int, now: float) -> float:
        """Return in how many seconds ``network`` may make another account; 0: now.

        ``most``: how many in a day; 0: any number.
        """
        made = self._made_by(network, now)
        return 0.0 if not most or len(made) < most else made[-most] + DAY - now

    def made(self, network: str, now: float) -> None:
        """Count an account that was made from ``network``."""
        self._set(self._made, network, (*self._made_by(network, now), now))

    def _made_by(self, network: str, now: float) -> tuple[float, ...]:
        # Those of a clock that was set back since count as if made now.
        times = (min(time, now) for time in self._made.get(network) or ())
        return tuple(time for time in times if now - time < DAY)

    # Ticks

    def keep(self) -> None:
        """Take note that the tick is written down."""
        self._before.clear()

    def undo(self) -> None:
        """Undo what was counted since ``keep``: the tick begins anew."""
        while self._before:
            table, key, value = self._before.pop()
            if value is None:
                table.pop(key)
            else:
                table.set(key, value)

    # Tables

    def _is_at_home(self, account: str, network: str, now: float) -> bool:
        since = self._homes.get((account, network)) if account else None
        return since is not None and now - since < FAMILIAR

    def _left(
        self, table: Recent[Hashable, _Failures], key: Hashable, now: float, free: int = FREE
    ) -> float:
        known = table.get(key)
        if known is None or known.number < free:
            return 0.0
        term = min(LONGEST, FIRST * 2.0 ** min(known.number - free, 30))
        if now < known.last:  # the clock was set back: it counts from now on
            table.set(key, known._replace(last=now))
            return term
        return max(0.0, known.last + term - now)

    def _count(self, table: Recent[Hashable, _Failures], key: Hashable, now: float) -> int:
        known = table.get(key)
        number = known.number if known is not None and now - known.last < FORGOTTEN else 0
        self._set(table, key, _Failures(number + 1, now))
        return number + 1

    def _set(self, table: Recent[Any, Any], key: Any, value: Any) -> None:
        """Let ``value`` stand in ``table``, as its newest entry; None: nothing."""
        self._before.append((table, key, table.pop(key)))
        if value is not None:
            table.set(key, value)


def in_words(seconds: float) -> str:
    """Return so many ``seconds`` as a person reads them, rounded up: ``15 minutes``."""
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds > 2 * size:
            return f"{-int(-seconds // size)} {unit}s"
    count = max(1, -int(-seconds // 1))
    return f"{count} second" if count == 1 else f"{count} seconds"
