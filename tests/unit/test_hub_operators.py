"""Operators of the server: who becomes one, and what each may do."""

import pytest

import account_samples
from chatd_supervisor import passwords
from chatd_supervisor.account_config import PRIVILEGES
from chatd_supervisor.credentials import NOBODYS
from chatd_supervisor.hub import Leaving, Operation, OperatorBlock, Rules
from chatd_supervisor.hub.permissions import may
from chatd_supervisor.questions import Answer, Check, Question
from hub_talk import Talk

HASH = account_samples.credentials("sesame").hash

RULES = Rules(
    history_on_join=0,
    kick_length=20,
    operators=(
        OperatorBlock("root", "sesame", ("all",)),
        OperatorBlock("hashed", HASH, ("all",)),
        OperatorBlock("guard", "sesame", ("kill", "made-up")),
    ),
)


@pytest.fixture
def talk() -> Talk:
    """Alice is an operator; Bob and Carol, and Tom, who reads lines, are in #x."""
    talk = Talk(RULES)
    talk.come("alice", "bob", "carol")
    talk.come("tom", dialect="text")
    talk.join("#x", "bob", "carol", "tom")
    talk.say("alice", "OPER root sesame")
    return talk


def test_who_knows_the_password_is_an_operator() -> None:
    talk = Talk(RULES)
    talk.come("alice")
    assert talk.say("alice", "OPER root sesame") == {"alice": ["381", ":chatd MODE alice +o"]}
    assert talk.say("alice", "MODE alice") == {"alice": ["221 +o"]}
    assert talk.say("alice", "OPER guard sesame") == {"alice": ["381"]}


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("OPER root wrong", "464"),
        ("OPER root :", "461 OPER"),
        ("OPER root", "461 OPER"),
    ],
)
def test_who_does_not_is_none(line: str, answer: str) -> None:
    talk = Talk(RULES)
    talk.come("alice")
    assert talk.say("alice", line) == {"alice": [answer]}
    assert talk.say("alice", "REHASH") == {"alice": ["481"]}


def test_where_there_are_no_operators_nobody_becomes_one() -> None:
    talk = Talk()
    talk.come("alice")
    assert talk.say("alice", "OPER root sesame") == {"alice": ["491"]}


def test_of_who_is_none_a_password_is_checked_as_long() -> None:
    talk = Talk(RULES)
    talk.come("alice")
    assert talk.say("alice", "OPER ROOT sesame") == {"alice": ["464"]}
    assert talk.say("alice", "OPER nobody sesame") == {"alice": ["464"]}
    assert talk.asked == Check(NOBODYS, "sesame")
    talk.hub.rules = RULES._replace(operators=RULES.operators[:1])
    for password in ("sesame", "x"):
        assert talk.say("alice", f"OPER nobody {password}") == {"alice": ["464"]}


def test_a_password_that_is_hashed_is_checked_elsewhere() -> None:
    talk = Talk(RULES)
    talk.come("alice")
    assert talk.say("alice", f"OPER hashed :{HASH}") == {"alice": ["464"]}
    assert talk.asked == Check(HASH, HASH)
    talk.answer = lambda _: passwords.BUSY
    assert talk.say("alice", "OPER hashed sesame") == {"alice": ["263 OPER"]}
    talk.answer = account_samples.answer
    assert talk.say("alice", "OPER hashed sesame") == {"alice": ["381", ":chatd MODE alice +o"]}
    assert talk.asked == Check(HASH, "sesame")


def test_an_answer_is_worth_nothing_when_the_password_is_another_one_meanwhile() -> None:
    talk = Talk(RULES)
    talk.come("alice")

    def change(question: Question) -> Answer:
        block = OperatorBlock("hashed", account_samples.credentials("other").hash, ("all",))
        talk.hub.rules = RULES._replace(operators=(block,))
        return account_samples.answer(question)

    talk.answer = change
    assert talk.say("alice", "OPER hashed sesame") == {"alice": ["263 OPER"]}


@pytest.mark.parametrize("privilege", PRIVILEGES)
def test_a_class_is_the_name_of_what_it_allows(privilege: str) -> None:
    blocks = (OperatorBlock("one", "x", (privilege,)), OperatorBlock("none", "x"))
    talk = Talk(RULES._replace(operators=blocks))
    talk.come("alice", "bob", "carol")
    talk.say("alice", "OPER one x")
    talk.say("bob", "OPER none x")
    alice, bob, carol = talk.hub.sessions.values()
    assert [name for name in PRIVILEGES if may(talk.hub, alice, name)] == [privilege]
    assert not any(may(talk.hub, bob, name) or may(talk.hub, carol, name) for name in PRIVILEGES)
    # As it is with another configuration.
    talk.hub.rules = RULES
    assert not may(talk.hub, alice, privilege)


