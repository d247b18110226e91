"""A session as front ends draw it: the reducer's state and what the driver found, in one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from posdeck.catalogue.policy import CONFIRM_TYPED
from posdeck.operations.acting import PlannedWrite
from posdeck.operations.checks import workloads_of
from posdeck.operations.impact import hits_of, warnings_of
from posdeck.operations.policies import wanted_contacts
from posdeck.operations.view import (
    HERE,
    STORED,
    ChoiceView,
    Confirmation,
    Question,
    SessionSummary,
    SessionView,
    StepState,
    StepView,
)
from posdeck.operations.write import CHANGE
from posdeck.runbooks.events import Changed, Verdict
from posdeck.runbooks.model import Act, Outcome, Runbook
from posdeck.runbooks.session import Phase, Session, StepStatus, rollback_key
from posdeck.runbooks.session import StepState as State
from posdeck.runbooks.substitution import SubstitutionError, fill
from posdeck.runbooks.way_back import way_back

if TYPE_CHECKING:
    from posdeck.operations.driver import SessionDriver
    from posdeck.operations.performing import Performing
    from posdeck.operations.workshop import Workshop
    from posdeck.runbooks.graph import AnyStep

EXIT_PASSED, EXIT_FAILED, EXIT_CANNOT_TELL, EXIT_REFUSED, EXIT_CANCELLED = 0, 1, 2, 3, 4

_STATES: Mapping[StepStatus, StepState] = {
    StepStatus.COLLECTING: StepState.RUNNING,
    StepStatus.COLLECTED: StepState.PASSED,
    StepStatus.WAITING: StepState.RUNNING,
    StepStatus.ANSWERED: StepState.PASSED,
    StepStatus.PREVIEWING: StepState.RUNNING,
    StepStatus.PREVIEWED: StepState.RUNNING,
    StepStatus.CONFIRMED: StepState.RUNNING,
    StepStatus.RUNNING: StepState.RUNNING,
    StepStatus.INTERRUPTED: StepState.RUNNING,
    StepStatus.VERIFYING: StepState.RUNNING,
    StepStatus.PASSED: StepState.PASSED,
    StepStatus.FAILED: StepState.FAILED,
    StepStatus.CANNOT_TELL: StepState.CANNOT_TELL,
    StepStatus.CANCELLED: StepState.CANCELLED,
    StepStatus.REFUSED: StepState.FAILED,
    StepStatus.TOLD: StepState.PASSED,
    StepStatus.ENDED: StepState.PASSED,
}


_FIELDS = (
    ("spec/template/metadata/annotations/", "pod template annotation"),
    ("spec/template/metadata/labels/", "pod template label"),
    ("metadata/annotations/", "annotation"),
    ("metadata/labels/", "label"),
    ("spec/template/spec/", "pod template"),
)


def view_of(driver: SessionDriver) -> SessionView:
    """The whole session as it stands."""
    session, showing, runbook = driver.session, driver.showing, driver.runbook
    verdict = session.verdict
    offers = [(o.runbook, o.because) for o in showing.offers]
    return SessionView(
        id=session.id,
        runbook=runbook.id,
        title=runbook.metadata.title,
        target=target_of(session),
        status=_status(session),
        steps=_path(runbook, session),
        current=session.step,
        started=session.began,
        evidence=tuple(showing.evidence),
        question=_question(driver),
        confirmation=_confirmation(driver),
        tasks=showing.tasks,
        log=showing.log,
        result=result_text(runbook, session),
        verification=verdict.value.replace("-", " ") if verdict else "",
        message="\n".join(dict.fromkeys(m for m in (*showing.loud, showing.message) if m)),
        next_offer=offers[0] if offers else None,
        next_params={k: str(v) for k, v in showing.offers[0].params.items()} if offers else {},
        exit_code=exit_code(driver),
        way_back=_way_back(runbook, session),
    )


def summary_of(session: Session, title: str, held: str = HERE, place: str = "") -> SessionSummary:
    """One line for the list of sessions."""
    status = _status(session)
    return SessionSummary(
        id=session.id,
        runbook=session.runbook,
        title=title,
        target=target_of(session),
        status="interrupted" if held == STORED and status == "running" else status,
        step=session.step,
        started=session.began,
        who=session.actor,
        held=held,
        place=place,
        handed_to=session.handed_over_to,
    )


def target_of(session: Session) -> str:
    """What a session is about: the first parameter that names something."""
    return next((str(v) for v in session.params.values() if v), "")


def exit_code(driver: SessionDriver) -> int | None:
    """The command line's exit code; None while the session goes on. Without an act it follows the outcome."""
    session = driver.session
    if session.phase is Phase.REFUSED:
        return EXIT_REFUSED
    if not session.over:
        return None
    if session.cancelled:
        return EXIT_CANCELLED
    verdict = session.verdict
    if verdict is not None:
        return {"passed": EXIT_PASSED, "failed": EXIT_FAILED, "cannot-tell": EXIT_CANNOT_TELL}[verdict.value]
    if session.check_only or session.outcome is Outcome.RESOLVED:
        return EXIT_PASSED
    return EXIT_CANNOT_TELL if session.outcome in {Outcome.CANNOT_TELL, Outcome.ESCALATED} else EXIT_FAILED


