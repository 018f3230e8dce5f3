"""AWAY, SETNAME and MONITOR: what is told to whom, in lines."""

import pytest

from hub_lines import SERVER, Lines

HER = ":alice!~al@10.0.0.1"
HERS = "alice!~al@10.0.0.1"
EVERYTHING = "away-notify setname account-notify extended-monitor"


@pytest.fixture
def lines() -> Lines:
    """Alice (1), bob (2), and carol (3), who is on nc; bob is told everything of his neighbours."""
    lines = Lines(away_length=10, realname_length=12, monitor_entries=3)
    lines.irc("alice")
    lines.irc("bob", EVERYTHING)
    lines.text("carol")
    return lines


def test_away_and_back(lines: Lines) -> None:
    assert lines.send(1, "AWAY :lunch") == ["306 alice :You have been marked as being away"]
    assert lines.send(1, "AWAY") == ["305 alice :You are no longer marked as being away"]
    assert lines.send(1, "AWAY :") == ["305 alice :You are no longer marked as being away"]


def test_who_writes_to_somebody_away_is_told_why(lines: Lines) -> None:
    lines.send(1, "AWAY :not here at all")
    assert lines.send(2, "PRIVMSG alice :hello") == ["301 bob alice :not here a"]
    assert lines.send(2, "NOTICE alice :hello") == []
    assert lines.send(2, "PRIVMSG carol :hello") == []
    assert lines.send(3, "/msg alice hello") == [
        "[carol -> alice] hello",
        "--- alice is away: not here a",
    ]
    assert lines.send(3, "/away tea \x1b") == ["--- you are away now: tea \ufffd"]
    assert lines.send(1, "PRIVMSG carol :hello") == ["301 alice carol :tea \ufffd"]
    assert lines.send(3, "/away") == ["--- you are not away any more"]
    assert lines.send(1, "PRIVMSG carol :hello") == []


def test_neighbours_are_told_who_is_away_once(lines: Lines) -> None:
    for number in (1, 2):
        lines.send(number, "JOIN #x")
        lines.send(number, "JOIN #y")
    lines.read(2)
    for text in ("AWAY :lunch", "AWAY :lunch", "AWAY :tea", "AWAY", "AWAY"):
        lines.send(1, text)
    assert lines.read(2) == [f"{HER} AWAY :lunch", f"{HER} AWAY :tea", f"{HER} AWAY"]
    lines.send(2, "AWAY :lunch")
    assert lines.read(1) == []


def test_who_comes_into_a_room_is_away_there_too(lines: Lines) -> None:
    lines.send(2, "JOIN #x")
    lines.send(1, "AWAY :lunch")
    lines.send(1, "JOIN #x")
    assert lines.read(2) == [f"{HER} JOIN #x", f"{HER} AWAY :lunch"]


def test_another_real_name(lines: Lines) -> None:
    for number in (1, 2):
        lines.send(number, "JOIN #x")
    bob = ":bob!~bo@10.0.0.1"
    lines.read(2)
    assert lines.send(1, "SETNAME :Al") == []
    assert lines.read(2) == [f"{HER} SETNAME :Al"]
    assert lines.send(2, "SETNAME :Bobby B.") == [f"{bob} SETNAME :Bobby B."]
    assert lines.read(1) == []
    assert lines.send(1, "WHOIS bob")[0] == "311 alice bob ~bo 10.0.0.1 * :Bobby B."


def test_a_real_name_that_cannot_be(lines: Lines) -> None:
    facts = len(lines.hub.facts)
    refused = "FAIL SETNAME INVALID_REALNAME :this cannot be a real name: at most 12 characters"
    assert lines.send(2, "SETNAME :" + "x" * 13) == [refused]
    assert len(lines.hub.facts) == facts


