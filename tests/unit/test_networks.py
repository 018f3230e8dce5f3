"""Networks are found by their addresses, however those are written."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd_supervisor.networks import (
    NetworkMap,
    is_in,
    place_of,
    read_address,
    read_network,
    write_network,
)

V4 = st.ip_addresses(v=4)
ANY = st.ip_addresses()


@st.composite
def networks(draw: st.DrawFn) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    address = draw(ANY)
    prefix = draw(st.integers(0, address.max_prefixlen))
    return ipaddress.ip_network(
        (int(address), prefix) if address.version == 4 else (address, prefix), strict=False
    )


@given(st.lists(networks(), max_size=20), ANY)
def test_just_the_networks_that_an_address_is_in_are_found(
    known: list[ipaddress.IPv4Network | ipaddress.IPv6Network],
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    known = list(dict.fromkeys(known))
    found: NetworkMap[str] = NetworkMap()
    for one in known:
        found.set(one, str(one))
    if getattr(address, "ipv4_mapped", None) is None:
        expected = {str(one) for one in known if address in one}
        assert set(found.find(str(address))) == expected
    for one in known:
        found.remove(one)
    assert list(found.find(str(address))) == []
    assert found._by_prefix == {}


@given(V4)
def test_an_address_is_the_same_in_all_its_clothes(address: ipaddress.IPv4Address) -> None:
    assert read_address(f"::ffff:{address}") == address
    assert read_address(f"[::ffff:{address}]") == address
    assert write_network(read_network(f"::ffff:{address}")) == str(address)
    assert read_network(f"::ffff:{address}/112", strict=False) == read_network(
        f"{address}/16", strict=False
    )


@pytest.mark.parametrize(
    ("host", "prefix", "place"),
    [
        ("192.0.2.1", 64, "192.0.2.1"),
        ("[::ffff:192.0.2.1]", 64, "192.0.2.1"),
        ("[2001:db8:1:2:3::4]", 64, "2001:db8:1:2::/64"),
        ("[2001:db8:1:2:3::4]", 48, "2001:db8:1::/48"),
        ("[::1]", 128, "::1/128"),
        ("[fe80::1%eth0]", 64, "fe80::/64"),
        ("unix:ann", 64, "unix:ann"),
        ("", 64, ""),
    ],
)
def test_what_is_counted_together(host: str, prefix: int, place: str) -> None:
    assert place_of(host, prefix) == place


def test_what_is_no_network_is_not_one() -> None:
    with pytest.raises(ValueError, match="host bits set"):
        read_network("192.0.2.1/24")
    assert read_address("unix:ann") is None


def test_a_network_of_ipv4_may_be_written_as_ipv6() -> None:
    assert is_in("10.1.2.3", ["::ffff:10.0.0.0/104"])
    assert is_in("::ffff:10.1.2.3", ["10.0.0.0/8"])
    assert not is_in("11.1.2.3", ["::ffff:10.0.0.0/104"])
