"""Under a service manager: crash, restart, hang, reload and stop, as the shipped unit has them."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from harness import CHATD, PATIENCE, Client, eventually
from managed import CONFIG, Managed, managed
from supervised import toggle_damage


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Managed]:
    with managed(tmp_path) as one:
        one.start()
        yield one


def said_by(server: Managed) -> list[str]:
    return [line for message in server.show()["messages"] for line in message]


def is_renewed(server: Managed, supervisor: int) -> bool:
    """Return whether another than ``supervisor`` is there, and the manager knows it."""
    return server.supervisor != supervisor and server.is_whole()


def is_gone(server: Managed, pid: int) -> bool:
    return pid not in server.show()["processes"]


def talk(alice: Client, bob: Client, word: str) -> None:
    """See that both hear what both say, and nothing that came before it."""
    alice.send(f"{word} a\n")
    assert bob.line() == f"alice : {word} a"
    assert alice.line() == f"alice : {word} a"
    bob.send(f"{word} b\n")
    assert alice.line() == f"bob : {word} b"
    assert bob.line() == f"bob : {word} b"


def two(server: Managed) -> tuple[Client, Client]:
    port = server.port
    alice, bob = server.connect("alice", port), server.connect("bob", port)
    alice.until("is now bob")
    return alice, bob


def test_it_is_told_how_the_server_is(server: Managed) -> None:
    shown = server.show()
    assert (shown["state"], shown["refused"]) == ("running", [])
    server.connect("alice")
    port = server.port
    eventually(
        "the clients are counted", lambda: server.show()["status"] == f"127.0.0.1:{port} 1 client"
    )
    stopped = server.do("stop")
    assert (stopped["state"], stopped["result"]) == ("dead", "success")
    lines = [line for message in stopped["messages"] for line in message]
    for line in ("EXTEND_TIMEOUT_USEC=300000000", "READY=1", "STOPPING=1"):
        assert line in lines


def test_a_crash_is_not_noticed(server: Managed) -> None:
    alice, bob = two(server)
    workers, supervisor = server.workers(), server.supervisor
    for number in range(3):
        master = server.master
        os.kill(master, signal.SIGKILL)
        bob.send(f"meanwhile {number}\n")
        alice.until(f"bob : meanwhile {number}")
        bob.until(f"bob : meanwhile {number}")
        server.successor_of(master)
        talk(alice, bob, f"after {number}")
    assert sorted(server.workers()) == sorted(workers), "they have lived through it"
    shown = server.show()
    assert (shown["main"], shown["restarts"]) == (supervisor, 0)


def test_a_supervisor_that_is_killed_is_followed_by_another_one(server: Managed) -> None:
    alice, bob = two(server)
    workers = server.workers()
    for number in range(3):
        supervisor = server.supervisor
        os.kill(supervisor, signal.SIGKILL)
        talk(alice, bob, f"meanwhile {number}")
        eventually("the manager knows another one", partial(is_renewed, server, supervisor))
        talk(alice, bob, f"after {number}")
    assert sorted(server.workers()) == sorted(workers)
    assert server.show()["restarts"] == 3
    assert server.do("stop")["result"] == "success"
    assert server.show()["processes"] == []


def is_blocked(number: int, pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
    return any(int(mask, 16) & 1 << number - 1 for mask in re.findall(r"SigBlk:\s(\w+)", status))


def test_a_stop_meanwhile_is_one_of_the_server(server: Managed) -> None:
    alice, _ = two(server)
    # Nobody takes the place of a supervisor whose master is stopped.
    os.kill(server.master, signal.SIGSTOP)
    os.kill(server.supervisor, signal.SIGKILL)
    eventually("it stands in", lambda: is_blocked(signal.SIGTERM, server.show()["main"]))
    os.kill(server.master, signal.SIGCONT)
    shown = server.do("stop")
    alice.until("stopping")
    eventually("nobody is left", lambda: not server.show()["processes"])
    assert shown["state"] in ("dead", "failed")


def test_a_master_that_has_no_supervisor_and_sees_to_none_is_ended(server: Managed) -> None:
    alice, bob = two(server)
    master = server.master
    os.kill(master, signal.SIGSTOP)
    os.kill(server.supervisor, signal.SIGKILL)
    server.successor_of(master)
    talk(alice, bob, "after")


def test_a_restart_is_not_noticed(server: Managed) -> None:
    alice, bob = two(server)
    master, port, workers = server.master, server.port, server.workers()
    shown = server.do("restart")
    assert (shown["state"], shown["result"], shown["restarts"]) == ("running", "success", 0)
    assert server.master not in (0, master)
    assert server.port == port
    talk(alice, bob, "after")
    assert sorted(server.workers()) == sorted(workers)


def stop_all(server: Managed) -> list[int]:
    """Stop all processes, so that none can see another one die; return their pids."""
    everybody = [server.supervisor, server.master, *server.workers()]
    for pid in everybody:
        os.kill(pid, signal.SIGSTOP)
    return everybody


def test_a_client_survives_the_end_of_all_processes(server: Managed) -> None:
    alice, bob = two(server)
    for number in range(2):
        master = server.master
        stopped = stop_all(server)
        bob.send(f"meanwhile {number}\n")
        for pid in stopped:
            os.kill(pid, signal.SIGKILL)
        alice.until(f"bob : meanwhile {number}")
        bob.until(f"bob : meanwhile {number}")
        server.successor_of(master)
        talk(alice, bob, f"after {number}")


def test_a_stop_is_told_to_everybody_and_leaves_nothing(server: Managed) -> None:
    alice, bob = two(server)
    bob.send("last words\n")
    shown = server.do("stop")
    assert (shown["state"], shown["store"], shown["processes"]) == ("dead", [], [])
    assert alice.until("stopping")[0] == "bob : last words"
    assert alice.line() == ""
    assert bob.rest()
    assert not (server.directory / "chatd").exists()


def test_a_master_that_cannot_stop_is_ended(server: Managed) -> None:
    alice, _ = two(server)
    os.kill(server.master, signal.SIGSTOP)
    shown = server.do("stop")
    assert (shown["state"], shown["result"]) == ("dead", "success")
    assert alice.rest() == ""
    eventually("all are gone", lambda: not server.show()["processes"])


def test_a_master_that_hangs_is_ended_and_started_anew(tmp_path: Path) -> None:
    with managed(tmp_path, "WatchdogSec=500ms") as server:
        server.start()
        alice, bob = two(server)
        fed = said_by(server).count("WATCHDOG=1")
        eventually("it is fed", lambda: said_by(server).count("WATCHDOG=1") > fed + 2)
        master = server.master
        os.kill(master, signal.SIGSTOP)
        bob.send("meanwhile\n")
        alice.until("bob : meanwhile")
        bob.until("bob : meanwhile")
        server.successor_of(master)
        talk(alice, bob, "after")
        assert server.show()["restarts"] == 1


def test_a_reload_waits_and_says_what_is_wrong(server: Managed) -> None:
    alice, bob = two(server)
    server.config.write_text(CONFIG + "max_clients = 2\n")
    shown = server.do("reload")
    assert (shown["state"], shown["reload_result"]) == ("running", 0)
    told = said_by(server)
    begun = told.index("RELOADING=1")
    assert re.fullmatch(r"MONOTONIC_USEC=\d+", told[begun + 1])
    assert "READY=1" in told[begun:]
    server.config.write_text(CONFIG + "max_clients = -2\n")
    shown = server.do("reload")
    assert (shown["state"], shown["reload_result"]) == ("running", 78)
    assert "limits.max_clients = -2" in server.log()
    talk(alice, bob, "after")


def test_a_reload_by_signal_is_over_for_the_manager_too(server: Managed) -> None:
    before = said_by(server).count("READY=1")
    os.kill(server.master, signal.SIGHUP)
    eventually("it is ready again", lambda: said_by(server).count("READY=1") == before + 1)
    assert server.show()["state"] == "running"
    server.config.write_text("[limits]\nmax_clients = -2\n")
    os.kill(server.master, signal.SIGHUP)
    eventually("and again", lambda: said_by(server).count("READY=1") == before + 2)
    assert server.show()["state"] == "running"


def test_an_upgrade_keeps_the_main_process_and_what_is_held(server: Managed) -> None:
    alice, bob = two(server)
    main, held = server.supervisor, server.show()["store"]
    for _ in range(2):
        done = subprocess.run(
            [CHATD, "upgrade", f"--runtime-dir={server.directory / 'chatd'}"],
            timeout=PATIENCE,
            check=True,
            capture_output=True,
        )
        assert b"goes on with version" in done.stdout
        shown = server.show()
        assert (shown["state"], shown["main"], shown["store"]) == ("running", main, held)
    assert "RELOADING=1" in said_by(server)
    # The first supervisor, the present one, its master, and two workers.
    eventually("nobody else is left", lambda: len(server.show()["processes"]) == 5)
    assert main in server.show()["processes"]
    alice.send("/quit\n")
    eventually("it is let go of", lambda: len(server.show()["store"]) == len(held) - 1)
    bob.until("alice")
    for pid in (server.master, main):
        os.kill(pid, signal.SIGKILL)
        bob.send("after\n")
        assert bob.line() == "bob : after"
        eventually("there is another one", partial(is_gone, server, pid))
    eventually("the manager knows the supervisor", server.is_whole)
    assert server.do("restart")["result"] == "success"
    bob.send("at last\n")
    assert bob.line() == "bob : at last"


def test_what_is_held_comes_and_goes_with_the_clients(server: Managed) -> None:
    own = server.show()["store"]
    assert sorted(own) == ["held adoption", "held listener 127.0.0.1%3a0 text"]
    alice, bob = two(server)
    eventually("both are held", lambda: len(server.show()["store"]) == len(own) + 2)
    server.do("restart")
    assert len(server.show()["store"]) == len(own) + 2
    alice.close()
    bob.until("alice")
    eventually("one is", lambda: len(server.show()["store"]) == len(own) + 1)


def test_a_master_that_steps_aside_unasked_is_followed_by_another(server: Managed) -> None:
    alice, bob = two(server)
    master = server.master
    os.kill(master, signal.SIGQUIT)
    server.successor_of(master)
    talk(alice, bob, "after")
    assert server.show()["result"] == "success"


def test_who_has_said_die_is_not_brought_back(server: Managed) -> None:
    done = subprocess.run(
        [CHATD, "stop", f"--runtime-dir={server.directory / 'chatd'}"],
        timeout=PATIENCE,
        check=True,
        capture_output=True,
    )
    assert b"stopped" in done.stdout
    eventually("it is dead", lambda: server.show()["state"] == "dead")


def test_a_broken_configuration_costs_nobody_the_server(server: Managed) -> None:
    alice, bob = two(server)
    port = server.port
    server.config.write_text("[limits]\nmax_clients = -2\n")
    for pid in stop_all(server):
        os.kill(pid, signal.SIGKILL)
    carol = Client(port)
    server.clients.append(carol)
    carol.greet()
    for one in (alice, bob):
        one.until("guest3 joined")
    talk(alice, bob, "after")


def test_a_master_that_cannot_start_is_waited_for_by_those_who_are_there(
    server: Managed,
) -> None:
    alice, bob = two(server)
    port = server.port
    state_dir = server.directory / "state"
    toggle_damage(state_dir)
    for pid in stop_all(server):
        os.kill(pid, signal.SIGKILL)
    eventually("it has been tried again", lambda: server.show()["restarts"] > 2)
    carol = Client(port)
    server.clients.append(carol)
    toggle_damage(state_dir)
    carol.greet()
    for one in (alice, bob):
        one.until("guest3 joined")
    talk(alice, bob, "after")


# What is chosen against


@pytest.mark.parametrize("mode", ["mixed", "control-group"])
def test_the_store_alone_keeps_the_connections_too(tmp_path: Path, mode: str) -> None:
    """KillMode=process is not needed for that, but workers are born again otherwise."""
    with managed(tmp_path, f"KillMode={mode}\nTimeoutStopSec=1s") as server:
        server.start()
        alice, bob = two(server)
        workers = server.workers()
        server.do("restart")
        talk(alice, bob, "after")
        assert not set(server.workers()) & set(workers)


# Socket activation


def passed_config(*more: str) -> str:
    return "\n".join(more) + "\n[history]\non_join = 0\n[limits]\nstop_timeout = 0.5\n"


def test_sockets_are_taken_by_name_or_address(tmp_path: Path) -> None:
    with managed(tmp_path) as server:
        host = "127.0.0.1"
        server.do("socket", name="irc", host=host, port=0)
        irc, text = server.do("socket", name="chatd.socket", host=host, port=0)["ports"]
        server.config.write_text(
            passed_config(
                f'[[listen]]\naddress = "{host}:{text}"',
                f'[[listen]]\naddress = "{host}:1"\ndialect = "irc"\nsocket = "irc"',
            )
        )
        server.start()
        shown = {one["address"]: one["dialect"] for one in server.ask("status")["listen"]}
        assert shown == {f"{host}:{text}": "text", f"{host}:{irc}": "irc"}
        server.connect("alice", text)
        assert all("listener" not in name for name in server.show()["store"]), "they are not ours"
        master = server.master
        os.kill(master, signal.SIGKILL)
        server.connect("bob", text)
        server.clients[0].until("bob")


def test_a_socket_that_fits_nothing_is_told(tmp_path: Path) -> None:
    with managed(tmp_path, "Restart=no") as server:
        port = server.do("socket", name="chatd.socket", host="127.0.0.1", port=0)["ports"][0]
        shown = server.do("start")
        assert (shown["state"], shown["result"]) == ("failed", "exit-code")
        assert (
            "chatd: passed by the service manager: the socket called chatd.socket fits no "
            f'[[listen]]; give one address = "127.0.0.1:{port}", or socket = "chatd.socket"\n'
        ) in server.log()
