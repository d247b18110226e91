"""What a runbook asks for before its first step: a line for each parameter, with its help and known answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input

from posdeck.operations.front import ParamSummary
from posdeck.ui.plain import plain, wrap
from posdeck.ui.rows.cells import Line
from posdeck.ui.tones import Tone
from posdeck.ui.widgets.card import Card
from posdeck.ui.widgets.words import Words

Answers = Callable[[ParamSummary, Mapping[str, str]], Sequence[str]]


class ParamField(Vertical):
    """One parameter."""

    DEFAULT_CSS = """
    ParamField { height: auto; margin-bottom: 1; }
    ParamField Horizontal { height: 1; }
    ParamField Words { width: 16; padding-right: 1; text-style: bold; }
    ParamField Input { width: 1fr; background: $surface; }
    ParamField Input:focus { background: $field; text-style: bold; }
    """

    def __init__(self, param: ParamSummary, value: str) -> None:
        super().__init__()
        self.param = param
        self.line = Input(value, compact=True)
        self.line.cursor_blink = False
        self._hint = Card()

    def compose(self) -> ComposeResult:
        """Name and line, then the hint."""
        with Horizontal():
            yield Words(plain(self.param.name))
            yield self.line
        yield self._hint

    @property
    def value(self) -> str:
        """What stands there."""
        return self.line.value.strip()

    def put(self, text: str) -> None:
        """Write ``text`` into the line."""
        self.line.value = text
        self.line.cursor_position = len(text)

    def hint(self, answers: Sequence[str], note: str) -> None:
        """Say what is wanted, what is known, and what the present answer means."""
        cells = max(20, self.size.width - 18)
        optional = "" if self.param.required else " (may stay empty)"
        lines: list[Line] = [
            ((" " * 16, Tone.NORMAL), (piece, Tone.DIM))
            for piece in wrap(f"{plain(self.param.help, 400)}{optional}", cells)
        ]
        if note:
            lines.append(((" " * 16, Tone.NORMAL), (plain(note, 400), Tone.NORMAL)))
        shown = [a for a in answers if self.value in a] or list(answers)
        if shown and [self.value] != shown and self.line.has_focus:
            listed = " · ".join(plain(a) for a in shown)
            lines += [((" " * 16, Tone.NORMAL), (piece, Tone.ACCENT)) for piece in wrap(listed, cells)[:3]]
        self._hint.set_lines(lines)


class ParamForm(Vertical):
    """All parameters of one runbook; what was typed stays when it is not accepted."""

    DEFAULT_CSS = """
    ParamForm { height: auto; }
    ParamForm #form-refusal { margin-bottom: 1; }
    """

    class Given(Message):
        """Everything was answered."""

        def __init__(self, values: Mapping[str, str]) -> None:
            super().__init__()
            self.values = values

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.refusal = Card(id="form-refusal")
        self.fields: list[ParamField] = []
        self._answers: Answers = lambda param, _given: param.choices
        self._note: Answers = lambda _param, _given: ()
        self._stem: tuple[ParamField, str] | None = None

    def compose(self) -> ComposeResult:
        """The refusal; the fields come with ``ask``."""
        yield self.refusal

    async def ask(
        self, params: Sequence[ParamSummary], given: Mapping[str, str], answers: Answers, note: Answers
    ) -> None:
        """Show these parameters with what is known of them, and go to the first that is open."""
        await self.query(ParamField).remove()
        self._answers, self._note = answers, note
        self.fields = [ParamField(p, given.get(p.name, p.default)) for p in params]
        self.refuse("")
        await self.mount(*self.fields)
        unanswered = [f for f in self.fields if f.param.name not in given]
        (unanswered or self.fields)[0].line.focus()
        self._hints()

    def values(self) -> dict[str, str]:
        """What was answered; an empty line is no answer."""
        return {field.param.name: field.value for field in self.fields if field.value}

    def refuse(self, text: str) -> None:
        """Say why not."""
        cells = max(20, self.size.width - 2)
        pieces = wrap(plain(text, 2000), cells) if text else []
        self.refusal.set_lines(
            [(("⊘ " if not i else "  ", Tone.BAD), (p, Tone.STRONG)) for i, p in enumerate(pieces)]
        )

    def submit(self) -> None:
        """Give the answers, or go to the first that is missing."""
        for field in self.fields:
            if field.param.required and not field.value:
                self.refuse(f"{field.param.name} is still open: {field.param.help}")
                field.line.focus()
                return
        self.refuse("")
        self.post_message(self.Given(self.values()))

    def step(self, by: int) -> None:
        """To another field."""
        at = next((i for i, field in enumerate(self.fields) if field.line.has_focus), -1)
        if self.fields:
            self.fields[(at + by) % len(self.fields)].line.focus()

    def next_choice(self) -> None:
        """Put the next known answer that fits what was typed into the field."""
        field = next((f for f in self.fields if f.line.has_focus), None)
        if field is None:
            return
        if self._stem is None or self._stem[0] is not field:
            self._stem = (field, field.value)
        answers = list(self._answers(field.param, self.values()))
        fitting = [a for a in answers if self._stem[1] in a] or answers
        if fitting:
            at = fitting.index(field.value) if field.value in fitting else -1
            with field.line.prevent(Input.Changed):
                field.put(fitting[(at + 1) % len(fitting)])
            self._hints()

    def _hints(self) -> None:
        given = self.values()
        for field in self.fields:
            note = self._note(field.param, given)
            field.hint(self._answers(field.param, given), note[0] if note else "")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._stem = None
        self._hints()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        """Enter goes on to the next open field, and from the last one begins."""
        event.stop()
        at = next((i for i, field in enumerate(self.fields) if field.line is event.input), 0)
        if at + 1 < len(self.fields):
            self.fields[at + 1].line.focus()
        else:
            self.submit()

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        """Known answers are listed where one is."""
        self._stem = None
        self._hints()

    def on_resize(self, _event: events.Resize) -> None:
        """Wrap anew."""
        self._hints()
