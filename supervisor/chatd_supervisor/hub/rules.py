"""What the configuration allows, as the hub needs it; and who may be an operator."""

from typing import Literal, NamedTuple


class OperatorBlock(NamedTuple):
    """One ``[[operators]]``."""

    name: str
    password: str
    """A hash of argon2 as text, or the password itself."""
    classes: tuple[str, ...] = ()


class Rules(NamedTuple):
    """What the configuration allows; 0 is no limit, for the counts."""

    server: str = "chatd"
    network: str = "chatd"
    description: str = "chatd"
    password: str = ""
    tell_traced: Literal["never", "text", "always"] = "text"
    """Whom chatd trace follows is told so: when what is said is shown, or always."""
    version: str = ""
    motd: tuple[str, ...] = ()
    admin: tuple[str, ...] = ()
    started: str = ""
    """When the server was started, in words."""
    since: float = 0.0
    """The same, in seconds by the clock that nobody sets (``Core.monotonic``)."""
    tokens: tuple[str, ...] = ()
    """Of RPL_ISUPPORT."""
    capabilities: tuple[tuple[str, str], ...] = ()
    """Values of capabilities, by name."""
    sts_port: int = 0
    """Where TLS is spoken; 0: clients are not sent there."""
    sts_duration: int = 0
    """Seconds for which they are not to come in any other way."""
    unavailable: frozenset[str] = frozenset({"sts"})
    """Capabilities that this server, as it is configured, has not."""
    nick_length: int = 24
    channel_length: int = 32
    mixed_scripts: bool = False
    """New names may have letters of several scripts in one word."""
    topic_length: int = 300
    kick_length: int = 300
    away_length: int = 200
    user_length: int = 20
    realname_length: int = 150
    max_rooms: int = 1000
    rooms_per_client: int = 50
    rooms_per_network: int = 200
    """Rooms that were made from one network, as ``Core.network_of`` has it."""
    kept_rooms_per_account: int = 10
    list_entries: int = 100
    """Masks in each list of a room."""
    whowas_entries: int = 1000
    monitor_entries: int = 100
    accept_entries: int = 100
    max_targets: int = 8
    announce_members: int = 100
    join_rate: int = 0
    """Rooms a minute that one may come into,"""
    nick_rate: int = 0
    """and times that one may be called otherwise."""
    history_on_join: int = 10
    history_lines: int = 200
    operators: tuple[OperatorBlock, ...] = ()
    registration: bool = True
    """Clients may make accounts,"""
    before_connect: bool = True
    """also before they have registered."""
    require_email: bool = False
    min_password_length: int = 1
    nick_ownership: bool = True
    """Only whoever is logged in to an account may be called as it is."""
    accounts_per_network: int = 0
    """Accounts that may be made from one network in a day."""
    ipv6_prefix: int = 64
    """Bits of IPv6 by which a network is told from others."""