def rollback_code(driver: SessionDriver) -> int | None:
    """The command line's exit code for a way back that was asked for; None while it waits for somebody."""
    session = driver.session
    if session.phase is Phase.REFUSED:
        return EXIT_REFUSED
    backs = [state for key, state in session.steps.items() if key.endswith(rollback_key(""))]
    if session.rolling_back or not backs:
        return None
    last = max(backs, key=lambda state: state.began)
    codes = {
        StepStatus.PASSED: EXIT_PASSED,
        StepStatus.CANCELLED: EXIT_CANCELLED,
        StepStatus.CANNOT_TELL: EXIT_CANNOT_TELL,
    }
    return codes.get(last.status, EXIT_FAILED)


def fill_text(driver: Performing, text: str) -> str:
    """A text of the runbook with its placeholders filled, the target's names included; for reading only."""
    if "{{" not in text:
        return text
    workshop, session = driver.workshop, driver.session
    named = target_of(session)
    workload = workshop.catalogue.workloads.get(named)
    target = _target(workshop, named, workload.deployment if workload else named)
    return _filled(session, text, target)


def kubectl_of(driver: Performing, step: AnyStep) -> str:
    """What the step looks at or does, as kubectl commands to copy: one line for each workload of its target."""
    text, session = getattr(step, "kubectl", None) or "", driver.session
    if "{{" not in text:
        return text
    name = str(fill(getattr(step, "target", ""), session.spaces(), subject=f"step {step.id}"))
    workloads = workloads_of(driver.workshop, name)
    lines = (_filled(session, text, _target(driver.workshop, w.name, w.deployment)) for w in workloads)
    return "\n".join(dict.fromkeys(lines))


def _target(workshop: Workshop, name: str, deployment: str) -> Mapping[str, str]:
    return {"namespace": workshop.target.namespace, "name": name, "deployment": deployment}


def _filled(session: Session, text: str, target: Mapping[str, str]) -> str:
    try:
        spaces = {**session.spaces(), "target": target}
        return str(fill(text, spaces, subject=f"runbook {session.runbook}")).strip()
    except SubstitutionError:
        return text


def _status(session: Session) -> str:
    if session.over or session.handed_over_to:
        return session.status.value
    if session.phase in {Phase.DECIDING, Phase.CONFIRMING, Phase.REFUSED, Phase.OFFERING, Phase.TELLING}:
        return "waiting"
    return "running"


def _way_back(runbook: Runbook, session: Session) -> str:
    found = way_back(runbook, session)
    step = runbook.step(found) if found else None
    if not isinstance(step, Act) or step.rollback is None:
        return ""
    return f"{step.rollback.title} (takes back: {step.title})"


def result_text(runbook: Runbook, session: Session) -> str:
    """How a session ended, in words. An act that was taken back is said first: what the end says of it was written
    for the act."""
    if not session.result:
        return ""
    if session.check_only:
        return session.result
    outcome = session.outcome.value.replace("-", " ") if session.outcome else ""
    back = [
        f"“{step.title}” was taken back, and that was verified."
        for step in runbook.steps
        if (state := session.steps.get(rollback_key(step.id))) is not None
        and state.changed is not Changed.NO
        and state.verdict is Verdict.PASSED
        and not session.result.startswith(f"{step.title} was taken back")
    ]
    said = " ".join([*back, session.result])
    return f"{outcome}: {said}" if outcome else said


def _path(runbook: Runbook, session: Session) -> tuple[StepView, ...]:
    """The steps gone through in order, then those that may still come."""
    gone = [p.step for p in session.trail]
    if session.step and session.step not in gone:
        gone.append(session.step)
    rest = [] if session.over else [s.id for s in runbook.steps if s.id not in gone]
    return tuple(_step_view(runbook, session, step) for step in (*dict.fromkeys(gone), *rest))


def _step_view(runbook: Runbook, session: Session, step_id: str) -> StepView:
    step = runbook.step(step_id)
    state = session.steps.get(step_id)
    back = session.steps.get(rollback_key(step_id))
    if state is None:
        return StepView(step_id, step.type, step.title, StepState.WAITING)
    answer = state.choice
    if back is not None:
        answer = f"taken back: {_STATES[back.status].value}"
    return StepView(step_id, step.type, step.title, _STATES[state.status], _seconds(state), answer)


def _seconds(state: State) -> float | None:
    return (state.ended - state.began).total_seconds() if state.ended is not None else None


