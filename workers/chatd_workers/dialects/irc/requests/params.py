"""How parameters become the fields of commands: safe, and within their bounds."""

from chatd_workers.commands import MAX_NAME, Refuse
from chatd_workers.dialects.irc.grammar import is_middle
from chatd_workers.names import make_passable, make_safe


def name(param: str) -> str:
    """Return ``param`` as a name, of which formatting is no part."""
    return make_safe(param)[:MAX_NAME]


def names(params: str) -> list[str]:
    """Return the names of a list with commas; what is empty in it is left out."""
    return [name(param) for param in params.split(",") if param]


def text(param: str) -> str:
    """Return ``param`` as text, which may be formatted."""
    return make_passable(param)


def optional(params: tuple[str, ...], place: int) -> str:
    """Return the parameter at ``place``, or an empty one if there is none."""
    return params[place] if place < len(params) else ""


def word(param: str) -> str:
    """Return ``param`` so that it can stand in an answer: ``*`` if it cannot."""
    safe = name(param)
    return safe if is_middle(safe) else "*"


def is_number(param: str) -> bool:
    """Tell whether ``param`` is a whole number without a sign."""
    return param.isascii() and param.isdigit()


def number(param: str, most: int) -> int:
    """Return the number in ``param``, at most ``most``; 0 if there is none."""
    return min(int(param), most) if is_number(param) else 0


def lacking(verb: str) -> Refuse:
    """Return the refusal of a ``verb`` that has too few parameters (461)."""
    return Refuse("need-more-parameters", verb)
