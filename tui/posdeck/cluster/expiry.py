"""When the credentials that nobody renews end: a client certificate of the kubeconfig, a token that says so itself.
A login that ends in the middle of an incident blinds the console; it can be renewed before."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime

from posdeck.cluster.kubeconfig import Target

CERTIFICATE, TOKEN = "client certificate", "token"


def expiries(target: Target) -> Mapping[str, datetime] | None:
    """What ends, and when; empty where everything renews itself or has no end, None where it cannot be known.
    Loads the certificate library, so call it off the event loop."""
    user = target.user
    found: dict[str, datetime] = {}
    known = True
    if user.certificate is not None:
        ends = certificate_end(user.certificate)
        known = ends is not None
        if ends is not None:
            found[CERTIFICATE] = ends
    renewed = user.token_file is not None or (user.exec is not None and not user.token) or target.in_cluster
    if user.token and user.token_file is None:
        ends = token_end(user.token)
        known = known and ends is not None
        if ends is not None:
            found[TOKEN] = ends
    elif not renewed and not user.username and user.certificate is None:
        known = False  # an auth provider, or nothing at all
    return found if found or known else None


def certificate_end(pem: bytes) -> datetime | None:
    """The end of the first certificate of a PEM text; None when it is none."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc
    except ValueError:
        return None


def token_end(token: str) -> datetime | None:
    """The ``exp`` claim of a JSON web token, which is read and not trusted; None for an opaque token."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        ends = claims.get("exp") if isinstance(claims, dict) else None
        if not isinstance(ends, int | float) or isinstance(ends, bool):
            return None
        return datetime.fromtimestamp(ends, UTC)
    except (ValueError, binascii.Error, OverflowError, OSError, RecursionError):
        return None
