"""Who can do what with the keys that they hold: each actor, alone and in pairs, tries every attack that is known.

The table is that of the specification (spec/contracts.md 9). Every cell is tried: what stands as possible succeeds, and
of all ways to do something no one reaches more than the cell says.
"""

import itertools
from collections.abc import Iterator, Sequence

import pytest

from connector.verify.bundle import verify_bundle
from connector.verify.checks.trusted_time import written
from tests.fuzz.effort import one_in
from tests.testkit.places import ROOT
from tests.verify.forge import CONSUMER, DAY, NOW, Witness
from tests.verify.hands import (
    ACTORS,
    AFTER,
    ATTACKS,
    BEST,
    Hand,
    World,
    denied,
    disowned,
    ended_by,
    forged,
    outcome,
    withheld,
)
from tests.verify.judge import INDETERMINATE, PASSED, named
from tests.verify.states import policy_of

pytestmark = pytest.mark.threat("T170")
PAGE = ROOT / "connector" / "docs" / "spec" / "contracts.md"
BOTH = ("provider's operator", "consumer's operator")
ROWS: list[tuple[str, ...]] = [
    (),
    *((one,) for one in ACTORS),
    *itertools.combinations(ACTORS, 2),
    (*BOTH, "witness"),
]
"""Nobody, each alone, each pair; and the three behind whom a town stands that shares its provider with its partner."""
P, C, W, A = "provider's operator", "consumer's operator", "witness", "authority"
NEEDS: dict[str, dict[str, Sequence[set[str]]]] = {
    "forge": {"can": [{A}, {P, C}, {P, "consumer"}, {C, "provider"}]},
    "back-date": {"can": [{A}, {P, C, W}], "today": [{P, C}, {P, "consumer"}, {C, "provider"}]},
    "forward-date": {"open": [{A}, {P, C}, {P, "consumer"}, {C, "provider"}]},
    "change": {"can": [{A}, {P, C}, {P, "consumer"}, {C, "provider"}]},
    "strip": {"open": [{A}, {P}, {C}]},
    "approval": {"can": [{A}, {C}, {P, "consumer"}]},
    "provider ends": {"can": [{A}, {P}, {C, "provider"}]},
    "consumer ends": {"can": [{A}, {C}, {P, "consumer"}]},
    "hide": {"can": [{A}, {P}, {C}]},
    "withhold": {"can": [{A}, {P}, {C}]},
    "end early": {"open": [{A}, {P}, {C, "provider"}]},
    "replay": {},
    "take over": {"can": [{A}]},
}
"""Who it takes at least for an outcome; with anybody less it is FAILED."""


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def expected(attack: str, actors: Sequence[str]) -> str:
    reached = (how for how, groups in NEEDS[attack].items() if any(group <= {*actors} for group in groups))
    return min(reached, key=BEST.index, default="FAILED")


def table(section: str = "9.1", behind: str = "9.2") -> Iterator[list[str]]:
    """The rows of the page's table, its head first."""
    chapter = PAGE.read_text(encoding="utf-8").partition(f"### {section}")[2].partition(f"### {behind}")[0]
    for line in chapter.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def test_the_page_says_what_is_tried_here() -> None:
    """Each row and cell of the specification, and no other."""
    head, *rows = table()
    assert head == ["Who", *ATTACKS]
    assert rows == [[" + ".join(row) or "nobody", *(expected(attack, row) for attack in ATTACKS)] for row in ROWS]


@pytest.mark.parametrize("row", one_in(6, [(row,) for row in ROWS]), ids=lambda row: " + ".join(row) or "nobody")
def test_nobody_reaches_more_than_the_table_says(world: World, row: tuple[str, ...]) -> None:
    """With their own keys and made-up ones for the rest; what they can, they do here."""
    assert {one: outcome(world, one, row) for one in ATTACKS} == {one: expected(one, row) for one in ATTACKS}


def test_the_honest_contract_passes_by_the_log_of_either_side(world: World) -> None:
    """What the attacks begin from: else everything would fail for a reason of its own."""
    for side in BOTH:
        assert outcome(world, "withhold", (side,)) == "can"
        assert outcome(world, "withhold", (side,), witness=policy_of(world.case.witness)) == "can"
    consumers = withheld(Hand(world, (C,), CONSUMER))
    assert outcome(world, "withhold", (P,), beside=consumers) == "can", "the partner's copy fits"
    assert verify_bundle(world.case.bundle(), world.case.roots, now=AFTER).verdict is PASSED


