"""Write the table of look-alikes (supervisor/chatd_supervisor/confusables.py) anew.

``.venv/bin/python tests/confusables.py confusables.txt``, with the file of UTS #39, which is at
https://www.unicode.org/Public/security/latest/confusables.txt. Only what can stand in a name is
taken along (``identifiers``), so the table is a third of the file.
"""

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from chatd_workers.names import is_nick

TARGET = Path(__file__).parents[1] / "supervisor" / "chatd_supervisor" / "confusables.py"

HEAD = '''"""What looks like what: part of confusables.txt {version}, from tests/confusables.py.

Made, not written: do not edit. (c) {year} Unicode, Inc. https://www.unicode.org/terms_of_use.html
Each word is a character and what it looks like, one or more characters, in hexadecimal.
"""

from typing import Final

WORDS: Final = """
{words}
"""
'''


def entries(text: str) -> Iterator[tuple[str, str]]:
    """Yield each character that can stand in a name, and its prototype."""
    for line in text.splitlines():
        fields = [field.strip() for field in line.partition("#")[0].split(";")]
        if len(fields) < 3:
            continue
        source, target = ("".join(chr(int(one, 16)) for one in f.split()) for f in fields[:2])
        # Digits and letters of ASCII are told apart: bob1 and bobl are two people.
        if not source.isascii() and (can_stand(source) or can_stand(source.lower())):
            yield source, target


def can_stand(char: str) -> bool:
    """Return whether ``char`` can stand in a name, at least behind another one."""
    return any(
        is_nick(before + char) for before in ("", "x", "\u0905", "\u0627", "\u05d0", "\u0e01")
    )


def word_of(source: str, target: str) -> str:
    return f"{ord(source):x}:{'+'.join(f'{ord(char):x}' for char in target)}"


def main() -> None:
    text = Path(sys.argv[1]).read_text(encoding="utf-8-sig")
    version = re.search(r"^# Version: ([0-9.]+)", text, re.MULTILINE)
    year = re.search(r"^# Date: ([0-9]+)", text, re.MULTILINE)
    assert version
    assert year
    words = " ".join(word_of(*entry) for entry in sorted(entries(text)))
    lines = textwrap.fill(words, 100, break_long_words=False)
    TARGET.write_text(HEAD.format(version=version[1], year=year[1], words=lines))


if __name__ == "__main__":
    main()
