"""``python3 tests [ARGUMENT ...]``: set up on first use, then run pytest on the tests."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "supervisor"))

from bootstrap import run  # noqa: E402

os.chdir(ROOT)
run("pytest", *sys.argv[1:])
