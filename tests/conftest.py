"""Options of the test suite."""

import random

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--storm-seconds", type=float, default=10.0, help="how long each kill storm lasts"
    )
    parser.addoption(
        "--seed", type=int, default=random.randrange(1 << 32), help="of the kill storms"
    )
