"""A small runbook with every kind of step, and a driver that plays the part of operations."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from posdeck.runbooks import effects as fx
from posdeck.runbooks import events as ev
from posdeck.runbooks.events import Changed, RunResult, Verdict
from posdeck.runbooks.graph import Path as RunbookPath
from posdeck.runbooks.loading import load_runbook
from posdeck.runbooks.model import Runbook
from posdeck.runbooks.plan import Change, Plan, PlannedObject
from posdeck.runbooks.reducer import advance
from posdeck.runbooks.session import Session, from_json, new_session, to_json

SAMPLE = """\
apiVersion: runbook/v1
metadata:
  id: sample
  title: A sample
  summary: Every kind of step once.
  owner: tests
  severity: warning
  review_by: 2027-05-31
  triggers: [consumer-not-processing]
  symptoms: [something is wrong]
  expected_duration: 5m
params:
  - name: consumer
    type: workload
    source: {group: consumers}
    help: which one
steps:
  - id: look
    type: diagnose
    title: Look
    why: To see.
    playbook: pods.yml
    target: "{{ params.consumer }}"
    continue_on_failure: false
  - id: choose
    type: decide
    title: Choose
    question: What is it?
    unattended: act
    choices:
      - id: act
        label: Act
        next: change
        suggest_when: {fact: look.ready, at_least: 1}
      - {id: again, label: Look again, next: look}
      - {id: unsure, label: Not sure, next: tell}
  - id: change
    type: act
    title: Change
    why: It helps.
    playbook: scale.yml
    target: "{{ params.consumer }}"
    vars: {replicas: 2}
    preview: Two replicas.
    verify:
      - {check: rollout-complete}
      - {check: processing-again}
    rollback:
      playbook: scale.yml
      vars: {replicas: "{{ before.replicas }}"}
      verify: [{check: rollout-complete}]
    next: good
    on_failure: tell
    on_cannot_tell: unknown
    on_cancel: stopped
    kubectl: kubectl scale deployment/{{ target.deployment }} --replicas=2
  - id: tell
    type: contact
    title: Tell
    who: [operations]
    say: It is {{ params.consumer }}.
  - {id: bad, type: done, result: Not good., outcome: not-resolved}
  - {id: good, type: done, result: "{{ params.consumer }} is well.", outcome: resolved}
  - {id: unknown, type: done, result: Nobody knows., outcome: cannot-tell}
  - {id: stopped, type: done, result: Stopped., outcome: not-resolved}
