"""Modes of rooms and people: who may change them, what is told of it, and what they do."""

from typing import Any

import pytest

from chatd_supervisor.hub import Rules
from chatd_supervisor.hub.coming import FORMER
from chatd_workers import commands as c
from hub_lines import START, Lines
from hub_talk import Talk


@pytest.fixture
def talk() -> Talk:
    """Alice has made #x, where Bob is, on IRC, and Tom, who reads lines. Carol is outside."""
    talk = Talk(Rules(history_on_join=0, list_entries=3))
    talk.come("alice", "bob", "carol")
    talk.come("tom", dialect="text")
    talk.join("#x", "alice", "bob", "tom")
    return talk


def test_who_makes_a_room_is_its_operator_and_it_has_the_usual_modes(talk: Talk) -> None:
    assert talk.say("alice", "MODE #x") == {"alice": ["324 #x +nt", "329 #x 0"]}
    assert talk.say("tom", "/mode") == {"tom": ["--- #x is set: no-outside, topic-lock"]}
    talk.say("tom", "/join ours")
    assert talk.say("tom", "/mode") == {"tom": ["--- #ours is set: no-outside, topic-lock"]}
    assert talk.say("tom", "/mode moderated") == {"tom": ["--- tom set #ours: moderated on"]}


@pytest.mark.parametrize(
    ("line", "told", "in_words"),
    [
        ("+m", "+m", "moderated on"),
        ("-t", "-t", "topic-lock off"),
        ("+ms-m", "+s-m", "moderated on, secret on, moderated off"),
        ("+i-i+m", "+i-i+m", "invite-only on, invite-only off, moderated on"),
        ("+k sesame", "+k sesame", "key sesame"),
        ("+l 20", "+l 20", "limit 20"),
        ("+l 0007", "+l 7", "limit 7"),
        ("+kl sesame 20", "+kl sesame 20", "key sesame, limit 20"),
        ("+ov bob tom", "+ov bob tom", "op bob, voice tom"),
        ("+o BOB", "+o bob", "op bob"),
        ("-o alice", "-o alice", "deop alice"),
        ("+b mallory", "+b mallory!*@*", "ban mallory!*@*"),
        ("+b al@host", "+b *!al@host", "ban *!al@host"),
        ("+b $a:mallory", "+b $a:mallory", "ban $a:mallory"),
        ("+b $A", "+b $a", "ban $a"),
        ("+e-e+I eve eve *!*@h", "+e-e+I eve!*@* eve!*@* *!*@h", None),
        ("+nt", None, None),
        ("-kl x", None, None),
        ("-b nobody", None, None),
        ("-v bob", None, None),
        ("+MRC", "+MRC", "account-to-speak on, account-to-enter on, no-ctcp on"),
    ],
)
def test_what_has_really_changed_is_told_to_all_in_the_room(
    talk: Talk, line: str, told: str | None, in_words: str | None
) -> None:
    if told == "+s-m":
        talk.say("alice", "MODE #x +m")
    heard = talk.say("alice", f"MODE #x {line}")
    if told is None:
        assert heard == {}
        return
    assert heard["bob"] == heard["alice"] == [f":alice MODE #x {told}"]
    if in_words and told != "+s-m":
        assert heard["tom"] == [f"--- alice set #x: {in_words}"]
    assert set(heard) == {"alice", "bob", "tom"}


def test_a_change_is_one_fact_that_tells_who_has_made_it(talk: Talk) -> None:
    talk.hub.facts.clear()
    talk.say("alice", "MODE #x +mov-t bob tom")
    (fact,) = talk.hub.facts
    assert (fact.kind, fact.room, fact.nick, fact.text) == (
        "mode",
        "#x",
        "alice",
        "+mov-t bob tom",
    )
    assert '"user":"~alice"' in fact.data


def test_a_list_is_not_written_down_anew_for_each_entry(talk: Talk) -> None:
    for name in ("aa", "bb", "cc"):
        talk.hub.facts.clear()
        talk.say("alice", f"MODE #x +b {name}")
    assert "aa" not in talk.hub.facts[-1].data


