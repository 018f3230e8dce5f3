"""Accounts in the hub: who is whose, by SASL and by words, and what comes of it."""

import base64
import hashlib
import hmac
from typing import Any

import pytest

import account_samples
from chatd_supervisor.bans import Ban
from chatd_supervisor.hub import Delivery, Leaving, Rules
from chatd_supervisor.hub.logins import MAX_FAILURES
from chatd_supervisor.journal.accounts import Added, Certified, Rekeyed, Removed, Suspended
from chatd_supervisor.passwords import BUSY
from chatd_supervisor.questions import Answer, Check, Derive, Question
from chatd_workers import commands as c
from chatd_workers.commands import MAX_DATE, MIN_DATE
from chatd_workers.events import Answered
from hub_talk import Talk

RULES = Rules(history_on_join=0, require_email=False, min_password_length=3)
FINGERPRINT = "ab" * 32


def plain(account: str, password: str, authzid: str = "") -> str:
    return base64.b64encode(f"{authzid}\0{account}\0{password}".encode()).decode()


@pytest.fixture
def talk() -> Talk:
    """Alice has an account, with the password sesame; Bob and Carol are there, in #x."""
    talk = Talk(RULES)
    talk.hub.accounts.change(Added(account_samples.account("Alice")))
    talk.come("bob", "carol")
    talk.join("#x", "bob", "carol")
    return talk


def sasl(talk: Talk, nick: str, *lines: str) -> list[str]:
    """Have ``nick`` say AUTHENTICATE with ``lines``; return the answer to the last."""
    heard: dict[str, list[str]] = {}
    for line in lines:
        heard = talk.say(nick, f"AUTHENTICATE {line}")
    return heard.get(nick, [])


def record(talk: Talk, nick: str) -> Any:
    return talk.hub.sessions[talk.numbers[nick]].record


LOGGED_IN = ["900 bob!~bob@h Alice", "903"]


def test_plain(talk: Talk) -> None:
    assert sasl(talk, "bob", "PLAIN") == ["AUTHENTICATE +"]
    assert sasl(talk, "bob", plain("alice", "sesame")) == LOGGED_IN
    assert talk.asked == Check("$argon2id$of sesame", "sesame")
    assert record(talk, "bob").account == "Alice"
    assert record(talk, "bob").modes == "r"
    assert record(talk, "bob").authenticating == record(talk, "bob").exchange == ""


@pytest.mark.parametrize(
    "message",
    [
        plain("alice", "wrong"),
        plain("nobody", "sesame"),
        plain("alice", "sesame", "bob"),
        base64.b64encode(b"alice").decode(),
        "!!!",
        "YQ",
        "+",
    ],
)
def test_what_proves_nothing(talk: Talk, message: str) -> None:
    assert sasl(talk, "bob", "PLAIN", message) == ["904"]
    assert record(talk, "bob").account == ""
    # And from the beginning.
    assert sasl(talk, "bob", "PLAIN", plain("alice", "sesame"))[:2] == LOGGED_IN


def test_a_message_in_pieces_is_nowhere_but_in_memory(talk: Talk) -> None:
    password = "x" * 397
    talk.hub.accounts.change(Added(account_samples.account("carla", password)))
    text = plain("carla", password)
    first, second = text[:400], text[400:]
    assert sasl(talk, "bob", "PLAIN", first) == []
    assert talk.asked is None
    assert sasl(talk, "bob", second)[0] == "900 bob!~bob@h carla"
    assert not any(piece in str(talk.hub.facts) for piece in (first, second, password))


def test_a_message_that_fills_its_pieces_ends_with_an_empty_one(talk: Talk) -> None:
    password = "x" * (300 - len("\0carla\0"))
    talk.hub.accounts.change(Added(account_samples.account("carla", password)))
    text = plain("carla", password)
    assert len(text) == 400
    assert sasl(talk, "bob", "PLAIN", text, "+")[0] == "900 bob!~bob@h carla"


def test_too_much_is_refused_and_ends_it(talk: Talk) -> None:
    assert sasl(talk, "bob", "PLAIN", "A" * 401) == ["905"]
    assert sasl(talk, "bob", "PLAIN", *["A" * 400] * 4) == []
    assert sasl(talk, "bob", "A" * 400) == ["904"]
    assert record(talk, "bob").authenticating == ""
    assert talk.hub.pieces.of(1) == ""


