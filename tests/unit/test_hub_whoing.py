"""WHO, WHOIS, WHOWAS and their like: who is shown to whom, in lines."""

import pytest

from chatd_supervisor.hub import whoing
from hub_lines import Lines


@pytest.fixture
def lines() -> Lines:
    """Alice (1) and bob (2) speak IRC and are in #x, which alice has made; carol (3) is on nc."""
    lines = Lines(description="a test server")
    for nick in ("alice", "bob"):
        lines.send(lines.irc(nick), "JOIN #x")
    lines.text("carol")
    for number in (1, 2, 3):
        lines.read(number)
    return lines


def row(nick: str, flags: str, room: str = "*") -> str:
    user, realname = f"~{nick[:2]}", f" {nick.title()} A."
    if nick == "carol":
        user, realname = "guest1", " "
    return f"352 bob {room} {user} 10.0.0.1 irc.example.org {nick} {flags} :0{realname}"


ALL = [row("alice", "H"), row("bob", "H"), row("carol", "H")]


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("#x", [row("alice", "H@", "#x"), row("bob", "H", "#x")]),
        ("#X", [row("alice", "H@", "#x"), row("bob", "H", "#x")]),
        ("#lobby", [row("carol", "H", "#lobby")]),
        ("#nowhere", []),
        ("alice", [row("alice", "H")]),
        ("ALICE", [row("alice", "H")]),
        ("carol", [row("carol", "H")]),
        ("al*", [row("alice", "H")]),
        ("?OB", [row("bob", "H")]),
        ("guest*", [row("carol", "H")]),
        ("10.0.0.1", ALL),
        ("bob?a.", [row("bob", "H")]),
        ("*", ALL),
        ("0", ALL),
        ("nobody", []),
        ("* o", []),
        ("alice o", []),
    ],
)
def test_who(lines: Lines, asked: str, wanted: list[str]) -> None:
    end = f"315 bob {asked.partition(' ')[0]} :End of WHO list"
    assert lines.send(2, f"WHO {asked}") == [*wanted, end]


def test_who_has_a_flag_for_whatever_matters(lines: Lines) -> None:
    lines.send(1, "AWAY :lunch")
    lines.set_modes(1, "Bo")
    lines.set_status(1, "#x", "ov")
    assert lines.send(2, "WHO #x")[0] == row("alice", "G*@B", "#x")
    assert lines.send(2, "WHO al*")[0] == row("alice", "G*B")
    assert lines.send(2, "WHO * o") == [row("alice", "G*B"), "315 bob * :End of WHO list"]


def test_who_has_all_prefixes_for_those_who_want_them(lines: Lines) -> None:
    lines.set_status(1, "#x", "ov")
    dave = lines.irc("dave", "multi-prefix")
    assert " alice H@+ :" in lines.send(dave, "WHO #x")[0]


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (
            "alice %tcuihsnfdlaor,123",
            "123 * ~al 10.0.0.1 10.0.0.1 irc.example.org alice H 0 7 0 n/a :Alice A.",
        ),
        (
            "alice %roaldfnshiuct,123",
            "123 * ~al 10.0.0.1 10.0.0.1 irc.example.org alice H 0 7 0 n/a :Alice A.",
        ),
        ("alice %tn,321", "321 alice"),
        ("alice %tn", "0 alice"),
        ("alice %na", "alice 0"),
        ("carol %na", "carol 0"),
        ("bob %na", "bob Bobby"),
        ("carol %nr", "carol :"),
        ("#x %cnf", "#x alice H@"),
        ("alice %nXYZ", "alice"),
    ],
)
def test_whox(lines: Lines, asked: str, wanted: str) -> None:
    lines.wait(7)
    lines.hub.change(lines.session(2), "login", account="Bobby")
    end = f"315 bob {asked.partition(' ')[0]} :End of WHO list"
    heard = lines.send(2, f"WHO {asked}")
    assert heard[0] == f"354 bob {wanted}"
    assert heard[-1] == end


def test_who_with_no_field_that_is_known_says_what_it_always_says(lines: Lines) -> None:
    assert lines.send(2, "WHO alice %") == [row("alice", "H"), "315 bob alice :End of WHO list"]


