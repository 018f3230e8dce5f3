"""What clients of IRC are sent: each event, by what the recipient has capabilities for."""

import pytest

from chatd_workers import events as e
from chatd_workers.capabilities import view_of
from chatd_workers.dialects.irc.grammar import parse
from chatd_workers.dialects.irc.writer import Writer
from chatd_workers.problems import NOTICES

WRITER = Writer("irc.example.org")
AT = 1795_429_920_123_456
TIME = "time=2026-11-23T10:32:00.123Z"
ALICE = e.Source("alice", "al", "10.0.0.1", "ally", "Alice A.")
ROBOT = e.Source("robot", "r", "10.0.0.2", bot=True)
STAMP = e.Stamp(AT, "f00-1")
TAGS = (("typing", "active"), ("draft/reply", "a;b c"), ("x", ""))
HERE = ":irc.example.org"
HER = ":alice!al@10.0.0.1"


def lines(event: e.Event, names: str = "") -> list[str]:
    data = WRITER.write(event, view_of(names.split()))
    assert data.endswith(b"\r\n") or not data
    return data.decode().split("\r\n")[:-1]


@pytest.mark.parametrize(
    ("event", "names", "wanted"),
    [
        (e.Joined(ALICE, "#x"), "", [f"{HER} JOIN #x"]),
        (e.Joined(ALICE, "#x"), "extended-join", [f"{HER} JOIN #x ally :Alice A."]),
        (
            e.Joined(ROBOT, "#x"),
            "extended-join",
            [":robot!r@10.0.0.2 JOIN #x * :"],
        ),
        (e.Joined(ALICE, "#x", away="lunch"), "", [f"{HER} JOIN #x"]),
        (
            e.Joined(ALICE, "#x", STAMP, away="lunch"),
            "away-notify server-time message-tags",
            [f"@{TIME};msgid=f00-1 {HER} JOIN #x", f"@{TIME} {HER} AWAY :lunch"],
        ),
        (e.Left(ALICE, "#x", ""), "", [f"{HER} PART #x"]),
        (e.Left(ALICE, "#x", "bye all"), "", [f"{HER} PART #x :bye all"]),
        (e.Departed(ALICE, "Quit: bye"), "", [f"{HER} QUIT :Quit: bye"]),
        (e.Kicked(ALICE, "#x", "bob", "enough"), "", [f"{HER} KICK #x bob :enough"]),
        (e.Kicked(ALICE, "#x", "bob", ""), "", [f"{HER} KICK #x bob :alice"]),
        (e.Renamed(ALICE, "alicia"), "", [f"{HER} NICK alicia"]),
        (e.Closing("goodbye"), "server-time", ["ERROR :Closing Link: goodbye"]),
        (e.TopicChanged(ALICE, "#x", "tea"), "", [f"{HER} TOPIC #x :tea"]),
        (e.TopicChanged(ALICE, "#x", ""), "", [f"{HER} TOPIC #x :"]),
        (e.Invited(ALICE, "bob", "#x"), "", [f"{HER} INVITE bob #x"]),
        (e.Invited(ALICE, "bob", "#x", notify=True), "", []),
        (e.Invited(ALICE, "bob", "#x", notify=True), "invite-notify", [f"{HER} INVITE bob #x"]),
        (e.AwayChanged(ALICE, "lunch"), "", []),
        (e.AwayChanged(ALICE, "lunch"), "away-notify", [f"{HER} AWAY :lunch"]),
        (e.AwayChanged(ALICE, ""), "away-notify", [f"{HER} AWAY"]),
        (e.AccountChanged(ALICE), "", []),
        (e.AccountChanged(ALICE), "account-notify", [f"{HER} ACCOUNT ally"]),
        (e.AccountChanged(ROBOT), "account-notify", [":robot!r@10.0.0.2 ACCOUNT *"]),
        (e.HostChanged(ALICE, "a", "cloak"), "", []),
        (e.HostChanged(ALICE, "a", "cloak"), "chghost", [f"{HER} CHGHOST a cloak"]),
        (e.RealnameChanged(ALICE), "", []),
        (e.RealnameChanged(ALICE), "setname", [f"{HER} SETNAME :Alice A."]),
        (e.Announced("at noon"), "", [f"{HERE} NOTICE * :at noon"]),
        (e.Announced("at noon", "bob", ALICE), "", [f"{HER} NOTICE bob :at noon"]),
        (e.Announced("at noon", "bob", ALICE, wallops=True), "", [f"{HER} WALLOPS :at noon"]),
    ],
)
def test_what_people_do(event: e.Event, names: str, wanted: list[str]) -> None:
    assert lines(event, names) == wanted