def test_who_goes_leaves_no_pieces(talk: Talk) -> None:
    sasl(talk, "bob", "PLAIN", "A" * 400)
    assert talk.hub.pieces.of(1)
    talk.apply("bob", c.Depart("gone"))
    assert not talk.hub.pieces.of(1)


def test_pieces_count_when_they_are_written_down(talk: Talk) -> None:
    pieces = talk.hub.pieces
    pieces.set(1, "AAAA")
    pieces.forget()
    assert pieces.of(1) == ""
    pieces.set(1, "AAAA")
    pieces.keep()
    pieces.set(1, "")
    assert pieces.of(1) == ""
    pieces.forget()
    assert pieces.of(1) == "AAAA"
    pieces.set(1, "")
    pieces.keep()
    pieces.forget()
    assert pieces.of(1) == ""


def test_scram(talk: Talk) -> None:
    first = "n=alice,r=mine"
    assert sasl(talk, "bob", "SCRAM-SHA-256") == ["AUTHENTICATE +"]
    (line,) = sasl(talk, "bob", encoded(f"n,,{first}"))
    challenge = base64.b64decode(line.removeprefix("AUTHENTICATE ")).decode()
    fields = dict(part.split("=", 1) for part in challenge.split(","))
    assert fields["r"].startswith("mine")
    proof, signature = scram(fields, first, challenge, "sesame")
    answer = sasl(talk, "bob", encoded(proof))
    assert answer == [f"AUTHENTICATE {encoded(f'v={signature}')}"]
    assert sasl(talk, "bob", "+") == LOGGED_IN
    assert talk.asked is None


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def scram(fields: dict[str, str], first: str, challenge: str, password: str) -> tuple[str, str]:
    """Return the proof of a client, and the signature that it expects (RFC 5802, section 3)."""
    salt = base64.b64decode(fields["s"])
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, int(fields["i"]))
    bare = f"c=biws,r={fields['r']}"
    covered = f"{first},{challenge},{bare}".encode()
    key = hmac.digest(salted, b"Client Key", "sha256")
    signed = hmac.digest(hashlib.sha256(key).digest(), covered, "sha256")
    proof = bytes(a ^ b for a, b in zip(key, signed, strict=True))
    server = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), covered, "sha256")
    return f"{bare},p={base64.b64encode(proof).decode()}", base64.b64encode(server).decode()


def test_external_by_a_certificate_and_by_the_kernels_word(talk: Talk) -> None:
    assert sasl(talk, "bob", "EXTERNAL", "+") == ["904"]
    talk.hub.accounts.change(Certified("alice", FINGERPRINT))
    talk.hub.change(talk.hub.sessions[1], "secured", fingerprint=FINGERPRINT)
    assert sasl(talk, "bob", "EXTERNAL", "+") == LOGGED_IN
    assert sasl(talk, "bob", "EXTERNAL", encoded("carol")) == ["904"]
    talk.hub.change(talk.hub.sessions[2], "secured", local_user="alice")
    assert sasl(talk, "carol", "EXTERNAL", encoded("alice"))[1:] == ["903"]
    talk.come("dave")
    talk.hub.change(talk.hub.sessions[3], "secured", local_user="dave")
    assert sasl(talk, "dave", "EXTERNAL", "+") == ["904"]


def test_which_mechanisms_there_are_depends_on_the_connection(talk: Talk) -> None:
    def offered(nick: str) -> str:
        words = " ".join(talk.say(nick, "CAP LS 302")[nick]).split()
        return next(word for word in words if word.lstrip(":").startswith("sasl="))

    assert offered("bob") == "sasl=PLAIN,SCRAM-SHA-256"
    talk.hub.change(talk.hub.sessions[2], "secured", fingerprint=FINGERPRINT)
    assert offered("carol") == "sasl=PLAIN,EXTERNAL,SCRAM-SHA-256"


