"""A server for a test: started, used, and seen to end well."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Server, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as running:
        yield running
