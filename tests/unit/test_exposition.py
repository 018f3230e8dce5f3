"""The figures for Prometheus: read by a real parser, complete, documented, and used correctly."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from chatd_supervisor import exposition
from chatd_supervisor.asking import NotRunning
from chatd_supervisor.exposition import FAMILIES, Figures, Once, text
from chatd_supervisor.measures import CAUSES, Histogram, Measures
from chatd_supervisor.refusals import REASONS

ROOT = Path(__file__).resolve().parents[2]


def histogram(*seen: float) -> dict[str, Any]:
    made = Histogram((0.1, 1.0))
    for value in seen:
        made.observe(value)
    return made.shown()


def answer() -> dict[str, Any]:
    """Return what a master could answer; there are no processes 0."""
    return {
        "pid": 0,
        "version": '1"\n\\',
        "workers": [0, 0],
        "clients": {"text": 3, "irc": 1},
        "refused": {"full": 2},
        "deaths": {"SIGKILL": 5},
        "violations": {"state": 4},
        "certificates": {"192.0.2.1:6697": 1_800_000_000},
        **dict.fromkeys(exposition._PLAIN.values(), 7),
        "tick": histogram(0.05, 0.1, 0.5, 3.0),
        "commit": histogram(),
        "lag": histogram(),
        "adoption": histogram(),
    }


def samples(shown: str) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in parse(shown)
        for sample in family.samples
    }


def test_a_parser_finds_every_family_with_its_type() -> None:
    found = {family.name: family for family in parse(text(Once(answer())))}
    assert set(found) == set(FAMILIES)
    for name, family in FAMILIES.items():
        assert found[name].type == family.kind
        assert found[name].documentation == family.help
        for sample in found[name].samples:
            assert set(sample.labels) - {"le"} == ({family.label} if family.label else set())


def test_the_values_are_those_of_the_master() -> None:
    found = samples(text(Once(answer())))
    assert found["chatd_clients", ("text",)] == 3
    assert found["chatd_worker_deaths_total", ("SIGKILL",)] == 5
    assert found["chatd_lines_total", ()] == 7
    assert found["chatd_certificate_expires_seconds", ("192.0.2.1:6697",)] == 1_800_000_000
    assert found["chatd_version", ('1"\n\\',)] == 1
    assert "chatd_memory_bytes" not in {name for name, _ in found}, "there is no such process"


def test_histograms_are_cumulative_and_bounds_belong_to_their_bucket() -> None:
    found = samples(text(Once(answer())))
    buckets = {le: found["chatd_tick_seconds_bucket", (le,)] for le in ("0.1", "1.0", "+Inf")}
    assert buckets == {"0.1": 2, "1.0": 3, "+Inf": 4}
    assert found["chatd_tick_seconds_count", ()] == 4
    assert found["chatd_tick_seconds_sum", ()] == pytest.approx(3.65)


def test_names_are_as_prometheus_wants_them() -> None:
    """What promtool check metrics complains of."""
    for name, family in FAMILIES.items():
        assert re.fullmatch(r"chatd_[a-z_]+", name)
        assert not name.endswith(("_total", "_sum", "_count", "_bucket"))
        assert family.help.endswith(".")
        if family.kind == "histogram":
            assert name.endswith("_seconds"), name
        assert not re.search(r"_(ms|milliseconds|kb|mb|minutes)\b", name)


def test_while_nobody_answers_only_that_is_shown() -> None:
    def ask() -> dict[str, Any]:
        raise NotRunning("nobody")

    assert samples(text(Figures(ask))) == {("chatd_up", ()): 0}


def test_what_is_usual_is_there_as_0_from_the_start() -> None:
    measures = Measures()
    assert set(measures.refused) == set(REASONS)
    assert set(measures.deaths) == set(CAUSES)
    assert not any(measures.refused.values())


def test_the_man_page_explains_every_metric() -> None:
    page = (ROOT / "man" / "chatd-metrics.7").read_text("utf-8")
    listed = re.findall(r"^\.It Li (\S+)\n(.*)\n((?:[^.].*\n)+)", page, re.MULTILINE)
    assert [name for name, _, _ in listed] == list(FAMILIES)
    for name, kind, words in listed:
        family = FAMILIES[name]
        label = f", by {family.label}" if family.label else ""
        assert kind == f"A {family.kind}{label}."
        assert " ".join(words.split()) == family.help
    for reason in REASONS:
        assert f".Li {reason}" in page


def queries() -> Iterator[str]:
    dashboard = json.loads((ROOT / "monitoring" / "grafana.json").read_text("utf-8"))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield target["expr"]
    rules = (ROOT / "monitoring" / "alerts.yml").read_text("utf-8")
    yield from re.findall(r"^ +expr: (.*)", rules, re.MULTILINE)


def test_queries_ask_for_what_there_is_in_the_way_its_type_wants() -> None:
    used = set()
    for query in queries():
        for name, labels, window in re.findall(r"(chatd_\w+)(?:\{([^}]*)\})?(\[[^]]+\])?", query):
            family = re.sub(r"_(total|bucket|sum|count)$", "", name)
            assert family in FAMILIES, query
            used.add(family)
            known = FAMILIES[family]
            suffix = {"counter": "_total", "gauge": "", "histogram": "_bucket"}[known.kind]
            assert name == family + suffix, query
            assert bool(window) == (known.kind != "gauge"), query
            for label in re.findall(r"(\w+)=", labels):
                assert label in {known.label, "instance"}, query
        for grouped in re.findall(r"by \(([^)]*)\)", query):
            labels_there = {FAMILIES[f].label for f in FAMILIES if f in query}
            assert set(grouped.split(", ")) <= labels_there | {"instance", "le"}, query
        assert query.count("(") == query.count(")"), query
        assert not re.search(r"histogram_quantile", query) or "le" in query
    assert used == set(FAMILIES), "what nobody looks at need not be counted"


def test_panels_do_not_lie_on_each_other() -> None:
    dashboard = json.loads((ROOT / "monitoring" / "grafana.json").read_text("utf-8"))
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in dashboard["panels"]]
    assert len(set(places)) == len(places)
    assert len({p["id"] for p in dashboard["panels"]}) == len(places)
