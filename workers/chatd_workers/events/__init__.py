"""What happens in the rooms, as the hub tells it; writers turn these into bytes.

Every text and name in an event has been validated by the hub: no control characters but those of
formatting in texts, within the server's limits. A writer only chooses how it looks, and leaves out
what its dialect, or the recipient's capabilities (``capabilities``), have no words for.

Times are in microseconds since the epoch. ``to`` is the recipient's nick, ``*`` if it has none:
for answers, which go to one client.
"""

from msgspec import Struct

from chatd_workers.events.answers import (
    COUNTED as COUNTED,
)
from chatd_workers.events.answers import (
    AwayShown as AwayShown,
)
from chatd_workers.events.answers import (
    Helped as Helped,
)
from chatd_workers.events.answers import (
    HistoryShown as HistoryShown,
)
from chatd_workers.events.answers import (
    Informed as Informed,
)
from chatd_workers.events.answers import (
    MasksListed as MasksListed,
)
from chatd_workers.events.answers import (
    Member as Member,
)
from chatd_workers.events.answers import (
    Members as Members,
)
from chatd_workers.events.answers import (
    ModesShown as ModesShown,
)
from chatd_workers.events.answers import (
    NamesListed as NamesListed,
)
from chatd_workers.events.answers import (
    Numeric as Numeric,
)
from chatd_workers.events.answers import (
    Past as Past,
)
from chatd_workers.events.answers import (
    PersonShown as PersonShown,
)
from chatd_workers.events.answers import (
    Private as Private,
)
from chatd_workers.events.answers import (
    ReadMarked as ReadMarked,
)
from chatd_workers.events.answers import (
    Recalled as Recalled,
)
from chatd_workers.events.answers import (
    Refused as Refused,
)
from chatd_workers.events.answers import (
    Registered as Registered,
)
from chatd_workers.events.answers import (
    Replied as Replied,
)
from chatd_workers.events.answers import (
    RoomsListed as RoomsListed,
)
from chatd_workers.events.answers import (
    StandardReply as StandardReply,
)
from chatd_workers.events.answers import (
    Supported as Supported,
)
from chatd_workers.events.answers import (
    TargetsShown as TargetsShown,
)
from chatd_workers.events.answers import (
    TopicShown as TopicShown,
)
from chatd_workers.events.basic import (
    RecallKind as RecallKind,
)
from chatd_workers.events.basic import (
    Source as Source,
)
from chatd_workers.events.basic import (
    Stamp as Stamp,
)
from chatd_workers.events.basic import (
    Tags as Tags,
)
from chatd_workers.events.basic import (
    TalkKind as TalkKind,
)
from chatd_workers.events.happenings import (
    AccountChanged as AccountChanged,
)
from chatd_workers.events.happenings import (
    Announced as Announced,
)
from chatd_workers.events.happenings import (
    AwayChanged as AwayChanged,
)
from chatd_workers.events.happenings import (
    Closing as Closing,
)
from chatd_workers.events.happenings import (
    Departed as Departed,
)
from chatd_workers.events.happenings import (
    Entered as Entered,
)
from chatd_workers.events.happenings import (
    Hinted as Hinted,
)
from chatd_workers.events.happenings import (
    HostChanged as HostChanged,
)
from chatd_workers.events.happenings import (
    Invited as Invited,
)
from chatd_workers.events.happenings import (
    Joined as Joined,
)
from chatd_workers.events.happenings import (
    Kicked as Kicked,
)
from chatd_workers.events.happenings import (
    Killed as Killed,
)
from chatd_workers.events.happenings import (
    Left as Left,
)
from chatd_workers.events.happenings import (
    ModesChanged as ModesChanged,
)
from chatd_workers.events.happenings import (
    RealnameChanged as RealnameChanged,
)
from chatd_workers.events.happenings import (
    Renamed as Renamed,
)
from chatd_workers.events.happenings import (
    Said as Said,
)
from chatd_workers.events.happenings import (
    Told as Told,
)
from chatd_workers.events.happenings import (
    TopicChanged as TopicChanged,
)
from chatd_workers.events.happenings import (
    Welcomed as Welcomed,
)


class Answered(Struct, frozen=True, gc=False):
    """All that a labeled command has brought about for the one who sent it, in order.

    Rendered as one line with the label, one batch, or an ACK (IRCv3 labeled-response).
    """

    label: str
    events: tuple["Event", ...]


Event = (
    Welcomed
    | Hinted
    | Joined
    | Left
    | Departed
    | Kicked
    | Killed
    | Renamed
    | Entered
    | Closing
    | Said
    | Told
    | Announced
    | Invited
    | AwayChanged
    | AccountChanged
    | HostChanged
    | RealnameChanged
    | ModesChanged
    | TopicChanged
    | TopicShown
    | ModesShown
    | MasksListed
    | Members
    | NamesListed
    | RoomsListed
    | PersonShown
    | AwayShown
    | Supported
    | Helped
    | Recalled
    | HistoryShown
    | TargetsShown
    | ReadMarked
    | Refused
    | Informed
    | Registered
    | Numeric
    | Replied
    | StandardReply
    | Answered
)
