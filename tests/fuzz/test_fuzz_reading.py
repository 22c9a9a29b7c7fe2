"""Odd bytes and odd messages, read without any surface: a message, or a refusal that says where it breaks (T13)."""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from connector.foundation.errors import PeerError
from connector.foundation.http import strict
from connector.kernel.protocol import codec
from connector.kernel.protocol.codec import Malformed
from tests.fuzz.effort import CI, SEED, official, whole
from tests.fuzz.shapes import near_valid, valid
from tests.testkit import corpus, spoil

Corpus = Callable[[], list[dict[str, Any]]]


def named(refusal: PeerError | Malformed) -> None:
    """It says whose fault it is, or where in the document it lies."""
    if isinstance(refusal, PeerError):
        assert 400 <= refusal.status < 500
    else:
        assert refusal.pointer == "" or refusal.pointer.startswith("/")


def read(data: bytes) -> msgspec.Struct | None:
    """The message, read as its own type says or as a catalogue request; None for whatever is refused."""
    try:
        value = strict.loads(data)
        name = value.get("@type", "Dataset") if isinstance(value, dict) else "Dataset"
        cls = codec.TYPES.get(name if isinstance(name, str) else "", codec.TYPES["CatalogRequestMessage"])
        message = codec.decode(cls, value)
    except (PeerError, Malformed) as refusal:
        return named(refusal)
    codec.digest(value)
    return message


def holds(message: msgspec.Struct) -> None:
    """What was read is written, and read again as the same."""
    assert codec.decode(type(message), strict.loads(codec.encode(message), limit=4 * strict.LIMIT)) == message


@given(valid())
@settings(max_examples=whole(50, 5_000), deadline=None, derandomize=CI, database=None)
def test_every_valid_message_is_read_and_written_back(value: dict[str, Any]) -> None:
    """>> any message that the definitions allow << itself."""
    holds(codec.decode(codec.TYPES[value["@type"]], value))


@given(near_valid())
@settings(max_examples=whole(75, 10_000), deadline=None, derandomize=CI, database=None)
def test_what_is_nearly_valid_is_read_or_refused(data: bytes) -> None:
    """>> such a message with something wrong << a message that can be written back, or a named refusal."""
    message = read(data)
    if message is not None:
        holds(message)


@pytest.mark.threat("T13")
@pytest.mark.parametrize("of", [corpus.all_specimens, official], ids=["our own", "official examples"])
def test_spoiled_messages_are_read_or_refused(of: Corpus) -> None:
    """>> each message spoiled in its structure and in its bytes << read or refused, never anything else."""
    messages, rng, seen, most = of(), Random(SEED), Counter[str](), whole(1_000, 100_000)
    for number in range(most):
        data = spoil.written(rng, spoil.structure(rng, messages[number % len(messages)]))
        data = spoil.data(rng, data) if number % 3 == 0 else data
        try:
            message = read(data)
            seen["refused" if message is None else "read"] += 1
            if message is not None:
                holds(message)
        except Exception as defect:
            raise AssertionError(f"HANSE_SEED={SEED}, input {number}: {data[:2000]!r}") from defect
    assert seen["read"] > most // 20
    assert seen["refused"] > most // 4
