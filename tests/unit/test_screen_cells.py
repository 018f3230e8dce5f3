"""Cells and rows of the screen: what is shown, how wide it is, and how it is laid out."""

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcwidth

from chatd_client.screen.cells import MARKS, clip, pad, shown, spans, width
from chatd_client.screen.rows import columns, lay_out, wrap
from chatd_client.screen.transcript import Line, Look
from hostile import hostile_text

texts = st.one_of(hostile_text, st.text(max_size=60), st.text("ab 漢e\u0301", max_size=60))


@pytest.mark.parametrize(
    ("text", "wanted", "cells"),
    [
        ("plain", "plain", 5),
        ("漢字", "漢字", 4),
        ("\U0001f1e8\U0001f1ed!", "\uff23\uff28!", 5),  # a flag: some terminals give it two cells
        ("\U0001f44b\U0001f3fd", "\U0001f44b", 2),
        ("\U0001f469\u200d\U0001f467", "\U0001f469\U0001f467", 4),
        ("a\ufe0f\u200bb", "ab", 2),
        ("e\u0301\u0302\u0303\u0304x", "e\u0301\u0302x", 2),
        ("\u0301a", "a", 1),
        ("tab\there\x1b[2J", "tab here\ufffd[2J", 12),
    ],
    ids=ascii,
)
def test_what_is_shown(text: str, wanted: str, cells: int) -> None:
    assert shown(text) == wanted
    assert width(shown(text)) == cells


@given(texts)
def test_what_is_shown_is_safe_and_stays_as_it_is(text: str) -> None:
    once = shown(text)
    assert shown(once) == once
    assert all(wcwidth(char) >= 0 for char in once), ascii(once)
    marks = "".join("m" if not wcwidth(char) else "x" for char in once)
    assert not re.search(f"m{{{MARKS + 1}}}|^m", marks), ascii(once)
    assert not any(unicodedata.bidirectional(char) in ("RLO", "LRO", "RLE") for char in once)


@given(texts, st.integers(0, 40))
def test_what_is_clipped_fits_and_what_is_padded_fills(text: str, cells: int) -> None:
    text = shown(text)
    assert width(clip(text, cells)) <= cells
    assert width(pad(text, cells)) == cells
    if width(text) <= cells:
        assert clip(text, cells) == text


@given(texts, st.integers(2, 40))
def test_rows_have_all_of_it_and_no_more_than_fits(text: str, cells: int) -> None:
    words = spans(text)
    whole = "".join(part for _, part in words)
    rows = ["".join(part for _, part in row) for row in wrap(words, cells)]
    assert "".join(rows).replace(" ", "") == whole.replace(" ", "")
    for row in rows:
        assert width(row.rstrip(" ")) <= cells, ascii(row)
        # A mark at the end is drawn twice by prompt_toolkit.
        assert not row or wcwidth(row[-1]), ascii(row)


@given(texts, texts, st.sampled_from(Look), st.integers(12, 100), st.booleans())
def test_every_row_of_a_line_has_its_columns(
    text: str, nick: str, look: Look, cells: int, to: bool
) -> None:
    line = Line(serial=1, look=look, text=text, nick=shown(nick), to="bob" if to else "")
    clock, names, _ = columns(cells)
    gutter = 6 * clock + names + 1
    for row in lay_out(line, cells, re.compile("a")):
        whole = "".join(part for _, part in row)
        assert width(whole.rstrip(" ")) <= cells
        place = 0
        for char in whole:
            if place == gutter and wcwidth(char):
                assert char == "│", ascii(whole)
                break
            place += wcwidth(char)
        assert place == gutter, ascii(whole)


def test_a_match_is_marked_across_styles() -> None:
    line = Line(serial=1, look=Look.MESSAGE, text="say de\x02ploy\x02 now", nick="bob")
    (row,) = lay_out(line, 80, re.compile("deploy"))
    marked = [(style, text) for style, text in row if "class:match" in style]
    assert [text for _, text in marked] == ["de", "ploy"]
    assert "bold" in marked[1][0]


@given(st.lists(st.tuples(st.sampled_from(("", "bold")), st.text("ab", max_size=6)), max_size=8))
def test_all_matches_are_marked_and_nothing_else(words: list[tuple[str, str]]) -> None:
    text = "".join(f"\x02{part}\x02" if bold else part for bold, part in words)
    line = Line(serial=1, look=Look.MESSAGE, text=text, nick="bob")
    (row,) = lay_out(line, 200, re.compile("ab"))
    shown_as = row[3:]
    whole = "".join(part for _, part in shown_as)
    assert whole == "".join(part for _, part in words)
    marked = "".join("m" * len(part) if "match" in style else part for style, part in shown_as)
    assert marked == whole.replace("ab", "mm")


def test_a_line_of_thousands_of_matches_takes_no_time() -> None:
    line = Line(serial=1, look=Look.MESSAGE, text="\x02a" * 4000, nick="bob")
    began = time.process_time()
    lay_out(line, 80, re.compile("a"))
    # A quadratic search took eleven seconds.
    assert time.process_time() - began < 1
