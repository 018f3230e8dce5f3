"""What ``chatd top`` and ``chatd tree`` show, from answers of the master and /proc: pure.

Two looks at the same session, some seconds apart, make a row with rates.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from chatd_supervisor.amounts import amount
from chatd_supervisor.proc import Usage
from chatd_supervisor.tables import display_width, format_rows
from chatd_workers.titles import printable


class Look(NamedTuple):
    """The server at one moment, by a monotonic clock."""

    when: float
    status: Mapping[str, Any]
    sessions: Sequence[Mapping[str, Any]]
    usage: Mapping[int, Usage]
    """By pid; of whoever was there."""


class Row(NamedTuple):
    """One client and its worker: rates are per second, CPU is percent of one, memory MB."""

    pid: int
    nick: str
    cpu: float
    memory: float
    rate: float
    lines: int
    queue: int
    restarts: int
    dialect: str
    room: str
    peer: str


class Column(NamedTuple):
    """How a column is called, chosen, ordered and shown."""

    title: str
    key: str
    """What is pressed, or given, to sort by it."""
    value: Callable[[Row], Any]
    shown: Callable[[Row], str]
    most_first: bool = True


COLUMNS: Final = (
    Column("PID", "p", lambda r: r.pid, lambda r: str(r.pid or "-"), most_first=False),
    Column("NICK", "n", lambda r: r.nick.casefold(), lambda r: r.nick, most_first=False),
    Column("CPU%", "c", lambda r: r.cpu, lambda r: f"{r.cpu:.1f}"),
    Column("MEM", "m", lambda r: r.memory, lambda r: f"{r.memory:.1f}M"),
    Column("LINES/S", "l", lambda r: r.rate, lambda r: f"{r.rate:.1f}"),
    Column("LINES", "t", lambda r: r.lines, lambda r: str(r.lines)),
    Column("QUEUE", "u", lambda r: r.queue, lambda r: str(r.queue)),
    Column("RESTARTS", "r", lambda r: r.restarts, lambda r: str(r.restarts)),
    Column("DIALECT", "d", lambda r: r.dialect, lambda r: r.dialect, most_first=False),
    Column("ROOM", "o", lambda r: r.room, lambda r: r.room, most_first=False),
    Column("PEER", "a", lambda r: r.peer, lambda r: r.peer, most_first=False),
)
BY_KEY: Final = {column.key: column for column in COLUMNS}
BY_TITLE: Final = {column.title.lower(): column for column in COLUMNS}


def rows(now: Look, before: Look | None) -> list[Row]:
    """Return a row for each session of ``now``; without a look ``before``, with rates of 0."""
    passed = now.when - before.when if before is not None else 0.0
    said = {s["session"]: s["lines"] for s in before.sessions} if before is not None else {}
    spent = before.usage if before is not None else {}
    found = []
    for session in now.sessions:
        pid = session["pid"] or 0
        used = now.usage.get(pid)
        earlier = spent.get(pid)
        lines = session["lines"]
        cpu = rate = 0.0
        if passed > 0:
            # One that is new has done all of it since.
            rate = (lines - said.get(session["session"], 0)) / passed
            if used is not None:
                cpu = (used.cpu - (earlier.cpu if earlier is not None else 0.0)) / passed * 100
        found.append(
            Row(
                pid,
                printable(session["nick"] or "-"),
                max(cpu, 0.0),
                used.resident / 1e6 if used is not None else 0.0,
                max(rate, 0.0),
                lines,
                session["queue"],
                session["restarts"],
                session["dialect"],
                printable(session["room"] or "-"),
                printable(session["peer"]),
            )
        )
    return found


def ordered(found: Iterable[Row], column: Column, *, reverse: bool = False) -> list[Row]:
    """Return the rows by ``column``, the most of what is much first; ``reverse`` turns it round."""
    by_pid = sorted(found, key=lambda row: row.pid)
    return sorted(by_pid, key=column.value, reverse=column.most_first != reverse)


def head(now: Look, before: Look | None, found: Sequence[Row]) -> list[str]:
    """Return the lines of totals."""
    status = now.status
    pid = status["pid"]
    used, cpu, rates = now.usage.get(pid), 0.0, [0.0, 0.0]
    if before is not None and now.when > before.when and before.status["pid"] == pid:
        passed = now.when - before.when
        rates = [
            max(0.0, (status[name] - before.status[name]) / passed)
            for name in ("lines", "deliveries")
        ]
        earlier = before.usage.get(pid)
        if used is not None and earlier is not None:
            cpu = (used.cpu - earlier.cpu) / passed * 100
    memory = used.resident / 1e6 if used is not None else 0.0
    clients = (
        f"chatd {status['version']} {status['state']}: {amount(status['clients'], 'client')},"
        f" {amount(status['rooms'], 'room')}, {rates[0]:.1f} lines/s, {rates[1]:.1f} deliveries/s"
    )
    processes = (
        f"master {pid}: {cpu:.1f}% CPU, {memory:.1f}M; workers: {sum(r.cpu for r in found):.1f}%"
        f" CPU; {amount(status['births'], 'birth')}, {amount(status['deaths'], 'death')},"
        f" {amount(status['restarts'], 'restart')}, {status['refused']} refused,"
        f" {amount(sum(r.queue for r in found), 'byte')} queued"
    )
    return [clients, processes]


def table(found: Sequence[Row]) -> list[str]:
    """Return the rows under their titles, in straight columns."""
    cells = [tuple(column.title for column in COLUMNS)]
    cells += [tuple(column.shown(row) for column in COLUMNS) for row in found]
    return format_rows(cells).split("\n")


def cut(line: str, width: int) -> str:
    """Return as much of ``line`` as ``width`` columns of a terminal show."""
    if len(line) <= width and line.isascii():
        return line
    taken = 0
    for place, char in enumerate(line):
        taken += display_width(char)
        if taken > width:
            return line[:place]
    return line


def tree(status: Mapping[str, Any], sessions: Sequence[Mapping[str, Any]], by: str) -> Any:
    """Return master and workers, grouped ``by`` room or dialect, as JSON can have it."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for session in sessions:
        worker = {key: session[key] for key in ("pid", "nick", "peer", "dialect", "room")}
        groups.setdefault(session[by] or "-", []).append(worker)
    return {
        "pid": status["pid"],
        "listen": [one["address"] for one in status["listen"]],
        "by": by,
        "groups": [
            {"name": name, "workers": sorted(groups[name], key=lambda w: w["nick"] or "")}
            for name in sorted(groups)
        ],
    }


def draw(shown: Mapping[str, Any]) -> list[str]:
    """Return what ``tree`` has found as lines, as pstree(1) draws them."""
    lines = [f"{shown['pid']} master {' '.join(map(printable, shown['listen']))}".rstrip()]
    for place, group in enumerate(shown["groups"]):
        last = place == len(shown["groups"]) - 1
        workers = group["workers"]
        lines.append(f"{'└─' if last else '├─'} {printable(group['name'])} ({len(workers)})")
        for number, worker in enumerate(workers):
            branch = "└─" if number == len(workers) - 1 else "├─"
            other = worker["dialect" if shown["by"] == "room" else "room"] or "-"
            lines.append(
                f"{'   ' if last else '│  '}{branch} {worker['pid'] or '-'}"
                f" {printable(worker['nick'] or '-')}@{printable(worker['peer'])}"
                f" {printable(other)}"
            )
    return lines
