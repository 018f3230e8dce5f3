"""The program that an upgrade executes: ``python -m chatd_supervisor.resuming``.

It does what ``chatd run`` does, with the options of ``Invocation.options``. A program of its own,
because while it begins nobody is heard: it imports nothing that only a command line needs.
"""

import gc

gc.disable()  # until the master has taken over: what is made until then stays

import sys  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from typing import Final  # noqa: E402

from chatd_supervisor.lean import lean_imports  # noqa: E402

with lean_imports():  # before whatever brings them along
    import logging  # noqa: F401
    import random  # noqa: F401
    import threading  # noqa: F401
    import uuid  # noqa: F401

from chatd_supervisor.daemon import Starter  # noqa: E402
from chatd_supervisor.invocation import Invocation  # noqa: E402
from chatd_supervisor.serving import serve, try_out  # noqa: E402

TRIAL: Final = "--trial"
"""The option with which nothing is done but to see whether it could be."""


def main(arguments: Sequence[str]) -> int:
    """Go on with what was passed on to this process; return the exit code."""
    trial = TRIAL in arguments
    invocation = Invocation.of(one for one in arguments if one != TRIAL)
    return try_out(invocation) if trial else serve(invocation, Starter.from_environment())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
