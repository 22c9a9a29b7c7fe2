"""The report says of whom a party is part by law, by the list that counts, and no check depends on it."""

import pytest

from connector.verify.checks.trusted_time import written
from connector.verify.formats import trustlist
from connector.verify.formats.faults import Fault
from tests.verify.forge import CONSUMER, DAY, NOW, PROVIDER, STRANGER
from tests.verify.judge import PASSED, named
from tests.verify.moved import EXPORTED, HEIR, Story

pytestmark = pytest.mark.threat("T122")
SINCE = NOW + 20 * DAY


def into(did: str, /, **more: object) -> dict[str, object]:
    return {"mergedInto": {"did": did, "from": written(SINCE), "listed": written(EXPORTED), **more}}


def test_a_party_that_moved_and_is_part_of_another_one() -> None:
    """>> the provider has moved and is part of the consumer << PASSED; who stands there, and of whom it is part."""
    story = Story().arrived()
    listed = story.listed(**into(CONSUMER))
    report = story.judged(listed)
    assert report.verdict is PASSED, report.reason
    name = trustlist.parse(listed.encode()).members[CONSUMER].name
    told = {"did": HEIR, "into": CONSUMER, "name": name, "since": written(SINCE)}
    assert report.stated["merger"] == {"version": 8, "provider": told}
    assert report.value("")["merger"] == report.stated["merger"]
    assert any(HEIR in note and f"part of {name} ({CONSUMER})" in note and "version 8" in note for note in report.notes)


def test_a_whole_is_named_as_it_is_now() -> None:
    """>> part of what has a successor; of somebody whom the list does not name << that successor; its DID."""
    story = Story().arrived()
    listed = trustlist.parse(story.listed(**into(PROVIDER)).encode())
    assert listed.last(PROVIDER) == HEIR
    for did, shown in ((STRANGER, STRANGER), (PROVIDER, HEIR)):
        report = story.judged(story.listed(**into(did)))
        assert report.verdict is PASSED, report.reason
        stated = report.stated["merger"]
        assert isinstance(stated, dict)
        assert stated["provider"]["into"] == shown


def test_nobody_is_part_of_anybody_where_the_list_says_nothing() -> None:
    report = Story().arrived().judged()
    assert report.verdict is PASSED, report.reason
    assert report.stated.get("merger") is None
    assert report.value("")["merger"] is None


@pytest.mark.parametrize("wrong", [{"from": "soon"}, {"listed": "soon"}, {"did": 7}, {"listed": None}])
def test_a_list_that_says_nonsense_is_no_list(wrong: dict[str, object]) -> None:
    story = Story().arrived()
    listed = story.listed(**into(CONSUMER, **wrong))
    with pytest.raises(Fault, match="trust-list-form"):
        trustlist.parse(listed.encode())
    assert named(story.judged(listed)) == ("trust-list", "trust-list-form")
