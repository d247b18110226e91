"""Whatever events come in whatever order, the promises of a session hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from posdeck.runbooks import effects as fx
from posdeck.runbooks import events as ev
from posdeck.runbooks.events import Changed, RunResult, Verdict
from posdeck.runbooks.model import Runbook
from posdeck.runbooks.plan import Change, Plan, PlannedObject
from posdeck.runbooks.reducer import advance
from posdeck.runbooks.session import InvalidEventError, Phase, from_json, new_session, to_json

WRITES = (fx.Purpose.ACT, fx.Purpose.ROLLBACK)


class SessionMachine(RuleBasedStateMachine):
    """Keeps the runs in flight as operations would, and answers, crashes, cancels and confirms at random."""

    runbook: Runbook  # set by the test

    @initialize(straight=st.booleans())
    def begin(self, straight: bool) -> None:
        self.at = datetime(2026, 11, 1, tzinfo=UTC)
        self.session = new_session(
            self.runbook,
            session_id="s",
            digest="d",
            params={"consumer": "consumer-order"},
            actor="a",
            at=self.at,
        )
        self.runs: dict[str, fx.Effect] = {}
        self.settling: dict[str, fx.SettleRun] = {}
        self.asked: fx.AskConfirmation | None = None
        self.confirmed: set[str] = set()
        self.finished = 0
        self.uid = 0
        self.cancels: set[str] = set()
        self.passed: set[str] = set()
        self.send(ev.Started, straight=straight)

    def send(self, kind: type, **fields: object) -> None:
        self.at += timedelta(seconds=1)
        event = kind(at=self.at, **fields)
        before = self.session
        try:
            self.session, effects = advance(self.runbook, self.session, event)
        except InvalidEventError:
            assert self.session == before
            return
        saved = False
        for effect in effects:
            saved = saved or isinstance(effect, fx.SaveSession)
            self.perform(effect, saved)

    def perform(self, effect: fx.Effect, saved: bool) -> None:
        if isinstance(effect, fx.RunPlaybook | fx.TakeReading | fx.RunCheck | fx.CollectBeside):
            assert saved, "nothing runs before the state is durable"
            assert effect.run not in self.runs, "every run has a name of its own"
            if isinstance(effect, fx.RunPlaybook) and effect.purpose in WRITES:
                writing = [e for e in self.runs.values() if getattr(e, "purpose", "") in WRITES]
                assert not writing, "one act at a time"
                assert effect.plan_hash in self.confirmed, "no act without its confirmation"
                assert not self.settling, "nothing is done before what was interrupted is settled"
                self.confirmed.discard(effect.plan_hash)
            self.runs[effect.run] = effect
        elif isinstance(effect, fx.AskConfirmation):
            self.asked = effect
        elif isinstance(effect, fx.SettleRun):
            self.settling[effect.run] = effect
        elif isinstance(effect, fx.CancelRun):
            self.cancels.add(effect.run)
            run = self.runs.get(effect.run)
            if run is not None and getattr(run, "purpose", "") not in WRITES:
                del self.runs[effect.run]
        elif isinstance(effect, fx.Finish):
            self.finished += 1

    def one(self, data: st.DataObject, *purposes: str) -> fx.Effect:
        chosen = [e for e in self.runs.values() if not purposes or getattr(e, "purpose", "check") in purposes]
        return data.draw(st.sampled_from(chosen))

    def has(self, *purposes: str) -> bool:
        return any(getattr(e, "purpose", "check") in purposes for e in self.runs.values())

    @precondition(lambda self: self.has("diagnose"))
    @rule(data=st.data(), collected=st.booleans())
    def evidence(self, data: st.DataObject, collected: bool) -> None:
        run = self.one(data, "diagnose")
        del self.runs[run.run]
        self.send(ev.EvidenceArrived, run=run.run, collected=collected, facts={"ready": 1})

    @precondition(lambda self: any(isinstance(e, fx.CollectBeside) for e in self.runs.values()))
    @rule(collected=st.booleans())
    def evidence_beside(self, collected: bool) -> None:
        beside = next(e for e in self.runs.values() if isinstance(e, fx.CollectBeside))
        del self.runs[beside.run]
        before = self.session
        facts = {"ready": 0}
        self.send(ev.EvidenceBeside, run=beside.run, step=beside.step, collected=collected, facts=facts)
        assert self.session.phase is before.phase, "what is found beside an act moves nothing"
        assert self.session.step == before.step

    @precondition(lambda self: self.session.phase is Phase.DECIDING)
    @rule(choice=st.sampled_from(["act", "act", "act", "again", "unsure", "nonsense"]))
    def answer(self, choice: str) -> None:
        self.send(ev.Answered, step="choose", choice=choice)

    @precondition(lambda self: self.has("preview"))
    @rule(data=st.data(), works=st.sampled_from([True, True, True, False]))
    def previewed(self, data: st.DataObject, works: bool) -> None:
        run = self.one(data, "preview")
        del self.runs[run.run]
        self.uid += 1
        planned = PlannedObject("Deployment", "n", run.target, f"u{self.uid}", "t", (Change("/a", "1", "2"),))
        plan = Plan(run.playbook, run.target, run.variables, (planned,), before={"replicas": 1})
        if works:
            self.send(ev.PreviewArrived, run=run.run, plan=plan)
        else:
            self.send(ev.PreviewFailed, run=run.run, cause="c")

    @precondition(lambda self: self.asked is not None and self.session.phase is Phase.CONFIRMING)
    @rule(
        text=st.sampled_from(["consumer-order", "consumer-order", "consumer"]),
        right_plan=st.sampled_from([True, True, False]),
    )
    def confirm(self, text: str, right_plan: bool) -> None:
        assert self.asked is not None
        shown = self.asked.plan_hash if right_plan else "0" * 64
        if text == self.asked.expected and right_plan:
            self.confirmed.add(shown)
        self.send(ev.Confirmed, step=self.asked.step, plan_hash=shown, text=text)

    @precondition(lambda self: self.has(*WRITES))
    @rule(data=st.data())
    def run_starts(self, data: st.DataObject) -> None:
        self.send(ev.RunStarted, run=self.one(data, *WRITES).run)

    @precondition(lambda self: self.has(*WRITES))
    @rule(data=st.data(), result=st.sampled_from([*RunResult, *[RunResult.SUCCEEDED] * 4, "refused"]))
    def run_ends(self, data: st.DataObject, result: RunResult | str) -> None:
        run = self.one(data, *WRITES).run
        del self.runs[run]
        if isinstance(result, RunResult):
            self.send(ev.RunFinished, run=run, result=result)
        else:
            self.send(ev.Refused, run=run, rule="r", cause="c")

    @precondition(lambda self: self.has("check"))
    @rule(data=st.data(), verdict=st.sampled_from([*Verdict, Verdict.PASSED]))
    def verified(self, data: st.DataObject, verdict: Verdict) -> None:
        run = self.one(data, "check").run
        del self.runs[run]
        if verdict is Verdict.PASSED:
            self.passed.add(run)
        self.send(ev.VerifyFinished, run=run, verdict=verdict)

    @precondition(lambda self: self.settling)
    @rule(changed=st.sampled_from(Changed))
    def settled(self, changed: Changed) -> None:
        run = next(iter(self.settling))
        del self.settling[run]
        self.runs.pop(run, None)  # settling makes sure of it
        self.send(ev.Settled, run=run, changed=changed)

    @precondition(lambda self: self.session.phase in (Phase.REFUSED, Phase.OFFERING, Phase.TELLING))
    @rule(roll_back=st.booleans())
    def a_person_goes_on(self, roll_back: bool) -> None:
        phase = self.session.phase
        if phase is Phase.REFUSED:
            self.send(ev.Retried, step="change")
        elif phase is Phase.TELLING:
            self.send(ev.Acknowledged, step="tell", told=("operations",))
        else:
            self.send(ev.RollbackRequested if roll_back else ev.RollbackDeclined, step="change")

    @precondition(lambda self: self.session.phase is Phase.ENDED)
    @rule(roll_back=st.booleans())
    def after_the_end(self, roll_back: bool) -> None:
        if roll_back and not self.runs:
            self.send(ev.RollbackRequested, step="change")
        else:
            self.begin(straight=False)

    @rule(data=st.data())
    def the_usual(self, data: st.DataObject) -> None:
        """What mostly happens next, so that most sessions get far."""
        phase = self.session.phase
        if self.session.handed_over_to:
            self.crash("d")
        elif phase is Phase.COLLECTING:
            self.evidence(data, True)
        elif phase is Phase.DECIDING:
            self.answer("act")
        elif phase is Phase.PREVIEWING:
            self.previewed(data, True)
        elif phase is Phase.CONFIRMING:
            self.confirm("consumer-order", True)
        elif phase is Phase.ACTING:
            if self.session.run_started:
                self.run_ends(data, RunResult.SUCCEEDED)
            else:
                self.run_starts(data)
        elif phase is Phase.VERIFYING:
            self.verified(data, data.draw(st.sampled_from([Verdict.PASSED, Verdict.PASSED, *Verdict])))
        elif phase is Phase.SETTLING:
            self.settled(data.draw(st.sampled_from(Changed)))
        elif phase is Phase.ENDED:
            self.after_the_end(data.draw(st.booleans()))
        else:
            self.a_person_goes_on(data.draw(st.booleans()))

    @rule(
        data=st.data(),
        kind=st.sampled_from(["out of place", "stale", "cancel", "hand over", "crash", "changed"]),
        rare=st.integers(0, 7),
    )
    def something_unforeseen(self, data: st.DataObject, kind: str, rare: int) -> None:
        if rare:
            self.the_usual(data)
        elif kind == "out of place":
            for event in (ev.Retried, ev.RollbackRequested, ev.RollbackDeclined, ev.Acknowledged):
                self.send(event, step="change")
        elif kind == "stale":
            self.a_stale_event(self.session.run_count + 1)
        elif kind == "cancel":
            self.send(ev.CancelRequested)
        elif kind == "hand over":
            self.send(ev.HandedOver, to="b")
        else:
            self.crash("d" if kind == "crash" else "other")

    def crash(self, digest: str) -> None:
        """Only what was saved survives; runs that write may still be alive, the others are gone."""
        self.session = from_json(to_json(self.session))
        self.runs = {k: e for k, e in self.runs.items() if getattr(e, "purpose", "") in WRITES}
        self.settling, self.asked = {}, None
        self.send(ev.Resumed, actor="b", digest=digest)

    @precondition(lambda self: self.session.phase is Phase.ACTING)
    @rule(crash=st.booleans())
    def trouble_while_acting(self, crash: bool) -> None:
        if crash:
            self.crash("d")
        else:
            self.send(ev.CancelRequested)

    @precondition(lambda self: self.session.handed_over_to)
    @rule()
    def taken_up(self) -> None:
        self.crash("d")

    def a_stale_event(self, number: int) -> None:
        before = self.session
        self.send(ev.RunFinished, run=f"s-{number}", result=RunResult.SUCCEEDED)
        self.send(ev.Settled, run=f"s-{number}", changed=Changed.YES)
        assert self.session == before

    @invariant()
    def survives_json(self) -> None:
        if hasattr(self, "session"):
            assert from_json(to_json(self.session)) == self.session

    @invariant()
    def never_waits_for_nothing(self) -> None:
        """Whoever waits is waited for: a run in flight, a question asked, or the end."""
        if not hasattr(self, "session") or self.session.handed_over_to:
            return
        waiting = {
            Phase.COLLECTING: self.has("diagnose"),
            Phase.PREVIEWING: self.has("preview"),
            Phase.ACTING: self.has(*WRITES),
            Phase.VERIFYING: self.has("check"),
            Phase.SETTLING: bool(self.settling),
            Phase.CONFIRMING: self.asked is not None,
            Phase.ENDED: self.finished > 0,
        }
        assert waiting.get(self.session.phase, True), self.session.phase

    @invariant()
    def success_is_proved(self) -> None:
        if hasattr(self, "session") and self.session.trail and self.session.trail[-1].exit == "passed":
            state = self.session.steps["change"]
            assert state.verdict is Verdict.PASSED
            assert state.confirmation is not None
            assert not self.cancels & set(state.runs), "a cancelled act never counts as passed"
            checks = [run for run in state.runs if run in self.passed]
            assert len(checks) >= 2, "every proof was looked at"


def test_the_promises_hold_whatever_happens(sample: Runbook) -> None:
    machine = type("Machine", (SessionMachine,), {"runbook": sample})
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=200,
            stateful_step_count=80,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
