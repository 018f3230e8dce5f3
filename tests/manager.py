"""A stand-in for systemd with one unit, because PID 1 may be something else where tests run.

``python tests/manager.py UNIT DIRECTORY [PROGRAM ...]`` reads a unit file, and does with it what
systemd 252 does, as far as a service can tell: service.c, unit.c, kill.c and manager.c there, and
systemd.service(5), systemd.kill(5), sd_notify(3), sd_listen_fds(3). ``PROGRAM`` stands for the
first word of each command. It is asked over ``DIRECTORY/control`` by lines of JSON (``managed``).

What it does like systemd:

* It is the subreaper of all that it starts, so that "the unit's processes", a control group there,
  are its descendants here.
* NOTIFY_SOCKET with SCM_CREDENTIALS: whom NotifyAccess does not let speak is not heard. What was
  sent before a death is read before it is noticed.
* The store: FDSTORE, FDSTOREREMOVE, FDNAME, FDPOLL, FileDescriptorStoreMax; a file is in it once;
  it is emptied when the unit is inactive and no job waits. What is in it is passed after sockets.
* A restart is a stop, with RestartKillSignal, and a start. A signal is followed by SIGCONT.
* After the main process has gone, whoever is left is dealt with as KillMode says.
* WatchdogSec: WatchdogSignal, and TimeoutStopSec later SIGKILL. Restart=on-failure and others.

What it does not: sandboxes, users, limits, control groups, start limits, dependencies.
"""

import array
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Final

from chatd_supervisor.subreaper import become_subreaper
from descendants import descendants
from descriptor_store import DescriptorStore
from unit_file import Unit

HIGH: Final = 200
"""Where descriptors stay out of the way of those that are passed, which begin at 3."""

CLEAN: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)
"""Signals by which a process may end without that being a failure."""