def test_a_second_witness_that_the_auditor_names_leaves_no_time_to_make_up(world: World) -> None:
    """>> the witnesses asked for are two, and one of them is honest << nothing is dated back."""
    policy = policy_of(world.case.witness, Witness("did:web:zweiter.example"), quorum="all")
    for row in ROWS:
        assert outcome(world, "back-date", row, witness=policy) in ("open", "FAILED"), row


def test_bug_the_partners_own_copy_shows_what_was_hidden_or_changed(world: World) -> None:
    """Bug: another countersignature than in the partner's copy PASSED beside it.

    >> the bundle beside that of the side that ended it << it passes for nobody, whoever helps."""
    everybody_else = tuple(one for one in ACTORS if one not in (C, "consumer"))
    for beside, attacks in (
        (ended_by("consumer")(Hand(world, (C,), CONSUMER)), ("hide", "withhold")),
        (withheld(Hand(world, (C,), CONSUMER)), ("change", "approval")),
    ):
        for attack in attacks:
            assert outcome(world, attack, everybody_else, beside=beside) in ("open", "FAILED"), attack


def test_an_old_copy_is_shown_by_anybody_and_says_until_when_it_speaks(world: World) -> None:
    """It was true then. The newest list takes the proof from who was suspended before; two of one number fail."""
    bundle = world.case.bundle()
    report = verify_bundle(bundle, world.case.roots, "en", now=AFTER)
    assert report.verdict is PASSED
    suspended = {CONSUMER: {"state": "suspended", "suspendedSince": written(NOW - 60)}}
    lists = [
        world.case.authority.list(
            world.logs, witnesses=[world.case.witness], changes=suspended, head={"version": number}
        )
        for number in (8, 7)
    ]
    newer, forked = (verify_bundle(bundle, world.case.roots, now=AFTER, trust_list=one.encode()) for one in lists)
    assert (newer.verdict, newer.doubts) == (INDETERMINATE, ("membership",))
    assert named(forked) == ("trust-list", "trust-list-forked")


DENY = [(), *((one,) for one in ACTORS), (C, "provider"), (P, "consumer"), (C, "consumer", W), (P, "provider", W)]
"""Who tries to spoil a party's bundle: what it takes at least, and the most that does not suffice."""


@pytest.mark.threat("T176")
@pytest.mark.threat("T190")
def test_bug_nobody_spoils_the_partners_bundle_but_who_sealed_something_else(world: World) -> None:
    """Bug: the consumer's operator made it FAILED by a record in its own log, and by a seal that it made up; the
    provider's operator made the consumer's FAILED by another contract of the provider's alone."""
    head, *rows = table("9.3", "9.4")
    assert head == ["Who", "provider's, beside", "consumer's, beside", "provider's, newer list"]
    left = {row: (denied(world, row), denied(world, row, CONSUMER), disowned(world, row)) for row in DENY}
    assert rows == [[" + ".join(row) or "nobody", *left[row]] for row in DENY]
    by_itself = ({A}, {P}, {C, "provider"}), ({A}, {C}, {P, "consumer"})
    for row, found in left.items():
        wrong = [*(any(group <= {*row} for group in groups) for groups in by_itself), A in row]
        assert found == tuple("FAILED" if one else "open" for one in wrong), row


def test_a_contract_of_who_was_suspended_passes_by_the_old_list_alone(world: World) -> None:
    """>> two operators make a contract with a member that is suspended, and bring the list of before << it passes; by
    the auditor's newest list it is not proven."""
    suspended = {CONSUMER: {"state": "suspended", "suspendedSince": written(NOW - DAY)}}
    newest = world.case.authority.list(
        world.logs, witnesses=[world.case.witness], changes=suspended, head={"version": 8, "issued": written(NOW)}
    )
    bundle = forged(Hand(world, BOTH))
    assert verify_bundle(bundle, world.case.roots, now=AFTER).verdict is PASSED
    report = verify_bundle(bundle, world.case.roots, now=AFTER, trust_list=newest.encode())
    assert (report.verdict, report.doubts) == (INDETERMINATE, ("membership",))
