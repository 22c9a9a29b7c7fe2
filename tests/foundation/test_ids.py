"""Identifiers: of the form that the protocol wants, all different, and in the order in which they were made."""

import uuid

import pytest

from connector.foundation import ids
from connector.foundation.clock import FakeClock


def test_an_id_is_a_uuid_of_version_7() -> None:
    made = uuid.UUID(ids.new_id().removeprefix("urn:uuid:"))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_it_begins_with_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """So those of one moment stand together, in the order of moments; a clock that is set back disturbs only that."""
    clock = FakeClock()
    monkeypatch.setattr(ids, "_CLOCK", clock)
    made = []
    for _ in range(100):
        made.append(ids.new_id())
        clock.advance(1)
    assert made == sorted(made)
    assert int(uuid.UUID(made[0].removeprefix("urn:uuid:")).hex[:12], 16) == FakeClock().at


def test_no_two_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the 128 bits 74 are random, all of them used: both values of each are seen."""
    monkeypatch.setattr(ids, "_CLOCK", FakeClock())
    made = [int(uuid.UUID(ids.new_id().removeprefix("urn:uuid:"))) for _ in range(1000)]
    assert len(set(made)) == 1000
    seen_on, seen_off = 0, 0
    for one in made:
        seen_on, seen_off = seen_on | one, seen_off | ~one
    assert (seen_on & seen_off & (1 << 80) - 1).bit_count() == 74


def test_what_nobody_may_guess_is_all_random() -> None:
    assert uuid.UUID(ids.new_uuid()).version == 4
