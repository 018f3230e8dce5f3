"""Where a server logs after an upgrade: where it did before."""

from pathlib import Path

import pytest

from chatd_supervisor.invocation import Invocation
from chatd_supervisor.replacing import upgrade
from harness import eventually, serving


@pytest.mark.parametrize("supervised", [False, True])
def test_a_server_in_the_foreground_logs_on_after_an_upgrade(
    tmp_path: Path, *, supervised: bool
) -> None:
    with serving(tmp_path, supervised=supervised) as server:
        upgrade(Invocation(runtime_dir=str(server.runtime_dir)), None)
        eventually("it is logged", lambda: " upgraded " in server.log())
