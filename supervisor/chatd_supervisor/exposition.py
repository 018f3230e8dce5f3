"""The figures of a master in the text format of Prometheus. chatd-metrics(7) explains them.

Made by prometheus_client, which is imported here alone: neither the master nor a worker has it.
What can be read in /proc is read by whoever asks, so that it costs the master nothing.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from chatd_supervisor import proc
from chatd_supervisor.asking import ControlError


class Family(NamedTuple):
    """A metric: its type, its label ("": none), and what it is."""

    kind: Literal["counter", "gauge", "histogram"]
    label: str
    help: str


FAMILIES: Final = {
    "chatd_up": Family("gauge", "", "Whether the master has answered."),
    "chatd_version": Family("gauge", "version", "1, for the version that runs."),
    "chatd_clients": Family("gauge", "dialect", "Clients."),
    "chatd_clients_absent": Family(
        "gauge", "", "Clients of a dead master whose workers have not brought them yet."
    ),
    "chatd_rooms": Family("gauge", "", "Rooms."),
    "chatd_sessions": Family("counter", "", "Clients that were let in."),
    "chatd_refused": Family("counter", "reason", "Clients that were not let in."),
    "chatd_worker_births": Family("counter", "", "Workers that were started."),
    "chatd_worker_deaths": Family(
        "counter", "cause", "Workers that have ended and should not have."
    ),
    "chatd_worker_restarts": Family("counter", "", "Workers that were started after a death."),
    "chatd_worker_violations": Family(
        "counter", "kind", "Workers that have said what they may not."
    ),
    "chatd_workers_adopted": Family("counter", "", "Workers taken over from a dead master."),
    "chatd_adoption_seconds": Family(
        "histogram", "", "From the master's start until a worker was taken over."
    ),
    "chatd_lines": Family("counter", "", "Lines and commands that clients have said."),
    "chatd_deliveries": Family("counter", "", "Lines that were given to clients."),
    "chatd_queue_bytes": Family("gauge", "", "Bytes that wait for clients to take them."),
    "chatd_queue_longest_bytes": Family("gauge", "", "Bytes that wait for the slowest client."),
    "chatd_unwritable": Family("gauge", "", "1 while the journal cannot be written."),
    "chatd_certificate_expires_seconds": Family(
        "gauge", "address", "When the certificate there expires, in seconds since the epoch."
    ),
    "chatd_tick_seconds": Family("histogram", "", "How long a turn of the master took."),
    "chatd_journal_commit_seconds": Family(
        "histogram", "", "How long writing down one turn's work took."
    ),
    "chatd_journal_lag_seconds": Family(
        "histogram", "", "From the first report of a turn until all of it was written down."
    ),
    "chatd_cpu_seconds": Family("counter", "process", "Time on a CPU."),
    "chatd_memory_bytes": Family(
        "gauge", "process", "Memory; what is shared counts in parts; of workers, by a sample."
    ),
    "chatd_private_memory_bytes": Family(
        "gauge", "process", "Memory that no other process shares; of workers, by a sample."
    ),
    "chatd_descriptors": Family("gauge", "process", "Open descriptors."),
}
"""All of them, by name; a counter is shown with ``_total``."""

_PLAIN: Final = {
    "chatd_clients_absent": "absent",
    "chatd_rooms": "rooms",
    "chatd_sessions": "sessions",
    "chatd_worker_births": "births",
    "chatd_worker_restarts": "restarts",
    "chatd_workers_adopted": "adopted",
    "chatd_lines": "lines",
    "chatd_deliveries": "deliveries",
    "chatd_queue_bytes": "queued",
    "chatd_queue_longest_bytes": "longest_queue",
    "chatd_unwritable": "unwritable",
}
_BY_LABEL: Final = {
    "chatd_certificate_expires_seconds": "certificates",
    "chatd_clients": "clients",
    "chatd_refused": "refused",
    "chatd_worker_deaths": "deaths",
    "chatd_worker_violations": "violations",
}
_HISTOGRAMS: Final = {
    "chatd_tick_seconds": "tick",
    "chatd_journal_commit_seconds": "commit",
    "chatd_journal_lag_seconds": "lag",
    "chatd_adoption_seconds": "adoption",
}


class Figures(Collector):
    """What the master says whenever somebody wants to know."""

    def __init__(self, ask: Callable[[], dict[str, Any]]) -> None:
        """``ask`` returns the master's answer; it may raise ControlError."""
        self._ask = ask

    def collect(self) -> Iterator[Metric]:
        """Ask, and yield all that is known; if nobody answers, that alone."""
        try:
            answer = self._ask()
        except ControlError:
            yield _family("chatd_up", {"": 0})
            return
        yield _family("chatd_up", {"": 1})
        yield from families(answer)


