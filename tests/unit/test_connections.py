"""What a worker may tell of its connection, and when."""

import select

import pytest

from chatd_supervisor.connections import Connection
from chatd_supervisor.egress import Output
from chatd_supervisor.ways import Way, kind_of, read_kind
from chatd_workers.commands import Fresh, Proxied, Secured

PROXIED = Proxied("192.0.2.7", 4711)
SECURED = Secured("TLSv1.3", "TLS_AES_256_GCM_SHA384", "")


@pytest.mark.parametrize(
    ("way", "offset", "fresh", "may"),
    [
        (Way.PLAIN, 0, [PROXIED], False),
        (Way.PLAIN, 0, [SECURED], False),
        (Way.UNIX, 0, [SECURED], False),
        (Way.PROXY, 0, [PROXIED], True),
        # Once, and before everything else: later it would be its client that says so.
        (Way.PROXY, 1, [PROXIED], False),
        (Way.PROXY, 0, [PROXIED, SECURED], False),
        (Way.PROXY, 0, [Proxied(None, 0)], True),
        (Way.TLS, 0, [SECURED], True),
        (Way.TLS, 1, [SECURED], True),
        (Way.TLS, 0, [PROXIED], False),
        (Way.TLS | Way.PROXY, 0, [PROXIED], True),
        (Way.TLS | Way.PROXY, 1, [SECURED], True),
    ],
)
def test_a_worker_tells_only_what_it_can_know(
    way: Way, offset: int, fresh: list[Fresh], may: bool
) -> None:
    with select.epoll() as poller:
        connection = Connection(1, "127.0.0.1:1", "text", Output(1, poller), way)
        connection.offset = offset
        assert connection.may_tell(fresh) is may


def test_whoever_a_proxy_brings_is_no_user_of_this_machine() -> None:
    assert [way for way in map(Way, range(8)) if way.is_local] == [Way.UNIX, Way.UNIX | Way.TLS]


@pytest.mark.parametrize("way", [Way(flags) for flags in range(8)])
def test_a_way_stands_in_names_as_words(way: Way) -> None:
    kind = kind_of("text", way)
    assert " " not in kind
    assert read_kind(kind) == ("text", way)
    assert (kind == "text") is (way == Way.PLAIN)