def test_who_gives_up_or_does_not_wait_is_told(talk: Talk) -> None:
    assert sasl(talk, "bob", "PLAIN", "*") == ["906"]
    assert sasl(talk, "bob", "*") == ["906"]
    talk.numbers["dave"] = 3
    talk.apply("dave", c.Arrive("irc", "h"))
    talk.say("dave", "CAP REQ sasl")
    sasl(talk, "dave", "PLAIN", "A" * 400)
    talk.say("dave", "NICK dave")
    talk.say("dave", "USER dave 0 * :Dave")
    lines = talk.say("dave", "CAP END")["dave"]
    assert lines[0] == "906"
    assert lines[1].startswith("001")
    assert talk.hub.pieces.of(3) == ""
    assert record(talk, "dave").authenticating == ""


def test_an_unknown_mechanism(talk: Talk) -> None:
    assert sasl(talk, "bob", "FOO") == ["908 PLAIN,SCRAM-SHA-256", "904"]


def test_a_suspended_account_is_told_to_who_knows_its_password(talk: Talk) -> None:
    talk.hub.accounts.change(Suspended("alice", suspended=True))
    assert sasl(talk, "bob", "PLAIN", plain("alice", "wrong")) == ["904"]
    assert sasl(talk, "bob", "PLAIN", plain("alice", "sesame")) == ["902"]
    assert talk.say("bob", "NS IDENTIFY alice sesame") == {
        "bob": [":chatd NOTICE bob :account alice is suspended"]
    }


@pytest.mark.parametrize("change", ["other-password", "gone", "busy"])
def test_what_has_changed_while_it_was_checked_counts(talk: Talk, change: str) -> None:
    def answer(question: Question) -> Answer:
        if change == "busy":
            return BUSY
        kept = account_samples.credentials("other")
        talk.hub.accounts.change(Removed("alice") if change == "gone" else Rekeyed("alice", kept))
        return account_samples.answer(question)

    talk.answer = answer
    assert sasl(talk, "bob", "PLAIN", plain("alice", "sesame")) == ["904"]
    assert record(talk, "bob").account == ""


def test_without_an_answer_nobody_is_logged_in(talk: Talk) -> None:
    """As it would be if a worker reported such a command among others."""
    talk.hub.apply(1, c.Authenticate("PLAIN"))
    talk.hub.apply(1, c.Authenticate(plain("alice", "sesame")))
    talk.hub.apply(1, c.Identify("alice", "sesame"))
    talk.hub.apply(1, c.Register("", "", "sesame"))
    assert record(talk, "bob").account == ""
    assert talk.hub.accounts.find("bob") is None


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        (0, 100, ["900 bob!~bob@h Alice", "903"]),
        (100, 100, ["900 bob!~bob@h Alice", "903"]),
        (101, 3000, "this certificate is not valid before 1970-01-01 00:01 UTC"),
        (0, 99, "this certificate has expired, it was valid until 1970-01-01 00:01 UTC"),
        (MIN_DATE, MIN_DATE, "this certificate has expired, it was valid until 0001-01-01 00:00"),
        (MAX_DATE, MAX_DATE, "this certificate is not valid before 9999-12-31 23:59 UTC"),
    ],
)
def test_a_certificate_out_of_date_logs_nobody_in(
    talk: Talk, since: int, until: int, said: list[str] | str
) -> None:
    talk.hub.now = 100_999_999
    talk.hub.accounts.change(Certified("Alice", FINGERPRINT))
    talk.apply("bob", c.Secured("TLSv1.3", "X", FINGERPRINT, since, until))
    heard = sasl(talk, "bob", "EXTERNAL", "+")
    if isinstance(said, list):
        assert heard == said
        return
    assert heard == ["904"]
    events = [outcome.event for outcome in talk.outcomes if isinstance(outcome, Delivery)]
    assert any(said in str(event) for event in events)
    assert record(talk, "bob").failures == 1
    # What it knows beside its certificate is as good as ever.
    assert sasl(talk, "bob", "PLAIN", plain("alice", "sesame")) == LOGGED_IN


def test_whoever_guesses_is_let_go(talk: Talk) -> None:
    for _ in range(MAX_FAILURES - 2):
        assert sasl(talk, "bob", "PLAIN", plain("alice", "wrong")) == ["904"]
    talk.say("bob", "NS IDENTIFY alice wrong")
    assert 1 in talk.hub.sessions
    talk.say("bob", "NS IDENTIFY alice wrong")
    assert isinstance(talk.outcomes[-1], Leaving)
    assert 1 not in talk.hub.sessions


