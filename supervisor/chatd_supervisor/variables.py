"""The environment variables by which a supervisor tells a master what it is."""

from typing import Final

KEEPER: Final = "CHATD_KEEPER"
"""The number of the master's end of the channel to its supervisor."""

STANDBY: Final = "CHATD_STANDBY"
"""Set if it is to wait for its turn (``standby``)."""