@pytest.mark.parametrize(
    ("event", "names", "wanted"),
    [
        (e.Said(ALICE, "#x", "hi"), "", [f"{HER} PRIVMSG #x :hi"]),
        (e.Said(ALICE, "#x", "hi", status="@"), "", [f"{HER} PRIVMSG @#x :hi"]),
        (e.Said(ALICE, "#x", ":-)", "notice"), "", [f"{HER} NOTICE #x ::-)"]),
        (e.Said(ALICE, "#x", "waves", "act"), "", [f"{HER} PRIVMSG #x :\x01ACTION waves\x01"]),
        (e.Said(ALICE, "#x", "", "tag", STAMP, tags=TAGS), "server-time", []),
        (
            e.Said(ALICE, "#x", "", "tag", STAMP, tags=TAGS),
            "message-tags",
            [rf"@msgid=f00-1;+typing=active;+draft/reply=a\:b\sc;+x {HER} TAGMSG #x"],
        ),
        (e.Told(ALICE, "bob", "psst"), "", [f"{HER} PRIVMSG bob :psst"]),
        (e.Told(ALICE, "bob", "psst", "notice"), "", [f"{HER} NOTICE bob :psst"]),
        (
            e.Said(ALICE, "#x", "hi", stamp=STAMP, tags=TAGS),
            "server-time",
            [f"@{TIME} {HER} PRIVMSG #x :hi"],
        ),
        (
            e.Said(ALICE, "#x", "hi", stamp=STAMP),
            "account-tag",
            [f"@account=ally {HER} PRIVMSG #x :hi"],
        ),
        (
            e.Said(ALICE, "#x", "hi", stamp=STAMP),
            "account-tag server-time message-tags batch labeled-response",
            [f"@{TIME};msgid=f00-1;account=ally {HER} PRIVMSG #x :hi"],
        ),
        (
            e.Told(ROBOT, "bob", "hi", stamp=STAMP, tags=(("x", "y"),)),
            "message-tags account-tag",
            ["@msgid=f00-1;bot;+x=y :robot!r@10.0.0.2 PRIVMSG bob :hi"],
        ),
        (
            e.Said(ALICE, "#x", "hi", stamp=STAMP, tags=TAGS),
            "batch labeled-response echo-message",
            [f"{HER} PRIVMSG #x :hi"],
        ),
    ],
)
def test_what_people_say(event: e.Event, names: str, wanted: list[str]) -> None:
    assert lines(event, names) == wanted


def test_a_text_that_fits_exactly_is_one_line() -> None:
    room = 510 - len(f"{HER} PRIVMSG #x :")
    assert len(lines(e.Said(ALICE, "#x", "y" * room))) == 1
    assert len(lines(e.Said(ALICE, "#x", "y" * (room + 1)))) == 2


@pytest.mark.parametrize("text", ["word " * 300, "é" * 700, "x" * 8000])
@pytest.mark.parametrize("kind", ["say", "act", "notice"])
def test_a_long_text_goes_on_in_lines_that_are_told_apart_by_one_id(
    kind: e.TalkKind, text: str
) -> None:
    event = e.Said(ALICE, "#x", text, kind, STAMP, tags=(("x", "y"),))
    messages = [parse(line) for line in lines(event, "message-tags server-time account-tag")]
    assert len(messages) > 1
    said = ""
    for place, message in enumerate(messages):
        assert message is not None
        assert ("msgid" in message.tags) == (place == 0)
        assert ("+x" in message.tags) == (place == 0)
        assert message.tags["time"]
        assert message.tags["account"] == "ally"
        piece = message.params[1]
        if kind == "act":
            assert piece.startswith("\x01ACTION ")
            assert piece.endswith("\x01")
            piece = piece[8:-1]
        said += piece
    assert said.replace(" ", "") == text.replace(" ", "")


def test_a_long_ctcp_is_clipped_and_ends_as_one() -> None:
    (line,) = lines(e.Told(ALICE, "bob", "\x01" + "PING 1" * 200 + "\x01"))
    assert line.startswith(f"{HER} PRIVMSG bob :\x01PING")
    assert line.endswith("\x01")
    assert len(line) == 510


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ((("+", "m", ""),), ["+m"]),
        ((("+", "o", "bob"), ("+", "v", "eve"), ("-", "i", "")), ["+ov-i bob eve"]),
        ((("-", "k", "*"), ("-", "l", ""), ("+", "b", "a!*@*")), ["-kl+b * a!*@*"]),
        ((("+", "k", "a b"),), ["+k *"]),
    ],
)
def test_modes(changes: tuple[tuple[str, str, str], ...], wanted: list[str]) -> None:
    assert lines(e.ModesChanged(ALICE, "#x", changes)) == [f"{HER} MODE #x {w}" for w in wanted]
    assert lines(e.ModesChanged(None, "#x", changes)) == [f"{HERE} MODE #x {w}" for w in wanted]


