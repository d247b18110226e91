"""Whom an act hits and who else manages its object, as the confirmation says it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from posdeck.catalogue.reading import read_catalogue
from posdeck.cluster.snapshot import Condition, Connection, Deployment, Hpa, Pod, Snapshot
from posdeck.findings.consumer_facts import Budget
from posdeck.operations.impact import hits_of, owners_of, warnings_of
from posdeck.operations.scaled_objects import ScaledObject, Scalers, ScalerState
from posdeck.operations.write import ACTS, RESOURCES
from posdeck.runbooks.plan import Change
from posdeck.telemetry.reading import Absence, Reading

CATALOGUE = read_catalogue(Path(__file__).parents[2] / "inventory" / "production")
BULK = "consumer-orders-bulk-upload"
NAME = f"spc--pos--be--{BULK}--prod"
LABELS = {"app": "bulk"}
DEPLOYMENT = Deployment(
    NAME, "u-1", "1", 1, 1, None, desired=3, replicas=3, ready=3, updated=3, available=3,
    max_unavailable="25%", selector=LABELS, labels=LABELS, grace_seconds=45,
)  # fmt: skip


READY = (Condition("Ready", "True", "", "", None),)
PODS = {
    f"{NAME}-{i}": Pod(
        f"{NAME}-{i}",
        f"p-{i}",
        "1",
        None,
        "1/1",
        "Running",
        0,
        None,
        "Running",
        labels=LABELS,
        conditions=READY,
    )
    for i in range(3)
}
BUDGET = Budget("bulk", {"matchLabels": LABELS}, allowed=1, healthy=3, wanted=2)


def shop(deployment: Deployment = DEPLOYMENT, **given: Any) -> Any:
    """What a session works with, as far as this asks for it."""
    known = {
        "hpas": given.get("hpas", {}),
        "pods": PODS,
        "deployments": {NAME: deployment},
    }
    unacknowledged = given.get("unacknowledged", Reading(7))
    return SimpleNamespace(
        feed=SimpleNamespace(snapshot=Snapshot(Connection("", "", "spc--pos"), **known)),
        catalogue=given.get("catalogue", CATALOGUE),
        readings=lambda _: SimpleNamespace(unacknowledged=unacknowledged),
        budgets=lambda: given.get("budgets", ()),
        scalers=lambda: given.get("scalers", Scalers()),
    )


def act(id: str, *changes: Change, kind: str = "Deployment", name: str = NAME) -> Any:
    write = SimpleNamespace(resource=RESOURCES[kind], name=name, short=BULK, act=ACTS[id])
    return SimpleNamespace(write=write, changes=changes)


RESTART = act("rollout-restart")
QUEUED = replace(CATALOGUE.workloads[BULK], queue="pos.bulk")
WITH_QUEUE = replace(CATALOGUE, by_deployment={NAME: QUEUED})


def test_a_restart_says_strategy_grace_ready_budget_messages_and_uploads() -> None:
    said = hits_of(shop(catalogue=WITH_QUEUE, budgets=(BUDGET,)), RESTART)
    assert said == (
        "3 of 3 pods are replaced one after the other, 3 ready now, at most 0 missing at a time, 45 s grace each",
        "disruption budget bulk allows 1 now, 3 of 2 healthy; only evictions ask it",
        "7 unacknowledged messages will be delivered again",
        "uploads in flight (Bulk files (Excel/CSV)) begin anew; rows that were taken may come twice",
    )


def test_what_is_not_known_is_a_question_mark() -> None:
    unknown = Reading(None, absence=Absence.NOT_YET)
    said = hits_of(
        shop(
            replace(DEPLOYMENT, max_unavailable="?"),
            catalogue=WITH_QUEUE,
            budgets=None,
            unacknowledged=unknown,
        ),
        RESTART,
    )
    assert "at most ? missing" in said[0]
    assert said[1].startswith("disruption budget: ?")
    assert said[2] == "? unacknowledged messages will be delivered again"


def test_recreate_and_a_single_pod_are_said_as_they_are() -> None:
    assert "nothing serves meanwhile" in hits_of(shop(replace(DEPLOYMENT, strategy="Recreate")), RESTART)[0]
    assert hits_of(shop(), RESTART)[1] == "no disruption budget"


@pytest.mark.parametrize(
    ("after", "words"), [(1, "2 of 3 pods end, 45 s grace each; 1 go on"), (0, "nothing is left")]
)
def test_fewer_replicas_end_pods_and_more_hit_nobody(after: int, words: str) -> None:
    assert words in hits_of(shop(), act("scale", Change("/spec/replicas", 3, after)))[0]
    assert hits_of(shop(), act("scale", Change("/spec/replicas", 3, 5))) == ()
    assert hits_of(shop(), act("rollout-pause")) == ()


def test_a_single_pod_counts_those_that_stay() -> None:
    said = hits_of(shop(), act("delete", kind="Pod", name=f"{NAME}-0"))
    assert said[0] == "this pod, 45 s grace; 2 of 3 ready without it"
    assert hits_of(shop(), act("delete", kind="Pod", name="gone"))[0].endswith("?")


@pytest.mark.parametrize(
    ("changes", "owner"),
    [
        ({"managers": ("helm",)}, "Helm"),
        ({"managers": ("argocd-application-controller",)}, "Argo CD"),
        ({"managers": ("kustomize-controller",)}, "Flux"),
        ({"managers": ("keda-operator",)}, "KEDA"),
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, "Helm"),
        ({"annotations": {"meta.helm.sh/release-name": "pos"}}, "Helm"),
        ({"labels": {"argocd.argoproj.io/instance": "pos"}}, "Argo CD"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "pos"}}, "Argo CD"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "pos"}}, "Flux"),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "pos"}}, "Flux"),
    ],
)
def test_who_else_manages_it_is_named(changes: dict[str, Any], owner: str) -> None:
    deployment = replace(DEPLOYMENT, **changes)
    assert owners_of(deployment) == (owner,)
    (said,) = warnings_of(shop(deployment), (RESTART,))
    assert said == f"{BULK} is also managed by {owner}, which may revert this"


def test_kubectl_and_posdeck_themselves_are_nobody_else() -> None:
    plain = replace(DEPLOYMENT, managers=("kubectl-client-side-apply", "posdeck", "kube-controller-manager"))
    assert owners_of(plain) == ()
    assert warnings_of(shop(plain), (RESTART,)) == ()


def test_scaling_beside_an_autoscaler_says_that_it_will_be_overridden() -> None:
    hpa = Hpa("bulk", "h", "1", None, "Deployment", NAME, 3, 6, 3, 3, "")
    scaler = ScaledObject("bulk-queue", "Deployment", NAME, 3, 6, ScalerState.ACTIVE)
    scale = act("scale", Change("/spec/replicas", 3, 5))
    beside = shop(hpas={"bulk": hpa}, scalers=Scalers(True, (scaler,), ""))
    assert warnings_of(beside, (scale,)) == (
        "HPA bulk sets the replicas (3 to 6) and will override this",
        "KEDA's ScaledObject bulk-queue sets the replicas (3 to 6) and will override this",
    )
    assert warnings_of(beside, (RESTART,)) == ()
