"""The servers of the table live as long as the tests."""

from collections.abc import Iterator

import pytest

from conformance.servers import Servers


@pytest.fixture(scope="session")
def servers(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[Servers]:
    running = Servers(tmp_path_factory.mktemp("conformance"), pytestconfig.getoption("--against"))
    yield running
    running.stop()
