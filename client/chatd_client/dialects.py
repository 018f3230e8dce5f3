"""What can be spoken with a server: the dialogue for each dialect."""

import random
from collections.abc import Sequence

from chatd_client.dialogue import Dialogue
from chatd_client.exchange import Resume, Say
from chatd_client.irc.engine import Engine
from chatd_client.plain import LabDialogue
from chatd_client.text import TextDialogue


def make(
    dialect: str, resume: Resume, says: Sequence[Say], *, wall: int, dice: random.Random
) -> Dialogue:
    """Return a dialogue in ``dialect``: ``irc``, ``text`` or ``lab``."""
    if dialect == "text":
        return TextDialogue(resume, says, wall=wall)
    if dialect == "lab":
        return LabDialogue(resume, says, wall=wall)
    return Engine(resume, says, wall=wall, dice=dice)
