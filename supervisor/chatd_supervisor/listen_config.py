"""The tables of the configuration that say where to listen, and what for: ``[[listen]]``."""

import os.path
import re
from typing import Annotated, Final

from msgspec import Meta, Struct

from chatd_supervisor.addresses import UNIX, check_address, check_networks
from chatd_workers.config_keys import ABSOLUTE, said, wrong
from chatd_workers.dialects import DIALECTS

LOCAL_PROXIES: Final = ("127.0.0.1", "::1")

UNIX_MODE: Final = "0666"


class Listen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[listen]]``."""

    address: Annotated[
        str,
        Meta(
            description="Where to listen; without a HOST, on all addresses, IPv4 and IPv6.",
            extra={"allowed": "HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH"},
        ),
    ] = "127.0.0.1:5015"
    dialect: Annotated[
        str,
        Meta(
            description="What is spoken there.",
            extra={"allowed": f"one of {', '.join(DIALECTS)}"},
        ),
    ] = "text"

    tls: Annotated[
        bool, Meta(description="Clients speak TLS.", extra={"allowed": "true or false"})
    ] = False
    cert: Annotated[
        str | None, said("File with the certificate for TLS and its chain, in PEM.", ABSOLUTE)
    ] = None
    key: Annotated[
        str | None,
        said("File with the key of the certificate, if cert does not hold it.", ABSOLUTE),
    ] = None
    sts_duration: Annotated[
        int,
        Meta(
            ge=0,
            description="Seconds for which clients of IRC are told to come by TLS alone; 0: not.",
        ),
    ] = 0
    proxy_protocol: Annotated[
        bool,
        Meta(
            description="Clients come through proxies, which say so in a PROXY header.",
            extra={"allowed": "true or false"},
        ),
    ] = False
    proxy_from: Annotated[
        tuple[str, ...],
        Meta(
            description="Where those proxies connect from; nobody else is let in there.",
            extra={"allowed": "a list of IP addresses or networks"},
        ),
    ] = LOCAL_PROXIES
    mode: Annotated[
        str,
        Meta(
            description="Who may connect to a Unix socket: the mode of its file.",
            extra={"allowed": "four octal digits"},
        ),
    ] = UNIX_MODE
    socket: Annotated[
        str,
        Meta(
            max_length=255,
            description="Name of the socket that the service manager passes for it, if it does.",
        ),
    ] = ""

    @property
    def unix_path(self) -> str:
        """The path of the Unix socket, empty if it is none."""
        return self.address.removeprefix(UNIX) if self.address.startswith(UNIX) else ""

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        try:
            check_address(self.address)
        except ValueError as error:
            raise wrong("address", str(error)) from error
        if self.dialect not in DIALECTS:
            raise wrong("dialect", f"must be one of {', '.join(DIALECTS)}")
        self._check_tls()
        if not re.fullmatch("0[0-7]{3}", self.mode):
            raise wrong("mode", "must be four octal digits, the first of them 0")
        if self.mode != UNIX_MODE and not self.unix_path:
            raise wrong("mode", "is only for Unix sockets")
        self._check_proxies()

    def _check_tls(self) -> None:
        if self.tls and self.cert is None:
            raise wrong("tls", "needs a certificate: cert, and key")
        if self.tls and self.unix_path:
            raise wrong("tls", "is not for Unix sockets")
        if self.sts_duration and not (self.tls and self.dialect == "irc"):
            raise wrong("sts_duration", "is only for tls = true and dialect irc")
        for name in ("cert", "key"):
            path = getattr(self, name)
            if path is not None and not self.tls:
                raise wrong(name, "is only for tls = true")
            if path is not None and not os.path.isabs(path):
                raise wrong(name, "must be an absolute path")

    def _check_proxies(self) -> None:
        if self.proxy_from == LOCAL_PROXIES:
            return
        try:
            check_networks(self.proxy_from)
        except ValueError as error:
            raise wrong("proxy_from", str(error)) from error
        # Whoever gives it believes that nobody else is let in.
        if not self.proxy_protocol:
            raise wrong("proxy_from", "is only for proxy_protocol = true")
        if self.unix_path:
            raise wrong("proxy_from", "is not for Unix sockets; their mode says who may connect")
