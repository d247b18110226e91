"""Places that are one text: an object described or as YAML, a record, a runbook as a document, help."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult

from posdeck.errors import PosdeckError
from posdeck.ui import actions as act
from posdeck.ui.actions import Action
from posdeck.ui.filtering import Filter, highlighter
from posdeck.ui.lifting import NO_COPY, lifted
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import Line
from posdeck.ui.scene import Scene
from posdeck.ui.screens.pane import Pane, Subject, subject_scopes
from posdeck.ui.tones import Tone
from posdeck.ui.widgets.box import Box
from posdeck.ui.widgets.pager import CLIPBOARD, Pager, text_of

Load = Callable[[], Awaitable[Sequence[Line]]]


class TextPane(Pane):
    """Lines that are loaded once and can be searched."""

    view_name: ClassVar[str] = "text"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.box = Box()
        self.text = Pager(wrapped=True, id="text")
        self.fold: Callable[[], None] | None = None
        self._subject: Subject | None = None
        self._renew: Callable[[], None] | None = None
        self._live: Callable[[Scene], Sequence[Line]] | None = None
        self._generation = 0

    def compose(self) -> ComposeResult:
        """A box of lines."""
        with self.box:
            yield self.text

    def open(
        self,
        title: str,
        load: Load,
        *,
        subject: Subject | None = None,
        fold: Callable[[], None] | None = None,
        renew: Callable[[], None] | None = None,
        live: Callable[[Scene], Sequence[Line]] | None = None,
    ) -> None:
        """Show what ``load`` gives; what comes for an older call is thrown away. ``renew`` reads it again, ``live``
        makes it anew out of each scene."""
        self._generation += 1
        self._subject, self.fold, self._renew, self._live = subject, fold, renew, live
        self.text.filter = Filter()
        self.text.clear()
        self.text.set_lines([(("Reading…", Tone.DIM),)])
        self.box.say(plain(title), "/ search · n next · w wrap · esc back")
        self.posdeck.run_worker(self._load(load, self._generation), group="text", exit_on_error=False)

    async def _load(self, load: Load, generation: int) -> None:
        try:
            lines: Sequence[Line] = await load()
        except PosdeckError as problem:
            lines = [(("✖ ", Tone.BAD), (plain(str(problem)), Tone.STRONG))]
        if generation == self._generation and self.is_mounted:
            self.text.clear()
            self.text.set_lines(lines)

    def scopes(self) -> tuple[str, ...]:
        folding = ("object-text",) if self.fold else ()
        chosen = subject_scopes(self._subject) if self._subject is not None else ()
        return (*folding, act.PAGER, *chosen, act.EVERYWHERE)

    def draw(self, scene: Scene) -> None:
        if self._live is not None:
            self.text.set_lines(self._live(scene))

    def redaction_changed(self) -> None:
        """An object is read again."""
        if self._renew is not None:
            self._renew()

    def subject(self) -> Subject | None:
        return self._subject

    def set_filter(self, text: str) -> None:
        """In a document a search goes to the match instead of hiding the rest."""
        from posdeck.ui.filtering import parse_filter

        self.text.search(parse_filter(text))

    def perform(self, action: Action, key: str) -> bool:
        if action.id == "fold" and self.fold is not None:
            self.fold()
            return True
        if action.id == "copy":
            self._copy()
            return True
        return super().perform(action, key)

    def _copy(self) -> None:
        """The whole text, or the line that n and N are at."""
        found = self.text.match_line()
        chosen = self.text.lines if found is None else [self.text.lines[found]]
        text = "\n".join(text_of(line) for line in chosen)
        if lifted(self.posdeck):
            self.posdeck.notice(NO_COPY, "warn")
        elif len(text) > CLIPBOARD:
            self.posdeck.notice(f"{len(text):,} characters are too much for the clipboard.", "warn")
        elif text.strip():
            self.app.copy_to_clipboard(text)
            self.posdeck.notice(
                f"copied {len(chosen):,} lines" if found is None else f"copied: {text.strip()[:120]}"
            )


def matches(lines: Sequence[Line], wanted: Filter) -> int:
    """How many lines match."""
    marks = highlighter(wanted)
    return sum(bool(marks("".join(text for text, _ in line))) for line in lines)
