"""Scrolling, held against a list of all rows that is cut where the window is."""

from hypothesis import given
from hypothesis import strategies as st

from chatd_client.screen import viewport
from chatd_client.screen.transcript import Line, Look
from chatd_client.screen.viewport import Anchor

heights_of_lines = st.lists(st.integers(1, 5), max_size=20)


class Model:
    """Lines of so many rows each, and how far up from the end one has scrolled."""

    def __init__(self, rows: list[int], height: int) -> None:
        self.lines = [Line(serial=10 + n, look=Look.INFO, text="") for n in range(len(rows))]
        self._rows = rows
        self.height = height
        self.anchor: Anchor | None = None
        self.up = 0

    def rows_of(self, place: int) -> list[str]:
        return [f"{self.lines[place].serial}.{row}" for row in range(self._rows[place])]

    def whole(self) -> list[str]:
        return [row for place in range(len(self.lines)) for row in self.rows_of(place)]

    def scroll(self, by: int) -> None:
        self.anchor = viewport.scrolled(self.lines, self.anchor, by, self.height, self.rows_of)
        self.up = max(0, min(self.up + by, len(self.whole()) - self.height))

    def seen(self) -> list[str]:
        return viewport.seen(self.lines, self.anchor, self.height, self.rows_of)

    def comes(self, rows: int) -> None:
        """Have another line come; whoever has scrolled up goes on seeing what was seen."""
        self.lines.append(Line(serial=10 + len(self.lines), look=Look.INFO, text=""))
        self._rows.append(rows)
        if self.up:
            self.up += rows


@given(
    heights_of_lines,
    st.integers(1, 12),
    st.lists(st.one_of(st.integers(-30, 30), st.sampled_from(("comes",))), max_size=10),
)
def test_what_is_seen(rows: list[int], height: int, happening: list[int | str]) -> None:
    model = Model(rows, height)
    for each in happening:
        if isinstance(each, int):
            model.scroll(each)
        else:
            model.comes(2)
        whole = model.whole()
        end = len(whole) - model.up
        assert model.seen() == whole[max(0, end - height) : end]
        at_top = viewport.is_at_top(model.lines, model.anchor, height, model.rows_of)
        assert at_top == (end <= height)
        assert (model.anchor is None) == (model.up == 0)


@given(heights_of_lines.filter(bool), st.integers(3, 12), st.data())
def test_a_line_that_is_gone_to_is_seen(rows: list[int], height: int, data: st.DataObject) -> None:
    model = Model([1] * len(rows), height)
    place = data.draw(st.integers(0, len(rows) - 1))
    model.anchor = viewport.at(model.lines, model.lines[place].serial, height)
    assert model.rows_of(place)[0] in model.seen()


def test_a_line_that_was_forgotten_leaves_one_at_the_top() -> None:
    model = Model([1, 2, 1], 2)
    model.anchor = Anchor(1, 0)
    assert model.seen() == ["10.0"]
