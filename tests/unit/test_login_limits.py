"""Failed logins: what they cost whom, whatever the clock and the tick do."""

from hypothesis import given
from hypothesis import strategies as st

from chatd_supervisor.login_limits import (
    DAY,
    FAMILIAR,
    FORGOTTEN,
    FREE,
    FREE_OF_NETWORK,
    LONGEST,
    LoginLimits,
    Pause,
    in_words,
)
from chatd_supervisor.recent import MOST, Recent

HERE, THERE = "192.0.2.7", "2001:db8::/64"


def fail(
    limits: LoginLimits, account: str, network: str, now: float, *, exempt: bool = False
) -> None:
    limits.failed(account, network, now, exempt=exempt, exists=True)


def left(
    limits: LoginLimits, account: str, network: str, now: float, *, exempt: bool = False
) -> tuple[str, float] | None:
    pause = limits.pause(account, network, now, exempt=exempt)
    return (pause.problem.partition("-")[0], pause.seconds) if pause is not None else None


def guess(limits: LoginLimits, account: str, network: str, now: float, seconds: float) -> int:
    """Guess as often as one can for so many ``seconds``; return how often that is."""
    guesses, until = 0, now + seconds
    while now < until:
        pause = limits.pause(account, network, now, exempt=False)
        if pause is None:
            fail(limits, account, network, now)
            guesses += 1
        else:
            now += pause.seconds
    return guesses


def test_five_are_free_and_then_each_costs_twice_as_much() -> None:
    limits = LoginLimits()
    now, waits = 0.0, []
    for _ in range(FREE + 12):
        fail(limits, "alice", HERE, now)
        found = left(limits, "alice", THERE, now)
        waits.append(found[1] if found else 0.0)
        now += waits[-1]
        assert left(limits, "alice", THERE, now) is None
    assert waits == [0.0] * (FREE - 1) + [2.0 * 2**n for n in range(9)] + [LONGEST] * 4


def test_a_day_of_guesses_is_few_against_one_account() -> None:
    limits = LoginLimits()
    assert guess(limits, "alice", HERE, 0.0, DAY) < 120
    # Whatever network it goes on from; and its own is not held up by an account that is.
    assert guess(limits, "alice", THERE, DAY, 60.0) <= 1
    assert guess(limits, "bob", HERE, DAY, 1.0) == FREE


def test_a_day_of_guesses_is_few_from_one_network() -> None:
    limits = LoginLimits()
    now, guesses = 0.0, 0
    while now < DAY:
        pause = limits.pause(f"account{guesses}", HERE, now, exempt=False)
        if pause is not None:
            now += pause.seconds
        else:
            fail(limits, f"account{guesses}", HERE, now)
            guesses += 1
    assert guesses < 130
    assert guess(limits, "bob", HERE, DAY, 60.0) <= 1
    assert guess(limits, "bob", THERE, DAY, 1.0) == FREE


def test_an_exempt_network_is_not_counted_and_its_guesses_are() -> None:
    limits = LoginLimits()
    for n in range(FREE_OF_NETWORK):
        fail(limits, "alice" if n < FREE else f"a{n}", HERE, 0.0, exempt=True)
    assert left(limits, "bob", HERE, 0.0) is None
    assert left(limits, "alice", HERE, 0.0, exempt=True) == ("account", 2.0)


def test_what_is_no_login_to_an_account_counts_for_the_network() -> None:
    limits = LoginLimits()
    for _ in range(FREE_OF_NETWORK):
        limits.failed("", HERE, 0.0, exempt=False, exists=False)
    assert left(limits, "", HERE, 0.0) == left(limits, "bob", HERE, 0.0) == ("network", 2.0)
    assert left(limits, "", THERE, 0.0) is None


def test_the_owner_is_not_shut_out_by_strangers_nor_by_neighbours() -> None:
    limits = LoginLimits()
    limits.succeeded("alice", HERE, 0.0)
    limits.recognize("alice", THERE, 0.0)
    for n in range(200):
        fail(limits, "alice", f"198.51.100.{n}", 1.0)
        fail(limits, f"other{n}", HERE, 1.0)
    assert left(limits, "alice", HERE, 1.0) is None
    assert left(limits, "alice", THERE, 1.0) is None
    assert left(limits, "alice", "203.0.113.1", 1.0) == ("account", LONGEST)
    # A guess from where she is at home counts there, until she has logged in.
    for _ in range(FREE):
        fail(limits, "alice", HERE, 1.0)
    assert left(limits, "alice", HERE, 1.0) == ("account", 2.0)
    assert left(limits, "alice", THERE, 1.0) is None
    limits.succeeded("alice", HERE, 3.0)
    assert left(limits, "alice", HERE, 3.0) is None


def test_another_owner_of_the_name_has_another_home() -> None:
    limits = LoginLimits()
    for account in ("alice", "bob"):
        limits.succeeded(account, HERE, 0.0)
        for _ in range(FREE):
            fail(limits, account, THERE, 0.0)
    limits.forget_home("alice")
    assert left(limits, "alice", HERE, 0.0) == ("account", 2.0)
    assert left(limits, "bob", HERE, 0.0) is None
    assert [limits.succeeded(account, HERE, 2.0) for account in ("alice", "bob")] == [0, FREE]
    limits.undo()
    assert left(limits, "alice", HERE, 0.0) is None