def _question(driver: SessionDriver) -> Question | None:
    session, showing = driver.session, driver.showing
    if session.phase is Phase.DECIDING and showing.decision is not None:
        asked = showing.decision
        choices = tuple(
            ChoiceView(
                c.id,
                fill_text(driver, c.label),
                suggested=asked.suggestion.certain and c.id == asked.suggestion.choice,
                because=asked.suggestion.because if c.id == asked.suggestion.choice else "",
            )
            for c in asked.choices
        )
        return Question(asked.step, asked.question, choices)
    if session.phase is Phase.TELLING and showing.contact is not None:
        who = ", ".join(_contact(driver, w) for w in showing.contact.who)
        told = ChoiceView("told", f"{who} has been told")
        later = ChoiceView("later", "Nobody has been told yet; go on")
        return Question(showing.contact.step, f"Tell {who}: {showing.contact.say}", (told, later))
    if session.phase is Phase.OFFERING and showing.rollback is not None:
        choices = (
            ChoiceView("rollback", "Take it back (with a preview of its own)"),
            ChoiceView("decline", "Leave it as it is"),
        )
        return Question(
            showing.rollback.step, f"The step did not end well: {showing.rollback.because}", choices
        )
    if session.phase is Phase.REFUSED:
        retry = ChoiceView("retry", "Try again: look at a new preview")
        told = ChoiceView("told", "They have been told; look at a new preview")
        inform = showing.refusal is not None and showing.refusal.rule == "inform"
        choices = (told, retry) if inform else (retry,)
        return Question(session.step, session.steps[session.unit].note, choices)
    return None


def _contact(driver: SessionDriver, who: str) -> str:
    contact = driver.workshop.catalogue.contacts.get(who)
    if contact is None:
        return who
    return f"{contact.title} ({contact.reach})" if contact.reach else contact.title


def _confirmation(driver: SessionDriver) -> Confirmation | None:
    session, showing = driver.session, driver.showing
    if session.phase is not Phase.CONFIRMING or showing.confirmation is None or showing.preview is None:
        return None
    step = driver.runbook.step(session.step)
    if not isinstance(step, Act):
        return None
    policy = driver.workshop.standing().policy
    writes = showing.preview.writes
    first = writes[0]
    carried = showing.confirmation.carried
    expected = showing.confirmation.expected
    return Confirmation(
        step=step.id,
        title=f"Take back: {step.title}" if showing.confirmation.for_rollback else step.title,
        why=_why(driver, step, back=showing.confirmation.for_rollback),
        will=tuple(_will(p) for p in writes),
        hits=tuple(hit for p in writes for hit in hits_of(driver.workshop, p)),
        undo=_undo(step, back=showing.confirmation.for_rollback),
        rules=_rules(policy, first),
        diff=showing.preview.diff,
        kubectl="\n".join(p.write.kubectl for p in writes),
        type_this=expected if policy.confirm == CONFIRM_TYPED or expected else "",
        full_name=", ".join(p.write.name for p in writes),
        reason_required=policy.reason_required and not carried,
        ticket_required=policy.ticket_required and first.write.effect == CHANGE and not carried,
        warnings=warnings_of(driver.workshop, writes),
        overridable=_overridable(writes),
    )


def _overridable(writes: tuple[PlannedWrite, ...]) -> str:
    """What the environment's policies object to, as far as a break-glass reason may set it aside."""
    found = dict.fromkeys(
        f"{o.rule}: {o.cause}. {o.remedy}" for planned in writes for o in planned.objections if o.overridable
    )
    return "\n".join(found)


def _will(planned: PlannedWrite) -> str:
    fields = ", ".join(field_words(c.path) for c in planned.changes[:3])
    more = f" and {len(planned.changes) - 3} more" if len(planned.changes) > 3 else ""
    return f"{planned.write.act.title} {planned.write.subject}: {fields}{more}"


def field_words(path: str) -> str:
    """A changed field (a JSON pointer) as people call it: ``pod template annotation a/b``."""
    words = path.lstrip("/").replace("~1", "/").replace("~0", "~")
    for start, said in _FIELDS:
        if words.startswith(start):
            return f"{said} {words[len(start) :]}".rstrip()
    return words


def _why(driver: SessionDriver, step: Act, *, back: bool) -> str:
    """The reason that the runbook gives for the act speaks for the act, not for taking it back."""
    if back:
        return f"This takes back “{step.title}”: what it changed becomes what it was before."
    return fill_text(driver, step.why)


def _undo(step: Act, *, back: bool) -> str:
    if back:
        return "none of its own: the runbook can be run again"
    if step.rollback is not None:
        return f"{step.rollback.title} (offered with a preview of its own)"
    return f"none: {step.irreversible}" if step.irreversible else "none"


def _rules(policy: Any, planned: PlannedWrite) -> tuple[str, ...]:
    effect = planned.write.effect
    rules = [effect]
    if policy.ticket_required and effect != CHANGE:
        rules.append(f"ticket may follow within {policy.mitigation_grace_minutes} min")
    inform = wanted_contacts(planned.write, policy.inform)
    if inform:
        when = "before" if effect == CHANGE else f"within {policy.mitigation_grace_minutes} min"
        rules.append(f"inform {', '.join(inform)} {when}")
    return tuple(rules)
