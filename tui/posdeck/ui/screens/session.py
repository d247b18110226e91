"""A runbook session: the path at the left, the step in the middle, and the question where one is asked."""

from __future__ import annotations

import re
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from posdeck.errors import PosdeckError
from posdeck.operations.view import SessionView, StepState
from posdeck.ui import actions as act
from posdeck.ui.actions import Action
from posdeck.ui.lifting import lifted
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import Line
from posdeck.ui.rows.session import (
    ENDED,
    evidence_lines,
    path_lines,
    path_strip,
    step_lines,
    step_number,
    step_of,
    task_lines,
)
from posdeck.ui.screens.pane import Pane, Subject
from posdeck.ui.tones import Tone
from posdeck.ui.widgets.asking import ConfirmForm, QuestionBox
from posdeck.ui.widgets.box import Box
from posdeck.ui.widgets.card import Card
from posdeck.ui.widgets.pager import Pager

WIDE = 110


_BANNER = re.compile(r" \*{4,}$")  # Ansible fills its headings up to a width that is not this screen's
_KEPT: tuple[Line, ...] = (
    (
        ("▲ ", Tone.WARN),
        ("A session stays redacted: what it finds is kept, and is redacted before that. ", Tone.STRONG),
        ("l and d show the log and the object as they are.", Tone.DIM),
    ),
    (),
)


