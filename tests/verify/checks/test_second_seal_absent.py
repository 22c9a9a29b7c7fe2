"""A second seal that no record names can be taken out without a trace: the list still names its key, so it is told.

Records of older versions name none; only the exporter's list of files does, which whoever leaves it out makes anew.
"""

import pytest

from connector.verify.bundle import verify_bundle
from connector.verify.report import Report
from tests.verify.forge import CONSUMER, PROVIDER, Case
from tests.verify.judge import PASSED, changed
from tests.verify.second_seals import KEY, token

SIDES = {"provider": PROVIDER, "consumer": CONSUMER}


def judged(case: Case, lang: str, keys: list[str], there: list[str]) -> Report:
    """The trust list names keys of these sides, the bundle has second seals of those."""
    listed = case.listed(pq={SIDES[role]: KEY.jwk for role in keys})
    made = {f"{role}.pq.jws": token(case, role) for role in there}
    return verify_bundle(changed(case, more=made, trust_list=listed), case.roots, lang)


def told(report: Report) -> list[str]:
    return [note for note in report.notes if "ML-DSA-44" in note and ("none is here" in note or "keines bei" in note)]


@pytest.mark.threat("T56")
@pytest.mark.parametrize("role", ["provider", "consumer"])
@pytest.mark.parametrize(
    ("lang", "words"), [("de", "Nicht bewiesen: ein zweites Siegel"), ("en", "Not proven: a second")]
)
def test_a_second_seal_that_is_gone_is_told(case: Case, role: str, lang: str, words: str) -> None:
    """The verdict stays: the first seal is whole. But nobody reads over it."""
    report = judged(case, lang, [role], [])
    assert report.verdict is PASSED, report.reason
    assert [note.startswith(words) for note in told(report)] == [True]
    assert report.value("now")["notes"] == list(report.notes)


def test_where_it_is_or_no_key_is_listed_nothing_is_told(case: Case) -> None:
    """Both there; only the other side has a key, and its seal is there; no key at all."""
    for keys, there in ((["provider", "consumer"],) * 2, (["consumer"],) * 2, ([], [])):
        assert told(judged(case, "en", list(keys), list(there))) == []


def test_a_consumer_that_did_not_seal_had_no_second_seal() -> None:
    """A one-sided contract: the missing seal is told by the check of the first."""
    case = Case(one_sided=True)
    listed = case.listed(pq={CONSUMER: KEY.jwk})
    assert told(verify_bundle(changed(case, trust_list=listed), case.roots, "en")) == []
