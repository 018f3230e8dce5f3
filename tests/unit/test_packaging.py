"""The package as a whole: who imports whom, what is locked, what is installed."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

MAY_IMPORT = {
    "chatd_supervisor": {"chatd_supervisor", "chatd_workers"},
    "chatd_workers": {"chatd_workers"},
    "chatd_client": {"chatd_client", "chatd_workers"},
}
SHARED_WITH_CLIENTS = {
    "chatd_workers",
    "chatd_workers.config_file",
    "chatd_workers.config_keys",
    "chatd_workers.dialects.irc.grammar",
    "chatd_workers.dialects.irc.timestamps",
    "chatd_workers.names",
    "chatd_workers.saslprep",
    "chatd_workers.titles",
    "chatd_workers.truncation",
}
SOURCES = {"chatd_supervisor": "supervisor", "chatd_workers": "workers", "chatd_client": "client"}

PURE = (
    "workers/chatd_workers/config_keys.py",
    "workers/chatd_workers/framing.py",
    "workers/chatd_workers/identifiers.py",
    "workers/chatd_workers/names.py",
    "workers/chatd_workers/saslprep.py",
    "workers/chatd_workers/titles.py",
    "workers/chatd_workers/capabilities.py",
    "workers/chatd_workers/commands/*.py",
    "workers/chatd_workers/events/*.py",
    "workers/chatd_workers/dialects/**/*.py",
    "supervisor/chatd_supervisor/bans.py",
    "supervisor/chatd_supervisor/hub/*.py",
    "supervisor/chatd_supervisor/lookalikes.py",
    "supervisor/chatd_supervisor/networks.py",
    "supervisor/chatd_supervisor/origins.py",
    "supervisor/chatd_supervisor/penalties.py",
    "supervisor/chatd_supervisor/rates.py",
    "supervisor/chatd_supervisor/records.py",
    "supervisor/chatd_supervisor/redaction.py",
    "supervisor/chatd_supervisor/rooms.py",
    "supervisor/chatd_supervisor/state.py",
    "supervisor/chatd_supervisor/restarts.py",
    "supervisor/chatd_supervisor/accounts.py",
    "supervisor/chatd_supervisor/credentials.py",
    "supervisor/chatd_supervisor/sasl.py",
    "client/chatd_client/irc/*.py",
    "client/chatd_client/backoff.py",
    "client/chatd_client/beginning.py",
    "client/chatd_client/dialogue.py",
    "client/chatd_client/memory.py",
    "client/chatd_client/news.py",
    "client/chatd_client/orders.py",
    "client/chatd_client/plain.py",
)

LONGEST = 400
"""Lines of a module, beyond which it has become two."""


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def modules(package: str) -> list[Path]:
    return sorted((ROOT / SOURCES[package] / package).rglob("*.py"))


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            found.add(node.module or "")
    return found


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=30
    ).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name]


@pytest.mark.parametrize("package", SOURCES)
def test_packages_import_only_whom_they_may(package: str) -> None:
    for path in modules(package):
        ours = {name for name in imports(path) if name.split(".")[0] in SOURCES}
        assert {name.split(".")[0] for name in ours} <= MAY_IMPORT[package], path
        if package == "chatd_client":
            theirs = {name for name in ours if name.startswith("chatd_workers")}
            assert theirs <= SHARED_WITH_CLIENTS, path


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_know_no_world(name: str) -> None:
    found = list(ROOT.glob(name))
    assert found
    for path in found:
        world = {"socket", "os", "time", "asyncio", "select", "subprocess"}
        assert not imports(path) & world, path


@pytest.mark.parametrize("package", SOURCES)
def test_modules_do_one_thing(package: str) -> None:
    for path in modules(package):
        assert len(path.read_text("utf-8").splitlines()) <= LONGEST, path


@pytest.mark.parametrize("package", SOURCES)
def test_packages_are_typed(package: str) -> None:
    assert (ROOT / SOURCES[package] / package / "py.typed").is_file()


def test_every_man_page_is_installed_in_its_section() -> None:
    shared = project()["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert shared == {
        f"man/{page.name}": f"share/man/man{page.name[-1]}/{page.name}"
        for page in (ROOT / "man").iterdir()
    }


def requirements(group: str) -> list[str]:
    """Return what chatd itself needs, its build, and what a dependency group names."""
    table = project()
    wanted: list[str] = [*table["project"]["dependencies"], *table["build-system"]["requires"]]
    groups = [group]
    while groups:
        for one in table["dependency-groups"][groups.pop()]:
            if isinstance(one, str):
                wanted.append(one)
            else:
                groups.append(one["include-group"])
    return wanted


LOCKS = {"build": "supervisor/requirements.lock", "dev": "tests/requirements.lock"}
"""What each dependency group is locked by, together with what chatd itself needs."""


def pinned(name: str) -> dict[str, str]:
    lock = (ROOT / name).read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==([0-9][^ ]*)", lock, re.MULTILINE))


@pytest.mark.parametrize("group", LOCKS)
def test_a_lock_pins_everything_that_is_required(group: str) -> None:
    versions = pinned(LOCKS[group])
    for requirement in requirements(group):
        match = re.fullmatch(r"([a-z0-9-]+)>=([0-9.]+)", requirement)
        assert match, requirement
        name, oldest = match.groups()
        assert name in versions, f"{name} is not locked"
        assert numbers(versions[name]) >= numbers(oldest), requirement
    assert (ROOT / LOCKS[group]).read_text("utf-8").count("--hash=sha256:") >= len(versions)


def test_the_tests_add_to_what_the_server_has_and_change_nothing_of_it() -> None:
    server, tests = pinned(LOCKS["build"]), pinned(LOCKS["dev"])
    assert server.items() < tests.items()
    named = {re.split(">=", each)[0] for each in requirements("dev")}
    # Whatever tests the server it does without.
    assert named & server.keys() == {re.split(">=", each)[0] for each in requirements("build")}


def numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


@pytest.mark.parametrize("name", LOCKS.values())
def test_a_lock_names_no_place(name: str) -> None:
    lock = (ROOT / name).read_text("utf-8")
    assert "://" not in lock
    assert not re.search(
        r"^\s*--?(index|extra-index|find-links|trusted|i\b|f\b)", lock, re.MULTILINE
    )


def test_no_file_names_a_package_index() -> None:
    # In pieces, so that this file does not name one either.
    needles = [
        f"py{'pi'}.org",
        f"python{'hosted'}.org",
        f"extra{'-index'}-url =",
        f"find{'-links'} =",
    ]
    for path in tracked():
        text = path.read_bytes().decode("utf-8", "replace")
        assert not [needle for needle in needles if needle in text], path


def test_no_uv_lock_is_tracked() -> None:
    assert not [path for path in tracked() if path.name == "uv.lock"]
