"""The text dialect: what lines mean, and how events look."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.dialects.irc.modes import ROOM_MODES
from chatd_workers.dialects.text import VERBS, read, write
from chatd_workers.dialects.text_modes import FLAGS, MASKS, MEMBERS, SETTINGS, USAGE, changed
from chatd_workers.names import UNSAFE, is_nick, make_safe, strip_formatting
from chatd_workers.problems import NOTICES, PROBLEMS
from chatd_workers.reports import Report, decode_record, encode


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"hello", c.Say("hello")),
        (b"  indented", c.Say("  indented")),
        (b"", None),
        (b"   ", None),
        (b"\t", None),
        ("grüße, 世界 👩‍👩‍👧".encode(), c.Say("grüße, 世界 👩‍👩‍👧")),
        (b"a\tb", c.Say("a b")),
        (b"bell\x07 \x1b[31mred", c.Say("bell\ufffd \ufffd[31mred")),
        (b"\xc2\x9b31m", c.Say("\ufffd31m")),
        (b"bad \xff\xfe utf-8", c.Say("bad \ufffd\ufffd utf-8")),
        ("over\u202eride".encode(), c.Say("over\ufffdride")),
        (b"alice : bonjour", c.SayAs("alice", "bonjour")),
        ("élodie : été".encode(), c.SayAs("élodie", "été")),
        (b"alice : a : b", c.SayAs("alice", "a : b")),
        (b"alice :", c.SayAs("alice", "")),
        (b"alice : ", c.SayAs("alice", "")),
        (b"two words : text", c.Say("two words : text")),
        (b"nice :)", c.Say("nice :)")),
        (b"-x : text", c.Say("-x : text")),
        (b"//etc/passwd", c.Say("/etc/passwd")),
        (b"/help", c.Help()),
        (b"/HELP", c.Help()),
        (b"/nick bob", c.Rename("bob")),
        (b"/nick  bob ", c.Rename("bob")),
        (b"/nick", c.Refuse("missing-nick", "/nick NAME")),
        (b"/join #ops", c.Join("#ops")),
        (b"/join ops", c.Join("#ops")),
        (b"/join ops sesame", c.Join("#ops", "sesame")),
        (b"/join", c.Refuse("missing-room", "/join ROOM [KEY]")),
        (b"/mode", c.Mode("")),
        (b"/mode moderated", c.Mode("", [c.ModeChange(True, "m")])),
        (b"/mode Moderated OFF", c.Mode("", [c.ModeChange(False, "m")])),
        (b"/mode limit 5", c.Mode("", [c.ModeChange(True, "l", "5")])),
        (b"/mode key off", c.Mode("", [c.ModeChange(False, "k")])),
        (b"/mode op bob", c.Mode("", [c.ModeChange(True, "o", "bob")])),
        (b"/mode devoice bob", c.Mode("", [c.ModeChange(False, "v", "bob")])),
        (b"/mode ban *!*@h", c.Mode("", [c.ModeChange(True, "b", "*!*@h")])),
        (b"/mode unban *!*@h", c.Mode("", [c.ModeChange(False, "b", "*!*@h")])),
        (b"/mode admit", c.Mode("", [c.ModeChange(True, "I")])),
        (b"/mode op", c.Refuse("missing-modes", USAGE)),
        (b"/mode key", c.Refuse("missing-modes", USAGE)),
        (b"/mode moderated maybe", c.Refuse("missing-modes", USAGE)),
        (b"/mode +m", c.Refuse("missing-modes", USAGE)),
        (b"/kick bob", c.Kick("", ["bob"])),
        (b"/kick bob  go away", c.Kick("", ["bob"], "go away")),
        (b"/kick", c.Refuse("missing-nick", "/kick NICK [REASON]")),
        (b"/invite bob", c.Invite("bob")),
        (b"/invite", c.Refuse("missing-nick", "/invite NICK")),
        (b"/leave", c.Leave()),
        (b"/msg bob hello there", c.Tell("bob", "hello there")),
        (b"/msg bob", c.Refuse("missing-text", "/msg NICK TEXT")),
        (b"/msg", c.Refuse("missing-nick", "/msg NICK TEXT")),
        (b"/me waves", c.Act("waves")),
        (b"/me", c.Refuse("missing-text", "/me TEXT")),
        (b"/who", c.Who("")),
        (b"/who ops", c.Who("#ops")),
        (b"/whois bob", c.Whois(["bob"])),
        (b"/whois", c.Refuse("missing-nick", "/whois NICK")),
        (b"/away", c.Away("")),
        (b"/away at lunch", c.Away("at lunch")),
        (b"/rooms", c.Rooms()),
        (b"/topic", c.Topic(None)),
        (b"/topic -", c.Topic("")),
        (b"/topic new one", c.Topic("new one")),
        (b"/quit", c.Quit("")),
        (b"/quit bye all", c.Quit("bye all")),
        (b"/bogus x", c.Refuse("unknown-command", "/bogus")),
        (b"/", c.Refuse("unknown-command", "/")),
    ],
)
def test_what_a_line_asks_for(line: bytes, command: c.Command | None) -> None:
    assert read(line) == command


@given(st.binary(max_size=300))
@example(b"/msg \xff")
@example("/nick \u2028".encode())
def test_any_line_becomes_a_valid_record_without_unsafe_characters(line: bytes) -> None:
    command = read(line.replace(b"\n", b"").replace(b"\0", b""))
    if command is None:
        return
    record = Report(1, discarding=False, carry=b"", commands=[command])
    assert decode_record(encode(record)) == record
    for name in command.__struct_fields__:
        value = getattr(command, name)
        assert value is None or not UNSAFE.search(value)


@given(st.binary(min_size=1, max_size=64).map(lambda part: (part * 8192)[:8192]))
@example(b"\xff" * 8192)
@example(b"/nick " + b"x" * 8186)
@example(b"/" + b"x" * 8191)
@example(b"x" * 200 + b" : " + b"y" * 7989)
def test_the_longest_lines_fit_into_a_record(line: bytes) -> None:
    command = read(line)
    if command is not None:
        decode_record(encode(Report(1, discarding=False, carry=b"", commands=[command])))


names = st.from_regex(r"[A-Za-z][A-Za-z0-9_\[\]|^`-]{0,10}", fullmatch=True).filter(is_nick)
texts = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1)
sources = st.builds(e.Source, names)
kinds: st.SearchStrategy[e.TalkKind] = st.sampled_from(["say", "act", "notice"])
times = st.integers(0, 4_000_000_000_000_000)
changes = st.lists(
    st.tuples(st.sampled_from("+-"), st.sampled_from(sorted(ROOM_MODES)), st.just("") | names),
    min_size=1,
).map(tuple)
events: st.SearchStrategy[e.Event] = st.one_of(
    st.builds(e.Said, sources, names, texts, kinds),
    st.builds(e.Told, sources, names, texts, kinds),
    st.builds(e.Joined, sources, names),
    st.builds(e.Left, sources, names, texts),
    st.builds(e.Departed, sources, texts, st.just("") | names),
    st.builds(e.Kicked, sources, names, names, texts),
    st.builds(e.Renamed, sources, names),
    st.builds(e.TopicChanged, sources, names, texts),
    st.builds(e.Closing, texts),
    st.builds(e.Welcomed, names, names, names, texts, st.tuples(names), st.just(2)),
    st.builds(e.RoomsListed, st.tuples(st.tuples(names, st.integers(1, 9), texts)), st.just(1)),
    st.just(e.Helped()),
    st.builds(e.Killed, sources, names, texts),
    st.builds(e.Invited, sources, names, names),
    st.builds(e.Announced, texts, source=st.none() | sources),
    st.builds(e.ModesChanged, sources, names.map("#{}".format), changes),
    st.builds(e.ModesShown, names, st.tuples(st.tuples(st.sampled_from("klmt"), names)), times),
    st.builds(
        e.MasksListed, names, st.sampled_from("beI"), st.tuples(st.tuples(names, names, times))
    ),
    st.builds(e.Informed, st.sampled_from(sorted(NOTICES)), names, names),
)


@given(events)
def test_every_event_is_whole_lines_that_tell_what_they_are(event: e.Event) -> None:
    written = write(event)
    assert written.endswith(b"\n")
    assert b"\0" not in written
    for line in written[:-1].decode().split("\n"):
        match event:
            case e.Said(source, _, text, "say"):
                assert line == f"{source.nick} : {make_safe(strip_formatting(text))}"
            case e.Said(source, kind="notice"):
                assert line.startswith(f"-{source.nick}- ")
            case e.Said():
                assert line.startswith("* ")
            case e.Told():
                assert line.startswith("[")
            case _:
                assert line.startswith("--- ")


@given(names)
def test_no_nick_can_forge_another_kind_of_line(nick: str) -> None:
    said = write(e.Said(e.Source(nick), "#lobby", "text")).decode()
    assert not said.startswith(("---", "* "))
    assert " -> " not in said.partition(" : ")[0]


def test_what_is_said_comes_back_as_it_was_said() -> None:
    assert write(e.Said(e.Source("alice"), "#lobby", "bonjour")) == b"alice : bonjour\n"
    assert write(e.Told(e.Source("alice"), "bob", "hi")) == b"[alice -> bob] hi\n"


@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_problem_has_a_sentence(problem: str) -> None:
    sentence = write(e.Refused(problem, "VALUE", "ABOUT")).decode()
    assert sentence.startswith("--- ")
    assert ("VALUE" in sentence) == ("{value}" in PROBLEMS[problem])
    about = "{about}" in PROBLEMS[problem] or "{room}" in PROBLEMS[problem]
    assert ("ABOUT" in sentence) == about


def test_help_lists_every_command() -> None:
    shown = write(e.Helped()).decode()
    assert all(verb.usage in shown for verb in VERBS.values())


def test_there_is_a_word_for_every_mode_of_a_room() -> None:
    letters = [*FLAGS.values(), *SETTINGS.values()]
    letters += [letter for letter, _ in (MASKS | MEMBERS).values()]
    assert set(letters) == set(ROOM_MODES)


@pytest.mark.parametrize("line", ["moderated off", "op bob", "unban *!*@h", "limit 5", "key off"])
def test_what_was_done_is_told_as_it_is_asked_for(line: str) -> None:
    command = read(f"/mode {line}".encode())
    assert isinstance(command, c.Mode)
    (change,) = command.changes
    assert changed([("-+"[change.add], change.letter, change.parameter or "")]) == line


def test_what_is_told_to_members_of_irc_alone_says_nothing() -> None:
    assert not write(e.Invited(e.Source("alice"), "bob", "#ops", notify=True))
    assert not write(e.ModesChanged(None, "alice", (("+", "r", ""),)))
