"""Where a session waits for a person: a question with answers, or an act with its confirmation.

What was typed stays when the gate refuses: the refusal stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input

from posdeck.operations.view import Confirmation, Question
from posdeck.ui.plain import plain, wrap
from posdeck.ui.rows.cells import Line
from posdeck.ui.rows.session import question_lines
from posdeck.ui.tones import Tone
from posdeck.ui.widgets.card import Card
from posdeck.ui.widgets.words import Words

_NOTHING_SUGGESTED = "Nothing is suggested: go to an answer with its number or with ↑ ↓, and press ⏎."
NOWHERE = -1  # where the cursor of a question stands before anything was chosen


_LINES = ("typed", "reason", "ticket", "glass")


class QuestionBox(Card, can_focus=True):
    """A question; a number or an arrow goes to an answer, enter gives it."""

    class Answered(Message):
        """An answer was chosen."""

        def __init__(self, choice: str) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.question: Question | None = None
        self.cursor = 0

    def show(self, question: Question | None) -> None:
        """Take a question; the cursor stands on the suggested answer, and on none when nothing is suggested."""
        if question != self.question:
            self.question = question
            choices = question.choices if question else ()
            only = 0 if len(choices) == 1 else NOWHERE
            self.cursor = next((i for i, c in enumerate(choices) if c.suggested), only)
        self._draw()

    def _draw(self) -> None:
        cells = max(20, self.size.width)
        lines = question_lines(self.question, self.cursor, cells) if self.question else []
        if self.question is not None and self.cursor == NOWHERE:
            lines.append(((_NOTHING_SUGGESTED, Tone.DIM),))
        self.set_lines(lines)

    def on_resize(self, _event: events.Resize) -> None:
        """Wrap anew."""
        self._draw()

    def move(self, by: int) -> None:
        """Another answer."""
        if self.question:
            start = (-1 if by > 0 else 0) if self.cursor == NOWHERE else self.cursor
            self.cursor = (start + by) % max(1, len(self.question.choices))
            self._draw()

    def go_to(self, number: int) -> None:
        """The answer with this number, from 1. It is not given yet: everywhere else a digit is the key of a view."""
        if self.question is not None and 0 < number <= len(self.question.choices):
            self.cursor = number - 1
            self._draw()

    def choose(self) -> None:
        """Give the answer under the cursor."""
        if self.question is not None and 0 <= self.cursor < len(self.question.choices):
            self.post_message(self.Answered(self.question.choices[self.cursor].id))


class ConfirmForm(Vertical):
    """Type the name, give a reason and a ticket where they are asked for, and confirm."""

    DEFAULT_CSS = """
    ConfirmForm { height: auto; }
    ConfirmForm Horizontal { height: 1; }
    ConfirmForm Words { width: auto; padding-right: 1; }
    ConfirmForm Input { width: 1fr; background: $surface; }
    ConfirmForm Input:focus { background: $field; text-style: bold; }
    ConfirmForm .right { color: $success; }
    """

    class Confirmed(Message):
        """Everything that was asked for was given."""

        def __init__(self, typed: str, reason: str, ticket: str, break_glass: str) -> None:
            super().__init__()
            self.typed = typed
            self.reason = reason
            self.ticket = ticket
            self.break_glass = break_glass

    def __init__(self, when_resized: Callable[[], None] | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.confirmation: Confirmation | None = None
        self.refusal = ""
        self.sent = False
        self._when_resized = when_resized

    def compose(self) -> ComposeResult:
        """The refusal, then one line for each thing that is asked for."""
        yield Card(id="refusal")
        for name in _LINES:
            with Horizontal(id=f"row-{name}"):
                yield Words("", id=f"label-{name}")
                line = Input(id=f"input-{name}", compact=True)
                line.cursor_blink = False
                yield line
        yield Card(id="keys")

    def show(self, confirmation: Confirmation | None) -> None:
        """Take a confirmation. The same act drawn again keeps what was typed."""
        before, self.confirmation = self.confirmation, confirmation
        self.display = confirmation is not None
        if confirmation is None:
            return
        same = before is not None and (before.step, before.full_name, before.type_this) == (
            confirmation.step,
            confirmation.full_name,
            confirmation.type_this,
        )
        if not same:
            self.refusal = ""
            for line in self.query(Input):
                line.value = ""
        self.sent = False
        self._draw()

    def refuse(self, text: str) -> None:
        """Say why not; what was typed stays, and a wrong name gets the keys."""
        self._say(text)
        asked = self.confirmation
        if asked is not None and asked.type_this and self.value("typed") != asked.type_this:
            self.query_one("#input-typed", Input).focus()

    def _say(self, text: str) -> None:
        self.refusal = text
        self.sent = False
        self._draw()

    def settle(self) -> None:
        """The gate took it: the next thing that comes is a new state."""
        self.sent = True
        self._draw()

    @property
    def wanted(self) -> list[str]:
        """Which lines are asked for."""
        asked = self.confirmation
        if asked is None or asked.refused:
            return []
        pairs = (
            ("typed", bool(asked.type_this)),
            ("reason", asked.reason_required),
            ("ticket", asked.ticket_required),
            ("glass", bool(asked.overridable)),
        )
        return [name for name, wanted in pairs if wanted]

    def value(self, name: str) -> str:
        """What was typed there."""
        return self.query_one(f"#input-{name}", Input).value.strip()

    def focus_first(self) -> None:
        """Go to the first line that is still empty."""
        for name in self.wanted:
            if not self.value(name):
                self.query_one(f"#input-{name}", Input).focus()
                return
        if self.wanted:
            self.query_one(f"#input-{self.wanted[-1]}", Input).focus()

    def submit(self, *, as_it_stands: bool = False) -> None:
        """Confirm, or go to what is missing and say so; ``as_it_stands`` sends it in any case. Whether it is enough is
        for the gate to say, which puts a no on record, a wrong name's as well."""
        asked = self.confirmation
        if asked is None or self.sent:
            return
        if asked.refused:
            self.refuse(asked.refused)
            return
        missing = [name for name in self.wanted if not self.value(name)]
        if missing and not as_it_stands:
            words = {
                "typed": f"type {asked.type_this}",
                "reason": "give a reason",
                "ticket": "give a ticket",
                "glass": "say why the policy is set aside",
            }
            self.query_one(f"#input-{missing[0]}", Input).focus()
            if missing != self.wanted:
                self._say(f"Still to do: {', '.join(words[name] for name in missing)}.")
            return
        self.sent = True
        self.refusal = ""
        self._draw()
        given = {name: self.value(name) if name in self.wanted else "" for name in _LINES}
        if "typed" not in self.wanted:
            given["typed"] = "yes"  # no name is asked for: the key was the word
        self.post_message(self.Confirmed(given["typed"], given["reason"], given["ticket"], given["glass"]))

    def _draw(self) -> None:
        asked = self.confirmation
        if asked is None or not self.is_mounted:
            return
        refused = self.refusal or asked.refused or asked.overridable
        cells = max(20, self.size.width - 2)
        pieces = wrap(plain(refused, 4000), cells) if refused else []
        lines: list[Line] = [
            (("  " if index else "⊘ ", Tone.BAD), (piece, Tone.STRONG)) for index, piece in enumerate(pieces)
        ]
        self.query_one("#refusal", Card).set_lines(lines)
        labels = {
            "typed": f"Type {plain(asked.type_this)} to go on:",
            "reason": "Reason:",
            "ticket": "Ticket:",
            "glass": "Break glass, because:",
        }
        for name, label in labels.items():
            self.query_one(f"#row-{name}").display = name in self.wanted
            self.query_one(f"#label-{name}", Words).update(label)
        self.query_one("#keys", Card).set_lines([self._keys_line(asked)])

    def _keys_line(self, asked: Confirmation) -> Line:
        if asked.refused:
            return (("The gate refuses this act; nothing can be confirmed.", Tone.BAD),)
        if self.sent:
            return (("Starting…", Tone.BUSY),)
        if self.wanted:
            return (
                ("⏎", Tone.STRONG),
                (" confirm  ", Tone.DIM),
                ("esc", Tone.STRONG),
                (" leave, nothing done", Tone.DIM),
            )
        return (
            ("y", Tone.STRONG),
            (" do it  ", Tone.DIM),
            ("n", Tone.STRONG),
            (" leave, nothing done", Tone.DIM),
        )

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.submit()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        asked = self.confirmation
        if asked is not None and event.input.id == "input-typed":
            event.input.set_class(event.value.strip() == asked.type_this, "right")

    def on_resize(self, _event: events.Resize) -> None:
        """Wrap anew."""
        self._draw()
        if self._when_resized:
            self._when_resized()