@pytest.mark.parametrize(
    ("line", "answered"),
    [
        ("NS IDENTIFY alice wrong", ["464"]),
        ("AUTHENTICATE !!!", ["904"]),
        ("NS IDENTIFY alice sesame", ["BATCH", "900", "465", "BATCH"]),
    ],
)
def test_whoever_is_let_go_is_answered_first(talk: Talk, line: str, answered: list[str]) -> None:
    ban = Ban(kind="account", mask="Alice", since=0)
    talk.come("dave", caps="labeled-response batch")
    number = talk.numbers["dave"]
    talk.hub.state.bans.set(ban)
    talk.hub.change(talk.hub.sessions[number], "test", failures=MAX_FAILURES - 1)
    if line.startswith("AUTHENTICATE"):
        talk.say("dave", "AUTHENTICATE PLAIN")
    heard = talk.say("dave", f"@label=x {line}")["dave"]
    assert [each.removeprefix(":chatd ").split()[0] for each in heard] == answered
    last, leaving = talk.outcomes[-2:]
    assert isinstance(last, Delivery)
    assert isinstance(last.event, Answered)
    assert isinstance(leaving, Leaving)
    assert leaving.session == number


def test_others_hear_of_an_account_if_they_want_to(talk: Talk) -> None:
    talk.say("carol", "CAP REQ account-notify")
    talk.say("bob", "CAP REQ account-notify")
    talk.lines.clear()
    sasl(talk, "bob", "PLAIN", plain("alice", "sesame"))
    assert talk.lines == {
        "bob": [*LOGGED_IN, ":bob ACCOUNT Alice"],
        "carol": [":bob ACCOUNT Alice"],
    }


def test_who_is_logged_in_can_log_in_again_and_as_another(talk: Talk) -> None:
    talk.hub.accounts.change(Added(account_samples.account("dora")))
    sasl(talk, "bob", "PLAIN", plain("alice", "sesame"))
    assert sasl(talk, "bob", "PLAIN", plain("alice", "sesame")) == LOGGED_IN
    assert sasl(talk, "bob", "PLAIN", plain("dora", "sesame"))[0] == "900 bob!~bob@h dora"


# Making accounts


def refused(talk: Talk, nick: str, line: str) -> str:
    (answer,) = talk.say(nick, line)[nick]
    return answer.partition(" :")[0].removeprefix(":chatd FAIL REGISTER ")


def test_an_account_is_made_and_used(talk: Talk) -> None:
    assert talk.say("bob", "REGISTER * * sesame")["bob"] == [
        ":chatd REGISTER SUCCESS bob :account bob is made",
        "900 bob!~bob@h bob",
    ]
    account = talk.hub.accounts.find("BOB")
    assert account is not None
    assert (account.name, account.email) == ("bob", "")
    assert talk.asked == Derive("sesame")
    assert record(talk, "bob").account == "bob"
    assert sasl(talk, "carol", "PLAIN", plain("bob", "sesame"))[1:] == ["903"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("REGISTER alice * sesame", "ACCOUNT_EXISTS Alice"),
        ("REGISTER carol * sesame", "ACCOUNT_EXISTS carol"),
        ("REGISTER nickserv * sesame", "BAD_ACCOUNT_NAME nickserv"),
        ("REGISTER a,b * sesame", "BAD_ACCOUNT_NAME a,b"),
        ("REGISTER GUEST12 * sesame", "BAD_ACCOUNT_NAME GUEST12"),
        (f"REGISTER {'x' * 25} * sesame", f"BAD_ACCOUNT_NAME {'x' * 25}"),
        ("REGISTER * nowhere sesame", "INVALID_EMAIL bob"),
        ("REGISTER * * se", "WEAK_PASSWORD bob"),
    ],
)
def test_what_cannot_be_an_account(talk: Talk, line: str, code: str) -> None:
    assert refused(talk, "bob", line) == code
    assert talk.asked is None


def test_a_password_that_cannot_be_one_is_not_hashed(talk: Talk) -> None:
    talk.come("tom", dialect="text")
    assert talk.say("tom", f"/register {'x' * 501}") == {
        "tom": ["--- this cannot be a password: it has more than 500 bytes"]
    }
    assert talk.asked is None


