"""Why somebody is not let in: the sentence that is told, and the word that is counted by. Pure."""

from typing import Final, Literal, NamedTuple, get_args

from chatd_supervisor.amounts import amount

Reason = Literal["full", "rate", "address", "banned", "crashes", "proxy", "journal", "system"]

REASONS: Final[tuple[Reason, ...]] = get_args(Reason)


class Refusal(NamedTuple):
    """That somebody is not let in."""

    reason: Reason
    """As ``chatd metrics`` has it: chatd-metrics(7)."""
    sentence: str
    """As it is told, and logged."""


FULL: Final = Refusal("full", "the server is full, try again later")
UNWRITABLE: Final = Refusal("journal", "the server cannot write anything down, try again later")
NO_PROCESS: Final = Refusal("system", "the server has no room for another process, try again later")
NO_PROXY: Final = Refusal("proxy", "only proxies of this server may connect here")


def too_many(host: str, most: int) -> Refusal:
    """Return the refusal of one more from ``host``, from which ``most`` may be there at once."""
    return Refusal("address", f"the limit is {amount(most, 'connection')} from {host}")


def too_often(host: str, most: int) -> Refusal:
    """Return the refusal of one more from ``host``, from which ``most`` may come in a minute."""
    return Refusal("rate", f"the limit is {amount(most, 'connection')} a minute from {host}")


def too_many_crashes(host: str, left: float) -> Refusal:
    """Return the refusal of anybody from ``host``, whose clients have crashed too much."""
    minutes = max(1, round(left / 60))
    unit = "minute" if minutes == 1 else "minutes"
    sentence = f"what came from {host} has crashed too much here, come back in {minutes} {unit}"
    return Refusal("crashes", sentence)
