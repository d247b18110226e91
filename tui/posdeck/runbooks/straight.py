"""Going straight to an act: the looking steps before it are carried out beside it, and what they find may speak
against it while a person reads its plan."""

from __future__ import annotations

from posdeck.runbooks import effects as fx
from posdeck.runbooks.conditions import suggest
from posdeck.runbooks.model import Act, Decide, Diagnose, Step
from posdeck.runbooks.session import StepStatus
from posdeck.runbooks.turn import Turn


def collect_beside(turn: Turn) -> None:
    """Carry out the looking steps before the act that was gone straight to, while its plan is read."""
    wanted = []
    for step in _passed_over(turn):
        if isinstance(step, Diagnose):
            run = turn.next_run()
            turn.note(step.id, status=StepStatus.COLLECTING, runs=(run,))
            wanted.append(
                fx.CollectBeside(
                    run=run,
                    step=step.id,
                    playbook=step.playbook or "",
                    reading=step.reading or "",
                    target=turn.target_named(step.target),
                    variables=turn.filled(step.vars),
                    timeout=step.timeout,
                )
            )
    turn.emit(fx.SaveSession(), *wanted)


def give_up(turn: Turn) -> None:
    """What was being collected beside an act when posdeck ended will not come any more."""
    for key, state in turn.session.steps.items():
        if state.status is StepStatus.COLLECTING and key != turn.session.step:
            turn.note(key, status=StepStatus.FAILED, summary="posdeck ended meanwhile", ended=turn.at)


def second_thoughts(turn: Turn) -> tuple[str, ...]:
    """What the decisions that were passed over would have said against the act, by the evidence so far."""
    if not isinstance(turn.runbook.step(turn.session.step), Act):
        return ()
    facts, against = turn.session.facts(), []
    for step in _passed_over(turn):
        if isinstance(step, Decide):
            suggestion = suggest(step, facts)
            leads = {choice.id: choice.next for choice in step.choices}.get(suggestion.choice)
            if suggestion.certain and leads != turn.session.step:
                against.append(f"Think again: {suggestion.because}")
    return tuple(against)


def _passed_over(turn: Turn) -> tuple[Step, ...]:
    ids = [step.id for step in turn.runbook.steps]
    return tuple(turn.runbook.steps[: ids.index(turn.session.step)])
