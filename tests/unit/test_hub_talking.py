"""Talking between people of both dialects: who hears what, itself too or not, and labels."""

import pytest

from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.dialects import DIALECTS
from hub_talk import Talk


@pytest.fixture
def talk() -> Talk:
    talk = Talk()
    talk.come("alice", "bob")
    talk.come("echo", caps="echo-message message-tags labeled-response batch")
    talk.come("tess", dialect="text")
    talk.join("#x", "alice", "bob", "echo", "tess")
    return talk


def test_who_speaks_hears_itself_by_its_dialect_and_capabilities(talk: Talk) -> None:
    for nick in ("alice", "echo"):
        talk.apply(nick, c.Send("say", ["#x"], f"from {nick}"))
    talk.apply("tess", c.Say("from tess"))
    assert talk.lines["alice"] == [":echo PRIVMSG #x :from echo", ":tess PRIVMSG #x :from tess"]
    assert talk.lines["echo"] == [
        ":alice PRIVMSG #x :from alice",
        ":echo PRIVMSG #x :from echo",
        ":tess PRIVMSG #x :from tess",
    ]
    assert talk.lines["tess"] == ["alice : from alice", "echo : from echo", "tess : from tess"]
    assert len(talk.lines["bob"]) == 3


def test_private_lines_reach_both_dialects_and_nobody_else(talk: Talk) -> None:
    talk.apply("alice", c.Send("say", ["tess", "bob", "nobody"], "psst"))
    talk.apply("tess", c.Tell("alice", "yes?"))
    assert talk.lines["tess"] == ["[alice -> tess] psst", "[tess -> alice] yes?"]
    assert talk.lines["bob"] == [":alice PRIVMSG bob :psst"]
    assert talk.lines["alice"] == ["401 nobody", ":tess PRIVMSG alice :yes?"]
    assert "echo" not in talk.lines


def test_a_notice_is_never_answered(talk: Talk) -> None:
    talk.apply("alice", c.Send("notice", ["nobody", "#nowhere", "tess"], "psst"))
    assert talk.lines == {"tess": ["[alice -> tess] psst"]}


def test_a_label_is_answered_by_one_line_by_a_batch_or_by_an_ack(talk: Talk) -> None:
    def said(*commands: c.Plain) -> list[str]:
        talk.lines.clear()
        for command in commands:
            talk.apply("echo", c.Labeled("l", command))
        return talk.lines["echo"]

    assert said(c.Send("say", ["#x"], "hi")) == [":echo PRIVMSG #x :hi"]
    assert talk.lines["alice"] == [":echo PRIVMSG #x :hi"]
    assert said(c.Send("notice", ["nobody"], "hi")) == [":chatd ACK"]
    batch = said(c.Send("say", ["#x", "bob"], "hi"))
    assert [line.split()[1] for line in batch] == ["BATCH", "PRIVMSG", "PRIVMSG", "BATCH"]


def test_who_writes_to_itself_is_answered_once_and_written_to_once(talk: Talk) -> None:
    talk.apply("echo", c.Labeled("l", c.Send("say", ["echo"], "hi")))
    assert talk.lines["echo"] == [":echo PRIVMSG echo :hi"] * 2
    talk.come("label", caps="labeled-response batch")
    talk.apply("label", c.Labeled("l", c.Send("say", ["label"], "hi")))
    assert talk.lines["label"] == [":label PRIVMSG label :hi", ":chatd ACK"]


@pytest.mark.parametrize("kind", ["say", "act", "notice"])
@pytest.mark.parametrize("target", ["#x", "@#x", "alice"])
def test_what_is_too_long_for_a_line_is_cut_off_for_everybody(
    talk: Talk, kind: e.TalkKind, target: str
) -> None:
    longest = 0
    for size in (400, 450, 504):
        talk.lines.clear()
        talk.apply("bob", c.Send(kind, [target], "ö" * (size // 2)))
        (line,) = talk.lines["alice"]
        told = talk.hub.facts[-1].text
        assert told in line
        longest = max(longest, len(told.encode()))
    event = next(o.event for o in talk.outcomes if isinstance(o.event, (e.Said, e.Told)))
    data = DIALECTS["irc"].write(event, 0)
    assert 510 < len(data) <= 512
    assert 400 < longest < 504


def test_ctcp_that_is_cut_off_stays_ctcp(talk: Talk) -> None:
    talk.apply("bob", c.Send("say", ["alice"], "\x01PING " + "1" * 490 + "\x01"))
    assert talk.hub.facts[-1].text.endswith("1\x01")
    assert len(DIALECTS["irc"].write(talk.outcomes[-1].event, 0)) == 512


def test_who_does_not_speak_irc_can_say_more_than_a_line_of_it_holds(talk: Talk) -> None:
    talk.apply("tess", c.Say("word " * 200))
    assert talk.hub.facts[-1].text == "word " * 200
    assert len(talk.lines["alice"]) == 3


def test_tags_alone_have_an_id_of_their_own(talk: Talk) -> None:
    ids = []
    for target in ("#x", "#x", "bob"):
        talk.apply("alice", c.Send("tag", [target], "", {"react": "x"}))
        ids += [told.event.stamp.id for told in talk.outcomes]
    assert len(ids) == len(set(ids)) == 3
    assert "" not in ids


@pytest.mark.parametrize(
    "tags",
    [{"a b": "x"}, {"a;b": "x"}, {"": "x"}, {"a\r\nQUIT": "x"}, {"a": "x" * 5000}],
)
def test_tags_that_no_reader_makes_are_not_passed_on(talk: Talk, tags: dict[str, str]) -> None:
    talk.apply("alice", c.Send("say", ["#x"], "hi", tags))
    assert talk.lines == {"alice": ["417"]}


def test_status_messages_reach_operators_alone(talk: Talk) -> None:
    talk.apply("bob", c.Send("say", ["@#x"], "help"))
    assert talk.lines == {"alice": [":bob PRIVMSG @#x :help"]}
    assert talk.hub.facts[-1].kind == "say-status"
