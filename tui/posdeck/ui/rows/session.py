"""A runbook session as lines: the path, the present step, its evidence, the question, the act, the tasks."""

from __future__ import annotations

import re
from dataclasses import replace

from posdeck.operations.view import (
    Confirmation,
    Evidence,
    Question,
    SessionView,
    StepState,
    StepView,
    TaskView,
)
from posdeck.ui.plain import fit, plain, width, wrap
from posdeck.ui.rows.cells import Line
from posdeck.ui.rows.records import duration_text
from posdeck.ui.tones import Tone

STATE_LOOK = {
    StepState.WAITING: ("·", Tone.DIM),
    StepState.RUNNING: ("▶", Tone.BUSY),
    StepState.PASSED: ("✔", Tone.GOOD),
    StepState.FAILED: ("✖", Tone.BAD),
    StepState.CANCELLED: ("■", Tone.WARN),
    StepState.SKIPPED: ("↷", Tone.DIM),
    StepState.CANNOT_TELL: ("?", Tone.WARN),
}
ENDED = frozenset({"done", "cancelled", "failed"})
_WHOLE = 12  # lines of evidence that are shown whole in the step
_TAIL = 6  # lines of a longer text that are shown there
_NUMBER = re.compile(r"-?\d[\d,.]*(?:[mkMGTn]i?|ms|s|%)?$|[–?-]$")
_VERIFIED = {"passed": ("✔", Tone.GOOD), "failed": ("✖", Tone.BAD), "cannot tell": ("?", Tone.WARN)}


def step_number(session: SessionView) -> int:
    """The place of the current step, from 1; 0 when there is none."""
    return next((i for i, step in enumerate(session.steps, 1) if step.id == session.current), 0)


def path_lines(session: SessionView, cells: int) -> list[Line]:
    """One line a step that was gone through: state, number, title, time, and what was decided; then, without
    numbers because not all of them will come, the steps that may follow."""
    lines: list[Line] = []
    gone = _gone(session)
    for number, step in enumerate(gone, 1):
        glyph, tone = STATE_LOOK[step.state]
        if step.id == session.current and step.state is StepState.WAITING:
            glyph, tone = "▶", Tone.ACCENT
        took = duration_text(step.seconds)
        title = fit(f"{number} {plain(step.title)}", max(4, cells - 3 - len(took) - 1))
        strong = Tone.STRONG if step.id == session.current else tone if tone is not Tone.GOOD else Tone.NORMAL
        lines.append(((f"{glyph} ", tone), (title, strong), (f" {took}", Tone.DIM)))
        if step.answer:
            lines.append((("    → ", Tone.DIM), (plain(step.answer), Tone.ACCENT)))
    rest = session.steps[len(gone) :]
    if rest:
        lines += [(), (("may follow", Tone.DIM),)]
        lines += [((f"· {fit(plain(step.title), max(4, cells - 2))}", Tone.DIM),) for step in rest]
    return lines


def _gone(session: SessionView) -> tuple[StepView, ...]:
    """The steps up to the present one; all of them when there is no present one."""
    return session.steps[: step_number(session) or len(session.steps)]


def path_strip(session: SessionView, cells: int) -> list[Line]:
    """The path in one line, for a narrow screen: a mark for each step gone through, and the present one."""
    marks = [STATE_LOOK[step.state] for step in _gone(session)[:-1]]
    number = step_number(session)
    current_step = step_of(session, session.current)
    title = f"step {number}: {plain(current_step.title)}" if current_step else plain(session.status)
    return [(*marks, ("▶", Tone.ACCENT), (f" {title}", Tone.STRONG))]


def labelled(label: str, text: str, cells: int, tone: Tone = Tone.NORMAL) -> list[Line]:
    """``label`` at the left, ``text`` wrapped beside it."""
    room = max(16, cells - 8)
    pieces = [piece for part in text.splitlines() or [""] for piece in wrap(plain(part, 4000), room)]
    return [
        ((f"{label if not index else '':<8}", Tone.HEADING), (piece, tone))
        for index, piece in enumerate(pieces)
    ]


_NOBODY_KNOWS = "? Whom this reaches is not computed for this kind of change."


