"""After a master's death those who were there come first: newcomers wait until they are served."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatd_supervisor.recovery import HELD_BACK
from harness import Client, Server, injected, serving

DELAY = HELD_BACK / 2


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, supervised=True) as one:
        yield one


def greeted(server: Server, seconds: float) -> float:
    """Kill the master, have bob come; return after how long he is greeted.

    Meanwhile alice's worker, who is there, takes ``seconds`` to look for the next master.
    """
    alice, carol = server.connect("alice"), server.connect("carol")
    alice.send("before\n")
    carol.until("before")
    delayed = f"connect:delay_enter={int(seconds * 1e6)}"
    with injected(server.worker_of("alice"), delayed) as tracer:
        server.kill_master()
        since = time.monotonic()
        bob = Client(server.port)
        carol.send("meanwhile\n")
        alice.until("carol : meanwhile")
        assert time.monotonic() - since < seconds, "who was there is served"
        bob.greet("bob")
        passed = time.monotonic() - since
        alice.send("after\n")
        bob.until("alice : after")
        tracer.terminate()
    for client in (alice, carol, bob):
        client.close()
    return passed


def test_they_wait_until_the_last_worker_is_adopted(server: Server) -> None:
    assert greeted(server, DELAY) >= DELAY


def test_they_do_not_wait_for_ever(server: Server) -> None:
    assert HELD_BACK <= greeted(server, 4 * HELD_BACK) < 4 * HELD_BACK
