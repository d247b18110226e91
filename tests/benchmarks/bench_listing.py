"""What ten thousand pods cost: list, projection, snapshot, and the longest time the event loop was held.

Run with ``python tests/benchmarks/bench_listing.py [PODS]``. A server of our own on loopback serves pods of
about 4.9 KB in pages; it is a process of its own, so that only the reading side is measured.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import resource
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "tui"))


def pod(index: int) -> dict[str, Any]:
    """A pod as a busy cluster has it, managed fields and all."""
    name = f"spc--pos--be--consumer-{index % 40}--prod-7c9d8b6f5-{index:05d}"
    stamp = "2026-01-01T00:00:00Z"
    fields = {f"f:field{i}": {"f:inner": {}, "f:other": {'k:{"type":"Ready"}': {}}} for i in range(32)}
    conditions = [
        {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": stamp}
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
        "state": {"running": {"startedAt": stamp}}, "lastState": {},
    }  # fmt: skip
    owner = {"kind": "ReplicaSet", "name": name[:-6], "uid": f"rs-{index % 40}", "controller": True}
    return {
        "metadata": {
            "name": name, "uid": f"uid-{index}", "resourceVersion": str(1000 + index),
            "creationTimestamp": stamp,
            "labels": {"app": f"consumer-{index % 40}", "pod-template-hash": "7c9d8b6f5"},
            "ownerReferences": [owner], "managedFields": [{"manager": "kcm", "fieldsV1": fields}],
        },
        "spec": {"containers": [container], "nodeName": f"node-{index % 50}", "restartPolicy": "Always"},
        "status": {
            "phase": "Running", "podIP": "10.0.0.1", "qosClass": "Burstable", "conditions": conditions,
            "containerStatuses": [status],
        },
    }  # fmt: skip


def serve(total: int, pipe: Connection) -> None:
    """The server's process: tells its port, then serves until it is ended."""
    import orjson
    from aiohttp import web

    encoded = [orjson.dumps(pod(index)) for index in range(total)]

    async def listing(request: web.Request) -> web.Response:
        start = int(request.query.get("continue", "0"))
        limit = int(request.query.get("limit", "0")) or total
        end = min(start + limit, total)
        metadata: dict[str, Any] = {"resourceVersion": "99999"}
        if end < total:
            metadata |= {"continue": str(end), "remainingItemCount": total - end}
        body = (
            b'{"metadata":' + orjson.dumps(metadata) + b',"items":[' + b",".join(encoded[start:end]) + b"]}"
        )
        return web.Response(body=body, content_type="application/json")

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/api/v1/namespaces/n/pods", listing)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        pipe.send((runner.addresses[0][1], len(encoded[0])))
        await asyncio.Event().wait()

    asyncio.run(run())


async def measure(port: int) -> dict[str, float]:
    """One cold list into a fresh store; seconds, and what was the worst hold of the loop."""
    from posdeck.clock import SystemClock
    from posdeck.cluster.connection import connect
    from posdeck.cluster.kubeconfig import Server, Target, User
    from posdeck.cluster.lineage import Lineage
    from posdeck.cluster.snapshot import Kind
    from posdeck.cluster.store import Store
    from posdeck.cluster.watching import Watcher

    target = Target("c", "n", Server(f"http://127.0.0.1:{port}"), User())
    transport = await connect(target)
    store = Store(SystemClock())
    origin = Lineage(transport, target, store, SystemClock()).origin()
    watcher = Watcher(Kind.PODS, transport, "n", store, SystemClock(), origin=origin)
    worst = first = 0.0
    listing = asyncio.ensure_future(watcher._list())
    began = before = time.perf_counter()
    while not listing.done():
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        worst, before = max(worst, now - before - 0.001), now
        if not first and store.snapshot().pods:
            first = now - began
    took = time.perf_counter() - began
    listing.result()
    began = time.perf_counter()
    store.put(Kind.PODS, next(iter(store.snapshot().pods.values())))
    record = next(iter(store.snapshot().pods.values()))
    store.remove(Kind.PODS, record.name, record.uid)
    snapshot = store.snapshot()
    tick = time.perf_counter() - began
    await transport.close()
    return {
        "list": took,
        "first page": first,
        "worst hold": worst,
        "snapshot": tick,
        "pods": len(snapshot.pods),
    }


def main() -> None:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(total, theirs), daemon=True)
    server.start()
    port, size = ours.recv()
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{total} pods of {size} bytes")
    for run in range(3):
        found = asyncio.run(measure(port))
        gc.collect()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"run {run + 1}: list {found['list']:.2f} s, first page {found['first page']:.2f} s, worst hold "
            f"{found['worst hold'] * 1000:.0f} ms, snapshot {found['snapshot'] * 1000:.1f} ms, "
            f"peak memory {peak:.0f} MB (before: {base:.0f} MB)"
        )
    server.terminate()
    server.join()


if __name__ == "__main__":
    main()
