"""The main job: a consumer that processes nothing is restarted, exactly that one, and the record says so."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from pathlib import Path

import pytest
from tests.acceptance.places import Desk, confirmed, full

pytestmark = pytest.mark.ansible


def test_the_procedure_restarts_exactly_that_deployment_and_records_it(desk: Desk) -> None:
    """On the embedded cluster the queue proves the cure; on the bare control plane nobody can tell."""
    place, name = desk.place, full("consumer-order")
    before, templates, sets = place.generations(), place.templates(), place.replica_sets(name)
    done = desk.restart(
        "consumer-order", *confirmed("consumer-order", "its messages wait"), "--ticket", "INC-7"
    )
    assert done.returncode == (2 if place.real else 0), done.stdout + done.stderr
    session = json.loads(done.stdout)
    assert session["verification"] == ("cannot tell" if place.real else "passed")
    assert session["target"] == "consumer-order"

    after = place.generations()
    assert after.pop(name) == before.pop(name) + 1
    assert after == before
    stamp = place.stamp(name)
    assert stamp is not None
    assert datetime.fromisoformat(stamp)
    changed = place.templates()
    changed[name]["metadata"]["annotations"].pop("kubectl.kubernetes.io/restartedAt")
    if not changed[name]["metadata"]["annotations"]:
        del changed[name]["metadata"]["annotations"]
    assert changed == templates
    assert len(place.replica_sets(name) - sets) == 1

    [entry] = [e for e in desk.records() if e["what"] == "rollout-restart"]
    record = desk.record(entry)
    assert record["result"] == "succeeded"
    assert record["target"]["name"] == name
    assert record["target"]["generation"] == record["outcome"]["generation_after"] - 1
    assert record["parameters"]["restarted_at"] == stamp
    assert (record["reason"], record["ticket"]) == ("its messages wait", "INC-7")
    assert record["outcome"]["verification"] == ("cannot-tell" if place.real else "passed")
    assert record["runbook"]["id"] == "consumer-not-processing"
    assert record["actor"]["kubernetes_user"]
    kept = {e["name"] for e in record["evidence_kept"]}
    assert any("log" in each for each in kept), kept
    events = place.kubectl("get", "events", "--field-selector", f"involvedObject.name={name}", "-o", "json")
    said = [e for e in json.loads(events)["items"] if "posdeck" in json.dumps(e)]
    assert said, "colleagues see who did it"

    assert desk.run("audit", "verify").returncode == 0
    edit_one_byte(desk.store)
    broken = desk.run("audit", "verify")
    assert broken.returncode == 1
    assert "CHANGED" in broken.stdout


def edit_one_byte(store: Path) -> None:
    """Somebody who may write the file turns one letter of the newest reason, and is good at hiding it."""
    with sqlite3.connect(store) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    content = store.read_bytes()
    position = content.find(b"its messages wait")
    assert position > 0
    store.write_bytes(content[:position] + b"I" + content[position + 1 :])
