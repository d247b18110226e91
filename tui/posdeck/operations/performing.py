"""What a session's effects take to be carried out: playbooks, previews, acts through the gate, proofs, outcomes.

The session itself, and who decides, is in ``driver``; this is the half that takes time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any

from posdeck.catalogue.policy import Policy
from posdeck.errors import PosdeckError, RefusedError
from posdeck.execution.events import RunResult as PlaybookResult
from posdeck.execution.events import RunStatus
from posdeck.execution.runs import Run
from posdeck.operations import acting, checks, followups, looking, recovery
from posdeck.operations.aftermath import aftermath, aftermath_now
from posdeck.operations.gate import refuse
from posdeck.operations.outcomes import Outcomes
from posdeck.operations.running import RunLog, run_playbook
from posdeck.operations.session_view import kubectl_of
from posdeck.operations.showing import Showing
from posdeck.operations.view import Evidence, TaskView
from posdeck.operations.warming import Held, Wanted
from posdeck.operations.workshop import Workshop
from posdeck.operations.write import ACTS, EMPTY, RESOURCES, Limits, Write
from posdeck.runbooks import effects as fx
from posdeck.runbooks import events as ev
from posdeck.runbooks.model import Act, Diagnose, Runbook
from posdeck.runbooks.session import Session

_RESULTS = {
    RunStatus.SUCCEEDED: ev.RunResult.SUCCEEDED,
    RunStatus.FAILED: ev.RunResult.FAILED,
    RunStatus.CANCELLED: ev.RunResult.CANCELLED,
    RunStatus.INCOMPLETE: ev.RunResult.INCOMPLETE,
    RunStatus.LOST: ev.RunResult.LOST,
}


class Performing:
    """Carries effects out and posts what came of them. ``driver.SessionDriver`` adds the session's loop."""

    workshop: Workshop
    runbook: Runbook
    session: Session
    showing: Showing

    def __init__(self, workshop: Workshop, playbook_digests: Mapping[str, str]) -> None:
        self.workshop = workshop
        self.showing = Showing()
        self._digests = playbook_digests
        self._runs: dict[str, Run] = {}
        self._held = Held(workshop)
        self._outcomes = Outcomes(workshop, self._say_loud)
        self._break_glass = ""
        self._informed: tuple[str, ...] = ()
        self._beside = asyncio.Lock()

    def _policy(self) -> Policy:
        return self.workshop.standing().policy

    async def post(self, event: ev.Event) -> None:
        """Take one event in."""
        raise NotImplementedError

    def _spawn(self, work: Coroutine[Any, Any, None], run: str) -> None:
        raise NotImplementedError

    def _show_change(self) -> None:
        raise NotImplementedError

    # effects that take time

    async def _run(self, effect: fx.RunPlaybook) -> None:
        self.showing.tasks, self.showing.log = (), ()
        match effect.purpose:
            case fx.Purpose.DIAGNOSE:
                await self._diagnose(effect)
            case fx.Purpose.PREVIEW:
                await self._preview(effect)
            case fx.Purpose.VERIFY:
                result, log = await self._playbook(effect)
                verdict = ev.Verdict.PASSED if result.succeeded else ev.Verdict.FAILED
                if result.status in {RunStatus.INCOMPLETE, RunStatus.LOST, RunStatus.CANCELLED}:
                    verdict = ev.Verdict.CANNOT_TELL
                detail = log.failure or result.message
                await self.post(
                    ev.VerifyFinished(at=self._now(), run=effect.run, verdict=verdict, detail=detail)
                )
            case _:
                await self._act(effect)

    async def _diagnose(self, effect: fx.RunPlaybook) -> None:
        result, log = await self._playbook(effect)
        step = self.runbook.step(effect.step)
        if not isinstance(step, Diagnose):
            raise TypeError(f"step {step.id} collects no evidence")
        found = looking.found_by(step, log.results)
        await self._evidence(
            effect.run, found.evidence, found.facts, result.succeeded, log.failure or result.message
        )

    async def _read(self, effect: fx.TakeReading) -> None:
        self.workshop.refresh_readings()
        evidence, facts = checks.queue_numbers(self.workshop, effect.step, effect.target)
        await self._evidence(effect.run, (evidence,), facts, True, "")

    async def _evidence(
        self,
        run: str,
        evidence: tuple[Evidence, ...],
        facts: Mapping[str, Any],
        collected: bool,
        problem: str,
    ) -> None:
        digest = await self._keep(self.session.step, evidence)
        self._show_evidence(self.session.step, evidence, digest)
        await self.post(
            ev.EvidenceArrived(
                at=self._now(),
                run=run,
                collected=collected,
                facts=dict(facts),
                digest=digest,
                summary=problem,
            )
        )

    async def _keep(self, step: str, evidence: tuple[Evidence, ...]) -> str:
        """The digest under which a step's evidence is stored; "" where nothing is."""
        if not evidence or self.session.check_only:
            return ""
        text, name = looking.as_text(evidence), f"{self.session.runbook}/{step}"
        return await self.workshop.record(lambda store: store.save_evidence(self.session.id, name, text))

    def _show_evidence(self, step: str, evidence: tuple[Evidence, ...], digest: str) -> None:
        kubectl = kubectl_of(self, self.runbook.step(step))
        self.showing.evidence += [replace(e, digest=digest, kubectl=kubectl) for e in evidence]

    async def _collect_beside(self, effect: fx.CollectBeside) -> None:
        """One at a time: the plan that a person waits for comes first. An error here must not end the act."""
        evidence: tuple[Evidence, ...] = ()
        facts: Mapping[str, Any] = {}
        collected, problem, digest = True, "", ""
        try:
            if effect.reading:
                self.workshop.refresh_readings()
                found, facts = checks.queue_numbers(self.workshop, effect.step, effect.target)
                evidence = (found,)
            else:
                evidence, facts, collected, problem = await self._look_beside(effect)
            digest = await self._keep(effect.step, evidence)
        except PosdeckError as error:
            collected, problem = False, str(error)
        self._show_evidence(effect.step, evidence, digest)
        await self.post(
            ev.EvidenceBeside(
                at=self._now(), run=effect.run, step=effect.step, collected=collected, facts=dict(facts),
                digest=digest, summary=problem,
            )
        )  # fmt: skip

    async def _look_beside(
        self, effect: fx.CollectBeside
    ) -> tuple[tuple[Evidence, ...], Mapping[str, Any], bool, str]:
        step = self.runbook.step(effect.step)
        if not isinstance(step, Diagnose):
            raise TypeError(f"step {step.id} collects no evidence")
        try:
            async with self._beside:
                result, log = await run_playbook(
                    self.workshop,
                    run_id=effect.run,
                    playbook=effect.playbook,
                    target=effect.target,
                    variables=effect.variables,
                    timeout=effect.timeout,
                    on_start=lambda run: self._runs.__setitem__(effect.run, run),
                    on_change=lambda _: None,
                )
        finally:
            self._runs.pop(effect.run, None)
        found = looking.found_by(step, log.results)
        return found.evidence, found.facts, result.succeeded, log.failure or result.message

    async def _preview(self, effect: fx.RunPlaybook) -> None:
        result, log = await self._playbook(effect, check=True)
        if not result.succeeded:
            tried = await acting.refused_trial(self.workshop, log.results, self._documents(effect))
            if tried is not None and not self.session.check_only:
                await self._refused_at_preview(effect.run, tried)
                return
            cause = log.failure or result.message or result.status.value
            await self.post(ev.PreviewFailed(at=self._now(), run=effect.run, cause=cause))
            return
        preview = await acting.preview_of(
            self.workshop,
            log.results,
            playbook=effect.playbook,
            target=effect.target,
            variables=effect.variables,
            documents=self._documents(effect),
        )
        self.showing.preview = preview
        self.showing.refusal = None
        if not self.session.check_only:  # done in check mode only: to whoever cancels now, ✔ would be a lie
            self.showing.tasks = ()
        if not preview.writes and self._follows_what_was_only_looked_at():
            await self.post(ev.PreviewArrived(at=self._now(), run=effect.run, plan=preview.plan))
            return
        if not preview.writes:
            cause = "nothing would be changed: the cluster is as this act would make it"
            await self.post(ev.PreviewFailed(at=self._now(), run=effect.run, cause=cause))
            return
        refused = next((p for p in preview.writes if p.refused is not None), None)
        if refused is not None and refused.refused is not None and not self.session.check_only:
            await self._refused_at_preview(effect.run, refused)
            return
        await self.post(ev.PreviewArrived(at=self._now(), run=effect.run, plan=preview.plan))

    def _follows_what_was_only_looked_at(self) -> bool:
        """A second act may find nothing to do where the first was not done: no mistake of the runbook."""
        others = (s.plan for k, s in self.session.steps.items() if k != self.session.step)
        return self.session.check_only and any(plan is not None for plan in others)

    async def _refused_at_preview(self, run: str, planned: acting.PlannedWrite) -> None:
        """The gate says no before anyone is asked: recorded like any refusal."""
        standing, verdict = self.workshop.standing(), planned.refused
        assert verdict is not None
        try:
            await self.workshop.record(
                lambda store: refuse(planned.write, planned.facts, standing, store, verdict)
            )
        except RefusedError as error:
            self.showing.refusal = _alone(error)
            await self.post(
                ev.Refused(at=self._now(), run=run, rule=error.rule, cause=acting.refusal_text(error))
            )

    async def _act(self, effect: fx.RunPlaybook) -> None:
        unit = self.session.unit
        preview = self.showing.preview
        state = self.session.steps[unit]
        if preview is None or preview.plan != state.plan:
            await self.post(
                ev.Refused(
                    at=self._now(),
                    run=effect.run,
                    rule="plan",
                    cause="the plan is not at hand; preview it again",
                )
            )
            return
        try:
            permits = await acting.authorise_all(
                self.workshop,
                preview.writes,
                typed=state.confirmation.text if state.confirmation else "",
                confirm_as=effect.target,
                reason=effect.reason,
                ticket=effect.ticket,
                run_id=effect.run,
                break_glass=self._break_glass,
                informed=self._told(),
                plan_digest=state.plan_hash,
            )
        except RefusedError as error:
            self.showing.refusal = _alone(error)
            await self.post(
                ev.Refused(at=self._now(), run=effect.run, rule=error.rule, cause=acting.refusal_text(error))
            )
            return
        self._outcomes.begin(unit, permits)
        self.showing.loud = acting.loud(self.workshop, permits)
        if self.session.cancelling:
            await self.post(ev.RunFinished(at=self._now(), run=effect.run, result=ev.RunResult.CANCELLED))
            return
        await self.post(ev.RunStarted(at=self._now(), run=effect.run))
        store = await self.workshop.record(lambda opened: str(opened.path))
        given = {**effect.variables, **acting.run_variables(self.workshop, permits, store)}
        result, log = await self._playbook(replace(effect, variables=given))
        await self.post(
            ev.RunFinished(
                at=self._now(),
                run=effect.run,
                result=_RESULTS[result.status],
                message=log.failure or result.message,
                left=aftermath(preview.plan, [event.result for event in log.results]),
            )
        )

    async def _playbook(
        self, effect: fx.RunPlaybook, *, check: bool = False
    ) -> tuple[PlaybookResult, RunLog]:
        def on_start(run: Run) -> None:
            self._runs[effect.run] = run
            if self.session.cancelling and self.session.run == effect.run:
                self._spawn(self._cancel_run(run), effect.run)

        def on_change(log: RunLog) -> None:
            self.showing.tasks, self.showing.log = tuple(log.tasks), tuple(log.lines[-2000:])
            self._show_change()

        wanted = Wanted(effect.run, effect.playbook, effect.target, float(effect.timeout))
        if check:  # a preview may have the number that was meant for the act: what is held has to be gone
            self._held.drop()
            await self._held.dropped()
        held = None if check else await self._held.take(wanted)
        try:
            return await run_playbook(
                self.workshop,
                run_id=effect.run,
                playbook=effect.playbook,
                target=effect.target,
                variables=effect.variables,
                timeout=effect.timeout,
                check=check,
                on_start=on_start,
                on_change=on_change,
                held=held,
            )
        finally:
            self._runs.pop(effect.run, None)

    async def _check(self, effect: fx.RunCheck) -> None:
        shown = TaskView(_says(effect.check), _running())
        self.showing.tasks = (*self.showing.tasks, shown)
        self._show_change()
        proof = await checks.run_check(self.workshop, effect.check, effect.target, effect.timeout)
        ended = TaskView(_says(effect.check), _state_of(proof.verdict), text=proof.detail)
        self.showing.tasks = tuple(ended if t is shown else t for t in self.showing.tasks)
        await self.post(
            ev.VerifyFinished(at=self._now(), run=effect.run, verdict=proof.verdict, detail=proof.detail)
        )

    async def _ask_what_it_left(self, effect: fx.SettleRun) -> None:
        changed, detail, objects = await recovery.what_it_left(self.workshop, effect.plan)
        left = aftermath_now(effect.plan, objects) if changed is not ev.Changed.NO else {}
        await self.post(ev.Settled(at=self._now(), run=effect.run, changed=changed, detail=detail, left=left))

    async def _cancel_run(self, run: Run) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await run.cancel()

    async def _settle_unit(self, unit: str) -> None:
        """Write the outcomes of an act that is over, so that every intent has one before anything else happens."""
        settled = await self._outcomes.settle(unit, self.session.steps.get(unit))
        if settled is not None:
            for text in followups.asked_for(settled[0], self._policy(), settled[1], self._now()):
                self._say_loud(text)

    def _say_loud(self, text: str) -> None:
        """Something that stays on the screen until the session goes on."""
        self.showing.loud = tuple(dict.fromkeys((*self.showing.loud, text)))
        self._show_change()

    def _documents(self, effect: fx.RunPlaybook) -> Write:
        """A write that carries what the record says about runbook, playbook and session."""
        return Write(
            act=ACTS["patch"],
            resource=RESOURCES["Deployment"],
            namespace=self.workshop.target.namespace,
            name="",
            short="",
            kubectl="",
            runbook=self.runbook.id,
            runbook_digest=self.session.digest,
            playbook=effect.playbook,
            playbook_digest=self._digests.get(effect.playbook, ""),
            session_id=self.session.id,
            limits=self._limits(effect.step),
            undoes=self.session.steps[effect.step].runs if effect.for_rollback else (),
            left=self.session.steps[effect.step].left if effect.for_rollback else EMPTY,
        )

    def _limits(self, step_id: str) -> Limits:
        """What the runbook itself asks of its acts."""
        policy, step = self.runbook.policy, self.runbook.step(step_id)
        if not isinstance(step, Act):
            return Limits()
        return Limits(
            effect=self.runbook.class_of(step).value,
            objects_at_once=policy.blast_radius.objects_at_once,
            per_hour=policy.blast_radius.per_hour,
            inform=policy.inform,
            typed=step.confirm == "typed",
        )

    def _told(self) -> tuple[str, ...]:
        """Everybody who was told, by steps of this session and with its confirmations."""
        by_steps = (who for state in self.session.steps.values() for who in state.told)
        return tuple(dict.fromkeys((*by_steps, *self._informed)))

    def _now(self) -> Any:
        return self.workshop.clock.now()


def _alone(error: RefusedError) -> RefusedError:
    """The error to keep with a session: its frames would keep whole pictures of the cluster as they were then."""
    error.__traceback__ = error.__cause__ = error.__context__ = None
    return error


def _says(check: str) -> str:
    from posdeck.runbooks.checks import CHECKS

    return next((f"verify: {c.says}" for c in CHECKS if c.id == check), check)


def _running() -> Any:
    from posdeck.operations.view import StepState as Shown

    return Shown.RUNNING


def _state_of(verdict: ev.Verdict) -> Any:
    from posdeck.operations.view import StepState as Shown

    return {
        ev.Verdict.PASSED: Shown.PASSED,
        ev.Verdict.FAILED: Shown.FAILED,
        ev.Verdict.CANNOT_TELL: Shown.CANNOT_TELL,
    }[verdict]
