"""Right operands of every type: what becomes a value, what stays unknown, and that nothing is rounded."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.kernel.policy.odrl.names import XSD
from connector.kernel.policy.odrl.values import (
    ANCHORS,
    MILLION,
    SAFE,
    Due,
    Span,
    decimal,
    due,
    duration,
    exact,
    floating,
    instant,
    integer,
    language,
    numeral,
)

DAY = 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "millionths"),
    [
        ("0", 0),
        ("-0", 0),
        ("1.5", 1_500_000),
        ("+1.5", 1_500_000),
        ("-0.000001", -1),
        ("0.1234560000", 123_456),
        ("007.10", 7_100_000),
        (str(SAFE), SAFE * MILLION),
        ("0.1234567", None),
        (str(SAFE + 1), None),
        (f"{SAFE}.000001", None),
        ("1.", None),
        (".5", None),
        ("1,5", None),
        ("1e3", None),
        ("NaN", None),
        ("INF", None),
        ("", None),
        ("1.5 ", None),
        ("٣", None),
        ("9" * 5000, None),
    ],
)
def test_a_decimal_is_a_whole_number_of_millionths(text: str, millionths: int | None) -> None:
    """Finer or larger than that is not understood, never rounded."""
    assert decimal(text) == (None if millionths is None else Span(millionths, millionths + 1))


@pytest.mark.parametrize(
    ("number", "text", "kind"),
    [
        (3.0, "3", "integer"),
        (-0.0, "0", "integer"),
        (1e20, "1" + 20 * "0", "integer"),
        (1e21, "1" + 21 * "0", "decimal"),
        (2.5, "2.5", "decimal"),
        (1e-6, "0.000001", "decimal"),
        (1e300, "1e+300", "decimal"),
    ],
)
def test_a_number_of_json_is_the_one_of_json_ld(number: float, text: str, kind: str) -> None:
    """>> without a fraction << an integer; any other << in full, as far as a number can be that is compared."""
    assert numeral(number) == (text, XSD + kind)


@pytest.mark.parametrize(
    ("text", "datatype", "read"),
    [
        ("2.5E0", "double", "2.5"),
        ("-25e-1", "float", "-2.5"),
        ("2.5", "double", "2.5"),
        ("2.5E0", "decimal", "2.5E0"),
        ("INF", "double", "INF"),
        ("1E300", "double", "1E300"),
        ("1" * 5000 + "E1", "double", "1" * 5000 + "E1"),
    ],
)
def test_a_double_is_the_decimal_that_it_is_written_as(text: str, datatype: str, read: str) -> None:
    """No other type has an exponent, and none is written out that is beyond all comparison."""
    assert exact(text, XSD + datatype) == read


@settings(max_examples=200)
@given(st.decimals(min_value=-SAFE, max_value=SAFE, places=6))
def test_decimals_compare_as_the_numbers_do(number: Decimal) -> None:
    """The millionths of what was written are exactly its value."""
    found = decimal(f"{number:f}")
    assert found is not None
    assert Decimal(found.start) == number * MILLION


@pytest.mark.parametrize(
    ("text", "number"),
    [(str(SAFE), SAFE), (str(-SAFE), -SAFE), (str(SAFE + 1), None), ("1.0", None), ("0x1", None), ("1_000", None)],
)
def test_an_integer_is_what_json_carries_safely(text: str, number: int | None) -> None:
    """Beyond 2^53-1 two JSON parsers may read two numbers."""
    assert integer(text) == (None if number is None else Span(number, number + 1))


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("P1D", DAY),
        ("PT0S", 0),
        ("PT36H", DAY + DAY // 2),
        ("P1DT1H1M1.5S", DAY + 3_661_500),
        ("P60M", None),
        ("P1M", None),
        ("P1Y", None),
        ("P1Y2D", None),
        ("P1W", None),
        ("-P1D", None),
        ("P", None),
        ("PT", None),
        ("P1DT", None),
        ("1D", None),
    ],
)
def test_only_day_time_durations_have_a_length(text: str, length: int | None) -> None:
    """A month is 28 to 31 days, so durations of months and years do not compare."""
    assert duration(text) == (None if length is None else Span(length, length + 1))


@pytest.mark.parametrize(
    ("text", "start", "length"),
    [
        ("1970-01-01T00:59:00+00:59", 0, 1),
        ("1970-01-01", -3_600_000, DAY),
        ("2027-03-28", 1_806_188_400_000, DAY - 3_600_000),
        ("2027-10-31", 1_824_933_600_000, DAY + 3_600_000),
        ("2027-10-31Z", 1_824_940_800_000, DAY),
        ("1970-01-01Z", 0, DAY),
        ("1970-01-01+01:00", -3_600_000, DAY),
        ("1970-01-01T00:00", 0, 1),
        ("1970-01-01T00:00:00.0019", 1, 1),
        ("1970-01-01T24:00:00Z", DAY, 1),
        ("1970-01-01T01:00:00+01:00", 0, 1),
    ],
)
def test_an_instant_is_a_span_of_milliseconds(text: str, start: int, length: int) -> None:
    """A bare date is its whole day in Europe/Berlin, of 23 to 25 hours; anything finer is one millisecond."""
    assert instant(text) == Span(start, start + length)


@pytest.mark.parametrize(
    "text",
    [
        *("1970", "1970-1-1", "1970-02-30", "1970-13-01", "1970-01-01T25:00:00Z", "1970-01-01T24:00:01Z"),
        *("1970-01-01T00:60:00Z", "1970-01-01 00:00:00", "1970-01-01T00:00:00+15:00", "1970-01-01T00:00:00+1:00"),
        *("1970-01-01T00:00:00+14:01", "1970-01-01T00:00:00-14:30", "1970-01-01T00:00:00+13:60"),
        *("9999-12-31T24:00:00Z", "0000-01-01", "-0001-01-01", "99999-01-01", "soon", "", "1970-01-01\n"),
    ],
)
def test_what_is_no_instant_is_unknown(text: str) -> None:
    """Invalid dates never overflow or wrap around."""
    assert instant(text) is None


@pytest.mark.parametrize(
    ("text", "assumed"),
    [("1970-01-01", False), ("1970-01-01T00:00:00", True), ("1970-01-01Z", False), ("1970-01-01T00:00-01:00", False)],
)
def test_an_instant_without_offset_is_utc_and_flagged(text: str, assumed: bool) -> None:
    """So that a person learns what was assumed."""
    assert floating(text) is assumed


@settings(max_examples=200)
@given(st.integers(-62_135_500_000_000, 253_402_200_000_000), st.integers(-14 * 60, 14 * 60))
def test_the_same_instant_in_any_offset_is_one_value(ms: int, minutes: int) -> None:
    """Comparison never depends on the offset that the author chose."""
    local = (EPOCH + timedelta(milliseconds=ms)).astimezone(timezone(timedelta(minutes=minutes)))
    assert instant(local.isoformat(timespec="milliseconds")) == Span(ms, ms + 1)


@pytest.mark.parametrize("anchor", sorted(ANCHORS))
def test_a_deadline_counts_from_a_named_anchor(anchor: str) -> None:
    """`agreementEnd+P30D` is 30 days after the end of the agreement."""
    assert due(f"{anchor}+P30D") == Due(anchor, 30 * DAY)
    assert due(f"{anchor}+PT0S") == Due(anchor, 0)


@pytest.mark.parametrize(
    "text", ["P30D", "+P30D", "contractAgreement+P30D", "access+30d", "access+P1M", "access-P1D", "access + P1D", ""]
)
def test_other_deadlines_are_unknown(text: str) -> None:
    """An unknown anchor or a length that does not compare is no deadline."""
    assert due(text) is None


def test_language_tags_are_compared_without_case() -> None:
    """BCP 47: `de-DE` and `DE-de` are the same tag."""
    assert language("DE-de") == language("de-DE") == "de-de"
    assert [language(text) for text in ("", "de_DE", "de-", "deutschland-x", "d" * 5000)] == [None] * 5
