"""Bytes of others: log lines, stores that were changed, runbooks, kubeconfigs. See ``fuzz_targets``.

``POSDECK_FUZZ`` sets the number of examples. What atheris found is kept in ``FOUND``.
"""

from __future__ import annotations

import asyncio
import os

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.faults import fuzz_targets as targets

EXAMPLES = int(os.environ.get("POSDECK_FUZZ", "60"))
STAMP = targets.STAMP
pieces = st.lists(
    st.binary(max_size=40)
    | st.text(max_size=20).map(lambda t: t.encode("utf-8", "surrogatepass"))
    | st.sampled_from(
        [
            STAMP, b"\n", b"\r\n", b"\r", b"2026-13-45T99:99:99Z ", b"0000-00-00T00:00:00Z ", b"{", b"}", b'{"a":',
            b'{"msg":"\\ud800","x":{"y":[1,{}]}}', b"\x1b[2J", b"\x1b]0;owned\x07", b"\xc3", b"\xf0\x9f", "é".encode(),
            "\u202e\u2066".encode(), b"-----BEGIN PRIVATE KEY-----", b"password=", b"4111 1111 1111 1111", b"\x00",
        ]
    ),
    max_size=24,
).map(b"".join)  # fmt: skip


@settings(max_examples=EXAMPLES, deadline=None)
@given(pieces, st.integers(1, 70))
@example(b"", 1)
@example(STAMP + b'{"msg":"\\ud800"}\n', 3)
@example(b"\xf0\x9f\x98\x80\n"[:3] + b"\n", 1)
def test_no_log_bytes_steer_the_screen_or_cost_a_line(data: bytes, cut: int) -> None:
    targets.log(data, cut)


@pytest.mark.parametrize("filling", [b"x", b"\xff", b"{", b"9", b" ", b"a@b ", b'{"k":"v"} ', b"password=x "])
def test_a_line_of_megabytes_is_cut_and_its_length_told(filling: bytes) -> None:
    line = STAMP + filling * ((3 << 20) // len(filling) + 1)
    [read] = asyncio.run(targets._read(line[: 3 << 20] + b"\n", 1 << 14))
    assert len(read.text) <= 1 << 20
    assert read.truncated == (3 << 20) - len(STAMP) - (1 << 20)


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    targets.log(STAMP + b"x" * (3 << 20) + b"\nafter\n" + b"y" * (2 << 20), 1 << 14)


@settings(max_examples=EXAMPLES, deadline=None)
@given(pieces)
def test_redaction_is_stable_on_any_bytes(data: bytes) -> None:
    targets.redaction(data)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=4))
def test_a_store_with_bits_that_flipped_is_never_good(flips: list[tuple[float, int]]) -> None:
    content = bytearray(targets.sound_store()[0])
    for at, mask in flips:
        content[int(at * len(content))] ^= mask
    targets.audit(bytes(content))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.binary(max_size=5000))
@example(1.0, 1.0, b"\x00")
def test_a_store_cut_or_overwritten_is_never_good(start: float, end: float, garbage: bytes) -> None:
    whole = targets.sound_store()[0]
    first, last = sorted((int(start * len(whole)), int(end * len(whole))))
    targets.audit(whole[:first])
    targets.audit(whole[:first] + garbage + whole[first + len(garbage) :])
    targets.audit(whole[:first] + whole[last:])


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=300))
def test_any_other_file_in_its_place_is_no_store(data: bytes) -> None:
    targets.audit(data)


words = st.sampled_from(
    ["apiVersion", "runbook/v1", "metadata", "id", "steps", "type", "act", "decide", "next", "done", "params", "verify",
     "title", "{{ params.x }}", "&a", "*a", "<<", "!!python/object:os.system", "- ", ": ", "\n  ", "\n", "[", "]", "{", "}",
     "|", ">", "'", '"', "#", "null", "1e999", "0x7f", "2026-13-45", "~"]
)  # fmt: skip


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.lists(words | st.text(max_size=4), max_size=30).map("".join).map(str.encode) | st.binary(max_size=200)
)
def test_any_bytes_are_a_runbook_or_a_mistake_with_its_file(data: bytes) -> None:
    targets.runbook(data)
    targets.kubeconfig(data)


FOUND = (("kubeconfig", b""),)


@pytest.mark.parametrize(("target", "data"), FOUND)
def test_what_was_found_once_stays_mended(target: str, data: bytes) -> None:
    getattr(targets, target)(data)
