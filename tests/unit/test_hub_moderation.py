"""Putting people out, asking them in, and taking private lines from few."""

import pytest

from chatd_supervisor.hub import Rules
from chatd_supervisor.hub.acceptance import QUIET
from chatd_supervisor.hub.moderation import MAX_INVITATIONS
from chatd_supervisor.journal import Fact
from hub_talk import Talk


@pytest.fixture
def talk() -> Talk:
    """Alice has made #x, where Bob is, on IRC, and Tom, who reads lines. Carol is outside."""
    talk = Talk(Rules(history_on_join=0, kick_length=20, accept_entries=2))
    talk.come("alice", "bob", "carol")
    talk.come("tom", "ada", dialect="text")
    talk.join("#x", "alice", "bob", "tom")
    return talk


# Kicks


def test_a_kick_is_told_to_all_in_the_room_and_to_who_is_put_out(talk: Talk) -> None:
    heard = talk.say("alice", "KICK #x bob :bye \x02now")
    assert heard["alice"] == heard["bob"] == [":alice KICK #x bob :bye \x02now"]
    assert heard["tom"] == ["--- alice put bob out of #x (bye now)"]
    assert talk.say("bob", "PRIVMSG #x :hello") == {"bob": ["404 #x"]}


def test_one_kick_puts_out_some(talk: Talk) -> None:
    heard = talk.say("alice", "KICK #x a,b,c,d,e,f,g,h,bob,tom")
    assert heard["alice"][0] == "407 bob"
    assert heard["alice"][1:] == [f"401 {nick}" for nick in "abcdefgh"]
    assert "bob" not in heard


def test_without_a_reason_it_is_the_nick_of_who_does_it(talk: Talk) -> None:
    heard = talk.say("alice", "KICK #x BOB")
    assert heard["bob"] == [":alice KICK #x bob :alice"]
    assert heard["tom"] == ["--- alice put bob out of #x"]


def test_who_knows_one_room_is_in_the_lobby_then(talk: Talk) -> None:
    heard = talk.say("alice", "KICK #x tom :enough")
    assert heard["bob"] == [":alice KICK #x tom :enough"]
    assert heard["tom"] == [
        "--- alice put tom out of #x (enough)",
        "--- you are in #lobby",
        "--- here: ada",
    ]
    assert heard["ada"] == ["--- tom joined #lobby"]


def test_a_room_is_gone_if_its_last_member_puts_itself_out(talk: Talk) -> None:
    talk.say("tom", "/join ours")
    assert talk.say("tom", "/kick tom")["tom"][0] == "--- tom put tom out of #ours"
    assert "#ours" not in talk.hub.rooms


def test_people_who_read_lines_put_others_out(talk: Talk) -> None:
    talk.say("alice", "MODE #x +o tom")
    heard = talk.say("tom", "/kick bob  too loud")
    assert heard["bob"] == heard["alice"] == [":tom KICK #x bob :too loud"]


def test_several_at_once_are_several_events(talk: Talk) -> None:
    heard = talk.say("alice", "KICK #x bob,nobody,TOM,carol,tom :go")
    assert heard["alice"] == [
        ":alice KICK #x bob :go",
        "401 nobody",
        ":alice KICK #x tom :go",
        "441 carol #x",
    ]


def test_a_long_reason_is_clipped(talk: Talk) -> None:
    assert talk.say("alice", f"KICK #x bob :{'x' * 30}")["bob"] == [
        f":alice KICK #x bob :{'x' * 20}"
    ]


def test_a_kick_is_a_fact_by_which_it_can_be_told_again(talk: Talk) -> None:
    talk.hub.facts.clear()
    talk.say("alice", "KICK #x bob :bye now")
    (fact,) = talk.hub.facts
    assert (fact.kind, fact.nick, fact.room, fact.text) == ("kick", "alice", "#x", "bob bye now")


@pytest.mark.parametrize(
    ("who", "line", "answer"),
    [
        ("bob", "KICK #x alice", "482 #x"),
        ("carol", "KICK #x alice", "442 #x"),
        ("carol", "KICK #y alice", "403 #y"),
        ("alice", "KICK #x carol", "441 carol #x"),
        ("alice", "KICK #x nobody", "401 nobody"),
        ("alice", "KICK #x", "461 KICK"),
        ("alice", "KICK : bob", "461 KICK"),
        ("tom", "/kick alice", "--- only operators of #x can do that"),
        ("ada", "/kick tom", "--- only operators of #lobby can do that"),
    ],
)
def test_who_may_not_put_out_whom(talk: Talk, who: str, line: str, answer: str) -> None:
    assert talk.say(who, line) == {who: [answer]}


