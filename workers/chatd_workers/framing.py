r"""Cut a stream into lines: pure, and the same lines however the bytes arrive in pieces.

A line ends with LF or CRLF, and where the dialect has it so (``nul_ends``) with NUL. A carriage
return elsewhere belongs to the line. The stream is peeked, not consumed, so each call is given
everything from the commit point on; a call says how many of those bytes it has used up.

A line longer than the limit is handed on once, clipped to ``limit + 1`` bytes so that it is seen
to be too long; the rest of it is dropped as it comes (``discarding``). That flag is all the state
there is, and it travels in the report, so that a successor frames on in the same way.
"""

from typing import Final, NamedTuple

from chatd_workers.reports import MAX_COMMANDS

_LF: Final = b"\n"
_NUL: Final = b"\0"


class Framed(NamedTuple):
    """Lines without their ends, how many bytes they and their ends took, and the state after."""

    lines: list[bytes]
    used: int
    discarding: bool


def frame(
    data: bytes,
    *,
    limit: int,
    discarding: bool = False,
    final: bool = False,
    most: int = MAX_COMMANDS,
    nul_ends: bool = True,
) -> Framed:
    """Cut ``data``, all that is there from the commit point on, into lines.

    ``limit`` is in bytes and does not count the line's end. ``final`` says that nothing follows:
    what is left is a line even without an end. At most ``most`` lines come at once. ``nul_ends``
    says whether a NUL ends a line; where it does not, it belongs to the line.
    """
    start = 0
    if discarding:
        start = _end_of_first(data, nul_ends=nul_ends) + 1
        if not start:
            return Framed([], len(data), not final)
    stop = data.rfind(_LF, start) + 1
    if nul_ends:
        stop = max(stop, data.rfind(_NUL, start) + 1)
    if not stop:
        return _unended(data, start, limit=limit, final=final)
    body = data[start : stop - 1]
    if nul_ends and _NUL in body:
        body = body.replace(_NUL, _LF)
    # Not more than are wanted: of short lines there are thousands here.
    lines = body.split(_LF, most)
    if len(lines) > most:
        del lines[most:]
        stop = start + sum(map(len, lines)) + len(lines)
    return Framed([_clip(line, limit) for line in lines], stop, discarding=False)


def _unended(data: bytes, start: int, *, limit: int, final: bool) -> Framed:
    rest = data[start:]
    if final:
        return Framed([_clip(rest, limit)] if rest else [], len(data), discarding=False)
    # One byte more than the limit may still be the CR of a CRLF.
    if len(rest) > limit + 1:
        return Framed([rest[: limit + 1]], len(data), discarding=True)
    return Framed([], start, discarding=False)


def _end_of_first(data: bytes, *, nul_ends: bool) -> int:
    marks = (_LF, _NUL) if nul_ends else (_LF,)
    return min((end for mark in marks if (end := data.find(mark)) >= 0), default=-1)


def _clip(line: bytes, limit: int) -> bytes:
    if line.endswith(b"\r"):
        line = line[:-1]
    return line[: limit + 1]
