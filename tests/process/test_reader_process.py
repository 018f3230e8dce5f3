"""The reading process of chat-client: it reaches servers, and its death is noticed by nobody."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatd_client.exchange import Came, Members, Phase, Quit, Refused, Said, Status
from chatd_client.exits import Exit
from chatd_client.plain import LAB
from companions import reading
from harness import PATIENCE, ROOT, Server, eventually, serving
from irc_harness import IRC_CONFIG

TEXT_TOO = '\n[[listen]]\naddress = "127.0.0.1:0"\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), IRC_CONFIG + TEXT_TOO) as running:
        yield running


def test_it_comes_in_speaks_and_leaves(server: Server) -> None:
    with reading(port=server.ports[0], nick="ann", rooms=("#one",)) as ann:
        status = ann.online()
        assert (status.nick, status.dialect, status.port) == ("ann", "irc", server.ports[0])
        assert ann.expect(Came, own=True).room == "#one"
        assert [member.nick for member in ann.expect(Members).members] == ["ann"]
        [sent] = ann.say("#one", "hello")
        said = ann.expect(Said)
        assert (said.text, said.own, said.sent) == ("hello", True, sent)
        ann.order(Quit(reason="bye"))
        assert ann.ended().exit_code == Exit.OK


def test_it_is_called_so_and_holds_nothing_of_its_parents(server: Server) -> None:
    with reading(port=server.ports[0], nick="tess") as tess:
        tess.online()
        pid = tess.companion.pid
        title = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0 ").decode()
        assert title == "chat-client: tess (reading)"
        assert os.readlink(f"/proc/{pid}/fd/0") == os.readlink(f"/proc/{pid}/fd/1") == os.devnull


def test_its_death_loses_nothing_and_doubles_nothing(server: Server) -> None:
    with (
        reading(port=server.ports[0], nick="kim", rooms=("#kills",)) as kim,
        reading(port=server.ports[0], nick="lee", rooms=("#kills",)) as lee,
    ):
        kim.expect(Members)
        lee.expect(Members)
        said: list[str] = []
        for turn in range(5):
            texts = [f"{turn} {place}" for place in range(20)]
            said += texts
            ids = kim.say("#kills", *texts[:10])
            pid = lee.companion.pid
            os.kill(pid, signal.SIGKILL)
            ids += kim.say("#kills", *texts[10:])
            for number in ids:
                kim.expect(Said, sent=number)
            lee.expect(Said, text=texts[-1])
            assert lee.companion.pid != pid
        assert kim.said("#kills") == said
        assert lee.said("#kills") == said


def test_it_ends_with_its_parent() -> None:
    script = (
        "import sys, time\n"
        "from chatd_client.exchange import Target\n"
        "from chatd_client.reader_process import ReaderProcess\n"
        "reader = ReaderProcess(Target(host='127.0.0.1', port=int(sys.argv[1]), nick='pat'))\n"
        "print(reader.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        parent = subprocess.Popen(
            [sys.executable, "-c", script, port], stdout=subprocess.PIPE, text=True
        )
        assert parent.stdout is not None
        with parent.stdout:
            reader = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
    eventually("the reader has gone", lambda: not Path(f"/proc/{reader}").exists())


def test_a_server_that_is_not_there_is_told_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with reading(port=port, nick="ann") as ann:
        status = ann.ended()
        assert status.exit_code == Exit.UNAVAILABLE
        assert status.why == f"no server listens on 127.0.0.1 port {port}"


def test_a_server_that_is_away_for_a_while_is_waited_for(tmp_path: Path) -> None:
    with serving(tmp_path, IRC_CONFIG) as server:
        port = server.port
        config = IRC_CONFIG.replace("127.0.0.1:0", f"127.0.0.1:{port}")
        with reading(port=port, nick="ann", rooms=("#one",)) as ann:
            ann.expect(Members)
            server.process.terminate()
            server.process.wait(PATIENCE)
            ann.expect(Status, phase=Phase.WAITING)
            ids = ann.say("#one", "said while it was away")
            server.config_path.write_text(config)
            server.again()
            eventually("the server is ready", server.is_ready)
            ann.online()
            ann.expect(Said, sent=ids[0])


def test_the_text_dialect_is_found_out(server: Server) -> None:
    with reading(port=server.ports[1], nick="tom") as tom:
        status = tom.online()
        assert status.dialect == "text"
        [sent] = tom.say("#lobby", "hello")
        said = tom.expect(Said)
        assert (said.nick, said.text, said.sent) == ("tom", "hello", sent)


def test_the_labs_server_is_spoken_to_on_its_wire() -> None:
    lab = subprocess.Popen(
        [sys.executable, ROOT / "tests/process/lab_server.py", "0"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert lab.stdout is not None
    try:
        port = int(lab.stdout.readline())
        with reading(port=port, nick="alice", lab=True) as alice:
            assert alice.online().dialect == "lab"
            [sent] = alice.say(LAB, "bonjour")
            said = alice.expect(Said)
            assert (said.nick, said.text, said.sent) == ("alice", "bonjour", sent)
            alice.order(Quit())
            assert alice.ended().exit_code == Exit.OK
    finally:
        os.killpg(lab.pid, signal.SIGKILL)
        lab.stdout.close()
        lab.wait()


def test_a_refusal_names_what_it_refuses(server: Server) -> None:
    with reading(port=server.ports[0], nick="ann") as ann:
        ann.online()
        [sent] = ann.say("#nowhere", "hello")
        assert ann.expect(Refused).sent == sent
