"""What is a word, in a line and in a search for it: pure.

A text is a sequence of *atoms*. An atom is a run of letters and digits; or a single character of a
script that is written without blanks between words (Chinese, Japanese, Korean, Thai ...); or a
single symbol (``+``, an emoji). Case, accents of Latin, Greek and Cyrillic letters, and
compatibility forms make no difference. Common punctuation (``IGNORED``) only separates.

A line holds a word if it has the atoms of the word one after the other: ``don't`` is in ``I
don't``, ``C++`` in ``(C++)``, ``日本`` in ``日本語テスト``; ``cat`` is not in ``concatenate``.

The full-text index has of each line the atoms, and each two of a script without blanks that are
neighbours: with these, few lines have to be looked at for two of them that are not ``日本``. Why
not FTS5's tokenizer ``trigram``, which knows all scripts: it finds nothing that is shorter than
three characters, as most words of Chinese and Japanese are, it makes the index five times as
large, and a search for a whole word has to look at every line that has it within another one.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice, pairwise
from typing import Final, NamedTuple

from chatd_workers.names import fold

MAX_ATOM: Final = 64
"""Characters of an atom by which it is found in the index; all of it is looked at afterwards."""

MOST_INDEXED: Final = 2000
"""Atoms and pairs of one line that are in the index: so long a line of words has fewer."""

MOST_WANTED: Final = 32
"""Of what is searched for, what the index is asked for; all of it is looked at afterwards."""

_TAKEN_APART: Final = 2 * 8192
"""Characters of a line that are looked at: one may become 18 when it is taken apart (NFKD)."""

_ROOM: Final = "\ue000"
"""Begins the word for a room; being of no script and no letter, it begins nothing else."""

# Without blanks between words: kana, Han and what belongs to it, Hangul (with what is appended to
# words there), Thai, Lao, Myanmar, Khmer.
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029"
    "\u3031-\u3035\u3038-\u303c\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)

IGNORED: Final = "\"'(),-./:;!?_`"
"""Punctuation of ASCII that only separates."""

# The same elsewhere, and what is not seen: soft hyphens, joiners, variation selectors.
_IGNORED_ELSEWHERE: Final = (
    "\u00ad\u00b7\u061c\u180b-\u180e\u200b-\u2027\u202a-\u202e\u2032-\u203e\u2060-\u206f"
    "\u3001-\u3003\u3008-\u3011\u3014-\u301f\ufe00-\ufe0f\ufeff\ufff9-\ufffb"
)
_NO_SYMBOL: Final = rf"\w\s\x00-\x20\x7f-\x9f{re.escape(IGNORED)}"

_ATOMS_OF_ASCII: Final = re.compile(rf"[a-z0-9]+|[^{_NO_SYMBOL}]")
_ATOMS: Final = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+|[^{_NO_SYMBOL}{_IGNORED_ELSEWHERE}]")
_LEAST_UNSPACED: Final = _UNSPACED[0]
_ACCENTS: Final = re.compile("[\u0300-\u036f]")

_IN_INDEX: Final = {
    chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F) if not chr(code).isalnum()
}
"""Symbols of ASCII become their fullwidth forms, which FTS5's tokenizer ``ascii`` takes for
letters; no text that is looked at has those, for NFKC makes them what they are here."""


def clean(text: str) -> str:
    """Return ``text`` as something that can be asked for; nobody has ever said a surrogate."""
    return text.encode(errors="replace").decode()


def atoms_of(text: str) -> list[str]:
    """Return the atoms of ``text``, in order."""
    if text.isascii():
        return _ATOMS_OF_ASCII.findall(text.lower())
    apart = unicodedata.normalize("NFKD", text)[:_TAKEN_APART]
    # Dakuten and the like are no accents: they are put together again.
    return _ATOMS.findall(unicodedata.normalize("NFKC", _ACCENTS.sub("", apart.casefold())))


def indexed(room: str, text: str) -> str:
    """Return what the index has of a line that was said in ``room``."""
    atoms = atoms_of(text)
    if len(text) > MAX_ATOM:
        found = dict.fromkeys(atom[:MAX_ATOM] for atom in atoms)
    else:
        found = dict.fromkeys(atoms)
    if not text.isascii():
        found |= dict.fromkeys(_pairs(atoms))
    if len(found) > MOST_INDEXED:
        found = dict.fromkeys(islice(found, MOST_INDEXED))
    return f"{_room_word(room)} {' '.join(map(_IN_INDEX.get, found, found))}"


class Wanted(NamedTuple):
    """What is searched for."""

    phrases: tuple[str, ...]
    """The atoms of each word."""
    words: tuple[str, ...]
    """Of that, what the index knows; a line that has not all of these holds it not."""

    def is_held_by(self, text: str) -> bool:
        """Tell whether a line holds all of it."""
        line = _joined(atoms_of(text))
        return all(phrase in line for phrase in self.phrases)

    def expression(self, room: str) -> str:
        """Return the FTS5 expression for all of ``words``, said in ``room``."""
        words = (*map(_IN_INDEX.get, self.words, self.words), _room_word(room))
        return " ".join(f'"{word}"' for word in words)


def wanted(words: str) -> Wanted | None:
    """Return what is searched for by ``words``; None if there is nothing that could be found.

    A word without atoms, as ``-``, is passed over.
    """
    each = dict.fromkeys(tuple(atoms_of(word)) for word in clean(words).split())
    sequences = [atoms for atoms in each if atoms]
    if not sequences:
        return None
    asked = dict.fromkeys(word for atoms in sequences for word in _asked(atoms))
    # The longest are the rarest.
    chosen = sorted(asked, key=len, reverse=True)[:MOST_WANTED]
    return Wanted(tuple(map(_joined, sequences)), tuple(chosen))


def _asked(atoms: Sequence[str]) -> list[str]:
    """Return what the index is asked for a word of these atoms."""
    pairs = list(_pairs(atoms))
    paired = set("".join(pairs))
    return pairs + [atom[:MAX_ATOM] for atom in atoms if atom not in paired]


def _pairs(atoms: Sequence[str]) -> Iterable[str]:
    """Return two neighbours at a time of scripts without blanks, some others among them."""
    return [
        one + other
        for one, other in pairwise(atoms)
        if one >= _LEAST_UNSPACED and other >= _LEAST_UNSPACED and len(one) == len(other) == 1
    ]


def _joined(atoms: Iterable[str]) -> str:
    return f" {' '.join(atoms)} "


@lru_cache(maxsize=1024)
def _room_word(room: str) -> str:
    return _ROOM + fold(room).encode(errors="replace").hex()