def confirmation_lines(confirmation: Confirmation, cells: int) -> list[Line]:
    """Why, what, whom it hits, how to undo it, which rules hold, the difference, and the command."""
    lines: list[Line] = []
    for warning in confirmation.warnings:
        lines += labelled("▲", warning, cells, Tone.WARN)
    lines += labelled("Why", confirmation.why, cells)
    lines += labelled("Will", "\n".join(confirmation.will) or "?", cells, Tone.STRONG)
    lines += labelled("Hits", "\n".join(confirmation.hits) or _NOBODY_KNOWS, cells)
    lines += labelled("Undo", confirmation.undo or "?", cells)
    lines += labelled("Rules", " · ".join(confirmation.rules) or "none apply", cells, Tone.DIM)
    if confirmation.full_name:
        lines += labelled("Object", confirmation.full_name, cells, Tone.DIM)
    if confirmation.diff:
        lines += [((f"{'Diff':<8}", Tone.HEADING), *line[1:]) if not i else line
                  for i, line in enumerate(diff_lines(confirmation.diff))]  # fmt: skip
    if confirmation.kubectl:
        lines += labelled("kubectl", confirmation.kubectl, cells, Tone.DIM)
    return lines


def diff_lines(diff: str) -> list[Line]:
    """A unified diff; its signs say what its colours say."""
    lines: list[Line] = []
    for raw in diff.splitlines():
        sign = raw.lstrip()[:1]
        tone = Tone.GOOD if sign == "+" else Tone.BAD if sign == "-" else Tone.DIM
        lines.append((("        ", Tone.NORMAL), (plain(raw), tone)))
    return lines


def question_lines(question: Question, cursor: int, cells: int) -> list[Line]:
    """The question, and its answers with their numbers; the suggested one says why."""
    lines: list[Line] = [
        ((piece, Tone.STRONG),) for piece in wrap(plain(question.text, 4000), max(16, cells))
    ]
    for number, choice in enumerate(question.choices, 1):
        here = number - 1 == cursor
        suggested = "  ← suggested" if choice.suggested else ""
        lines.append(
            (
                ("▶ " if here else "  ", Tone.ACCENT),
                (f"{number} ", Tone.STRONG),
                (plain(choice.label), Tone.STRONG if here else Tone.NORMAL),
                (suggested, Tone.GOOD),
            )
        )
        if choice.because:
            because = plain(choice.because)
            if not choice.suggested:
                because = f"no answer can be suggested: {because}"
            lines += [(("      ", Tone.NORMAL), (p, Tone.DIM)) for p in wrap(because, max(16, cells - 6))]
    return lines


def digest_lines(evidence: Evidence, cells: int) -> list[Line]:
    """The part of a piece of evidence on which one decides: what to notice, the table, the end of a long text."""
    texts = evidence.text.splitlines()
    if len(texts) <= _WHOLE and len(evidence.rows) <= _WHOLE:
        return evidence_lines(evidence, cells)
    hidden = max(0, len(texts) - _TAIL) + max(0, len(evidence.rows) - _WHOLE)
    shown = replace(evidence, text="\n".join(texts[-_TAIL:]), rows=evidence.rows[:_WHOLE], kubectl="")
    more: Line = ((f"   {hidden:,} more lines: v shows them", Tone.ACCENT),)
    return [*evidence_lines(shown, cells)[:-1], more, ()]


def evidence_lines(evidence: Evidence, cells: int) -> list[Line]:
    """One piece of evidence: its title, what to notice, then the text or the table, then the command."""
    lines: list[Line] = [((f"── {plain(evidence.title)} ", Tone.HEADING),)]
    lines += _notice_lines(evidence, cells)
    if evidence.columns:
        lines += _table_lines(evidence, cells)
    for raw in evidence.text.splitlines():
        lines.append(((plain(raw, 16_384), _log_tone(raw)),))
    for command in evidence.kubectl.splitlines():
        lines.append((("$ ", Tone.DIM), (plain(command), Tone.DIM)))
    return [*lines, ()]


def _notice_lines(evidence: Evidence, cells: int) -> list[Line]:
    return [
        ((" ▲ " if not i else "   ", Tone.WARN), (piece, Tone.STRONG))
        for notice in evidence.notice
        for i, piece in enumerate(wrap(plain(notice, 4000), max(16, cells - 3)))
    ]


def _log_tone(text: str) -> Tone:
    lowered = text[:400].lower()
    if any(word in lowered for word in ("error", "fatal", "panic", "exception", "channel closed")):
        return Tone.BAD
    return Tone.WARN if "warn" in lowered else Tone.NORMAL


