"""The main API does not answer: no ready pod, no answer to the probe, or errors for many requests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from posdeck.catalogue.model import Workload
from posdeck.cluster.snapshot import Deployment, Kind
from posdeck.findings.model import Finding, Severity, Unknown
from posdeck.findings.readings import not_known
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.rules.deployment_unavailable import available_condition, counts
from posdeck.findings.situation import Situation
from posdeck.findings.wording import percent

ID = "api-not-answering"
GROUP = "main_api"
ERRORS = 0.05  # share of requests


def find(situation: Situation) -> Iterator[Finding | Unknown]:
    """One finding per workload of the group main_api that does not answer."""
    probe, errors = situation.other.api_answers, situation.other.api_error_ratio
    for workload in situation.members(GROUP):
        deployment = situation.snapshot.deployments.get(workload.deployment)
        if deployment is None or deployment.desired == 0:
            continue
        if deployment.available <= 0:
            condition = available_condition(deployment)
            away = condition is not None and condition.status == "False"
            since = condition.changed_at if condition and away else None
            yield _finding(situation, workload, deployment, "no pod of the API is ready", since)
        elif probe.value is not None and probe.value <= 0:
            yield _finding(situation, workload, deployment, "the API does not answer its probe")
        elif errors.value is not None and errors.value >= ERRORS:
            text = f"{percent(errors.value)} of the requests end in an error"
            yield _finding(situation, workload, deployment, text)
        elif probe.value is None and errors.value is None:
            yield not_known(ID, "whether requests are answered", errors)


def _finding(
    situation: Situation, workload: Workload, deployment: Deployment, text: str, since: datetime | None = None
) -> Finding:
    probe, errors = situation.other.api_answers, situation.other.api_error_ratio
    return about_deployment(
        situation,
        ID,
        workload.deployment,
        Severity.CRITICAL,
        text,
        since=since,
        evidence=[
            *counts(deployment),
            (
                "probe",
                "not known" if probe.value is None else "answered" if probe.value > 0 else "not answered",
            ),
            ("error ratio", "not known" if errors.value is None else percent(errors.value)),
        ],
        likely="the program fails, or something that it depends on does (database, queue)",
        pods=[p.name for p in situation.pods_of(workload.deployment)],
    )


RULE = Rule(ID, find, (Kind.DEPLOYMENTS,), 20.0)
