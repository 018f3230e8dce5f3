"""What keys do, beside editing the line, which prompt_toolkit knows about (emacs and vi)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from prompt_toolkit.filters import Condition, Filter
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

if TYPE_CHECKING:
    from chatd_client.screen.app import Screen


def bindings(screen: "Screen") -> KeyBindings:
    """Return the keys of ``screen``."""
    keys = KeyBindings()
    view, desk = screen.view, screen.desk
    asked = Condition(lambda: bool(view.pasted))
    plainly: Filter = ~asked
    searching = Condition(lambda: view.transcript.search is not None and not screen.buffer.text)

    def bind(*sequence: str, when: Filter = plainly) -> Callable[[Callable[[], object]], None]:
        def bound(act: Callable[[], object]) -> None:
            def handler(_: KeyPressEvent) -> None:
                act()

            keys.add(*sequence, filter=when, eager=when is not plainly)(handler)

        return bound

    def go(place: int) -> Callable[[], None]:
        return lambda: screen.go(place)

    for number in range(10):
        bind("escape", str(number))(go(number))
    bind("escape", "left")(lambda: screen.go((desk.active - 1) % len(desk.windows)))
    bind("escape", "right")(lambda: screen.go((desk.active + 1) % len(desk.windows)))
    bind("escape", "up")(lambda: screen.go((desk.active - 1) % len(desk.windows)))
    bind("escape", "down")(lambda: screen.go((desk.active + 1) % len(desk.windows)))
    bind("escape", "a")(screen.go_to_activity)
    bind("escape", "tab")(screen.go_back)
    bind("pageup")(lambda: screen.scroll(view.transcript.height - 1))
    bind("pagedown")(lambda: screen.scroll(1 - view.transcript.height))
    bind("escape", "p")(lambda: screen.scroll(view.transcript.height - 1))
    bind("escape", "n")(lambda: screen.scroll(1 - view.transcript.height))
    bind("c-home")(lambda: screen.scroll(1 << 30))
    bind("c-end")(screen.follow)
    bind("f2")(screen.toggle_names)
    bind("c-l")(screen.redraw)
    bind("c-z")(screen.suspend)
    bind("enter")(screen.enter)
    bind("tab")(lambda: screen.complete(1))
    bind("s-tab")(lambda: screen.complete(-1))
    bind("c-c")(screen.interrupt)
    bind("end", when=Condition(lambda: not screen.buffer.text and not view.pasted))(screen.follow)
    bind("c-d", when=Condition(lambda: not screen.buffer.text and not view.pasted))(screen.leave)
    bind("n", when=searching)(lambda: screen.search_on(-1))
    bind("N", when=searching)(lambda: screen.search_on(1))
    bind("escape", when=searching)(screen.search_ends)
    bind("y", when=asked)(screen.paste)
    bind("Y", when=asked)(screen.paste)
    bind("e", when=asked)(screen.paste_as_one)
    for refusal in ("n", "N", "escape", "c-c", "c-d"):
        bind(refusal, when=asked)(screen.paste_nothing)

    @keys.add(Keys.BracketedPaste)
    def _(event: KeyPressEvent) -> None:
        screen.pasted(event.data)

    @keys.add(Keys.Any, filter=asked)
    def _(_: KeyPressEvent) -> None:
        pass

    return keys
