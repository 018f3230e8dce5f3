"""SIGUSR1: where a process of chatd is, with the sandbox and without, whoever its client is."""

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Client, Server, eventually, serving
from secure import TlsClient, make_certificate, tls_listener

SEVERAL = 50

STACK = re.compile(
    r"WARNING chatd: worker traced session=(?P<session>\d+) pid=(?P<pid>\d+)\n"
    r"    chatd: (?P<nick>\w+)@\S+ text #lobby: session (?P=session), \d+ lines, .*\n"
    r"     +File \"[^\"]+main.py\", line \d+, in serve\(\)\n"
    r"(?:     +File \"[^\"]+\", line \d+, in \w+\(\)\n)*"
    r"     +File \"[^\"]+ingress.py\", line \d+, in wait\(\)\n"
)


@pytest.fixture(params=["require", "off"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """One with walls or none, that speaks TLS on its second port."""
    pem = make_certificate(tmp_path, "server")
    config = f'[sandbox]\nmode = "{request.param}"\n\n[[listen]]\naddress = "127.0.0.1:0"\n'
    with serving(tmp_path, config + tls_listener(pem)) as running:
        walls = running.ask("status")["sandbox"]["walls"]
        assert ("seccomp" in walls) == (request.param == "require")
        yield running


def test_a_worker_tells_where_it_is_and_goes_on(server: Server) -> None:
    tls = TlsClient(server.ports[-1])
    server.clients.append(tls)
    people: dict[str, Client] = {"alice": server.connect("alice"), "tess": tls.greet("tess")}
    for nick, client in people.items():
        pid = server.worker_of(nick)
        os.kill(pid, signal.SIGUSR1)
        found = eventually(
            f"the stack of {nick}",
            lambda nick=nick: next(  # type: ignore[misc]
                (one for one in STACK.finditer(server.log()) if one["nick"] == nick), None
            ),
        )
        assert found
        assert int(found["pid"]) == pid
        for _ in range(SEVERAL):
            os.kill(pid, signal.SIGUSR1)
        client.send("hello\n")
        client.until(f"{nick} : hello")
        assert server.worker_of(nick) == pid, "it lives"
    assert "worker died" not in server.log()
    assert "broke the rules" not in server.log()


def test_a_worker_that_is_stopped_tells_it_when_it_goes_on(server: Server) -> None:
    server.connect("alice")
    pid = server.worker_of("alice")
    os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGUSR1)
    server.ask("status")
    assert "worker traced" not in server.log()
    os.kill(pid, signal.SIGCONT)
    eventually("it tells", lambda: STACK.search(server.log()))


def test_the_master_tells_where_it_is_and_goes_on(server: Server) -> None:
    alice = server.connect("alice")
    os.kill(server.master, signal.SIGUSR1)
    told = eventually(
        "the stack of the master",
        lambda: re.search(
            r"WARNING chatd: master traced pid=(\d+) status=(\"\{.*\}\")\n"
            r"(?:     +.*\n)+",
            server.log(),
        ),
    )
    assert told
    assert int(told[1]) == server.master
    # A string of JSON, as any value that is no plain word; and in it, JSON.
    status = json.loads(json.loads(told[2]))
    assert (status["pid"], status["clients"]) == (server.master, 1)
    assert 'master.py"' in told[0]
    assert "in run" in told[0]
    alice.send("hello\n")
    alice.until("alice : hello")
