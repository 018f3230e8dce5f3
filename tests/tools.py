"""What the tests need of the machine beside Python, and which of them: one table.

The tests look from outside, with ``ps``, ``ss``, ``strace``, and drive real clients. A bare machine
has none of these. ``python3 tests`` (``see_to_it``) installs them as root, and says so; any other
user is told the one command that would. Tests that need what is missing then are not run, and the
end of the output says so (``not_run``). With CI set in the environment, as whatever runs tests by
itself sets it, everything has to be there.

Standard library only, for it runs before ``.venv`` is made. Run as a program it installs those of
the commands named, or of all that tests need, which are missing, or exits with 69.
"""

import os
import shutil
import subprocess
import sys
from typing import Final

PACKAGES: Final = {
    "catgirl": "catgirl",
    "cc": "gcc libc6-dev",
    "debootstrap": "debootstrap",
    "gdb": "gdb",
    "git": "git",
    "irssi": "irssi",
    "mandoc": "mandoc",
    "nc": "netcat-openbsd",
    "ngircd": "ngircd",
    "openssl": "openssl",
    "pgrep": "procps",
    "ps": "procps",
    "ss": "iproute2",
    "strace": "strace",
    "supybot": "limnoria",
    "systemd-analyze": "systemd",
    "systemd-sysusers": "systemd",
    "systemd-tmpfiles": "systemd",
    "tmux": "tmux",
    "weechat": "weechat-curses",
}
"""A command, and what brings it in Debian. Some are needed by ``.ci/run`` alone."""

TERMINALS: Final = "terminals"
"""What is no command: pseudo-terminals (pts(4)), which a chroot without /dev/pts has none of."""

NEEDS: Final = {
    "process/test_account.py": "terminals",
    "process/test_authentication.py": "openssl ps",
    "process/test_bootstrap.py": "git",
    "process/test_certificate_ends.py": "openssl",
    "process/test_chat.py::test_on_ipv6_and_on_several_addresses": "ps",
    "process/test_chat.py::test_two_nc_and_the_labs_client_talk": "nc",
    "process/test_client.py": "terminals",
    "process/test_client_elsewhere.py": "ngircd terminals",
    "process/test_client_ends.py": "terminals",
    "process/test_client_habits.py": "terminals tmux",
    "process/test_client_tls.py": "openssl",
    "process/test_deadly_reports.py": "strace",
    "process/test_debugging_page.py": "gdb pgrep ps ss strace",
    "process/test_hostile_offers.py": "ps",
    "process/test_inspect.py::test_the_offsets_and_the_socket_are_what_the_kernel_counts": "ss",
    "process/test_irc_clients.py": "openssl",
    "process/test_irc_clients.py::test_a_person_chats": "irssi openssl terminals tmux weechat",
    "process/test_irc_nicks.py": "openssl",
    "process/test_irc_nicks.py::test_it_takes_the_nick": "openssl terminals tmux weechat",
    "process/test_irc_nicks.py::test_who_logs_in_is_called_as_its_account[catgirl": (
        "catgirl openssl terminals tmux"
    ),
    "process/test_irc_nicks.py::test_who_logs_in_is_called_as_its_account[limnoria": (
        "openssl supybot"
    ),
    "process/test_irc_nicks.py::test_who_logs_in_is_called_as_its_account[weechat": (
        "openssl terminals tmux weechat"
    ),
    "process/test_irc_tls.py": "openssl",
    "process/test_kills.py": "ps",
    "process/test_last_good.py": "openssl",
    "process/test_limits.py::test_tcp_asks_whether_a_silent_client_is_there": "ss",
    "process/test_master_kills.py": "ps",
    "process/test_metrics.py::test_http_is_served_by_a_process_of_its_own": "ps",
    "process/test_newcomers_after_a_death.py": "strace",
    "process/test_passwords.py": "ps",
    "process/test_power_loss.py": "cc",
    "process/test_processes.py": "ps ss",
    "process/test_proxy.py": "openssl ps",
    "process/test_screen": "terminals tmux",
    "process/test_stacks.py": "openssl",
    "process/test_successions.py::test_a_signal_while_all_is_passed_on_is_heeded": "strace",
    "process/test_supervised_births.py": "openssl ps strace",
    "process/test_supervisor.py::test_all_are_one_tree_of_two_processes_more_than_clients": "ps",
    "process/test_taken_over_tls.py": "openssl",
    "process/test_tls.py": "openssl ps",
    "process/test_top.py": "terminals",
    "process/test_unix_sockets.py::test_nc_is_a_client_and_gets_the_last_words": "nc",
    "process/test_unix_sockets.py::test_people_talk_over_a_unix_socket_and_tcp": "ps",
    "unit/test_packaging.py": "git",
    "unit/test_tls.py": "openssl",
    "unit/test_units.py": "systemd-analyze systemd-sysusers systemd-tmpfiles",
}
"""Which tests need which; the longest beginning of a test's name below ``tests/`` counts.

A test that runs one of these commands and does not say so here fails, on any machine.
"""

UNAVAILABLE: Final = 69


def needed(test: str) -> set[str]:
    """Return the commands that ``test``, a node id of pytest below ``tests/``, needs."""
    found = [beginning for beginning in NEEDS if test.startswith(beginning)]
    return set(NEEDS[max(found, key=len)].split()) if found else set()


def all_needed() -> list[str]:
    """Return whatever any test needs."""
    return sorted({each for these in NEEDS.values() for each in these.split()})


def missing(wanted: list[str] | None = None) -> list[str]:
    """Return what this machine lacks of ``wanted``, by default of whatever any test needs."""
    # Where Debian has system administrators' commands, which are not on everybody's PATH.
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    return [
        each
        for each in (all_needed() if wanted is None else wanted)
        if not (_has_terminals() if each == TERMINALS else shutil.which(each, path=path))
    ]


def _has_terminals() -> bool:
    try:
        for end in os.openpty():
            os.close(end)
    except OSError:
        return False
    return True


def remedy(lacking: list[str]) -> str:
    """Return the commands by which root would have what is ``lacking``."""
    packages = sorted({each for one in lacking for each in PACKAGES.get(one, "").split()})
    commands = []
    if packages:
        commands.append(f"apt-get install --no-install-recommends {' '.join(packages)}")
    if TERMINALS in lacking:
        commands.append("mount -t devpts -o ptmxmode=666 devpts /dev/pts")
    return " && ".join(commands)


def see_to_it(wanted: list[str] | None = None) -> list[str]:
    """Install what is missing if this is root, on Debian; say so, or what to do; return the rest.

    Nothing is mounted: what terminals there are is the machine's business.
    """
    lacking = missing(wanted)
    packages = [one for one in lacking if one in PACKAGES]
    if packages and os.geteuid() == 0 and shutil.which("apt-get"):
        _install(remedy(packages))
        lacking = missing(wanted)
    if lacking:
        print(
            f"chatd: not here: {', '.join(lacking)}; tests that need it are not run\n"
            f"chatd: as root: {remedy(lacking)}",
            file=sys.stderr,
        )
    return lacking


def _install(command: str) -> None:
    print(f"chatd: the tests need more than is here: {command}", file=sys.stderr)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for each in (["apt-get", "-qq", "update"], [*command.split(), "-qq", "-y"]):
        # dpkg tells of every package on its output.
        done = subprocess.run(each, env=environ, stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            print(f"chatd: `{' '.join(each)}` failed", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(UNAVAILABLE if see_to_it(sys.argv[1:] or None) else 0)
