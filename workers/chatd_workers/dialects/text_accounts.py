"""The text dialect, accounts: /register, /identify, /keep, /release, /access."""

from typing import Final

from chatd_workers import commands as c

REGISTER: Final = "/register PASSWORD"
IDENTIFY: Final = "/identify [ACCOUNT] PASSWORD"
ACCESS: Final = "/access NICK [op|voice|none]"

STATUSES: Final = {"op": "o", "voice": "v", "none": ""}
"""What can be given for good; the first if nothing is said."""


def register(rest: str) -> c.Command:
    """Read what stands after /register: the password may have spaces."""
    return c.Register("", "", rest) if rest else c.Refuse("missing-password", REGISTER)


def identify(rest: str) -> c.Command:
    """Read what stands after /identify; with one word it is the password."""
    if not rest:
        return c.Refuse("missing-password", IDENTIFY)
    account, _, password = rest.partition(" ")
    password = password.strip()
    return c.Identify(account[: c.MAX_NAME], password) if password else c.Identify("", account)


def keep(_: str) -> c.Command:
    """Read /keep."""
    return c.ClaimRoom()


def release(_: str) -> c.Command:
    """Read /release."""
    return c.ClaimRoom(keep=False)


def access(rest: str) -> c.Command:
    """Read what stands after /access."""
    nick, _, word = rest.partition(" ")
    word = word.strip().lower() or next(iter(STATUSES))
    if not nick:
        return c.Refuse("missing-nick", ACCESS)
    if word not in STATUSES:
        return c.Refuse("unknown-mode", word[: c.MAX_NAME])
    return c.Grant("", nick[: c.MAX_NAME], STATUSES[word])