def _table_lines(evidence: Evidence, cells: int) -> list[Line]:
    """Columns below one another; where they do not fit, each row as its values with their names."""
    rows = [tuple(plain(cell, 400) for cell in row) for row in evidence.rows]
    columns = tuple(plain(title, 80) for title in evidence.columns)
    widths = [
        max([width(title), *(width(row[i]) for row in rows if i < len(row))])
        for i, title in enumerate(columns)
    ]
    if sum(widths) + 2 * len(widths) - 2 > cells:
        return [line for row in rows for line in _record_lines(columns, row, cells)]
    numbers = [
        all(_NUMBER.match(row[i]) for row in rows if i < len(row) and row[i]) for i in range(len(widths))
    ]
    places = list(zip(widths, numbers, strict=True))
    header = "  ".join(
        fit(title, wide, right=right) for title, (wide, right) in zip(columns, places, strict=True)
    )
    body: list[Line] = [
        (
            (
                "  ".join(
                    fit(cell, wide, right=right) for cell, (wide, right) in zip(row, places, strict=False)
                ),
                Tone.NORMAL,
            ),
        )
        for row in rows
    ]
    return [((header, Tone.DIM),), *body]


def _record_lines(columns: tuple[str, ...], row: tuple[str, ...], cells: int) -> list[Line]:
    text = " · ".join(f"{name} {cell}" for name, cell in zip(columns[1:], row[1:], strict=False) if cell)
    head: list[Line] = [((piece, Tone.STRONG),) for piece in wrap(row[0] if row else "", max(16, cells))]
    return [*head, *(((f"  {piece}", Tone.NORMAL),) for piece in wrap(text, max(16, cells - 2)))]


def task_lines(tasks: tuple[TaskView, ...], cells: int) -> list[Line]:
    """One line a task with its state and time; what it said, below."""
    lines: list[Line] = []
    for task in tasks:
        glyph, tone = STATE_LOOK[task.state]
        took = duration_text(task.seconds)
        title = fit(plain(task.title), max(8, cells - 3 - len(took)))
        lines.append(((f"{glyph} ", tone), (title, Tone.NORMAL), (took, Tone.DIM)))
        if task.text:
            shown = Tone.BAD if task.state is StepState.FAILED else Tone.DIM
            lines += [
                (("    ", Tone.NORMAL), (piece, shown))
                for piece in wrap(plain(task.text), max(16, cells - 4))
            ]
    return lines


def step_of(session: SessionView, step_id: str) -> StepView | None:
    """The step of this id."""
    return next((step for step in session.steps if step.id == step_id), None)


def result_lines(session: SessionView, cells: int) -> list[Line]:
    """What came of it: the verification first, then the words, then what is offered next."""
    lines: list[Line] = []
    if session.verification:
        glyph, tone = _VERIFIED.get(session.verification, ("?", Tone.WARN))
        lines.append(((f"{glyph} ", tone), (f"verification: {plain(session.verification)}", tone)))
    if session.result:
        lines += labelled("Result", session.result, cells, Tone.STRONG)
    if session.message:
        lines += labelled("", session.message, cells)
    if session.way_back:
        lines += labelled("Back", f"Z  {session.way_back}", cells, Tone.ACCENT)
    if session.next_offer:
        lines += labelled("Next", f"b  {session.next_offer[1]}", cells, Tone.ACCENT)
    return lines


def step_lines(session: SessionView, cells: int) -> list[Line]:
    """What the middle of the screen shows of the present step."""
    lines: list[Line] = []
    if session.status in ENDED or (session.verification and session.status != "running"):
        lines += [*result_lines(session, cells), ()]
    elif session.message:
        lines += [*labelled("", session.message, cells), ()]
    if session.confirmation is not None:
        return lines + confirmation_lines(session.confirmation, cells)
    if session.status in ENDED:
        return [*lines, (("v shows the evidence, o the log, K the kubectl command.", Tone.DIM),)]
    step = step_of(session, session.current)
    if step is not None and step.type == "act" and session.question is None:
        said = "Carrying it out; the tasks are below, o shows the log." if session.tasks else "Starting…"
        return [*lines, ((said, Tone.BUSY),)]
    # whoever decides needs what was noticed in all that was found, then the rest of it, the newest first
    for evidence in session.evidence:
        lines += _notice_lines(evidence, cells)
    if lines:
        lines.append(())
    for evidence in reversed(session.evidence):
        lines += digest_lines(replace(evidence, notice=()), cells)
    if not session.evidence:
        lines.append((("Starting…" if not session.tasks else "Running…", Tone.DIM),))
    return lines
