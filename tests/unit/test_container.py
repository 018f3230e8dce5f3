"""The container file, judged without an engine; packaging/debian/try runs what it says."""

import json
import re

import pytest

from chatd_supervisor.cli import main
from chatd_supervisor.config import load
from harness import ROOT

DIRECTORY = ROOT / "packaging" / "container"

FORMS = {
    "FROM": r"debian:12-slim( AS \w+)?",
    "RUN": r".+",
    "COPY": r"(--from=\w+ )?\S+ /\S+",
    "WORKDIR": r"/\S+",
    "USER": r"[1-9]\d*:[1-9]\d*",
    "VOLUME": r"/\S+",
    "EXPOSE": r"\d+",
    "STOPSIGNAL": r"SIG[A-Z]+",
    "HEALTHCHECK": r"CMD \[.*\]",
    "ENTRYPOINT": r"\[.*\]",
    "CMD": r"\[.*\]",
}
"""What is used of Containerfile(5), and how."""


def instructions() -> list[tuple[str, str]]:
    text = (DIRECTORY / "Containerfile").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]


def last(instruction: str) -> str:
    return [rest for name, rest in instructions() if name == instruction][-1]


def test_every_instruction_is_one_and_has_its_form() -> None:
    for name, rest in instructions():
        assert re.fullmatch(FORMS[name], rest), f"{name} {rest}"


def test_what_is_copied_is_there() -> None:
    stages = re.findall(r"AS (\w+)", " ".join(rest for name, rest in instructions()))
    for name, rest in instructions():
        if name == "COPY" and not rest.startswith("--from="):
            assert (ROOT / rest.split()[0]).exists(), rest
        elif name == "COPY":
            assert rest.split()[0].removeprefix("--from=") in stages


@pytest.mark.parametrize("instruction", ["ENTRYPOINT", "CMD"])
def test_no_shell_stands_between_the_engine_and_chatd(instruction: str) -> None:
    assert all(isinstance(word, str) for word in json.loads(last(instruction)))


def test_it_is_an_ordinary_user_whose_number_is_made_before() -> None:
    number = last("USER").split(":")[0]
    assert any(f"--uid {number} " in rest for name, rest in instructions() if name == "RUN")


def test_the_command_is_one_of_chatd() -> None:
    command, *options = json.loads(last("CMD"))
    known = {option for param in main.commands[command].params for option in param.opts}
    assert json.loads(last("ENTRYPOINT")) == ["chatd"]
    assert set(options) <= known


def test_what_is_published_is_listened_on() -> None:
    config = load(DIRECTORY / "chatd.toml", {})
    assert [one.address for one in config.listen] == [f":{last('EXPOSE')}"]
    assert config.server.state_dir == last("VOLUME")
