"""``chatd inspect`` for people: what was found, in sections. Pure.

Where something does not apply or cannot be known, a sentence says why.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from chatd_supervisor.tables import format_age, format_time
from chatd_workers.titles import printable

Row = tuple[str, Any]

RELAYED: Final = {
    "tls": "between master and worker; the client's own, with TLS on it, is the worker's alone",
    "unix": "between master and worker; the client's own, a Unix socket, is the worker's alone",
}
"""What the socket is that the master has, where it is not the client's."""

SHOWN_LIMITS: Final = (
    "open files",
    "address space",
    "processes",
    "core file size",
    "cpu time",
    "file size",
)


def text(found: Mapping[str, Any]) -> str:
    """Return all sections of ``found``, what ``chatd inspect --json`` shows."""
    session = found["session"]
    parts = [
        _section("session", _session(session)),
        _section("reading", _reading(session)),
        _section("writing", _writing(session)),
        _section("socket", _socket(session["socket"], found["tcp"])),
        _section("worker", _worker(session, found["process"])),
        *_process(session, found["process"]),
        _section("restarts", _deaths(session)),
        _section("quarantined lines", [(name, None) for name in found["quarantined"] or ()]),
    ]
    return "\n\n".join(part for part in parts if part)


def _section(name: str, rows: Iterable[Row]) -> str:
    shown = [(key, _shown(value)) for key, value in rows if value != ""]
    if not shown:
        return ""
    width = max(len(key) for key, _ in shown)
    lines = [f"  {key:<{width}}  {value}".rstrip() for key, value in shown]
    return "\n".join([name.upper(), *lines])


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(str(value))


def _session(session: Mapping[str, Any]) -> list[Row]:
    person = session["person"] or {}
    rooms = (
        [f"{status}:{name}" if status else name for name, status in person["rooms"].items()]
        if person
        else []
    )
    rows: list[Row] = [
        ("number", f"#{session['session']}"),
        ("nick", session["nick"] or "none"),
        ("state", session["state"]),
        ("peer", session["peer"]),
        ("dialect", " over ".join([session["dialect"], *session["way"]])),
        ("age", format_age(session["age"])),
        ("lines", session["lines"]),
    ]
    if session["idle"] is not None:
        rows.append(("idle", format_age(session["idle"])))
    rows += [
        ("account", session["account"] or ""),
        ("user", f"{person['user']}@{person['host']}" if person.get("user") else ""),
        ("rooms", " ".join(rooms)),
        ("modes", f"+{person['modes']}" if person.get("modes") else ""),
        ("operator", person.get("operator") or ""),
        ("away", True if person.get("away") else ""),
        ("capabilities", " ".join(person.get("capabilities", ()))),
        ("secured", person.get("secured") or ""),
        ("certificate", person.get("fingerprint") or ""),
        ("registered", "not yet" if person and not person["registered"] else ""),
    ]
    return rows


def _reading(session: Mapping[str, Any]) -> list[Row]:
    reading = session["reading"]
    carried = f"{reading['carried']} bytes" if reading["carried"] else ""
    return [
        ("committed", f"{reading['committed']} bytes, to the journal"),
        ("consumed", _bytes(reading["consumed"], "taken from the socket, as the kernel counts")),
        ("unread", _bytes(reading["unread"], "in the socket (FIONREAD)")),
        ("carried", f"{carried}, the beginning of a line, taken already" if carried else ""),
        ("discarding", "a line that is too long" if reading["discarding"] else ""),
        ("careful", "each line is announced: a worker died of one" if reading["careful"] else ""),
    ]


def _writing(session: Mapping[str, Any]) -> list[Row]:
    writing = session["writing"]
    return [
        ("written", _bytes(writing["written"], "to the socket, as the kernel counts")),
        ("unacknowledged", _bytes(writing["unacknowledged"], "by the peer (SIOCOUTQ)")),
        ("queued", f"{writing['queued']} bytes, in the master"),
        ("broken", "nothing can be written any more" if writing["broken"] else ""),
    ]


def _bytes(count: int | None, what: str) -> str:
    return "unknown: the connection is broken" if count is None else f"{count} bytes, {what}"


