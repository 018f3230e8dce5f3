"""Who was there comes first after a master's death: newcomers wait while workers are adopted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatd_supervisor.recovery import HELD_BACK
from harness import Client, Server, eventually, injected, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    # In the plain profile; with a supervisor nobody is adopted.
    with serving(tmp_path) as one:
        yield one


def adopted_when_greeted(server: Server, seconds: float) -> int:
    """Kill the master, have bob come; return how many workers are adopted when he is greeted.

    Meanwhile alice's worker takes ``seconds`` for each look for the next master.
    """
    alice, carol = server.connect("alice"), server.connect("carol")
    alice.send("before\n")
    carol.until("before")
    delayed = f"connect:delay_enter={int(seconds * 1e6)}"
    with injected(server.worker_of("alice"), delayed) as tracer:
        server.kill_master()
        server.again()
        eventually("it listens again", server.is_ready)
        server.find_ports()
        bob = Client(server.port)
        carol.send("meanwhile\n")
        carol.until("carol : meanwhile")
        bob.greet()
        adopted: int = server.ask("status")["adopted"]
        bob.send("after\n")
        carol.until(" : after")
        tracer.terminate()
    # What was delayed goes on.
    alice.until(" : after")
    for client in (alice, carol, bob):
        client.close()
    return adopted


def test_they_wait_until_the_last_worker_is_adopted(server: Server) -> None:
    assert adopted_when_greeted(server, HELD_BACK / 5) == 2


def test_they_do_not_wait_for_ever(server: Server) -> None:
    assert adopted_when_greeted(server, 12 * HELD_BACK) == 1
