"""The supervisor's program: ``python -m chatd_supervisor.supervise``, for ``supervisor``."""

import gc

gc.disable()  # what is made from here on stays

import sys  # noqa: E402

from chatd_supervisor.lean import lean_imports  # noqa: E402

with lean_imports():
    # Before whatever brings them along; and all that a master and a worker are made of.
    import logging  # noqa: F401
    import random  # noqa: F401
    import threading  # noqa: F401
    import uuid  # noqa: F401

    from chatd_supervisor import master as _master  # noqa: F401
    from chatd_supervisor import serving
    from chatd_supervisor.walling import buildable
    from chatd_workers.dialects import DIALECTS
    from chatd_workers.rehearsal import rehearse

import resource  # noqa: E402

import setproctitle  # noqa: E402

from chatd_supervisor.exits import Exit  # noqa: E402
from chatd_supervisor.handover import check_places  # noqa: E402
from chatd_supervisor.invocation import Invocation, paths_of  # noqa: E402
from chatd_supervisor.paths import PathError  # noqa: E402
from chatd_supervisor.subreaper import become_subreaper  # noqa: E402
from chatd_supervisor.supervise import guard  # noqa: E402
from chatd_supervisor.supervise.asked import Asked  # noqa: E402
from chatd_supervisor.supervise.successor import Inheritance, await_table  # noqa: E402
from chatd_supervisor.supervise.supervisor import NEXT, Supervisor  # noqa: E402
from chatd_workers.signals import BLOCK, MASTERS_SIGNALS, change_mask  # noqa: E402


def main(arguments: list[str]) -> int:
    """Supervise as ``arguments`` say (``asked``); return the exit code."""
    asked, options = Asked.read(arguments)
    invocation = Invocation.of(options)
    change_mask(BLOCK, MASTERS_SIGNALS)
    become_subreaper()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    inheritance = Inheritance.from_environment(asked, invocation)
    rehearse(tuple(DIALECTS))
    buildable()
    if inheritance.trial >= 0:
        if code := _try_out(asked, invocation):
            return code
        inheritance.end_trial()
    setproctitle.setproctitle(NEXT if inheritance.is_successor else guard.TITLE)
    gc.collect()
    gc.freeze()
    if inheritance.is_successor:
        if not await_table(inheritance):
            return Exit.OK
        setproctitle.setproctitle(guard.TITLE)
    return Supervisor(asked, inheritance).run()


def _try_out(asked: Asked, invocation: Invocation) -> int:
    """See whether a master of this program could go on; say on standard error why not."""
    code = serving.try_out(invocation)
    if not code:
        try:
            check_places(paths_of(invocation.config()), asked)
        except PathError as error:
            print(f"chatd: {error}", file=sys.stderr)
            code = Exit.CANNOT_CREATE
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
