"""Kubernetes quantities ("250m", "160Mi", "1e3") as exact numbers, and numbers as people read them.

Grammar, rounding and canonical form as in k8s.io/apimachinery ``pkg/api/resource``: whatever is finer than a
nano unit is rounded away from zero, and a canonical number has no fraction and
the largest suffix that allows it.
"""

from __future__ import annotations

import re
from decimal import ROUND_UP, Context, Decimal, localcontext
from functools import lru_cache

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_SUFFIX_OF_EXPONENT = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_FORM = re.compile(r"(?P<sign>[+-]?)(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?P<suffix>[A-Za-z]*[+-]?[0-9]*)")
_EXPONENT = re.compile(r"[eE]([+-]?[0-9]{1,3})")
_LONGEST = 64  # no quantity worth the name is longer, and arithmetic on endless digits is a way to hang
_NANO = Decimal(1).scaleb(-9)
_LARGEST_BINARY = Decimal((1 << 63) - 1)
_EXACT = Context(prec=1200)  # 64 digits times ten to the 999th still fit


def parse_quantity(value: str | int | float) -> Decimal:
    """The exact number of a quantity; a JSON number counts as its decimal text. Raises ValueError."""
    return _parse(value)[0]


def quantity_or_none(value: object) -> Decimal | None:
    """As ``parse_quantity``, but None for what is not a quantity."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        return parse_quantity(value)
    except ValueError:
        return None


def cpu_cores(value: object) -> float | None:
    """Cores of a CPU quantity ("250m" is 0.25), None when it is not one."""
    return _as_float(quantity_or_none(value))


def memory_bytes(value: object) -> int | None:
    """Bytes of a memory quantity, a fraction rounded up as Kubernetes does; None when it is not one."""
    number = quantity_or_none(value)
    if number is None or abs(number) >= 1 << 63:
        return None
    return int(number.to_integral_value(rounding=ROUND_UP))


def number(value: object) -> float | None:
    """A quantity as a plain number, None when it is not one."""
    return _as_float(quantity_or_none(value))


def canonical(value: object) -> str:
    """The form in which the API server prints a quantity ("1500m", "1536Mi"); other text stays as it is."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    written = value.strip() if isinstance(value, str) else repr(value)
    try:
        amount, form = _parse(value)
    except ValueError:
        return value if isinstance(value, str) else ""
    if _kept_as_written(written, form):
        return written
    if amount == 0:
        return "0"
    if form == "binary" and abs(amount) >= 1024 and amount == amount.to_integral_value():
        return _canonical_binary(amount)
    return _canonical_decimal(amount, exponential=form == "exponent")


def format_cpu(cores: float | None) -> str:
    """Cores as ``kubectl top`` gives them, whole millicores rounded up: 0.2501 is "251m"."""
    if cores is None or not abs(cores) < 1e12:
        return "-"
    # Rounding first at the nano keeps 0.19 (190.00000000000003 in binary) from becoming 191.
    return f"{int(Decimal(repr(round(cores * 1000, 6))).to_integral_value(rounding=ROUND_UP))}m"


def format_memory(size: int | None) -> str:
    """Bytes as ``kubectl top`` gives them, whole Mi ("103Mi"); Ki below 1 Mi, Gi and Ti from 10 Gi on."""
    if size is None:
        return "-"
    sign, size = ("-", -size) if size < 0 else ("", size)
    if size < 1 << 20:
        return f"{sign}{-(-size >> 10)}Ki" if size else "0"
    if size < 10 << 30:
        return f"{sign}{size >> 20}Mi"
    if size < 10 << 40:
        return f"{sign}{size / (1 << 30):.1f}Gi"
    return f"{sign}{size / (1 << 40):.1f}Ti"


def _parse(value: str | int | float) -> tuple[Decimal, str]:
    """The number and its family: ``decimal``, ``binary`` or ``exponent``."""
    return _parse_text(value.strip() if isinstance(value, str) else repr(value))


@lru_cache(maxsize=4096)  # a namespace writes the same few over and over
def _parse_text(written: str) -> tuple[Decimal, str]:
    match = _FORM.fullmatch(written) if len(written) <= _LONGEST else None
    if match is None:
        raise ValueError(f"{written[:_LONGEST]!r} is not a quantity")
    base = Decimal(match["number"])
    suffix = match["suffix"]
    with localcontext(_EXACT):
        if suffix in _DECIMAL:
            amount, form = base.scaleb(_DECIMAL[suffix]), "decimal"
        elif suffix in _BINARY:
            amount, form = min(base * (1 << _BINARY[suffix]), _LARGEST_BINARY), "binary"
        elif exponent := _EXPONENT.fullmatch(suffix):
            amount, form = base.scaleb(int(exponent[1])), "exponent"
        else:
            raise ValueError(f"{written!r} has no suffix of a quantity")
        amount = amount.quantize(_NANO, rounding=ROUND_UP) if amount % _NANO else amount
        if form == "binary" and 0 < amount < 1:
            form = "decimal"
        return (-amount if match["sign"] == "-" else amount), form


def _kept_as_written(written: str, form: str) -> bool:
    """Whether the server repeats the text: its quick check lets some odd spellings ("1E3", "012") be.

    The limits on digits are those of its arithmetic on 64 bits, beyond which it writes the number anew.
    """
    match = _FORM.fullmatch(written)
    if match is None:
        return False
    whole, _, fraction = match["number"].partition(".")
    digits = whole.lstrip("0")
    suffix = match["suffix"]
    if form == "binary" and suffix in _BINARY:
        short = len(digits) + _BINARY[suffix] * 3 // 10 <= 14
        return not fraction and short and int(digits or "0") % 8 != 0
    exponential = _EXPONENT.fullmatch(suffix)
    exponent = int(exponential[1]) if exponential else _DECIMAL.get(suffix)
    if exponent is None or (not suffix and not digits and not fraction.strip("0")):
        return False
    shifted = (digits or "0") + fraction
    scale = exponent - len(fraction)
    return (
        len(shifted) <= 18 and scale >= -9 and scale % 3 == 0 and shifted[0] != "0" and shifted[-3:] != "000"
    )


def _canonical_decimal(amount: Decimal, *, exponential: bool) -> str:
    with localcontext(_EXACT):
        exponent = -9
        whole = int(amount.scaleb(9))
        while whole % 1000 == 0 and (exponential or exponent < 18):
            whole //= 1000
            exponent += 3
    if exponential:
        return f"{whole}e{exponent}" if exponent else str(whole)
    return f"{whole}{_SUFFIX_OF_EXPONENT[exponent]}"


def _canonical_binary(amount: Decimal) -> str:
    whole = int(amount.to_integral_value(rounding=ROUND_UP))
    suffixes = ["", *_BINARY]
    step = 0
    while whole % 1024 == 0 and step < len(suffixes) - 1:
        whole //= 1024
        step += 1
    return f"{whole}{suffixes[step]}"


def _as_float(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)
