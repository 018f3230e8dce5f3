"""Names to listen on: each of their addresses, and none that this machine has not."""

import socket
from typing import Any

import pytest

from chatd_supervisor.addresses import ListenError
from chatd_supervisor.listen_config import Listen
from chatd_supervisor.ports import each_address


def addresses(address: str) -> list[str]:
    return [one.address for one in each_address(Listen(address=address, dialect="irc"))]


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the addresses of the host ``name``, which a test may change."""
    hosts = ["127.0.0.1", "127.0.0.2"]
    known = socket.getaddrinfo

    def look_up(host: str, port: int, **how: Any) -> Any:
        if host != "name":
            return known(host, port, **how)
        return [
            found
            for one in hosts
            for found in known(one, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return hosts


@pytest.mark.parametrize("address", [":5015", "127.0.0.1:5015", "[::1]:5015", "unix:/s", "name:0"])
def test_what_is_one_address_stays_as_it_is(address: str) -> None:
    assert addresses(address) == [address]


def test_a_name_is_all_its_addresses_once(named: list[str]) -> None:
    named += ["::1", "127.0.0.1"]
    assert addresses("name:5015") == ["127.0.0.1:5015", "127.0.0.2:5015", "[::1]:5015"]


def test_addresses_of_other_machines_are_left_out_unless_there_are_no_others(
    named: list[str],
) -> None:
    named[:] = ["198.51.100.1", "127.0.0.1"]
    assert addresses("name:5015") == ["127.0.0.1:5015"]
    named[:] = ["198.51.100.1", "203.0.113.2"]
    assert addresses("name:5015") == ["198.51.100.1:5015", "203.0.113.2:5015"]


def test_a_name_of_nobody_is_an_error(named: list[str]) -> None:
    named.clear()
    with pytest.raises(ListenError, match=r"cannot listen on nobody\.invalid:5015: "):
        addresses("nobody.invalid:5015")
