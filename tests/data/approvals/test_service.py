"""An approval is about certain terms: others need another one, and what nobody needs any more is withdrawn."""

from typing import Any

import pytest

from connector.data.approvals.model import ApprovalRow, ApprovalRule, Voter
from connector.data.approvals.service import Asked, TermsBack
from tests.testkit.towns import Towns

TOWN = "musterstadt"
CARL = Voter("p-cccccc", frozenset({"protection"}))


async def asked(towns: Towns, terms: str, **more: Any) -> ApprovalRow | None:
    base: dict[str, Any] = {"subject": "contract", "title": "Bäume", "process": "urn:uuid:1", "personal": True}
    return await towns.db.write(TOWN, towns.approvals.contract, TOWN, Asked(**{**base, "terms": terms, **more}))


async def test_the_same_terms_are_the_same_approval(towns: Towns) -> None:
    first, again = await asked(towns, "a"), await asked(towns, "a")
    assert first is not None
    assert again == first


async def test_a_yes_to_other_terms_counts_for_nothing(towns: Towns) -> None:
    """>> yes to terms a, then terms b << a new approval, open."""
    first = await asked(towns, "a")
    assert first is not None
    await towns.db.write(TOWN, towns.approvals.yes, TOWN, first.id, CARL)
    same = await asked(towns, "a")
    assert same is not None
    assert same.ballot.state == "approved"
    other = await asked(towns, "b")
    assert other is not None
    assert (other.id != first.id, other.ballot.state) == (True, "open")


async def test_what_was_open_for_former_terms_is_withdrawn(towns: Towns) -> None:
    first = await asked(towns, "a")
    assert first is not None
    await asked(towns, "b")
    found = await towns.db.read(TOWN, towns.approvals.get, TOWN, first.id)
    assert found.ballot.state == "withdrawn"


@pytest.mark.parametrize(("version", "roles", "votes"), [("1", {"steward"}, 1), ("2", {"steward"}, 0), ("1", set(), 0)])
async def test_whoever_offers_terms_has_agreed_to_them_for_the_data_of_then(
    towns: Towns, version: str, roles: set[str], votes: int
) -> None:
    """>> terms b are offered instead, and accepted; the data have a new version, or she is no steward any more
    << whoever offered is asked, too."""
    towns.people.roles = {"p-aaaaaa": roles}
    rule = ApprovalRule(subject="contract", template="", people="two", protection=False, days=14)
    await towns.db.write(TOWN, towns.approvals.rules.put, TOWN, rule, CARL.who)
    first = await asked(towns, "a", dataset_version="1", personal=False)
    assert first is not None
    steward, back = Voter("p-aaaaaa", frozenset({"steward"})), TermsBack({}, "b")
    await towns.db.write(TOWN, towns.approvals.counter, TOWN, first.id, steward, back)
    accepted = await asked(towns, "b", dataset_version=version, personal=False)
    assert accepted is not None
    assert len(accepted.ballot.votes) == votes


async def test_what_somebody_of_ours_wanted_counts_her(towns: Towns) -> None:
    """>> four eyes for offers; wanted by a known person, by an unknown one << one more, two."""
    towns.people.roles = {"p-aaaaaa": {"steward"}}
    rule = ApprovalRule(subject="offer", template="", people="two", protection=False, days=14)
    await towns.db.write(TOWN, towns.approvals.rules.put, TOWN, rule, CARL.who)
    known = await asked(towns, "a", subject="offer", wanted=True, drafter="p-aaaaaa", personal=False)
    unknown = await asked(towns, "a", subject="offer", wanted=True, process="urn:uuid:2", personal=False)
    assert known is not None
    assert unknown is not None
    assert (known.ballot.missing("steward"), unknown.ballot.missing("steward")) == (1, 2)


@pytest.mark.threat("T174")
async def test_bug_whoever_asked_and_was_dismissed_was_the_first_of_two(towns: Towns) -> None:
    """>> she asks for data and loses the role; the partner offers then, and again << two others have to agree, in the
    one approval."""
    towns.people.roles = {"p-aaaaaa": {"publisher"}}
    rule = ApprovalRule(subject="offer", template="", people="two", protection=False, days=14)
    await towns.db.write(TOWN, towns.approvals.rules.put, TOWN, rule, CARL.who)
    once, again = [
        await asked(towns, "a", subject="offer", wanted=True, drafter="p-aaaaaa", personal=False) for _ in range(2)
    ]
    assert once is not None
    assert once == again
    assert (once.ballot.missing("steward"), once.ballot.authors & {"p-aaaaaa"}) == (2, frozenset())


@pytest.mark.on_both
async def test_what_is_logged_names_no_words(towns: Towns) -> None:
    """>> a no with words of one's own << the log has person and code, the row the words."""
    first = await asked(towns, "a")
    assert first is not None
    await towns.db.write(TOWN, towns.approvals.no, TOWN, first.id, CARL, "other", "Nicht so kurz vor der Wahl.")
    rows = await towns.rows(TOWN, "SELECT record FROM audit_entry WHERE participant = :participant ORDER BY id DESC")
    newest = bytes(rows[0]["record"])
    assert b'"actor":"p-cccccc"' in newest
    assert b'"code":"other"' in newest
    assert b"Wahl" not in newest
    found = await towns.db.read(TOWN, towns.approvals.get, TOWN, first.id)
    assert found.reason == "Nicht so kurz vor der Wahl."
