"""The figures as functions of the log: the same entries give the same numbers, on every machine and at any later time.

Nothing here reads a clock or a table. A figure that the log cannot prove says so and has no value.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from statistics import median

from msgspec.structs import replace

from connector.foundation.zone import SPACE
from connector.oversight.figures.model import (
    NOTHING_YET,
    Definition,
    Event,
    Figure,
    Judged,
    Known,
    Log,
    Part,
    Point,
    definitions,
)
from connector.oversight.figures.story import Contract, Story, publishes, tell

MONTHS = 12
DAY_S = 86_400
MOST_REASONS = 40
FURTHER = "further"
"""All reasons but the most frequent."""
_MOVED = frozenset({"sent", "part", "received"})
_FAILED = frozenset({"terminated", "refused"})
Count = Callable[[Log, Story, Known, int], Figure]


def figures(log: Log, known: Known, now: int) -> tuple[Figure, ...]:
    """All of them in the order of their definitions, as of `now` (ms)."""
    story = tell(log.events, known.ends)
    return tuple(_one(definition, log, story, known, now) for definition in definitions())


def _one(definition: Definition, log: Log, story: Story, known: Known, now: int) -> Figure:
    if definition.lacks:
        return Figure(definition=definition, lacks=definition.lacks)
    return replace(_COUNTS[definition.id](log, story, known, now), definition=definition)


def _of(value: float | None, events: Iterable[Event] = (), **more: object) -> Figure:
    """Entries once each and in their order; the definition is put in by whoever asked for it."""
    counted = tuple(sorted({one.id: one for one in events}.values(), key=lambda one: one.id))
    lacks = NOTHING_YET if value is None else ""
    return Figure(definition=_ANY, value=value, events=counted, lacks=lacks, **more)  # type: ignore[arg-type]


_ANY = Definition(id="", version=0, unit="", types=())


# N1 to N9


def _reuse_rate(log: Log, story: Story, known: Known, now: int) -> Figure:
    """Datasets with a contract in force, of all that are published."""
    offered = dict(story.offered(now))
    used = [one for one in _in_force(story, now) if one.dataset in offered]
    return _of(
        len({one.dataset for one in used}) if offered else None,
        [*offered.values(), *(event for one in used for event in (one.asked, one.begun))],
        of=len(offered),
        series=tuple(Point(month=name, value=_rate(story, at)) for name, at in _months(now)),
    )


def _rate(story: Story, at: int) -> float | None:
    offered = dict(story.offered(at))
    used = {one.dataset for one in _in_force(story, at) if one.dataset in offered}
    return len(used) / len(offered) if offered else None


def _partners(log: Log, story: Story, known: Known, now: int) -> Figure:
    """Distinct partners with a contract in force, by dataset and by space; those of our own groups
    counted apart."""
    running, offered = list(_in_force(story, now)), [made for _, made in story.offered(now)]
    by_dataset: dict[str, set[str]] = {}
    for one in running:
        by_dataset.setdefault(one.dataset, set()).add(one.counterparty)
    parts = [
        Part(key=dataset, value=len(partners), kin=len(partners & known.kin))
        for dataset, partners in by_dataset.items()
    ]
    everybody = set[str]().union(*by_dataset.values())
    through = Counter(space for partner in everybody for space in known.spaces.get(partner, ()))
    return _of(
        len(everybody) if story.published or running else None,
        [*offered, *(event for one in running for event in (one.asked, one.begun))],
        parts=tuple(sorted(parts, key=lambda part: (-part.value, part.key))),
        spaces=tuple(
            Part(key=name, value=through[name]) for name in sorted(through, key=lambda one: (-through[one], one))
        ),
    )


def _until_used(log: Log, story: Story, known: Known, now: int) -> Figure:
    """Days from publication to the first delivery that arrived whole, by dataset; the value is their median."""
    dataset_by_agreement = {one.agreement: one.dataset for one in story.contracts}
    first: dict[str, Event] = {}
    for _, sent in story.deliveries.values():
        dataset = "" if sent is None else dataset_by_agreement.get(sent.agreement or "", "")
        if sent is not None and dataset in story.published and sent.at >= story.published[dataset][0].at:
            first[dataset] = min(first.get(dataset, sent), sent, key=lambda one: one.id)
    days = {name: (sent.at - story.published[name][0].at) / DAY_S / 1000 for name, sent in first.items()}
    parts = sorted((Part(key=name, value=value) for name, value in days.items()), key=lambda one: (one.value, one.key))
    events = [event for name, sent in first.items() for event in (story.published[name][0], sent)]
    return _of(median(days.values()) if days else None, events, parts=tuple(parts))


def _until_agreed(log: Log, story: Story, known: Known, now: int) -> Figure:
    """Seconds from a request to its contract; apart where a person acted in between."""
    took = [(one, (one.begun.at - one.asked.at) / 1000) for one in story.contracts if one.begun.at >= one.asked.at]
    kinds: dict[str, list[float]] = {"automatic": [], "by-hand": []}
    for one, seconds in took:
        kinds["automatic" if one.by_hand is None else "by-hand"].append(seconds)
    return _of(
        median(seconds for _, seconds in took) if took else None,
        (event for one, _ in took for event in (one.asked, one.by_hand, one.begun) if event is not None),
        parts=tuple(Part(key=kind, value=median(found), of=len(found)) for kind, found in kinds.items() if found),
        series=_by_month(now, ((one.begun.at, seconds) for one, seconds in took), median),
    )


def _delivered(log: Log, story: Story, known: Known, now: int) -> Figure:
    """Deliveries that arrived whole, of those that were let begin."""
    found = list(story.deliveries.values())
    whole = [sent for _, sent in found if sent is not None]
    return _of(
        len(whole) if found else None,
        (event for pair in found for event in pair if event is not None),
        of=len(found),
        series=_by_month(now, ((begun.at, float(sent is not None)) for begun, sent in found), _mean),
    )


def _refusals_by_reason(log: Log, story: Story, known: Known, now: int) -> Figure:
    """What was not used, or no longer, and why: one entry for each negotiation, contract and delivery.

    Partners name reasons of their own, as many as they like: the rare ones are one part.
    """
    first: dict[str, Event] = {}
    for one in log.events:
        if (subject := _ended_subject(one)) is not None:
            first.setdefault(subject, one)
    counted = Counter(reason(one) for one in first.values())
    parts = [Part(key=code, value=number) for code, number in counted.items()]
    ordered = sorted(parts, key=lambda part: (-part.value, part.key))
    if rare := ordered[MOST_REASONS:]:
        ordered = [*ordered[:MOST_REASONS], Part(key=FURTHER, value=sum(part.value for part in rare))]
    return _of(len(first) if log.events else None, first.values(), parts=tuple(ordered))


def _ended_subject(one: Event) -> str | None:
    """What came to nothing, or to an end, by this entry; None if nothing did."""
    body = one.body
    if one.type == "termination" and body.event != "not-delivered":
        return one.agreement or body.negotiation
    if one.type == "transfer" and body.event in _FAILED:
        return body.transfer
    if one.type == "decision" and body.permit is False:
        return body.transfer or one.agreement or body.negotiation
    return None


def reason(one: Event) -> str:
    """The code that the entry gives for an end or a refusal."""
    if one.type == "decision":
        return "policy"
    return one.body.code or (one.body.event if one.body.event in ("replaced", "refused") else "ended")


def _equal_treatment(log: Log, story: Story, known: Known, now: int) -> Figure:
    """Decisions that come out the same when they are made again, for whoever has the same claims."""
    by_id = {one.body.decision: one for one in log.events if one.type == "decision" and one.body.decision}
    judged = [one for one in known.judged if one.id in by_id]
    counted = Counter(_verdict(one) for one in judged)
    return _of(
        counted["equal"] if judged else None,
        (by_id[one.id] for one in judged),
        of=len(judged),
        parts=tuple(Part(key=key, value=counted[key]) for key in ("equal", "unequal", "changed")) if judged else (),
    )


def _verdict(one: Judged) -> str:
    return "changed" if not one.reproduced else "equal" if one.equal else "unequal"


# Plain counts


def _published(log: Log, story: Story, known: Known, now: int) -> Figure:
    """Datasets and further offers on them, those that were withdrawn later included."""
    found = [one for one in log.events if publishes(one)]
    return _of(len(found), found)


def _agreements(log: Log, story: Story, known: Known, now: int) -> Figure:
    """Contracts in either role; a further record of one counts no second time."""
    first: dict[str, Event] = {}
    for one in log.events:
        if one.type == "agreement" and one.agreement is not None:
            first.setdefault(one.agreement, one)
    return _of(len(first), first.values())


def _refusals(log: Log, story: Story, known: Known, now: int) -> Figure:
    found = [one for one in log.events if one.type == "decision" and one.body.permit is False]
    return _of(len(found), found)


def _bytes(log: Log, story: Story, known: Known, now: int) -> Figure:
    found = [one for one in log.events if one.type == "transfer" and one.body.event in _MOVED]
    return _of(sum(one.body.bytes for one in found), found)


_COUNTS: dict[str, Count] = {
    "N1": _reuse_rate,
    "N2": _partners,
    "N3": _until_used,
    "N4": _until_agreed,
    "N5": _delivered,
    "N7": _refusals_by_reason,
    "N9": _equal_treatment,
    "published": _published,
    "agreements": _agreements,
    "refusals": _refusals,
    "bytes": _bytes,
}


# Months


def _in_force(story: Story, at: int) -> Iterator[Contract]:
    return (one for one in story.contracts if one.in_force(at))


def _months(now: int, count: int = MONTHS) -> list[tuple[str, int]]:
    """The last months, each with its last moment (ms, local time); the current one with `now`."""
    at = datetime.fromtimestamp(now / 1000, SPACE)
    found = [(at.strftime("%Y-%m"), now)]
    for _ in range(count - 1):
        at = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        end = int(at.timestamp() * 1000) - 1
        at = datetime.fromtimestamp(end / 1000, SPACE)
        found.append((at.strftime("%Y-%m"), end))
    return found[::-1]


def _by_month(now: int, found: Iterable[tuple[int, float]], value: Callable[[list[float]], float]) -> tuple[Point, ...]:
    """`found` are pairs of an instant (ms) and a number; a month without any has no value."""
    (_, before), *months = _months(now, MONTHS + 1)
    ends = [end for _, end in months]
    held: list[list[float]] = [[] for _ in months]
    for at, number in found:
        if before < at <= now:
            held[bisect_left(ends, at)].append(number)
    return tuple(
        Point(month=name, value=value(numbers) if numbers else None)
        for (name, _), numbers in zip(months, held, strict=True)
    )


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)
