"""What a log tells of datasets, requests, contracts and deliveries: pure, and a function of the entries alone.

A record of a contract names no dataset; the decision about its request does, by the offer that was asked for. So what
was reused is known to the provider, whose log has both.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from connector.oversight.figures.model import Event

ENDED = frozenset({"", "ended", "replaced"})
"""Events of a `termination` record after which nothing is in force; empty: its negotiation ended before."""
OFFERS = "/offers/"
MACHINES = frozenset({"system", "peer", "operator", "authority", "steward"})
"""Actors of records that are no person."""


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """A contract as provider. `until` is when it runs out by its own text, `ended` the entry that ended it
    earlier, `by_hand` the first one in which a person acted before it stood."""

    agreement: str
    dataset: str
    counterparty: str
    begun: Event
    asked: Event
    by_hand: Event | None
    ended: Event | None
    until: int | None

    def in_force(self, at: int) -> bool:
        """At this moment (ms)."""
        over = self.ended is not None and self.ended.at <= at
        return self.begun.at <= at and not over and (self.until is None or at < self.until)


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """`published`: by dataset the entries that published it first and, if so, withdrew it. `deliveries` are those of
    contracts as provider: by transfer the entries that let it begin and that moved it whole, if one did."""

    published: Mapping[str, tuple[Event, Event | None]]
    contracts: tuple[Contract, ...]
    deliveries: Mapping[str, tuple[Event, Event | None]]

    def offered(self, at: int) -> Iterator[tuple[str, Event]]:
        """Datasets that were published at this moment, each with the entry."""
        for dataset, (made, gone) in self.published.items():
            if made.at <= at and (gone is None or at < gone.at):
                yield dataset, made


def tell(events: Iterable[Event], ends: Mapping[str, int]) -> Story:
    """The entries in their order; `ends` as in `Known`."""
    events = tuple(events)
    return Story(
        published=_published(events), contracts=tuple(_contracts(events, ends)), deliveries=_deliveries(events)
    )


def dataset_of(event: Event) -> str:
    """The dataset whose offer the entry is about; empty if it names none."""
    return event.body.offer.partition(OFFERS)[0]


def _published(events: tuple[Event, ...]) -> dict[str, tuple[Event, Event | None]]:
    found: dict[str, tuple[Event, Event | None]] = {}
    for one in events:
        name = one.body.dataset
        if one.type != "publication" or not name:
            continue
        if one.body.action == "withdrawn" and name in found:
            found[name] = (found[name][0], one)
        elif publishes(one) and found.get(name, (one, one))[1] is not None:
            found[name] = (one, None)
    return found


def publishes(event: Event) -> bool:
    """Whether it makes a dataset public or offers it: not what became of it later, nor who sees it."""
    body = event.body
    return event.type == "publication" and (body.action == "published" or bool(body.policy and not body.action))


def _contracts(events: tuple[Event, ...], ends: Mapping[str, int]) -> Iterator[Contract]:
    asked, hands, ended = _asked(events), _by_hand(events), _ended(events)
    seen = set[str]()
    for one in events:
        request = asked.get(one.body.negotiation)
        if one.type != "agreement" or one.agreement is None or one.agreement in seen or request is None:
            continue
        seen.add(one.agreement)
        yield Contract(
            agreement=one.agreement,
            dataset=dataset_of(request),
            counterparty=one.body.counterparty,
            begun=one,
            asked=request,
            by_hand=hands.get(one.body.negotiation),
            ended=ended.get(one.agreement),
            until=ends.get(one.body.agreement or ""),
        )


def _asked(events: tuple[Event, ...]) -> dict[str, Event]:
    """By negotiation the first decision about an offer of ours."""
    found: dict[str, Event] = {}
    for one in events:
        if one.type == "decision" and one.body.negotiation and OFFERS in one.body.offer:
            found.setdefault(one.body.negotiation, one)
    return found


def _by_hand(events: tuple[Event, ...]) -> dict[str, Event]:
    """By negotiation the first entry of a person before the contract stood."""
    found, done = dict[str, Event](), set[str]()
    for one in events:
        if one.type == "agreement":
            done.add(one.body.negotiation)
        elif one.body.negotiation and one.body.negotiation not in done and one.actor not in MACHINES:
            found.setdefault(one.body.negotiation, one)
    return found


def _ended(events: tuple[Event, ...]) -> dict[str, Event]:
    found: dict[str, Event] = {}
    for one in events:
        if one.type == "termination" and one.agreement is not None and one.body.event in ENDED:
            found.setdefault(one.agreement, one)
    return found


def _deliveries(events: tuple[Event, ...]) -> dict[str, tuple[Event, Event | None]]:
    found: dict[str, tuple[Event, Event | None]] = {}
    for one in events:
        name = one.body.transfer
        if one.type == "decision" and name and one.body.permit:
            found.setdefault(name, (one, None))
        elif one.type == "transfer" and one.body.event == "sent" and name in found and found[name][1] is None:
            found[name] = (found[name][0], one)
    return found
