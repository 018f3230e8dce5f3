"""What ``chatd top`` and ``chatd tree`` show of two looks at a server."""

from typing import Any

from chatd_supervisor.proc import Usage
from chatd_supervisor.top_rows import (
    BY_TITLE,
    COLUMNS,
    Look,
    cut,
    draw,
    head,
    ordered,
    rows,
    table,
    tree,
)


def session(number: int, nick: str | None, **known: Any) -> dict[str, Any]:
    return {
        "session": number,
        "pid": 100 + number,
        "nick": nick,
        "peer": f"127.0.0.1:{number}",
        "dialect": "text",
        "room": "#lobby",
        "lines": 0,
        "queue": 0,
        "restarts": 0,
        **known,
    }


STATUS = {
    "pid": 1,
    "version": "1.0",
    "state": "serving",
    "clients": 2,
    "rooms": 1,
    "births": 3,
    "deaths": 1,
    "restarts": 1,
    "refused": 0,
    "lines": 100,
    "deliveries": 1000,
    "listen": [{"address": "127.0.0.1:5015"}],
}


def look(when: float, *sessions: dict[str, Any], **usage: Usage) -> Look:
    return Look(when, STATUS, sessions, {int(pid[1:]): used for pid, used in usage.items()})


BEFORE = look(10.0, session(1, "alice", lines=5), p101=Usage(1.0, 9_000_000))
NOW = look(
    12.0,
    session(1, "alice", lines=25, queue=7, restarts=2),
    session(2, "Bob", pid=None, room=None, dialect="irc"),
    p101=Usage(1.5, 10_000_000),
)


def test_rates_are_of_the_time_between_the_looks() -> None:
    alice, bob = rows(NOW, BEFORE)
    assert (alice.cpu, alice.rate, alice.memory) == (25.0, 10.0, 10.0)
    assert (bob.pid, bob.cpu, bob.memory, bob.room) == (0, 0.0, 0.0, "-")


def test_the_first_look_has_no_rates() -> None:
    assert [(row.cpu, row.rate) for row in rows(NOW, None)] == [(0.0, 0.0), (0.0, 0.0)]


def test_another_worker_begins_anew() -> None:
    later = look(14.0, session(1, "alice", pid=300, lines=25), p300=Usage(0.1, 1))
    (alice,) = rows(later, NOW)
    assert round(alice.cpu, 6) == 5.0


def test_every_column_sorts_and_turns_round() -> None:
    found = rows(NOW, BEFORE)
    for column in COLUMNS:
        there = ordered(found, column)
        assert sorted(map(column.value, there), reverse=column.most_first) == list(
            map(column.value, there)
        )
        assert ordered(found, column, reverse=True) == there[::-1]
    assert [row.nick for row in ordered(found, BY_TITLE["cpu%"])] == ["alice", "Bob"]
    assert [row.nick for row in ordered(found, BY_TITLE["nick"])] == ["alice", "Bob"]
    assert len({column.key for column in COLUMNS} | {"q", "R"}) == len(COLUMNS) + 2


def test_the_head_tells_totals() -> None:
    earlier = BEFORE._replace(status={**STATUS, "lines": 80, "deliveries": 0})
    first, second = head(NOW, earlier, rows(NOW, BEFORE))
    assert first == "chatd 1.0 serving: 2 clients, 1 room, 10.0 lines/s, 500.0 deliveries/s"
    assert "workers: 25.0% CPU; 3 births, 1 death, 1 restart, 0 refused, 7 bytes" in second


def test_another_master_has_no_rates_yet() -> None:
    earlier = BEFORE._replace(status={**STATUS, "pid": 2, "lines": 0})
    assert "0.0 lines/s" in head(NOW, earlier, [])[0]


def test_no_name_disturbs_the_table() -> None:
    evil = session(1, "a\x1b[2J\nb", peer="\x07", room="#\u202ex")
    titles, row = table(rows(look(1.0, evil), None))
    assert titles.split() == [column.title for column in COLUMNS]
    assert row.isprintable()
    drawn = draw(tree(STATUS, [evil], "room"))
    assert all(line.isprintable() for line in drawn)


def test_lines_are_cut_at_the_width_of_a_terminal() -> None:
    assert cut("abcdef", 4) == "abcd"
    assert cut("abc", 4) == "abc"
    assert cut("日本語", 5) == "日本"


def test_a_tree_has_a_branch_for_each_room() -> None:
    people = [session(1, "bob"), session(2, "alice"), session(3, None, room=None, dialect="irc")]
    assert draw(tree(STATUS, people, "room")) == [
        "1 master 127.0.0.1:5015",
        "├─ #lobby (2)",
        "│  ├─ 102 alice@127.0.0.1:2 text",
        "│  └─ 101 bob@127.0.0.1:1 text",
        "└─ - (1)",
        "   └─ 103 -@127.0.0.1:3 irc",
    ]
    by = tree(STATUS, people, "dialect")
    assert [(group["name"], len(group["workers"])) for group in by["groups"]] == [
        ("irc", 1),
        ("text", 2),
    ]