@pytest.mark.parametrize(
    ("who", "line", "answers"),
    [
        ("bob", "MODE #x +m", ["482 #x"]),
        ("bob", "MODE #x +o bob", ["482 #x"]),
        ("bob", "MODE #x +ob-k bob mallory *", ["482 #x"]),
        ("carol", "MODE #x +m", ["442 #x"]),
        ("tom", "/mode moderated", ["--- only operators of #x can do that"]),
        ("alice", "MODE #y +m", ["403 #y"]),
        ("alice", "MODE #y", ["403 #y"]),
        ("alice", "MODE #x +X", ["472 X"]),
        ("alice", "MODE #x +XXY", ["472 X", "472 Y"]),
        ("alice", "MODE #x +o carol", ["441 carol #x"]),
        ("alice", "MODE #x +v nobody", ["401 nobody"]),
        ("alice", "MODE #x +o", ["461 MODE"]),
        ("alice", "MODE #x +k", ["461 MODE"]),
        ("alice", "MODE #x +l", ["461 MODE"]),
        ("alice", "MODE #x +k :two words", ["696 #x k *"]),
        ("alice", "MODE #x +k :", ["696 #x k *"]),
        ("alice", "MODE #x +k a,b", ["696 #x k *"]),
        ("alice", "MODE #x +k " + "x" * 33, ["696 #x k *"]),
        ("alice", "MODE #x +k é", ["696 #x k *"]),
        ("alice", "MODE #x +l many", ["696 #x l many"]),
        ("alice", "MODE #x +l -5", ["696 #x l -5"]),
        ("alice", "MODE #x +l 0", ["696 #x l 0"]),
        ("alice", "MODE #x +l :", ["696 #x l *"]),
        ("alice", "MODE #x +b :", ["696 #x b *"]),
        ("alice", "MODE #x +b $z:x", ["696 #x b $z:x"]),
        ("alice", "MODE #x +b " + "x" * 200, ["696 #x b " + "x" * 200]),
        ("alice", "MODE #x +bbbb a b c d", [":alice MODE #x +bbb a!*@* b!*@* c!*@*", "478 #x b"]),
        ("alice", "MODE bob +i", ["502"]),
        ("alice", "MODE bob", ["502"]),
        ("alice", "MODE nobody +i", ["401 nobody"]),
        ("alice", "MODE :", ["461 MODE"]),
        ("alice", "MODE alice +Y", ["501"]),
    ],
)
def test_what_cannot_be_done_is_told_to_the_one_who_tries(
    talk: Talk, who: str, line: str, answers: list[str]
) -> None:
    heard = talk.say(who, line)
    assert sorted(heard[who]) == sorted(answers)
    if not any(answer.startswith(":") for answer in answers):
        assert set(heard) == {who}


def test_the_other_changes_of_a_line_count(talk: Talk) -> None:
    heard = talk.say("alice", "MODE #x +Xm")
    assert heard["alice"] == ["472 X", ":alice MODE #x +m"]
    assert heard["bob"] == [":alice MODE #x +m"]


def test_lists(talk: Talk) -> None:
    assert talk.say("bob", "MODE #x b") == {"bob": ["368 #x"]}
    talk.hub.now = 5_000_000
    talk.say("alice", "MODE #x +b Mallory!*@*")
    assert talk.say("alice", "MODE #x +b mallory") == {}
    entry = "367 #x Mallory!*@* alice!~alice@h 5"
    for asked in ("+b", "-b", "b", "bb"):
        assert talk.say("bob", f"MODE #x {asked}") == {"bob": [entry, "368 #x"]}
    assert talk.say("carol", "MODE #x b") == {"carol": [entry, "368 #x"]}
    assert talk.say("tom", "/mode ban") == {"tom": ["--- bans of #x: Mallory!*@*"]}
    assert talk.say("alice", "MODE #x -b MALLORY")["bob"] == [":alice MODE #x -b Mallory!*@*"]
    assert talk.say("bob", "MODE #x b") == {"bob": ["368 #x"]}


def test_lists_of_exceptions_are_for_operators(talk: Talk) -> None:
    talk.say("alice", "MODE #x +eI eve eve")
    assert talk.say("bob", "MODE #x eI") == {"bob": ["482 #x", "482 #x"]}
    assert talk.say("alice", "MODE #x e") == {
        "alice": ["348 #x eve!*@* alice!~alice@h 0", "349 #x"]
    }
    assert talk.say("alice", "MODE #x I") == {
        "alice": ["346 #x eve!*@* alice!~alice@h 0", "347 #x"]
    }


