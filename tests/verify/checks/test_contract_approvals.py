"""An auditor is told whether a rule or people approved at each party, and who they are (decisions 0045, 0177)."""

import pytest

from connector.verify import remarks
from connector.verify.bundle import verify_bundle
from connector.verify.checks import contract
from connector.verify.checks.anchors import Anchors
from connector.verify.checks.contract import Approval, Given
from connector.verify.checks.examination import Examination
from connector.verify.checks.trusted_time import Moment
from connector.verify.formats import jcs
from tests.verify.forge import Case
from tests.verify.judge import PASSED

pytestmark = pytest.mark.threat("T65")
RULE = {
    "at": "2026-11-24T20:00:03Z",
    "mandate": None,
    "onBehalfOf": "did:web:a.example",
    "pseudonym": None,
    "role": "automatic",
    "rule": "https://a.example/o/1",
    "side": "consumer",
}
PERSON = {**RULE, "role": "Amtsleitung", "pseudonym": "p-7f3a91"}


def approved(body: bytes) -> Approval | None:
    return contract.approved("consumer", {"approval-consumer.json": body})


def test_a_rule_and_a_person_are_told_apart() -> None:
    assert approved(jcs.encode(RULE)) == Approval("automatic", "automatic", "", "2026-11-24T20:00:03Z")
    assert approved(jcs.encode(PERSON)) == Approval("person", "Amtsleitung", "p-7f3a91", "2026-11-24T20:00:03Z")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        jcs.encode({**RULE, "pseudonym": "p-7f3a91"}),
        jcs.encode({**PERSON, "pseudonym": None}),
        jcs.encode({**RULE, "at": 7}),
        jcs.encode(RULE) + b" ",
        jcs.encode(RULE)[:-1] + b',"side":"consumer"}',
    ],
)
def test_what_says_neither_is_taken_for_neither(body: bytes) -> None:
    """<< a rule with a pseudonym, a person without, another spelling >> nobody is said to have approved."""
    assert approved(body) is None


TWO = [
    {"at": "2026-11-24T18:00:00Z", "pseudonym": "p-aaaaaa", "role": "steward"},
    {"at": "2026-11-24T19:00:00Z", "pseudonym": "p-7f3a91", "role": "Amtsleitung"},
]
ANNA, BERTA = TWO
SEALED_MS = 1_795_550_403_000
SELF = {**BERTA, "role": "automatic"}


def test_all_who_agreed_are_told() -> None:
    """>> an approval of two << both, with role, pseudonym and time; outside stands one of them."""
    found = approved(jcs.encode({**PERSON, "people": TWO}))
    assert found is not None
    assert (found.kind, found.pseudonym) == ("people", "p-7f3a91")
    assert [one._asdict() for one in found.people] == TWO


NO_PEOPLE: dict[str, object] = {
    "true for a number of them": True,
    "true for one of them": [True, BERTA],
    "a number for a time": [{**ANNA, "at": 1_764_000_000}, BERTA],
    "true for a role": [{**ANNA, "role": True}, BERTA],
    "a name for a pseudonym": [{**ANNA, "pseudonym": "Anna Beispiel"}, BERTA],
    "a word besides": [{**ANNA, "name": "Anna"}, BERTA],
    "a member less": [{"at": ANNA["at"], "role": "steward"}, BERTA],
    "no day of a calendar": [{**ANNA, "at": "2026-13-44T18:00:00Z"}, BERTA],
    "a zone of its own": [{**ANNA, "at": "2026-11-24T18:00:00+01:00"}, BERTA],
    "a rule among them": [ANNA, BERTA, {**SELF, "pseudonym": "p-bbbbbb"}],
    "one alone": [BERTA],
    "nobody": [],
    "five": [*TWO, *({**ANNA, "pseudonym": f"p-{number:06x}"} for number in range(3))],
    "whoever stands outside is not among them": [ANNA, {**BERTA, "pseudonym": "p-bbbbbb"}],
    "in another role than outside": [ANNA, {**BERTA, "role": "steward"}],
}


@pytest.mark.threat("T161")
@pytest.mark.parametrize("people", NO_PEOPLE.values(), ids=NO_PEOPLE)
def test_people_in_another_form_are_nobody(people: object) -> None:
    """<< a list that is not exactly in our form >> who agreed is not said, and least of all that it was one person."""
    assert approved(jcs.encode({**PERSON, "people": people})) is None


def test_a_rule_has_no_people() -> None:
    assert approved(jcs.encode({**RULE, "people": TWO})) is None


