"""Every row of the conformance table, against a real server over a socket.

``--against PORT`` plays them against whatever listens there, on 127.0.0.1.
"""

import pytest

from conformance.playing import Stage
from conformance.rows_format import Row, prepared, rows
from conformance.servers import CONFIGS, Servers

ROWS = list(rows())


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_row(row: Row, servers: Servers) -> None:
    with Stage(servers.port(row.server)) as stage:
        stage.play(prepared(row.steps))


def test_the_table_is_well_formed() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert {row.server for row in ROWS} == set(CONFIGS)
    assert all(row.where for row in ROWS)