def test_many_modes_are_several_lines_with_one_id() -> None:
    changes = tuple(("+", "b", f"nick{number}!*@*") for number in range(30))
    event = e.ModesChanged(ALICE, "#x", changes, STAMP)
    messages = [parse(line) for line in lines(event, "message-tags server-time")]
    masks: list[str] = []
    for place, message in enumerate(messages):
        assert message is not None
        assert len(message.params) <= 15
        assert message.params[1] == "+" + "b" * (len(message.params) - 2)
        assert ("msgid" in message.tags) == (place == 0)
        masks += message.params[2:]
    assert masks == [mask for _, _, mask in changes]


@pytest.mark.parametrize(
    ("event", "names", "wanted"),
    [
        (
            e.TopicShown("#x", "tea time", "bob", "alice", AT),
            "",
            [f"{HERE} 332 bob #x :tea time", f"{HERE} 333 bob #x alice 1795429920"],
        ),
        (e.TopicShown("#x", "tea", "bob"), "", [f"{HERE} 332 bob #x :tea"]),
        (e.TopicShown("#x", "", "bob"), "", [f"{HERE} 331 bob #x :No topic is set"]),
        (e.TopicShown("#x", "", "bob", joining=True), "", []),
        (e.ReadMarked("#x", AT), "", []),
        (
            e.ReadMarked("#x", AT),
            "draft/read-marker",
            [f"{HERE} MARKREAD #x timestamp=2026-11-23T10:32:00.123Z"],
        ),
        (e.ReadMarked("#x", 0), "draft/read-marker", [f"{HERE} MARKREAD #x *"]),
        (
            e.StandardReply("FAIL", "REGISTER", "WEAK_PASSWORD", ("*",), "too short"),
            "",
            [f"{HERE} FAIL REGISTER WEAK_PASSWORD * :too short"],
        ),
        (
            e.StandardReply("NOTE", "*", "OPER", (), "well done", "bob"),
            "",
            [f"{HERE} NOTICE bob :well done"],
        ),
        (
            e.StandardReply("WARN", "REHASH", "CERTS_EXPIRED", ("a b",), "expired"),
            "standard-replies",
            [f"{HERE} WARN REHASH CERTS_EXPIRED * :expired"],
        ),
        (e.Replied("PONG", ("irc", "x")), "", [f"{HERE} PONG irc :x"]),
        (e.Replied("PONG", ("irc", "")), "", [f"{HERE} PONG irc :"]),
        (e.Replied("AUTHENTICATE", ("+",), relayed=False), "", ["AUTHENTICATE +"]),
        (e.Replied("ACK", ()), "", [f"{HERE} ACK"]),
        (
            e.Replied("REGISTER", ("SUCCESS", "ally", "made it")),
            "",
            [f"{HERE} REGISTER SUCCESS ally :made it"],
        ),
        (e.Replied("CAP", ("bob", "LS", "")), "", [f"{HERE} CAP bob LS :"]),
        (e.Replied("CAP", ("*", "ACK", "batch")), "", [f"{HERE} CAP * ACK :batch"]),
        (e.Replied("CAP", ("*", "LS", "*", "a b")), "", [f"{HERE} CAP * LS * :a b"]),
    ],
)
def test_answers(event: e.Event, names: str, wanted: list[str]) -> None:
    assert lines(event, names) == wanted


def test_a_long_list_of_capabilities_is_several_lines() -> None:
    names = [f"example.org/capability-{number}" for number in range(60)]
    listed = lines(e.Replied("CAP", ("bob", "LS", " ".join(names))))
    assert len(listed) > 2
    found: list[str] = []
    for line in listed:
        message = parse(line)
        assert message is not None
        *params, words = message.params
        assert params == (["bob", "LS"] if line is listed[-1] else ["bob", "LS", "*"])
        found += words.split(" ")
    assert found == names
    for line in lines(e.Replied("CAP", ("bob", "ACK", " ".join(names)))):
        assert line.startswith(f"{HERE} CAP bob ACK :")


MEMBERS = (
    e.Member("alice", "al", "10.0.0.1", "ov"),
    e.Member("bob", "b", "::1", "v"),
    e.Member("eve", "e", "host", ""),
)


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ("", "@alice +bob eve"),
        ("multi-prefix", "@+alice +bob eve"),
        ("userhost-in-names", "@alice!al@10.0.0.1 +bob!b@::1 eve!e@host"),
    ],
)
def test_names(names: str, wanted: str) -> None:
    event = e.NamesListed("bob", "#x", "=", MEMBERS, implicit=True)
    end = f"{HERE} 366 bob #x :End of /NAMES list"
    assert lines(event, names) == [f"{HERE} 353 bob = #x :{wanted}", end]


