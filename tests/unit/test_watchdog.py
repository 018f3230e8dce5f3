"""The watchdog's timer runs while a turn of the loop does, and not when it should not."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import signal, sys
from pathlib import Path
from chatd_supervisor.watchdog import WatchedSelector, Watchdog

def seconds_left():
    return signal.getitimer(signal.ITIMER_REAL)[0]

with WatchedSelector() as selector:
    watchdog = Watchdog(Path(sys.argv[1]), selector)
    watchdog.begin(1000.0)
    selector.select(0)
    assert seconds_left() > 900
    # What a reload does, in the middle of a turn.
    watchdog.begin(float(sys.argv[2]))
    assert seconds_left() == 0
    selector.select(0)
    print(round(seconds_left()))
    watchdog.end()
    assert seconds_left() == 0
    watchdog.discard()
"""


def timer_after_a_reload(directory: Path, patience: str) -> str:
    # By itself: the handlers of crashes are one process's, and pytest has its own.
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, directory / "stack", patience],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


def test_one_that_is_reloaded_to_none_does_not_end_the_turn_that_does_it(tmp_path: Path) -> None:
    assert timer_after_a_reload(tmp_path, "0") == "0\n"


def test_another_patience_holds_from_the_next_turn_on(tmp_path: Path) -> None:
    assert timer_after_a_reload(tmp_path, "2000") == "2000\n"
