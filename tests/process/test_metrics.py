"""``chatd metrics`` of a running server: as text, over HTTP, and while there is none."""

import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families as parse

from harness import CHATD, PATIENCE, Client, Server, eventually, serving

TWO = """
[limits]
max_clients = 2
[[listen]]
address = "127.0.0.1:0"
[[listen]]
address = "127.0.0.1:0"
dialect = "irc"
"""


def read(shown: str) -> dict[str, float]:
    """Return every sample by name and label, as ``name label``."""
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in parse(shown)
        for sample in family.samples
    }


def metrics(server: Server) -> dict[str, float]:
    done = subprocess.run(
        [CHATD, "metrics", f"--runtime-dir={server.runtime_dir}"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return read(done.stdout)


@contextmanager
def exporting(server: Server) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    with subprocess.Popen(
        [CHATD, "metrics", "--listen=127.0.0.1:0", f"--runtime-dir={server.runtime_dir}"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1], process
        finally:
            process.kill()


def fetch(url: str) -> dict[str, float]:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        return read(answer.read().decode())


def test_what_happens_is_counted(tmp_path: Path) -> None:
    with serving(tmp_path, TWO) as server:
        alice, bob = server.connect("alice"), server.connect("bob")
        # A signal that has no name must not end the master.
        os.kill(server.worker_of("alice"), 40)
        alice.send("hello\n")
        bob.until("alice : hello")
        os.kill(server.worker_of("bob"), signal.SIGKILL)
        bob.send("hello\n")
        alice.until("bob : hello")
        third = Client(server.port)
        assert "the server is full" in third.rest()
        third.close()
        found = metrics(server)
        assert found["chatd_up"] == 1
        assert found["chatd_clients text"] == 2
        assert found["chatd_clients irc"] == 0
        assert found["chatd_sessions_total"] == 2
        assert found["chatd_refused_total full"] == 1
        assert found["chatd_worker_deaths_total SIGKILL"] == 1
        assert found["chatd_worker_deaths_total signal 40"] == 1
        assert found["chatd_worker_restarts_total"] == 2
        assert found["chatd_lines_total"] == 4
        ticks = found["chatd_tick_seconds_count"]
        assert ticks > 0
        assert (
            0 < found["chatd_journal_commit_seconds_sum"] <= found["chatd_journal_lag_seconds_sum"]
        )
        assert found["chatd_tick_seconds_bucket +Inf"] == ticks
        for process in ("master", "workers"):
            assert 1e6 < found[f"chatd_memory_bytes {process}"] < 1e9
        assert found["chatd_descriptors master"] > 10
        alice.send("again\n")
        bob.until("alice : again")
        assert metrics(server)["chatd_lines_total"] == 5


def test_http_is_served_by_a_process_of_its_own_and_outlives_the_server(tmp_path: Path) -> None:
    with serving(tmp_path) as server, exporting(server) as (url, process):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/metrics", url)
        server.connect("alice")
        assert fetch(url)["chatd_clients text"] == 1
        shown = subprocess.run(
            ["ps", "-o", "args=", "-p", str(process.pid)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert shown.strip() == f"chatd: metrics {url.removeprefix('http://').partition('/')[0]}"
        # No thread, and no web, in the master.
        status = Path(f"/proc/{server.pid}/status").read_text()
        assert re.search(r"^Threads:\t1$", status, re.MULTILINE)
        assert server.stop() == 0
        assert fetch(url) == {"chatd_up": 0}
        process.terminate()
        assert process.wait(PATIENCE) == 0


def test_adoption_is_measured(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        client = server.connect("alice")
        client.send("one\n")
        client.until("alice : one")
        server.kill_master()
        server.again()
        eventually("another is ready", server.is_ready)
        client.send("two\n")
        client.until("alice : two")
        found = eventually("adopted", lambda: _adopted(server))
        assert found["chatd_workers_adopted_total"] == 1
        assert 0 < found["chatd_adoption_seconds_sum"] < PATIENCE


def _adopted(server: Server) -> dict[str, float]:
    found = metrics(server)
    return found if found["chatd_adoption_seconds_count"] else {}


def test_without_a_server_it_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [CHATD, "metrics", f"--runtime-dir={tmp_path}"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert "chatd is not running" in done.stderr


def test_only_this_machine_is_listened_to() -> None:
    done = subprocess.run(
        [CHATD, "metrics", "--listen=0.0.0.0:0"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "only an address of this machine" in done.stderr
