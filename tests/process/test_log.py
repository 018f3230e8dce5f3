"""The log of a running server: every line is a known event, and nothing that was said is in it."""

import json
import os
import re
import signal
from pathlib import Path

from chatd_supervisor.log_events import EVENTS
from harness import Client, Server, eventually, serving

SECRET = "sésame-ouvre-toi"

CONFIG = """
[server]
log_format = "json"
log_level = "debug"
[limits]
line_length = 200
[[listen]]
address = "127.0.0.1:0"
[[listen]]
address = "127.0.0.1:0"
dialect = "irc"
"""


def records(text: str) -> list[dict[str, object]]:
    found = [json.loads(line) for line in text.splitlines()]
    for record in found:
        assert record["event"] in EVENTS, record
        fields = set(record) - {"time", "level", "event"}
        assert fields <= set(EVENTS[str(record["event"])].fields), record
    return found


def talk(server: Server) -> None:
    """Have everything said that a client can say, on both dialects, and killed meanwhile."""
    _, irc = server.ports
    alice = server.connect("alice")
    alice.send(f"{SECRET}\n/topic {SECRET}\n/away {SECRET}\n/msg alice {SECRET}\n/{SECRET}\n")
    alice.send(f"/nick {SECRET} {SECRET}\n/register {SECRET}\n{SECRET * 20}\n/help\n")
    alice.until("leave the server")
    os.kill(server.worker_of("alice"), signal.SIGKILL)
    os.kill(server.worker_of("alice"), signal.SIGUSR1)
    alice.send(f"again {SECRET}\n")
    alice.until("again")
    alice.send(f"/quit {SECRET}\n")
    alice.rest()
    bob = Client(irc)
    bob.send(f"NICK bob\r\nUSER bob 0 * :{SECRET}\r\nJOIN #lobby\r\nPRIVMSG #lobby :{SECRET}\r\n")
    bob.send(f"TOPIC #lobby :{SECRET}\r\nPASS {SECRET}\r\nOPER bob {SECRET}\r\nPING over\r\n")
    bob.until("PONG")
    bob.send(f"QUIT :{SECRET}\r\n")
    bob.rest()
    bob.close()
    eventually("all have left", lambda: not server.ask("ps"))


def test_what_is_said_is_not_in_the_log_and_every_line_is_an_event(tmp_path: Path) -> None:
    with serving(tmp_path, CONFIG) as server:
        talk(server)
        eventually("she has left", lambda: "session ended" in server.log())
        log = server.log()
        found = records(log)
        assert SECRET.encode() not in server.log_path.read_bytes()
        assert json.dumps(SECRET).strip('"') not in log
        assert "ouvre" not in log
        ended = [r for r in found if r["event"] == "session ended"]
        assert [(r["nick"], r["reason"]) for r in ended] == [("alice", "quit"), ("bob", "quit")]
        opened = {r["session"]: r for r in found if r["event"] == "session opened"}
        assert set(opened) == {1, 2}
        died = [r for r in found if r["event"] == "worker died"]
        assert [(r["session"], r["pid"]) for r in died] == [(1, opened[1]["pid"])]
        # A reload has it in the other form from then on.
        config = server.config_path.read_text()
        server.config_path.write_text(config.replace('"json"', '"text"'))
        os.kill(server.pid, signal.SIGHUP)
        eventually("it is text now", lambda: re.search(r"Z INFO chatd: ", server.log()))


def test_a_supervisor_logs_in_the_same_form(tmp_path: Path) -> None:
    with serving(tmp_path, CONFIG, supervised=True) as server:
        first = server.kill_master()
        eventually("another is ready", server.is_ready)
        eventually("its death is told", lambda: '"master died"' in server.log())
        (died,) = [r for r in records(server.log()) if r["event"] == "master died"]
        assert died["pid"] == first
        assert died["how"] == "was killed by SIGKILL"
