"""Masks in the lists of rooms: whom they mean."""

import ipaddress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chatd_supervisor.hub.masks import MAX_MASK, meaning, means, read_mask
from chatd_workers.events import Source

ALICE = Source("Alice", "al", "192.0.2.1", "acc")
NOBODY = Source("Alice", "al", "192.0.2.1")
HERE = Source("Alice", "al", "0::1")
FAR = Source("Alice", "al", "2001:db8::1:0:0:7")
NAMED = Source("Alice", "al", "a.example.org")


@pytest.mark.parametrize(
    ("masks", "source", "meant"),
    [
        ([], ALICE, False),
        (["alice!*@*"], ALICE, True),
        (["*!*@192.0.2.*"], ALICE, True),
        (["bob!*@*", "?LICE!a?@*"], ALICE, True),
        (["bob!*@*"], ALICE, False),
        (["$a"], ALICE, True),
        (["$a"], NOBODY, False),
        (["$a:ACC"], ALICE, True),
        (["$a:a*"], ALICE, True),
        (["$a:other"], ALICE, False),
        (["$a:*"], NOBODY, False),
        (["$a:Alice"], NOBODY, False),
        (["*!*@192.0.2.0/24"], ALICE, True),
        (["*!*@192.0.2.2/31"], ALICE, False),
        (["alice!*@192.0.2.1"], ALICE, True),
        (["bob!*@192.0.2.1"], ALICE, False),
        (["*!b?@192.0.2.0/24"], ALICE, False),
        (["*!*@2001:db8::/32"], ALICE, False),
        (["*!*@::1"], HERE, True),
        (["*!*@0::1"], HERE, True),
        (["*!*@::/127"], HERE, True),
        (["*!*@::*"], HERE, True),
        (["*!*@0::*"], HERE, True),
        (["*!*@127.0.0.0/8"], HERE, False),
        (["*!*@2001:db8::/32"], FAR, True),
        (["*!*@2001:db8:1:*"], FAR, False),
        (["*!*@192.0.2.0/24"], NAMED, False),
        (["*!*@*.example.org"], NAMED, True),
    ],
)
def test_whom_masks_mean(masks: list[str], source: Source, *, meant: bool) -> None:
    assert means(masks, source) == meant


@pytest.mark.parametrize(
    ("typed", "mask"),
    [
        ("alice", "alice!*@*"),
        ("a!b", "a!b@*"),
        ("b@c", "*!b@c"),
        ("***", "*!*@*"),
        ("*.example.org", "*!*@*.example.org"),
        ("127.0.0.0/8", "*!*@127.0.0.0/8"),
        ("192.0.2.7/24", "*!*@192.0.2.0/24"),
        ("192.0.2.0/255.255.255.0", "*!*@192.0.2.0/24"),
        ("al@192.0.2.1/32", "*!al@192.0.2.1"),
        ("192.0.2.*", "*!*@192.0.2.*"),
        ("::1", "*!*@::1"),
        ("a!b@0:0:0:0:0:0:0:1", "a!b@::1"),
        ("2001:0DB8:0::/32", "*!*@2001:db8::/32"),
        ("[2001:DB8::]/32", "*!*@2001:db8::/32"),
        ("2001:0db8:*", "*!*@2001:db8::/32"),
        ("1:2:3:4:5:6:7:*", "*!*@1:2:3:4:5:6:7:0/112"),
        ("fe80::1%eth0", "*!*@fe80::1"),
        ("::ffff:192.0.2.1", "*!*@192.0.2.1"),
        ("::FFFF:c000:0201", "*!*@192.0.2.1"),
        ("::ffff:192.0.2.0/120", "*!*@192.0.2.0/24"),
        ("0:0:0:0:0:ffff:192.0.2.*", "*!*@192.0.2.*"),
        ("192.0.2.0/33", None),
        ("a!b@2001:db8::/129", None),
        (":::1", None),
        ("$a", "$a"),
        ("$A:", "$a"),
        ("$a:x", "$a:x"),
        ("$b:x", None),
        ("$", None),
        ("", None),
        ("a b", None),
        (":a", None),
        ("a\x02", None),
        ("x" * (MAX_MASK - 3), None),
        ("é" * 80, None),
    ],
)
def test_what_can_be_a_mask(typed: str, mask: str | None) -> None:
    assert read_mask(typed) == mask


_HOSTS = st.text("0123456789abcdefF:./*?[]%", max_size=24)


@given(st.text() | _HOSTS | _HOSTS.map("*!*@{}".format))
def test_a_mask_is_one_word_within_bounds_and_read_as_itself(typed: str) -> None:
    mask = read_mask(typed)
    if mask is not None:
        assert " " not in mask
        assert len(mask.encode()) <= MAX_MASK
        assert read_mask(mask) == mask
        means([mask], ALICE)
        means([mask], HERE)


@given(st.ip_addresses(), st.integers(0, 128))
def test_a_network_means_its_addresses_however_both_are_written(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, length: int
) -> None:
    # Networks that hold all of IPv4, mapped, are of IPv6 all the same.
    assume(getattr(address, "ipv4_mapped", None) is None or length >= 96)
    network = ipaddress.ip_network(f"{address}/{min(length, address.max_prefixlen)}", strict=False)
    someone = Source("Alice", "al", str(address))
    for written in (str(network), network.exploded.upper(), f"[{network}]"):
        mask = read_mask(f"*!*@{written}")
        assert mask is not None
        assert means([mask], someone)


def test_names_with_hosts_are_told_from_words() -> None:
    assert meaning("alice") is meaning("*.example.org") is meaning("$a") is None
    for typed in ("192.0.2.0/24", "*@192.0.2.*", "alice!*@*"):
        means_alice = meaning(typed)
        assert means_alice is not None
        assert means_alice(ALICE)
        assert not means_alice(Source("Bob", "bo", "10.0.0.1"))