def _socket(held: Mapping[str, Any], tcp: Mapping[str, Any] | None) -> list[Row]:
    if held["descriptor"] is None:
        return [("none", "no master has it yet; its worker will bring it")]
    rows: list[Row] = [("which", RELAYED.get(held["relay"], ""))]
    if not tcp:
        return [*rows, ("tcp", "the kernel tells nothing: the connection is broken")]
    rows += [
        ("tcp state", tcp["state"]),
        ("round trip", f"{tcp['rtt'] / 1000:g} ms (varies by {tcp['rttvar'] / 1000:g})"),
        ("window", f"{tcp['cwnd']} segments of {tcp['snd_mss']} bytes"),
        ("in flight", f"{tcp['unacked']} segments"),
        ("sent again", f"{tcp['total_retrans']} segments, {tcp['retrans']} of them under way"),
        ("last data in", f"{format_age(tcp['last_data_received'] / 1000)} ago"),
        ("last data out", f"{format_age(tcp['last_data_sent'] / 1000)} ago"),
        ("received", f"{tcp['bytes_received']} bytes"),
    ]
    return rows


def _worker(session: Mapping[str, Any], process: Mapping[str, Any] | None) -> list[Row]:
    worker = session["worker"]
    if worker is None:
        return [("none", "between two of them, or not born yet")]
    announced = worker["announced"]
    # Of what it dies is told by the process that has forked it, while that lives.
    told = "" if worker["child"] else " (not the one that forked it)"
    return [
        ("pid", session["pid"]),
        ("parent", f"{process['parent']}{told}" if process else ""),
        ("age", format_age(worker["age"])),
        ("reports", "one waits for its commit" if worker["reporting"] else "none under way"),
        ("held back", "its client has not taken what is queued" if worker["owed"] else ""),
        ("parsing", f"a line of {announced} bytes" if announced is not None else ""),
        ("process", "" if process else "gone before it could be looked at"),
    ]


def _process(session: Mapping[str, Any], process: Mapping[str, Any] | None) -> list[str]:
    if process is None:
        return []
    private = process["private"]
    memory = f"{process['resident'] / 1e6:.1f} MB"
    if private is not None:
        memory += f", {private / 1e6:.1f} MB of it its own"
    rows: list[Row] = [
        ("state", process["state"]),
        ("user", process["uid"]),
        ("nice", process["nice"]),
        ("cpu", f"{process['cpu']:.3f} s"),
        ("memory", memory),
        ("waits in", process["waits_in"] or ""),
        ("cgroup", " ".join(process["cgroup"] or [])),
    ]
    limits = [
        (name, f"{soft} {unit}".rstrip() if soft == hard else f"{soft} (at most {hard}) {unit}")
        for name, (soft, hard, unit) in process["limits"].items()
        if name in SHOWN_LIMITS
    ]
    return [
        _section("process", rows),
        _section("descriptors", _descriptors(session["socket"], process)),
        _section("limits", limits),
        _section("walls", _walls(process["walls"])),
    ]


def _descriptors(held: Mapping[str, Any], process: Mapping[str, Any]) -> list[Row]:
    found = process["descriptors"]
    if found is None:
        return [("unknown", "only root may look: the process is not dumpable, or another user's")]
    client = f"socket:[{held['inode']}]"
    # With two descriptors it is plain which is which; a relay has more.
    other = "the channel" if len(found) == 2 and client in found.values() else ""
    return [
        (number, f"{what}  {'the client' if what == client else other}")
        for number, what in found.items()
    ]


def _walls(walls: Mapping[str, Any]) -> list[Row]:
    filters = walls["seccomp_filters"]
    count = f" ({filters} of them)" if filters else ""
    dumpable = walls["dumpable"]
    return [
        ("no new privileges", walls["no_new_privs"]),
        ("seccomp", f"{walls['seccomp']}{count}"),
        ("capabilities", walls["capabilities"] or ""),
        ("dumpable", "not to be told of a process of root's" if dumpable is None else dumpable),
        ("landlock", "not to be told: the kernel shows it nowhere"),
    ]


def _deaths(session: Mapping[str, Any]) -> list[Row]:
    rows: list[Row] = []
    for death in session["deaths"]:
        line = f" in a line of {death['announced']} bytes" if death["announced"] else ""
        where = f"at offset {death['offset']}{line}, after {format_age(death['lived'])}"
        told = f"{death['pid']} {death['how']} {where}; {death['next']}"
        rows.append((format_time(death["when"]), told))
    if session["restarts"] > len(rows):
        rows.append(("in all", f"{session['restarts']}; the log has every one"))
    return rows
