"""The palette: everything that can be done from where one is, found by words of it. It only leads to actions and
commands that are there without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from posdeck.ui.actions import Action, key_text
from posdeck.ui.plain import plain
from posdeck.ui.views import VIEWS

if TYPE_CHECKING:
    from posdeck.ui.app import PosdeckApp

_SHOWN = 60
_WIDEST, _AROUND = 100, 6  # columns of the box, and of what is around a line in it
_NOT_LISTED = frozenset({"palette", "command", "back"})
_MOVING = frozenset({"Moving", "Views"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to do: an action of this place with its key, or a line for the command prompt."""

    title: str
    says: str
    keys: str = ""
    action: Action | None = None
    command: str = ""

    def fits(self, words: Sequence[str]) -> bool:
        """Whether every word is in it."""
        whole = f"{self.title} {self.says}".lower()
        return all(word in whole for word in words)


def entries(app: PosdeckApp) -> list[Entry]:
    """What can be done here, first what the keys of this place do, then where one can go, then runbooks."""
    here = app.keys.applying(app.console_screen.current.scopes())
    found = [
        Entry(action.title, action.says, "  ".join(key_text(key) for key in action.keys), action)
        for action in here
        if action.id not in _NOT_LISTED and action.group not in _MOVING
    ]
    found += [Entry(view.name, view.shows, f":{view.name}", command=view.name) for view in VIEWS]
    if app.front is not None:
        runbooks = app.front.runbooks()
        found += [Entry(r.title, r.summary, f":run {r.id}", command=f"run {r.id}") for r in runbooks]
    names = [member.short for member in app.scene.wall.members]
    for verb in ("logs", "describe", "restart"):
        found += [Entry(f"{verb} {name}", "", f":{verb} {name}", command=f"{verb} {name}") for name in names]
    return found


def found_by(text: str, all_of_them: Sequence[Entry]) -> list[Entry]:
    """The entries with every word of ``text``; those whose title begins with it come first."""
    words = text.lower().split()
    fitting = [entry for entry in all_of_them if entry.fits(words)]
    start = text.lower().strip()
    return sorted(fitting, key=lambda entry: not entry.title.lower().startswith(start))[:_SHOWN]


class Palette(ModalScreen[Entry | None]):
    """A line, and what it finds."""

    DEFAULT_CSS = """
    Palette { align: center top; background: $background 60%; }
    Palette > Vertical { width: 90%; max-width: 100; height: 80%; margin-top: 2; background: $surface; }
    Palette > Vertical { border: round $edge-focus; }
    Palette Input { background: $surface; border: none; padding: 0 1; }
    Palette Input > .input--placeholder { color: $quiet; }
    Palette OptionList { background: $surface; border: none; height: 1fr; }
    Palette OptionList > .option-list--option-highlighted { background: $field; color: $foreground; }
    Palette OptionList:focus > .option-list--option-highlighted { background: $field; color: $foreground; }
    """
    AUTO_FOCUS = "Input"

    def __init__(self, found: Sequence[Entry]) -> None:
        super().__init__()
        self._all = found
        self._found: list[Entry] = []

    def compose(self) -> ComposeResult:
        """The line above the list."""
        with Vertical():
            line = Input(placeholder="words of what to do · ↑ ↓ ⏎ · esc", compact=True)
            line.cursor_blink = False
            yield line
            yield OptionList()

    def on_mount(self) -> None:
        """Everything, before a word is typed."""
        self._fill("")

    def _fill(self, text: str) -> None:
        self._found = found_by(text, self._all)
        options = self.query_one(OptionList)
        options.clear_options()
        room = min(_WIDEST, int(self.app.size.width * 0.9)) - _AROUND
        quiet = self.app.theme_variables["quiet"]
        options.add_options([Option(_drawn(entry, room, quiet)) for entry in self._found])
        options.highlighted = 0 if self._found else None

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._fill(event.value)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        at = self.query_one(OptionList).highlighted
        chosen = found_by(event.value, self._all)  # what was typed last may not have been listed yet
        same = chosen == self._found and at is not None
        self.dismiss(self._found[at] if same and at is not None else next(iter(chosen), None))

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._found[event.option_index])

    def on_key(self, event: events.Key) -> None:
        """Up and down move in the list while one types; escape leaves."""
        options = self.query_one(OptionList)
        if event.key in {"escape", "ctrl+c", "ctrl+p"}:
            self.dismiss(None)
        elif event.key == "up":
            options.action_cursor_up()
        elif event.key == "down":
            options.action_cursor_down()
        else:
            return
        event.stop()
        event.prevent_default()


def _drawn(entry: Entry, room: int, quiet: str) -> Text:
    """One line of at most ``room`` columns; ``quiet`` is the colour of what stands beside the title."""
    text = Text()
    text.append(f"{plain(entry.title)}", style="bold")
    text.append(f"  {entry.keys}", style=quiet)
    text.append(f"  {plain(entry.says)}", style=quiet)
    text.truncate(room, overflow="ellipsis")
    return text


async def open_palette(app: PosdeckApp) -> None:
    """Show it, and do what was chosen."""

    def done(chosen: Entry | None) -> None:
        if chosen is None:
            return
        if chosen.action is not None:
            work = app.console_screen.do(chosen.action, chosen.action.keys[0])
        else:
            work = app.command(chosen.command)
        app.run_worker(work, group="press", exit_on_error=False)

    await app.push_screen(Palette(entries(app)), done)