def test_the_invisible_are_found_by_their_nick_or_in_a_common_room(lines: Lines) -> None:
    lines.send(1, "PART #x")
    lines.send(1, "JOIN #y")
    lines.set_modes(1, "i")
    assert lines.send(2, "WHO al*") == ["315 bob al* :End of WHO list"]
    assert lines.send(2, "WHO #y") == ["315 bob #y :End of WHO list"]
    assert lines.send(2, "WHO alice")[0] == row("alice", "H")
    lines.send(1, "JOIN #x")
    assert lines.send(2, "WHO al*")[0] == row("alice", "H")
    assert lines.send(2, "WHO #y")[0] == row("alice", "H@", "#y")


def test_a_secret_room_has_nobody_in_it_for_others(lines: Lines) -> None:
    lines.set_room_modes(1, "#x", "s")
    dave = lines.irc("dave")
    assert lines.send(dave, "WHO #x") == ["315 dave #x :End of WHO list"]
    assert not [line for line in lines.send(dave, "WHOIS alice") if line.startswith("319 ")]
    lines.set_modes(dave, "o")
    assert len(lines.send(dave, "WHO #x")) == 3
    assert "319 dave alice :@#x" in lines.send(dave, "WHOIS alice")


def test_those_who_have_not_introduced_themselves_are_not_there(lines: Lines) -> None:
    new = lines.arrive("irc")
    lines.send(new, "NICK newcomer")
    assert lines.send(2, "WHO newcomer") == ["315 bob newcomer :End of WHO list"]
    assert lines.send(2, "WHO new*") == ["315 bob new* :End of WHO list"]
    assert lines.send(2, "WHOIS newcomer")[0] == "401 bob newcomer :No such nick/channel"
    assert lines.send(2, "ISON newcomer") == ["303 bob :"]


WHOIS = [
    "311 bob alice ~al 10.0.0.1 * :Alice A.",
    "319 bob alice :@#x",
    "312 bob alice irc.example.org :a test server",
    "317 bob alice 7 1795429920 :seconds idle, signon time",
    "318 bob alice :End of /WHOIS list",
]


def test_whois(lines: Lines) -> None:
    lines.wait(7)
    assert lines.send(2, "WHOIS alice") == WHOIS
    assert lines.send(2, "WHOIS irc.example.org alice") == WHOIS
    assert lines.send(2, "WHOIS ALICE")[:-1] == WHOIS[:-1]


def test_whois_tells_all_there_is_to_tell(lines: Lines) -> None:
    lines.send(1, "AWAY :lunch")
    lines.set_modes(1, "Bo")
    lines.hub.change(lines.session(1), "login", account="ally", secured="TLSv1.3")
    assert lines.send(2, "WHOIS alice")[3:-2] == [
        "301 bob alice :lunch",
        "313 bob alice :is an IRC operator",
        "330 bob alice ally :is logged in as",
        "335 bob alice :is a bot",
        "671 bob alice :is using a secure connection",
    ]


def test_some_things_are_told_to_oneself_and_operators_alone(lines: Lines) -> None:
    lines.set_modes(1, "i")
    lines.hub.change(lines.session(1), "login", fingerprint="abc123", local_user="al")
    private = [
        "338 {} alice 10.0.0.1 :Is actually using host",
        "379 {} alice :is using modes +i",
        "276 {} alice :has client certificate fingerprint abc123",
        "378 {} alice :is al on the server's machine",
    ]
    for line in private:
        assert line.format("bob") not in lines.send(2, "WHOIS alice")
        assert line.format("alice") in lines.send(1, "WHOIS alice")
    lines.set_modes(2, "o")
    for line in private:
        assert line.format("bob") in lines.send(2, "WHOIS alice")


def test_rooms_of_the_invisible_are_told_to_who_is_in_them(lines: Lines) -> None:
    lines.send(1, "JOIN #y")
    lines.set_modes(1, "i")
    assert "319 bob alice :@#x" in lines.send(2, "WHOIS alice")
    assert "319 alice alice :@#x @#y" in lines.send(1, "WHOIS alice")
    lines.set_modes(1, "")
    assert "319 bob alice :@#x @#y" in lines.send(2, "WHOIS alice")


def test_whois_of_several_and_of_nobody(lines: Lines) -> None:
    heard = lines.send(2, "WHOIS nobody,carol")
    assert heard[:2] == [
        "401 bob nobody :No such nick/channel",
        "318 bob nobody :End of /WHOIS list",
    ]
    assert heard[2] == "311 bob carol guest1 10.0.0.1 * :"
    assert "319 bob carol :#lobby" in heard
    assert heard[-1] == "318 bob carol :End of /WHOIS list"
    many = lines.send(2, "WHOIS " + ",".join(f"n{number}" for number in range(20)))
    assert len(many) == 8 * 2 + 1
    assert many[-1] == "407 bob n8 :Too many recipients"


