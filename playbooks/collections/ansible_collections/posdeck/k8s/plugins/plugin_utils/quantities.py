"""Kubernetes quantities, such as 100m and 160Mi, as exact numbers."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from .errors import UsageError

_SUFFIXES = {
    "": Decimal(1), "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "k": Decimal(1000),
    "M": Decimal(10) ** 6, "G": Decimal(10) ** 9, "T": Decimal(10) ** 12, "P": Decimal(10) ** 15,
    "E": Decimal(10) ** 18, "Ki": Decimal(2) ** 10, "Mi": Decimal(2) ** 20, "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40, "Pi": Decimal(2) ** 50, "Ei": Decimal(2) ** 60,
}  # fmt: skip


def quantity(text: str) -> Decimal:
    """A Kubernetes quantity as a number. Raises UsageError on what is none."""
    number = text.rstrip("numkKMGTPEi")
    try:
        if text[-2:-1] in ("e", "E") or ("e" in text.lower() and text[-1:].isdigit()):
            return Decimal(text)
        return Decimal(number) * _SUFFIXES[text[len(number) :]]
    except (InvalidOperation, KeyError) as error:
        raise UsageError("quantity", f"{text!r} is none") from error
