"""Lines with an id of their client's: said once, however often they come (chatd/once).

Whoever has said something and lost the connection cannot know whether it arrived, and says it
again. The id decides, which nobody can guess: as long as the journal has the line, one that comes
with the same id, by whichever connection and to whomever, is answered as the first one was, and
nobody else hears of it. What was refused is not in the journal, and is judged anew.

The journal is looked at as a part of the one order: what this very tick has decided counts.
"""

from msgspec.structs import replace

from chatd_supervisor.hub.core import Core
from chatd_supervisor.rooms import Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.capabilities import ONCE
from chatd_workers.events import TalkKind


def echo_once(hub: Core, session: Session, event: e.Said | e.Told, entry: c.Send) -> bool:
    """Remember that the last fact is the line with the id of ``entry``, and send it back with it.

    Return false if it has none, or if ``session`` does not want to have ids counted.
    """
    if not entry.once or not session.view & ONCE or entry.kind == "tag":
        return False
    hub.onces[entry.once] = len(hub.facts)
    hub.reply(session, replace(event, once=entry.once))
    return True


def answer_again(hub: Core, session: Session, once: str) -> bool:
    """Answer as the line with this id was answered, if there is one; return whether there is.

    Raises JournalError, and then the line is refused: who knows whether it was said.
    """
    found = hub.past.once(once)
    if found is None:
        return False
    kind = _KINDS.get(found.kind.removeprefix("tell-").removesuffix("-status"), "say")
    stamp = e.Stamp(found.time, found.id)
    if found.kind.startswith("tell"):
        told = e.Told(session.source, found.room, found.text, kind, stamp, once=once)
        hub.reply(session, told)
    else:
        said = e.Said(session.source, found.room, found.text, kind, stamp, once=once)
        hub.reply(session, said)
    return True


_KINDS: dict[str, TalkKind] = {"act": "act", "notice": "notice"}
