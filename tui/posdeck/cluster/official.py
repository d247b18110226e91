"""The path through the official client, ``kubernetes.aio``: its loaders and its transport, raw bytes.

Taken where its loaders know more than we do: inside a cluster, and for the oidc auth provider.
"""

from __future__ import annotations

import re
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from multidict import CIMultiDict

from posdeck.cluster.credentials import Credential, Credentials
from posdeck.cluster.exchange import CONNECT_TIMEOUT, Exchange, let_sockets_close
from posdeck.cluster.kubeconfig import Target
from posdeck.cluster.tls import is_loopback
from posdeck.errors import AuthExpiredError, ConfigurationError

_JSON_LIKE = re.compile("json", re.IGNORECASE)


class OfficialTransport(Exchange):
    """A transport on an ``ApiClient`` of the official package. Made by ``open_official``."""

    def __init__(self, target: Target, credentials: Credentials, client: Any) -> None:
        super().__init__(target.server.url, credentials)
        self._target = target.server
        self._client = client
        self._retired: list[aiohttp.ClientSession] = []
        self._compress = not target.server.disable_compression and not is_loopback(target.server.url)

    async def _open(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, credential: Credential
    ) -> aiohttp.ClientResponse:
        sent = await self._signed(headers, credential)
        content: Any = body
        kind = sent.get("Content-Type", "")
        if body is not None and (_JSON_LIKE.search(kind) or kind == "application/apply-patch+yaml"):
            content = orjson.loads(body)  # the client serialises these kinds itself
        answer = await self._client.rest_client.request(
            method, url, headers=sent, body=content,
            _request_timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
        )  # fmt: skip
        response = answer.response
        assert isinstance(response, aiohttp.ClientResponse)  # for the type checker
        return response

    async def _open_websocket(
        self, url: str, protocols: Sequence[str], credential: Credential
    ) -> aiohttp.ClientWebSocketResponse:
        rest = self._client.rest_client
        if rest.pool_manager is None:
            rest.pool_manager = rest._create_pool_manager()  # as the client's own WsApiClient does
        options: dict[str, Any] = {"proxy": rest.proxy} if rest.proxy else {}
        if self._target.tls_server_name:
            options["server_hostname"] = self._target.tls_server_name
        socket = await rest.pool_manager.ws_connect(
            url, headers=await self._signed({}, credential), protocols=protocols,
            max_msg_size=0, heartbeat=20.0, **options,
        )  # fmt: skip
        assert isinstance(socket, aiohttp.ClientWebSocketResponse)  # for the type checker
        return socket

    async def _tls(self) -> tuple[ssl.SSLContext, str]:
        context = self._client.rest_client.ssl_context
        assert isinstance(context, ssl.SSLContext)  # for the type checker
        return context, self._target.tls_server_name

    def doubt(self) -> None:
        rest = self._client.rest_client
        if rest.pool_manager is not None:  # the client makes a new one when it is asked again
            self._retired.append(rest.pool_manager)
            rest.pool_manager = None

    async def close(self) -> None:
        for pool in self._retired:
            await pool.close()
        self._retired.clear()
        await self._client.close()
        await let_sockets_close()

    async def _signed(self, headers: Mapping[str, str], credential: Credential) -> CIMultiDict[str]:
        sent: CIMultiDict[str] = CIMultiDict(headers)
        sent["User-Agent"] = "posdeck"
        if not self._compress:
            sent["Accept-Encoding"] = "identity"
        plain: dict[str, str] = {}
        await self._client.update_params_for_auth(plain, [], ["BearerToken"], "", "", None)
        sent.extend(plain)
        sent.extend(
            (k, v) for k, v in credential.headers if k != "Authorization" or "authorization" not in sent
        )
        return sent


