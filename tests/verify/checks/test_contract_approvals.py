"""An auditor is told whether a rule or a person approved at each party (decision 0045)."""

import pytest

from connector.verify.bundle import verify_bundle
from connector.verify.checks import contract
from connector.verify.checks.contract import Approval
from connector.verify.formats import jcs
from tests.verify.forge import Case
from tests.verify.judge import PASSED

pytestmark = pytest.mark.threat("T65")
RULE = {
    "at": "2026-11-24T20:00:03Z", "mandate": None, "onBehalfOf": "did:web:a.example", "pseudonym": None,
    "role": "automatic", "rule": "https://a.example/o/1", "side": "consumer",
}  # fmt: skip
PERSON = {**RULE, "role": "Amtsleitung", "pseudonym": "p-7f3a91"}


def approved(body: bytes) -> Approval | None:
    return contract.approved("consumer", {"approval-consumer.json": body})


def test_a_rule_and_a_person_are_told_apart() -> None:
    assert approved(jcs.encode(RULE)) == Approval("automatic", "automatic", "", "2026-11-24T20:00:03Z")
    assert approved(jcs.encode(PERSON)) == Approval("person", "Amtsleitung", "p-7f3a91", "2026-11-24T20:00:03Z")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", jcs.encode({**RULE, "pseudonym": "p-7f3a91"}), jcs.encode({**PERSON, "pseudonym": None}),
     jcs.encode({**RULE, "at": 7}), jcs.encode(RULE) + b" ", jcs.encode(RULE)[:-1] + b',"side":"consumer"}'],
)  # fmt: skip
def test_what_says_neither_is_taken_for_neither(body: bytes) -> None:
    """<< a rule with a pseudonym, a person without, another spelling >> nobody is said to have approved."""
    assert approved(body) is None


def test_without_an_approval_nothing_is_claimed(case: Case) -> None:
    """<< approvals that are not in our form >> the seals hold all the same, and the line says what is not known."""
    report = verify_bundle(case.bundle(), case.roots, "de")
    assert report.verdict is PASSED
    assert sum("wer genehmigt hat, lässt sich nicht sagen" in note for note in report.notes) == 2