def test_whois_in_the_text_dialect(lines: Lines) -> None:
    lines.wait(187)
    assert lines.send(3, "/whois alice") == [
        "--- alice is ~al@10.0.0.1, Alice A.",
        "--- alice is in #x (operator)",
        "--- alice came 2026-11-23 10:32 (UTC), and last spoke 3 minutes ago",
    ]
    assert lines.send(3, "/whois nobody") == ["--- nobody here is called nobody"]


def test_whowas_knows_who_has_gone_or_is_called_otherwise_the_last_first(lines: Lines) -> None:
    lines.send(2, "NICK robert")
    lines.wait(60)
    lines.hub.change(lines.session(1), "login", account="ally")
    lines.send(1, "NICK bob")
    lines.leave(1)
    heard = lines.send(2, "WHOWAS BOB")
    assert heard == [
        "314 robert bob ~al 10.0.0.1 * :Alice A.",
        "330 robert bob ally :is logged in as",
        "312 robert bob irc.example.org :2026-11-23T10:33:00.000Z",
        "314 robert bob ~bo 10.0.0.1 * :Bob A.",
        "312 robert bob irc.example.org :2026-11-23T10:32:00.000Z",
        "369 robert BOB :End of WHOWAS",
    ]
    assert lines.send(2, "WHOWAS bob 1") == [*heard[:3], "369 robert bob :End of WHOWAS"]
    assert lines.send(2, "WHOWAS bob -1")[:-1] == heard[:-1]
    assert lines.send(2, "WHOWAS nobody") == [
        "406 robert nobody :There was no such nickname",
        "369 robert nobody :End of WHOWAS",
    ]


def test_whowas_forgets_the_first_when_there_are_too_many() -> None:
    lines = Lines(whowas_entries=2)
    asker = lines.irc("asker")
    for nick in ("one", "two", "three"):
        lines.leave(lines.irc(nick))
    # A change of case is no other name.
    lines.send(asker, "NICK Asker")
    codes = {nick: lines.send(asker, f"WHOWAS {nick}")[0][:3] for nick in ("one", "two", "asker")}
    assert codes == {"one": "406", "two": "314", "asker": "406"}


def test_whoever_leaves_before_introducing_itself_was_nobody(lines: Lines) -> None:
    new = lines.arrive("irc")
    lines.send(new, "NICK newcomer")
    lines.leave(new)
    assert lines.send(2, "WHOWAS newcomer")[0].startswith("406 ")


def test_userhost_and_ison(lines: Lines) -> None:
    lines.send(1, "AWAY :lunch")
    lines.set_modes(1, "o")
    assert lines.send(2, "USERHOST Alice nobody carol") == [
        "302 bob :alice*=-~al@10.0.0.1 carol=+guest1@10.0.0.1"
    ]
    assert lines.send(2, "USERHOST nobody") == ["302 bob :"]
    assert lines.send(2, "USERHOST a b c d e alice") == ["302 bob :"]
    assert lines.send(2, "ISON ALICE nobody carol") == ["303 bob :alice carol"]


def test_who_of_a_mask_tells_of_some_and_that_there_are_more(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whoing, "MOST_FOUND", 2)
    *found, many, end = lines.send(2, "WHO *")
    assert found == ALL[:2]
    assert many.split()[:3] == ["416", "bob", "*"]
    assert end == "315 bob * :End of WHO list"
    # A room's people are those that a client must know.
    lines.send(lines.irc("dave"), "JOIN #x")
    assert len(lines.send(2, "WHO #x")) == 4


def test_a_mask_means_one_name_and_nothing_across_two(lines: Lines) -> None:
    assert lines.send(2, "WHO alice*10*") == ["315 bob alice*10* :End of WHO list"]
    assert lines.send(2, "WHO al?ce")[:-1] == ALL[:1]


def test_who_is_asked_for_again_and_again_is_shown_once(lines: Lines) -> None:
    wanted = [line.replace(" alice :End", " ALICE :End") for line in lines.send(2, "WHOIS alice")]
    assert lines.send(2, "WHOIS alice,Alice" + ",ALICE" * 20) == wanted


def test_whowas_tells_no_more_than_some(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whoing, "MOST_WHOWAS", 2)
    for _ in range(4):
        lines.leave(lines.irc("dave"))
    for count in ("", " 0", " 9"):
        assert sum(line.startswith("314 ") for line in lines.send(2, f"WHOWAS dave{count}")) == 2