def test_a_secret_room_is_not_there_for_who_is_outside(talk: Talk) -> None:
    talk.say("alice", "MODE #x +s")
    for line in ("MODE #x b", "MODE #x", "MODE #x +m", "KICK #x bob", "INVITE carol #x"):
        assert talk.say("carol", line) == {"carol": ["403 #x"]}
    assert talk.say("bob", "MODE #x b") == {"bob": ["368 #x"]}


def test_the_key_is_shown_to_members(talk: Talk) -> None:
    talk.say("alice", "MODE #x +kl sesame 9")
    assert talk.say("bob", "MODE #x")["bob"][0] == "324 #x +ntkl sesame 9"
    assert talk.say("carol", "MODE #x")["carol"][0] == "324 #x +ntkl * 9"
    assert talk.say("alice", "MODE #x -k x")["bob"] == [":alice MODE #x -k *"]


# What they do


@pytest.mark.parametrize(
    ("modes", "problem"),
    [
        ("+i", "473"),
        ("+k sesame", "475"),
        ("+l 3", "471"),
        ("+R", "477"),
        ("+b carol", "474"),
        ("+b *!*@h", "474"),
        ("+b $a:carol", None),
        ("+be carol *!~carol@*", None),
        ("+be *!*@* $a", "474"),
        ("+iI carol", None),
        ("+iI $a", "473"),
        ("+iI *!*@elsewhere", "473"),
        ("+l 4", None),
    ],
)
def test_who_may_come_in(talk: Talk, modes: str, problem: str | None) -> None:
    talk.say("alice", f"MODE #x {modes}")
    heard = talk.say("carol", "JOIN #x")
    if problem:
        assert heard == {"carol": [f"{problem} #x"]}
    else:
        assert heard["alice"] == [":carol JOIN #x"]


@pytest.mark.parametrize(
    ("modes", "comes"),
    [("+b $a:ACC*", False), ("+b $a:other", True), ("+R", True), ("+iI $a:account", True)],
)
def test_accounts_in_masks(talk: Talk, modes: str, *, comes: bool) -> None:
    talk.come("dave", account="account")
    talk.say("alice", f"MODE #x {modes}")
    assert (":dave JOIN #x" in talk.say("dave", "JOIN #x").get("alice", [])) == comes


def test_a_key_opens(talk: Talk) -> None:
    talk.say("alice", "MODE #x +k sesame")
    assert talk.say("carol", "JOIN #x wrong") == {"carol": ["475 #x"]}
    assert talk.say("carol", "JOIN #x sesame")["bob"] == [":carol JOIN #x"]
    talk.say("tom", "/leave")
    assert talk.say("tom", "/join x")["tom"] == ["--- room #x has a key, which one has to know"]
    assert talk.say("tom", "/join x sesame")["tom"][0] == "--- you are in #x"


def test_bans_and_invitations_are_for_people_of_any_dialect(talk: Talk) -> None:
    talk.say("tom", "/leave")
    talk.say("alice", "MODE #x +b tom")
    assert talk.say("tom", "/join x") == {"tom": ["--- you are banned from #x"]}
    talk.say("alice", "MODE #x -b+i tom")
    assert talk.say("tom", "/join x") == {"tom": ["--- room #x is only for those who are invited"]}


def called(talk: Talk, nick: str, *others: str) -> None:
    """Let ``nick`` be called by each of ``others``, one after the other."""
    for other in others:
        talk.hub.now += 1
        talk.say(nick, f"/nick {other}" if nick == "tom" else f"NICK {other}")