def test_monitor_tells_at_once_who_is_there(lines: Lines) -> None:
    assert lines.send(2, "MONITOR + alice,zoe,ALICE") == [
        f"730 bob :{HERS}",
        "731 bob :zoe",
    ]
    assert lines.send(2, "MONITOR L") == ["732 bob :alice,zoe", "733 bob :End of MONITOR list"]
    assert lines.send(2, "MONITOR S") == [f"730 bob :{HERS}", "731 bob :zoe"]
    assert lines.send(2, "MONITOR - ALICE,nobody") == []
    assert lines.send(2, "MONITOR L") == ["732 bob :zoe", "733 bob :End of MONITOR list"]
    assert lines.send(2, "MONITOR C") == []
    assert lines.send(2, "MONITOR L") == ["733 bob :End of MONITOR list"]
    assert lines.send(2, "MONITOR S") == []


def test_monitor_has_a_limit(lines: Lines) -> None:
    assert lines.send(2, "MONITOR + a,b,alice,c,a,d") == [
        f"730 bob :{HERS}",
        "731 bob :a,b",
        "734 bob 3 c,d :Monitor list is full.",
    ]
    assert lines.send(2, "MONITOR L")[0] == "732 bob :a,b,alice"


def test_who_cannot_be_is_not_there_and_is_not_monitored(lines: Lines) -> None:
    assert lines.send(2, "MONITOR + *!al@localhost,-x," + "y" * 25) == [
        f"731 bob :*!al@localhost,-x,{'y' * 25}"
    ]
    assert lines.send(2, "MONITOR L") == ["733 bob :End of MONITOR list"]


def test_those_who_monitor_are_told_of_coming_and_going(lines: Lines) -> None:
    lines.send(2, "MONITOR + dave,eve,guest2")
    dave = lines.arrive("irc")
    lines.send(dave, "NICK dave")
    assert lines.read(2) == []
    lines.send(dave, "USER da 0 * :Dave")
    assert lines.read(2) == ["730 bob :dave!~da@10.0.0.1"]
    # Another case is the same nick, but the one that is told of its end.
    lines.send(dave, "NICK Dave")
    assert lines.read(2) == []
    lines.send(dave, "NICK eve")
    assert lines.read(2) == ["731 bob :Dave", "730 bob :eve!~da@10.0.0.1"]
    lines.leave(dave)
    assert lines.read(2) == ["731 bob :eve"]
    guest = lines.arrive("text")
    assert lines.read(2) == ["730 bob :guest2!guest2@10.0.0.1"]
    lines.send(guest, "/nick eve")
    assert lines.read(2) == ["731 bob :guest2", "730 bob :eve!guest2@10.0.0.1"]
    lines.send(2, "MONITOR - eve")
    lines.leave(guest)
    assert lines.read(2) == []


def test_who_has_gone_monitors_nobody(lines: Lines) -> None:
    lines.send(2, "MONITOR + dave")
    lines.leave(2)
    lines.irc("dave")
    assert lines.hub.state.watchers.of("dave") == ()


@pytest.mark.parametrize(("capabilities", "told"), [(EVERYTHING, True), ("away-notify", False)])
def test_extended_monitor(lines: Lines, capabilities: str, told: bool) -> None:
    watcher = lines.irc("zoe", capabilities)
    lines.send(watcher, "MONITOR + alice")
    lines.send(1, "AWAY :lunch")
    lines.send(1, "SETNAME :Al")
    wanted = [f"{HER} AWAY :lunch", f"{HER} SETNAME :Al"]
    assert lines.read(watcher) == (wanted if told else [])


def test_who_monitors_a_neighbour_is_told_once(lines: Lines) -> None:
    for number in (1, 2):
        lines.send(number, "JOIN #x")
    lines.send(2, "MONITOR + alice,bob")
    lines.send(1, "AWAY :lunch")
    assert lines.read(2) == [f"{HER} AWAY :lunch"]
    assert not [line for line in lines.send(2, "AWAY :tea") if " AWAY " in line]


def test_one_line_a_label(lines: Lines) -> None:
    lines = Lines()
    labeled = lines.irc("alice", "labeled-response batch")
    assert lines.send(labeled, "@label=7 AWAY :lunch") == [
        f"@label=7 :{SERVER} 306 alice :You have been marked as being away"
    ]
    assert lines.send(labeled, "@label=8 MONITOR - bob") == [f"@label=8 :{SERVER} ACK"]
