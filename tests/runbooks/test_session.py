"""A session never changes anything that was not previewed and confirmed, and always comes to an end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from posdeck.errors import PosdeckError
from posdeck.operations.session_view import result_text
from posdeck.runbooks import effects as fx
from posdeck.runbooks import events as ev
from posdeck.runbooks.events import Changed, RunResult, Verdict
from posdeck.runbooks.graph import paths
from posdeck.runbooks.model import Outcome
from posdeck.runbooks.plan import Plan
from posdeck.runbooks.session import InvalidEventError, Phase, Status, StepStatus, from_json, to_json
from posdeck.runbooks.substitution import SubstitutionError


def at_decision(operations, sample, **options):
    ops = operations(sample, **options)
    ops.send(ev.Started)
    look = ops.take(fx.RunPlaybook)
    ops.send(ev.EvidenceArrived, run=look.run, collected=True, facts={"ready": 1}, digest="e1")
    return ops


def at_preview(operations, sample, **options):
    ops = at_decision(operations, sample, **options)
    ops.take(fx.AskDecision)
    ops.send(ev.Answered, step="choose", choice="act")
    return ops


def at_run(operations, sample):
    ops = at_preview(operations, sample)
    ops.confirm()
    run = ops.take(fx.RunPlaybook)
    ops.send(ev.RunStarted, run=run.run)
    return ops, run.run


def at_offer(operations, sample):
    """A run that was cancelled when its change had arrived: its rollback is offered."""
    ops, run = at_run(operations, sample)
    ops.send(ev.CancelRequested)
    ops.send(ev.RunFinished, run=run, result=RunResult.SUCCEEDED)
    ops.take(fx.SettleRun)
    ops.send(ev.Settled, run=run, changed=Changed.YES, detail="replicas is 2")
    return ops, ops.take(fx.OfferRollback)


def plan_of(run, **before):
    return Plan("scale.yml", "consumer-order", run.variables, (), before=before or {"replicas": 1})


def acts(ops):
    return [e for e in ops.seen if isinstance(e, fx.RunPlaybook) and e.purpose in ("act", "rollback")]


def test_every_path_of_the_graph_ends_where_the_graph_says(operations, sample):
    for path in paths(sample):
        session = operations(sample).drive(path)
        assert session.phase is Phase.ENDED
        assert session.step == path.end
        assert [(p.step, p.exit) for p in session.trail] == [(e.step, e.exit) for e in path.edges]


def test_the_session_is_saved_before_each_run_and_each_question(operations, sample):
    for path in paths(sample):
        ops = operations(sample)
        ops.drive(path)
        for before, effect in zip(ops.seen, ops.seen[1:], strict=False):
            if isinstance(
                effect, fx.RunPlaybook | fx.RunCheck | fx.AskConfirmation | fx.SettleRun | fx.Finish
            ):
                assert isinstance(before, fx.SaveSession)


def test_evidence_brings_a_suggestion(operations, sample):
    ops = at_decision(operations, sample)
    asked = ops.take(fx.AskDecision)
    assert (asked.suggestion.choice, asked.suggestion.certain) == ("act", True)
    assert ops.session.steps["look"].digest == "e1"


def test_an_act_runs_with_the_very_variables_of_its_plan(operations, sample):
    ops, _ = at_run(operations, sample)
    preview = next(e for e in ops.seen if isinstance(e, fx.RunPlaybook) and e.purpose is fx.Purpose.PREVIEW)
    assert acts(ops)[0].variables == preview.variables
    assert preview.variables["posdeck_restarted_at"].endswith("Z")
    assert acts(ops)[0].reason == "because"


@pytest.mark.parametrize("text", ["", "consumer-orde", "consumer-order ", "CONSUMER-ORDER"])
def test_a_wrongly_typed_name_runs_nothing(operations, sample, text):
    ops = at_preview(operations, sample)
    run = ops.take(fx.RunPlaybook)
    plan = plan_of(run)
    ops.send(ev.PreviewArrived, run=run.run, plan=plan)
    asked = ops.take(fx.AskConfirmation)
    before = ops.session
    with pytest.raises(InvalidEventError, match="consumer-order is the target"):
        ops.send(ev.Confirmed, step="change", plan_hash=asked.plan_hash, text=text)
    assert ops.session == before
    assert not acts(ops)


def test_a_confirmation_of_another_plan_runs_nothing(operations, sample):
    ops = at_preview(operations, sample)
    run = ops.take(fx.RunPlaybook)
    ops.send(ev.PreviewArrived, run=run.run, plan=plan_of(run))
    with pytest.raises(InvalidEventError, match="another one"):
        ops.send(ev.Confirmed, step="change", plan_hash="0" * 64, text="consumer-order")
    assert not acts(ops)


def test_a_yes_is_enough_where_the_environment_asks_for_no_typing(operations, sample):
    ops = at_preview(operations, sample, typed_confirmation=False)
    run = ops.take(fx.RunPlaybook)
    ops.send(ev.PreviewArrived, run=run.run, plan=plan_of(run))
    asked = ops.take(fx.AskConfirmation)
    assert asked.expected == ""
    ops.send(ev.Confirmed, step="change", plan_hash=asked.plan_hash)
    assert ops.session.phase is Phase.ACTING


@pytest.mark.parametrize("before", [{"revision": 1}, {"replicas": None}])
def test_an_act_whose_way_back_is_not_known_cannot_be_confirmed(operations, sample, before):
    ops = at_preview(operations, sample)
    run = ops.take(fx.RunPlaybook)
    ops.send(ev.PreviewArrived, run=run.run, plan=plan_of(run, **before))
    assert ops.session.phase is Phase.REFUSED
    assert "before.replicas has no value" in ops.session.steps["change"].note
    assert not [effect for effect in ops.seen if isinstance(effect, fx.AskConfirmation)]


def test_a_refusal_can_be_tried_again_with_a_fresh_plan_or_cancelled(operations, sample):
    ops = at_preview(operations, sample)
    ops.confirm()
    run = ops.take(fx.RunPlaybook)
    ops.send(ev.Refused, run=run.run, rule="lock", cause="held by somebody else")
    assert (ops.session.phase, ops.session.status) == (Phase.REFUSED, Status.OPEN)
    assert ops.session.steps["change"].confirmation is None
    assert "lock" in ops.session.steps["change"].note
    ops.pending.clear()
    ops.send(ev.Retried, step="change")
    assert ops.take(fx.RunPlaybook).purpose is fx.Purpose.PREVIEW
    ops.send(ev.CancelRequested)
    assert ops.session.step == "stopped"
    assert ops.session.status is Status.CANCELLED
    assert ops.session.verdict is None


def test_cancelling_a_run_waits_for_its_end_and_asks_the_cluster(operations, sample):
    ops, run = at_run(operations, sample)
    ops.send(ev.CancelRequested)
    assert ops.session.phase is Phase.ACTING
    assert fx.CancelRun(run) in ops.seen
    ops.send(ev.CancelRequested)
    assert ops.seen.count(fx.CancelRun(run)) == 1
    ops.send(ev.RunFinished, run=run, result=RunResult.CANCELLED)
    ops.take(fx.SettleRun)
    ops.send(ev.Settled, run=run, changed=Changed.NO)
    assert ops.session.trail[-1].exit == "cancelled"
    assert ops.session.status is Status.CANCELLED


def test_a_cancelled_run_that_changed_something_offers_its_rollback(operations, sample):
    ops, offer = at_offer(operations, sample)
    assert offer.because == "replicas is 2"
    ops.send(ev.RollbackDeclined, step="change")
    assert ops.session.step == "stopped"


@pytest.mark.parametrize(
    ("result", "changed", "exit_"),
    [
        (RunResult.FAILED, Changed.NO, "failed"),
        (RunResult.INCOMPLETE, Changed.NO, "failed"),
        (RunResult.LOST, Changed.UNKNOWN, "cannot-tell"),
    ],
)
def test_a_run_that_did_not_succeed_is_settled_with_the_cluster(operations, sample, result, changed, exit_):
    ops, run = at_run(operations, sample)
    ops.send(ev.RunFinished, run=run, result=result)
    ops.take(fx.SettleRun)
    ops.send(ev.Settled, run=run, changed=changed)
    if ops.session.phase is Phase.OFFERING:
        ops.send(ev.RollbackDeclined, step="change")
    assert ops.session.trail[-1].exit == exit_


def test_a_lost_run_whose_change_arrived_is_verified_not_believed(operations, sample):
    ops, run = at_run(operations, sample)
    ops.send(ev.RunFinished, run=run, result=RunResult.LOST)
    ops.take(fx.SettleRun)
    ops.send(ev.Settled, run=run, changed=Changed.YES)
    ops.verify(Verdict.CANNOT_TELL, 2)
    assert ops.session.steps["change"].status is StepStatus.CANNOT_TELL


def test_one_failed_proof_fails_the_act_and_one_unknown_makes_it_unknown(operations, sample):
    ops, run = at_run(operations, sample)
    ops.send(ev.RunFinished, run=run, result=RunResult.SUCCEEDED)
    first = ops.take(fx.RunCheck)
    ops.send(ev.VerifyFinished, run=first.run, verdict=Verdict.CANNOT_TELL)
    second = ops.take(fx.RunCheck)
    ops.send(ev.VerifyFinished, run=second.run, verdict=Verdict.PASSED)
    assert ops.session.verdict is Verdict.CANNOT_TELL
    ops.take(fx.OfferRollback)


def test_an_act_without_a_proof_is_never_called_passed(operations, sample):
    bare = sample.model_copy(
        update={
            "steps": tuple(
                step.model_copy(update={"verify": ()}) if step.id == "change" else step
                for step in sample.steps
            )
        }
    )
    ops, run = at_run(operations, bare)
    ops.send(ev.RunFinished, run=run, result=RunResult.SUCCEEDED)
    assert ops.session.steps["change"].verdict is Verdict.CANNOT_TELL


def test_after_a_crash_in_a_run_it_is_settled_before_anything_else(operations, sample):
    ops, run = at_run(operations, sample)
    ops.session = from_json(to_json(ops.session))
    ops.pending.clear()
    ops.send(ev.Resumed, actor="second", digest="d1")
    assert ops.take(fx.SettleRun).run == run
    assert ops.session.steps["change"].status is StepStatus.INTERRUPTED
    ops.send(ev.RunFinished, run=run, result=RunResult.SUCCEEDED)
    assert ops.session.phase is Phase.SETTLING
    ops.send(ev.Settled, run=run, changed=Changed.NO)
    assert ops.take(fx.RunPlaybook).purpose is fx.Purpose.PREVIEW
    assert ops.session.actor == "second"
    assert len(acts(ops)) == 1


def test_a_session_whose_runbook_changed_is_settled_and_given_up(operations, sample):
    ops, run = at_run(operations, sample)
    ops.pending.clear()
    ops.send(ev.Resumed, actor="second", digest="another")
    ops.take(fx.SettleRun)
    ops.send(ev.CancelRequested)
    ops.send(ev.Settled, run=run, changed=Changed.YES)
    assert ops.session.status is Status.FAILED
    assert ops.session.steps["change"].changed is Changed.YES


@pytest.mark.parametrize("digest", ["d1", "another"])
def test_a_resumed_confirmation_needs_a_fresh_plan(operations, sample, digest):
    ops = at_preview(operations, sample)
    run = ops.take(fx.RunPlaybook)
    ops.send(ev.PreviewArrived, run=run.run, plan=plan_of(run))
    ops.pending.clear()
    ops.send(ev.Resumed, actor="second", digest=digest)
    expected = Phase.PREVIEWING if digest == "d1" else Phase.ENDED
    assert ops.session.phase is expected


def test_a_handed_over_session_waits_for_whoever_takes_it_up(operations, sample):
    ops = at_decision(operations, sample)
    ops.send(ev.HandedOver, to="second")
    assert ops.session.status is Status.HANDED_OVER
    with pytest.raises(InvalidEventError, match="handed over to second"):
        ops.send(ev.Answered, step="choose", choice="act")
    ops.pending.clear()
    ops.send(ev.Resumed, actor="second", digest="d1")
    ops.take(fx.AskDecision)
    assert (ops.session.actor, ops.session.status) == ("second", Status.OPEN)


def test_a_running_act_cannot_be_handed_over(operations, sample):
    ops, _ = at_run(operations, sample)
    with pytest.raises(InvalidEventError):
        ops.send(ev.HandedOver, to="second")


def test_an_act_can_be_taken_back_after_the_session_ended(operations, sample):
    passed = next(p for p in paths(sample) if p.end == "good")
    ops = operations(sample)
    ops.drive(passed)
    ops.pending.clear()
    ops.send(ev.RollbackRequested, step="change")
    assert ops.session.status is Status.OPEN
    preview = ops.pending[-1]
    assert preview.variables == {"replicas": 1}
    ops.confirm()
    run = ops.take(fx.RunPlaybook)
    assert (run.purpose, run.for_rollback) == (fx.Purpose.ROLLBACK, True)
    ops.send(ev.RunStarted, run=run.run)
    ops.send(ev.RunFinished, run=run.run, result=RunResult.SUCCEEDED)
    ops.verify(Verdict.PASSED, 1)
    assert (ops.session.phase, ops.session.step) == (Phase.ENDED, "change")
    assert ops.session.outcome is Outcome.NOT_RESOLVED
    assert ops.session.result.startswith("Change was taken back. Before that: consumer-order is well")
    assert ops.seen[-1].offers == ()
    with pytest.raises(InvalidEventError, match="taken back already"):
        ops.send(ev.RollbackRequested, step="change")


def test_nothing_can_be_taken_back_that_changed_nothing(operations, sample):
    ops = at_decision(operations, sample)
    for step in ("change", "look", "nowhere"):
        with pytest.raises(InvalidEventError):
            ops.send(ev.RollbackRequested, step=step)


def test_a_cancelled_rollback_leads_on_without_claiming_to_have_rolled_back(operations, sample):
    ops, run = at_run(operations, sample)
    ops.send(ev.RunFinished, run=run, result=RunResult.SUCCEEDED)
    ops.verify(Verdict.FAILED, 1)
    ops.send(ev.RollbackRequested, step="change")
    ops.send(ev.CancelRequested)
    assert ops.session.trail[-1].exit == "failed"
    assert ops.session.step == "tell"


def test_what_was_cancelled_and_taken_back_is_said_to_be_taken_back(operations, sample):
    ops, _ = at_offer(operations, sample)
    ops.send(ev.RollbackRequested, step="change")
    ops.confirm()
    back = ops.take(fx.RunPlaybook)
    ops.send(ev.RunStarted, run=back.run)
    ops.send(ev.RunFinished, run=back.run, result=RunResult.SUCCEEDED)
    ops.verify(Verdict.PASSED, 1)
    assert ops.session.over
    said = result_text(sample, ops.session)
    assert "“Change” was taken back, and that was verified. " in said
    assert said.endswith(ops.session.result)


def test_a_stop_while_looking_ends_the_session_and_late_evidence_changes_nothing(operations, sample):
    ops = operations(sample)
    ops.send(ev.Started)
    look = ops.take(fx.RunPlaybook)
    ops.send(ev.CancelRequested, cause="The terminal was lost.")
    assert fx.CancelRun(look.run) in ops.seen
    assert ops.session.status is Status.CANCELLED
    assert "terminal" in ops.session.result
    ended = ops.session
    ops.send(ev.EvidenceArrived, run=look.run, collected=True)
    assert ops.session == ended


def test_a_check_only_session_previews_and_never_acts(operations, sample):
    ops = at_preview(operations, sample, check_only=True)
    run = ops.take(fx.RunPlaybook)
    ops.send(ev.PreviewArrived, run=run.run, plan=plan_of(run))
    finish = ops.take(fx.Finish)
    assert (finish.outcome, ops.session.trail[-1].exit) == ("cannot-tell", "previewed")
    assert not acts(ops)


def test_events_of_a_person_out_of_place_are_refused_with_where_the_session_stands(operations, sample):
    ops = at_decision(operations, sample)
    for event, fields in (
        (ev.Confirmed, {"step": "change", "plan_hash": ""}),
        (ev.Answered, {"step": "tell", "choice": "act"}),
        (ev.Answered, {"step": "choose", "choice": "nothing"}),
        (ev.Retried, {"step": "choose"}),
        (ev.Acknowledged, {"step": "choose"}),
        (ev.RollbackDeclined, {"step": "choose"}),
        (ev.Started, {}),
    ):
        with pytest.raises(InvalidEventError, match="choose"):
            ops.send(event, **fields)


def test_a_session_of_another_runbook_is_refused(operations, sample):
    ops = operations(sample)
    ops.session = replace(ops.session, runbook="other")
    with pytest.raises(InvalidEventError, match="other"):
        ops.send(ev.Started)


def test_a_target_that_is_a_pattern_is_refused_before_the_first_step(operations, sample):
    for name in ("consumer-*", "all:!app", "a,b", "{{ x }}", ""):
        with pytest.raises(SubstitutionError):
            operations(sample, params={"consumer": name})


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b'{"version": 2}', b"\xff"])
def test_a_damaged_stored_session_says_so(raw):
    with pytest.raises(PosdeckError, match="stored session"):
        from_json(raw)


def test_an_unknown_field_in_a_stored_session_is_refused(operations, sample):
    raw = to_json(operations(sample).session)
    with pytest.raises(PosdeckError):
        from_json(raw[:-1] + b',"approved":true}')


def straight(operations, sample):
    """The preview of the act that was gone straight to, and what is collected beside it."""
    ops = operations(sample)
    ops.send(ev.Started, straight=True)
    return ops, ops.take(fx.RunPlaybook), ops.take(fx.CollectBeside)


def test_the_shortcut_goes_straight_to_the_preview_and_looks_beside(operations, sample):
    ops, preview, beside = straight(operations, sample)
    assert (preview.purpose, preview.step) == (fx.Purpose.PREVIEW, "change")
    assert (beside.step, beside.playbook, beside.target) == ("look", "pods.yml", "consumer-order")
    assert beside.run != preview.run
    ops.send(ev.EvidenceBeside, run=beside.run, step="look", collected=True, facts={"ready": 1}, digest="e1")
    assert ops.session.phase is Phase.PREVIEWING
    assert ops.session.steps["look"].status is StepStatus.COLLECTED
    assert ops.session.steps["look"].digest == "e1"
    assert not [e for e in ops.seen if isinstance(e, fx.Inform)]  # the evidence speaks for the act
    ops.send(ev.PreviewArrived, run=preview.run, plan=plan_of(preview))
    assert isinstance(ops.take(fx.AskConfirmation), fx.AskConfirmation)


def test_evidence_against_the_act_is_said_while_its_plan_is_read(operations, sample):
    choose = sample.step("choose")
    told = tuple(
        c.model_copy(update={"suggest_when": None if c.id == "act" else choose.choices[0].suggest_when,
                             "because": "others need it" if c.id == "unsure" else c.because})
        for c in choose.choices if c.id != "again"
    )  # fmt: skip
    steps = tuple(s.model_copy(update={"choices": told}) if s.id == "choose" else s for s in sample.steps)
    ops, _, beside = straight(operations, sample.model_copy(update={"steps": steps}))
    ops.send(ev.EvidenceBeside, run=beside.run, step="look", collected=True, facts={"ready": 1})
    assert [(e.text, e.level) for e in ops.seen if isinstance(e, fx.Inform)] == [
        ("Think again: others need it", "warning")
    ]


def test_what_was_being_collected_beside_is_given_up_after_a_crash(operations, sample):
    ops, _, _ = straight(operations, sample)
    ops.send(ev.Resumed, actor="bob", digest=ops.session.digest)
    assert ops.session.steps["look"].status is StepStatus.FAILED
    late = ops.session
    ops.send(ev.EvidenceBeside, run="another", step="look", collected=True)
    assert ops.session.steps == late.steps


def test_a_runbook_without_a_shortcut_is_not_entered_by_it(operations, sample):
    metadata = sample.metadata.model_copy(update={"shortcut": None})
    ops = operations(sample.model_copy(update={"metadata": metadata}))
    with pytest.raises(InvalidEventError, match="no shortcut"):
        ops.send(ev.Started, straight=True)
