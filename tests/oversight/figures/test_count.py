"""Figures are counted from the log: the same entries give the same numbers, and each number is proven by its events."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.foundation.storage.database import Database, Tx
from connector.foundation.zone import SPACE
from connector.identity.audit import store as audit
from connector.oversight.figures import store
from connector.oversight.figures.count import figures
from connector.oversight.figures.model import Body, Event, Figure, Judged, Known, Log, Part, definitions
from tests.fuzz.effort import amount

TOWN, ROOT = "musterstadt", "https://localhost:18443/musterstadt"
DID = "did:web:localhost%3A18443:musterstadt"
NOW = 1_795_000_000_000
SECOND, DAY = 1000, 86_400_000
PUBLICATIONS: tuple[dict[str, object], ...] = (
    {"dataset": "1", "offer": "1/offers/o", "policy": "p", "version": "v"},
    {"dataset": "2", "action": "published", "revision": 1, "version": "v"},
    {"dataset": "1", "action": "changed", "revision": 2, "version": "v"},
    {"dataset": "1", "action": "withdrawn", "revision": 3, "version": "v"},
    {"dataset": "1", "offer": "1/offers/o", "visibility": "eligible", "countersignature": "none"},
    {"publisher": ["ars"]},
)


class Book:
    """A log written line by line, a minute between two entries unless `after` says otherwise (ms)."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.at = NOW - 40 * DAY

    def add(
        self, type_: str, about: str | None = None, /, actor: str = "system", after: int = 60 * SECOND, **body: Any
    ) -> Event:
        self.at += after
        event = Event(
            id=len(self.events) + 1,
            index=None,
            type=type_,
            at=self.at,
            agreement=about,
            actor=actor,
            body=Body(**body),
        )
        self.events.append(event)
        return event

    def publish(self, name: str, **more: Any) -> None:
        self.add("publication", dataset=name, offer=f"{name}/offers/o", policy="p", **more)

    def ask(self, negotiation: str, dataset: str, partner: str = "did:b", **more: Any) -> None:
        self.add(
            "decision", negotiation=negotiation, counterparty=partner, offer=f"{dataset}/offers/o", permit=True, **more
        )

    def agree(self, negotiation: str, partner: str = "did:b", **more: Any) -> None:
        self.add(
            "agreement",
            f"urn:{negotiation}",
            negotiation=negotiation,
            counterparty=partner,
            agreement=f"sha-{negotiation}",
            **more,
        )

    def figures(self, **known: Any) -> dict[str, Figure]:
        return counted(tuple(self.events), Known(**known))


def counted(events: tuple[Event, ...], known: Known) -> dict[str, Figure]:
    return {one.definition.id: one for one in figures(Log(events=events), known, NOW)}


async def test_only_publications_count_as_published(any_db: Database) -> None:
    """>> an offer, open data without one, a change, a withdrawal, another visibility, a contact << two."""

    def log(tx: Tx) -> None:
        for body in PUBLICATIONS:
            audit.append(tx, TOWN, "publication", None, "steward", body, did=DID)
        audit.append(tx, TOWN, "decision", "a", "peer", {"permit": False}, did=DID)
        audit.append(tx, TOWN, "transfer", "a", "peer", {"event": "sent", "bytes": 8}, did=DID)

    await any_db.write(TOWN, log)
    log_ = await any_db.read(TOWN, store.log, TOWN)
    found = {one.definition.id: one for one in figures(log_, Known(), NOW)}
    plain = ("published", "agreements", "refusals", "bytes")
    assert {name: found[name].value for name in plain} == {"published": 2, "agreements": 0, "refusals": 1, "bytes": 8}
    assert len(found["published"].events) == 2
    assert log_.whole
    assert [one.type for one in log_.events] == ["publication"] * 6 + ["decision", "transfer"]
    half = await any_db.read(TOWN, store.log, TOWN, 4)
    assert (len(half.events), half.whole, half.events[-1]) == (4, False, log_.events[-1])


