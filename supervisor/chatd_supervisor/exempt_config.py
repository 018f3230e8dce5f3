"""``[exempt]``: the keys. What they do is in ``origins``."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from chatd_supervisor.addresses import check_networks
from chatd_workers.config_keys import wrong

UNIX_USERS: Final = "unix"
"""Stands among addresses for everybody who comes through a Unix socket."""

HERE: Final = ("127.0.0.0/8", "::1", UNIX_USERS)
"""This machine."""


class Exempting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[exempt]``."""

    addresses: Annotated[
        tuple[str, ...],
        Meta(
            description="From where clients may come as many and as often as they like.",
            extra={"allowed": "a list of IP addresses, networks, or the word unix"},
        ),
    ] = HERE

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        if self.addresses == HERE:
            return  # what is known to be right costs no look
        try:
            check_networks(one for one in self.addresses if one != UNIX_USERS)
        except ValueError as error:
            raise wrong("addresses", str(error)) from error