class Manager:
    """The unit's life, as states and deadlines; one poll(2)."""

    def __init__(self, unit: Unit, directory: Path, program: list[str]) -> None:
        self.unit = unit
        self.directory = directory
        self.program = program
        self.state = "dead"
        self.result = "success"
        self.status = ""
        self.runtime_directory = directory / unit.get("RuntimeDirectory", "run")
        self.main = 0
        self.reloader = 0
        self.job = ""
        self.deadline: float | None = None
        self.watchdog: float | None = None
        self.restarts = 0
        self.sockets: list[tuple[str, socket.socket]] = []
        self.messages: list[list[str]] = []
        self.refused: list[list[str]] = []
        self.waiting: socket.socket | None = None
        self.forced = False
        self.notified = ""
        self.reload_result = 0
        self.log = os.open(directory / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.notify.bind(str(directory / "notify"))
        self.notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.control = socket.socket(socket.AF_UNIX)
        self.control.bind(str(directory / "control.new"))
        self.control.listen()
        os.rename(directory / "control.new", directory / "control")
        self.poll = select.poll()
        self.store = DescriptorStore(self.poll, unit.number("FileDescriptorStoreMax", 0))
        self.come, told = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        for one in (self.notify, self.control, self.come):
            self.poll.register(one, select.POLLIN)
        become_subreaper()

    # The loop

    def run(self) -> None:
        while True:
            times = [one for one in (self.deadline, self.watchdog) if one is not None]
            left = max(0.0, min(times) - time.monotonic()) * 1000 if times else None
            happened = dict(self.poll.poll(left))
            self.hear()  # before deaths are noticed: manager_setup_notify there
            if self.come in happened:
                os.read(self.come, 4096)
            self.reap()
            self.store.remove_hung_up(happened)
            now = time.monotonic()
            if self.deadline is not None and now >= self.deadline:
                self.deadline = None
                self.expire()
            if self.watchdog is not None and now >= self.watchdog:
                self.watchdog = None
                self.bite()
            if self.control.fileno() in happened:
                self.listen()

    # Processes

    def processes(self) -> list[int]:
        """Return the unit's processes."""
        return descendants(os.getpid())

    def spawn(self, command: list[str], more: dict[str, str], passed: list[int]) -> int:
        """Start ``command`` with ``passed`` from 3 on; it learns its own pid as LISTEN_PID."""
        environ = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "RUNTIME_DIRECTORY": str(self.runtime_directory),
            "STATE_DIRECTORY": str(self.directory / "state"),
            **self.unit.environment,
            **more,
        }
        words = [*(self.program or command[:1]), *command[1:]]
        if passed:
            words = ["/bin/sh", "-c", 'export LISTEN_PID=$$; exec "$0" "$@"', *words]
        null = os.open(os.devnull, os.O_RDWR)
        # First of all out of the way, for a source may be where another one is to be.
        sources = [
            fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, HIGH)
            for one in (null, self.log, self.log, *passed)
        ]
        actions = [(os.POSIX_SPAWN_DUP2, source, place) for place, source in enumerate(sources)]
        try:
            return os.posix_spawn(words[0], words, environ, file_actions=actions, setsid=True)
        finally:
            for one in (null, *sources):
                os.close(one)

    def signal(self, number: int, *, others: bool) -> None:
        """Send ``number``, and SIGCONT after it, to the main process, and to ``others``, too."""
        whom = {self.main} - {0} | (set(self.processes()) - {self.reloader} if others else set())
        for pid in whom:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
                if number != signal.SIGKILL:
                    os.kill(pid, signal.SIGCONT)

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not pid:
                break
            if pid == self.main:
                self.main = 0
                self.main_ended(os.waitstatus_to_exitcode(status))
            elif pid == self.reloader:
                self.reloader = 0
                self.reloaded(os.waitstatus_to_exitcode(status))
        if self.state in ("final-sigterm", "stop-sigkill") and not self.left():
            self.enter_dead()

    def left(self) -> list[int]:
        """Return the processes whose end is waited for."""
        mode = self.unit.get("KillMode", "control-group")
        return [] if mode == "process" else self.processes()

    # States

    def start(self) -> None:
        self.runtime_directory.mkdir(exist_ok=True, mode=0o755)
        (self.directory / "state").mkdir(exist_ok=True, mode=0o700)
        passed = [(name, one.fileno()) for name, one in self.sockets]
        passed += self.store.named()
        more = {"NOTIFY_SOCKET": str(self.directory / "notify")}
        if self.unit.get("WatchdogSec"):
            more["WATCHDOG_USEC"] = str(round(self.unit.seconds("WatchdogSec", 0) * 1e6))
        if passed:
            more["LISTEN_FDS"] = str(len(passed))
            more["LISTEN_FDNAMES"] = ":".join(name for name, _ in passed)
        self.result, self.forced = "success", False
        self.main = self.spawn(self.unit.command("ExecStart"), more, [one for _, one in passed])
        self.enter("start", self.unit.seconds("TimeoutStartSec", 90.0))

    def enter(self, state: str, seconds: float | None = None) -> None:
        """Be in ``state``, for ``seconds`` at most."""
        self.state = state
        self.deadline = None if seconds is None else time.monotonic() + seconds

    def enter_running(self) -> None:
        self.enter("running")
        if self.watchdog is None:
            self.feed()
        self.done("start")

    def feed(self) -> None:
        seconds = self.unit.seconds("WatchdogSec", 0)
        self.watchdog = time.monotonic() + seconds if seconds else None

    def stop(self) -> None:
        """service_enter_signal(STOP_SIGTERM)."""
        self.watchdog = None
        number = self.unit.signal("KillSignal", signal.SIGTERM)
        if self.job == "restart":
            number = self.unit.signal("RestartKillSignal", number)
        self.signal(number, others=self.unit.get("KillMode", "control-group") == "control-group")
        self.enter("stop-sigterm", self.unit.seconds("TimeoutStopSec", 90.0))
        if not self.main:
            self.enter_final()

    def bite(self) -> None:
        """The watchdog was not fed."""
        self.fail("watchdog")
        others = self.unit.get("KillMode", "control-group") == "control-group"
        self.signal(self.unit.signal("WatchdogSignal", signal.SIGABRT), others=others)
        self.enter("stop-watchdog", self.unit.seconds("TimeoutStopSec", 90.0))

    def expire(self) -> None:
        """A state has lasted too long."""
        if self.state == "auto-restart":
            self.restarts += 1
            self.start()
        elif self.state in ("stop-sigterm", "stop-watchdog", "final-sigterm", "start"):
            self.fail("timeout")
            self.signal(signal.SIGKILL, others=self.unit.get("KillMode") != "process")
            self.enter("stop-sigkill", self.unit.seconds("TimeoutStopSec", 90.0))

    def fail(self, result: str) -> None:
        if self.result == "success":
            self.result = result

    def main_ended(self, code: int) -> None:
        fine = {0} | self.unit.statuses("SuccessExitStatus") | {-number for number in CLEAN}
        if code not in fine:
            self.fail("exit-code" if code > 0 else "signal")
        self.forced = code in self.unit.statuses("RestartForceExitStatus")
        self.watchdog = None
        self.enter_final()

    def enter_final(self) -> None:
        """The main process has gone: see to those that are left."""
        mode = self.unit.get("KillMode", "control-group")
        if mode == "control-group":
            self.signal(signal.SIGTERM, others=True)
        elif mode == "mixed":
            self.signal(signal.SIGKILL, others=True)
        self.enter("final-sigterm", self.unit.seconds("TimeoutStopSec", 90.0))

    def enter_dead(self) -> None:
        restart = self.job == "restart"
        policy = self.unit.get("Restart", "no")
        wanted = self.forced or policy == "always"
        wanted |= policy == "on-failure" and self.result != "success"
        automatic = wanted and not restart and self.job != "stop"
        preserve = self.unit.get("RuntimeDirectoryPreserve", "no")
        if preserve != "yes" and not (preserve == "restart" and (restart or automatic)):
            shutil.rmtree(self.runtime_directory, ignore_errors=True)
        if restart:
            self.job = "start"
            self.start()
        elif automatic:
            self.enter("auto-restart", self.unit.seconds("RestartSec", 0.1))
        else:
            self.enter("dead" if self.result == "success" else "failed")
            self.store.clear()
            self.done("stop")
            self.done("start")

    # What the service says

    def hear(self) -> None:
        while True:
            try:
                data, ancillary, _, _ = self.notify.recvmsg(
                    4096, socket.CMSG_SPACE(64 * 4) + socket.CMSG_SPACE(12), socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                return
            pid, descriptors = 0, array.array("i")
            for _, kind, value in ancillary:
                if kind == socket.SCM_RIGHTS:
                    descriptors.frombytes(value[: len(value) - len(value) % 4])
                elif kind == socket.SCM_CREDENTIALS:
                    pid = struct.unpack("3i", value)[0]
            lines = data.decode().split("\n")
            access = self.unit.get("NotifyAccess", "main")
            if pid == self.main or (access == "all" and pid in self.processes()):
                self.messages.append(lines)
                self.take(dict(line.split("=", 1) for line in lines if "=" in line), descriptors)
            else:
                self.refused.append(lines)
            for descriptor in descriptors:
                os.close(descriptor)

    def take(self, said: dict[str, str], descriptors: "array.array[int]") -> None:
        """service_notify_message()."""
        if "MAINPID" in said and int(said["MAINPID"]) in self.processes():
            self.main = int(said["MAINPID"])
        if said.get("READY") == "1" and self.state in ("start", "reload"):
            if self.state == "start" or not self.reloader:
                self.enter_running()
            self.notified = "ready"
        if said.get("RELOADING") == "1":
            self.notified = "reloading"
            if self.state == "running":
                self.enter("reload", self.unit.seconds("TimeoutStartSec", 90.0))
        if said.get("STOPPING") == "1" and self.state == "running":
            self.enter("stop-sigterm", self.unit.seconds("TimeoutStopSec", 90.0))
        if "EXTEND_TIMEOUT_USEC" in said and self.deadline is not None:
            extended = time.monotonic() + int(said["EXTEND_TIMEOUT_USEC"]) / 1e6
            self.deadline = max(self.deadline, extended)
        self.status = said.get("STATUS", self.status)
        if said.get("WATCHDOG") == "1" and self.watchdog is not None:
            self.feed()
        name = said.get("FDNAME", "stored")
        if said.get("FDSTOREREMOVE") == "1":
            self.store.remove(name)
        elif said.get("FDSTORE") == "1":
            for descriptor in descriptors:
                self.store.add(name, descriptor, polled=said.get("FDPOLL") != "0")

    # What the administrator says

    def listen(self) -> None:
        """Take one request; the answer comes when the job is done."""
        asking, _ = self.control.accept()
        with asking.makefile() as asked:
            request = json.loads(asked.readline())
        if request["do"] == "show":
            self.answer(asking)
            return
        self.waiting = asking
        match request["do"]:
            case "socket":
                bound = socket.create_server((request["host"], request["port"]))
                bound.setblocking(False)
                self.sockets.append((request["name"], bound))
                self.done("")
            case "start":
                self.job = "start"
                self.start()
            case "stop" | "restart" as job if self.state in ("dead", "failed", "auto-restart"):
                self.job = "start" if job == "restart" else "stop"
                self.start() if job == "restart" else self.enter_dead()
            case "stop" | "restart" as job:
                self.job = job
                self.stop()
            case "reload":
                self.job = "reload"
                self.notified = ""
                self.enter("reload", self.unit.seconds("TimeoutStartSec", 90.0))
                more = {"MAINPID": str(self.main)}
                self.reloader = self.spawn(self.unit.command("ExecReload"), more, [])

    def reloaded(self, code: int) -> None:
        if self.notified != "reloading":
            self.enter("running")
        self.reload_result = code
        self.done("reload")

    def done(self, job: str) -> None:
        """Answer whoever waits for ``job``."""
        if self.job != job and job:
            return
        self.job = ""
        if self.waiting is not None:
            waiting, self.waiting = self.waiting, None
            self.answer(waiting)

    def answer(self, asking: socket.socket) -> None:
        shown = {
            name: getattr(self, name)
            for name in ("state", "result", "status", "main", "restarts", "messages", "refused")
        }
        shown |= {
            "store": [name for name, _ in self.store.named()],
            "processes": self.processes(),
            "ports": [one.getsockname()[1] for _, one in self.sockets],
            "reload_result": self.reload_result,
        }
        with asking, contextlib.suppress(BrokenPipeError):
            asking.sendall(json.dumps(shown).encode() + b"\n")


def main(arguments: list[str]) -> None:
    unit, directory, *program = arguments
    Manager(Unit(Path(unit)), Path(directory), program).run()


if __name__ == "__main__":
    main(sys.argv[1:])
