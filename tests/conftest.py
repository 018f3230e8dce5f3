"""Options of the test suite, and what it takes over from whoever runs it: nothing."""

import os
import random
import signal
import tempfile

import pytest
from hypothesis import settings

# Machines differ, and are busy with other things: how long an example takes proves nothing.
settings.register_profile("chatd", deadline=None)
settings.load_profile("chatd")

pytest_plugins = ["left_behind", "not_run"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--storm-seconds", type=float, default=10.0, help="how long each kill storm lasts"
    )
    parser.addoption(
        "--seed", type=int, default=random.randrange(1 << 32), help="of the kill storms"
    )
    parser.addoption(
        "--new-screens", action="store_true", help="write down the screens instead of comparing"
    )
    parser.addoption(
        "--outage", type=float, default=2.0, help="seconds without a server, for chat-client"
    )
    parser.addoption("--flood", type=int, default=5000, help="lines that chat-client is sent")
    parser.addoption(
        "--against", metavar="PORT", help="play the conformance table against another IRC server"
    )


def pytest_configure() -> None:
    # The servers and settings of whoever runs the tests are not found: a command that is given no
    # directories looks where there is nothing, and what it makes there is told by left_behind.
    for name in ("RUNTIME_DIRECTORY", "STATE_DIRECTORY"):
        os.environ.pop(name, None)
    for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        os.environ[name] = os.path.join(tempfile.gettempdir(), "nobodys")
    # A shell without job control starts what it puts into the background with the first two
    # ignored, nohup(1) what it starts with the third, and that is inherited: the processes under
    # test would outlive what is to end them.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, default)
