"""The examination behind ``posdeck doctor``: one finding per thing that posdeck needs, each with its remedy."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from posdeck.audit.sqlite import open_store
from posdeck.clock import SystemClock
from posdeck.cluster.connection import connect
from posdeck.cluster.transport import Transport
from posdeck.config import load_settings, state_folder
from posdeck.errors import ForbiddenError, NotFoundError, PosdeckError
from posdeck.operations.authority import target_ca_digest
from posdeck.operations.binding import binding_problem, read_bindings
from posdeck.operations.facts import Question, answer_with_async, ask_cluster
from posdeck.operations.opening import Opening, Request, open_content
from posdeck.operations.workshop import asker

# (verb, group, resource, subresource, what it is for): reading first, then what acts need
PERMISSIONS: tuple[tuple[str, str, str, str, str], ...] = (
    ("list", "", "pods", "", "the pods"),
    ("list", "apps", "deployments", "", "the workloads"),
    ("list", "apps", "replicasets", "", "revisions"),
    ("list", "autoscaling", "horizontalpodautoscalers", "", "the HPA"),
    ("list", "", "services", "", "services"),
    ("list", "", "events", "", "events"),
    ("get", "", "pods", "log", "logs"),
    ("list", "metrics.k8s.io", "pods", "", "CPU and memory"),
    ("patch", "apps", "deployments", "", "restart and roll back"),
    ("patch", "apps", "deployments", "scale", "scale"),
    ("delete", "", "pods", "", "delete a hung pod"),
    ("create", "", "pods", "portforward", "port-forwards and probes"),
    ("create", "", "events", "", "leaving a note on what was changed"),
    ("create", "coordination.k8s.io", "leases", "", "locks that colleagues see"),
)
READING = 8


@dataclass(frozen=True, slots=True)
class Examined:
    """``state`` is ok, warning, problem or unknown."""

    name: str
    state: str
    says: str
    remedy: str = ""


async def examine(request: Request) -> list[Examined]:
    """Check everything; never raises for something that is wrong."""
    found = [_python(), *_configuration(), _ansible()]
    try:
        opening = open_content(request)
    except PosdeckError as error:
        return [*found, Examined("inventory", "problem", str(error)), _terminal()]
    environment, workloads = opening.catalogue.environment, len(opening.catalogue.workloads)
    found.append(
        Examined(
            "inventory",
            "ok",
            f"{environment.name} ({opening.chosen_by}), {workloads} workloads in {opening.catalogue.folder}",
        )
    )
    found.append(await asyncio.to_thread(_record, opening))
    if opening.target is None:
        found.append(
            Examined("kubeconfig", "problem", opening.problem, "Give --kubeconfig, or set KUBECONFIG.")
        )
    else:
        found += await _cluster(opening)
    return [*found, _terminal()]


def _python() -> Examined:
    return Examined("python", "ok", f"{sys.version.split()[0]} at {sys.executable}")


def _configuration() -> list[Examined]:
    try:
        settings = load_settings()
        folder = state_folder()
    except PosdeckError as error:
        return [Examined("configuration", "problem", str(error))]
    return [Examined("configuration", "ok", f"{settings.path or 'no file, all defaults'}; state in {folder}")]


def _ansible() -> Examined:
    from posdeck.execution.launch import find_command

    try:
        command = find_command()
        done = subprocess.run(
            [str(command), "--version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (PosdeckError, OSError, subprocess.TimeoutExpired) as error:
        return Examined("ansible", "problem", str(error), "Install posdeck again with its dependencies.")
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        return Examined(
            "ansible", "problem", said[-1] if said else f"exit {done.returncode}", f"Run {command} --version."
        )
    return Examined("ansible", "ok", done.stdout.splitlines()[0])


def _record(opening: Opening) -> Examined:
    path = opening.audit_file
    try:
        with open_store(path, SystemClock()) as store:
            store.check_writable()
            report = store.verify()
    except PosdeckError as error:
        return Examined("record", "problem", str(error), "While this lasts, posdeck changes nothing.")
    if not report.ok:
        return Examined(
            "record",
            "problem",
            f"{path} does not verify: {report.faults[0]}",
            "posdeck audit verify says all.",
        )
    return Examined("record", "ok", f"{path}: {report.records} records, the chain is whole, writable")


async def _cluster(opening: Opening) -> list[Examined]:
    target = opening.target
    assert target is not None
    found = [
        Examined("kubeconfig", "ok", f"context {target.context or '(none)'}, server {target.server.url}")
    ]
    try:
        transport = await connect(target)
    except PosdeckError as error:
        return [*found, Examined("connection", "problem", str(error))]
    try:
        ask = asker(transport)
        facts = await answer_with_async(
            ask_cluster(
                target.namespace, target.server.url, await asyncio.to_thread(target_ca_digest, target)
            ),
            ask,
        )
        if not facts.reachable:
            found.append(
                Examined(
                    "connection", "problem", facts.problem, "Check the VPN, the address, the credentials."
                )
            )
            return found
        found.append(
            Examined("connection", "ok", f"namespace {target.namespace} {facts.problem or 'is there'}")
        )
        environment = opening.catalogue.environment
        problem = binding_problem(
            environment.accept, environment.name, read_bindings(opening.state).get(environment.name), facts
        )
        remedy = f"posdeck environment bind {environment.name}" if environment.accept == "bound" else ""
        bound = f"environment {environment.name} may write to this cluster"
        found.append(
            Examined("binding", "warning" if problem else "ok", problem or bound, remedy if problem else "")
        )
        found += await _permissions(opening, transport)
        found.append(await _metrics(opening, transport))
    finally:
        await transport.close()
    return found


async def _permissions(opening: Opening, transport: Transport) -> list[Examined]:
    ask, namespace = asker(transport), opening.namespace
    missing: list[tuple[int, str]] = []
    for index, (verb, group, resource, subresource, purpose) in enumerate(PERMISSIONS):
        attributes = {
            "namespace": namespace,
            "verb": verb,
            "group": group,
            "resource": resource,
            "subresource": subresource,
        }
        answer = await ask(
            Question(
                "POST",
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                {
                    "apiVersion": "authorization.k8s.io/v1",
                    "kind": "SelfSubjectAccessReview",
                    "spec": {"resourceAttributes": attributes},
                },
            )
        )
        if not (answer.json().get("status") or {}).get("allowed"):
            name = f"{resource}/{subresource}" if subresource else resource
            missing.append((index, f"{verb} {name} ({purpose})"))
    reading = [text for index, text in missing if index < READING]
    writing = [text for index, text in missing if index >= READING]
    return [
        _permission("may read", reading, "everything that is shown"),
        _permission("may act", writing, "everything that runbooks do"),
    ]


def _permission(name: str, missing: list[str], all_of_it: str) -> Examined:
    if not missing:
        return Examined(name, "ok", all_of_it)
    return Examined(name, "warning", f"not: {', '.join(missing)}", "Ask for the roles in docs/rbac/.")


async def _metrics(opening: Opening, transport: Transport) -> Examined:
    path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{opening.namespace}/pods"
    try:
        await transport.request("GET", path, params=[("limit", "1")], timeout=10.0)
    except NotFoundError:
        return Examined(
            "metrics API", "warning", "not installed", "CPU, memory and HPAs need metrics-server."
        )
    except ForbiddenError as error:
        return Examined(
            "metrics API", "warning", f"no access: {error.cause}", "Ask for list on pods.metrics.k8s.io."
        )
    except PosdeckError as error:
        return Examined("metrics API", "warning", str(error), "See the metrics-server's log.")
    return Examined("metrics API", "ok", "answers")


def _terminal() -> Examined:
    checks: tuple[tuple[Callable[[], bool], str], ...] = (
        (
            lambda: os.environ.get("TERM", "") not in {"", "dumb"},
            "TERM is not set to a terminal that can be drawn on",
        ),
        (
            lambda: "UTF-8" in (sys.stdout.encoding or "").upper().replace("UTF8", "UTF-8"),
            "the encoding is not UTF-8",
        ),
    )
    wrong = [says for check, says in checks if not check()]
    size = shutil.get_terminal_size()
    if wrong:
        return Examined("terminal", "warning", "; ".join(wrong), "Set TERM=xterm-256color and LANG=C.UTF-8.")
    if size.columns < 80 or size.lines < 24:
        return Examined(
            "terminal", "warning", f"{size.columns}×{size.lines} is small", "80×24 shows everything."
        )
    colours = os.environ.get("COLORTERM") or os.environ.get("TERM", "")
    return Examined("terminal", "ok", f"{size.columns}×{size.lines}, {colours}")
