"""The rules of a session: which event makes which move from which phase (the moves are in ``transitions``).

An act runs only after ``Confirmed`` with the hash of the plan on show, only one act or rollback runs at a
time, and one that was interrupted is settled with the cluster before anything else happens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from posdeck.runbooks import effects as fx
from posdeck.runbooks import events as ev
from posdeck.runbooks import straight as way
from posdeck.runbooks.events import Changed, RunResult, Verdict
from posdeck.runbooks.model import Decide, Diagnose, Runbook, Tell
from posdeck.runbooks.plan import plan_hash
from posdeck.runbooks.session import (
    Confirmation,
    InvalidEventError,
    Passage,
    Phase,
    Session,
    Status,
    StepStatus,
)
from posdeck.runbooks.substitution import SubstitutionError
from posdeck.runbooks.transitions import Transitions
from posdeck.runbooks.way_back import why_not_back


class Advance(NamedTuple):
    """The next state, and what is to be done, in order."""

    session: Session
    effects: tuple[fx.Effect, ...]


_MACHINE_EVENTS = (
    ev.EvidenceArrived,
    ev.PreviewArrived,
    ev.PreviewFailed,
    ev.Refused,
    ev.RunStarted,
    ev.RunProgress,
    ev.RunFinished,
    ev.VerifyFinished,
    ev.Settled,
)
_QUIET = (Phase.DECIDING, Phase.CONFIRMING, Phase.REFUSED, Phase.OFFERING, Phase.TELLING)


def advance(runbook: Runbook, session: Session, event: ev.Event) -> Advance:
    """The state after ``event``, and its effects. Raises InvalidEventError for a person's event out of place;
    an event of a run that is not the current one changes nothing."""
    if runbook.id != session.runbook:
        raise InvalidEventError(f"session {session.id}", f"belongs to {session.runbook}, not to {runbook.id}")
    if isinstance(event, _MACHINE_EVENTS):
        if not session.run or event.run != session.run or session.phase is Phase.ENDED:
            return Advance(session, ())
    elif session.handed_over_to and not isinstance(event, ev.Resumed):
        raise _out_of_place(session, event, f"it was handed over to {session.handed_over_to}")
    turn = Transitions(runbook, session, event.at)
    _HANDLERS[type(event)](turn, event)
    return Advance(turn.session, tuple(turn.effects))


def _out_of_place(session: Session, event: object, why: str = "") -> InvalidEventError:
    name = type(event).__name__
    cause = f"{name} does not fit here" + (f": {why}" if why else "")
    here = f"The session waits at step {session.step or 'none'} ({session.phase.value})."
    return InvalidEventError(f"session {session.id}", cause, here)


def _expect(turn: Transitions, event: Any, *phases: Phase) -> None:
    if turn.session.phase not in phases:
        raise _out_of_place(turn.session, event)
    step = getattr(event, "step", None)
    if step is not None and step != turn.session.step:
        raise _out_of_place(turn.session, event, f"it is for step {step}")


def _started(turn: Transitions, event: ev.Started) -> None:
    _expect(turn, event, Phase.NEW)
    _begin(turn, straight=event.straight)


def _begin(turn: Transitions, *, straight: bool) -> None:
    if not straight:
        turn.enter(turn.runbook.steps[0].id)
        return
    act = turn.runbook.metadata.shortcut
    if act is None:
        raise InvalidEventError(f"runbook {turn.runbook.id}", "it has no shortcut", "Begin its first step")
    turn.enter(act)
    way.collect_beside(turn)


# looking


def _evidence(turn: Transitions, event: ev.EvidenceArrived) -> None:
    if turn.session.phase is not Phase.COLLECTING:
        return
    status = StepStatus.COLLECTED if event.collected else StepStatus.FAILED
    turn.note_unit(
        status=status, facts=dict(event.facts), digest=event.digest, summary=event.summary, ended=turn.at
    )
    step = turn.runbook.step(turn.session.step)
    if not isinstance(step, Diagnose):
        raise TypeError(f"step {step.id} collects no evidence")
    following = turn.runbook.following(step)
    if event.collected:
        turn.leave("collected", following)
    elif step.on_failure is not None:
        turn.leave("failed", step.on_failure)
    else:
        # the exit is that of the graph, where going on regardless is no branch of its own
        turn.leave(*(("collected", following) if step.continue_on_failure else ("failed", None)))


def _beside(turn: Transitions, event: ev.EvidenceBeside) -> None:
    state = turn.session.steps.get(event.step)
    if turn.session.phase is Phase.ENDED or state is None or event.run not in state.runs:
        return
    status = StepStatus.COLLECTED if event.collected else StepStatus.FAILED
    turn.note(
        event.step, status=status, facts=dict(event.facts), digest=event.digest, summary=event.summary,
        ended=turn.at,
    )  # fmt: skip
    turn.emit(fx.SaveSession())
    for warning in way.second_thoughts(turn):
        turn.emit(fx.Inform(warning, "warning"))


def _answered(turn: Transitions, event: ev.Answered) -> None:
    _expect(turn, event, Phase.DECIDING)
    step = turn.runbook.step(turn.session.step)
    choices = {choice.id: choice for choice in step.choices} if isinstance(step, Decide) else {}
    if event.choice not in choices:
        raise _out_of_place(turn.session, event, f"{event.choice} is none of {', '.join(choices)}")
    turn.note_unit(status=StepStatus.ANSWERED, choice=event.choice, note=event.note, ended=turn.at)
    turn.leave(event.choice, choices[event.choice].next)


def _acknowledged(turn: Transitions, event: ev.Acknowledged) -> None:
    _expect(turn, event, Phase.TELLING)
    step = turn.runbook.step(turn.session.step)
    turn.note_unit(status=StepStatus.TOLD, told=event.told, ended=turn.at)
    turn.leave("told", turn.runbook.following(step) if isinstance(step, Tell) else None)


# planning and agreeing


def _previewed(turn: Transitions, event: ev.PreviewArrived) -> None:
    if turn.session.phase is not Phase.PREVIEWING:
        return
    turn.note_unit(plan=event.plan, plan_hash=plan_hash(turn.session.digest, event.plan))
    try:
        if event.plan.objects or not turn.session.check_only:
            turn.check_way_back(event.plan)
    except SubstitutionError as error:
        # known now, and not when somebody wants the way back
        _wait_for_retry(turn, f"The preview does not say what a rollback needs: {error}")
        return
    if turn.session.check_only:
        turn.note_unit(status=StepStatus.PREVIEWED, ended=turn.at)
        turn.leave("previewed", turn.runbook.following(turn.act))
    else:
        turn.ask_confirmation()


def _preview_failed(turn: Transitions, event: ev.PreviewFailed) -> None:
    if turn.session.phase is Phase.PREVIEWING:
        _wait_for_retry(turn, f"The preview failed: {event.cause}")


def _refused(turn: Transitions, event: ev.Refused) -> None:
    if turn.session.phase not in (Phase.PREVIEWING, Phase.ACTING):
        return
    if turn.session.run_started:
        # the gate speaks before a run starts; a refusal after that leaves the cluster to be asked
        turn.settle("failed")
        return
    if turn.session.cancelling:
        _cancel_unchanged(turn)
        return
    _wait_for_retry(turn, f"Refused by rule {event.rule}: {event.cause}")


def _wait_for_retry(turn: Transitions, text: str) -> None:
    turn.set(phase=Phase.REFUSED, run="")
    turn.note_unit(status=StepStatus.REFUSED, note=text, confirmation=None)
    turn.emit(fx.SaveSession(), fx.Inform(text, "error"))


def _retried(turn: Transitions, event: ev.Retried) -> None:
    _expect(turn, event, Phase.REFUSED)
    turn.preview()


def _confirmed(turn: Transitions, event: ev.Confirmed) -> None:
    _expect(turn, event, Phase.CONFIRMING)
    session, state = turn.session, turn.unit_state()
    if event.plan_hash != state.plan_hash:
        raise _out_of_place(session, event, "the plan on show is another one")
    typed = session.typed_confirmation or turn.act.confirm == "typed"
    if typed and event.text != turn.target:
        raise _out_of_place(session, event, f"{event.text!r} was typed, {turn.target} is the target")
    turn.note_unit(
        status=StepStatus.CONFIRMED,
        confirmation=Confirmation(
            session.actor, turn.at, event.plan_hash, event.text, event.reason, event.ticket
        ),
    )
    turn.perform()


# running


def _run_started(turn: Transitions, event: ev.RunStarted) -> None:
    if turn.session.phase is Phase.ACTING:
        turn.set(run_started=True)
        turn.note_unit(changed=Changed.UNKNOWN)
        turn.emit(fx.SaveSession())


def _progress(turn: Transitions, event: ev.RunProgress) -> None:
    """Nothing changes: progress is for those who watch."""


def _run_finished(turn: Transitions, event: ev.RunFinished) -> None:
    phase = turn.session.phase
    if phase is Phase.ACTING:
        _act_finished(turn, event)
    elif phase is Phase.VERIFYING:
        verdicts = {RunResult.SUCCEEDED: Verdict.PASSED, RunResult.FAILED: Verdict.FAILED}
        _proved(turn, verdicts.get(event.result, Verdict.CANNOT_TELL), event.message)
    elif phase is Phase.PREVIEWING and event.result is not RunResult.SUCCEEDED:
        _wait_for_retry(turn, f"The preview ended as {event.result.value}. {event.message}".strip())
    elif phase is Phase.COLLECTING and event.result is not RunResult.SUCCEEDED:
        _evidence(
            turn, ev.EvidenceArrived(at=event.at, run=event.run, collected=False, summary=event.message)
        )


def _act_finished(turn: Transitions, event: ev.RunFinished) -> None:
    turn.note_unit(note=event.message, left=dict(event.left))
    if turn.session.cancelling or event.result is RunResult.CANCELLED:
        turn.settle("cancelled")
    elif event.result is RunResult.SUCCEEDED:
        turn.note_unit(changed=Changed.YES)
        turn.verify(0)
    else:
        turn.settle("failed" if event.result is RunResult.FAILED else "incomplete")


def _settled(turn: Transitions, event: ev.Settled) -> None:
    session = turn.session
    if session.phase is not Phase.SETTLING:
        return
    left = turn.unit_state().left or dict(event.left)
    turn.note_unit(changed=event.changed, note=event.detail or turn.unit_state().note, left=left)
    because = "cancelled" if session.cancelling else session.settling_for
    if session.settling_for == "abandoned":
        _abandon(turn)
    elif because in ("cancelled", "failed"):
        _unit_ended(turn, because)
    elif event.changed is Changed.YES:
        turn.verify(0)
    elif event.changed is Changed.UNKNOWN:
        turn.note_unit(verdict=Verdict.CANNOT_TELL)
        _unit_ended(turn, "cannot-tell")
    elif because == "interrupted":
        turn.emit(fx.Inform("The interrupted change did not reach the cluster; it is planned again."))
        turn.preview()
    else:
        _unit_ended(turn, "failed")


def _unit_ended(turn: Transitions, by: str) -> None:
    """An act or a rollback is over, otherwise than by its proofs."""
    turn.note_unit(status=StepStatus(by), ended=turn.at)
    if turn.session.rolling_back:
        turn.emit(
            fx.Inform(
                f"The rollback ended as {by}; what it has changed: {turn.unit_state().changed.value}.",
                "error",
            )
        )
        turn.after_rollback()
    else:
        turn.leave_act(by)


def _verified(turn: Transitions, event: ev.VerifyFinished) -> None:
    if turn.session.phase is Phase.VERIFYING:
        _proved(turn, event.verdict, event.detail)


def _proved(turn: Transitions, verdict: Verdict, detail: str) -> None:
    worst = turn.unit_state().verdict
    if verdict is Verdict.FAILED or worst is None or worst is Verdict.PASSED:
        worst = verdict
    turn.note_unit(verdict=worst, note=detail or turn.unit_state().note)
    if verdict is Verdict.FAILED:
        turn.judge()
    else:
        turn.verify(turn.session.proof + 1)


# stopping and taking back


def _cancel(turn: Transitions, event: ev.CancelRequested) -> None:
    session = turn.session
    if session.phase is Phase.ENDED:
        raise _out_of_place(session, event, "it is over")
    if session.phase in (Phase.ACTING, Phase.SETTLING):
        already = session.cancelling
        turn.set(cancelling=True)
        turn.emit(fx.SaveSession())
        if session.phase is Phase.ACTING and not already:
            turn.emit(fx.CancelRun(session.run))
        return
    if session.run:
        turn.emit(fx.CancelRun(session.run))
    if session.phase in (Phase.PREVIEWING, Phase.CONFIRMING, Phase.REFUSED):
        _cancel_unchanged(turn)
    elif session.phase is Phase.VERIFYING:
        turn.note_unit(verdict=Verdict.CANNOT_TELL)
        _unit_ended(turn, "cancelled")
    elif session.phase is Phase.OFFERING:
        _decline(turn)
    else:
        _stop(turn, event)


def _cancel_unchanged(turn: Transitions) -> None:
    turn.note_unit(changed=Changed.NO)
    _unit_ended(turn, "cancelled")


def _stop(turn: Transitions, event: ev.CancelRequested) -> None:
    session = turn.session
    if session.step:
        turn.note_unit(status=StepStatus.CANCELLED, ended=turn.at)
        turn.set(trail=(*session.trail, Passage(session.step, "stopped", turn.at)))
    turn.set(cancelled=True)
    turn.finish(Status.CANCELLED, None, f"Stopped at step {session.step or 'none'}. {event.cause}".strip())


def _decline(turn: Transitions) -> None:
    turn.leave(turn.session.leaving_by, turn.session.after)


def _rollback_declined(turn: Transitions, event: ev.RollbackDeclined) -> None:
    _expect(turn, event, Phase.OFFERING)
    _decline(turn)


def _rollback_requested(turn: Transitions, event: ev.RollbackRequested) -> None:
    session = turn.session
    if session.phase is Phase.OFFERING:
        _expect(turn, event, Phase.OFFERING)
    elif session.phase in (Phase.DECIDING, Phase.TELLING, Phase.ENDED):
        cannot = why_not_back(turn.runbook, session, event.step)
        if cannot:
            raise _out_of_place(session, event, cannot)
        again = "" if session.phase is Phase.ENDED else session.step
        turn.set(step=event.step, leaving_by="", after=again)
    else:
        raise _out_of_place(session, event)
    turn.set(rolling_back=True)
    turn.preview()


# leaving and coming back


def _handed_over(turn: Transitions, event: ev.HandedOver) -> None:
    _expect(turn, event, *_QUIET)
    turn.set(handed_over_to=event.to)
    turn.emit(fx.SaveSession())


def _resumed(turn: Transitions, event: ev.Resumed) -> None:
    session = turn.session
    if session.phase is Phase.ENDED:
        raise _out_of_place(session, event, "it is over")
    turn.set(actor=event.actor, handed_over_to="")
    way.give_up(turn)
    if event.digest != session.digest:
        text = "The runbook or a playbook of it changed since this session began; begin a new one."
        turn.emit(fx.Inform(text, "error"))
        if session.phase in (Phase.ACTING, Phase.SETTLING):
            turn.settle("abandoned")
        else:
            _abandon(turn)
    elif session.phase is Phase.ACTING:
        turn.settle("interrupted")
    elif session.phase is Phase.SETTLING:
        turn.settle(session.settling_for)
    else:
        _take_up(turn)


def _take_up(turn: Transitions) -> None:
    session = turn.session
    if session.phase is Phase.NEW:
        turn.enter(turn.runbook.steps[0].id)
    elif session.phase in (Phase.PREVIEWING, Phase.CONFIRMING, Phase.REFUSED):
        turn.preview()
    elif session.phase is Phase.VERIFYING:
        turn.verify(session.proof)
    elif session.phase is Phase.OFFERING:
        turn.emit(fx.SaveSession(), fx.OfferRollback(session.step, turn.unit_state().note))
    else:
        turn.enter(session.step)


def _abandon(turn: Transitions) -> None:
    turn.finish(Status.FAILED, None, "The runbook or a playbook of it changed while the session was away.")


_HANDLERS: dict[type, Callable[[Transitions, Any], None]] = {
    ev.Started: _started,
    ev.EvidenceArrived: _evidence,
    ev.EvidenceBeside: _beside,
    ev.Answered: _answered,
    ev.PreviewArrived: _previewed,
    ev.PreviewFailed: _preview_failed,
    ev.Confirmed: _confirmed,
    ev.Refused: _refused,
    ev.Retried: _retried,
    ev.RunStarted: _run_started,
    ev.RunProgress: _progress,
    ev.RunFinished: _run_finished,
    ev.VerifyFinished: _verified,
    ev.Settled: _settled,
    ev.CancelRequested: _cancel,
    ev.RollbackRequested: _rollback_requested,
    ev.RollbackDeclined: _rollback_declined,
    ev.Acknowledged: _acknowledged,
    ev.Resumed: _resumed,
    ev.HandedOver: _handed_over,
}
