"""SASLprep, and that every password is the same by SCRAM and by PLAIN, for client and server."""

import unicodedata
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd_client.irc.sasl import NotTaken, Scram
from chatd_supervisor import sasl
from chatd_supervisor.credentials import Credentials, WrongPassword, prepare
from chatd_supervisor.hashing import scram_keys
from chatd_supervisor.journal.accounts import Account
from chatd_workers.saslprep import NotPrepared, saslprep

SALT = b"0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        # The examples of RFC 4013, section 3.
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        # NFD, NFC and compatibility forms, as keyboards of different systems make them.
        ("cafe\u0301", "caf\u00e9"),
        ("\u212b", "\u00e5".upper()),
        ("\uff21", "A"),
        # Spaces that are not ASCII's, and what is in both tables.
        ("a\u00a0b", "a b"),
        ("a\u3000b", "a b"),
        ("a\u200bb", "a b"),
        # What is left out.
        ("a\u200d\ufe0fb", "ab"),
        # Of later versions of Unicode.
        ("\U0001f510", "\U0001f510"),
        # Right to left, as it has to be.
        ("\u05d0 1 \u05d1", "\u05d0 1 \u05d1"),
    ],
)
def test_what_is_prepared(text: str, prepared: str) -> None:
    assert saslprep(text) == prepared


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("\u0007", "holds control characters"),
        ("a\u0085", "holds control characters"),
        ("a\u2028b", "holds U+2028"),
        ("\ue000", "holds U+E000"),
        ("\ufdd0", "holds U+FDD0"),
        ("a\u202eb", "holds U+202E"),
        ("\U000e0041", "holds U+E0041"),
        ("a\u05d0", "mixes letters"),
        ("\u06271", "does not begin and end with"),
    ],
)
def test_what_is_forbidden(text: str, why: str) -> None:
    with pytest.raises(NotPrepared, match=why.replace("+", r"\+")):
        saslprep(text)


passwords = st.text(min_size=1, max_size=12) | st.text(
    st.sampled_from("aAé\u0301\u00a0\u200b\u00ad\u3000\uff21\ufb01ß\u05d0\u0627\ue000 \u212b"),
    min_size=1,
    max_size=6,
)


@given(passwords)
def test_what_is_prepared_stays_so(text: str) -> None:
    try:
        once = saslprep(text)
    except NotPrepared:
        return
    assert saslprep(once) == once
    assert unicodedata.is_normalized("NFKC", once)


@lru_cache(maxsize=512)
def registered(password: str) -> Account:
    """Return alice's account with ``password``. Raises WrongPassword."""
    prepared = prepare(password)
    keys = scram_keys(prepared.encode(), SALT, 4096)
    kept = Credentials(prepared, SALT, 4096, keys.stored_key, keys.server_key)
    return Account("alice", 1, kept, "", suspended=False)


def by_scram(account: Account, password: str) -> bool:
    """Return whether chat-client gets in with ``password``, and trusts the server then."""
    around = sasl.Surroundings(lambda _: account, None, b"key", "n" * 24)
    proof = Scram("alice", password, "c" * 24)
    exchange = sasl.begin("SCRAM-SHA-256")
    said = proof.answer(b"")
    while exchange is not None:
        exchange, outcome = sasl.respond(exchange, said, around)
        if isinstance(outcome, sasl.Success):
            return proof.is_over
        if not isinstance(outcome, sasl.Challenge):
            return False
        said = proof.answer(outcome.data)
    return False


def by_plain(account: Account, password: str) -> bool:
    try:
        return prepare(password) == account.credentials.hash
    except WrongPassword:
        return False


@settings(deadline=None)
@given(passwords, passwords)
def test_a_password_is_right_by_both_ways_or_by_neither(password: str, other: str) -> None:
    try:
        account = registered(password)
    except WrongPassword:
        with pytest.raises(NotTaken):
            Scram("alice", password, "c" * 24)
        return
    spellings = {
        password,
        other,
        *(unicodedata.normalize(form, password) for form in ("NFC", "NFD", "NFKC", "NFKD")),
    }
    for typed in spellings:
        plain = by_plain(account, typed)
        try:
            scram = by_scram(account, typed)
        except NotTaken:
            scram = False
        assert plain == scram, (password, typed)
        assert plain or typed == other, "every spelling of one password is right"
