"""Every command that the reference document gives for its eight procedures has a step that does the same, and shows
the same command to copy. What ``-f`` follows, a step reads once."""

from __future__ import annotations

import pytest

from posdeck.catalogue.reading import read_catalogue
from posdeck.clock import SystemClock
from posdeck.content import find_content
from posdeck.operations.library import RunbookLibrary
from posdeck.runbooks.model import Act, Diagnose

APP = "spc--pos--be--app--prod"
BULK = "spc--pos--be--consumer-orders-bulk-upload--prod"
RATE = "spc--pos--be--consumer-rate-card-bulk-upload--prod"
TOP = "kubectl top pods -n spc--pos"
# runbook: (the document's command, the playbook that does it, words of the command that the step shows)
COMMANDS: dict[str, list[tuple[str, str, str]]] = {
    "main-api-issues": [
        ('kubectl get pods -n spc--pos | grep "app--prod"', "pods.yml", f"get pods -n spc--pos -o wide | grep {APP}"),
        (f"kubectl describe hpa {APP} -n spc--pos", "hpa.yml", f"describe hpa {APP} -n spc--pos"),
        (f"kubectl logs -f deployment/{APP} -n spc--pos --tail=100", "logs.yml", f"logs deployment/{APP} -n spc--pos --tail=100"),
        (f"kubectl port-forward -n spc--pos service/{APP} 8080:80", "api-probe.yml", f"port-forward -n spc--pos service/{APP} 8080:80"),
    ],
    "consumer-not-processing": [
        ("kubectl get pods -n spc--pos | grep consumer-orders-bulk-upload", "pods.yml", f"grep {BULK}"),
        (f"kubectl logs -f deployment/{BULK} -n spc--pos", "logs.yml", f"logs deployment/{BULK} -n spc--pos"),
        (f"kubectl logs deployment/{BULK} -n spc--pos --tail=100 | grep -i error", "logs.yml", "--tail=100 | grep -i error"),
        (f"kubectl rollout restart deployment/{BULK} -n spc--pos", "restart.yml", f"rollout restart deployment/{BULK} -n spc--pos"),
    ],
    "hpa-not-scaling": [
        (f"kubectl describe hpa {APP} -n spc--pos", "hpa.yml", f"describe hpa {APP} -n spc--pos"),
        ("kubectl top nodes", "metrics-api.yml", "kubectl top nodes"),
        (TOP, "metrics-api.yml", TOP),
        (
            f"kubectl get deployment {APP} -n spc--pos -o yaml | grep -A 10 resources",
            "resource-use.yml",
            f"get deployment {APP} -n spc--pos -o yaml | grep -A 10 resources",
        ),
    ],
    "bulk-upload-delays": [
        ("kubectl get pods -n spc--pos | grep orders-bulk-upload", "pods.yml", f"grep {BULK}"),
        *(
            (
                f"kubectl logs deployment/spc--pos--be--consumer-{name}--prod -n spc--pos --tail=20",
                "logs.yml",
                f"logs deployment/spc--pos--be--consumer-{name}--prod -n spc--pos --tail=20",
            )
            for name in (
                "orders-bulk-upload", "orders-bulk-upload-vip1", "orders-bulk-upload-svip1", "orders-bulk-upload-svip2",
            )
        ),
        (f"{TOP} | grep orders-bulk-upload", "resource-use.yml", TOP),
    ],
    "order-processing-issues": [
        *(
            (f"kubectl logs -f deployment/{name} -n spc--pos", "logs.yml", f"logs deployment/{name} -n spc--pos")
            for name in (
                "spc--pos--be--consumer-order--prod",
                "spc--pos--be--consumer-pos-order--prod",
                "spc--pos--be--wrk--batch-publisher--prod",
            )
        ),
        *(
            (f"kubectl rollout restart deployment/{name} -n spc--pos", "restart.yml", f"rollout restart deployment/{name} -n spc--pos")
            for name in ("spc--pos--be--consumer-order--prod", "spc--pos--be--consumer-pos-order--prod")
        ),
    ],
    "rate-card-issues": [
        (f"kubectl logs -f deployment/{RATE} -n spc--pos", "logs.yml", f"logs deployment/{RATE} -n spc--pos"),
        (f'kubectl logs deployment/{RATE} -n spc--pos --tail=100 | grep -i "rate card"', "logs.yml", '--tail=100 | grep -i "rate card"'),
        (f"kubectl rollout restart deployment/{RATE} -n spc--pos", "restart.yml", f"rollout restart deployment/{RATE} -n spc--pos"),
    ],
    "tracing-issues": [
        ("kubectl logs -f deployment/spc-pos-otel-collector -n spc--pos", "logs.yml", "logs deployment/spc-pos-otel-collector -n spc--pos"),
        (
            "kubectl port-forward -n spc--pos deployment/spc-pos-otel-collector 8888:8888",
            "collector-metrics.yml",
            "port-forward -n spc--pos deployment/spc-pos-otel-collector 8888:8888",
        ),
    ],
    "scaled-to-zero-investigation": [
        *(
            (f"kubectl get deployment {name} -n spc--pos -o yaml", "manifest.yml", f"get deployment {name} -n spc--pos -o yaml")
            for name in ("spc--pos--be--wrk--read-hl7-sftp--prod", "spc--pos--be--wrk--sync-patient--prod")
        ),
        *(
            (f"kubectl scale deployment {name} -n spc--pos --replicas=1", "scale.yml", f"scale deployment/{name} -n spc--pos --replicas=1")
            for name in ("spc--pos--be--wrk--read-hl7-sftp--prod", "spc--pos--be--wrk--sync-patient--prod")
        ),
    ],
}  # fmt: skip
CHOSEN = {"consumer-not-processing": ["consumer-orders-bulk-upload"], "hpa-not-scaling": ["app"],
          "scaled-to-zero-investigation": ["wrk--read-hl7-sftp", "wrk--sync-patient"]}  # fmt: skip


@pytest.fixture(scope="module")
def library() -> RunbookLibrary:
    folders = find_content()
    return RunbookLibrary(folders, read_catalogue(folders.inventory / "production"), SystemClock())


@pytest.mark.parametrize("id", sorted(COMMANDS))
def test_each_command_has_a_step(library: RunbookLibrary, id: str) -> None:
    runbook = library.runbook(id)
    shown: dict[str, list[str]] = {}
    for step in runbook.steps:
        if isinstance(step, Diagnose | Act) and step.playbook:
            shown.setdefault(step.playbook, []).append(commands_of(library, id, step))
    for documented, playbook, words in COMMANDS[id]:
        assert any(words in text for text in shown.get(playbook, ())), (
            f"{id}: no step for {documented}: {shown}"
        )


def commands_of(library: RunbookLibrary, id: str, step: Diagnose | Act) -> str:
    """The kubectl lines of a step, for every workload that it may be about."""
    from posdeck.runbooks.rendering import command

    targets = CHOSEN.get(id, []) if "{{" in step.target else [step.target]
    names = [each for target in targets for each in library._named(target)]
    return "\n".join(command(step.kubectl or "", {"target": each}) for each in names)


def test_the_document_names_what_a_step_looks_at(library: RunbookLibrary) -> None:
    text = library.markdown("bulk-upload-delays")
    assert (
        "kubectl logs deployment/spc--pos--be--consumer-orders-bulk-upload-svip2--prod -n spc--pos --tail=20"
        in text
    )
    assert "Look at bulk_upload_consumers:" in text
    assert text.count(f"{TOP} --sort-by=memory") == 1, "a command that is the same for all stands once"
    assert "<deployment>" not in text.split("### 6.")[0]
