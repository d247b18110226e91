"""When credentials end is read from them where it stands there, and nothing else is taken for it."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posdeck.cluster.expiry import certificate_end, expiries, token_end
from posdeck.cluster.kubeconfig import ExecSpec, Server, Target, User

ENDS = datetime(2026, 12, 24, 18, 0, tzinfo=UTC)


def _token(claims: object) -> str:
    parts = [json.dumps(each).encode() for each in ({"alg": "RS256"}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(p).rstrip(b"=").decode() for p in parts), "c2ln"])


def _certificate() -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "alice")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, ENDS - timedelta(days=30), ENDS)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _target(user: User) -> Target:
    return Target("context", "spc--pos", Server("https://127.0.0.1:6443"), user)


def test_a_token_says_when_it_ends() -> None:
    found = expiries(_target(User(token=_token({"exp": ENDS.timestamp()}))))
    assert found == {"token": ENDS}


def test_a_client_certificate_says_when_it_ends() -> None:
    assert expiries(_target(User(certificate=_certificate()))) == {"client certificate": ENDS}


def test_both_are_told() -> None:
    user = User(certificate=_certificate(), token=_token({"exp": 1}))
    assert set(expiries(_target(user)) or ()) == {"client certificate", "token"}


@pytest.mark.parametrize(
    "user",
    [
        User(),
        User(token="opaque"),
        User(token=_token({"sub": "x"})),
        User(certificate=b"no certificate"),
        User(auth_provider="oidc"),
    ],
)
def test_what_cannot_be_known_is_not_said_to_be_endless(user: User) -> None:
    assert expiries(_target(user)) is None


@pytest.mark.parametrize(
    "user",
    [User(token_file=Path("/token")), User(exec=ExecSpec("login", api_version="v1")), User(username="alice")],
)
def test_what_renews_itself_or_has_no_end_is_nothing_to_warn_of(user: User) -> None:
    assert expiries(_target(user)) == {}


def test_in_a_pod_the_token_is_renewed() -> None:
    assert expiries(replace(_target(User()), in_cluster=True)) == {}


@given(st.one_of(st.text(), st.binary().map(lambda b: f"a.{base64.urlsafe_b64encode(b).decode()}.c")))
def test_no_token_raises(token: str) -> None:
    assert token_end(token) is None or token_end(token) is not None


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists))
def test_no_claim_raises(claim: object) -> None:
    found = token_end(_token({"exp": claim}))
    assert found is None or found.tzinfo is not None


@given(st.binary())
def test_no_certificate_raises(pem: bytes) -> None:
    assert certificate_end(pem) is None
