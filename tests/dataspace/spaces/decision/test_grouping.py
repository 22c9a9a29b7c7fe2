"""Who is in a group, and since when, as a list says it: decided from rows alone."""

from itertools import product
from typing import Any

import pytest
from msgspec import json as msgjson
from msgspec.structs import replace

from connector.dataspace.spaces.decision import grouping
from connector.dataspace.spaces.decision.grouping import NotKeeper
from connector.dataspace.spaces.model import MOST_PERIODS, Group, GroupMembership, Keys, Member
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Mistake, Unknown
from connector.identity.trust.members.trust_list import Entry
from tests.dataspace.spaces.grouped import FOREST

SPACE = "https://kreis.example/space"


def test_of_all_periods_a_list_names_those_that_ended_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> three members whose time in a group is over, one that is in it << it, and the two that left last."""
    monkeypatch.setattr("connector.dataspace.spaces.decision.grouping.MOST_ENDED", 2)
    rows = [
        GroupMembership(
            participant="kreis",
            name=FOREST,
            did=f"did:web:{at}.de",
            number=1,
            asked_at=0,
            asked_by="",
            since=1,
            until=until,
        )
        for at, until in enumerate((3_000, 9_000, None, 5_000))
    ]
    assert set(grouping.periods("https://kreis.de/space", rows)) == {f"did:web:{at}.de" for at in (1, 2, 3)}


def member(did: str, state: str = "active") -> Member:
    return Member(
        participant="kreis",
        did=did,
        name="A",
        operator="RZ",
        kind="urn:kind",
        ars="",
        admin_level="",
        keys=Keys(),
        succeeds=(),
        state=state,
        since=0,
        until=None,
        suspended_since=None,
        reason="",
        application="",  # type: ignore[arg-type]
        changed_at=0,
    )


@pytest.mark.threat("T107")
def test_who_may_fill_a_group() -> None:
    """Every state of who asks, the keeper or not: the keeper in good standing alone."""
    group = Group(participant="kreis", name="wald", label={}, keeper="did:web:k", made_at=0)
    states = ("active", "suspended", "expelled", "left", "ended")
    for did, state in product(("did:web:k", "did:web:other"), states):
        if (did, state) == ("did:web:k", "active"):
            grouping.require_keeper(group, member(did, state))
        else:
            with pytest.raises(NotKeeper):
                grouping.require_keeper(group, member(did, state))


def test_of_many_periods_the_list_names_those_that_ended_last() -> None:
    rows = [
        GroupMembership(
            participant="kreis",
            name="wald",
            did="did:web:a",
            number=at,
            asked_at=at,
            asked_by="",
            since=at,
            until=at + 1,
        )
        for at in range(1, MOST_PERIODS + 10)
    ]
    still = replace(rows[0], name="fluss", until=None)
    said = grouping.periods(SPACE, [*rows, still])["did:web:a"]
    assert len(said) == MOST_PERIODS
    assert (said[0].group, said[0].valid_until) == (f"{SPACE}/groups/fluss", None)
    assert said[1].valid_from == rfc3339(11)


@pytest.mark.parametrize("name", ["", "Wald", "wald/fluss", "-wald", "wald-", "a" * 64, "wäld"])
def test_names_that_cannot_end_an_iri(name: str) -> None:
    with pytest.raises(Mistake):
        grouping.checked_name(name)
    with pytest.raises(Unknown):
        grouping.name_of(SPACE, f"{SPACE}/groups/{name}")


def test_a_list_of_before_is_read_as_ever_and_one_of_now_by_older_readers() -> None:
    """An entry without periods has its groups for as long as it belongs; one with them keeps `groups` beside them."""
    old: dict[str, Any] = {
        "did": "did:web:a",
        "name": "A",
        "operator": "A",
        "kind": "urn:k",
        "groups": ["urn:g"],
        "state": "active",
        "validFrom": rfc3339(0),
        "validUntil": None,
    }
    entry = msgjson.decode(msgjson.encode(old), type=Entry)
    assert entry.at(5).groups == ("urn:g",)
    periods = [{"group": "urn:h", "validFrom": rfc3339(1_000), "validUntil": rfc3339(2_000)}]
    timed = msgjson.decode(msgjson.encode({**old, "groupPeriods": periods}), type=Entry)
    assert [timed.at(at).groups for at in (0, 1_000, 2_000)] == [("urn:g",), ("urn:g", "urn:h"), ("urn:g",)]