def test_nobody_who_knows_one_room_is_put_out_of_the_lobby(talk: Talk) -> None:
    talk.join("#lobby", "alice")
    talk.hub.happen(Fact(1, "", "#lobby", "status", "", '{"session":1,"status":"o"}'))
    (answer,) = talk.say("alice", "KICK #lobby ada")["alice"]
    assert answer.startswith(":chatd NOTICE alice :ada is in #lobby, where everybody starts")
    assert talk.hub.find("ada") in talk.hub.lobby.members.values()


# Invitations


def test_one_is_told_and_one_is_asked(talk: Talk) -> None:
    assert talk.say("alice", "INVITE carol #x") == {
        "alice": ["341 carol #x"],
        "carol": [":alice INVITE carol #x"],
    }
    assert talk.say("alice", "INVITE ada #X") == {
        "alice": ["341 ada #x"],
        "ada": ["--- alice asks you into #x: /join #x"],
    }
    assert talk.say("tom", "/invite carol") == {
        "tom": ["--- carol is invited into #x"],
        "carol": [":tom INVITE carol #x"],
    }


def test_who_is_away_says_so(talk: Talk) -> None:
    talk.hub.change(talk.hub.sessions[3], "away", away="at tea")
    assert talk.say("alice", "INVITE carol #x")["alice"] == ["341 carol #x", "301 carol :at tea"]


def test_members_who_want_to_know_are_told(talk: Talk) -> None:
    talk.come("dave", "eve", caps="invite-notify")
    talk.join("#x", "dave")
    heard = talk.say("alice", "INVITE carol #x")
    assert heard["dave"] == [":alice INVITE carol #x"]
    assert set(heard) == {"alice", "carol", "dave"}
    talk.say("alice", "MODE #x +o dave")
    heard = talk.say("dave", "INVITE eve #x")
    assert heard == {"dave": ["341 eve #x"], "eve": [":dave INVITE eve #x"]}


@pytest.mark.parametrize(
    ("who", "line", "answer"),
    [
        ("alice", "INVITE bob #x", "443 bob #x"),
        ("alice", "INVITE nobody #x", "401 nobody"),
        ("alice", "INVITE carol #y", "403 #y"),
        ("alice", "INVITE carol", "461 INVITE"),
        ("carol", "INVITE ada #x", "442 #x"),
        ("carol", "INVITE nobody #x", "442 #x"),
        ("tom", "/invite alice", "--- alice is in #x already"),
        ("tom", "/invite nobody", "--- nobody here is called nobody"),
    ],
)
def test_who_cannot_be_invited(talk: Talk, who: str, line: str, answer: str) -> None:
    assert talk.say(who, line) == {who: [answer]}


def test_into_a_room_for_the_invited_only_operators_invite(talk: Talk) -> None:
    talk.say("alice", "MODE #x +i")
    assert talk.say("bob", "INVITE carol #x") == {"bob": ["482 #x"]}
    assert talk.say("alice", "INVITE carol #x")["carol"] == [":alice INVITE carol #x"]


@pytest.mark.parametrize("modes", ["+i", "+k sesame", "+l 1", "+b *!*@*", "+R"])
def test_an_operators_invitation_opens_the_room_once(talk: Talk, modes: str) -> None:
    talk.say("alice", f"MODE #x {modes}")
    talk.say("alice", "INVITE carol #x")
    assert talk.say("carol", "JOIN #x")["alice"] == [":carol JOIN #x"]
    talk.say("carol", "PART #x")
    assert list(talk.say("carol", "JOIN #x")) == ["carol"]


def test_a_members_invitation_undoes_no_ban(talk: Talk) -> None:
    talk.say("alice", "MODE #x +b carol")
    assert talk.say("bob", "INVITE carol #x")["carol"] == [":bob INVITE carol #x"]
    assert talk.say("carol", "JOIN #x") == {"carol": ["474 #x"]}


def test_an_invitation_is_into_this_room_not_another_of_its_name(talk: Talk) -> None:
    talk.hub.now = 1
    talk.join("#y", "alice")
    talk.say("alice", "INVITE carol #y")
    talk.say("alice", "PART #y")
    talk.hub.now = 2
    talk.join("#y", "bob")
    talk.say("bob", "MODE #y +i")
    assert talk.say("carol", "INVITE") == {"carol": ["337"]}
    assert talk.say("carol", "JOIN #y") == {"carol": ["473 #y"]}


def test_where_one_is_invited(talk: Talk) -> None:
    assert talk.say("carol", "INVITE") == {"carol": ["337"]}
    talk.say("alice", "INVITE carol #x")
    talk.say("alice", "INVITE carol #x")
    assert talk.say("carol", "INVITE") == {"carol": ["336 #x", "337"]}
    talk.say("carol", "JOIN #x")
    assert talk.say("carol", "INVITE") == {"carol": ["337"]}


