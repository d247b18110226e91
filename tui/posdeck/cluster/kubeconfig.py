"""kubectl's own rules for which server to talk to, and as whom.

Differing from kubectl here would mean acting on another cluster than the engineer's shell does, so
precedence, merging and the resolving of relative paths follow client-go's ``tools/clientcmd``.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posdeck.cluster.kubeconfig_files import Entry, File, read_files
from posdeck.errors import ConfigurationError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
IN_CLUSTER = "in-cluster"


@dataclass(frozen=True, slots=True)
class ExecSpec:
    """A credential plugin: a command that prints an ExecCredential."""

    command: str
    api_version: str
    args: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    install_hint: str = ""
    interactive_mode: str = "IfAvailable"
    provide_cluster_info: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """The API server's address and how its certificate is checked; ``ca`` is PEM, None the system's own."""

    url: str
    ca: bytes | None = None
    tls_server_name: str = ""
    insecure: bool = False
    proxy_url: str = ""
    disable_compression: bool = False
    plugin_config: Mapping[str, Any] | None = None  # the extension handed to exec plugins


@dataclass(frozen=True, slots=True)
class User:
    """Whom we are to be. Secrets stay out of ``repr``."""

    name: str = ""
    certificate: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)
    token: str = field(default="", repr=False)
    token_file: Path | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    exec: ExecSpec | None = None
    auth_provider: str = ""
    auth_config: Mapping[str, str] = field(default_factory=dict, repr=False)
    impersonate: tuple[tuple[str, str], ...] = ()  # header, value


@dataclass(frozen=True, slots=True)
class Target:
    """One resolved context: everything that is needed to connect, and nothing else."""

    context: str
    namespace: str
    server: Server
    user: User
    sources: tuple[Path, ...] = ()
    in_cluster: bool = False


def load_target(
    kubeconfig: Path | None = None,
    context: str | None = None,
    namespace: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    service_account: Path = SERVICE_ACCOUNT,
) -> Target:
    """The context that kubectl would use with these options.

    ``kubeconfig`` is ``--kubeconfig`` and must exist; without it the files of ``$KUBECONFIG`` are merged (the
    first file to set a value wins, missing files are skipped), else ``~/.kube/config`` is read, else the
    service account of the pod we run in is used. Raises ConfigurationError with file and line.
    """
    environ = os.environ if environ is None else environ
    files = read_files(_paths(kubeconfig, environ), must_exist=kubeconfig is not None)
    contexts = _merged(files, "contexts", "context")
    current = context or next((f.current_context for f in files if f.current_context), "")
    if not current and not contexts and kubeconfig is None and "KUBERNETES_SERVICE_HOST" in environ:
        return _in_cluster(environ, namespace, service_account)
    return _resolved(files, context, namespace)


def reload_target(target: Target) -> Target:
    """The same context and namespace as the same files have them now. Raises ConfigurationError."""
    return _resolved(read_files(list(target.sources), must_exist=True), target.context, target.namespace)


def _resolved(files: list[File], context: str | None, namespace: str | None) -> Target:
    """The target of a context of these files, by default of the current one."""
    clusters, users = _merged(files, "clusters", "cluster"), _merged(files, "users", "user")
    contexts = _merged(files, "contexts", "context")
    current = context or next((f.current_context for f in files if f.current_context), "")
    entry = _chosen_context(files, contexts, current, explicit=bool(context))
    cluster_name, user_name = entry.text("cluster"), entry.text("user")
    if cluster_name not in clusters:
        raise entry.error(
            "cluster", f"context {current!r} names the cluster {cluster_name!r}, which is not defined",
            f"Defined clusters: {_names(clusters)}",
        )  # fmt: skip
    if user_name and user_name not in users:
        raise entry.error(
            "user", f"context {current!r} names the user {user_name!r}, which is not defined",
            f"Defined users: {_names(users)}",
        )  # fmt: skip
    return Target(
        context=current,
        namespace=namespace or entry.text("namespace") or "default",
        server=_server(clusters[cluster_name]),
        user=_user(users[user_name]) if user_name else User(),
        sources=tuple(f.path for f in files),
    )


def context_names(kubeconfig: Path | None = None, *, environ: Mapping[str, str] | None = None) -> list[str]:
    """The contexts there are to choose from, in the order of the files."""
    paths = _paths(kubeconfig, os.environ if environ is None else environ)
    return list(_merged(read_files(paths, must_exist=kubeconfig is not None), "contexts", "context"))


def _paths(kubeconfig: Path | None, environ: Mapping[str, str]) -> list[Path]:
    if kubeconfig is not None:
        return [kubeconfig.expanduser()]
    named = [Path(part) for part in environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    if named:
        return list(dict.fromkeys(named))
    home = environ.get("HOME")
    return [(Path(home) if home else Path.home()) / ".kube" / "config"]


def _merged(files: list[File], section: str, inner: str) -> dict[str, Entry]:
    merged: dict[str, Entry] = {}
    for file in files:
        for name, entry in file.entries(section, inner).items():
            merged.setdefault(name, entry)
    return merged


def _names(entries: Mapping[str, Entry]) -> str:
    return ", ".join(sorted(entries)) or "none"


def _chosen_context(files: list[File], contexts: dict[str, Entry], current: str, *, explicit: bool) -> Entry:
    if current in contexts:
        return contexts[current]
    where = " and ".join(str(f.path) for f in files)
    if not files:
        raise ConfigurationError(
            "kubeconfig", "there is none", "Set KUBECONFIG, pass --kubeconfig FILE, or write ~/.kube/config."
        )
    if not current:
        raise ConfigurationError(
            where, "no current context is set", f"Pass --context NAME. Defined contexts: {_names(contexts)}"
        )
    if not explicit:
        source = next(f for f in files if f.current_context)
        where = f"{source.path}:{source.line('current-context')}"
    raise ConfigurationError(
        where, f"the context {current!r} is not defined", f"Defined contexts: {_names(contexts)}"
    )


def _server(entry: Entry) -> Server:
    url = entry.text("server").rstrip("/")
    if not url.startswith(("https://", "http://")):
        raise entry.error(
            "server", f"the server {url!r} is no http or https address", "Write https://HOST:PORT."
        )
    insecure = entry.flag("insecure-skip-tls-verify")
    ca = _bytes(entry, "certificate-authority")
    if insecure and ca is not None:
        raise entry.error(
            "insecure-skip-tls-verify", "it cannot be set together with a certificate authority",
            "Remove insecure-skip-tls-verify.",
        )  # fmt: skip
    proxy = entry.text("proxy-url")
    if proxy and not proxy.startswith(("http://", "https://")):
        raise entry.error("proxy-url", f"the proxy {proxy!r} is not supported", "Use an http or https proxy.")
    return Server(
        url=url,
        ca=ca,
        tls_server_name=entry.text("tls-server-name"),
        insecure=insecure,
        proxy_url=proxy,
        disable_compression=entry.flag("disable-compression"),
        plugin_config=_plugin_config(entry),
    )


def _plugin_config(entry: Entry) -> Mapping[str, Any] | None:
    for extension in entry.mappings("extensions"):
        if extension.get("name") == "client.authentication.k8s.io/exec":
            config = extension.get("extension")
            return config if isinstance(config, dict) else None
    return None


def _user(entry: Entry) -> User:
    certificate, key = _bytes(entry, "client-certificate"), _bytes(entry, "client-key")
    if (certificate is None) != (key is None):
        missing = "client-key" if key is None else "client-certificate"
        raise entry.error("", f"user {entry.name!r} has no {missing}", "A client certificate needs its key.")
    token_file = entry.text("tokenFile")
    provider, config = _auth_provider(entry)
    plugin = _exec(entry)
    if plugin is not None and provider:
        raise entry.error("exec", f"user {entry.name!r} has both exec and auth-provider", "Keep exec.")
    return User(
        name=entry.name,
        certificate=certificate,
        key=key,
        token=entry.text("token").strip(),
        token_file=entry.resolve(token_file) if token_file else None,
        username=entry.text("username"),
        password=entry.text("password"),
        exec=plugin,
        auth_provider=provider,
        auth_config=config,
        impersonate=_impersonation(entry),
    )


def _auth_provider(entry: Entry) -> tuple[str, dict[str, str]]:
    provider = entry.mapping("auth-provider")
    if not provider:
        return "", {}
    name = str(provider.get("name") or "")
    if name != "oidc":
        plugin = {"gcp": "gke-gcloud-auth-plugin", "azure": "kubelogin"}.get(name, "an exec plugin")
        raise entry.error(
            "auth-provider", f"the auth provider {name!r} is not supported (kubectl dropped it too)",
            f"Use {plugin} under exec instead.",
        )  # fmt: skip
    config = provider.get("config")
    found = {str(k): str(v) for k, v in config.items()} if isinstance(config, dict) else {}
    return name, found


def _impersonation(entry: Entry) -> tuple[tuple[str, str], ...]:
    user = entry.text("as")
    if not user:
        return ()
    headers = [("Impersonate-User", user)]
    if uid := entry.text("as-uid"):
        headers.append(("Impersonate-Uid", uid))
    headers += [("Impersonate-Group", group) for group in entry.texts("as-groups")]
    for key, values in entry.mapping("as-user-extra").items():
        headers += [(f"Impersonate-Extra-{key}", str(value)) for value in values or ()]
    return tuple(headers)


def _exec(entry: Entry) -> ExecSpec | None:
    plugin = entry.mapping("exec")
    if not plugin:
        return None
    command, version = plugin.get("command"), plugin.get("apiVersion")
    if not isinstance(command, str) or not command:
        raise entry.error("exec", "the exec plugin has no command", "Write exec.command.")
    known = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
    if version not in known:
        raise entry.error(
            "exec", f"the exec plugin's apiVersion {version!r} is not supported",
            f"Update the plugin's entry to {known[0]}.",
        )  # fmt: skip
    mode = plugin.get("interactiveMode") or "IfAvailable"
    if mode not in ("Never", "IfAvailable", "Always"):
        raise entry.error("exec", f"interactiveMode {mode!r} is unknown", "Use Never, IfAvailable or Always.")
    if "/" in command:  # a relative path is meant from the file's folder, a bare name from PATH
        command = str(entry.resolve(command))
    return ExecSpec(
        command=command,
        api_version=version,
        args=tuple(str(a) for a in plugin.get("args") or ()),
        environment=tuple(
            (str(e.get("name")), str(e.get("value"))) for e in plugin.get("env") or () if isinstance(e, dict)
        ),
        install_hint=str(plugin.get("installHint") or ""),
        interactive_mode=mode,
        provide_cluster_info=plugin.get("provideClusterInfo") is True,
    )


def _bytes(entry: Entry, key: str) -> bytes | None:
    """The content of ``key``-data, else of the file named by ``key``; data wins, as with kubectl."""
    if inline := entry.text(f"{key}-data"):
        try:
            return base64.b64decode(inline, validate=False)
        except (binascii.Error, ValueError) as error:
            raise entry.error(f"{key}-data", f"{key}-data is not base64 ({error})", "") from None
    name = entry.text(key)
    if not name:
        return None
    path = entry.resolve(name)
    try:
        return path.read_bytes()
    except OSError as error:
        raise entry.error(key, f"{key} {path} cannot be read ({error.strerror})", "") from None


def _in_cluster(environ: Mapping[str, str], namespace: str | None, account: Path) -> Target:
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT") or "443"
    if ":" in host:
        host = f"[{host}]"
    try:
        ca = (account / "ca.crt").read_bytes()
        (account / "token").read_bytes()
        own = (account / "namespace").read_text().strip() if (account / "namespace").exists() else ""
    except OSError as error:
        raise ConfigurationError(
            str(error.filename),
            f"no kubeconfig, and the pod's service account cannot be read ({error.strerror})",
            "Pass --kubeconfig FILE, or mount the service account's token.",
        ) from None  # fmt: skip
    return Target(
        context=IN_CLUSTER,
        namespace=namespace or own or "default",
        server=Server(url=f"https://{host}:{port}", ca=ca),
        user=User(name="service account", token_file=account / "token"),
        sources=(account,),
        in_cluster=True,
    )
