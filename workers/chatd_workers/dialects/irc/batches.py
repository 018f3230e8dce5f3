"""Lines that belong together: batches, and answers to commands that have a label.

A batch is opened and closed in one go, so its reference is free again when the next one comes; it
is made of what the batch holds, so that writing stays a function of the event. (IRCv3 batch,
labeled-response.)
"""

import binascii
from collections.abc import Iterable
from typing import Final

from chatd_workers.dialects.irc.grammar import escape, unbroken

_END: Final = b"\r\n"


def batch(server: str, reference: str, kind: str, data: bytes) -> bytes:
    """Return the lines of ``data`` as a batch of ``kind``: its type and the type's parameters.

    Lines of batches within it stay in these; the lines that open and close them are in this one.
    """
    tag = f"batch={reference}".encode()
    return _join(
        [
            unbroken(f":{server} BATCH +{reference} {kind}").encode(),
            *(line if _is_batched(line) else _tagged(line, tag) for line in _lines(data)),
            f":{server} BATCH -{reference}".encode(),
        ]
    )


def labeled(server: str, label: str, data: bytes) -> bytes:
    """Return ``data``, all that answers a command with ``label``, as one answer.

    No line: ACK. One line, or one batch: the label is on it, or on its first line. More: they
    become one batch.
    """
    tag = f"label={escape(label)}".encode()
    lines = _lines(data)
    if not lines:
        return _join([_tagged(f":{server} ACK".encode(), tag)])
    if len(lines) > 1 and not _is_batch(lines):
        reference = f"r{binascii.crc32(label.encode()):x}"
        lines = _lines(batch(server, reference, "labeled-response", data))
    return _join([_tagged(lines[0], tag), *lines[1:]])


def _lines(data: bytes) -> list[bytes]:
    return data.split(_END)[:-1]


def _join(lines: Iterable[bytes]) -> bytes:
    return b"".join([line + _END for line in lines])


def _tagged(line: bytes, tag: bytes) -> bytes:
    return b"@%b;%b" % (tag, line[1:]) if line.startswith(b"@") else b"@%b %b" % (tag, line)


def _is_batched(line: bytes) -> bool:
    tags, _, _ = line.partition(b" ")
    return tags.startswith(b"@") and any(tag.startswith(b"batch=") for tag in tags[1:].split(b";"))


def _is_batch(lines: list[bytes]) -> bool:
    """Tell whether ``lines`` are one batch and nothing besides."""
    words = lines[0].split(b" ")
    if len(words) < 3 or words[1] != b"BATCH" or not words[2].startswith(b"+"):
        return False
    end = b"%b BATCH -%b" % (words[0], words[2][1:])
    return lines[-1] == end and all(map(_is_batched, lines[1:-1]))