def test_what_no_log_proves_has_no_number() -> None:
    """>> an empty log << no value anywhere but plain counts, each with its reason; two can never be proven."""
    found = counted((), Known())
    assert list(found) == [one.id for one in definitions()]
    assert {name: (one.value, one.lacks) for name, one in found.items() if name.startswith("N")} == {
        "N1": (None, "nothing-yet"),
        "N2": (None, "nothing-yet"),
        "N3": (None, "nothing-yet"),
        "N4": (None, "nothing-yet"),
        "N5": (None, "nothing-yet"),
        "N6": (None, "not-logged"),
        "N7": (None, "nothing-yet"),
        "N8": (None, "no-size"),
        "N9": (None, "nothing-yet"),
    }


def test_a_contract_reuses_its_dataset_until_it_ends() -> None:
    """>> two datasets, one asked for and agreed << 1 of 2; >> ended << 0 of 2; >> run out by its text << 0 of 2."""
    book = Book()
    book.publish("a")
    book.publish("b")
    book.ask("n", "a")
    book.agree("n")
    reused = book.figures()["N1"]
    assert (reused.value, reused.of, reused.series[-1].value) == (1, 2, 0.5)
    assert book.figures(ends={"sha-n": NOW})["N1"].value == 0
    assert book.figures(ends={"sha-n": NOW + 1})["N1"].value == 1
    book.add("termination", "urn:n", event="stated", by="provider")
    assert book.figures()["N1"].value == 1
    book.add("termination", "urn:n", event="ended", by="provider")
    assert (book.figures()["N1"].value, book.figures()["N1"].of) == (0, 2)


def test_withdrawn_and_published_again() -> None:
    """>> published, withdrawn, published anew << not counted in between."""
    book = Book()
    book.publish("a", after=0)
    book.add("publication", dataset="a", action="withdrawn")
    assert (book.figures()["N1"].value, book.figures()["N1"].of) == (None, 0)
    book.publish("a")
    assert book.figures()["N1"].of == 1


def test_partners_of_our_own_group_are_counted_apart() -> None:
    book = Book()
    book.publish("a")
    for number, partner in enumerate(("did:b", "did:c", "did:b")):
        book.ask(f"n{number}", "a", partner)
        book.agree(f"n{number}", partner)
    found = book.figures(kin=frozenset({"did:c"}))["N2"]
    assert (found.value, found.parts) == (2, (Part(key="a", value=2, kin=1),))


def test_partners_are_counted_by_space_and_may_be_in_several() -> None:
    """>> three partners, one known through two spaces, one through none now << each space with as many as it has."""
    book = Book()
    book.publish("a")
    for number, partner in enumerate(("did:b", "did:c", "did:d")):
        book.ask(f"n{number}", "a", partner)
        book.agree(f"n{number}", partner)
    found = book.figures(spaces={"did:b": ("Kreis", "Land"), "did:c": ("Land",), "did:x": ("Bund",)})["N2"]
    assert (found.value, found.spaces) == (3, (Part(key="Land", value=2), Part(key="Kreis", value=1)))


def test_partners_of_withdrawn_data_still_count() -> None:
    """>> a contract, then the data are withdrawn << the partner counts, by the entries of the contract alone, too."""
    book = Book()
    book.publish("a")
    book.ask("n", "a")
    book.agree("n")
    book.add("publication", dataset="a", action="withdrawn")
    found = book.figures()["N2"]
    assert found.value == 1
    assert counted(found.events, Known())["N2"].value == 1


def test_times_run_from_publication_and_from_request() -> None:
    """>> published, two days later asked, approved, an hour later agreed, delivered << 2.04 days, 3 720 s."""
    book = Book()
    book.publish("a")
    book.ask("n", "a", after=2 * DAY)
    book.add("confirmation", actor="p-7f3a91", negotiation="n")
    book.agree("n", after=3_660 * SECOND)
    book.add("decision", "urn:n", transfer="t", permit=True, after=0)
    book.add("transfer", "urn:n", transfer="t", event="part", bytes=3, after=0)
    book.add("transfer", "urn:n", transfer="t", event="sent", bytes=8, after=0)
    found = book.figures()
    assert found["N3"].value == pytest.approx((2 * DAY + 3_720 * SECOND) / DAY)
    assert (found["N4"].value, found["N4"].parts) == (3_720, (Part(key="by-hand", value=3_720, of=1),))
    assert (found["N5"].value, found["N5"].of, found["bytes"].value) == (1, 1, 11)


