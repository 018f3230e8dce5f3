"""Build the Debian package: ``.venv/bin/python packaging/debian/build.py [DIRECTORY]``.

The package brings a virtual environment, ``/usr/lib/chatd``, which Debian's own Python runs, with
chatd and what it depends on: copied from the environment that runs this script, where it was
installed from ``tests/requirements.lock`` by hash. Debian 12 has none of it new enough, and nothing
is downloaded here. Why not dh-virtualenv or pybuild: this is one file, needs dpkg-deb alone, and
makes the same bytes from the same commit.

It is for the machine's architecture and for the minor version of Python that runs this script.
"""

import argparse
import compileall
import gzip
import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from email.utils import formatdate
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "packaging"
ENVIRONMENT = Path("usr/lib/chatd")
MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"

COMMANDS = {
    "chatd": "chatd_supervisor.cli",
    "chat-client": "chatd_client.cli",
}

SHELLS = {
    "bash": "usr/share/bash-completion/completions/{}",
    "zsh": "usr/share/zsh/vendor-completions/_{}",
    "fish": "usr/share/fish/vendor_completions.d/{}.fish",
}

UNITS = ("chatd.service", "chatd.socket")

FOREIGN = ("bin", "tests", "__pycache__")
"""Directories of dependencies that are left out."""


def main() -> None:
    """Build it, and print where it is."""
    parser = argparse.ArgumentParser(description="Build the Debian package of chatd.")
    parser.add_argument("directory", nargs="?", default=ROOT / "dist", type=Path)
    options = parser.parse_args()
    # The same bytes from the same commit.
    moment = _output("git", "-C", str(ROOT), "log", "-1", "--format=%ct") or "0"
    os.environ.setdefault("SOURCE_DATE_EPOCH", moment)
    os.umask(0o022)
    options.directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch, "tree")
        version = install(Path(scratch), tree)
        integrate(tree)
        document(tree, version)
        control(tree, version)
        architecture = _output("dpkg", "--print-architecture")
        package = options.directory / f"chatd_{version}_{architecture}.deb"
        # Not xz: four times slower, for a third less.
        run("dpkg-deb", "-Zgzip", "--root-owner-group", "--build", str(tree), str(package))
    print(package)


# What is in it


def install(scratch: Path, tree: Path) -> str:
    """Make the environment in ``tree``; return the version of chatd in it."""
    site = tree / ENVIRONMENT / "lib" / f"python{MINOR}" / "site-packages"
    site.mkdir(parents=True)
    binaries = tree / ENVIRONMENT / "bin"
    binaries.mkdir()
    (binaries / "python3").symlink_to(f"/usr/bin/python{MINOR}")
    (tree / ENVIRONMENT / "pyvenv.cfg").write_text(
        f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {MINOR}\n"
    )
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(scratch))
    (wheel,) = scratch.glob("chatd-*.whl")
    zipfile.ZipFile(wheel).extractall(site)
    shutil.rmtree(next(site.glob("chatd-*.data")))
    for one in dependencies("chatd"):
        copy(one, site)
    # For good: nobody who runs it may write there. By hash, unchecked: dpkg sets the times.
    done = compileall.compile_dir(
        site,
        quiet=1,
        stripdir=str(tree),
        prependdir="/",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    assert done, "it compiles"
    programs = tree / "usr" / "bin"
    programs.mkdir(parents=True)
    for command, module in COMMANDS.items():
        script = binaries / command
        script.write_text(
            f"#!/{ENVIRONMENT}/bin/python3 -P\nimport sys\n\nfrom {module} import main\n\n"
            f"sys.exit(main(prog_name={command!r}))\n"
        )
        script.chmod(0o755)
        (programs / command).symlink_to(f"../lib/chatd/bin/{command}")
    return wheel.name.split("-")[1]


def dependencies(name: str, seen: set[str] | None = None) -> Iterator[Distribution]:
    """Yield all that ``name`` needs at run time, each once."""
    seen = set() if seen is None else seen
    for text in distribution(name).requires or []:
        requirement = Requirement(text)
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if wanted and requirement.name not in seen:
            seen.add(requirement.name)
            yield distribution(requirement.name)
            yield from dependencies(requirement.name, seen)


def copy(one: Distribution, site: Path) -> None:
    """Copy the files of a distribution, but for what nobody imports."""
    for file in one.files or []:
        parts = file.parts
        if ".." in parts or set(parts[:-1]) & set(FOREIGN) or file.name == "direct_url.json":
            continue
        target = site.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(file.locate()), target)


def integrate(tree: Path) -> None:
    """Put in what the system is to find: units, user, directories, configuration, completion."""
    for name in UNITS:
        put(HERE / "systemd" / name, tree / "usr/lib/systemd/system" / name)
    for kind in ("sysusers", "tmpfiles"):
        put(HERE / "systemd" / f"{kind}.conf", tree / f"usr/lib/{kind}.d/chatd.conf")
    put(HERE / "chatd.toml", tree / "etc/chatd/chatd.toml")
    for command in COMMANDS:
        for shell, place in SHELLS.items():
            variable = f"_{command.replace('-', '_').upper()}_COMPLETE"
            environ = {**os.environ, variable: f"{shell}_source"}
            script = subprocess.run(
                [str(Path(sys.executable).with_name(command))],
                env=environ,
                stdout=subprocess.PIPE,
                check=True,
                timeout=60,
            ).stdout
            assert command.encode() in script, f"completion of {command} for {shell}"
            target = tree / place.format(command)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(script)


def document(tree: Path, version: str) -> None:
    """Put in the manual pages, and what Debian asks for."""
    for page in (ROOT / "man").iterdir():
        pack(page.read_bytes(), tree / f"usr/share/man/man{page.suffix[1:]}/{page.name}.gz")
    documents = tree / "usr/share/doc/chatd"
    put(HERE / "debian" / "copyright", documents / "copyright")
    put(ROOT / "README.md", documents / "README.md")
    put(HERE / "openrc" / "chatd", documents / "examples" / "openrc" / "chatd")
    pack((ROOT / "CHANGELOG.md").read_bytes(), documents / "NEWS.gz")
    date = formatdate(int(os.environ["SOURCE_DATE_EPOCH"]))
    entry = (
        f"chatd ({version}) unstable; urgency=medium\n\n  * See NEWS.gz.\n\n"
        f" -- chatd contributors <chatd@localhost>  {date}\n"
    )
    pack(entry.encode(), documents / "changelog.gz")


def control(tree: Path, version: str) -> None:
    """Write what dpkg goes by."""
    directory = tree / "DEBIAN"
    directory.mkdir()
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file()) // 1024
    major, minor = sys.version_info[:2]
    fields = (HERE / "debian" / "control").read_text("utf-8")
    (directory / "control").write_text(
        fields.format(
            version=version,
            architecture=_output("dpkg", "--print-architecture"),
            size=size,
            python=f"python3 (>= {MINOR}), python3 (<< {major}.{minor + 1}), python{MINOR}",
        ),
        "utf-8",
    )
    (directory / "conffiles").write_text("/etc/chatd/chatd.toml\n")
    for name in ("postinst", "prerm", "postrm"):
        put(HERE / "debian" / name, directory / name)
        (directory / name).chmod(0o755)


def put(source: Path, target: Path) -> None:
    """Copy a file, to be read by everybody."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o644)


def pack(data: bytes, target: Path) -> None:
    """Write ``data`` compressed, without the time."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(data, mtime=0))


def run(*command: str) -> None:
    """Run a command in the repository, silently unless it fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def _output(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
