"""The control socket: questions and answers, and what its bounds do."""

import asyncio
import json
import os
import select
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chatd_supervisor import control
from chatd_supervisor.asking import ControlError, NotRunning, ask, follow, may_answer
from chatd_supervisor.control import (
    MAX_AT_ONCE,
    MAX_REQUEST,
    ControlServer,
    Feed,
    Handler,
    Stream,
)

DEADLINE = 20.0


def handle(request: str, arguments: dict[str, Any]) -> dict[str, Any]:
    match request:
        case "echo":
            return arguments
        case "escapes":
            return {"a\x1b[2J": ["\x9b31m", {"text": "two\nlines\tof \u202etext"}], "n": 1}
        case "large":
            return {"text": "x" * 3_000_000}
    raise ControlError(f"no such request: {request}")


def streaming(left: list[bool], begin: Callable[[Feed], object]) -> Handler:
    """Return what answers with its arguments and goes on with ``begin``; ``left``: was it cut?"""

    def handler(_request: str, arguments: dict[str, Any]) -> Stream:
        feeds: list[Feed] = []

        def start(feed: Feed) -> None:
            feeds.append(feed)
            begin(feed)

        return Stream(arguments, start, lambda: left.append(feeds[0].cut))

    return handler


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


def serve(path: Path, client: Callable[[], Any], handler: Handler = handle) -> Any:
    """Run ``client`` in a thread while the control socket is served; return what it returns."""

    async def main() -> Any:
        server = ControlServer(path, handler)
        await server.start()
        try:
            async with asyncio.timeout(DEADLINE):
                return await asyncio.to_thread(client)
        finally:
            server.close()

    return asyncio.run(main())


def raw(path: Path, data: bytes) -> Any:
    """Send ``data`` as it is, half-close, and return the answer."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(DEADLINE)
        asking.connect(str(path))
        with suppress(BrokenPipeError):
            asking.sendall(data)
            asking.shutdown(socket.SHUT_WR)
        received = b""
        while piece := asking.recv(1 << 16):
            received += piece
    assert received.endswith(b"\n")
    return json.loads(received)


@pytest.mark.parametrize(
    ("uid", "ours", "mode", "may"),
    [
        (1000, 1000, 0o1777, True),
        (0, 1000, 0o1777, True),
        (1001, 1000, 0o1777, False),
        (1001, 1000, 0o755, False),
        # Root asks a server of another user, but not one that just anybody can have made.
        (1001, 0, 0o755, True),
        (1001, 0, 0o1777, False),
    ],
)
def test_whose_server_may_answer(tmp_path: Path, uid: int, ours: int, mode: int, may: bool) -> None:
    runtime = tmp_path / "between" / "chatd-1000"
    runtime.mkdir(parents=True)
    runtime.parent.chmod(mode)
    assert may_answer(uid, ours, runtime / "control.sock") is may


def test_a_server_of_somebody_else_is_not_asked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatd_supervisor.asking.may_answer", lambda *_: False)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(ControlError, match=f"is not yours: user {os.getuid()} listens there"):
            ask(path, "status")
        with closing(listener.accept()[0]) as told:
            assert told.recv(1) == b"", "nothing was said to it"


def test_a_question_has_its_answer(path: Path) -> None:
    assert serve(path, partial(ask, path, "echo", name="é佐")) == {"name": "é佐"}


def test_an_answer_may_be_large(path: Path) -> None:
    assert len(serve(path, partial(ask, path, "large"))["text"]) == 3_000_000


def test_a_refusal_is_raised(path: Path) -> None:
    with pytest.raises(ControlError, match="no such request: dance"):
        serve(path, partial(ask, path, "dance"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"status\n",
        b"\xff\xfe\n",
        b"[]\n",
        b"3\n",
        b'"request"\n',
        b'{"Request": "echo"}\n',
        b"[" * 50_000 + b"\n",
    ],
    ids=repr,
)
def test_a_broken_question_is_told_so(path: Path, data: bytes) -> None:
    answer = serve(path, partial(raw, path, data[:MAX_REQUEST]))
    assert answer == {"error": "a request is one line of JSON: an object with the key request"}


def test_a_question_without_its_line_end_is_heard_at_end_of_file(path: Path) -> None:
    assert serve(path, partial(raw, path, b'{"request": "echo"}')) == {"ok": {}}


def test_a_question_too_long_is_told_so(path: Path) -> None:
    # Just above, so that all of it is read and the answer is not lost to a reset.
    question = json.dumps({"request": "echo", "x": "y" * MAX_REQUEST}).encode() + b"\n"
    answer = serve(path, partial(raw, path, question))
    assert answer == {"error": f"a request has at most {MAX_REQUEST} bytes"}


def test_a_question_that_never_comes_is_not_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "PATIENCE", 0.1)

    def client() -> bytes:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(DEADLINE)
            asking.connect(str(path))
            return asking.recv(1 << 16)

    assert json.loads(serve(path, client)) == {"error": "no request within 0.1 s"}


def test_an_answer_that_is_not_taken_is_not_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "PATIENCE", 0.1)

    def client() -> Any:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(DEADLINE)
            asking.connect(str(path))
            asking.sendall(b'{"request": "large"}\n')
            # The others have their answers meanwhile, and this one is ended.
            answer = ask(path, "echo", a=1)
            ended = select.poll()
            ended.register(asking, 0)
            assert ended.poll(DEADLINE * 1000) == [(asking.fileno(), select.POLLHUP)]
            return answer

    assert serve(path, client) == {"a": 1}


def test_no_more_than_so_many_at_once(path: Path) -> None:
    def client() -> Any:
        held = [socket.socket(socket.AF_UNIX) for _ in range(MAX_AT_ONCE)]
        try:
            for one in held:
                one.settimeout(DEADLINE)
                one.connect(str(path))
            with pytest.raises(ControlError, match=f"more than {MAX_AT_ONCE} requests at once"):
                ask(path, "echo")
            # One that is done makes room for another.
            held[0].sendall(b'{"request": "echo"}\n')
            assert json.loads(held[0].recv(1 << 16)) == {"ok": {}}
            assert held[0].recv(1) == b"", "one question to a connection"
            return ask(path, "echo", b=2)
        finally:
            for one in held:
                one.close()

    assert serve(path, client) == {"b": 2}


def test_only_its_owner_may_ask_from_the_first_instant(path: Path) -> None:
    umask = os.umask(0)
    try:
        assert serve(path, lambda: stat.S_IMODE(path.stat().st_mode)) == 0o600
        assert os.umask(0) == 0, "the umask must be as it was"
    finally:
        os.umask(umask)


def test_a_socket_left_over_is_replaced_and_ours_removed(path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as left:
        left.bind(str(path))
    assert path.exists()
    assert serve(path, partial(ask, path, "echo")) == {}
    assert not path.exists()


@pytest.fixture
def mute(path: Path) -> Iterator[socket.socket]:
    """Listen, and never say anything."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        yield listening


