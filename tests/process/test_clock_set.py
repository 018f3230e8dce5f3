"""Somebody sets the clock of a machine whose server runs, or starts."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from harness import CHATD, PATIENCE, Server, eventually, serving

YEAR = 365 * 86400

PROGRAM = """
import pathlib, sys, time
ahead, real = pathlib.Path(sys.argv.pop(1)), time.time_ns
time.time_ns = lambda: real() + int(ahead.read_text()) * 10**9
time.time = lambda: time.time_ns() / 1e9
from chatd_supervisor.cli import main
main(prog_name="chatd")
"""
"""A server whose wall clock is so many seconds ahead as a file says; no other clock is."""

SILENCE = 20
"""Seconds after which whoever says nothing is let go: it is looked every second."""


def history(server: Server, *options: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [CHATD, "history", "--json", *options, f"--state-dir={server.state_dir}"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_nobody_is_put_off_nothing_is_forgotten_and_times_are_honest(tmp_path: Path) -> None:
    ahead = tmp_path / "ahead"
    ahead.write_text("0")
    program = [sys.executable, "-c", PROGRAM, str(ahead)]
    config = f"[limits]\nidle_timeout = {SILENCE}\n[journal]\nmax_age_days = 30\n"
    with serving(tmp_path, config, program) as server:
        alice, bob = server.connect("alice"), server.connect("bob")

        def both_hear(text: str) -> None:
            alice.send(f"{text}\n")
            alice.until(f"alice : {text}")
            bob.until(f"alice : {text}")

        both_hear("right")
        bob.send("so am I\n")
        alice.until("bob : so am I")
        ahead.write_text(str(YEAR))
        # Long enough for two looks at who is silent.
        until = time.monotonic() + 2.2 * SILENCE / 20
        said = 0
        while time.monotonic() < until:
            both_hear(f"ahead {said}")
            said += 1
        assert [one["nick"] for one in server.ask("ps")] == ["alice", "bob"]
        # A master that begins while it is wrong.
        server.process.kill()
        server.again(program)
        eventually("it serves", server.is_ready)
        both_hear("still ahead")
        ahead.write_text("0")
        both_hear("right again")
        now = time.time()
        texts = ["right", "so am I", *(f"ahead {n}" for n in range(said))]
        texts += ["still ahead", "right again"]
        found = history(server)
        assert [one["text"] for one in found] == texts
        wrong = [one["time"] - now > YEAR / 2 for one in found]
        assert wrong == [False, False, *[True] * (said + 1), False]
        assert abs(found[-1]["time"] - now) < 60
        # What was said last was said since an hour ago, whatever stands before it.
        assert history(server, "--since", "1h")[-1]["text"] == "right again"
        log = server.log()
        assert log.count("clock jumped seconds=") == 2
        assert "clock jumped seconds=-" in log
