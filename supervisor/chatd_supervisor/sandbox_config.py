"""``[sandbox]``: the keys. What they do is in ``walling``."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class Sandboxing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[sandbox]``."""

    mode: Annotated[
        Literal["on", "require", "off"],
        Meta(description="Whether workers are walled in; require does not start without."),
    ] = "on"
    memory_mb: Annotated[
        int,
        Meta(ge=0, description="Megabytes of memory that a worker may take beside what it shares."),
    ] = 256
