"""``python3 tests [ARGUMENT ...]``: set up on first use, then run pytest on the tests.

Without an argument all of them run, several at a time: they mostly wait. What they need of the
machine is installed as well, by root; ``tools`` has it.
"""

import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "supervisor"))

from bootstrap import run  # noqa: E402
from tools import see_to_it  # noqa: E402

ALL_OF_THEM = ("-q", "--numprocesses=3", "--dist=worksteal")


def be_init() -> None:
    """Return in a child, whose orphans this process buries, and then exits as the child has.

    In a container of which this is the first process it has to: tests wait for them to be gone.
    """
    child = os.fork()
    if not child:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the child's business
    while (ended := os.wait())[0] != child:
        pass
    sys.exit(os.waitstatus_to_exitcode(ended[1]))


if os.getpid() == 1:
    be_init()
os.chdir(ROOT)
see_to_it()
run("pytest", *(sys.argv[1:] or ALL_OF_THEM))
