"""An API server of one namespace with as many pods as wanted, in a process of its own: lists in pages, watches, and
the change of a pod's status. It costs next to nothing, so that what is measured or tested is who reads from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import orjson
import yaml
from aiohttp import web

NAMESPACE = "spc--pos"
STAMP = "2026-01-01T00:00:00Z"
DEPLOYMENTS = 40


def name_of(index: int) -> str:
    """The name of a pod; the first of 40 belong to 40 deployments, and so on round."""
    return f"load-{index % DEPLOYMENTS:02}-7c9d8b6f5-{index:05}"


def pod(index: int) -> dict[str, Any]:
    """A pod of about 4.9 KB, as a busy cluster has it, managed fields and all."""
    name = name_of(index)
    fields = {f"f:field{i}": {"f:inner": {}, "f:other": {'k:{"type":"Ready"}': {}}} for i in range(32)}
    conditions = [
        {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": STAMP}
        for kind in ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    ]
    container = {
        "name": "app", "image": "example/pos:1.2.3", "imagePullPolicy": "IfNotPresent",
        "resources": {
            "requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "160Mi"},
        },
        "env": [{"name": f"VARIABLE_{i}", "value": "x" * 20} for i in range(15)],
        "volumeMounts": [{"name": "token", "mountPath": "/var/run/secrets", "readOnly": True}],
    }  # fmt: skip
    status = {
        "name": "app", "image": container["image"], "imageID": f"sha256:{'a' * 64}",
        "ready": True, "started": True,
        "restartCount": index % 3, "containerID": f"containerd://{index:064x}",
        "state": {"running": {"startedAt": STAMP}}, "lastState": {},
    }  # fmt: skip
    owner = {"kind": "ReplicaSet", "name": name[:-6], "uid": f"rs-{index % DEPLOYMENTS}", "controller": True}
    return {
        "metadata": {
            "name": name, "uid": f"uid-{index}", "resourceVersion": str(1000 + index), "creationTimestamp": STAMP,
            "namespace": NAMESPACE,
            "labels": {"app": f"load-{index % DEPLOYMENTS:02}", "pod-template-hash": "7c9d8b6f5"},
            "ownerReferences": [owner], "managedFields": [{"manager": "kcm", "fieldsV1": fields}],
        },
        "spec": {"containers": [container], "nodeName": f"node-{index % 50}", "restartPolicy": "Always"},
        "status": {
            "phase": "Running", "podIP": "10.0.0.1", "qosClass": "Burstable", "conditions": conditions,
            "containerStatuses": [status],
        },
    }  # fmt: skip


def deployment(index: int, replicas: int) -> dict[str, Any]:
    """The deployment of every fortieth pod."""
    name = f"load-{index:02}"
    counts = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas", "availableReplicas"), replicas)
    return {
        "metadata": {"name": name, "uid": f"d-{index}", "resourceVersion": "1", "generation": 1, "creationTimestamp": STAMP},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": {"spec": {}}},
        "status": {"observedGeneration": 1, **counts},
    }  # fmt: skip


def replica_set(index: int, replicas: int) -> dict[str, Any]:
    """The replica set of a deployment."""
    owner = {"kind": "Deployment", "name": f"load-{index:02}", "uid": f"d-{index}", "controller": True}
    return {
        "metadata": {
            "name": f"load-{index:02}-7c9d8b6f5", "uid": f"rs-{index}", "resourceVersion": "1",
            "creationTimestamp": STAMP, "ownerReferences": [owner],
        },
        "spec": {"replicas": replicas},
        "status": {"replicas": replicas, "readyReplicas": replicas},
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Crowd:
    """A running server. ``change`` sets the reason of pods by index, as many events as pods."""

    port: int
    kubeconfig: Path
    _pipe: Connection

    def change(self, reason: str, *indices: int) -> None:
        """Every watcher is told when this returns."""
        self._pipe.send((reason, indices))
        self._pipe.recv()


@contextmanager
def crowd(total: int, folder: Path) -> Iterator[Crowd]:
    """Serve ``total`` pods; ends the process at the end."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_main, args=(total, theirs), daemon=True)
    process.start()
    try:
        port = ours.recv()
        kubeconfig = folder / "crowd.kubeconfig"
        document = {
            "apiVersion": "v1", "kind": "Config", "current-context": "crowd",
            "clusters": [{"name": "crowd", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "users": [{"name": "crowd", "user": {"token": "t"}}],
            "contexts": [{"name": "crowd", "context": {"cluster": "crowd", "user": "crowd", "namespace": NAMESPACE}}],
        }  # fmt: skip
        kubeconfig.write_text(yaml.safe_dump(document))
        yield Crowd(port, kubeconfig, ours)
    finally:
        process.terminate()
        process.join()


def _main(total: int, pipe: Connection) -> None:
    asyncio.run(_Server(total, pipe).run())


class _Server:
    def __init__(self, total: int, pipe: Connection) -> None:
        self._pipe = pipe
        self._version = 1000 + total
        order = sorted(range(total), key=name_of)
        self._place = {index: place for place, index in enumerate(order)}
        self._pods = [orjson.dumps(pod(index)) for index in order]
        self._watchers: set[asyncio.Queue[bytes]] = set()
        share = [len(range(index, total, DEPLOYMENTS)) for index in range(DEPLOYMENTS)]
        made = ((index, count) for index, count in enumerate(share) if count)
        self._fixed: dict[str, list[bytes]] = {"deployments": [], "replicasets": []}
        for index, count in made:
            self._fixed["deployments"].append(orjson.dumps(deployment(index, count)))
            self._fixed["replicasets"].append(orjson.dumps(replica_set(index, count)))

    async def run(self) -> None:
        app = web.Application()
        app.router.add_get(f"/api/v1/namespaces/{NAMESPACE}/pods", self._pods_of)
        app.router.add_get(
            f"/apis/apps/v1/namespaces/{NAMESPACE}/{{kind:deployments|replicasets}}", self._fixed_of
        )
        app.router.add_get("/version", self._told({"gitVersion": "v1.34.0"}))
        app.router.add_get(
            f"/api/v1/namespaces/{NAMESPACE}",
            self._told(
                {"metadata": {"name": NAMESPACE, "uid": "n", "labels": {"posdeck/simulated": "true"}}}
            ),
        )
        app.router.add_get(
            "/api/v1/namespaces/kube-system", self._told({"metadata": {"name": "kube-system", "uid": "c"}})
        )
        app.router.add_get("/{path:.*}", self._empty)
        app.router.add_post("/{path:.*}", self._refuse)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._pipe.send(runner.addresses[0][1])
        asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._change)
        await asyncio.Event().wait()

    def _change(self) -> None:
        """Take an order from the pipe: a reason, and the pods that get it."""
        reason, indices = self._pipe.recv()
        for index in indices:
            raw = pod(index)
            self._version += 1
            raw["metadata"]["resourceVersion"] = str(self._version)
            raw["status"]["reason"] = reason
            body = self._pods[self._place[index]] = orjson.dumps(raw)
            for watcher in self._watchers:
                watcher.put_nowait(b'{"type":"MODIFIED","object":' + body + b"}\n")
        self._pipe.send(True)

    async def _pods_of(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("watch"):
            return await self._watch(request, pods=True)
        start, limit = int(request.query.get("continue", "0")), int(request.query.get("limit", "0"))
        end = min(start + (limit or len(self._pods)), len(self._pods))
        metadata: dict[str, Any] = {"resourceVersion": str(self._version)}
        if end < len(self._pods):
            metadata |= {"continue": str(end), "remainingItemCount": len(self._pods) - end}
        return _list(metadata, self._pods[start:end])

    async def _fixed_of(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("watch"):
            return await self._watch(request, pods=False)
        return _list({"resourceVersion": str(self._version)}, self._fixed[request.match_info["kind"]])

    async def _watch(self, request: web.Request, *, pods: bool) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        if pods:
            self._watchers.add(queue)
        try:
            async with asyncio.timeout(float(request.query.get("timeoutSeconds", "30"))):
                while True:
                    parts = [await queue.get()]
                    while not queue.empty():
                        parts.append(queue.get_nowait())
                    await response.write(b"".join(parts))
        except (TimeoutError, ConnectionResetError):
            pass  # the watch ends as the server's does, or its reader is gone
        finally:
            self._watchers.discard(queue)
        with contextlib.suppress(ConnectionResetError):
            await response.write_eof()
        return response

    @staticmethod
    def _told(document: dict[str, Any]) -> Any:
        async def answer(_request: web.Request) -> web.Response:
            return web.json_response(document)

        return answer

    async def _empty(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("watch"):
            return await self._watch(request, pods=False)
        if "metrics.k8s.io" in request.path:
            return web.json_response({"kind": "Status", "code": 404}, status=404)
        return _list({"resourceVersion": "1"}, [])

    async def _refuse(self, _request: web.Request) -> web.Response:
        return web.json_response({"kind": "Status", "code": 403, "reason": "Forbidden"}, status=403)


def _list(metadata: dict[str, Any], items: list[bytes]) -> web.Response:
    body = b'{"metadata":' + orjson.dumps(metadata) + b',"items":[' + b",".join(items) + b"]}"
    return web.Response(body=body, content_type="application/json")
