"""Of two bundles that contradict each other one is FAILED only for what its own exporter signed."""

import pytest

from connector.verify.bundle import verify_bundle
from connector.verify.checks.contract import Role
from connector.verify.checks.trusted_time import written
from connector.verify.formats import jcs
from tests.verify.endings import digest
from tests.verify.forge import CONSUMER, DAY, NOW, PROVIDER, Case, SealKey
from tests.verify.judge import FAILED, INDETERMINATE, changed
from tests.verify.partner import Partner, ended
from tests.verify.responder import SEEN
from tests.verify.states import both

pytestmark = pytest.mark.threat("T190")


@pytest.mark.parametrize("role", ["provider", "consumer"])
def test_bug_what_the_partner_hides_failed_the_bundle_that_shows_it(case: Case, role: Role) -> None:
    """Bug: >> a party ends the contract and leaves that out of its bundle, which is laid beside the partner's << the
    partner's honest bundle was FAILED. Not proven, and the report says who hides what."""
    partner = Partner(case)
    own, others = (case.log, partner.log) if role == "provider" else (partner.log, case.log)
    hiding, honest = partner.silent(own), partner.bundle(*ended(case, others.copy(), role))
    code, report = partner.compared(honest, hiding)
    assert (code, report.verdict) == ("beside-hidden-there", INDETERMINATE)
    code, report = partner.compared(hiding, honest)
    assert (code, report.verdict) == ("beside-hidden-here", FAILED)


def test_bug_another_contract_of_the_providers_failed_the_consumers_bundle(case: Case) -> None:
    """Bug: >> the provider seals another content under the IRI of a contract, alone or with a key that the consumer has
    withdrawn, and lays that beside the consumer's bundle << FAILED, "about another agreement". Not proven, and the
    provider is named. Its own bundle is FAILED beside the consumer's, and that of a consumer who sealed both."""
    case.witness.at = SEEN
    partner = Partner(case)
    honest = partner.bundle(partner.log.copy())
    log = partner.log.copy()
    log.add("key", None, {"event": "key-revoked", "kid": case.consumer.kid, "from": written(SEEN + 1)})
    later = SealKey(CONSUMER, case.ca)
    later.kid = f"{CONSUMER}#next"
    document = jcs.encode(later.document())
    log.add("key", None, {"event": "rotated seal", "document": digest(document)})
    case.exporter = later
    withdrawn = changed(case, log=both(partner.log, log), trust_list=partner.trust_list, exporter_document=document)
    assert verify_bundle(withdrawn, case.roots).first_failed is None
    case.witness.at = NOW + DAY
    for sealed, nobody_else in ((False, True), (True, False)):
        two = Case(ca=case.ca, authority=case.authority, witness=case.witness)
        two.provider, two.consumer, two.exporter = case.provider, case.consumer, case.provider
        two.one_sided = not sealed
        two.log = case.new_log(PROVIDER)
        two.log.keys = case.log.keys
        two.parts = two.make("Straßenbäume gegen Entgelt")
        made = changed(two, trust_list=partner.trust_list)
        for first, second, expected in (
            (honest, made, ("beside-contents-provider", INDETERMINATE) if nobody_else else ("beside-contents", FAILED)),
            (withdrawn, made, ("beside-contents-provider", INDETERMINATE)),
            (made, honest, ("beside-contents", FAILED)),
        ):
            code, report = partner.compared(first, second)
            assert (code, report.verdict) == expected, report.reason


def test_two_contents_in_one_log_are_two_stories_of_whoever_keeps_it(case: Case) -> None:
    """>> the consumer's log names another content at the place of the first, sealed by the provider alone << refused:
    what is open because the provider sealed both covers up nothing."""
    case.witness.at = SEEN
    partner = Partner(case)
    two = Case(ca=case.ca, authority=case.authority, witness=case.witness, one_sided=True)
    two.provider, two.consumer, two.exporter = case.provider, case.consumer, case.consumer
    two.log = case.new_log(CONSUMER)
    two.log.keys = partner.log.keys
    two.parts = two.make("Straßenbäume gegen Entgelt")
    made, honest = changed(two, trust_list=partner.trust_list), partner.bundle(partner.log.copy())
    for first, second in ((honest, made), (made, honest)):
        code, report = partner.compared(first, second)
        assert (code, report.verdict) == ("beside-forked", FAILED)
