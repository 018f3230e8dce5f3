"""SASL: three mechanisms as machines, with the vector of RFC 7677 and whatever else comes."""

import base64
import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_samples import account, credentials
from chatd_supervisor.credentials import NOBODYS, SCRAM_ROUNDS
from chatd_supervisor.journal.accounts import Account
from chatd_supervisor.sasl import (
    MECHANISMS,
    Challenge,
    Exchange,
    Failure,
    NeedPassword,
    Success,
    Surroundings,
    ask,
    begin,
    from_text,
    judge,
    respond,
    to_text,
)

ALICE = account("Alice")
SHUT = account("shut", suspended=True)
USER = Account(
    "user", 0, credentials("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")), "", False
)
KNOWN = {"alice": ALICE, "user": USER, "shut": SHUT}


def around(proven: Account | None = None, **more: Any) -> Surroundings:
    find = more.pop("find", lambda name: KNOWN.get(name.lower()))
    return Surroundings(find, proven, b"key", more.pop("nonce", "servers-nonce"), **more)


def started(mechanism: str) -> Exchange:
    exchange = begin(mechanism)
    assert exchange is not None
    return exchange


def failure(exchange: Exchange, message: bytes | None, surroundings: Surroundings) -> str:
    after, outcome = respond(exchange, message, surroundings)
    assert after is None
    assert isinstance(outcome, Failure)
    return outcome.reason


def test_there_are_three_mechanisms_in_any_case() -> None:
    for mechanism in MECHANISMS:
        assert begin(mechanism) == begin(mechanism.lower()) == Exchange(mechanism=mechanism)
    for other in ("", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1", "ANONYMOUS"):
        assert begin(other) is None


# PLAIN


@pytest.mark.parametrize("authzid", [b"", b"alice", b"ALICE"])
def test_plain_has_the_password_checked_against_the_accounts_hash(authzid: bytes) -> None:
    after, outcome = respond(started("PLAIN"), authzid + b"\0alice\0s e same", around())
    assert after is None
    assert outcome == NeedPassword("alice", ALICE.credentials.hash, "s e same")


@pytest.mark.parametrize("name", [b"nobody", b"*", "é".encode()])
def test_of_nobody_a_password_is_checked_too(name: bytes) -> None:
    _, outcome = respond(started("PLAIN"), b"\0" + name + b"\0sesame", around())
    assert outcome == NeedPassword(name.decode(), NOBODYS, "sesame")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (None, "not how this mechanism goes"),
        (b"", "not how this mechanism goes"),
        (b"alice\0sesame", "not how this mechanism goes"),
        (b"\0alice\0", "not how this mechanism goes"),
        (b"\0\0sesame", "not how this mechanism goes"),
        (b"\0alice\0ses\0ame", "not how this mechanism goes"),
        (b"\0alice\0\xff", "not how this mechanism goes"),
        (b"user\0alice\0sesame", "log in as somebody else"),
    ],
)
def test_plain_that_is_none_fails(message: bytes | None, reason: str) -> None:
    assert reason in failure(started("PLAIN"), message, around())


def test_a_password_is_judged_by_what_the_account_is_by_then() -> None:
    known = ALICE.credentials.hash
    assert judge(ALICE, known, right=True) == Success(ALICE)
    wrong = judge(ALICE, known, right=False)
    assert isinstance(wrong, Failure)
    # Wrong in one way, whatever the reason.
    assert judge(None, NOBODYS, right=False) == wrong
    assert judge(None, NOBODYS, right=True) == wrong
    assert judge(account("alice", "new"), known, right=True) == wrong
    # Who does not know the password is not told that the account is suspended.
    assert judge(SHUT, SHUT.credentials.hash, right=False) == wrong
    assert judge(SHUT, SHUT.credentials.hash, right=True) == Failure("this account is suspended")


def test_the_same_is_asked_outside_of_sasl() -> None:
    find = around().find
    assert ask("ALICE", "x", find) == NeedPassword("ALICE", ALICE.credentials.hash, "x")
    assert ask("nobody", "x", find) == NeedPassword("nobody", NOBODYS, "x")


# EXTERNAL


