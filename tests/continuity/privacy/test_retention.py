"""How long records are kept and what stands against erasure: decisions over values, no database."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.continuity.privacy.jobs import periods
from connector.continuity.privacy.retention import DAY_MS, Facts, Kept, Periods, due_at, names, stays
from connector.foundation.settings.load import Retention

PERIODS = Periods(days={"agreement": 20, "decision": 5, "alarm": 0}, other=3, duties=frozenset({"agreement"}))
FREE = Facts(end=0, held=False, needed=False)
NOW = 100 * DAY_MS


def record(type_: str = "decision", at: int = 0, agreement: str | None = "urn:a", place: int | None = 0) -> Kept:
    return Kept(1, type_, 0, at, agreement, place)


@pytest.mark.parametrize(
    ("type_", "at", "agreement", "end", "due"),
    [
        ("decision", 7, None, None, 7 + 5 * DAY_MS),  # no agreement: from the event
        ("decision", 7, "urn:a", 50, 50 + 5 * DAY_MS),  # from the end
        ("decision", 90, "urn:a", 50, 90 + 5 * DAY_MS),  # what came after the end: from the event
        ("decision", 7, "urn:a", None, None),  # the agreement goes on
        ("surprise", 7, None, None, 7 + 3 * DAY_MS),  # a type that nobody has heard of
        ("alarm", 7, None, None, None),  # 0: for ever
        ("tombstone", 7, None, None, None),
        ("hold", 7, None, None, None),
    ],
)
def test_when_a_record_has_served_its_time(
    type_: str, at: int, agreement: str | None, end: int | None, due: int | None
) -> None:
    assert due_at(record(type_, at, agreement), PERIODS, end) == due


@pytest.mark.parametrize(
    ("one", "facts", "asked", "why"),
    [
        (record(place=None), FREE, False, "unsealed"),
        (record(), FREE._replace(held=True), False, "hold"),
        (record(), FREE._replace(held=True), True, "hold"),
        (record(), FREE._replace(needed=True), True, "needed"),
        (record(), FREE._replace(end=NOW), False, "period"),
        (record("agreement"), FREE._replace(end=NOW), True, "period"),
        (record("agreement"), FREE._replace(end=None), False, "period"),
        (record("agreement"), FREE._replace(end=None), True, "in-force"),
        (record("decision"), FREE._replace(end=None), True, "in-force"),
        (record("decision"), FREE._replace(end=None, held=True), True, "hold"),
        (record("alarm"), FREE, False, "for-ever"),
        (record("tombstone"), FREE, True, "for-ever"),
        (record("hold"), FREE, True, "for-ever"),
    ],
)
def test_what_stands_against_it(one: Kept, facts: Facts, asked: bool, why: str) -> None:
    stay = stays(one, facts, PERIODS, NOW, asked=asked)
    assert stay is not None
    assert stay.why == why


def test_a_wish_shortens_a_period_but_no_duty() -> None:
    """>> she asks for a decision and an agreement record, both in their periods << one goes, one says when."""
    running = FREE._replace(end=NOW)
    assert stays(record(), running, PERIODS, NOW, asked=True) is None
    stay = stays(record("agreement"), running, PERIODS, NOW, asked=True)
    assert stay is not None
    assert stay.until == NOW + 20 * DAY_MS


def test_an_agreement_in_force_keeps_what_its_performance_needs() -> None:
    """>> she asks while it runs: a decision, a confirmation, a decision of no agreement << until its end; go; go."""
    running = FREE._replace(end=None)
    stay = stays(record(), running, PERIODS, NOW, asked=True)
    assert stay is not None
    assert (stay.why, stay.until, stay.days) == ("in-force", None, 5)
    assert stays(record("confirmation"), running, PERIODS, NOW, asked=True) is None
    assert stays(record(agreement=None), running, PERIODS, NOW, asked=True) is None
    assert stays(record(), FREE._replace(end=NOW), PERIODS, NOW, asked=True) is None  # it is over


def test_the_last_moment_of_a_period_still_counts() -> None:
    due = due_at(record(), PERIODS, 0)
    assert due is not None
    assert stays(record(), FREE, PERIODS, due - 1, asked=False) is not None
    assert stays(record(), FREE, PERIODS, due, asked=False) is None


@given(
    st.sampled_from(["agreement", "decision", "alarm", "other", "tombstone", "hold", "key"]),
    st.integers(0, 200 * DAY_MS),
    st.one_of(st.none(), st.integers(0, 200 * DAY_MS)),
    st.booleans(),
)
def test_no_hold_is_ever_passed_over(type_: str, at: int, end: int | None, asked: bool) -> None:
    held = Facts(end=end, held=True, needed=False)
    assert stays(record(type_, at), held, PERIODS, 10**15, asked=asked) is not None


def test_the_settings_name_every_type_that_has_a_period() -> None:
    """>> the defaults << every field ends in a period; duties are types; nothing is due within three years."""
    settings = Retention()
    found = periods(settings)
    fields = {name.removesuffix("_days") for name in msgspec.structs.asdict(settings) if name.endswith("_days")}
    assert fields == {*found.days, "other"}
    assert found.duties <= {*found.days, "succession"}
    assert found.shortest() == 1095 * DAY_MS


def test_a_pseudonym_counts_only_as_a_word_of_its_own() -> None:
    assert names({"a": [1, {"b": "p-7f3a91"}]}, "p-7f3a91")
    assert names([{"p-7f3a91": 1}, "siehe Akte"], "p-7f3a91")
    assert names(["siehe p-7f3a91, Akte"], "p-7f3a91")
    assert not names({"p-7f3a92": ["xp-7f3a91", "p-7f3a910"]}, "p-7f3a91")
