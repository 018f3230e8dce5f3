"""``struct tcp_info`` (linux/tcp.h) as the kernel has filled it in: pure.

Only fields that have stood at their place since Linux 4.6, which is as old as what ``counts`` asks
for; a shorter answer has fewer of them.
"""

import struct
from typing import Any, Final

STATES: Final = {
    1: "ESTABLISHED",
    2: "SYN-SENT",
    3: "SYN-RECV",
    4: "FIN-WAIT-1",
    5: "FIN-WAIT-2",
    6: "TIME-WAIT",
    7: "CLOSE",
    8: "CLOSE-WAIT",
    9: "LAST-ACK",
    10: "LISTEN",
    11: "CLOSING",
}

_FIELDS: Final = (
    # name, offset, format
    ("state", 0, "B"),
    ("retransmits", 2, "B"),
    ("rto", 8, "I"),
    ("snd_mss", 16, "I"),
    ("rcv_mss", 20, "I"),
    ("unacked", 24, "I"),
    ("lost", 32, "I"),
    ("retrans", 36, "I"),
    ("last_data_sent", 44, "I"),
    ("last_data_received", 52, "I"),
    ("last_ack_received", 56, "I"),
    ("rtt", 68, "I"),
    ("rttvar", 72, "I"),
    ("cwnd", 80, "I"),
    ("total_retrans", 100, "I"),
    ("bytes_acked", 120, "Q"),
    ("bytes_received", 128, "Q"),
    ("notsent_bytes", 144, "I"),
)


def read(info: bytes) -> dict[str, Any]:
    """Return the fields by name; state in words.

    Times are as the kernel has them: rtt, rttvar and rto in microseconds, the time since the last
    data or acknowledgement in milliseconds. unacked, lost, retrans and cwnd count segments.
    """
    found: dict[str, Any] = {}
    for name, offset, form in _FIELDS:
        if offset + struct.calcsize(form) <= len(info):
            (found[name],) = struct.unpack_from("=" + form, info, offset)
    if "state" in found:
        found["state"] = STATES.get(found["state"], str(found["state"]))
    return found