@pytest.mark.parametrize("who", ["bob", "tom"])
def test_a_ban_is_not_shed_by_another_nick(talk: Talk, who: str) -> None:
    talk.say("alice", f"MODE #x +b {who}!*@*")
    called(talk, who, "other", *(f"x{n}" for n in range(FORMER - 1)))
    said = {"bob": "PRIVMSG #x :hi", "tom": "hi"}[who]
    assert list(talk.say(who, said)) == [who]
    talk.say(who, {"bob": "PART #x", "tom": "/leave"}[who])
    refused = talk.say(who, {"bob": "JOIN #x", "tom": "/join x"}[who])
    assert refused == {who: {"bob": ["474 #x"], "tom": ["--- you are banned from #x"]}[who]}
    # By the exception from a ban one is let off, and by its end.
    talk.say("alice", f"MODE #x +e x{FORMER - 2}!*@*")
    assert "alice" in talk.say(who, {"bob": "JOIN #x", "tom": "/join x"}[who])
    assert "alice" in talk.say(who, said)
    talk.say("alice", f"MODE #x -e+m-m x{FORMER - 2}!*@*")
    assert list(talk.say(who, said)) == [who]
    talk.say("alice", f"MODE #x -b {who}!*@*")
    assert "alice" in talk.say(who, said)


def test_nor_is_it_shed_by_a_name_between_that_is_as_bad(talk: Talk) -> None:
    talk.say("alice", "MODE #x +b bob*!*@*")
    called(talk, "bob", "bobby", "BOBBY", "robert", "bob", "robert")
    assert list(talk.say("bob", "PRIVMSG #x :hi")) == ["bob"]
    record = talk.hub.sessions[2].record
    assert [former.nick for former in record.former] == ["BOBBY", "bob"]


def test_a_ban_does_not_mean_who_was_called_so_before_it_was_set(talk: Talk) -> None:
    called(talk, "bob", "robert")
    called(talk, "carol", "bob")
    talk.hub.now += 1
    talk.say("alice", "MODE #x +b bob!*@*")
    assert "alice" in talk.say("bob", "PRIVMSG #x :hi")
    assert talk.say("carol", "JOIN #x") == {"carol": ["474 #x"]}


def test_guests_who_choose_a_nick_are_none_any_more(talk: Talk) -> None:
    talk.numbers["guest"] = 5
    talk.apply("guest", c.Arrive("text", "h"))
    talk.say("alice", "MODE #x +b guest*!*@*")
    assert talk.say("guest", "/join x") == {"guest": ["--- you are banned from #x"]}
    talk.hub.now += 1
    talk.say("guest", "/nick gus")
    assert "alice" in talk.say("guest", "/join x")


def test_whose_room_it_is_cannot_be_shut_out(talk: Talk) -> None:
    talk.hub.change_in(talk.hub.sessions[1], "#x", "keep", founder="Dave", access={"eve": "o"})
    talk.come("dave", account="dave")
    talk.come("eve", account="Eve")
    talk.come("faythe", account="faythe")
    talk.say("alice", "MODE #x +ib *!*@*")
    assert talk.say("dave", "JOIN #x")["bob"] == [":dave JOIN #x", ":chatd MODE #x +o dave"]
    assert talk.say("eve", "JOIN #x")["bob"] == [":eve JOIN #x", ":chatd MODE #x +o eve"]
    assert talk.say("faythe", "JOIN #x") == {"faythe": ["474 #x"]}


@pytest.mark.parametrize(
    ("modes", "who", "problem"),
    [
        ("", "bob", None),
        ("+m", "bob", "404 #x"),
        ("+mv bob", "bob", None),
        ("+mo bob", "bob", None),
        ("+m", "alice", None),
        ("+b bob", "bob", "404 #x"),
        ("+bv bob bob", "bob", None),
        ("+be *!*@* bob", "bob", None),
        ("+M", "bob", "404 #x"),
        ("+Mv bob", "bob", None),
        ("", "carol", "404 #x"),
        ("-n", "carol", None),
        ("-n+m", "carol", "404 #x"),
        ("-n+b carol", "carol", "404 #x"),
        ("+m", "tom", "--- not said: you may not speak in #x"),
        ("+b tom", "tom", "--- not said: you may not speak in #x"),
        ("+bv tom tom", "tom", None),
    ],
)
def test_who_may_speak(talk: Talk, modes: str, who: str, problem: str | None) -> None:
    if modes:
        talk.say("alice", f"MODE #x {modes}")
    heard = talk.say(who, "hello" if who == "tom" else "PRIVMSG #x :hello")
    if problem:
        assert heard == {who: [problem]}
    else:
        other = "bob" if who == "alice" else "alice"
        assert heard[other] == [f":{who} PRIVMSG #x :hello"]


