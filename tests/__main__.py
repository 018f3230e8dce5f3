"""``python3 tests [ARGUMENT ...]``: set up on first use, then run pytest on the tests.

Without an argument all of them run, several at a time: they mostly wait.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "supervisor"))

from bootstrap import run  # noqa: E402

ALL_OF_THEM = ("-q", "--numprocesses=3", "--dist=worksteal")

os.chdir(ROOT)
run("pytest", *(sys.argv[1:] or ALL_OF_THEM))
