"""What ended, failed or was refused, as the log tells it: once each, and not what she did herself."""

from typing import Any

from connector.oversight.tasks.news import Body, Entry, Written, told

ME, DAY = "p-7f3a91", "2026-12-31T00:00:00Z"


def entry(id_: int, type_: str, agreement: str | None = None, actor: str = "system", **body: Any) -> Entry:
    return Entry(id=id_, at=id_ * 1000, said=Written(type=type_, agreement=agreement, actor=actor, body=Body(**body)))


def said(*entries: Entry) -> list[tuple[str, str, str, str]]:
    return [(one.outcome, one.noun, one.subject, one.code) for one in told(entries, ME)]


def test_what_each_kind_of_entry_tells() -> None:
    assert said(
        entry(1, "termination", negotiation="n", by="peer", code="too-dear"),
        entry(2, "termination", "urn:a", negotiation="m", by="us", code="countersignature-missing"),
        entry(3, "termination", "urn:b", event="ended", by="consumer"),
        entry(4, "termination", "urn:c", event="replaced", by="d" * 64),
        entry(5, "termination", "urn:d", event="stated", by="consumer", origin_side="peer", notice=DAY),
        entry(6, "termination", "urn:e", event="stated", by="provider", origin_side="us", notice=DAY),
        entry(7, "transfer", "urn:f", transfer="t", event="terminated", by="peer", code="integrity"),
        entry(8, "transfer", "urn:f", transfer="u", event="terminated", by="us", code="expired"),
        entry(9, "transfer", "urn:f", transfer="v", event="sent"),
        entry(10, "decision", transfer="w", permit=False),
        entry(11, "decision", negotiation="o", permit=True),
        entry(12, "alarm", event="key-change", did="did:b"),
        entry(13, "publication"),
    ) == [
        ("alarm", "log", "key-change did:b ", "key-change"),
        ("refused", "transfer", "w", "policy"),
        ("ended", "transfer", "u", "expired"),
        ("failed", "transfer", "t", "integrity"),
        ("notice", "agreement", "urn:d", "stated"),
        ("replaced", "agreement", "urn:c", "replaced"),
        ("ended", "agreement", "urn:b", "ended"),
        ("ended", "negotiation", "m", "countersignature-missing"),
        ("refused", "negotiation", "n", "too-dear"),
    ]


def test_one_end_is_told_once() -> None:
    """>> a rule says no and the negotiation ends, a partner asks twenty times << one each, the twenty counted."""
    refused = [
        entry(1, "decision", negotiation="n", permit=False),
        entry(2, "termination", negotiation="n", by="us", code="policy"),
    ]
    asked = [entry(number, "decision", transfer="t", permit=False) for number in range(3, 23)]
    found = told([*refused, *asked], ME)
    assert [(one.subject, one.count, one.entry) for one in found] == [("t", 20, 22), ("n", 1, 2)]


def test_what_she_did_herself_is_no_news() -> None:
    """>> she ends a contract, a colleague ends another << only the colleague's; >> nobody looks by name << both."""
    mine = entry(1, "termination", "urn:a", actor=ME, event="ended", by="provider")
    theirs = entry(2, "termination", "urn:b", actor="p-000000", event="ended", by="provider")
    assert [one.subject for one in told([mine, theirs], ME)] == ["urn:b"]
    assert [one.subject for one in told([mine, theirs], "")] == ["urn:b", "urn:a"]


def test_a_record_that_names_nothing_is_passed_over() -> None:
    assert said(entry(1, "transfer", event="terminated"), entry(2, "decision", permit=False)) == []
