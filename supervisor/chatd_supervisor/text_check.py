"""The check of every text in a record: is it of the kind that its field's type names? Pure.

The checks are built once from the types of the records (``chatd_workers.text_kinds``), so a field
that is added is checked without a line here; one whose type names no kind, or is none that is known
here, ends the program when it is imported, and with it the tests.
"""

from collections.abc import Callable
from typing import Any, Final

from msgspec import inspect

from chatd_workers.reports import Record
from chatd_workers.text_kinds import KIND, KINDS

_Check = Callable[[Any], str | None]
"""Return where in a value a text is wrong (empty: the value itself is), None if all are right.
Any: each takes the one type that it was built from, which no type can say."""


def misfit(record: Record) -> str | None:
    """Return in which field of ``record`` a text is not of its kind; None if all are.

    The field as ``Report.commands.Say.text``.
    """
    return _of_records(record)


def _check_of(kind: inspect.Type) -> _Check | None:
    """Return the check of a value of this type; None if there is no text in it.

    Raises TypeError for a type of which nobody has said whether there is.
    """
    if type(kind) in _WITHOUT_TEXT:
        return None
    make = _MAKERS.get(type(kind))
    if make is None:
        raise TypeError(f"it is not known how to check the texts in this: {kind}")
    return make(kind)


def _annotated_check(kind: inspect.Metadata) -> _Check | None:
    name = (kind.extra or {}).get(KIND)
    return _text_check(KINDS[name]) if name else _check_of(kind.type)


def _pattern_check(kind: inspect.StrType) -> None:
    # What has a pattern is checked when it is decoded.
    if kind.pattern is None or not kind.pattern.endswith(r"\Z"):
        raise TypeError(f"a text without a kind, or with a pattern without an end: {kind}")


def _tuple_check(kind: inspect.TupleType) -> None:
    if any(_check_of(item) for item in kind.item_types):
        raise TypeError(f"texts in a tuple of fixed length are not checked yet: {kind}")


def _text_check(fits: Callable[[str], bool]) -> _Check:
    return lambda text: None if fits(text) else ""


def _each(check: _Check | None) -> _Check | None:
    if check is None:
        return None

    def look(values: Any) -> str | None:
        for value in values:
            if (wrong := check(value)) is not None:
                return wrong
        return None

    return look


def _collection_check(kind: inspect.CollectionType) -> _Check | None:
    return _each(_check_of(kind.item_type))


def _both(keys: _Check | None, values: _Check | None) -> _Check | None:
    def look(mapping: Any) -> str | None:
        if not mapping:
            return None
        wrong = keys(mapping) if keys else None
        return values(mapping.values()) if wrong is None and values else wrong

    return look if keys or values else None


def _union_check(kind: inspect.UnionType) -> _Check | None:
    kinds = kind.types
    structs = [each for each in kinds if isinstance(each, inspect.StructType)]
    plain = [each for each in kinds if not isinstance(each, inspect.StructType | inspect.NoneType)]
    others = [check for each in plain if (check := _check_of(each))]
    if others and (structs or len(plain) > 1):
        raise TypeError(f"it cannot be told which of these a text is in: {kinds}")
    if others:
        check = others[0]
        return lambda value: None if value is None else check(value)
    checks = {each.cls: check for each in structs if (check := _struct_check(each))}
    if not checks:
        return None

    def look(value: Any) -> str | None:
        found = checks.get(type(value))
        return found(value) if found is not None else None

    return look


_structs: Final[dict[type, _Check | None]] = {}


def _struct_check(kind: inspect.StructType) -> _Check | None:
    if kind.cls not in _structs:
        plan = [(field.name, check) for field in kind.fields if (check := _check_of(field.type))]
        _structs[kind.cls] = _fields_check(kind.cls.__name__, plan) if plan else None
    return _structs[kind.cls]


def _fields_check(name: str, plan: list[tuple[str, _Check]]) -> _Check:
    def look(struct: Any) -> str | None:
        for field, check in plan:
            wrong = check(getattr(struct, field))
            if wrong is not None:
                return f"{name}.{field}.{wrong}".rstrip(".")
        return None

    return look


_WITHOUT_TEXT: Final = frozenset(
    {
        inspect.NoneType,
        inspect.BoolType,
        inspect.IntType,
        inspect.FloatType,
        inspect.BytesType,
        inspect.LiteralType,
    }
)

# Any: each takes the one type that is its key, which no type for a dict can say.
_MAKERS: Final[dict[type[inspect.Type], Callable[[Any], _Check | None]]] = {
    inspect.Metadata: _annotated_check,
    inspect.StrType: _pattern_check,
    inspect.ListType: _collection_check,
    inspect.VarTupleType: _collection_check,
    inspect.SetType: _collection_check,
    inspect.FrozenSetType: _collection_check,
    inspect.TupleType: _tuple_check,
    inspect.DictType: lambda kind: _both(
        _each(_check_of(kind.key_type)), _each(_check_of(kind.value_type))
    ),
    inspect.UnionType: _union_check,
    inspect.StructType: _struct_check,
}


def _required(check: _Check | None) -> _Check:
    assert check is not None, "there are texts in records"
    return check


_of_records: Final = _required(_check_of(inspect.type_info(Record)))