def test_what_came_to_nothing_is_counted_once_with_its_reason() -> None:
    """>> refused by the rule and then ended, ended by the partner, a delivery broken off, an end not delivered << 3."""
    book = Book()
    book.add("decision", negotiation="n", offer="a/offers/o", permit=False)
    book.add("termination", negotiation="n", by="us", code="policy")
    book.add("termination", negotiation="m", by="peer", code="too-dear")
    book.add("transfer", "urn:x", transfer="t", event="terminated", by="peer", code="too-dear")
    book.add("termination", "urn:x", event="not-delivered")
    found = book.figures()["N7"]
    assert (found.value, found.parts) == (3, (Part(key="too-dear", value=2), Part(key="policy", value=1)))


def test_reasons_that_a_partner_makes_up_fill_no_page() -> None:
    """>> a partner ends a thousand negotiations, each for another reason << forty, and the rest as one."""
    book = Book()
    for number in range(1_000):
        book.add("termination", negotiation=f"n{number}", by="peer", code=f"{number:04}/<b>")
    found = book.figures()["N7"]
    assert (len(found.parts), found.parts[-1], found.value) == (41, Part(key="further", value=960), 1_000)


def test_equal_treatment_counts_what_was_made_again() -> None:
    book = Book()
    for name in "abc":
        book.add("decision", transfer="t", permit=True, decision=name)
    judged = (
        Judged(id="a", reproduced=True, equal=True),
        Judged(id="b", reproduced=True, equal=False),
        Judged(id="c", reproduced=False, equal=False),
        Judged(id="not-logged", reproduced=True, equal=True),
    )
    found = book.figures(judged=judged)["N9"]
    assert (found.value, found.of) == (1, 3)
    assert [(one.key, one.value) for one in found.parts] == [("equal", 1), ("unequal", 1), ("changed", 1)]


Move = tuple[str, int, int]
"""What happens, to which of a few things, by which of a few partners."""
MOVES = st.lists(
    st.tuples(
        st.sampled_from(["publish", "withdraw", "ask", "refuse", "agree", "end", "start", "send", "change"]),
        st.integers(0, 3),
        st.integers(0, 2),
    ),
    max_size=60,
)


class World:
    """The same moves told naively, by sets: what figures must say without having seen them."""

    def __init__(self) -> None:
        self.book = Book()
        self.published: set[str] = set()
        self.ever: set[str] = set()
        self.asked: dict[str, tuple[str, str]] = {}
        self.force: dict[str, tuple[str, str]] = {}
        self.agreed: set[str] = set()
        self.gone: set[str] = set()
        self.started: set[str] = set()
        self.sent: set[str] = set()

    def play(self, moves: list[Move]) -> None:
        steps: Mapping[str, Callable[[str, str], None]] = {
            "publish": self._publish,
            "withdraw": self._withdraw,
            "ask": self._ask,
            "refuse": self._refuse,
            "agree": self._agree,
            "end": self._end,
            "start": self._start,
            "send": self._send,
            "change": self._change,
        }
        for kind, thing, partner in moves:
            steps[kind](str(thing), f"did:{partner}")

    def _publish(self, name: str, partner: str) -> None:
        self.book.publish(name)
        self.published.add(name)
        self.ever.add(name)

    def _withdraw(self, name: str, partner: str) -> None:
        if name in self.published:
            self.book.add("publication", dataset=name, action="withdrawn")
            self.published.discard(name)

    def _change(self, name: str, partner: str) -> None:
        self.book.add("publication", dataset=name, action="changed")

    def _ask(self, name: str, partner: str) -> None:
        negotiation = f"n{len(self.book.events)}"
        self.book.ask(negotiation, name, partner)
        self.asked[negotiation] = (name, partner)

    def _refuse(self, name: str, partner: str) -> None:
        negotiation = f"n{len(self.book.events)}"
        self.book.add("decision", negotiation=negotiation, offer=f"{name}/offers/o", permit=False)
        self.book.add("termination", negotiation=negotiation, by="us", code="policy")
        self.gone.add(negotiation)

    def _agree(self, name: str, partner: str) -> None:
        waiting = [one for one in self.asked if one not in self.agreed]
        if waiting:
            chosen = waiting[int(name) % len(waiting)]
            self.book.agree(chosen, self.asked[chosen][1])
            self.agreed.add(chosen)
            self.force[chosen] = self.asked[chosen]

    def _end(self, name: str, partner: str) -> None:
        if self.force:
            chosen = sorted(self.force)[int(name) % len(self.force)]
            self.book.add("termination", f"urn:{chosen}", event="ended", by="consumer")
            del self.force[chosen]
            self.gone.add(chosen)

    def _start(self, name: str, partner: str) -> None:
        if self.agreed:
            transfer = f"t{len(self.book.events)}"
            agreement = f"urn:{sorted(self.agreed)[0]}"
            self.book.add("decision", agreement, transfer=transfer, permit=True)
            self.started.add(transfer)

    def _send(self, name: str, partner: str) -> None:
        if self.started:
            transfer = sorted(self.started)[int(name) % len(self.started)]
            self.book.add("transfer", transfer=transfer, event="sent", bytes=1)
            self.sent.add(transfer)