def test_who_can_make_one_is_the_configurations_to_say(talk: Talk) -> None:
    talk.numbers["dave"] = 3
    talk.apply("dave", c.Arrive("irc", "h"))
    assert refused(talk, "dave", "REGISTER * * sesame") == "NEED_NICK *"
    talk.hub.rules = RULES._replace(before_connect=False)
    assert refused(talk, "dave", "REGISTER * * x") == "COMPLETE_CONNECTION_REQUIRED *"
    talk.hub.rules = RULES._replace(require_email=True)
    assert refused(talk, "bob", "REGISTER * * sesame") == "INVALID_EMAIL bob"
    talk.hub.rules = RULES._replace(password="let me in")
    assert talk.say("dave", "REGISTER * * sesame") == {"dave": ["464"]}
    talk.hub.rules = RULES._replace(registration=False)
    assert refused(talk, "bob", "REGISTER * * sesame") == "TEMPORARILY_UNAVAILABLE *"
    talk.hub.rules = RULES
    talk.answer = lambda _: BUSY
    assert refused(talk, "bob", "REGISTER * * sesame") == "TEMPORARILY_UNAVAILABLE bob"
    talk.answer = account_samples.answer
    talk.say("bob", "REGISTER * * sesame")
    assert refused(talk, "bob", "REGISTER other * sesame") == "ALREADY_AUTHENTICATED bob"


def test_before_one_is_registered(talk: Talk) -> None:
    talk.numbers["dave"] = 3
    talk.apply("dave", c.Arrive("irc", "h"))
    # The name is somebody's, though not an account.
    assert talk.say("dave", "NICK bob") == {"dave": ["433 bob"]}
    assert refused(talk, "dave", "REGISTER * * sesame") == "ACCOUNT_EXISTS bob"
    talk.say("dave", "NICK dave")
    lines = talk.say("dave", "REGISTER * * sesame")["dave"]
    assert lines[0].startswith(":chatd REGISTER SUCCESS dave")
    assert lines[1:] == ["900 dave!*@h dave"]


def test_two_who_want_the_same_in_one_tick_are_not_both_told_it_is_theirs(talk: Talk) -> None:
    # Both were asked about when neither was there.
    for nick in ("bob", "carol"):
        assert talk.hub.question(talk.numbers[nick], c.Register("dora", "", "sesame")) is not None
    talk.say("bob", "REGISTER dora * sesame")
    assert refused(talk, "carol", "REGISTER dora * sesame") == "ACCOUNT_EXISTS dora"


def test_nothing_is_to_be_verified(talk: Talk) -> None:
    assert talk.say("bob", "VERIFY bob 123") == {
        "bob": [":chatd FAIL VERIFY INVALID_CODE bob :this is not the code of bob"]
    }


# Nicks


def test_a_nick_that_is_an_account_is_its_owners_alone(talk: Talk) -> None:
    assert talk.say("bob", "NICK alice") == {"bob": ["433 alice"]}
    assert talk.say("bob", "NICK NickServ") == {"bob": ["433 NickServ"]}
    sasl(talk, "bob", "PLAIN", plain("alice", "sesame"))
    assert talk.say("bob", "NICK ALICE")["bob"] == [":bob NICK ALICE"]
    talk.hub.rules = RULES._replace(nick_ownership=False)
    talk.say("bob", "NICK bob")
    assert talk.say("carol", "NICK alice")["carol"] == [":carol NICK alice"]


def test_before_registration_too(talk: Talk) -> None:
    talk.numbers["dave"] = 3
    talk.apply("dave", c.Arrive("irc", "h"))
    assert talk.say("dave", "NICK alice") == {"dave": ["433 alice"]}
    sasl(talk, "dave", "PLAIN", plain("alice", "sesame"))
    assert talk.say("dave", "NICK alice") == {}
    talk.say("dave", "USER d 0 * :D")
    assert record(talk, "dave").registered


