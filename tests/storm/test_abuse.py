"""A little abuse, which nobody who chats meanwhile notices; how long they wait is not looked at."""

from pathlib import Path

from harness import serving
from storm.abuse import LIMITS, abuse
from storm.course import config


def test_a_little_abuse_does_not_reach_those_who_chat(tmp_path: Path) -> None:
    with serving(tmp_path, config() + LIMITS.format(10), supervised=True) as server:
        outcome = abuse(
            server,
            seconds=10,
            idle=1,
            people=10,
            storm=20,
            kills=4,
            master_every=4,
            seed=6,
        )
    assert outcome.wrong == [], str(outcome)
    assert outcome.came > 60
    assert min(outcome.workers, outcome.masters, outcome.supervisors) > 0
    assert len(outcome.abused) > 50
