"""What a worker may tell of its connection, and when."""

import select

import pytest

from chatd_supervisor.connections import Connection
from chatd_supervisor.egress import Output
from chatd_supervisor.hub import Hub, Rules
from chatd_supervisor.hub.coming import secured_of
from chatd_supervisor.ways import Way, kind_of, read_kind
from chatd_workers.commands import Arrive, Fresh, Proxied, Secured

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
        (Way.TLS, 0, [SECURED, SECURED], False),
        (Way.PROXY, 0, [PROXIED, PROXIED], False),
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


OTHER = Secured("TLSv1.3", "TLS_AES_256_GCM_SHA384", "f" * 64)


def secure(poller: select.epoll) -> Connection:
    return Connection(1, "127.0.0.1:1", "irc", Output(1, poller), Way.TLS)


@pytest.mark.parametrize("again", [SECURED, OTHER])
def test_which_certificate_was_shown_is_told_once(again: Secured) -> None:
    with select.epoll() as poller:
        connection = secure(poller)
        assert connection.may_tell([SECURED])
        assert not connection.may_tell([again])
        assert connection.secured == SECURED


@pytest.mark.parametrize("told", [SECURED, OTHER])
def test_which_certificate_was_shown_is_told_before_any_line(told: Secured) -> None:
    with select.epoll() as poller:
        connection = secure(poller)
        connection.lines = 1
        assert not connection.may_tell([told])
        assert connection.secured is None


@pytest.mark.parametrize("lines", [0, 7])
def test_a_later_master_is_told_the_same_or_nothing(lines: int) -> None:
    with select.epoll() as poller:
        for told, may in ((SECURED, True), (OTHER, False)):
            connection = secure(poller)
            connection.lines = lines
            connection.secured = SECURED  # as it stands in the journal
            assert connection.may_tell([told]) is may


@pytest.mark.parametrize("fingerprint", ["", "f" * 64])
def test_what_stands_in_the_journal_is_what_was_told(fingerprint: str) -> None:
    told = Secured("TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384", fingerprint, 5 * bool(fingerprint))
    hub = Hub(Rules())
    hub.apply(1, Arrive("irc"))
    assert secured_of(hub.sessions[1].record) is None
    hub.apply(1, told)
    assert secured_of(hub.sessions[1].record) == told


@pytest.mark.parametrize("way", [Way(flags) for flags in range(8)])
def test_a_way_stands_in_names_as_words(way: Way) -> None:
    kind = kind_of("text", way)
    assert " " not in kind
    assert read_kind(kind) == ("text", way)
    assert (kind == "text") is (way == Way.PLAIN)