class TestTheTextDialect:
    def test_identify_gives_a_guest_its_name(self, talk: Talk) -> None:
        talk.numbers["guest"] = 3
        talk.apply("guest", c.Arrive("text", "h"))
        assert talk.say("guest", "/nick alice") == {
            "guest": ["--- nick alice belongs to an account: identify yourself first"]
        }
        assert talk.say("guest", "/identify alice wrong") == {"guest": ["--- wrong password"]}
        assert talk.say("guest", "/identify alice sesame") == {
            "guest": [
                "--- you are logged in to Alice now",
                "--- 1 failed login to Alice since you last logged in",
                "--- guest1 is now Alice",
            ]
        }

    def test_the_labs_client_is_told_once(self, talk: Talk) -> None:
        talk.numbers["guest"] = 3
        talk.apply("guest", c.Arrive("text", "h"))
        lines = talk.say("guest", "alice : bonjour")["guest"]
        assert lines == [
            "--- nick alice belongs to an account: identify yourself first",
            "guest1 : bonjour",
        ]

    def test_register(self, talk: Talk) -> None:
        talk.come("tom", dialect="text")
        assert talk.say("tom", "/register ab") == {
            "tom": ["--- this cannot be a password: it has less than 3 characters"]
        }
        assert talk.say("tom", "/register open sesame") == {
            "tom": ["--- account tom is made", "--- you are logged in to tom now"]
        }
        talk.numbers["guest"] = 4
        talk.apply("guest", c.Arrive("text", "h"))
        lines = talk.say("guest", "/register sesame")["guest"]
        assert lines == ["--- you are guest2, which was somebody else before: /nick NAME first"]

    def test_no_account_is_called_as_guests_are(self, talk: Talk) -> None:
        talk.come("guest7", dialect="text")
        assert talk.say("guest7", "/register sesame") == {
            "guest7": ["--- account guest7 is not possible: made like a nick, not like a guest"]
        }

    def test_a_busy_server_says_so(self, talk: Talk) -> None:
        talk.come("tom", dialect="text")
        talk.answer = lambda _: BUSY
        assert talk.say("tom", "/identify alice sesame") == {
            "tom": [f"--- not logged in: {BUSY.reason}"]
        }
        assert talk.say("tom", "/register sesame") == {
            "tom": [f"--- no account made: {BUSY.reason}"]
        }


def test_a_local_user_with_an_account_is_logged_in_by_the_kernels_word(talk: Talk) -> None:
    talk.numbers |= {"text": 3, "irc": 4, "other": 5}
    talk.apply("text", c.Arrive("text", "h", "alice"))
    assert talk.lines["text"][-2:] == [
        "--- you are logged in to Alice now",
        "--- guest1 is now Alice",
    ]
    talk.apply("irc", c.Arrive("irc", "h", "alice"))
    talk.apply("other", c.Arrive("irc", "h", "bob"))
    talk.say("text", "/nick tom")
    assert talk.say("irc", "NICK alice") == {}
    lines = talk.say("irc", "USER a 0 * :A")["irc"]
    assert lines[0] == "900 alice!~a@h Alice"
    assert lines[1].startswith("001")
    assert talk.say("other", "NICK alice") == {"other": ["433 alice"]}


# What is done beside the server


def changed(talk: Talk, name: str) -> dict[str, list[str]]:
    talk.lines.clear()
    talk.outcomes = talk.hub.account_changed(name)
    talk.follow()
    return talk.lines


@pytest.mark.parametrize("change", [Removed("alice"), Suspended("alice", suspended=True)])
def test_who_is_logged_in_to_an_account_that_was_changed_is_logged_out(
    talk: Talk, change: Any
) -> None:
    talk.say("carol", "CAP REQ account-notify")
    sasl(talk, "bob", "PLAIN", plain("alice", "sesame"))
    talk.say("bob", "NICK alice")
    talk.hub.accounts.change(change)
    heard = changed(talk, "ALICE")
    assert heard["bob"][0] == "901 alice!~bob@h"
    assert heard["carol"][0] == ":alice ACCOUNT *"
    assert record(talk, "bob").modes == record(talk, "bob").account == ""
    # The name is free, or still taken.
    assert record(talk, "bob").nick == ("alice" if isinstance(change, Removed) else "guest1")


def test_who_is_called_like_a_new_account_is_called_otherwise(talk: Talk) -> None:
    talk.hub.accounts.change(Added(account_samples.account("bob")))
    assert changed(talk, "bob") == {
        "bob": [
            ":chatd NOTICE bob :nick bob belongs to an account that you are not logged in to",
            ":bob NICK guest1",
        ],
        "carol": [":bob NICK guest1"],
    }
    assert changed(talk, "nobody") == {}