@pytest.mark.parametrize("authzid", [b"", b"alice", b"Alice"])
def test_external_is_what_the_connection_proves(authzid: bytes) -> None:
    assert respond(started("EXTERNAL"), authzid, around(ALICE)) == (None, Success(ALICE))


@pytest.mark.parametrize(
    ("proven", "message", "reason"),
    [
        (None, b"", "proves no account"),
        (None, b"alice", "proves no account"),
        (ALICE, b"user", "log in as somebody else"),
        (ALICE, b"a\0b", "not how this mechanism goes"),
        (ALICE, b"\xff", "not how this mechanism goes"),
        (ALICE, None, "not how this mechanism goes"),
        (SHUT, b"", "suspended"),
    ],
)
def test_external_without_proof_fails(
    proven: Account | None, message: bytes | None, reason: str
) -> None:
    assert reason in failure(started("EXTERNAL"), message, around(proven))


# SCRAM-SHA-256


def test_scram_as_in_the_example_of_rfc_7677() -> None:
    surroundings = around(nonce="%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
    exchange, outcome = respond(
        started("SCRAM-SHA-256"), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", surroundings
    )
    assert outcome == Challenge(
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    )
    assert exchange is not None
    exchange, outcome = respond(
        exchange,
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        surroundings,
    )
    assert outcome == Challenge(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    assert exchange is not None
    assert respond(exchange, b"", surroundings) == (None, Success(USER))


class ScramClient:
    """The other side, written from RFC 5802 for this test."""

    def __init__(self, name: str, password: str, header: str = "n,,") -> None:
        self.password = password
        self.header = header
        self.bare = f"n={name.replace('=', '=3D').replace(',', '=2C')},r=clients-nonce"

    def first(self) -> bytes:
        return (self.header + self.bare).encode()

    def final(self, challenge: bytes, *, header: str | None = None, nonce: str = "") -> bytes:
        said = dict(part.split("=", 1) for part in challenge.decode().split(","))
        salt, self.rounds = base64.b64decode(said["s"]), int(said["i"])
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), salt, self.rounds)
        key = hmac.digest(salted, b"Client Key", "sha256")
        binding = base64.b64encode((header or self.header).encode()).decode()
        bare = f"c={binding},r={nonce or said['r']}"
        covered = f"{self.bare},{challenge.decode()},{bare}".encode()
        signature = hmac.digest(hashlib.sha256(key).digest(), covered, "sha256")
        self.expected = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), covered, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        return f"{bare},p={base64.b64encode(proof).decode()}".encode()


def challenged(client: ScramClient, surroundings: Surroundings) -> tuple[Exchange, bytes]:
    exchange, outcome = respond(started("SCRAM-SHA-256"), client.first(), surroundings)
    assert exchange is not None
    assert isinstance(outcome, Challenge)
    return exchange, outcome.data


@pytest.mark.parametrize("header", ["n,,", "y,,", "n,a=alice,", "y,a=ALICE,"])
def test_scram_succeeds_and_proves_the_server_too(header: str) -> None:
    client = ScramClient("alice", "sesame", header)
    exchange, challenge = challenged(client, around())
    final = client.final(challenge)
    after, outcome = respond(exchange, final, around())
    assert outcome == Challenge(b"v=" + base64.b64encode(client.expected))
    assert after is not None
    assert respond(after, b"", around()) == (None, Success(ALICE))
    # And nothing else ends it.
    assert "not how" in failure(after, b"x", around())


def test_scram_with_a_wrong_password_fails() -> None:
    client = ScramClient("alice", "millet")
    exchange, challenge = challenged(client, around())
    assert "wrong" in failure(exchange, client.final(challenge), around())


def test_scram_of_nobody_goes_as_far_and_fails_alike() -> None:
    nobody = ScramClient("nobody", "sesame")
    exchange, challenge = challenged(nobody, around())
    assert f"i={SCRAM_ROUNDS}" in challenge.decode()
    # The salt is the same each time, another for another name, and no account's.
    assert challenge == challenged(nobody, around())[1]
    other = challenged(ScramClient("nobody2", "x"), around())[1]
    assert challenge.split(b",")[1] != other.split(b",")[1]
    assert len(base64.b64decode(challenge.split(b",s=")[1].split(b",")[0])) == len(
        ALICE.credentials.salt
    )
    wrong = ScramClient("alice", "millet")
    known, answer = challenged(wrong, around())
    assert failure(exchange, nobody.final(challenge), around()) == failure(
        known, wrong.final(answer), around()
    )


