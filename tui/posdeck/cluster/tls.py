"""How the API server is reached and its certificate checked, whichever client asks: TLS, proxy, loopback."""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterator
from urllib.parse import urlsplit

from posdeck.cluster.credentials import Credential
from posdeck.cluster.kubeconfig import Server
from posdeck.errors import ConfigurationError


def tls_context(server: Server, credential: Credential) -> ssl.SSLContext:
    """How the server's certificate is checked, and our own shown. Raises ConfigurationError."""
    try:
        cadata = server.ca.decode("ascii") if server.ca is not None else None
        context = ssl.create_default_context(cadata=cadata)
    except (ssl.SSLError, UnicodeDecodeError, ValueError) as error:
        raise ConfigurationError(
            server.url,
            f"the certificate authority is not a PEM certificate ({error})",
            "Check the kubeconfig.",
        ) from None
    # Python 3.13 asks for extensions that many clusters' own authorities lack; kubectl does not.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if server.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if credential.certificate is not None and credential.key is not None:
        try:
            with _readable(credential.certificate + b"\n" + credential.key) as path:
                context.load_cert_chain(path)
        except (ssl.SSLError, OSError) as error:
            raise ConfigurationError(
                server.url,
                f"the client certificate and key do not fit together ({error})",
                "Check the kubeconfig.",
            ) from None
    return context


@contextlib.contextmanager
def _readable(content: bytes) -> Iterator[str]:
    """A path where OpenSSL can read ``content``: a key touches a disk only where there is no memfd."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("posdeck", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile(prefix="posdeck-") as file:  # 0600, gone in a moment
        file.write(content)
        file.flush()
        yield file.name


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def proxy_for(server: Server) -> str:
    """The proxy for a server: the kubeconfig's, else the environment's, "" for none; never for loopback."""
    if server.proxy_url:
        return server.proxy_url
    if is_loopback(server.url):
        return ""
    from urllib import request as environment

    parts = urlsplit(server.url)
    bypassed = environment.proxy_bypass_environment(parts.netloc)  # type: ignore[attr-defined]
    if bypassed:
        return ""
    return environment.getproxies_environment().get(parts.scheme, "")
