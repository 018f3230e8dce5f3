"""A worker of a TLS client that is taken over: whose certificate was shown it cannot choose."""

import re
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from chatd_supervisor.asking import ask
from harness import PATIENCE, Server, eventually, serving
from secure import TlsClient, make_certificate, tls_listener

PROGRAM = Path(__file__).with_name("taken_over.py")


def is_another(server: Server, master: int) -> bool:
    return server.master not in (0, master)


def see_it_end(client: TlsClient) -> None:
    """See that ``client`` is let go; what it had sent may not have been read by then."""
    with suppress(ConnectionResetError):
        client.rest()


def is_found_out(server: Server) -> bool:
    return re.search(r"kind=knowledge how=.*told Secured", server.log()) is not None


@pytest.mark.parametrize("said", ["", "hello\n"])
def test_it_tells_once_how_its_client_is_encrypted(tmp_path: Path, said: str) -> None:
    pem, own = make_certificate(tmp_path, "server"), make_certificate(tmp_path, "client")
    with serving(tmp_path, tls_listener(pem), [sys.executable, str(PROGRAM)]) as server:
        mallory = TlsClient(server.port, own).greet("mallory")
        server.clients.append(mallory)
        # Before or after anything was said; with the first line of all it comes too late as well.
        mallory.send(f"{said}!secured\n")
        see_it_end(mallory)
        eventually("it is in the log", partial(is_found_out, server))


def test_it_is_told_before_the_first_line(tmp_path: Path) -> None:
    pem, own = make_certificate(tmp_path, "server"), make_certificate(tmp_path, "client")
    with serving(tmp_path, tls_listener(pem), [sys.executable, str(PROGRAM)]) as server:
        mallory = TlsClient(server.port, own)
        server.clients.append(mallory)
        mallory.until("/help lists the commands")
        mallory.send("!secured\n")
        see_it_end(mallory)
        eventually("it is in the log", partial(is_found_out, server))


def test_what_was_told_is_told_again_to_the_next_master(tmp_path: Path) -> None:
    pem, own = make_certificate(tmp_path, "server"), make_certificate(tmp_path, "client")
    with serving(tmp_path, tls_listener(pem), supervised=True) as server:
        alice = TlsClient(server.port, own).greet("alice")
        server.clients.append(alice)
        for n in range(3):
            master = server.kill_master()
            eventually("another one", partial(is_another, server, master))
            eventually("the next master is ready", server.is_ready, PATIENCE)
            alice.send(f"a{n}\n")
            alice.until(f"alice : a{n}")
        assert "broke the rules" not in server.log()
        metrics = ask(server.runtime_dir / "control.sock", "metrics")
        assert not any(metrics["violations"].values())
