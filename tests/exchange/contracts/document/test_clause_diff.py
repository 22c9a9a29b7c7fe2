"""Old and new sentences side by side: every clause once, and what became of it in one word."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.exchange.contracts.document import clause_diff
from connector.exchange.contracts.document.clause_diff import MOST, Clause, Row, compare


def clause(de: str, badge: str = "enforced") -> Clause:
    return Clause(de, f"en: {de}", badge)


USE = clause("Sie dürfen die Daten nutzen.")
UNTIL_27 = clause("Die Nutzung endet am 31. Dezember 2027.")
UNTIL_28 = clause("Die Nutzung endet am 31. Dezember 2028.")
DELETE = clause("Sie löschen die Daten binnen 30 Tagen.")
PAY = clause("Sie zahlen 500 Euro.")


def told(rows: list[Row]) -> list[tuple[str, str | None, str | None]]:
    return [(row.change, row.before and row.before.de, row.after and row.after.de) for row in rows]


def test_kept_changed_added_and_dropped() -> None:
    """>> another end, a payment instead of the deletion << each clause once, the dropped one last."""
    assert told(compare([USE, UNTIL_27, DELETE], [USE, UNTIL_28, PAY])) == [
        ("kept", USE.de, USE.de),
        ("changed", UNTIL_27.de, UNTIL_28.de),
        ("added", None, PAY.de),
        ("dropped", DELETE.de, None),
    ]


def test_another_order_is_no_change() -> None:
    assert {row.change for row in compare([USE, DELETE, PAY], [PAY, USE, DELETE])} == {"kept"}


def test_the_same_words_enforced_otherwise_are_a_change() -> None:
    weaker = clause(USE.de, "contractual")
    assert told(compare([USE], [weaker])) == [("changed", USE.de, USE.de)]
    assert [row.change for row in compare([USE, weaker], [weaker, USE])] == ["kept", "kept"]


def test_a_clause_said_twice_and_then_once_was_dropped_once() -> None:
    assert [row.change for row in compare([PAY, PAY], [PAY])] == ["kept", "dropped"]


def test_the_most_alike_are_paired() -> None:
    """>> two ends, each moved by a year << paired by likeness whatever stands first; unlike ones are not paired."""
    rows = compare([DELETE, UNTIL_27], [UNTIL_28, PAY])
    assert [row.change for row in rows] == ["changed", "added", "dropped"]


def test_very_many_clauses_are_not_compared_word_by_word() -> None:
    old = [clause(f"Klausel Nummer {index} gilt.") for index in range(MOST + 1)]
    new = [clause(f"Klausel Nummer {index} gilt nun.") for index in range(MOST + 1)]
    assert {row.change for row in compare(old, new)} == {"added", "dropped"}


SENTENCES = st.lists(
    st.builds(clause, st.text("ab ", max_size=6), st.sampled_from(["enforced", "contractual"])), max_size=7
)


@given(SENTENCES, SENTENCES)
def test_nothing_is_lost_and_nothing_made_up(old: list[Clause], new: list[Clause]) -> None:
    rows = compare(old, new)
    assert [row.after for row in rows if row.after is not None] == new
    assert sorted((row.before for row in rows if row.before is not None), key=repr) == sorted(old, key=repr)
    for row in rows:
        assert (row.change == "kept") == (row.before == row.after)


def test_what_is_stored_of_it_is_canonical() -> None:
    item = clause_diff.document("a" * 64, compare([USE], [USE, PAY]), "urn:uuid:x")
    said = json.loads(item.body)
    assert (said["replaces"], [row["change"] for row in said["rows"]]) == ("a" * 64, ["kept", "added"])
    assert said["rows"][1] == {
        "change": "added",
        "before": None,
        "after": {"badge": "enforced", "de": PAY.de, "en": PAY.en},
    }


def test_bug_long_clauses_of_a_peer_held_the_writer_for_minutes() -> None:
    """>> 200 clauses of 300 words, of four words only << not compared word by word: beyond `MOST_PAIRS` none is."""
    old, new = ([clause("a b c d " * 75 + f"{side}{at}") for at in range(200)] for side in "xy")
    assert {row.change for row in compare(old, new)} == {"added", "dropped"}
    few, too = old[:2], new[:2]
    assert {row.change for row in compare(few, too)} == {"changed"}


class Place(int):
    """The place of a clause, which counts how often it is compared or looked up."""

    work = 0

    def __eq__(self, other: object) -> bool:
        Place.work += 1
        return int(self) == other

    def __hash__(self) -> int:
        Place.work += 1
        return int(self)


def counted(old: list[Clause], new: list[Clause], monkeypatch: pytest.MonkeyPatch) -> int:
    """How much work `compare` does with places."""
    Place.work = 0
    monkeypatch.setattr(
        clause_diff, "enumerate", lambda many: ((Place(at), one) for at, one in enumerate(many)), raising=False
    )
    rows = compare(old, new)
    monkeypatch.undo()
    assert len(rows) == max(len(old), len(new))
    return Place.work


@pytest.mark.parametrize("kind", ["all the same words", "all different words", "the same with other badges"])
def test_bug_finding_the_same_words_went_through_all_that_was_found_for_each_clause(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> twice as many clauses << about twice the work, not four times; and a few steps for each clause."""

    def many(count: int, badge: str) -> list[Clause]:
        return [
            clause("Sie nutzen." if kind == "all the same words" else f"Sie nutzen {at}.", badge) for at in range(count)
        ]

    other = "told" if kind == "the same with other badges" else "enforced"
    few, double = (counted(many(n, "enforced"), many(n, other), monkeypatch) for n in (400, 800))
    assert few <= 400 * 20
    assert double <= few * 2.2
