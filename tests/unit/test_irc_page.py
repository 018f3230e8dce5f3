"""chatd-irc(7) says what the tables of the irc dialect say."""

import re
from pathlib import Path

import pytest

from chatd_workers import capabilities as cap
from chatd_workers.dialects.irc.isupport import FIXED, tokens
from chatd_workers.dialects.irc.modes import ROOM_MODES, USER_MODES, Mode
from chatd_workers.dialects.irc.numerics import NUMERICS
from chatd_workers.dialects.irc.reader import VERBS
from chatd_workers.dialects.irc.refusals import REFUSALS, AsFail
from chatd_workers.problems import explain

PAGE = (Path(__file__).resolve().parents[2] / "man" / "chatd-irc.7").read_text("utf-8")


def items(heading: str, macro: str = "Sh") -> list[tuple[str, str]]:
    """Return the head of each item below ``heading``, and what stands below it, as words."""
    found = re.search(
        rf"^\.{macro} {heading}\n(.*?)(?=^\.S[hs] |\Z)", PAGE, re.MULTILINE | re.DOTALL
    )
    assert found, heading
    listed = found[1].partition("\n.El\n")[0]
    return [
        (head, " ".join(body.replace(r"\&", "").split()))
        for head, _, body in (part.partition("\n") for part in listed.split("\n.It ")[1:])
    ]


def sentence(summary: str) -> str:
    return summary[0].upper() + summary[1:] + "."


def test_every_command_with_its_usage_and_no_other() -> None:
    wanted = [
        (f"Ic {verb} Li {known.usage}" if known.usage else f"Ic {verb}", sentence(known.summary))
        for verb, known in VERBS.items()
    ]
    assert items("COMMANDS") == wanted


def test_every_capability_and_no_other() -> None:
    found = items("CAPABILITIES")
    assert [head for head, _ in found] == [f"Cm {name}" for name in cap.NAMES]
    assert all(body for _, body in found)


@pytest.mark.parametrize(
    ("heading", "modes"), [("Of rooms", ROOM_MODES), ("Of people", USER_MODES)]
)
def test_every_mode_and_no_other(heading: str, modes: dict[str, Mode]) -> None:
    wanted = [(f"Cm +{letter}", sentence(mode.summary)) for letter, mode in modes.items()]
    assert items(heading, "Ss") == wanted


def test_every_token_and_no_other() -> None:
    limits = tokens(
        network="x",
        nick_length=1,
        user_length=1,
        realname_length=1,
        channel_length=1,
        topic_length=1,
        kick_length=1,
        away_length=1,
        rooms_per_client=1,
        list_entries=1,
        accept_entries=1,
        monitor_entries=1,
        max_targets=1,
        history_lines=1,
    )
    wanted = []
    for token in limits:
        name, _, _ = token.partition("=")
        if name not in FIXED:
            wanted.append(f"Cm {name} Ns = Ns Ar ...")
        else:
            wanted.append(f"Cm {name}" + (f" Ns Li ={FIXED[name]}" if FIXED[name] else ""))
    found = items("LIMITS AND ISUPPORT")
    assert [head for head, _ in found] == wanted
    assert all(body for _, body in found)


def test_every_numeric_with_parameters_and_text_and_no_other() -> None:
    wanted = []
    for name, numeric in NUMERICS.items():
        words = [
            param if param in ("Channel", "O", "*") else f"<{param.strip(':.')}>"
            for param in numeric.parameters
        ]
        if numeric.parameters and numeric.parameters[-1].endswith("..."):
            words[-1] += "..."
        if numeric.text:
            words.append(f":{numeric.text}")
        wanted.append(f"{numeric.code} Ta {name} Ta {' '.join(words)}")
    assert [head for head, _ in items("NUMERICS")] == sorted(wanted)


def test_every_failure_with_its_sentence_and_no_other() -> None:
    wanted = [
        (f"{way.command.replace('{value}', '...')} {way.code}", explain(problem, "...", "..."))
        for problem, way in REFUSALS.items()
        if isinstance(way, AsFail)
    ]
    assert items("FAILURES") == wanted
