"""The mark of what a master dies of: found by the next one, and counted."""

from pathlib import Path

import pytest

from chatd_supervisor.crash_mark import DEATHS, CrashMark


def died_at(path: Path, session: int, offset: int, *, crashed: bool = False) -> CrashMark:
    """Have a master die at that report; return what the next one finds."""
    mark = CrashMark(path, crashed=False)
    mark.begin(session, offset)
    mark.close()
    return CrashMark(path, crashed=crashed)


def test_nothing_is_condemned_at_first(tmp_path: Path) -> None:
    assert not CrashMark(tmp_path / "mark", crashed=False).condemns(0, 0)
    assert not CrashMark(tmp_path / "mark", crashed=True).condemns(0, 0)


def test_a_crash_condemns_at_once(tmp_path: Path) -> None:
    found = died_at(tmp_path / "mark", 7, 100, crashed=True)
    assert found.condemns(7, 100)
    assert not found.condemns(7, 101)
    assert not found.condemns(8, 100)


def test_deaths_of_unknown_cause_condemn_if_they_follow_each_other(tmp_path: Path) -> None:
    for deaths in range(1, DEATHS):
        found = died_at(tmp_path / "mark", 7, 100)
        assert found.deaths == deaths
        assert not found.condemns(7, 100)
    assert died_at(tmp_path / "mark", 7, 100).condemns(7, 100)


@pytest.mark.parametrize("between", [(7, 101), (8, 100)])
def test_a_death_elsewhere_begins_the_count_anew(tmp_path: Path, between: tuple[int, int]) -> None:
    for _ in range(DEATHS - 1):
        died_at(tmp_path / "mark", 7, 100)
    died_at(tmp_path / "mark", *between)
    assert died_at(tmp_path / "mark", 7, 100).deaths == 1


def test_a_death_between_reports_condemns_nothing(tmp_path: Path) -> None:
    mark = CrashMark(tmp_path / "mark", crashed=False)
    mark.begin(7, 100)
    mark.clear()
    mark.close()
    found = CrashMark(tmp_path / "mark", crashed=True)
    assert found.deaths == 0
    found.discard()
    assert not (tmp_path / "mark").exists()