def test_asking_nobody_is_told_as_not_running(path: Path) -> None:
    with pytest.raises(NotRunning, match="chatd is not running"):
        ask(path, "status")
    with closing(socket.socket(socket.AF_UNIX)) as left:
        left.bind(str(path))
    with pytest.raises(NotRunning, match="chatd is not running"):
        ask(path, "status")


@pytest.mark.usefixtures("mute")
def test_a_master_that_does_not_answer_is_not_waited_for(path: Path) -> None:
    with pytest.raises(ControlError, match=r"no answer from chatd on .* within 0\.1 s"):
        ask(path, "status", timeout=0.1)


def test_a_path_that_is_none_for_a_socket_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="too long"):
        ask(tmp_path / ("x" * 200), "status")


def test_a_stream_goes_on_until_its_asker_leaves(path: Path) -> None:
    left: list[bool] = []

    def begin(feed: Feed) -> None:
        for number in range(3):
            feed.put({"n": number})

    def client() -> Any:
        records = follow(path, "count", master=os.getpid())
        found = [next(records) for _ in range(4)]
        records.close()
        return found

    found = serve(path, client, streaming(left, begin))
    assert found == [{"master": os.getpid()}, {"n": 0}, {"n": 1}, {"n": 2}]
    assert left == [False]


def test_a_stream_that_is_ended_is_heard_to_its_end(path: Path) -> None:
    left: list[bool] = []

    def begin(feed: Feed) -> None:
        assert (feed.pid, feed.uid) == (os.getpid(), os.getuid())
        for number in range(200):
            feed.put({"n": number})
            if number == 99:
                feed.end()

    def client() -> list[dict[str, Any]]:
        records = follow(path, "count", master=os.getpid())
        found = [next(records) for _ in range(101)]
        # We live, and have closed it.
        with pytest.raises(ControlError, match="not read fast enough"):
            next(records)
        return found

    _, *found = serve(path, client, streaming(left, begin))
    assert found == [{"n": number} for number in range(100)]
    assert left == [False]


def test_who_does_not_read_a_stream_is_cut_off(path: Path) -> None:
    left: list[bool] = []

    def begin(feed: Feed) -> None:
        for number in range(20_000):
            feed.put({"n": number, "x": "x" * 100})

    def client() -> int:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(DEADLINE)
            asking.connect(str(path))
            asking.sendall(b'{"request": "count", "master": 1}\n')
            ended = select.poll()
            ended.register(asking, 0)
            assert ended.poll(DEADLINE * 1000) == [(asking.fileno(), select.POLLHUP)]
            size = 0
            while data := asking.recv(1 << 16):
                size += len(data)
            return size

    assert serve(path, client, streaming(left, begin)) < 20_000 * 100
    assert left == [True]


def test_a_master_that_dies_in_a_stream_is_told_so(path: Path) -> None:
    with subprocess.Popen(["sleep", "0"]) as dead:
        pass
    records = partial(follow, path, "count", master=dead.pid)

    def client() -> None:
        with pytest.raises(NotRunning, match=f"the master, pid {dead.pid}, has died"):
            list(records())

    serve(path, client, streaming([], lambda feed: feed.end()))


def test_no_control_character_of_an_answer_reaches_a_terminal(path: Path) -> None:
    assert serve(path, lambda: ask(path, "escapes")) == {
        "a\\x1b[2J": ["\\x9b31m", {"text": "two\nlines\tof \\u202etext"}],
        "n": 1,
    }
