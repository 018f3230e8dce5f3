"""Bans and exemptions: what they mean, whom they meet, when they end."""

import pytest

from chatd_supervisor.bans import Ban, Bans, Kind, read_mask

NOW = 1_000_000


def bans(*entries: tuple[Kind, str], exempt: tuple[tuple[Kind, str], ...] = ()) -> Bans:
    found = Bans()
    for kind, mask in entries:
        found.set(Ban(kind=kind, mask=read_mask(kind, mask), since=1))
    for kind, mask in exempt:
        found.set(Ban(kind=kind, mask=read_mask(kind, mask), since=1, exempt=True))
    return found


@pytest.mark.parametrize(
    ("kind", "typed", "meant"),
    [
        ("address", "192.0.2.7", "192.0.2.7"),
        ("address", "192.0.2.0/24", "192.0.2.0/24"),
        ("address", "192.0.2.7/32", "192.0.2.7"),
        ("address", "2001:DB8:0:0::/32", "2001:db8::/32"),
        ("address", "::ffff:192.0.2.1", "192.0.2.1"),
        ("address", "::FFFF:C000:200/120", "192.0.2.0/24"),
        ("address", "fe80::1%eth0", "fe80::1"),
        ("address", "unix:ann", "unix:ann"),
        ("nick", "Spam*", "Spam*"),
        ("nick", "*-bot", "*-bot"),
        ("nick", "mallory", "mallory"),
        ("account", "mallory", "mallory"),
    ],
)
def test_what_is_meant(kind: Kind, typed: str, meant: str) -> None:
    assert read_mask(kind, typed) == meant


@pytest.mark.parametrize(
    ("kind", "typed", "why"),
    [
        ("address", "192.0.2.7/24", "has host bits set"),
        ("address", "example.org", "it takes 192.0.2.7, 2001:db8::/32 or unix:NAME"),
        ("address", "0.0.0.0/0", "is everybody"),
        ("address", "::/0", "is everybody"),
        ("address", "::ffff:0:0/96", "is everybody"),
        ("address", "unix:", "names no user of this machine"),
        ("nick", "*", "is everybody"),
        ("nick", "*?", "is everybody"),
        ("nick", "", "cannot be a nick"),
        ("nick", "a b", "cannot be a nick"),
        ("account", "mal*", "an account has no wildcards"),
        ("account", "mal lory", "cannot be an account"),
    ],
)
def test_what_cannot_be_meant(kind: Kind, typed: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_mask(kind, typed)


@pytest.mark.parametrize(
    ("host", "met"),
    [
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("192.0.3.7", False),
        ("[2001:db8:1::5]", True),
        ("0::1", False),
        ("unix:ann", True),
        ("unix:ben", False),
        ("", False),
    ],
)
def test_addresses(host: str, met: bool) -> None:
    found = bans(("address", "192.0.2.0/24"), ("address", "2001:db8::/32"), ("address", "unix:ann"))
    assert (found.of_address(host, NOW) is not None) == met


def test_an_address_of_ipv4_that_is_written_as_ipv6_is_met_as_that_of_ipv4() -> None:
    found = bans(("address", "::ffff:192.0.2.1"))
    assert found.of_address("192.0.2.1", NOW) is not None
    assert found.of_address("::ffff:192.0.2.1", NOW) is not None
    assert found.of_address("192.0.2.2", NOW) is None


@pytest.mark.parametrize(
    ("nick", "met"),
    [("spammer", True), ("SPAM", True), ("aspam", False), ("x-bot", True), ("Mallory", True)],
)
def test_nicks(nick: str, met: bool) -> None:
    found = bans(("nick", "Spam*"), ("nick", "*-bot"), ("nick", "mallory"))
    assert (found.of_nick(nick, NOW) is not None) == met


def test_accounts() -> None:
    found = bans(("account", "mallory"))
    assert found.of_account("MALLORY", NOW) is not None
    assert found.of_account("", NOW) is None
    assert found.of_nick("mallory", NOW) is None


def test_an_exemption_lets_off_bans_of_its_kind() -> None:
    found = bans(
        ("address", "192.0.2.0/24"),
        ("nick", "spam*"),
        exempt=(("address", "192.0.2.7"), ("nick", "spamassassin")),
    )
    assert found.of_address("192.0.2.7", NOW) is None
    assert found.of_address("192.0.2.8", NOW) is not None
    assert found.of_nick("SpamAssassin", NOW) is None
    assert found.of_nick("spammer", NOW) is not None
    assert not found.lets_off_accounts(NOW)
    found.set(Ban(kind="account", mask="ann", since=1, exempt=True))
    assert found.lets_off_accounts(NOW)


def test_what_has_ended_is_as_good_as_not_there() -> None:
    found = Bans()
    wide = Ban(kind="address", mask="192.0.0.0/16", since=1, until=NOW)
    narrow = Ban(kind="address", mask="192.0.2.7", since=1, until=NOW + 1)
    found.set(wide)
    found.set(narrow)
    assert found.of_address("192.0.2.8", NOW - 1) == wide
    assert found.of_address("192.0.2.8", NOW) is None
    assert found.of_address("192.0.2.7", NOW) == narrow
    assert found.of_address("192.0.2.7", NOW + 1) is None
    assert found.ended(NOW) == [wide]
    found.remove(wide.key)
    assert list(found.entries) == [narrow.key]
    longer = Ban(kind="address", mask="192.0.2.7", since=2)
    found.set(longer)
    assert found.of_address("192.0.2.7", NOW * 9) == longer
    found.remove(longer.key)
    assert found.of_address("192.0.2.7", NOW) is None
