"""The command lines of the control plane's components."""

from __future__ import annotations

import sys
from pathlib import Path

Ports = dict[str, int]
PORT_NAMES = ("etcd", "peer", "api", "kcm", "scheduler", "kwok", "metrics", "http")
_CRDS = (
    "Stage,Attach,ClusterAttach,Exec,ClusterExec,PortForward,ClusterPortForward,Logs,ClusterLogs,"
    "ResourceUsage,ClusterResourceUsage,Metric"
)
# An hour of grace keeps the node that nobody runs, and its pods, as the tests left them.
_GRACE = "3600s"


def etcd(binary: Path, state: Path, ports: Ports) -> list[str]:
    client, peer = f"http://127.0.0.1:{ports['etcd']}", f"http://127.0.0.1:{ports['peer']}"
    flags = {
        "data-dir": state / "etcd",
        "unsafe-no-fsync": "true",
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
        "quota-backend-bytes": 4 << 30,
        "log-level": "warn",
    }
    return _command(binary, "etcd", flags)


def apiserver(binary: Path, state: Path, ports: Ports) -> list[str]:
    pki = state / "pki"
    flags = {
        "etcd-servers": f"http://127.0.0.1:{ports['etcd']}",
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "secure-port": ports["api"],
        "endpoint-reconciler-type": "none",
        "service-cluster-ip-range": "10.8.0.0/16",
        "authorization-mode": "Node,RBAC",
        "token-auth-file": pki / "tokens.csv",
        "client-ca-file": pki / "ca.crt",
        "tls-cert-file": pki / "apiserver.crt",
        "tls-private-key-file": pki / "apiserver.key",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": pki / "sa.pub",
        "service-account-signing-key-file": pki / "sa.key",
        "kubelet-client-certificate": pki / "apiserver-kubelet.crt",
        "kubelet-client-key": pki / "apiserver-kubelet.key",
        "kubelet-preferred-address-types": "InternalIP",
        "proxy-client-cert-file": pki / "front-proxy.crt",
        "proxy-client-key-file": pki / "front-proxy.key",
        "requestheader-client-ca-file": pki / "front-ca.crt",
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "event-ttl": "24h",
        "profiling": "false",
    }
    return _command(binary, "kube-apiserver", flags)


def controller_manager(binary: Path, state: Path, ports: Ports) -> list[str]:
    pki = state / "pki"
    flags = {
        **_kubeconfigs(state, "kcm"),
        "bind-address": "127.0.0.1",
        "secure-port": ports["kcm"],
        "leader-elect": "false",
        "use-service-account-credentials": "true",
        "service-account-private-key-file": pki / "sa.key",
        "root-ca-file": pki / "ca.crt",
        "cluster-signing-cert-file": pki / "ca.crt",
        "cluster-signing-key-file": pki / "ca.key",
        "controllers": "*,-nodeipam,-cloud-node-lifecycle,-service-lb-controller,-node-route-controller",
        "horizontal-pod-autoscaler-sync-period": "5s",
        "horizontal-pod-autoscaler-initial-readiness-delay": "5s",
        "horizontal-pod-autoscaler-cpu-initialization-period": "10s",
        "horizontal-pod-autoscaler-downscale-stabilization": "30s",
        "kube-api-qps": 400,
        "kube-api-burst": 800,
        "node-monitor-grace-period": _GRACE,
        "node-startup-grace-period": _GRACE,
    }
    return _command(binary, "kube-controller-manager", flags)


def scheduler(binary: Path, state: Path, ports: Ports) -> list[str]:
    flags = {
        **_kubeconfigs(state, "scheduler"),
        "bind-address": "127.0.0.1",
        "secure-port": ports["scheduler"],
        "leader-elect": "false",
        "kube-api-qps": 400,
        "kube-api-burst": 800,
    }
    return _command(binary, "kube-scheduler", flags)


def kwok(binary: Path, state: Path, ports: Ports) -> list[str]:
    flags = {
        "kubeconfig": state / "identities" / "admin.yaml",
        "manage-nodes-with-annotation-selector": "kwok.x-k8s.io/node=fake",
        "cidr": "10.0.0.1/16",
        "node-ip": "127.0.0.1",
        "node-port": ports["kwok"],
        "server-address": f"127.0.0.1:{ports['kwok']}",
        "tls-cert-file": state / "pki" / "kwok-server.crt",
        "tls-private-key-file": state / "pki" / "kwok-server.key",
        "node-lease-duration-seconds": 40,
        "enable-crds": _CRDS,
    }
    return _command(binary, "kwok", flags)


def metrics_server(binary: Path, state: Path, ports: Ports) -> list[str]:
    flags = {
        **_kubeconfigs(state, "admin"),
        "bind-address": "127.0.0.1",
        "secure-port": ports["metrics"],
        "cert-dir": state / "metrics-server",
        "kubelet-insecure-tls": "true",
        "kubelet-use-node-status-port": "true",
        "kubelet-preferred-address-types": "InternalIP",
        "metric-resolution": "10s",
        "kubelet-request-timeout": "5s",
        "node-selector": "type=kwok",
    }
    return _command(binary, "metrics-server", flags)


def http_server(state: Path, ports: Ports) -> list[str]:
    """What answers a request that is forwarded to a port of any pod."""
    where = ["--bind", "127.0.0.1", "--directory", str(state / "www"), str(ports["http"])]
    return [sys.executable, "-m", "http.server", *where]


def _kubeconfigs(state: Path, identity: str) -> dict[str, object]:
    path = state / "identities" / f"{identity}.yaml"
    return dict.fromkeys(("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"), path)


def _command(binary: Path, component: str, flags: dict[str, object]) -> list[str]:
    return [str(binary), component, *(f"--{name}={value}" for name, value in flags.items())]