@given(MOVES)
def test_figures_say_what_happened(moves: list[Move]) -> None:
    """Whatever happened in whatever order: the numbers are those of somebody who watched."""
    world = World()
    world.play(moves)
    found = world.book.figures()
    reused = {dataset for dataset, _ in world.force.values() if dataset in world.published}
    if world.published:
        assert (found["N1"].value, found["N1"].of) == (len(reused), len(world.published))
    if world.ever:
        assert found["N2"].value == len({partner for _, partner in world.force.values()})
    if world.started:
        assert (found["N5"].value, found["N5"].of) == (len(world.sent), len(world.started))
    assert (found["N7"].value or 0) == len(world.gone)


@settings(max_examples=amount(50, 100))
@given(MOVES)
def test_each_number_is_proven_by_the_entries_that_it_opens(moves: list[Move]) -> None:
    """>> only the entries behind a figure << the same figure again: nothing else went into it."""
    world = World()
    world.play(moves)
    for name, figure in world.book.figures().items():
        again = counted(figure.events, Known())[name]
        assert (again.value or 0, again.of or 0, again.parts) == (figure.value or 0, figure.of or 0, figure.parts), name
        assert set(figure.events) <= set(world.book.events)


@settings(max_examples=amount(50, 100))
@given(MOVES, st.integers(0, 59))
def test_a_log_that_says_something_else_gives_other_numbers_or_the_same_events(moves: list[Move], place: int) -> None:
    """>> an entry taken out of the log << every figure that opened it opens something else now."""
    world = World()
    world.play(moves)
    if place >= len(world.book.events):
        return
    gone = world.book.events[place]
    before = world.book.figures()
    after = counted(tuple(one for one in world.book.events if one is not gone), Known())
    for name, figure in before.items():
        assert gone not in figure.events or after[name].events != figure.events, name


def test_a_month_begins_and_ends_at_midnight_here() -> None:
    """>> contracts a second before and at midnight of the first, local time << one a month; older ones in none."""
    midnight = int(datetime(2026, 11, 1, tzinfo=SPACE).timestamp() * 1000)
    book = Book()
    book.publish("a", after=0)
    for number, at in enumerate((midnight - 400 * DAY, midnight - SECOND, midnight)):
        book.at = at - 10 * SECOND
        book.ask(f"n{number}", "a", after=0)
        book.at = at
        book.agree(f"n{number}", after=0)
    found = {one.month: one.value for one in book.figures()["N4"].series}
    assert (found["2026-10"], found["2026-11"]) == (10, 10)
    assert sum(value is not None for value in found.values()) == 2
    assert len(found) == 12
