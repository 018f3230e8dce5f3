"""The servers of the table live as long as the tests of a module.

No longer: they are children of this process, which other tests count.
"""

from collections.abc import Iterator

import pytest

from conformance.servers import Servers


@pytest.fixture(scope="module")
def servers(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[Servers]:
    running = Servers(tmp_path_factory.mktemp("conformance"), pytestconfig.getoption("--against"))
    yield running
    running.stop()