def notes(people: list[dict[str, str]], lang: str = "de", **outside: str) -> list[str]:
    """What a report says of this approval, whose seal a witness saw at `SEALED_MS`."""
    exam = Examination(lang)
    member = jcs.encode({**PERSON, **outside, "people": people})
    members = {"consumer.jws": b"", "approval-consumer.json": member}
    given = Given(
        members=members,
        anchors=Anchors(),
        trust_list=None,
        agreement=None,
        documents=None,
        moment=Moment(SEALED_MS, "witnesses"),
    )
    remarks.approvals(exam, given, {})
    return list(exam.report().notes)


@pytest.mark.threat("T161")
def test_a_report_says_how_many_agreed_and_who() -> None:
    """>> two, three and four people << their number in words, and a line for each; one is not many."""
    said = notes(TWO)
    assert said[0].startswith("Genehmigung des Datennehmers: zwei Personen haben zugestimmt")
    assert [("p-aaaaaa" in one, "p-7f3a91" in one) for one in said[1:]] == [(True, False), (False, True)]
    assert "two persons agreed" in notes(TWO, "en")[0]
    more = [{**ANNA, "pseudonym": f"p-00000{number}"} for number in range(2)]
    assert "drei Personen" in notes([*TWO, more[0]])[0]
    assert "vier Personen" in notes([*TWO, *more])[0]


@pytest.mark.threat("T161")
def test_one_who_stands_there_twice_is_one_person() -> None:
    """<< the same pseudonym in two roles >> one person agreed, and the report says what is odd."""
    said = notes([{**ANNA, "pseudonym": "p-7f3a91"}, BERTA])
    assert "eine Person hat zugestimmt" in said[0]
    assert sum("steht mehrmals" in one for one in said) == 1


@pytest.mark.parametrize(
    ("at", "outside"),
    [("2026-11-24T20:00:04Z", "2026-11-24T20:00:03Z"), ("2040-01-01T00:00:00Z", "2040-01-01T00:00:00Z")],
    ids=["after the approval", "after the trusted time of the seal"],
)
def test_nobody_agrees_after_the_seal(at: str, outside: str) -> None:
    """<< a yes that is later than what it led to >> a remark that names whose it is."""
    said = notes([ANNA, {**BERTA, "at": at}], at=outside)
    assert [one for one in said if "nach der Unterschrift" in one and "p-7f3a91" in one]
    assert not [one for one in notes(TWO) if "nach der Unterschrift" in one]


def test_without_an_approval_nothing_is_claimed(case: Case) -> None:
    """<< approvals that are not in our form >> the seals hold all the same, and the line says what is not known."""
    report = verify_bundle(case.bundle(), case.roots, "de")
    assert report.verdict is PASSED
    assert sum("wer genehmigt hat, lässt sich nicht sagen" in note for note in report.notes) == 2


def remarked(role: contract.Role, **change: object) -> list[str]:
    """What a report says of the date of an approval, whose seal a witness saw at `SEALED_MS`."""
    exam, body = Examination("en"), jcs.encode({**PERSON, "side": role, **change})
    members = {f"{role}.jws": b"", f"approval-{role}.json": body}
    given = Given(
        members=members,
        anchors=Anchors(),
        trust_list=None,
        agreement=None,
        documents=None,
        moment=Moment(SEALED_MS, "witnesses"),
    )
    remarks.approvals(exam, given, {})
    return [note for note in exam.report().notes if "not proven" in note]


@pytest.mark.threat("T167")
@pytest.mark.parametrize("role", contract.ROLES)
def test_bug_an_approval_of_another_day_than_its_seal_is_remarked(role: contract.Role) -> None:
    """Bug: >> approved in 2016, in 2040, or at no time at all << told as it stands there, without a word."""
    assert remarked(role) == []
    for at in ("2016-01-01T00:00:00Z", "2040-01-01T00:00:00Z", "tomorrow"):
        assert len(remarked(role, at=at)) == 1
        assert at[:4] in remarked(role, at=at)[0]
    waited = "2026-11-10T20:00:03Z"
    assert bool(remarked(role, at=waited)) is (role == "consumer"), "a provider's key may have been away"


@pytest.mark.threat("T167")
def test_one_who_agreed_years_before_is_remarked() -> None:
    """>> one of two people agreed in 2016 << her pseudonym is named; a request of last month is usual."""
    assert remarked("consumer", people=TWO) == []
    long_ago = [{**ANNA, "at": "2016-01-01T00:00:00Z"}, BERTA]
    assert ["p-aaaaaa" in note for note in remarked("consumer", people=long_ago)] == [True]
    asked = [{**ANNA, "at": "2026-10-20T00:00:00Z"}, BERTA]
    assert remarked("consumer", people=asked) == []