def test_scram_notices_what_has_changed_meanwhile() -> None:
    client = ScramClient("alice", "sesame")
    exchange, challenge = challenged(client, around())
    final = client.final(challenge)
    changed = account("alice", "other")
    assert "wrong" in failure(exchange, final, around(find=lambda _name: changed))
    assert "wrong" in failure(exchange, final, around(find=lambda _name: None))
    shut = account("alice", suspended=True)
    assert "suspended" in failure(exchange, final, around(find=lambda _name: shut))
    after, _ = respond(exchange, final, around())
    assert after is not None
    assert "suspended" in failure(after, b"", around(find=lambda _name: shut))
    assert "wrong" in failure(after, b"", around(find=lambda _name: None))


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (b"p=tls-unique,,n=alice,r=abc", "no channel binding"),
        (b"n,a=bob,n=alice,r=abc", "as somebody else"),
        (b"n,,m=ext,n=alice,r=abc", "not how"),
        (b"n,,n=al=ice,r=abc", "not how"),
        (b"n,,n=,r=abc", "not how"),
        (b"n,,n=alice,r=", "not how"),
        (b"n,,n=alice,r=a b", "not how"),
        (b"n,,n=alice", "not how"),
        (b"x,,n=alice,r=abc", "not how"),
        (b"n,,n=\xff,r=abc", "not how"),
        (b"", "not how"),
        (None, "not how"),
    ],
)
def test_scram_that_begins_wrongly_fails(first: bytes | None, reason: str) -> None:
    assert reason in failure(started("SCRAM-SHA-256"), first, around())


def test_scram_that_goes_on_wrongly_fails() -> None:
    client = ScramClient("alice", "sesame")
    exchange, challenge = challenged(client, around())
    right = client.final(challenge)
    for wrong in (
        client.final(challenge, header="y,,"),
        client.final(challenge, nonce="clients-nonce"),
        right.replace(b",p=", b",p"),
        right + b"=",
        b"c=biws",
        b"",
    ):
        assert "not how" in failure(exchange, wrong, around())
    head, _, proof = right.partition(b",p=")
    for other in (
        base64.b64encode(base64.b64decode(proof)[:-1]),
        base64.b64encode(base64.b64decode(proof) + b"x"),
        base64.b64encode(bytes(32)),
    ):
        assert "wrong" in failure(exchange, head + b",p=" + other, around())


def test_an_extension_that_need_not_be_known_is_passed_over() -> None:
    exchange, outcome = respond(
        started("SCRAM-SHA-256"), b"n,,n=alice,r=abc,x=what,y=ever", around()
    )
    assert isinstance(outcome, Challenge)
    assert exchange is not None


def test_a_name_with_escapes_is_what_it_stands_for() -> None:
    asked: list[str] = []
    client = ScramClient("a,b=c", "x")

    def find(name: str) -> None:
        asked.append(name)

    challenged(client, around(find=find))
    assert set(asked) == {"a,b=c"}


# Whatever comes

MESSAGES = st.one_of(
    st.none(),
    st.binary(max_size=40),
    st.text(alphabet="nyp=,acr0", max_size=30).map(str.encode),
    st.lists(st.sampled_from(["n,,", "n=alice", ",", "r=abc", "c=biws", "p=AAAA", "\0", "é"])).map(
        lambda parts: "".join(parts).encode()
    ),
)


@given(st.sampled_from(MECHANISMS), st.lists(MESSAGES, max_size=5))
def test_no_exchange_raises_or_succeeds_by_accident(
    mechanism: str, messages: list[bytes | None]
) -> None:
    exchange = begin(mechanism)
    for message in messages:
        if exchange is None:
            break
        # As another master would find it.
        exchange = from_text(to_text(exchange))
        exchange, outcome = respond(exchange, message, around())
        assert not isinstance(outcome, Success)
        assert (exchange is not None) == isinstance(outcome, Challenge)
