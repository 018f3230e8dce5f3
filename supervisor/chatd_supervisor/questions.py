"""What is asked about passwords, and what is answered: what the hub and ``passwords`` speak. Pure.

An answer takes a tenth of a second and 64 MiB, so the hub, which must not wait, does not ask. It is
asked what it would ask (``Hub.question``), before a command is applied, and finds the answer when
the command is (``Core.answer_to``). Between the two the world may have changed: an answer is worth
something only to who asks the very same question still.
"""

from typing import Final, NamedTuple

from msgspec import Struct

from chatd_supervisor.credentials import Credentials


class Check(Struct, frozen=True, array_like=True, tag=1):
    """Whether ``password`` is the one of ``known``: a hash, or for a test a password itself."""

    known: str
    password: str


class Derive(Struct, frozen=True, array_like=True, tag=2):
    """What is to be kept of ``password``."""

    password: str


Question = Check | Derive


class Checked(Struct, frozen=True, array_like=True, tag=1):
    """The answer to Check."""

    right: bool


class Derived(Struct, frozen=True, array_like=True, tag=2):
    """The answer to Derive."""

    credentials: Credentials


class Unacceptable(Struct, frozen=True, array_like=True, tag=3):
    """The answer to Derive if it cannot be a password; ``reason`` stands after "the password"."""

    reason: str


class Unavailable(Struct, frozen=True, array_like=True, tag=4):
    """There is no answer; ``reason`` is a sentence for whoever asked."""

    reason: str


Answer = Checked | Derived | Unacceptable | Unavailable

UNASKED: Final = Unavailable("the password was not checked, try again")
"""The answer to what has turned out to be a question only after it could have been asked."""


class Settled(NamedTuple):
    """A question that was answered."""

    question: Question
    answer: Answer