@pytest.mark.parametrize("line", ["REHASH", "DIE", "RESTART", "WALLOPS :hi"])
def test_who_may_not_is_told_so(talk: Talk, line: str) -> None:
    assert talk.say("bob", line) == {"bob": ["481"]}
    assert talk.outcomes[0].audience.sessions == (talk.hub.sessions[2],)
    talk.say("bob", "OPER guard sesame")
    assert talk.say("bob", line) == {"bob": [f"723 {line.split(maxsplit=1)[0].lower()}"]}


@pytest.mark.parametrize("what", ["REHASH", "DIE", "RESTART"])
def test_what_the_server_is_to_do_is_handed_out(talk: Talk, what: str) -> None:
    heard = talk.say("alice", what)
    assert heard == ({"alice": ["382 chatd.toml"]} if what == "REHASH" else {})
    assert talk.outcomes[-1] == Operation(1, what)
    assert talk.hub.facts[-1].kind == what.lower()


def test_a_kill_is_told_to_all_who_share_a_room(talk: Talk) -> None:
    heard = talk.say("alice", "KILL bob :enough")
    told = "Killed (alice (enough))"
    assert talk.outcomes[-1] == Leaving(2, told, told, "killed by alice")
    assert heard == {
        "bob": [":alice KILL bob :enough"],
        "carol": [":bob QUIT :Killed (alice (enough))"],
        "tom": ["--- bob left #x (Killed (alice (enough)))"],
    }
    assert 2 not in talk.hub.sessions
    heard = talk.say("alice", "KILL tom")
    assert heard["tom"] == ["--- alice has put you off the server: no reason given"]
    assert talk.say("alice", f"KILL carol :{'x' * 30}") == {
        "carol": [f":alice KILL carol :{'x' * 20}"]
    }


def test_an_operator_can_put_itself_off(talk: Talk) -> None:
    talk.say("alice", "KILL alice :me")
    assert isinstance(talk.outcomes[-1], Leaving)


@pytest.mark.parametrize(
    ("who", "line", "answer"),
    [
        ("bob", "KILL carol :x", "481"),
        ("bob", "KILL bob :x", "481"),
        ("bob", "KILL nobody :x", "481"),
        ("alice", "KILL nobody :x", "401 nobody"),
        ("alice", "KILL chatd :x", "483"),
        ("alice", "KILL", "461 KILL"),
    ],
)
def test_who_may_not_kill_whom(talk: Talk, who: str, line: str, answer: str) -> None:
    assert talk.say(who, line) == {who: [answer]}


def test_wallops_is_for_those_who_want_it(talk: Talk) -> None:
    assert talk.say("alice", "WALLOPS :hi") == {}
    talk.say("bob", "MODE bob +w")
    assert talk.say("alice", "WALLOPS :hi \x02all") == {"bob": [":alice WALLOPS :hi \x02all"]}
    talk.say("alice", "MODE alice +w")
    assert set(talk.say("alice", "WALLOPS :hi")) == {"alice", "bob"}


def test_in_any_room_an_operator_does_what_its_operators_do(talk: Talk) -> None:
    heard = talk.say("alice", "MODE #x +m-o bob")
    assert heard["alice"] == heard["carol"] == [":alice MODE #x +m-o bob"]
    assert heard["tom"] == ["--- alice set #x: moderated on, deop bob"]
    heard = talk.say("alice", "KICK #x carol :out")
    assert heard["alice"] == heard["carol"] == [":alice KICK #x carol :out"]
    assert talk.say("alice", "MODE #lobby +t")["alice"] == [":alice MODE #lobby +t"]
    talk.say("bob", "OPER guard sesame")
    assert talk.say("bob", "MODE #x -m") == {"bob": ["482 #x"]}


def test_to_come_in_and_speak_an_operator_is_like_anybody(talk: Talk) -> None:
    talk.say("bob", "MODE #x +i")
    assert talk.say("alice", "JOIN #x") == {"alice": ["473 #x"]}
    assert talk.say("alice", "PRIVMSG #x :hi") == {"alice": ["404 #x"]}
