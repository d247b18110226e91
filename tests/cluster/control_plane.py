"""A real control plane on loopback for the tests: etcd, kube-apiserver, controller manager, scheduler, kwok
and metrics-server in one folder, gone when the last pytest worker is.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.cluster import components, identities
from tests.cluster.api import Api, ApiError, wait_until
from tests.cluster.supervision import Supervised

NODES = ("kwok-1", "kwok-2", "kwok-3")
BARE_NODE = "bare"  # nobody runs it: a pod bound to it keeps the status that a test gives it


class ControlPlane:
    """A running control plane. ``api`` asks it as administrator."""

    def __init__(self, state: Path, binary: Path, ports: components.Ports, supervised: Supervised) -> None:
        self.state = state
        self.binary = binary
        self.ports = ports
        self.supervised = supervised
        self.api = Api(ports["api"], self.ca_path, self.token)

    @property
    def server(self) -> str:
        return f"https://127.0.0.1:{self.ports['api']}"

    @property
    def ca_path(self) -> Path:
        return self.state / "pki" / "ca.crt"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.identity("admin")

    @property
    def token(self) -> str:
        """A bearer token of an administrator."""
        return identities.ADMIN_TOKEN

    def identity(self, name: str, namespace: str = "") -> Path:
        """The kubeconfig of an identity, its context in ``namespace`` where one is given.

        ``admin`` and ``operator2`` have a certificate; ``admin-token``, ``viewer``, ``viewer-no-metrics``,
        ``operator`` and ``nobody`` a token; ``viewer-exec`` a credential plugin.
        """
        path = self.state / "identities" / f"{name}.yaml"
        if not path.exists():
            raise ValueError(
                f"no identity {name}; there are {sorted(p.stem for p in path.parent.glob('*.yaml'))}"
            )
        return identities.with_namespace(path, namespace) if namespace else path

    def kubectl(
        self, *arguments: str, identity: str = "admin", input: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the machine's kubectl, or the one built with the control plane, as ``identity``."""
        found = shutil.which("kubectl")
        command = [found] if found else [str(self.binary), "kubectl"]
        command += ["--kubeconfig", str(self.identity(identity)), *arguments]
        return subprocess.run(command, input=input, capture_output=True, text=True, timeout=120, check=False)

    def own(self, *arguments: str) -> str:
        """What a subcommand of the built binary prints."""
        done = subprocess.run([str(self.binary), *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    # Namespaces

    def create_namespace(self, name: str = "") -> str:
        """A namespace in which viewers and operators have their roles, and pods can be created at once."""
        name = name or f"t-{uuid.uuid4().hex[:10]}"
        self.api.create("/api/v1/namespaces", {"metadata": {"name": name}})
        for role, groups in identities.BINDINGS.items():
            binding = {
                "metadata": {"name": role},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                "subjects": [
                    {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": g} for g in groups
                ],
            }
            self.api.create(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{name}/rolebindings", binding)
        account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        wait_until(lambda: self.api.exists(account), f"the service account of {name}")
        # The authorizer follows the bindings with a delay; a test's first request must not be refused for it.
        wait_until(lambda: self.allowed("operator", "delete", "pods", name), f"the roles in {name}")
        wait_until(
            lambda: self.allowed("viewer", "list", "pods", name, "metrics.k8s.io"), f"the roles in {name}"
        )
        return name

    def delete_namespace(self, name: str, *, wait: bool = False) -> None:
        """Delete a namespace with all in it; pods on the bare node, which no kubelet ends, at once."""
        pods = f"/api/v1/namespaces/{name}/pods"
        for pod in self.api.get(pods)["items"]:
            if pod["metadata"].get("finalizers"):
                self.api.patch(f"{pods}/{pod['metadata']['name']}", {"metadata": {"finalizers": None}})
        self.api.delete(f"{pods}?gracePeriodSeconds=0")
        self.api.delete(f"/api/v1/namespaces/{name}")
        if wait:
            wait_until(
                lambda: not self.api.exists(f"/api/v1/namespaces/{name}"), f"the end of {name}", within=90
            )

    def allowed(self, user: str, verb: str, resource: str, namespace: str, group: str = "") -> bool:
        """Whether ``user`` (the name of a token identity) may do this, as the server decides it."""
        groups = identities.groups(user)
        attributes = {"verb": verb, "resource": resource, "namespace": namespace, "group": group}
        review = {"spec": {"user": user, "groups": groups, "resourceAttributes": attributes}}
        answer = self.api.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        return bool(answer["status"].get("allowed"))

    # Logs

    def set_logs(
        self,
        namespace: str,
        pod: str,
        lines: Iterable[str],
        *,
        previous: Iterable[str] = (),
        start: datetime | None = None,
    ) -> None:
        """What ``kubectl logs`` (and ``--previous``) gives for ``pod``, instead of what it gave before.

        ``lines`` are one second apart; the last one is from now, unless ``start`` dates the first.
        """
        written = list(lines)
        current = self._log_file(namespace, pod, "current")
        before = self._log_file(namespace, pod, "previous")
        current.parent.mkdir(parents=True, exist_ok=True)
        _write_log(before, list(previous), start)
        _write_log(current, written, start)
        path = f"/apis/kwok.x-k8s.io/v1alpha1/namespaces/{namespace}/logs"
        if not self.api.exists(f"{path}/{pod}"):
            log = {"logsFile": str(current), "previousLogsFile": str(before), "follow": True}
            body = {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Logs", "metadata": {"name": pod}}
            self.api.create(path, {**body, "spec": {"logs": [log]}})
        # kwok learns of the new object by a watch.
        log_path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        wait_until(lambda: self.api.text(log_path).splitlines() == written, f"the logs of {pod}")

    def set_default_logs(self) -> None:
        """The logs of every pod that has none of its own."""
        for which in ("default", "previous"):
            _write_log(self.state / "logs" / f"{which}.log", [f"{which} line {i}" for i in range(1, 6)], None)

    def append_log(self, namespace: str, pod: str, line: str) -> None:
        """One more line, now, for a pod whose logs were set; those who follow see it."""
        with self._log_file(namespace, pod, "current").open("a") as file:
            file.write(_cri(datetime.now(UTC), line))

    def rotate_log(self, namespace: str, pod: str) -> None:
        """Move the log aside and begin a new one, as the node does with a full one while it is followed."""
        current = self._log_file(namespace, pod, "current")
        current.rename(current.with_suffix(".log.1"))
        current.touch()

    def restart_container(self, namespace: str, pod: str) -> None:
        """End the container and begin it anew: its log becomes the previous one, its restart count grows."""
        current = self._log_file(namespace, pod, "current")
        current.replace(self._log_file(namespace, pod, "previous"))
        current.touch()
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}"
        statuses = self.api.get(path)["status"]["containerStatuses"]
        for status in statuses:
            status["restartCount"] += 1
        self.api.patch(f"{path}/status", {"status": {"containerStatuses": statuses}})

    def _log_file(self, namespace: str, pod: str, which: str) -> Path:
        return self.state / "logs" / namespace / f"{pod}.{which}.log"

    # Load and faults

    def wait_for_metrics(self, namespace: str, *, pods: int = 1) -> None:
        """Wait until metrics-server has readings of at least ``pods`` pods (some 30 s after they started)."""
        path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods"

        def enough() -> bool:
            try:
                return len(self.api.get(path)["items"]) >= pods
            except ApiError as error:
                if error.code in (404, 503):
                    return False
                raise

        wait_until(enough, f"metrics of {pods} pods in {namespace}", within=120)

    def stop_apiserver(self, *, graceful: bool = False) -> None:
        """End kube-apiserver, as by a crash unless ``graceful``."""
        self.supervised.stop("kube-apiserver", signal.SIGTERM if graceful else signal.SIGKILL)
        self.api.close()

    def start_apiserver(self) -> None:
        """Start kube-apiserver on the same port and wait until it is ready."""
        self.supervised.start("kube-apiserver", components.apiserver(self.binary, self.state, self.ports))
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until kube-apiserver says that it is ready."""
        wait_until(self._ready, "kube-apiserver ready", within=90)

    def close(self) -> None:
        """Leave it; it ends when nobody is left."""
        self.api.close()
        self.supervised.close()

    def _ready(self) -> bool:
        self.supervised.check("kube-apiserver")
        try:
            self.api.get("/readyz")
        except (OSError, ApiError):
            return False
        return True


def _write_log(path: Path, lines: list[str], start: datetime | None) -> None:
    first = start or datetime.now(UTC) - timedelta(seconds=max(0, len(lines) - 1))
    path.write_text("".join(_cri(first + timedelta(seconds=i), line) for i, line in enumerate(lines)))


def _cri(moment: datetime, line: str) -> str:
    """A line as container runtimes store it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z stdout F {line}\n"