@pytest.mark.parametrize("name", ["no-implicit-names", "draft/no-implicit-names"])
def test_who_wants_no_implicit_names_must_ask(name: str) -> None:
    assert lines(e.NamesListed("bob", "#x", "=", MEMBERS, implicit=True), name) == []
    assert len(lines(e.NamesListed("bob", "#x", "=", MEMBERS), name)) == 2


def test_names_of_a_room_that_is_not_there() -> None:
    end = f"{HERE} 366 bob #x :End of /NAMES list"
    assert lines(e.NamesListed("bob", "#x", "", ())) == [end]


def test_a_large_room_has_all_its_names_in_lines_that_fit() -> None:
    members = tuple(e.Member(f"nick{number}", "u", "h", "") for number in range(2000))
    *listed, _ = lines(e.NamesListed("bob", "#x", "@", members))
    found = [name for line in listed for name in line.partition(" :")[2].split(" ")]
    assert found == [member.nick for member in members]
    assert max(map(len, listed)) <= 510
    assert min(map(len, listed[:-1])) > 500


def test_the_greeting() -> None:
    tokens = tuple(f"TOKEN{number}={number}" for number in range(30))
    event = e.Registered("bob", ALICE, "x", "Example", "chatd 1.0", "today", tokens)
    messages = [parse(line) for line in lines(event)]
    assert [message.verb for message in messages if message] == [
        *("001", "002", "003", "004"),
        *("005", "005", "005"),
    ]
    found: list[str] = []
    for message in messages:
        assert message is not None
        assert message.source == "irc.example.org"
        assert message.params[0] == "bob"
        if message.verb == "005":
            assert len(message.params) <= 15
            assert message.params[-1] == "are supported by this server"
            found += message.params[1:-1]
    assert tuple(found) == tokens
    assert messages[3] is not None
    assert messages[3].params[:4] == ("bob", "irc.example.org", "chatd-1.0", "BRTgiorw")


@pytest.mark.parametrize("notice", NOTICES)
def test_whatever_was_done_is_told_in_one_line(notice: str) -> None:
    (line,) = lines(e.Informed(notice, "ally", "#x", "bob"))
    message = parse(line)
    assert message is not None
    if notice == "account-made":
        assert message.verb == "REGISTER"
        assert message.params[:2] == ("SUCCESS", "ally")
        return
    assert message.params[0] == "bob"
    assert message.verb == "NOTICE" or message.verb.isdigit()


def test_who_logs_in_or_out_is_told_by_numerics() -> None:
    who = "alice!al@10.0.0.1"
    assert lines(e.Informed("logged-in", "ally", who, "alice")) == [
        f"{HERE} 900 alice {who} ally :You are now logged in as ally"
    ]
    assert lines(e.Informed("logged-out", "ally", who, "alice")) == [
        f"{HERE} 901 alice {who} :You are now logged out"
    ]


@pytest.mark.parametrize(
    "event",
    [
        e.Welcomed("chatd", "bob", "#x", "", (), 1),
        e.Hinted(),
        e.Entered("#x", "", (), 1),
        e.Members("#x", ("bob",), 1),
        e.Helped(),
    ],
)
def test_what_is_for_those_in_one_room_is_not_written(event: e.Event) -> None:
    assert lines(event) == []


@pytest.mark.parametrize(("name", "source"), [("My Server", "My_Server"), (" ", "chatd")])
def test_the_servers_name_is_one_word(name: str, source: str) -> None:
    assert Writer(name).write(e.Replied("ACK", ()), 0) == f":{source} ACK\r\n".encode()


def test_who_is_known_by_nick_alone_has_a_source_all_the_same() -> None:
    assert lines(e.Renamed(e.Source("bob"), "rob")) == [":bob!*@* NICK rob"]


def test_what_is_too_long_is_clipped_between_characters() -> None:
    (line,) = lines(e.Replied("PONG", ("irc.example.org", "é" * 300)))
    assert 509 <= len(line.encode()) <= 510
    assert line.rstrip("é") == f"{HERE} PONG irc.example.org :"


def test_no_line_has_more_than_fifteen_parameters() -> None:
    for event in (
        e.Numeric("bob", "RPL_WHOSPCRPL", ("x",) * 30),
        e.Numeric("bob", "RPL_ISUPPORT", ("X=1",) * 30),
        e.Replied("REGISTER", ("x",) * 30),
    ):
        (line,) = lines(event)
        head, _, text = line.removeprefix(":").partition(" :")
        assert len(head.split(" ")) - 2 + bool(text) == 15


def test_a_long_announcement_goes_on_in_the_next_line() -> None:
    first, *others = lines(e.Announced("word " * 300, "bob", None, stamp=STAMP), "message-tags")
    assert first.startswith(f"@msgid=f00-1 {HERE} NOTICE bob :word ")
    assert len(others) == 3
    assert all(line.startswith(f"{HERE} NOTICE bob :word ") for line in others)