class SessionPane(Pane):
    """One session; leaving the place does not end it."""

    view_name: ClassVar[str] = "session"
    own_scopes: ClassVar[tuple[str, ...]] = (act.SESSION,)
    DEFAULT_CSS = """
    SessionPane #session-body { height: 1fr; }
    SessionPane #path-box { width: 38; }
    SessionPane #strip { display: none; height: 1; }
    SessionPane.-narrow #path-box { display: none; }
    SessionPane.-narrow #strip { display: block; }
    SessionPane #middle { width: 1fr; }
    SessionPane #step-box { height: 1fr; min-height: 5; }
    SessionPane #question-box { height: auto; display: none; border: round $accent; }
    SessionPane #confirm-box { height: auto; display: none; border: round $accent; }
    SessionPane #tasks-box { height: auto; max-height: 12; display: none; }
    SessionPane.-narrow #tasks-box { max-height: 7; }
    SessionPane #tasks { height: auto; max-height: 10; }
    SessionPane.-narrow #tasks { max-height: 5; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.session: SessionView | None = None
        self.mode = "step"  # step, evidence, log
        self.text = Pager(wrapped=True, id="step-text")
        self.path = Pager(id="path", focusable=False)
        self.strip = Card(id="strip")
        self.tasks = Pager(id="tasks")
        self.question = QuestionBox(id="question")
        self.form = ConfirmForm(id="confirm")
        self.step_box = Box(id="step-box")
        self.question_box = Box("Decide", id="question-box")
        self.confirm_box = Box("Confirm", id="confirm-box")
        self.tasks_box = Box("Tasks", id="tasks-box")
        self._read = self.text
        self.text.when_resized = self._draw_session
        self.tasks.when_resized = self._draw_session

    def compose(self) -> ComposeResult:
        """Path, step, question or confirmation, tasks."""
        yield self.strip
        with Horizontal(id="session-body"):
            with Box("Path", id="path-box"):
                yield self.path
            with Vertical(id="middle"):
                with self.step_box:
                    yield self.text
                with self.question_box:
                    yield self.question
                with self.confirm_box:
                    yield self.form
                with self.tasks_box:
                    yield self.tasks

    def on_resize(self, event: events.Resize) -> None:
        """A narrow screen has the path in one line."""
        self.set_class(event.size.width < WIDE, "-narrow")

    def take(self, session: SessionView) -> None:
        """Draw a new state; what waits for a person gets the keys."""
        before, self.session = self.session, session
        if before is None or before.id != session.id or before.current != session.current:
            self.mode = "step"
        self._draw_session()
        asked_before = before is not None and before.id == session.id and _asks(before)
        if _asks(session) and (not asked_before or before is None or before.current != session.current):
            self.call_after_refresh(self.focus_first)
        elif asked_before and not _asks(session):
            self.text.focus()
        self.posdeck.keys_changed()

    def _draw_session(self) -> None:
        session = self.session
        if session is None or not self.is_mounted:
            return
        self.path.set_lines(path_lines(session, max(20, self.path.size.width or 34)))
        self.strip.set_lines(path_strip(session, self.size.width))
        self.text.set_lines(self._text_lines(session))
        self.step_box.say(*self._titles(session))
        self.question_box.display = session.question is not None
        self.question.show(session.question)
        self.confirm_box.display = session.confirmation is not None
        self.form.show(session.confirmation)
        # while a person is asked, the tasks of the look or the preview before it would only mislead
        broken = any(task.state is StepState.FAILED for task in session.tasks)
        self.tasks_box.display = bool(session.tasks) and (broken or not _asks(session))
        cells = max(20, (self.tasks.size.width or self.size.width) - 1)
        self.tasks.follow = self._read is not self.tasks  # who scrolls in it reads, and is left there
        self.tasks.set_lines(task_lines(session.tasks, cells))
        self.tasks.styles.height = min(10, max(1, len(self.tasks.lines)))

    def _titles(self, session: SessionView) -> tuple[str, str]:
        number = step_number(session)
        step = step_of(session, session.current)
        where = f"{number}  {plain(step.title)} · {plain(session.target)}" if step else plain(session.title)
        named = {"evidence": "Evidence", "log": "Log"}.get(self.mode, where)
        status = "" if session.exit_code is None else f"exit {session.exit_code}"
        return named, f"session {session.id[:4]} · {plain(session.status)} {status}".strip()

    def _text_lines(self, session: SessionView) -> list[Line]:
        cells = max(30, (self.text.size.width or self.size.width - 4) - 1)
        return [*(_KEPT if lifted(self.posdeck) else ()), *self._mode_lines(session, cells)]

    def _mode_lines(self, session: SessionView, cells: int) -> list[Line]:
        if self.mode == "evidence":
            lines = [line for found in session.evidence for line in evidence_lines(found, cells)]
            return lines or [(("No evidence yet.", Tone.DIM),)]
        if self.mode == "log":
            return [((_BANNER.sub("", plain(text, 16_384)), Tone.NORMAL),) for text in session.log] or [
                (("No output yet.", Tone.DIM),)
            ]
        return [*self.posdeck.series.lines(session), *step_lines(session, cells)]

    def redaction_changed(self) -> None:
        """Say that nothing changes here."""
        self._draw_session()

    def place(self) -> str:
        """What the header says."""
        session = self.session
        if session is None:
            return ""
        if self.size.width < WIDE:  # the strip and the box below say it
            return ""
        return (
            f"{plain(session.title)} · {plain(session.target)} · session {session.id[:4]}"
            f" · step {step_number(session)}"
        )

    def scopes(self) -> tuple[str, ...]:
        found: list[str] = []
        session = self.session
        if session is not None and session.question is not None:
            found.append(act.QUESTION)
        if session is not None and session.confirmation is not None:
            found.append(act.CONFIRMATION)
        if session is not None and (session.next_offer or self.posdeck.series.next_for(session)):
            found.append("offer")
        if session is not None and session.way_back:
            found.append("way-back")
        return (*found, act.SESSION, act.PAGER, act.EVERYWHERE)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Keys and searches are for what was read last; the line that a search is typed in has the focus itself."""
        if isinstance(event.widget, Pager):
            self._read = event.widget

    def idle(self) -> frozenset[str]:
        ended = self.session is not None and self.session.status in ENDED
        return frozenset({"cancel"}) if ended else frozenset()

    def pager(self) -> Pager | None:
        return self._read if self._read is self.text or self.tasks_box.display else self.text

    def subject(self) -> Subject | None:
        return None

    def focus_first(self) -> None:
        """The question or the form when there is one."""
        session = self.session
        if session is not None and session.question is not None:
            self.question.focus()
        elif session is not None and session.confirmation is not None and self.form.wanted:
            self.form.focus_first()
        else:
            (self.pager() or self.text).focus()

    def perform(self, action: Action, key: str) -> bool:
        session = self.session
        if session is None:
            return super().perform(action, key)
        asking = session.question is not None and self.app.focused is self.question
        if action.id in {"evidence", "step", "session-log"}:
            wanted = {"evidence": "evidence", "step": "step", "session-log": "log"}[action.id]
            self.mode = "step" if self.mode == wanted else wanted
            self._draw_session()
        elif action.id == "choose":
            self.question.go_to(int(key))
        elif action.id == "answer" and session.question is not None:
            self.question.choose()
        elif asking and action.id in {"up", "down"}:
            self.question.move(-1 if action.id == "up" else 1)
        elif action.id == "confirm":
            if key != "enter" or self.form.wanted:  # an enter too many must not confirm what needs only a y
                self.form.submit(as_it_stands=key == "f2")
        elif action.id == "decline":
            from posdeck.ui.places import back

            self.posdeck.run_worker(back(self.posdeck), group="press", exit_on_error=False)
        elif action.id == "kubectl":
            self._kubectl(session)
        elif action.id == "next-offer":
            self._next(session)
        elif action.id == "take-back":
            self.posdeck.run_worker(self._taking_back(session.id), exit_on_error=False, group="session")
        elif action.id == "hand-over":
            self.posdeck.console_screen.prompt.open(":", "handover ")
        elif action.id == "cancel":
            self._cancel(session)
        else:
            return super().perform(action, key)
        return True

    def _kubectl(self, session: SessionView) -> None:
        command = session.confirmation.kubectl if session.confirmation else ""
        if not command:
            command = next((e.kubectl for e in reversed(session.evidence) if e.kubectl), "")
        if command:
            self.app.copy_to_clipboard(command)
            self.posdeck.notice(f"copied: {command}")
        else:
            self.posdeck.notice("This step stands for no single kubectl command.", "warn")

    def _next(self, session: SessionView) -> None:
        """What the runbook itself offers, else the next of the marked objects."""
        from posdeck.ui.procedures import begin, go_on

        if session.next_offer is not None:
            offered = begin(self.posdeck, session.next_offer[0], dict(session.next_params))
            self.posdeck.run_worker(offered, group="session", exit_on_error=False)
        elif self.posdeck.series.next_for(session) is not None:
            series = self.posdeck.series
            self.posdeck.run_worker(go_on(self.posdeck, series), group="session", exit_on_error=False)

    def _cancel(self, session: SessionView) -> None:
        if session.status in ENDED:
            self.posdeck.notice("The session has ended; there is nothing to cancel. esc goes back.", "warn")
            return
        self.posdeck.notice("Cancelling: what runs is stopped first.", "warn")
        self.posdeck.run_worker(self._cancelling(session.id), exit_on_error=False, group="session")

    async def _cancelling(self, session_id: str) -> None:
        try:
            await self.posdeck.need_front().cancel(session_id)
        except PosdeckError as problem:
            self.posdeck.notice(str(problem), "bad")

    async def _taking_back(self, session_id: str) -> None:
        try:
            await self.posdeck.need_front().take_back(session_id)
        except PosdeckError as problem:
            self.posdeck.notice(str(problem), "bad")

    def on_question_box_answered(self, event: QuestionBox.Answered) -> None:
        """Send the answer."""
        event.stop()
        if self.session is not None:
            self.posdeck.run_worker(
                self._answering(self.session.id, event.choice), exit_on_error=False, group="session"
            )

    async def _answering(self, session_id: str, choice: str) -> None:
        try:
            await self.posdeck.need_front().answer(session_id, choice)
        except PosdeckError as problem:
            self.posdeck.notice(str(problem), "bad")

    def on_confirm_form_confirmed(self, event: ConfirmForm.Confirmed) -> None:
        """Send the confirmation; a refusal comes back into the form."""
        event.stop()
        if self.session is not None:
            self.posdeck.run_worker(
                self._confirming(self.session.id, event), exit_on_error=False, group="session"
            )

    async def _confirming(self, session_id: str, event: ConfirmForm.Confirmed) -> None:
        try:
            await self.posdeck.need_front().confirm(
                session_id,
                typed=event.typed,
                reason=event.reason,
                ticket=event.ticket,
                break_glass=event.break_glass,
            )
        except PosdeckError as problem:
            self.form.refuse(str(problem))
        else:
            self.form.settle()


def _asks(session: SessionView) -> bool:
    return session.question is not None or session.confirmation is not None
