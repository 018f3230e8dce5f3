"""Where things are kept, and which directories are refused."""

import os
from pathlib import Path

import pytest

from chatd_supervisor.paths import MAX_SOCKET_PATH, PathError, Paths, find, prepare


def found(**environ: str) -> tuple[str, str]:
    paths = find(None, None, environ)
    return str(paths.runtime_dir), str(paths.state_dir)


def test_what_is_named_goes_first() -> None:
    paths = find("/a", "/b", {"RUNTIME_DIRECTORY": "/r", "XDG_STATE_HOME": "/x"})
    assert paths == Paths(Path("/a"), Path("/b"))


def test_systemd_may_give_several_directories() -> None:
    environ = {"RUNTIME_DIRECTORY": "/run/chatd:/run/other", "STATE_DIRECTORY": "/var/lib/chatd"}
    assert found(**environ, XDG_RUNTIME_DIR="/x") == ("/run/chatd", "/var/lib/chatd")


def test_xdg_directories_are_shared_so_ours_is_below() -> None:
    assert found(XDG_RUNTIME_DIR="/x", XDG_STATE_HOME="/y") == ("/x/chatd", "/y/chatd")


def test_without_an_environment_there_is_a_place_all_the_same() -> None:
    runtime, state = found()
    user = os.getuid()
    assert runtime in (f"/run/user/{user}/chatd", f"/tmp/chatd-{user}")
    assert state == os.path.expanduser("~/.local/state/chatd")


def test_relative_xdg_directories_are_ignored() -> None:
    assert found(XDG_RUNTIME_DIR="run", XDG_STATE_HOME="state") == found()


def test_both_are_made_for_us_alone(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "a" / "r", tmp_path / "b" / "s")
    umask = os.umask(0)
    try:
        prepare(paths)
    finally:
        os.umask(umask)
    assert [directory.stat().st_mode & 0o777 for directory in paths] == [0o700, 0o700]
    prepare(paths)


def refused(paths: Paths) -> str:
    with pytest.raises(PathError) as raised:
        prepare(paths)
    return str(raised.value)


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = refused(Paths(tmp_path / "file", tmp_path / "s"))
    assert said == f"cannot make directory {tmp_path}/file: it is not a directory"
    said = refused(Paths(tmp_path / "file" / "r", tmp_path / "s"))
    assert said == f"cannot make directory {tmp_path}/file/r: Not a directory"


def test_a_runtime_directory_others_can_write_to_is_refused(tmp_path: Path) -> None:
    runtime = tmp_path / "r"
    runtime.mkdir()
    runtime.chmod(0o770)
    assert refused(Paths(runtime, tmp_path / "s")) == (
        f"{runtime} can be written by others; chmod 700 {runtime}"
    )


def test_a_runtime_directory_behind_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("real")
    assert "is a symbolic link" in refused(Paths(tmp_path / "link", tmp_path / "s"))


def test_a_path_too_long_for_a_socket_is_told_before_anything_is_made(tmp_path: Path) -> None:
    runtime = tmp_path / ("x" * MAX_SOCKET_PATH)
    said = refused(Paths(runtime, tmp_path / "s"))
    assert "a Unix socket's path has at most 107 bytes" in said
    assert list(tmp_path.iterdir()) == []
