"""A configuration that is broken on disk costs nobody the server."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from harness import CHATD, PATIENCE, Server, eventually, serving
from secure import make_certificate, tls_listener
from supervised import BROKEN, CONFIG, Supervised, supervised

WHY = "limits.max_rooms = -1: must be an integer of 0 or more"


def status(server: Supervised) -> Any:
    return json.loads(server.do("status", "--json").stdout)


def test_the_next_master_goes_on_with_what_the_last_one_lived_by(tmp_path: Path) -> None:
    with supervised(tmp_path) as server:
        server.start()
        assert status(server)["config_error"] is None
        port = server.port
        alice = server.connect(port).greet("alice")
        server.configure(BROKEN)
        first = server.successor_of(server.kill_master())
        alice.send("still here\n")
        alice.until("alice : still here")
        assert server.port == port
        assert WHY in status(server)["config_error"]
        assert "chatd: configuration not used " in server.log()
        # The next one, too.
        second = server.successor_of(server.kill_master())
        assert second != first
        assert WHY in status(server)["config_error"]
        # What is said by hand says what is wrong.
        assert server.do("reload").returncode
        assert server.do("upgrade").returncode
        assert WHY in status(server)["upgrade_failure"]
        server.configure(CONFIG)
        assert server.do("reload").returncode == 0
        assert status(server)["config_error"] is None
        alice.send("and now\n")
        alice.until("alice : and now")
        kept = server.state_dir / "sessions" / "config.json"
        assert kept.stat().st_mode & 0o777 == 0o600
    assert not kept.exists()


def test_a_failed_reload_is_in_the_status_until_one_succeeds(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        good = server.config_path.read_text()
        server.config_path.write_text(BROKEN)
        os.kill(server.pid, signal.SIGHUP)
        eventually("it is told", lambda: WHY in (server.ask("status")["config_error"] or ""))
        server.config_path.write_text(good)
        os.kill(server.pid, signal.SIGHUP)
        eventually("it is over", lambda: server.ask("status")["config_error"] is None)


def test_whoever_starts_a_server_is_told_and_a_service_manager_is_not_left_alone(
    tmp_path: Path,
) -> None:
    server = Server(tmp_path)
    try:
        alice = server.connect("alice")
        os.kill(server.pid, signal.SIGKILL)
        server.process.wait(PATIENCE)
        server.config_path.write_text(BROKEN)
        done = subprocess.run(
            [CHATD, "run", *server.options()],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert (done.returncode, WHY in done.stderr) == (78, True)
        server.again(["env", f"NOTIFY_SOCKET={tmp_path / 'nobody'}", CHATD])
        eventually("another master serves", server.is_ready)
        assert WHY in server.ask("status")["config_error"]
        alice.send("still here\n")
        alice.until("alice : still here")
    finally:
        assert server.stop() == 0


def test_a_broken_certificate_costs_its_listener_alone_and_not_for_good(tmp_path: Path) -> None:
    pem = make_certificate(tmp_path, "localhost")
    with supervised(tmp_path) as server:
        server.configure(tls_listener(pem) + CONFIG)
        server.start()
        secure, plain = status(server)["listen"]
        alice = server.connect(int(plain["address"].rpartition(":")[2])).greet("alice")
        key = pem.key.read_text()
        pem.key.write_text("half of a")
        server.successor_of(server.kill_master())
        alice.send("still here\n")
        alice.until("alice : still here")
        assert status(server)["listen"] == [plain]
        assert str(pem.key) in status(server)["config_error"]
        assert server.do("reload").returncode
        pem.key.write_text(key)
        assert server.do("reload").returncode == 0
        assert {one["address"] for one in status(server)["listen"]} == {
            secure["address"],
            plain["address"],
        }
        assert status(server)["config_error"] is None
