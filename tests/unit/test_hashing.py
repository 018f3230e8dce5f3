"""Passwords and what is kept of them: the parameters, what is the same password, what is none."""

import base64
import subprocess
import sys

import pytest
from argon2 import PasswordHasher, extract_parameters, profiles
from argon2.exceptions import VerificationError

from chatd_supervisor.credentials import (
    LONGEST,
    NOBODYS,
    SALT,
    SCRAM_ROUNDS,
    WrongPassword,
    is_hash,
    prepare,
)
from chatd_supervisor.hashing import derive, hash_of, scram_keys, verify


def test_a_hash_is_argon2id_as_rfc_9106_recommends_it_secondly() -> None:
    made = hash_of("sesame")
    assert extract_parameters(made) == profiles.RFC_9106_LOW_MEMORY
    assert extract_parameters(NOBODYS) == profiles.RFC_9106_LOW_MEMORY
    assert is_hash(made)
    # As others see it, too.
    assert PasswordHasher().verify(made, "sesame")
    assert verify(made, "sesame")
    assert not verify(made, "Sesame")
    assert hash_of("sesame") != made, "each has a salt of its own"


def test_a_hash_made_elsewhere_with_other_parameters_is_read() -> None:
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("sesame")
    assert verify(quick, "sesame")
    assert not verify(quick, "millet")


def test_a_password_in_plain_text_is_held_against_as_well() -> None:
    assert verify("sesame", "sesame")
    assert not verify("sesame", "sesam")
    assert not verify("sesame", "")


def test_a_hash_that_cannot_be_read_is_no_wrong_password() -> None:
    with pytest.raises(VerificationError):
        verify(NOBODYS[:40], "sesame")


def test_the_keys_are_those_of_the_example_in_rfc_7677() -> None:
    # Checked against the proofs of that example in test_sasl.
    keys = scram_keys(b"pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096)
    assert base64.b64encode(keys.stored_key) == b"WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
    assert base64.b64encode(keys.server_key) == b"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="


def test_what_is_kept_of_a_password() -> None:
    kept = derive("sésame")
    assert verify(kept.hash, "se\u0301same")
    assert (kept.rounds, len(kept.salt)) == (SCRAM_ROUNDS, SALT)
    keys = scram_keys("sésame".encode(), kept.salt, kept.rounds)
    assert (kept.stored_key, kept.server_key) == keys


def test_keys_are_made_also_where_hashlib_was_imported_without_openssl() -> None:
    program = """
import sys
from chatd_supervisor import cli  # as it is run
from chatd_supervisor.lean import lean_imports
with lean_imports():
    from chatd_supervisor import sasl
assert "_hashlib" not in sys.modules and "argon2" not in sys.modules, "not lean"
from chatd_supervisor.hashing import scram_keys
print(scram_keys(b"x", b"y" * 16, 4096).stored_key.hex())
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.strip() == scram_keys(b"x", b"y" * 16, 4096).stored_key.hex()


@pytest.mark.parametrize(
    ("one", "other"), [("é", "e\u0301"), ("a b", "a\u00a0b"), ("a b", "a\u3000b"), ("Å", "\u212b")]
)
def test_what_is_typed_in_two_ways_is_one_password(one: str, other: str) -> None:
    assert prepare(one) == prepare(other)


def test_case_makes_another_password() -> None:
    assert prepare("a") != prepare("A")


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "is empty"),
        ("a\0b", "control characters"),
        ("a\tb", "control characters"),
        ("a\x85b", "control characters"),
        ("\ud800", "control characters"),
        ("a\ue000", "holds U\\+E000, which RFC 4013 forbids"),
        ("a\u05d0", "mixes letters written from right to left"),
        ("\u200d\u00ad", "holds nothing that can be seen"),
        ("x" * (LONGEST + 1), "more than 500 bytes"),
        ("é" * (LONGEST // 2 + 1), "more than 500 bytes"),
        ("x" * 10_000_000, "more than 500 bytes"),
    ],
)
def test_what_cannot_be_a_password(password: str, why: str) -> None:
    with pytest.raises(WrongPassword, match=why):
        prepare(password)
    assert not verify(NOBODYS, password)


def test_the_longest_password() -> None:
    assert prepare("x" * LONGEST) == "x" * LONGEST
    assert prepare("é" * (LONGEST // 2))
