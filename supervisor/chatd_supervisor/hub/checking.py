"""Passwords that are held against hashes: what is to be asked, and what the answer means.

An action that needs to know says so twice: in the table ``QUESTIONS`` of its module, by what would
be asked for its command, and when it is applied, by ``is_right``. If the two do not agree, because
something has changed in between, nothing is known.
"""

from collections.abc import Callable
from typing import Any

from chatd_supervisor.credentials import WrongPassword, prepare
from chatd_supervisor.hub.core import Core
from chatd_supervisor.questions import (
    UNASKED,
    Check,
    Checked,
    Question,
    Unavailable,
)
from chatd_supervisor.rooms import Session

Asking = Callable[[Core, Session, Any], Question | None]
"""Returns what must be known before a command is applied; changes nothing. Any: see ``Action``."""


def question_for(known: str, password: str) -> Check | None:
    """Return what is to be asked about ``password``; None if it can be nobody's."""
    try:
        prepare(password)
    except WrongPassword:
        return None
    return Check(known, password)


def is_right(hub: Core, known: str, password: str) -> bool | Unavailable:
    """Tell whether ``password`` is that of ``known``, or why that could not be found out."""
    question = question_for(known, password)
    if question is None:
        return False
    match hub.answer_to(question):
        case Checked(right):
            return right
        case Unavailable() as unavailable:
            return unavailable
        case _:
            return UNASKED
