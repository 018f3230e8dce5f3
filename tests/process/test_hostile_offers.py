"""What a worker brings to the next master: nothing but its client's own socket is taken."""

import re
import sys
from pathlib import Path

import pytest

from descriptor_kinds import KINDS
from harness import PATIENCE, Server, descriptors, eventually

PROGRAM = Path(__file__).with_name("hostile_orphan.py")
SUPPORT = str(PROGRAM.parent.parent)
CONFIG = '[sandbox]\nmode = "off"\n[limits]\nadoption_timeout = 1.0\n'


def test_a_descriptor_of_any_kind_ends_the_offer_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The sandbox is off, for in it a worker could make few of these.
    monkeypatch.setenv("PYTHONPATH", SUPPORT)
    server = Server(tmp_path, CONFIG, [sys.executable, str(PROGRAM)])
    try:
        alice = server.connect("alice")
        hostile = [*KINDS, "client klingon"]
        for place, kind in enumerate(hostile):
            server.connect(f"m{place}").send(f"!{kind}\n")
        eventually("all wait", lambda: " ".join(server.titles()).count("hostile") == len(hostile))
        server.process.kill()
        server.process.wait(PATIENCE)
        server.again()
        eventually("the next master is ready", server.is_ready)
        # Their clients are lost, and nobody else's.
        eventually("they are gone", lambda: len(server.ask("ps")) == 1)
        alice.send("still here\n")
        assert alice.until("alice : still here")
        log = server.log()
        assert "Traceback" not in log
        assert len(re.findall("offer (?:refused|not understood)", log)) == len(hostile)
        sockets = [each for each in descriptors(server.pid).values() if each.startswith("socket")]
        assert len(sockets) < len(hostile), "what was brought is closed"
    finally:
        server.stop()