"""

NOW = datetime(2026, 11, 1, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def sample_text() -> str:
    """The sample as YAML."""
    return SAMPLE


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a file below a temporary folder and says where."""

    def writer(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return writer


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Runbook:
    """The sample, loaded."""
    path = tmp_path_factory.mktemp("sample") / "sample.yml"
    path.write_text(SAMPLE, encoding="utf-8")
    runbook = load_runbook(path).runbook
    return runbook.model_copy(update={"metadata": runbook.metadata.model_copy(update={"shortcut": "change"})})


def plan_for(effect: fx.RunPlaybook, uid: str = "uid-1") -> Plan:
    """A plausible plan for a preview effect."""
    return Plan(
        playbook=effect.playbook,
        target=effect.target,
        variables=effect.variables,
        objects=(
            PlannedObject(
                "Deployment", "ns", effect.target, uid, "t1", (Change("/spec/replicas", "1", "2"),)
            ),
        ),
        before={
            "replicas": 1,
            "revision": 4,
            "hpa_minimum": 2,
            "hpa_maximum": 15,
            "manifest": {"kind": "Deployment", "metadata": {"name": "d"}, "spec": {"replicas": 0}},
        },
    )


@dataclass
class Operations:
    """Plays operations and the person: takes the effects in, answers them as the test wants."""

    runbook: Runbook
    session: Session
    pending: list[fx.Effect] = field(default_factory=list)
    seen: list[fx.Effect] = field(default_factory=list)
    at: datetime = NOW

    def send(self, event: type, **fields: object) -> None:
        """One event, one second later; the state goes through JSON on the way, as after a crash."""
        self.at += timedelta(seconds=1)
        session, effects = advance(self.runbook, self.session, event(at=self.at, **fields))
        assert from_json(to_json(session)) == session
        self.session = session
        self.pending.extend(effects)
        self.seen.extend(effects)

    def take(self, kind: type) -> fx.Effect:
        """The next pending effect that asks for something, which must be of this kind."""
        while isinstance(self.pending[0], fx.SaveSession | fx.Inform | fx.CancelRun):
            self.pending.pop(0)
        effect = self.pending.pop(0)
        assert isinstance(effect, kind), f"{effect} where {kind.__name__} was expected"
        return effect

    def confirm(self) -> None:
        """Preview and confirm what is being planned, and let it start."""
        run = self.take(fx.RunPlaybook)
        assert run.purpose is fx.Purpose.PREVIEW
        self.send(ev.PreviewArrived, run=run.run, plan=plan_for(run))
        asked = self.take(fx.AskConfirmation)
        self.send(
            ev.Confirmed, step=asked.step, plan_hash=asked.plan_hash, text=asked.expected, reason="because"
        )

    def verify(self, verdict: Verdict, proofs: int) -> None:
        """Answer the proofs of an act or rollback: all but the last pass."""
        for number in range(proofs):
            check = self.take((fx.RunCheck, fx.RunPlaybook))
            answer = verdict if number == proofs - 1 else Verdict.PASSED
            self.send(ev.VerifyFinished, run=check.run, verdict=answer)

    def act(self, way: str) -> None:
        """Carry an act out so that it is left by ``way``, one of the graph's exits."""
        step = self.runbook.step(self.session.step)
        by, _, rollback = way.partition("+")
        self.confirm()
        run = self.take(fx.RunPlaybook)
        assert run.purpose is fx.Purpose.ACT
        self.send(ev.RunStarted, run=run.run)
        if by == "cancelled":
            self.send(ev.CancelRequested)
            self.send(ev.RunFinished, run=run.run, result=RunResult.CANCELLED)
            settle = self.take(fx.SettleRun)
            self.send(ev.Settled, run=settle.run, changed=Changed.UNKNOWN if rollback else Changed.NO)
        else:
            self.send(ev.RunFinished, run=run.run, result=RunResult.SUCCEEDED)
            self.verify(Verdict(by), 1 if by == "failed" else len(step.verify))
        if rollback:
            self.take(fx.OfferRollback)
            self.send(ev.RollbackRequested, step=step.id)
            self.confirm()
            back = self.take(fx.RunPlaybook)
            assert back.purpose is fx.Purpose.ROLLBACK
            self.send(ev.RunStarted, run=back.run)
            self.send(ev.RunFinished, run=back.run, result=RunResult.SUCCEEDED)
            self.verify(Verdict.PASSED, len(step.rollback.verify))
        elif by in ("failed", "cannot-tell") and step.rollback is not None:
            self.take(fx.OfferRollback)
            self.send(ev.RollbackDeclined, step=step.id)

    def drive(self, path: RunbookPath) -> Session:
        """Carry the runbook out along one path of its graph."""
        self.send(ev.Started)
        for edge in path.edges:
            assert self.session.step == edge.step
            step = self.runbook.step(edge.step)
            if step.type == "diagnose":
                effect = self.take((fx.RunPlaybook, fx.TakeReading))
                facts = {"ready": 1} if edge.exit == "collected" else {}
                self.send(ev.EvidenceArrived, run=effect.run, collected=edge.exit == "collected", facts=facts)
            elif step.type == "decide":
                self.take(fx.AskDecision)
                self.send(ev.Answered, step=step.id, choice=edge.exit)
            elif step.type == "contact":
                asked = self.take(fx.AskContact)
                self.send(ev.Acknowledged, step=step.id, told=asked.who)
            else:
                self.act(edge.exit)
        return self.session


@pytest.fixture
def operations() -> Callable[..., Operations]:
    """Makes a driver for a runbook."""

    def make(runbook: Runbook, **options: object) -> Operations:
        params: dict[str, object] = {}
        for param in runbook.params:
            by_type = {"workload": "consumer-order", "integer": 2, "revision": None, "text": "text"}
            params[param.name] = (
                param.choices[0] if param.type == "choice" else param.default or by_type[param.type]
            )
        session = new_session(
            runbook,
            session_id="s1",
            digest="d1",
            params=options.pop("params", params),
            actor="oncall",
            at=NOW,
            **options,
        )
        return Operations(runbook, session)

    return make
