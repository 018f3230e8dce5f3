"""A master that dies at each point where it could leave something half done: nobody notices."""

import sys
from pathlib import Path

import pytest

from harness import serving
from storm.course import Storm, config
from storm.killing import Mourner

DEADLY = [sys.executable, str(Path(__file__).with_name("deadly.py"))]

SECONDS = 1.5
"""A storm lasts so long at least, and until all masters have died that are to."""

COUNTS = (1, 2, 15)
"""Times that the masters come to the point before they die, one master each."""

SELDOM = (1, 2, 5)
"""The same for points to which they do not come so often."""

OFTEN = [
    "rendered",
    "outbox-torn",
    "outbox-written",
    "in-transaction",
    "journaled",
    "one-consumed",
    "consumed",
    "one-written",
    "taken-in-part",
    "written",
    "one-acknowledged",
    "received",
    "employed",
]
"""Points that a master comes to all the time."""

NOT_SO_OFTEN = [
    "queue-taken-in-part",
    "indexed",
    "segment-begun",
    "rebased",
    "segments-removed",
    "parting",
    "hung-up",
    "seen-off",
    "forgotten",
    # When it goes on where another has stopped.
    "resuming",
    "resumed",
    "attached",
]

PLAIN = {
    **dict.fromkeys([*OFTEN, "forked"], COUNTS),
    **dict.fromkeys([*NOT_SO_OFTEN, "adopted"], SELDOM),
    "recovered": (1, 1),
}

SUPERVISED = {
    **dict.fromkeys(OFTEN, COUNTS),
    **dict.fromkeys([*NOT_SO_OFTEN, "asked", "delivered", "brought-up", "worker-resumed"], SELDOM),
    "asked-to-resume": (1, 1),
    "recovered": (1, 1),
}

CASES = [
    (supervised, point, counts)
    for supervised, points in ((False, PLAIN), (True, SUPERVISED))
    for point, counts in points.items()
]


@pytest.mark.parametrize(("supervised", "point", "counts"), CASES)
def test_a_master_dies_there(
    tmp_path: Path,
    pytestconfig: pytest.Config,
    supervised: bool,
    point: str,
    counts: tuple[int, ...],
) -> None:
    spool = tmp_path / "fates"
    program = [*DEADLY, str(spool)]
    fates = [f"{point} {count}" for count in counts]
    with serving(tmp_path, config(), program, supervised=supervised) as server:
        mourner = Mourner(server, program, spool, fates)
        figures = Storm(
            server,
            seconds=SECONDS,
            senders=3,
            listeners=4,
            seed=pytestconfig.getoption("--seed"),
            killer=mourner,
        ).run()
        assert mourner.died() == fates
    assert figures.lines > 0
    assert figures.zeros, str(figures)
