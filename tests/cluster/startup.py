"""From nothing to a control plane with ready nodes, and the same one for every pytest worker of a run."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from pathlib import Path

from tests.cluster import components, identities, pki
from tests.cluster.api import ApiError, wait_until
from tests.cluster.control_plane import BARE_NODE, NODES, ControlPlane
from tests.cluster.supervision import SOCKET, Supervised, locked

MANIFESTS = Path(__file__).parent / "bench" / "manifests"
_PAGES = {
    "index.html": "hello from the pod\n",
    "health": '{"status":"UP"}\n',
    "metrics": "otelcol_receiver_accepted_spans 1200\notelcol_receiver_refused_spans 3\n"
    "otelcol_exporter_sent_spans 1190\notelcol_exporter_send_failed_spans 7\notelcol_exporter_queue_size 4\n",
}


def start(binary: Path) -> ControlPlane:
    """A new control plane, ready for use. It ends when ``close`` is called or this process ends."""
    state, supervised = Supervised.launch()
    ports = _free_ports()
    plane = ControlPlane(state, binary, ports, supervised)
    for folder in ("logs", "www", "identities"):
        (state / folder).mkdir()
    for name, content in _PAGES.items():
        (state / "www" / name).write_text(content)
    pki.make(state / "pki")
    identities.write(state / "identities", plane.server, state / "pki")
    supervised.start("etcd", components.etcd(binary, state, ports))
    supervised.start("kube-apiserver", components.apiserver(binary, state, ports))
    plane.set_default_logs()
    plane.wait_ready()
    supervised.start("kube-controller-manager", components.controller_manager(binary, state, ports))
    supervised.start("kube-scheduler", components.scheduler(binary, state, ports))
    _apply(plane)
    supervised.start("kwok", components.kwok(binary, state, ports))
    supervised.start("metrics-server", components.metrics_server(binary, state, ports))
    supervised.start("http", components.http_server(state, ports))
    wait_until(lambda: _nodes_ready(plane), "nodes ready", within=90)
    for name in ("kube-controller-manager", "kube-scheduler", "kwok", "metrics-server"):
        supervised.check(name)
    return plane


def share(binary: Path, folder: Path) -> ControlPlane:
    """The control plane of all workers of a run, started by the first that asks; ``folder`` is theirs."""
    note = folder / "control-plane.json"
    with locked(folder / "control-plane.lock"):
        if note.exists():
            known = json.loads(note.read_text())
            state = Path(known["state"])
            if (state / SOCKET).exists():
                return ControlPlane(state, binary, known["ports"], Supervised(state))
        plane = start(binary)
        note.write_text(json.dumps({"state": str(plane.state), "ports": plane.ports}))
        return plane


def _free_ports() -> components.Ports:
    """Ports that were free a moment ago, all different."""
    with ExitStack() as stack:
        ports = {}
        for name in components.PORT_NAMES:
            listener = stack.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            ports[name] = listener.getsockname()[1]
        return ports


def _apply(plane: ControlPlane) -> None:
    """What kwok needs, the metrics API, the roles and the nodes."""
    _kubectl(plane, "apply", "--server-side", "-f", "-", input=_of_kwok(plane, "crds"))
    _kubectl(plane, "wait", "--for=condition=established", "--timeout=60s", "crd", "--all")
    nodes = (MANIFESTS / "30-nodes.yaml").read_text()
    documents = [
        _of_kwok(plane, "stages"),
        *(nodes.replace("@NAME@", name).replace("@ZONE@", str(i % 3)) for i, name in enumerate(NODES)),
        (MANIFESTS / "35-bare-node.yaml").read_text(),
        (MANIFESTS / "40-metrics-api.yaml").read_text().replace("@PORT@", str(plane.ports["metrics"])),
        (MANIFESTS / "50-kwok-kubelet.yaml")
        .read_text()
        .replace("@STATE@", str(plane.state))
        .replace("@HTTP@", str(plane.ports["http"])),
        (MANIFESTS / "60-roles.yaml").read_text(),
    ]
    _kubectl(plane, "apply", "-f", "-", input="\n---\n".join(documents))
    # A node without a heartbeat would be taken for dead and its pods evicted.
    ready = {"type": "Ready", "status": "True", "reason": "Bare", "message": "nobody runs this node"}
    plane.api.patch(f"/api/v1/nodes/{BARE_NODE}/status", {"status": {"conditions": [ready]}})


def _of_kwok(plane: ControlPlane, which: str) -> str:
    return plane.own("manifests", which)


def _kubectl(plane: ControlPlane, *arguments: str, input: str | None = None) -> None:
    done = plane.kubectl(*arguments, input=input)
    if done.returncode:
        raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr}")


def _nodes_ready(plane: ControlPlane) -> bool:
    try:
        nodes = plane.api.get("/api/v1/nodes")["items"]
    except ApiError:
        return False
    ready = [
        n
        for n in nodes
        if any(c["type"] == "Ready" and c["status"] == "True" for c in n["status"].get("conditions", []))
    ]
    tainted = [n for n in nodes if any("not-ready" in t["key"] for t in n["spec"].get("taints", []))]
    return len(ready) == len(NODES) + 1 and not tainted
