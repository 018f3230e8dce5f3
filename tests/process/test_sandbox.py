"""A worker that is taken over gets nowhere: each attempt fails, and nobody else notices."""

import ast
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatd_supervisor.asking import ask
from harness import Server, eventually, serving

PROGRAM = Path(__file__).with_name("taken_over.py")
SAID = {
    "form": ("garbage", "more-than-there-is", "not-utf-8", "depths"),
    "size": ("long-drained",),
    "state": ("announced", "drained", "ready", "offer-to-its-master"),
    "text": ("forged-end", "forged-line", "escape-sequence"),
    "rate": ("traces", "long-traces"),
    "bytes": ("more-than-came", "nothing", "many-of-a-few-bytes", "carry"),
    "knowledge": ("proxied", "secured"),
    "hangup": ("hang-up",),
}
"""What the master is told, which must see through it, by what it sees."""

DEATHS = 3
"""Workers that die of a line before it is dropped."""


def attempts() -> list[str]:
    """Return the names in the program's table, without running it."""
    for node in ast.parse(PROGRAM.read_text("utf-8")).body:
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "ATTEMPTS":
            assert isinstance(node.value, ast.Dict)
            return [str(key.value) for key in node.value.keys if isinstance(key, ast.Constant)]
    raise AssertionError("no table")


@pytest.fixture
def walled(tmp_path: Path) -> Iterator[Server]:
    config = '[sandbox]\nmode = "require"\n'
    with serving(tmp_path, config, program=[sys.executable, str(PROGRAM)]) as server:
        yield server


def fields(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_every_attempt_fails_and_nobody_notices(walled: Server) -> None:
    master = walled.master
    bob = walled.connect("bob")
    taken_over = {name: walled.connect("m" + re.sub("[^a-z]", "", name)) for name in attempts()}
    for name, mallory in taken_over.items():
        mallory.send(f"!{name}\n")
    # Each tells of three dead workers and a line that is dropped, or of a refusal.
    for mallory in taken_over.values():
        mallory.send("still here\n")
    waiting = {f"m{re.sub('[^a-z]', '', name)} : still here" for name in taken_over}
    said = []
    while waiting:
        said.append(bob.line())
        waiting.discard(said[-1])
    assert not [line for line in said if "got through" in line]
    log = walled.log()
    told = sum(map(len, SAID.values()))
    assert log.count("SIGSYS: it tried what its sandbox forbids") >= len(attempts()) - told
    assert log.count("breaking the rules of the channel") == DEATHS * told
    counted = ask(walled.runtime_dir / "control.sock", "metrics")["violations"]
    for kind, names in SAID.items():
        # Successors are to announce what they report, and have not: state.
        assert log.count(f"kind={kind} ") == counted[kind] >= len(names), kind
    assert walled.master == master


def test_the_walls_stand(walled: Server) -> None:
    alice = walled.connect("alice")
    shown = walled.ask("status")["sandbox"]
    assert shown["missing"] == []
    assert shown["walls"] == ["no_new_privs", "not dumpable", "limits", "landlock", "seccomp"]
    assert f'walls="{", ".join(shown["walls"])}"' in walled.log()
    status = fields(walled.worker_of("alice"))
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    alice.close()
    eventually("she is gone", lambda: walled.ask("ps") == [])


def test_without_walls_it_is_said(tmp_path: Path) -> None:
    with serving(tmp_path, '[sandbox]\nmode = "off"\n') as server:
        server.connect("alice")
        assert server.ask("status")["sandbox"] == {"walls": [], "missing": []}
        assert fields(server.worker_of("alice"))["Seccomp"] == "0"
        assert os.path.exists(f"/proc/{server.master}")
