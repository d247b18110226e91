"""The line for ``:`` commands, with completion, and for ``/`` filters, which act while they are typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input
from textual.widgets.input import Selection

from posdeck.ui.widgets.words import Words

ASK = "ask"


class Prompt(Vertical):
    """Hidden until asked for. What can be typed stands above the line, so that it has the whole width."""

    DEFAULT_CSS = """
    Prompt { height: auto; dock: bottom; margin-bottom: 1; display: none; background: $surface; }
    Prompt.-shown { display: block; }
    Prompt Horizontal { height: 1; }
    Prompt Words { width: auto; padding: 0 1; text-style: bold; color: $accent; }
    Prompt Input { width: 1fr; background: $surface; }
    Prompt #prompt-hint { color: $quiet; text-style: none; width: 1fr; height: auto; max-height: 2; }
    """

    class Changed(Message):
        """The text differs."""

    def __init__(
        self,
        complete: Callable[[str], Sequence[str]],
        done: Callable[[str, str], Awaitable[None]],
        left: Callable[[], None],
    ) -> None:
        """``done`` is given the mode and the text once the line is entered, ``left`` is called for escape. Both are
        part of the key itself, so that what is typed behind it finds the line closed."""
        super().__init__()
        self._complete = complete
        self._done, self._left = done, left
        self.mode = ""
        self._choice = -1
        self._stem = ""

    def compose(self) -> ComposeResult:
        """A sign, the line, and what could be meant."""
        yield Words("", id="prompt-hint")
        with Horizontal():
            yield Words("", id="prompt-sign")
            yield self._line()

    def _line(self) -> Input:
        line = Input(id="prompt-line", select_on_focus=False, compact=True)
        line.cursor_blink = False  # a blinking cursor costs a repaint every half second
        return line

    @property
    def shown(self) -> bool:
        """Whether it is open."""
        return bool(self.mode)

    @property
    def text(self) -> str:
        """What is typed in it."""
        return self.query_one(Input).value

    def open(self, mode: str, text: str = "") -> None:
        """Show it: ``:`` or ``/``."""
        self.mode = mode
        self.add_class("-shown")
        self.query_one("#prompt-sign", Words).update(mode)
        line = self.query_one(Input)
        line.value = text
        line.cursor_position = len(text)
        if mode == "/" and text:
            line.selection = Selection(
                0, len(text)
            )  # what is typed replaces the filter in force, an arrow keeps it
        self._choice, self._stem = -1, text
        self._hint(text)
        self.screen.set_focus(line)  # now, not with the next message: what is typed next is meant for it

    def ask(self, sign: str, hint: str, text: str = "") -> None:
        """Ask for one line of text: ``sign`` stands before it, ``hint`` says what becomes of it."""
        self.open(ASK, text)
        self.add_class("-asking")
        self.query_one("#prompt-sign", Words).update(sign)
        self.query_one("#prompt-hint", Words).update(hint)

    def renew(self) -> None:
        """What can be completed has changed."""
        if self.shown and self._choice < 0:
            self._hint(self.text)

    def close(self) -> None:
        """Hide it."""
        self.mode = ""
        self.remove_class("-shown", "-asking")

    def _hint(self, text: str) -> None:
        if self.mode == ASK:
            return
        if self.mode == ":":
            hint = "  ".join(self._complete(text)[:12])
        else:
            hint = "text · regular expression · !inverse · -l label=value"
        self.query_one("#prompt-hint", Words).update(hint)

    async def take(self, event: events.Key) -> bool:
        """Take a key that was typed after ``:`` or ``/`` and before the line had the focus: it belongs to the line, and
        must never be read as an action. False for a key that is not the line's."""
        if not self.shown:
            return False
        line = self.query_one(Input)
        if event.is_printable and event.character:
            line.replace(event.character, *line.selection)
        elif event.key == "backspace":
            line.action_delete_left()
        else:
            return await self._own(event)
        event.stop()
        event.prevent_default()
        return True

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.mode and self._choice < 0:
            self._stem = event.value
            self._hint(event.value)
            self.post_message(self.Changed())

    async def on_key(self, event: events.Key) -> None:
        """Enter takes the line, tab completes, escape leaves; the rest is the line's."""
        await self._own(event)

    async def _own(self, event: events.Key) -> bool:
        if event.key == "escape":
            self._left()
        elif event.key == "enter":
            event.stop()
            event.prevent_default()
            if self.shown:
                await self._done(self.mode, self.text)
            return True
        elif event.key in {"tab", "shift+tab"} and self.mode == ":":
            line = self.query_one(Input)
            if self._choice < 0:
                self._stem = line.value
            found = self._complete(self._stem)
            if found:
                self._choice = (self._choice + (1 if event.key == "tab" else -1)) % len(found)
                with line.prevent(Input.Changed):
                    line.value = found[self._choice]
                line.cursor_position = len(line.value)
        else:
            self._choice = -1
            return False
        event.stop()
        event.prevent_default()
        return True
