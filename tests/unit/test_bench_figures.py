"""The benchmark's figures: what it reads and how it counts."""

import pytest

from bench.figures import (
    Row,
    available,
    compared,
    median,
    number,
    on_cpu,
    percentile,
    proportional,
    read_pairs,
    table,
    unshared,
)


def test_percentiles_are_values_that_occurred() -> None:
    values = [30, 10, 20, 40]
    assert [percentile(values, p) for p in (0, 25, 26, 50, 99, 100)] == [10, 10, 20, 20, 40, 40]
    assert median(value for value in values) == 20


def test_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.012345, "0.0123"), (1.5, "1.50"), (42.04, "42.0"), (3617284.2, "3,617,284")],
)
def test_three_digits_count(value: float, shown: str) -> None:
    assert number(value) == shown


def test_a_comparison_shows_both_and_their_ratio() -> None:
    row = compared("births", 3, 2, unit="ms", other_is="os.fork", reach="<= 2")
    assert row == Row("births", "3.00 ms", "os.fork 2.00", "1.50", "<= 2")
    assert not compared("births", 3, 0, unit="ms", other_is="os.fork").ratio


def test_a_table_is_as_wide_as_its_widest_cells() -> None:
    shown = table([Row("a long description", "1 ms"), Row("b", "2 ms", "3", "0.67", "<= 1")])
    lines = shown.splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[2].split("|")[1:3] == [" a long description ", " 1 ms     "]


def test_the_drivers_line_is_read() -> None:
    assert read_pairs("seconds=0.5 heard=400\n") == {"seconds": 0.5, "heard": 400}


def test_time_on_a_cpu_is_in_seconds() -> None:
    assert on_cpu("1500000000 58347 2\n") == 1.5


def test_unshared_memory_is_what_is_private_clean_or_dirty() -> None:
    rollup = (
        "55d0-7ffd ---p 00000000 00:00 0    [rollup]\n"
        "Rss:               10240 kB\n"
        "Pss:                5000 kB\n"
        "Shared_Dirty:       8192 kB\n"
        "Private_Clean:      1000 kB\n"
        "Private_Dirty:      2000 kB\n"
    )
    assert unshared(rollup) == 3.072
    assert proportional(rollup) == 5.12


def test_available_memory_is_what_the_kernel_says() -> None:
    assert available("MemTotal: 8000 kB\nMemAvailable: 1000 kB\nHugePages_Total: 0\n") == 1.024