class Once(Collector):
    """One answer of the master."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    def collect(self) -> Iterator[Metric]:
        """Yield all that it tells."""
        yield _family("chatd_up", {"": 1})
        yield from families(self._answer)


def families(answer: dict[str, Any]) -> Iterator[Metric]:
    """Yield what the ``answer`` of a master, and /proc, tell."""
    yield _family("chatd_version", {answer["version"]: 1})
    for name, key in _BY_LABEL.items():
        yield _family(name, answer[key])
    for name, key in _PLAIN.items():
        yield _family(name, {"": float(answer[key])})
    for name, key in _HISTOGRAMS.items():
        yield _histogram(name, answer[key])
    for name, values in _processes(answer["pid"], answer["workers"]).items():
        yield _family(name, values)


def text(registry_of: Collector) -> str:
    """Return what ``registry_of`` collects in the text format."""
    return generate_latest(registry(registry_of)).decode()


def registry(collector: Collector) -> CollectorRegistry:
    """Return a registry of ``collector`` alone, which is not asked for a description."""
    found = CollectorRegistry(auto_describe=False)
    found.register(collector)
    return found


def _family(name: str, values: dict[str, float]) -> Metric:
    family = FAMILIES[name]
    labels = [family.label] if family.label else []
    make = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric = make(name, family.help, labels=labels)
    for label, value in values.items():
        metric.add_metric([label] if labels else [], value)
    return metric


def _histogram(name: str, shown: dict[str, Any]) -> Metric:
    metric = HistogramMetricFamily(name, FAMILIES[name].help, labels=[])
    seen = 0
    buckets = []
    for bound, count in zip([*shown["bounds"], "+Inf"], shown["counts"], strict=True):
        seen += count
        buckets.append((str(bound), seen))
    metric.add_metric([], buckets, shown["sum"])
    return metric


def _processes(master: int, workers: list[int]) -> dict[str, dict[str, float]]:
    """Return what the master uses, and the workers together; nothing of who is not there."""
    found: dict[str, dict[str, float]] = {
        "chatd_cpu_seconds": {},
        "chatd_memory_bytes": {},
        "chatd_private_memory_bytes": {},
        "chatd_descriptors": {},
    }
    used = proc.usage(master)
    if used is not None:
        found["chatd_cpu_seconds"]["master"] = used.cpu
    held = proc.memory(master)
    if held is not None:
        found["chatd_memory_bytes"]["master"] = held.proportional
        found["chatd_private_memory_bytes"]["master"] = held.private
    opened = proc.descriptors(master)
    if opened is not None:
        found["chatd_descriptors"]["master"] = opened
    sample = random.sample(workers, min(proc.SAMPLE, len(workers)))
    sizes = [size for size in map(proc.memory, sample) if size is not None]
    if sizes:
        scale = len(workers) / len(sizes)
        found["chatd_memory_bytes"]["workers"] = scale * sum(s.proportional for s in sizes)
        found["chatd_private_memory_bytes"]["workers"] = scale * sum(s.private for s in sizes)
    return found
