"""The keys that work here, and a notice above them when there is something to say."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from posdeck.ui.actions import Action, key_text
from posdeck.ui.plain import plain, width, wrap
from posdeck.ui.rows.cells import Span
from posdeck.ui.tones import Tone
from posdeck.ui.widgets.card import line_strip

ROOMY = 110  # columns from which on the footer names what its keys would act on


class Footer(Widget):
    """One line of keys; those that matter most come first, what does not fit is in the help."""

    DEFAULT_CSS = """
    Footer { height: 1; dock: bottom; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._actions: tuple[Action, ...] = ()
        self._subject = ""

    @property
    def shown(self) -> tuple[Action, ...]:
        """The actions in their order."""
        return self._actions

    def show(self, actions: Sequence[Action], subject: str = "") -> None:
        """Take the actions that apply here; ``subject`` names what those that act would act on."""
        listed = tuple(sorted((a for a in actions if a.footer), key=lambda a: a.footer))
        if not any(a.group == "Act" for a in listed):
            subject = ""
        if (listed, subject) != (self._actions, self._subject):
            self._actions, self._subject = listed, subject
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line."""
        theme: str = getattr(self.app, "palette_name", "dark")
        line: list[Span] = [(" ", Tone.NORMAL)]
        room = self.size.width - 1
        if self._subject and self.size.width >= ROOMY:
            named = f"{plain(self._subject)}:  "
            line.append((named, Tone.ACCENT))
            room -= width(named)
        help_cells = len("? help") + 2
        for action in self._actions:
            key, title = key_text(action.keys[0]), action.title
            need = width(f"{key} {title}") + 2
            if need + (0 if action.id == "help" else help_cells) > room:
                continue
            room -= need
            line += [(key, Tone.STRONG), (f" {title}  ", Tone.DIM)]
        return line_strip(tuple(line), self.size.width, theme)


class NoticeBar(Widget):
    """What has just been refused, failed or done; it goes with the next key."""

    DEFAULT_CSS = """
    NoticeBar { height: auto; max-height: 6; dock: bottom; margin-bottom: 1; display: none; }
    NoticeBar.-shown { display: block; }
    """
    _GLYPH = {"bad": ("✖ ", Tone.BAD), "warn": ("▲ ", Tone.WARN), "normal": ("✔ ", Tone.GOOD)}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.tone = "normal"

    def show(self, text: str, tone: str = "normal") -> None:
        """Say ``text``; an empty one takes the notice away."""
        self.text, self.tone = plain(text), tone
        self.set_class(bool(text), "-shown")
        self.refresh(layout=True)

    def _wrapped(self, cells: int) -> list[str]:
        return wrap(self.text, max(10, cells - 4))[:6] if self.text else []

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as the text takes."""
        return max(1, len(self._wrapped(width)))

    def on_click(self, _event: events.Click) -> None:
        """A click takes it away."""
        self.show("")

    def render_line(self, y: int) -> Strip:
        """One line of it."""
        theme: str = getattr(self.app, "palette_name", "dark")
        lines = self._wrapped(self.size.width)
        glyph, tone = self._GLYPH.get(self.tone, self._GLYPH["normal"])
        text = lines[y] if y < len(lines) else ""
        return line_strip(
            ((f" {glyph}" if y == 0 else "   ", tone), (text, Tone.STRONG)), self.size.width, theme
        )
