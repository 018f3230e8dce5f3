"""What a master of the plain profile finds: what was passed to its process."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatd_supervisor import activation, counts
from chatd_supervisor.activation import Passed, plain_stock
from chatd_supervisor.handover import Handover
from chatd_workers.reports import PROTOCOL


@pytest.fixture
def listening() -> Iterator[int]:
    """Yield the descriptor of a socket that listens; the stock owns it."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        yield os.dup(one.fileno())


def test_a_program_before_it_has_passed_on_sockets_whose_names_are_in_a_file(
    listening: int, tmp_path: Path
) -> None:
    file = tmp_path / "sockets"
    cookie = counts.cookie_of(listening)
    file.write_text(json.dumps({"cookie": cookie, "name": "listener", "lent": True}) + "\n")
    handover = Handover(
        protocol=PROTOCOL,
        version="1",
        runtime_dir="/r",
        state_dir="/s",
        daemon=False,
        started=0.0,
        generation=1,
        descriptors=[listening],
    )
    stock = plain_stock(handover, file)
    assert stock.lent == {"listener"}
    assert stock.take_named() == {"listener": listening}
    os.close(listening)


def test_a_service_manager_has_passed_sockets_and_files_of_before_do_not_name_them(
    listening: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = counts.cookie_of(listening)
    file = tmp_path / "sockets"
    file.write_text(json.dumps({"cookie": cookie, "name": "old", "lent": False}) + "\n")
    monkeypatch.setattr(activation, "passed", lambda: [Passed("chatd.socket", listening)])
    stock = plain_stock(None, file)
    assert stock.passed == {cookie: "chatd.socket"}
    assert stock.take_named() == {}
    assert stock.close() == 1


def test_nobody_has_passed_anything(tmp_path: Path) -> None:
    assert plain_stock(None, tmp_path / "sockets").close() == 0
