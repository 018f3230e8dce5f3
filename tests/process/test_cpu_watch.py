"""A worker that computes without end is ended; its client, and others, stay."""

import sys
from pathlib import Path

from harness import PATIENCE, serving

TAKEN_OVER = Path(__file__).with_name("taken_over.py")
PROGRAM = f"""
import runpy
from chatd_supervisor import cpu_account
cpu_account.BURST = 1.0
runpy.run_path({str(TAKEN_OVER)!r}, run_name="__main__")
"""
"""With an account that is soon used up: a test should not compute for long."""


def test_a_worker_that_spins_is_ended_and_its_client_gets_another(tmp_path: Path) -> None:
    with serving(tmp_path, program=[sys.executable, "-c", PROGRAM]) as server:
        alice, mallory = server.connect("alice"), server.connect("mallory")
        alice.until("mallory")
        worker = server.worker_of("mallory")
        # Its own timers and limits do not help it, nor that it catches the signal.
        mallory.send("!spin\n")
        mallory.socket.settimeout(10 * PATIENCE)  # some seconds of processor time, of a busy one
        assert "line dropped: it crashed the process that reads it" in mallory.line()
        log = server.log()
        assert f"pid={worker} kind=cpu " in log
        mallory.send("still here\n")
        mallory.until("mallory : still here")
        alice.until("mallory : still here")