def test_to_the_lobby_only_those_speak_who_are_in(talk: Talk) -> None:
    assert talk.say("carol", "PRIVMSG #lobby :hi") == {"carol": ["404 #lobby"]}


def test_no_ctcp(talk: Talk) -> None:
    talk.say("alice", "MODE #x +C")
    assert talk.say("bob", "PRIVMSG #x :\x01PING 1\x01") == {"bob": ["404 #x"]}
    assert talk.say("bob", "PRIVMSG #x :\x01ACTION waves\x01")["alice"] == [
        ":bob PRIVMSG #x :\x01ACTION waves\x01"
    ]
    talk.say("alice", "MODE alice +T")
    assert talk.say("bob", "PRIVMSG alice :\x01PING 1\x01") == {}


@pytest.mark.parametrize(
    ("modes", "who", "allowed"),
    [("", "alice", True), ("", "bob", False), ("-t", "bob", True), ("+o bob", "bob", True)],
)
def test_who_may_set_the_topic(talk: Talk, modes: str, who: str, *, allowed: bool) -> None:
    if modes:
        talk.say("alice", f"MODE #x {modes}")
    heard = talk.say(who, "TOPIC #x :tea")
    if allowed:
        assert heard["tom"] == [f"--- {who} set the topic of #x: tea"]
    else:
        assert heard == {who: ["482 #x"]}


# People


def test_ones_own_modes(talk: Talk) -> None:
    assert talk.say("alice", "MODE alice") == {"alice": ["221 +"]}
    assert talk.say("alice", "MODE ALICE +iw") == {"alice": [":alice MODE alice +iw"]}
    assert talk.say("alice", "MODE alice +iw-g") == {}
    assert talk.say("alice", "MODE alice") == {"alice": ["221 +iw"]}
    assert talk.say("alice", "MODE alice -i+B") == {"alice": [":alice MODE alice -i+B"]}
    assert talk.say("alice", "MODE alice +or") == {}
    assert talk.say("alice", "MODE alice +Yg") == {"alice": ["501", ":alice MODE alice +g"]}
    assert talk.hub.sessions[1].record.modes == "Bgw"


def test_a_bot_is_told_to_be_one(talk: Talk) -> None:
    talk.say("alice", "MODE alice +B")
    assert talk.hub.sessions[1].source.bot
    assert '"bot":"1"' in talk.hub.sessions[1].data
    talk.say("alice", "MODE alice -B")
    assert not talk.hub.sessions[1].source.bot


def test_an_operator_can_stop_being_one(talk: Talk) -> None:
    talk.hub.change(talk.hub.sessions[1], "oper", operator="root", modes="ow")
    assert talk.say("alice", "MODE alice -ow") == {"alice": [":alice MODE alice -ow"]}
    assert not talk.hub.is_operator(talk.hub.sessions[1])


def test_the_longest_command_is_answered_in_bounds(talk: Talk) -> None:
    changes = [c.ModeChange(bool(n % 2), "bXl"[n % 3], "x" * 9) for n in range(c.MAX_LISTED)]
    entries: list[Any] = [c.Mode("#x", changes), c.Mode("#x", [c.ModeChange(True, "b")] * 512)]
    talk.lines.clear()
    for entry in entries:
        talk.apply("alice", entry)
    assert len(talk.lines["alice"]) < 100


@pytest.mark.parametrize("dialect", ["text", "irc"])
def test_the_lobby_was_created_when_the_first_came_into_it(dialect: str) -> None:
    lines = Lines()
    first = lines.text("tom") if dialect == "text" else lines.irc("tom")
    if dialect == "irc":
        lines.send(first, "JOIN #lobby")
    lines.wait(3600)
    alice = lines.irc("alice")
    lines.send(alice, "JOIN #lobby")
    told = lines.send(alice, "MODE #lobby")
    assert told == ["324 alice #lobby +n", f"329 alice #lobby {START // 1_000_000}"]
    assert lines.send(alice, "LIST C>59,#lobby")[1] == "322 alice #lobby 2 :"
    assert lines.send(alice, "LIST C>61,#lobby")[1].startswith("323 ")
