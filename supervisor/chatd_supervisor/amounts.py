"""So many of something, in words."""


def amount(count: int, noun: str) -> str:
    """Return ``count`` with ``noun`` after it, in the plural unless it is one: ``3 entries``."""
    if count == 1:
        return f"1 {noun}"
    plural = f"{noun.removesuffix('y')}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{count} {plural}"