class _LoaderCredentials:
    """Tokens that the client's own loader keeps (in cluster, oidc)."""

    def __init__(self, target: Target, configuration: Any, reload: Any) -> None:
        self._credential = Credential(target.user.impersonate)
        self._configuration = configuration
        self._reload = reload

    async def current(self) -> Credential:
        return self._credential

    async def renew(self, refused: Credential) -> Credential | None:
        before = self._configuration.api_key.get("BearerToken")
        await self._reload()
        changed = self._configuration.api_key.get("BearerToken") != before
        return self._credential if changed else None


async def open_official(target: Target, credentials: Credentials) -> OfficialTransport:
    """A transport through the official client. ``credentials`` sign what the client's own loaders do not."""
    from kubernetes.aio import client as kubernetes_client
    from kubernetes.aio.config import kube_config

    configuration = kubernetes_client.Configuration()
    configuration.disable_strict_ssl_verification = True  # as kubectl and the direct path
    configuration.retries = None
    with tempfile.TemporaryDirectory(prefix="posdeck-") as folder:
        if target.in_cluster:
            chosen: Credentials = _in_cluster(target, configuration)
        else:
            credential = Credential() if target.user.auth_provider else await credentials.current()
            document = _document(target, credential, Path(folder))

            async def load() -> None:
                try:
                    await kube_config.load_kube_config_from_dict(document, client_configuration=configuration)
                except Exception as error:  # the loader raises whatever its parts raise; all mean "no login"
                    raise AuthExpiredError(
                        f"user {target.user.name}",
                        f"the login could not be loaded ({error})",
                        "Log in again.",
                    ) from error

            await load()
            chosen = (
                _LoaderCredentials(target, configuration, load) if target.user.auth_provider else credentials
            )
            if not target.user.auth_provider:
                configuration.api_key.pop("BearerToken", None)  # the placeholder of _document
        try:
            made = kubernetes_client.ApiClient(configuration)
        except (ssl.SSLError, OSError) as error:
            raise ConfigurationError(
                target.server.url, f"the certificates cannot be used ({error})", "Check the kubeconfig."
            ) from error
    return OfficialTransport(target, chosen, made)


def _in_cluster(target: Target, configuration: Any) -> Credentials:
    from urllib.parse import urlsplit

    from kubernetes.aio.config import incluster_config

    account = target.sources[0]
    parts = urlsplit(target.server.url)
    loader = incluster_config.InClusterConfigLoader(
        token_filename=str(account / "token"), cert_filename=str(account / "ca.crt"),
        environ={
            "KUBERNETES_SERVICE_HOST": parts.hostname, "KUBERNETES_SERVICE_PORT": str(parts.port or 443),
        },
    )  # fmt: skip
    loader.load_and_set(configuration)

    async def reload() -> None:
        loader._read_token_file()
        loader._set_config(configuration)

    return _LoaderCredentials(target, configuration, reload)


def _document(target: Target, credential: Credential, folder: Path) -> dict[str, Any]:
    """A kubeconfig of one context; certificates lie in ``folder`` only while the client reads them, since the
    client would keep its own copies of inline ones on disk until the process ends."""
    server = target.server
    cluster: dict[str, Any] = {"server": server.url, "insecure-skip-tls-verify": server.insecure}
    if server.ca is not None:
        cluster["certificate-authority"] = _written(folder / "ca.crt", server.ca)
    if server.tls_server_name:
        cluster["tls-server-name"] = server.tls_server_name
    if server.proxy_url:
        cluster["proxy-url"] = server.proxy_url
    user: dict[str, Any] = {"token": "unused"}  # signed by our credentials; the loader wants some login
    if credential.certificate is not None and credential.key is not None:
        user["client-certificate"] = _written(folder / "client.crt", credential.certificate)
        user["client-key"] = _written(folder / "client.key", credential.key)
    if target.user.auth_provider:
        user = {"auth-provider": {"name": target.user.auth_provider, "config": dict(target.user.auth_config)}}
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }  # fmt: skip


def _written(path: Path, content: bytes) -> str:
    path.touch(mode=0o600)
    path.write_bytes(content)
    return str(path)
