"""Certificates and keys of a throw-away control plane, made with openssl on elliptic curves (RSA is slow)."""

from __future__ import annotations

import subprocess
from pathlib import Path

_CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
_SERVER_NAMES = (
    "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.8.0.1"
)
_CLIENTS = {
    "apiserver-kubelet": ("ca", "/O=system:masters/CN=kube-apiserver-kubelet-client"),
    "front-proxy": ("front-ca", "/CN=front-proxy-client"),
    "admin": ("ca", "/O=system:masters/CN=admin"),
    "kcm": ("ca", "/CN=system:kube-controller-manager"),
    "scheduler": ("ca", "/CN=system:kube-scheduler"),
    "operator2": ("ca", "/O=posdeck:operators/CN=operator2"),
}


def make(folder: Path) -> None:
    """Write ``NAME.crt`` and ``NAME.key`` of the authorities, the servers and the clients into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for authority in ("ca", "front-ca"):
        _openssl(
            folder,
            *("req", "-x509", *_CURVE, "-days", "3650", "-subj", f"/CN=kubebench-{authority}"),
            *("-keyout", f"{authority}.key", "-out", f"{authority}.crt"),
            *("-addext", "basicConstraints=critical,CA:true"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature"),
        )
    names = f"extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName={_SERVER_NAMES}\n"
    for server in ("apiserver", "kwok-server"):
        _certificate(folder, server, "ca", f"/CN={server}", names)
    for client, (authority, subject) in _CLIENTS.items():
        _certificate(folder, client, authority, subject, "extendedKeyUsage=clientAuth\n")
    _openssl(folder, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "sa.key")
    _openssl(folder, "ec", "-in", "sa.key", "-pubout", "-out", "sa.pub")


def _certificate(folder: Path, name: str, authority: str, subject: str, extensions: str) -> None:
    (folder / f"{name}.ext").write_text(f"keyUsage=critical,digitalSignature\n{extensions}")
    _openssl(folder, "req", *_CURVE, "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.csr")
    _openssl(
        folder,
        *("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key"),
        *("-CAcreateserial", "-days", "3650", "-out", f"{name}.crt", "-extfile", f"{name}.ext"),
    )


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
