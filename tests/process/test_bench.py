"""The benchmark is a command that ends with a table; its figures are nobody's to test."""

import re
import subprocess
import sys

from harness import ROOT

DEADLINE = 60.0


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "tests" / "bench"), *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def test_a_part_is_measured_and_shown() -> None:
    done = bench("--quick", "restarts")
    assert done.returncode == 0, done.stderr
    head, _, row, *_ = done.stdout.splitlines()
    assert [cell.strip() for cell in head.split("|")[1:3]] == ["what", "measured"]
    time = re.search(r"next line is back, .*p50 +\| ([\d.]+) ms", row)
    assert time, row
    assert float(time[1]) > 0


def test_a_part_that_is_not_there_is_named() -> None:
    done = bench("births", "deaths")
    assert done.returncode == 2
    assert "no such part: deaths" in done.stderr