def test_of_too_many_invitations_the_oldest_is_forgotten(talk: Talk) -> None:
    talk.hub.rules = talk.hub.rules._replace(rooms_per_client=0)
    rooms = [f"#r{number}" for number in range(MAX_INVITATIONS + 1)]
    for room in rooms:
        talk.join(room, "alice")
        talk.say("alice", f"INVITE carol {room}")
    heard = talk.say("carol", "INVITE")["carol"]
    assert heard == [*(f"336 {room}" for room in rooms[1:]), "337"]


# Taking private lines from few


def test_who_takes_lines_from_few_is_told_who_has_tried(talk: Talk) -> None:
    talk.hub.now = 1
    talk.say("alice", "MODE alice +g")
    assert talk.say("bob", "PRIVMSG alice :hi") == {
        "bob": ["716 alice", "717 alice"],
        "alice": ["718 bob ~bob@h"],
    }
    assert talk.say("carol", "PRIVMSG alice :hi") == {"carol": ["716 alice"]}
    assert talk.say("tom", "/msg alice hi") == {
        "tom": ["--- not said: alice takes private lines only from few"]
    }
    talk.hub.monotonic += QUIET
    assert talk.say("carol", "PRIVMSG alice :hi")["alice"] == ["718 carol ~carol@h"]


def test_what_is_never_answered_is_not_then_either(talk: Talk) -> None:
    talk.say("alice", "MODE alice +g")
    assert talk.say("bob", "NOTICE alice :hi") == {"alice": ["718 bob ~bob@h"]}
    assert talk.say("bob", "@+typing=active TAGMSG alice") == {}


def test_who_is_accepted_is_heard(talk: Talk) -> None:
    talk.say("alice", "MODE alice +g")
    assert talk.say("alice", "ACCEPT BOB,tom") == {}
    assert talk.say("bob", "PRIVMSG alice :hi") == {"alice": [":bob PRIVMSG alice :hi"]}
    assert talk.say("tom", "/msg alice hi")["alice"] == [":tom PRIVMSG alice :hi"]
    assert talk.say("alice", "PRIVMSG alice :note") == {"alice": [":alice PRIVMSG alice :note"]}


@pytest.mark.parametrize("mode", ["g", "R"])
def test_whom_one_writes_to_may_answer(talk: Talk, mode: str) -> None:
    talk.say("alice", f"MODE alice +{mode}")
    talk.say("alice", "NOTICE bob :just so you know")
    assert talk.say("bob", "PRIVMSG alice :hi")["bob"] in (
        ["716 alice", "717 alice"],
        ["477 alice"],
    )
    talk.say("alice", "PRIVMSG bob :yes?")
    assert talk.say("bob", "PRIVMSG alice :hi") == {"alice": [":bob PRIVMSG alice :hi"]}
    assert talk.say("alice", "ACCEPT *") == {"alice": ["281 :bob", "282"]}
    talk.say("alice", "PRIVMSG tom,carol :yes?")
    assert talk.say("alice", "ACCEPT *") == {"alice": ["281 :bob tom", "282"]}, "two are the most"


def test_one_may_hear_those_who_are_logged_in_alone(talk: Talk) -> None:
    talk.come("known", account="known")
    talk.say("alice", "MODE alice +R")
    assert talk.say("bob", "PRIVMSG alice :hi") == {"bob": ["477 alice"]}
    assert talk.say("tom", "/msg alice hi") == {
        "tom": ["--- not said: alice takes private lines only from who is logged in"]
    }
    assert talk.say("bob", "NOTICE alice :hi") == {}
    assert talk.say("bob", "@+typing=active TAGMSG alice") == {}
    assert talk.say("known", "PRIVMSG alice :hi") == {"alice": [":known PRIVMSG alice :hi"]}
    talk.say("alice", "ACCEPT bob")
    assert talk.say("bob", "PRIVMSG alice :hi") == {"alice": [":bob PRIVMSG alice :hi"]}
    assert talk.say("alice", "PRIVMSG alice :note") == {"alice": [":alice PRIVMSG alice :note"]}


def test_the_list_of_those_who_are_accepted(talk: Talk) -> None:
    assert talk.say("alice", "ACCEPT *") == {"alice": ["282"]}
    talk.say("alice", "ACCEPT Bob")
    assert talk.say("alice", "ACCEPT *") == {"alice": ["281 :bob", "282"]}
    assert talk.say("alice", "ACCEPT bob") == {"alice": ["457 bob"]}
    assert talk.say("alice", "ACCEPT nobody") == {"alice": ["401 nobody"]}
    assert talk.say("alice", "ACCEPT -carol") == {"alice": ["458 carol"]}
    assert talk.say("alice", "ACCEPT carol,tom") == {"alice": ["456"]}
    assert talk.say("alice", "ACCEPT -bob,*") == {"alice": ["281 :carol", "282"]}
