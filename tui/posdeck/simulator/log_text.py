"""What the workloads of a point-of-sale namespace write to their logs, at random but believably.

Some lines carry people's data, all of it made up (reserved domains, fictitious numbers, test cards), so that
whoever shows or keeps logs has something to redact.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import datetime

Line = Callable[[random.Random], tuple[str, str]]  # -> (level, text)

_FIRST = ("Ayu", "Budi", "Citra", "Dewi", "Eka", "Fajar", "Gita", "Hadi", "Indah", "Joko", "Maria", "Putri")
_LAST = ("Santoso", "Wijaya", "Pratama", "Lestari", "Hidayat", "Saputra", "Nugroho", "Kusuma", "Halim")
_TEST_CARDS = ("4111111111111111", "5555555555554444", "4012888888881881", "378282246310005")
_TESTS = ("CBC", "HBA1C", "LIPID", "TSH", "CREAT", "SGOT", "GLU-F", "VITD", "URIN")


def _order(rng: random.Random) -> str:
    return f"ORD-{rng.randint(2_400_000, 2_499_999)}"


def _trace(rng: random.Random) -> str:
    return f"{rng.getrandbits(128):032x}"


def _person(rng: random.Random) -> tuple[str, str, str]:
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    return (
        f"{first} {last}",
        f"{first}.{last}@example.org".lower(),
        f"+62 812-5550-{rng.randint(100, 9999):04d}",
    )


def _patient(rng: random.Random) -> str:
    return f"MRN-{rng.randint(100_000, 999_999)}"


def _request(rng: random.Random) -> tuple[str, str]:
    method, path, status = rng.choice((
        ("POST", "/api/v1/orders", 201), ("GET", f"/api/v1/orders/{_order(rng)}", 200),
        ("GET", "/api/v1/rate-cards?branch=JKT-04", 200), ("POST", "/api/v1/orders/validate", 200),
        ("GET", f"/api/v1/patients/{_patient(rng)}", 200), ("POST", "/api/v1/payments", 201),
        ("PATCH", f"/api/v1/orders/{_order(rng)}", 200), ("GET", "/api/v1/invoices?status=open", 200),
    ))  # fmt: skip
    took = max(3, round(rng.lognormvariate(3.3, 0.6)))
    return (
        "info",
        f"request method={method} path={path} status={status} duration_ms={took} trace_id={_trace(rng)}",
    )


def _payment(rng: random.Random) -> tuple[str, str]:
    name, mail, phone = _person(rng)
    return "info", (f'payment authorised order_id={_order(rng)} card={rng.choice(_TEST_CARDS)} '
                    f'holder="{name}" receipt_to={mail} phone="{phone}" trace_id={_trace(rng)}')  # fmt: skip


def _slow_query(rng: random.Random) -> tuple[str, str]:
    return (
        "warn",
        f"slow query statement=rate_card_lookup duration_ms={rng.randint(600, 1900)} trace_id={_trace(rng)}",
    )


def _done(noun: str, verb: str, low: int, high: int) -> Line:
    def line(rng: random.Random) -> tuple[str, str]:
        return "info", (f"{noun} {verb} order_id={_order(rng)} delivery_tag={rng.randint(1, 90_000)} "
                        f"duration_ms={rng.randint(low, high)} trace_id={_trace(rng)}")  # fmt: skip

    return line


def _received(rng: random.Random) -> tuple[str, str]:
    return "debug", f"message received order_id={_order(rng)} redelivered=false trace_id={_trace(rng)}"


def _order_tests(rng: random.Random) -> tuple[str, str]:
    tests = ",".join(rng.sample(_TESTS, rng.randint(1, 4)))
    return (
        "info",
        f"order accepted order_id={_order(rng)} patient={_patient(rng)} tests={tests} trace_id={_trace(rng)}",
    )


def _patient_line(rng: random.Random) -> tuple[str, str]:
    name, mail, phone = _person(rng)
    born = f"{rng.randint(1948, 2015)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
    return "info", (f'patient upserted mrn={_patient(rng)} name="{name}" dob={born} email={mail} phone="{phone}" '
                    f"source=lis trace_id={_trace(rng)}")  # fmt: skip


def _customer_line(rng: random.Random) -> tuple[str, str]:
    name, mail, phone = _person(rng)
    return "info", (f'customer synced customer_id=CUS-{rng.randint(10_000, 99_999)} name="{name}" email={mail} '
                    f'phone="{phone}" trace_id={_trace(rng)}')  # fmt: skip


def _bulk(rng: random.Random) -> tuple[str, str]:
    rows = rng.randint(80, 2000)
    return "info", (f"batch imported file=upload-{rng.randint(1000, 9999)}.xlsx rows={rows} failed=0 "
                    f"duration_ms={rows * rng.randint(2, 5)} trace_id={_trace(rng)}")  # fmt: skip


def _bulk_rejected(rng: random.Random) -> tuple[str, str]:
    return "warn", (f"row rejected file=upload-{rng.randint(1000, 9999)}.xlsx row={rng.randint(2, 2000)} "
                    f'reason="unknown test code {rng.choice(_TESTS)}X"')  # fmt: skip


def _rate_card(rng: random.Random) -> tuple[str, str]:
    return "info", (f"rate card applied rate_card_id=RC-{rng.randint(100, 999)} items={rng.randint(20, 400)} "
                    f"valid_from=2026-01-01 trace_id={_trace(rng)}")  # fmt: skip


def _rate_card_warning(rng: random.Random) -> tuple[str, str]:
    return "warn", f"rate card validation: price missing for test {rng.choice(_TESTS)}, previous price kept"


def _retry(rng: random.Random) -> tuple[str, str]:
    return (
        "warn",
        f"upstream answered 503, attempt 1 of 5, next in {rng.randint(200, 900)} ms trace_id={_trace(rng)}",
    )


def _rejected(rng: random.Random) -> tuple[str, str]:
    return "error", (f"message rejected order_id={_order(rng)} error=\"validation failed: branch is closed\" "
                     f"requeue=false trace_id={_trace(rng)}")  # fmt: skip


def _publish(rng: random.Random) -> tuple[str, str]:
    return (
        "info",
        f"jobs published queue=pos.batch count={rng.randint(5, 120)} duration_ms={rng.randint(8, 90)}",
    )


def _cron(rng: random.Random) -> tuple[str, str]:
    job = rng.choice(
        ("close-stale-orders", "expire-rate-cards", "reconcile-payments", "refresh-branch-hours")
    )
    return (
        "info",
        f"job finished name={job} affected={rng.randint(0, 40)} duration_ms={rng.randint(40, 2400)}",
    )


def _proxy(rng: random.Random) -> tuple[str, str]:
    path = rng.choice(("/", "/static/app.js", "/orders", "/static/logo.svg", "/login"))
    return "", (f'10.4.0.1 - - "GET {path} HTTP/1.1" 200 {rng.randint(180, 48_000)} "-" '
                f'"Mozilla/5.0" {rng.uniform(0.001, 0.08):.3f}')  # fmt: skip


def _collector(rng: random.Random) -> tuple[str, str]:
    spans = rng.randint(60, 900)
    return "info", f"TracesExporter kind=exporter name=otlp resource spans={rng.randint(2, 18)} spans={spans}"


FLAVOURS: Mapping[str, tuple[tuple[float, Line], ...]] = {
    "api": ((20, _request), (1.2, _payment), (0.5, _slow_query)),
    "order": ((8, _done("order", "processed", 12, 180)), (4, _received), (2, _order_tests), (0.15, _retry)),
    "bulk": ((6, _bulk), (3, _done("order", "created", 8, 60)), (0.6, _bulk_rejected)),
    "patient": ((6, _patient_line), (3, _received), (0.2, _retry)),
    "customer": ((6, _customer_line), (3, _received), (0.2, _retry)),
    "rate-card": ((6, _rate_card), (0.5, _rate_card_warning)),
    "consumer": ((8, _done("event", "handled", 4, 90)), (3, _received), (0.1, _retry)),
    "publisher": ((5, _publish),),
    "cron": ((5, _cron),),
    "proxy": ((5, _proxy),),
    "collector": ((5, _collector),),
    "worker": ((5, _done("job", "finished", 40, 900)),),
}
REJECTED: Line = _rejected


def wrap(flavour: str, moment: datetime, level: str, text: str) -> str:
    """A whole line as the program writes it, with its own time and level where it has them."""
    if flavour == "proxy":
        return text
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    if flavour == "collector":
        return f"{stamp}\t{level}\t{text}"
    return f"{stamp} {level.upper():<5} {text}"


def draw(flavour: str, rng: random.Random) -> tuple[str, str]:
    """(level, text) of one ordinary line."""
    choices = FLAVOURS.get(flavour) or FLAVOURS["worker"]
    line = rng.choices([line for _, line in choices], [weight for weight, _ in choices])[0]
    return line(rng)
