"""Calendar days in policies: decided and said as days of the space, however the question is put (decision 0044)."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.foundation.language import say
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import Atom
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.values import Span
from connector.kernel.policy.wording.words import Words
from tests.fuzz.effort import amount
from tests.kernel.policy.asking import world
from tests.kernel.policy.worlds import NOW, H, atom

BERLIN = ZoneInfo("Europe/Berlin")
LAST = "2027-12-31"
TYPED = {"@value": LAST, "@type": "xsd:date"}


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def permits(document: dict[str, Any], now: int, **known: Any) -> bool:
    """What both ways of asking say; they must say the same."""
    program, asker = compile(parse(document)), world(now=now, **known)
    answers = {program.verdict(asker, "access").permit, program.examine(asker, "access").permit}
    assert len(answers) == 1
    return answers.pop()


def use(*constraints: object) -> dict[str, Any]:
    return {"permission": [{"action": "use", "constraint": list(constraints)}]}


def forbidding(*constraints: object) -> dict[str, Any]:
    rule = {"action": "use", "constraint": list(constraints)}
    return {"permission": [{"action": "use"}], "prohibition": [rule], "odrl:conflict": {"@id": "odrl:prohibit"}}


@pytest.mark.parametrize("day", [LAST, TYPED], ids=["plain", "typed"])
def test_the_last_day_of_a_permission_ends_at_local_midnight(day: object) -> None:
    """>> until 2027-12-31, at 23:59 there and at 00:30 on New Year << yes, and no: in UTC the old year still lasts."""
    until = use(atom("odrl:dateTime", "lteq", day))
    assert permits(until, ms(datetime(2027, 12, 31, 23, 59, tzinfo=BERLIN)))
    assert not permits(until, ms(datetime(2028, 1, 1, 0, 30, tzinfo=BERLIN)))


def test_a_prohibition_of_a_day_begins_at_local_midnight() -> None:
    """>> forbidden from 2027-12-31 on, at 00:30 there << forbidden, though it is still the 30th in UTC."""
    ban = forbidding(atom("odrl:dateTime", "gteq", LAST))
    assert not permits(ban, ms(datetime(2027, 12, 31, 0, 30, tzinfo=BERLIN)))
    assert permits(ban, ms(datetime(2027, 12, 30, 23, 59, tzinfo=BERLIN)))


def test_a_deadline_of_a_day_ends_at_local_midnight() -> None:
    """>> to be deleted by 2027-12-31, at 00:30 on New Year << too late, and access stops."""
    limit = atom(H + "dueBy", "lteq", LAST)
    suspend = {"action": H + "suspendAccess"}
    document = use() | {"obligation": {"action": "odrl:delete", "constraint": limit, "odrl:consequence": suspend}}
    assert permits(document, ms(datetime(2027, 12, 31, 23, 59, tzinfo=BERLIN)))
    assert not permits(document, ms(datetime(2028, 1, 1, 0, 30, tzinfo=BERLIN)))


@pytest.mark.parametrize(("day", "hours"), [(date(2027, 3, 28), 23), (date(2027, 10, 31), 25), (date(2027, 6, 1), 24)])
def test_the_days_on_which_clocks_turn_are_shorter_and_longer(day: date, hours: int) -> None:
    """>> on that day, at its first and last millisecond and beside it << as the clock on the wall says."""
    on = use(atom("odrl:dateTime", "eq", day.isoformat()))
    start = ms(datetime(day.year, day.month, day.day, tzinfo=BERLIN))
    end = start + hours * 3_600_000
    assert [permits(on, at) for at in (start - 1, start, end - 1, end)] == [False, True, True, False]


def test_a_day_with_a_zone_is_the_day_there() -> None:
    """>> until 2027-12-31Z << one hour longer than in Berlin, and the sentence says the hour."""
    until = use(atom("odrl:dateTime", "lteq", LAST + "Z"))
    assert permits(until, ms(datetime(2028, 1, 1, 0, 59, tzinfo=BERLIN)))
    assert not permits(until, ms(datetime(2028, 1, 1, 1, 0, tzinfo=BERLIN)))


@pytest.mark.parametrize(
    ("operator", "text", "said"),
    [
        ("lt", "2027-07-02T00:00:00Z", "Zugriff vor 02.07.2027, 02:00:00 Uhr (MESZ)"),
        ("lt", "2027-07-01T22:00:00Z", "Zugriff bis einschließlich 01.07.2027"),
        ("lt", "2027-07-02T00:00:00+02:00", "Zugriff bis einschließlich 01.07.2027"),
        ("gteq", "2027-07-02T00:00:00Z", "Zugriff ab 02.07.2027, 02:00:00 Uhr (MESZ)"),
        ("lt", "2027-07-02T00:00:00", "Zugriff vor 02.07.2027, 02:00:00 Uhr (MESZ)"),
        ("lteq", LAST, "Zugriff bis einschließlich 31.12.2027"),
        ("lt", LAST, "Zugriff bis einschließlich 30.12.2027"),
        ("gt", LAST, "Zugriff ab 01.01.2028"),
        ("lteq", LAST + "Z", "Zugriff vor 01.01.2028, 01:00:00 Uhr (MEZ)"),
        ("gt", LAST + "Z", "Zugriff ab 01.01.2028, 01:00:00 Uhr (MEZ)"),
        ("eq", LAST, "Zugriff am 31.12.2027"),
        ("neq", LAST, "Zugriff nicht am 31.12.2027"),
        ("eq", LAST + "Z", "Zugriff ab 31.12.2027, 01:00:00 Uhr (MEZ) und vor 01.01.2028, 01:00:00 Uhr (MEZ)"),
        ("neq", LAST + "Z", "Zugriff vor 31.12.2027, 01:00:00 Uhr (MEZ) oder ab 01.01.2028, 01:00:00 Uhr (MEZ)"),
        ("lteq", "2027-12-31T23:00:00Z", "Zugriff bis 01.01.2028, 00:00:00 Uhr (MEZ)"),
        ("eq", "2027-10-31", "Zugriff am 31.10.2027"),
    ],
)
def test_a_sentence_names_a_day_only_where_one_ends_or_begins(
    german: Words, operator: str, text: str, said: str
) -> None:
    """What is said is what is decided: two in the morning is no midnight."""
    clause = parse(use(atom("odrl:dateTime", operator, text))).permissions[0].constraints[0]
    assert german.clause(clause) == said


@pytest.mark.parametrize("operator", ["lt", "lteq", "gt", "gteq", "eq", "neq"])
@pytest.mark.parametrize("value", [LAST, "2027-12-31T23:00:00Z"])
def test_words_of_a_language_are_no_date(operator: str, value: str) -> None:
    """>> a date with @language, in a permission and a prohibition << unknown: nobody is let in by it."""
    told = atom("odrl:dateTime", operator, {"@value": value, "@language": "de"})
    found = parse(use(told)).permissions[0].constraints[0]
    assert isinstance(found, Atom)
    assert found.value is None
    assert not permits(use(told), NOW)
    assert not permits(forbidding(told), NOW)


@pytest.mark.parametrize("operator", ["lt", "lteq", "gteq", "neq"])
@pytest.mark.parametrize("agreed", [None, NOW + 1])
def test_the_time_since_an_agreement_is_unknown_before_it(operator: str, agreed: int | None) -> None:
    """>> elapsed time, and no agreement or one that is concluded later << unknown, neither 0 nor less."""
    elapsed = atom("odrl:elapsedTime", operator, "PT1H")
    assert not permits(use(elapsed), NOW, agreement_at=agreed)
    assert not permits(forbidding(elapsed), NOW, agreement_at=agreed)
    assert compile(parse(use(elapsed))).next_change(world(now=NOW, agreement_at=NOW + 1)) == NOW + 1


@settings(max_examples=amount(60, 200))
@given(
    st.dates(date(2026, 1, 1), date(2031, 1, 1)),
    st.sampled_from(["lt", "lteq", "gt", "gteq", "eq", "neq"]),
    st.integers(-2 * 86_400_000, 2 * 86_400_000),
)
def test_every_day_is_decided_as_the_calendar_on_the_wall_says(day: date, operator: str, beside: int) -> None:
    """Random days and instants around them, against the date that a clock in Berlin shows."""
    at = ms(datetime(day.year, day.month, day.day, tzinfo=BERLIN)) + beside
    shown = datetime.fromtimestamp(at / 1000, BERLIN).date()
    expected = {
        "lt": shown < day,
        "lteq": shown <= day,
        "gt": shown > day,
        "gteq": shown >= day,
        "eq": shown == day,
        "neq": shown != day,
    }[operator]
    assert permits(use(atom("odrl:dateTime", operator, day.isoformat())), at) is expected


def meant(said: str) -> Callable[[int], bool]:
    """What a reader in Berlin understands: whether an instant (ms) meets the sentence."""
    moments = re.findall(r"(\d\d)\.(\d\d)\.(\d{4})(?:, (\d\d):(\d\d):(\d\d) Uhr \((MEZ|MESZ)\))?", said)
    edges = []
    for day, month, year, hour, minute, second, zone in moments:
        here = timezone(timedelta(hours=2 if zone == "MESZ" else 1)) if zone else BERLIN
        at = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=here)
        edges.append((ms(at), ms(at) + 1 if zone else ms(at + timedelta(days=1))))
    (start, end), after = edges[0], edges[-1][0]
    form = re.sub(r"\d\d\.\d\d\.\d{4}(, \S+ Uhr \(\w+\))?", "X", said)
    return {
        "Zugriff bis einschließlich X": lambda now: now < end,
        "Zugriff bis X": lambda now: now < end,
        "Zugriff vor X": lambda now: now < start,
        "Zugriff ab X": lambda now: now >= start,
        "Zugriff nach X": lambda now: now >= end,
        "Zugriff am X": lambda now: start <= now < end,
        "Zugriff nicht am X": lambda now: not start <= now < end,
        "Zugriff genau um X": lambda now: start <= now < end,
        "Zugriff nicht um X": lambda now: not start <= now < end,
        "Zugriff ab X und vor X": lambda now: start <= now < after,
        "Zugriff vor X oder ab X": lambda now: not start <= now < after,
    }[form]


ZONES = st.sampled_from(["", "Z", "+01:00", "+02:00", "-05:00", "+05:30"])
TIMES = st.sampled_from(["", "T00:00:00", "T22:00:00", "T23:00:00", "T12:34:56", "T24:00:00", "T02:30:00"])
DAYS = st.dates(date(2026, 1, 1), date(2031, 1, 1)) | st.sampled_from([date(2027, 3, 28), date(2027, 10, 31)])


@pytest.mark.threat("T64")
@settings(max_examples=amount(120, 400))
@given(DAYS, TIMES, ZONES, st.sampled_from(["lt", "lteq", "gt", "gteq", "eq", "neq"]))
def test_what_the_sentence_says_is_what_is_decided(day: date, time: str, zone: str, operator: str) -> None:
    """Days and times of any zone: a reader of the sentence gives the answer of the engine, at and beside every edge."""
    words = Words(lambda key, /, **facts: say(key, "de", **facts), {})
    document = use(atom("odrl:dateTime", operator, f"{day.isoformat()}{time}{zone}"))
    clause = parse(document).permissions[0].constraints[0]
    assert isinstance(clause, Atom)
    assert isinstance(clause.value, Span)
    said = words.clause(clause)
    assert said is not None
    start, end = clause.value
    for now in (start - 86_400_000, start - 1, start, start + 1, end - 1, end, end + 86_400_000):
        assert meant(said)(now) is permits(document, now), (said, now)