def test_who_logs_in_to_his_own_account_in_between_gains_nothing() -> None:
    limits = LoginLimits()
    for n in range(FREE_OF_NETWORK):
        fail(limits, f"a{n % FREE}", HERE, 0.0)
        limits.succeeded("mallory", HERE, 0.0)
    fail(limits, "a1", THERE, 0.0)
    assert left(limits, "a1", THERE, 0.0) == ("account", 2.0)
    assert left(limits, "bob", HERE, 0.0) == ("network", 2.0)


def test_all_is_forgotten_in_time() -> None:
    limits = LoginLimits()
    limits.succeeded("alice", HERE, 0.0)
    for _ in range(FREE + 20):
        fail(limits, "alice", THERE, 0.0)
    fail(limits, "alice", THERE, FORGOTTEN)
    assert left(limits, "alice", THERE, FORGOTTEN) is None
    for _ in range(FREE):
        fail(limits, "alice", THERE, FAMILIAR)
    assert left(limits, "alice", HERE, FAMILIAR) == ("account", 2.0 * 2 ** (FREE - FREE))


def test_the_owner_is_told_once() -> None:
    limits = LoginLimits()
    for _ in range(3):
        fail(limits, "alice", THERE, 0.0)
    limits.failed("nobody", THERE, 0.0, exempt=False, exists=False)
    assert [limits.succeeded("alice", HERE, 1.0) for _ in range(2)] == [3, 0]
    assert limits.succeeded("nobody", HERE, 1.0) == 0


def test_a_clock_that_is_set_back_makes_nobody_wait_for_longer_than_it_costs() -> None:
    limits = LoginLimits()
    year = 365 * DAY
    for _ in range(FREE + 1):
        fail(limits, "alice", HERE, year)
    limits.made(HERE, year)
    assert left(limits, "alice", HERE, 0.0) == ("account", 4.0)
    assert left(limits, "alice", HERE, 4.0) is None
    assert limits.until_next_account(HERE, 1, 0.0) == DAY
    limits.made(HERE, 0.0)
    assert limits.until_next_account(HERE, 2, DAY) == 0.0


def test_accounts_are_so_many_a_day() -> None:
    limits = LoginLimits()
    for n in range(3):
        assert limits.until_next_account(HERE, 3, n * 100.0) == 0.0
        limits.made(HERE, n * 100.0)
    assert limits.until_next_account(HERE, 3, 300.0) == DAY - 300.0
    assert limits.until_next_account(HERE, 0, 300.0) == 0.0
    assert limits.until_next_account(THERE, 3, 300.0) == 0.0
    assert limits.until_next_account(HERE, 3, DAY) == 0.0
    # A limit that is lower from now on holds for those that were made.
    assert limits.until_next_account(HERE, 1, 300.0) == DAY - 100.0


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["fail", "succeed", "made", "pause"]),
        st.sampled_from(["", "alice", "bob"]),
        st.sampled_from([HERE, THERE]),
    ),
    max_size=40,
)


def walk(limits: LoginLimits, steps: list[tuple[str, str, str]]) -> list[object]:
    seen: list[object] = []
    for what, account, network in steps:
        if what == "fail":
            fail(limits, account, network, 1.0)
        elif what == "succeed" and account:
            seen.append(limits.succeeded(account, network, 1.0))
        elif what == "made":
            limits.made(network, 1.0)
        seen.append(limits.pause(account, network, 1.0, exempt=False))
        seen.append(limits.until_next_account(network, 2, 1.0))
    return seen


@given(STEPS, STEPS, STEPS)
def test_a_tick_that_is_not_written_down_has_not_been(
    before: list[tuple[str, str, str]],
    undone: list[tuple[str, str, str]],
    after: list[tuple[str, str, str]],
) -> None:
    tried, never = LoginLimits(), LoginLimits()
    for limits in (tried, never):
        walk(limits, before)
        limits.keep()
    walk(tried, undone)
    tried.undo()
    assert walk(tried, after) == walk(never, after)


def test_no_more_is_remembered_than_there_is_room_for() -> None:
    limits = LoginLimits()
    for n in range(MOST + 100):
        fail(limits, f"a{n}", f"n{n}", 1.0)
        limits.succeeded(f"b{n}", f"n{n}", 1.0)
        limits.made(f"n{n}", 1.0)
        limits.keep()
    tables = [value for value in vars(limits).values() if isinstance(value, Recent)]
    assert max(map(len, tables)) == MOST


def test_how_long_is_said_as_people_say_it() -> None:
    seconds = (0.1, 1.0, 1.5, 60, 120, 121, 900, 7200, 7201, DAY)
    assert list(map(in_words, seconds)) == [
        "1 second",
        "1 second",
        "2 seconds",
        "60 seconds",
        "120 seconds",
        "3 minutes",
        "15 minutes",
        "120 minutes",
        "3 hours",
        "24 hours",
    ]
    assert Pause("network-paused", 2.0).sentence == (
        "too many failed logins from your network: try again in 2 seconds"
    )
