"""Two bundles of one contract: what a party hides the other shows, and nobody is accused by a record alone."""

import json
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from connector.exchange.contracts.document import sealing
from connector.verify import second_bundle
from connector.verify.bundle import verify_bundle
from connector.verify.checks.contract import Role
from connector.verify.checks.trusted_time import written
from connector.verify.formats import base64url, jcs
from tests.verify.endings import digest, statement
from tests.verify.forge import AGREEMENT, CONSUMER, DAY, NOW, PROVIDER, Case, SealCa, SealKey, root_of
from tests.verify.judge import FAILED, INDETERMINATE, PASSED, changed, local
from tests.verify.partner import Partner, ended
from tests.verify.responder import SEEN, Responder
from tests.verify.states import both

pytestmark = pytest.mark.threat("T68")
P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of the curve: (r, s) and (r, order - s) are signatures over the same."""


def respelt(jws: str) -> str:
    """The other signature of that key over the same."""
    head, _, tail = jws.split(".")
    r, s = base64url.decode(tail)[:32], int.from_bytes(base64url.decode(tail)[32:])
    return f"{head}..{base64url.encode(r + (P256 - s).to_bytes(32))}"


def test_the_partners_bundle_shows_what_was_hidden(case: Case) -> None:
    """>> a log in which the end was never written, sealed and told as if << beside the partner's bundle: refused."""
    partner = Partner(case)
    whole, files = ended(case)
    theirs = partner.bundle(*ended(case, partner.log))
    honest, hiding = partner.bundle(whole, files), partner.silent(case.log)
    code, report = partner.compared(honest, theirs)
    assert (code, report.verdict) == ("", PASSED), report.reason
    assert verify_bundle(hiding, case.roots).verdict is PASSED, "by itself nothing shows what its owner never logged"
    code, report = partner.compared(hiding, theirs)
    assert (code, report.verdict) == ("beside-hidden-here", FAILED)


def test_what_never_arrived_is_no_lie(case: Case) -> None:
    """>> the provider's statement did not reach the consumer << not judged, and both are to be asked."""
    partner = Partner(case)
    whole, files = ended(case)
    honest, silent = partner.bundle(whole, files), partner.silent(partner.log)
    assert partner.compared(honest, silent)[0] == "beside-missing-there"
    code, report = partner.compared(silent, honest)
    assert (code, report.verdict) == ("beside-missing-here", INDETERMINATE)


@pytest.mark.threat("T176")
@pytest.mark.parametrize("seal", ["none", "false"])
def test_bug_a_record_alone_accused_the_partner_of_hiding_an_end(case: Case, seal: str) -> None:
    """Bug: >> the consumer logs an end in the provider's name, without its seal or under a false one, and lays that
    beside << the provider's honest bundle was FAILED, as one that hides its own end."""
    partner = Partner(case)
    honest, files = partner.bundle(case.log.copy()), dict[str, bytes]()
    said = statement(case, at=written(NOW + 100))
    place = sealing.address(root_of(PROVIDER), said)
    key = SealKey(PROVIDER, SealCa("Eigene CA"))
    token = case.seal(key, [sealing.Reference(place, said, "application/json")], NOW + 100).encode()
    body = {"event": "stated", "by": "provider", "statement": digest(said), "jws": digest(token)}
    partner.log.add("termination", AGREEMENT, body)
    if seal == "false":
        files = {"termination-provider.json": said, "termination-provider.jws": token}
    code, report = partner.compared(honest, partner.bundle(partner.log, files))
    assert (code, report.verdict) == ("beside-missing-here", INDETERMINATE)


@pytest.mark.threat("T176")
def test_the_newest_of_several_ends_is_told_as_hidden(case: Case) -> None:
    """>> two ends, of which a bundle shows the newest with its seal << whoever hides both is refused."""
    partner = Partner(case)
    log = partner.log.copy()
    log.add("termination", AGREEMENT, {"event": "stated", "by": "provider", "statement": "0" * 64, "jws": "1" * 64})
    log, files = ended(case, log)
    theirs = partner.bundle(log, files)
    code, report = partner.compared(partner.silent(case.log), theirs)
    assert (code, report.verdict) == ("beside-hidden-here", FAILED)


@pytest.mark.threat("T67")
def test_bug_a_statement_was_hashed_once_for_each_record_that_is_missing(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: >> beside a bundle one with thousands of records of ends, and a statement of 256 KiB << seconds of hashing.
    One hash, however many records there are."""
    partner, hashed = Partner(case), list[int]()
    log = partner.log.copy()
    for number in range(20):
        body = {"event": "stated", "by": "provider", "statement": f"{number:064x}", "jws": "0" * 64}
        log.add("termination", AGREEMENT, body)
    theirs = partner.bundle(*ended(case, log))
    ours = partner.silent(case.log)

    def counted(data: bytes) -> object:
        hashed.append(len(data))
        return sha256(data)

    monkeypatch.setattr(second_bundle, "sha256", counted)
    assert partner.compared(ours, theirs)[0] == "beside-hidden-here"
    assert len(hashed) == 1


@pytest.mark.threat("T179")
def test_bug_an_older_copy_was_said_to_hide_an_end_of_afterwards(case: Case) -> None:
    """Bug: >> the provider's copy of the first day, and the partner's, which shows what the provider ended two days
    later << FAILED, whichever is laid beside the other. Not proven, with the time until which the older one speaks."""
    partner = Partner(case)
    older = partner.bundle(case.log.copy())
    case.witness.at = NOW + 2 * DAY + 60
    newer = partner.bundle(*ended(case, partner.log, at=NOW + 2 * DAY))
    for first, second, code in ((older, newer, "beside-since-here"), (newer, older, "beside-since-there")):
        found, report = partner.compared(first, second)
        assert (found, report.verdict) == (code, INDETERMINATE)
        assert local(NOW) in report.reason


@pytest.mark.threat("T179")
@pytest.mark.parametrize("told", [NOW + 399, NOW + 400])
def test_who_states_an_end_may_take_minutes_to_book_it(case: Case, told: int) -> None:
    """>> told just before, and just when five minutes are over << not proven, then refused."""
    partner = Partner(case)
    theirs = partner.bundle(*ended(case, partner.log))
    log, case.witness.at = case.log.copy(), told
    log.at = told
    log.noise(1)
    code = partner.compared(partner.bundle(log), theirs)[0]
    assert code == ("beside-hidden-here" if told == NOW + 400 else "beside-since-here")


@pytest.mark.threat("T179")
def test_bug_an_end_that_never_came_covered_up_one_that_was_hidden(case: Case) -> None:
    """Bug: >> the consumer leaves out its own end and the provider's << not proven: the provider's may not have come.
    What it hides itself is refused, whatever else is open."""
    partner = Partner(case)
    log, files = ended(case)
    log, more = ended(case, log, "consumer", NOW + 110)
    whole = partner.bundle(log, files | more)
    assert verify_bundle(whole, case.roots).verdict is PASSED
    code, report = partner.compared(partner.silent(partner.log), whole)
    assert (code, report.verdict) == ("beside-hidden-here", FAILED)


@pytest.mark.threat("T179")
def test_bug_a_second_countersignature_covered_up_an_end_that_was_hidden(case: Case) -> None:
    """Bug: >> the consumer spells its own seal the other way and leaves out its end << not proven: two seals."""
    partner = Partner(case)
    whole = partner.bundle(*ended(case, role="consumer"))
    hiding = partner.sealed_otherwise({"consumer_jws": respelt(case.parts.consumer_jws or "")}, at=NOW + DAY)
    assert verify_bundle(hiding, case.roots).verdict is PASSED
    code, report = partner.compared(hiding, whole)
    assert (code, report.verdict) == ("beside-hidden-here", FAILED)


@pytest.mark.threat("T179")
def test_bug_a_stolen_key_made_another_contract_that_failed_the_honest_one(case: Case) -> None:
    """Bug: >> the provider withdrew its key; whoever stole it seals another contract with the consumer, dated back,
    which others see a day later << the provider's honest bundle was FAILED. Seen before, it is the provider's."""
    case.witness.at = SEEN
    partner, thief = Partner(case), Case(ca=case.ca, authority=case.authority, witness=case.witness)
    gone = {"event": "key-revoked", "kid": case.provider.kid, "from": written(SEEN + 1), "document": "0" * 64}
    log = case.log.copy()
    log.add("key", None, gone)
    honest = partner.bundle(log)
    assert verify_bundle(honest, case.roots).verdict is PASSED
    thief.provider, thief.consumer, thief.exporter = case.provider, case.consumer, case.consumer
    for seen, code in ((SEEN, "beside-contents"), (NOW + DAY, "beside-withdrawn")):
        case.witness.at = seen
        thief.log = case.new_log(CONSUMER)
        thief.log.keys = partner.log.keys
        thief.parts = thief.make("Straßenbäume gegen Entgelt")
        made = changed(thief, trust_list=partner.trust_list)
        for first, second, where in ((honest, made, "-there"), (made, honest, "-here")):
            found, report = partner.compared(first, second)
            assert (found, report.verdict) == ((code, FAILED) if seen == SEEN else (code + where, INDETERMINATE))


@pytest.mark.threat("T188")
def test_bug_another_contract_by_a_stolen_key_counted_while_its_certificate_was_open(case: Case) -> None:
    """Bug: >> the provider had its certificate withdrawn; whoever stole the key seals another contract with the
    consumer, dated back, which others see a day later; the provider's bundle is of the days before << it was FAILED
    beside that: where the thief's bundle brings the answer of the certificate's authority, and where it leaves out the
    answer, though the certificate says who gives one."""
    place = x509.UniformResourceIdentifier("http://ocsp.example/")
    access = x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)])
    case.provider = case.exporter = SealKey(PROVIDER, case.ca, more=[access])
    case.log = case.new_log(PROVIDER)
    case.parts = case.make()
    case.witness.at = SEEN
    ca, certificate = Responder(case.ca), case.provider.certificate
    partner, thief = Partner(case), Case(ca=case.ca, authority=case.authority, witness=case.witness)
    kept = {"provider.ocsp": ca.answer(certificate, at=SEEN)}
    honest = changed(case, log=case.log.evidence(AGREEMENT), more=kept, trust_list=partner.trust_list)
    assert verify_bundle(honest, case.roots).verdict is PASSED
    thief.provider, thief.consumer, thief.exporter = case.provider, case.consumer, case.consumer
    case.witness.at = NOW + DAY
    thief.log = case.new_log(CONSUMER)
    thief.log.keys = partner.log.keys
    thief.parts = thief.make("Straßenbäume gegen Entgelt")
    brought = {"provider.ocsp": ca.answer(certificate, since=SEEN + 1, at=NOW + DAY)}
    two_days = {"provider.ocsp": ca.answer(certificate, at=NOW + 2 * DAY)}
    for more, code in ((brought, "beside-withdrawn-there"), ({}, "beside-unproven"), (two_days, "beside-contents")):
        made = changed(thief, more=more, trust_list=partner.trust_list)
        found, report = partner.compared(honest, made)
        assert (found, report.verdict) == (code, FAILED if code == "beside-contents" else INDETERMINATE), report.reason


@pytest.mark.threat("T185")
@pytest.mark.parametrize("role", ["provider", "consumer"])
@pytest.mark.parametrize("by", ["its own log", "the authority of its certificate"])
def test_bug_an_end_under_a_stolen_key_was_hidden_by_whom_it_was_stolen_from(case: Case, role: Role, by: str) -> None:
    """Bug: >> a thief of a party's key ends the contract with the partner, dated back, and others see that a day later;
    by the party's log, or by the answer in its bundle, the key is withdrawn << its honest bundle was FAILED as one that
    hides its own end. Withdrawn after others saw the end: it is hidden. So it is whichever is laid beside the other."""
    case.witness.at = NOW + 160
    partner = Partner(case)
    own, others = (case.log, partner.log) if role == "provider" else (partner.log, case.log)
    key = case.provider if role == "provider" else case.consumer
    stolen = partner.bundle(*ended(case, others.copy(), role))
    made_up = key.document() | {"verificationMethod": [{**key.document()["verificationMethod"][0], "id": "#other"}]}  # type: ignore[index]
    for since, hides in ((NOW + 150, False), (NOW + 160, False), (NOW + 161, True), (None, True)):
        log, files = own.copy(), dict[str, bytes]()
        log.at, case.witness.at = NOW + DAY, SEEN
        if since is None:  # another key is withdrawn, and a document that no event names calls the stolen one so
            log.add("key", None, {"event": "key-revoked", "kid": f"{key.did}#other", "from": written(NOW)})
            files[f"did-termination-{role}.json"] = jcs.encode(made_up)
        elif by == "its own log":
            log.add("key", None, {"event": "rotated seal", "document": digest(jcs.encode(key.document()))})
            log.add("key", None, {"event": "key-revoked", "kid": key.kid, "from": written(since)})
        else:
            files[f"{role}.ocsp"] = Responder(case.ca).answer(key.certificate, since=since, at=NOW + DAY)
        later = SealKey(key.did, case.ca)
        later.kid = f"{key.did}#next"
        document = jcs.encode(later.document())
        log.add("key", None, {"event": "rotated seal", "document": digest(document)})
        case.exporter = later
        honest = changed(
            case, log=both(own, log), more=files, trust_list=partner.trust_list, exporter_document=document
        )
        assert verify_bundle(honest, case.roots, "en").first_failed is None
        for first, second, where in ((honest, stolen, "here"), (stolen, honest, "there")):
            code, report = partner.compared(first, second)
            assert code == f"beside-{'hidden' if hides else 'stolen'}-{where}", report.reason
            assert report.verdict is (FAILED if hides and where == "here" else INDETERMINATE)


@pytest.mark.threat("T185")
def test_bug_a_bundle_that_a_withdrawn_key_exported_accused_its_owner(case: Case) -> None:
    """Bug: >> the consumer ended the contract; by its log its key was withdrawn before somebody exported, under it,
    what does not show that << the consumer was said to hide, and the provider's honest bundle was FAILED beside it."""
    case.witness.at = SEEN
    partner = Partner(case)
    honest = partner.bundle(*ended(case, role="consumer"))
    for since, code in ((NOW + 2 * DAY, "beside-hidden-there"), (NOW + 10_000, "beside-unproven")):
        log = partner.log.copy()
        log.at = NOW + DAY
        log.add("key", None, {"event": "key-revoked", "kid": case.consumer.kid, "from": written(since)})
        case.exporter = case.consumer
        stolen = changed(case, log=both(partner.log, log), trust_list=partner.trust_list)
        found, report = partner.compared(honest, stolen)
        assert (found, report.verdict) == (code, INDETERMINATE)


@pytest.mark.threat("T185")
def test_bug_a_thief_called_the_stolen_key_by_another_name(case: Case) -> None:
    """Bug: >> the provider withdrew its key; in the partner's bundle its document, which is the partner's word, names
    that key otherwise, and so do the end and another contract under it << FAILED beside the provider's honest bundle,
    whose log knows no withdrawal of that name. The key counts."""
    case.witness.at = NOW + DAY
    partner, log = Partner(case), case.log.copy()
    log.add("key", None, {"event": "key-revoked", "kid": case.provider.kid, "from": written(NOW + 90)})
    case.witness.at = SEEN
    later = SealKey(PROVIDER, case.ca)
    later.kid = f"{PROVIDER}#next"
    document = jcs.encode(later.document())
    log.add("key", None, {"event": "rotated seal", "document": digest(document)})
    log.at = NOW + DAY
    case.exporter = later
    honest = changed(case, log=both(case.log, log), trust_list=partner.trust_list, exporter_document=document)
    assert verify_bundle(honest, case.roots, "en").first_failed is None
    thief = Case(ca=case.ca, authority=case.authority, witness=case.witness)
    thief.provider, thief.consumer, thief.exporter = case.provider, case.consumer, case.consumer
    name, case.witness.at = case.provider.kid, NOW + DAY
    try:
        case.provider.kid = f"{PROVIDER}#another"
        whole, files = ended(case, partner.log.copy())
        files["did-termination-provider.json"] = jcs.encode(case.provider.document())
        stolen = partner.bundle(whole, files)
        thief.log = case.new_log(CONSUMER)
        thief.log.keys = partner.log.keys
        thief.parts = thief.make("Straßenbäume gegen Entgelt")
    finally:
        case.provider.kid = name
    for second, code in (
        (stolen, "beside-stolen-here"),
        (changed(thief, trust_list=partner.trust_list), "beside-withdrawn-there"),
    ):
        found, report = partner.compared(honest, second)
        assert (found, report.verdict) == (code, INDETERMINATE), report.reason


@pytest.mark.threat("T179")
def test_bug_a_log_cut_under_a_new_origin_passed_for_an_older_copy(case: Case) -> None:
    """Bug: >> the provider says that it restored its log, from just before the end that its own earlier bundle shows
    << PASSED beside that one, as if it had only been made before it."""
    partner = Partner(case)
    case.log.close(AGREEMENT)
    cut = case.log.copy()
    earlier = partner.bundle(*ended(case))
    assert partner.compared(partner.bundle(cut), earlier)[0] == "", "of one origin it is an older copy"
    cut.epoch = 1
    for first, second in ((partner.bundle(cut), earlier), (earlier, partner.bundle(cut))):
        code, report = partner.compared(first, second)
        assert (code, report.verdict) == ("beside-restored", INDETERMINATE)
    longer, files = ended(case)
    longer.epoch = 1
    assert partner.compared(partner.bundle(longer, files), partner.bundle(case.log))[0] == "", "it went on since"


@pytest.mark.threat("T176")
def test_bug_a_signature_spelled_anew_was_another_contract(case: Case) -> None:
    """Bug: >> the consumer spells the provider's signature the other way and seals over that << the provider's honest
    bundle was FAILED beside it, as if it had sealed two contracts."""
    partner, parts = Partner(case), case.parts
    honest = partner.bundle(case.log.copy())
    spelt = respelt(parts.provider_jws)
    assert parts.approval_consumer is not None
    references = sealing.references(
        parts.agreement,
        AGREEMENT,
        provider_root=root_of(PROVIDER),
        signer_root=root_of(CONSUMER),
        text=parts.text,
        profile=parts.profile,
        dataset=parts.dataset,
        approval=parts.approval_consumer,
        provider_jws=spelt,
    )
    seals = {"provider_jws": spelt, "consumer_jws": case.seal(case.consumer, references)}
    code, report = partner.compared(honest, partner.sealed_otherwise(seals))
    assert (code, report.verdict) == ("beside-countersigned", INDETERMINATE)


@pytest.mark.threat("T176")
def test_bug_a_seal_that_does_not_hold_made_another_contract(case: Case) -> None:
    """Bug: >> the consumer makes up another seal of the provider for its own log << the honest bundle was FAILED."""
    partner, parts = Partner(case), case.parts
    honest = partner.bundle(case.log.copy())
    head, _, tail = parts.provider_jws.split(".")
    header = json.loads(base64url.decode(head)) | {"iat": NOW - 1}
    seals = {"provider_jws": f"{base64url.encode(jcs.encode(header))}..{tail}"}
    code, report = partner.compared(honest, partner.sealed_otherwise(seals))
    assert (code, report.verdict) == ("beside-unproven", INDETERMINATE)


def test_a_log_that_tells_two_stories_is_found(case: Case) -> None:
    """>> an earlier bundle with the end, a later one from a log that goes on without it << refused."""
    partner = Partner(case)
    whole, files = ended(case)
    earlier = partner.bundle(whole, files)
    assert partner.compared(partner.bundle(case.log), earlier)[0] == ""  # it only stops before
    other = case.log.copy()
    other.noise(4)  # nothing happened, which it tells at the place that the end had taken
    assert partner.compared(partner.bundle(other), earlier)[0] == "beside-forked"


def test_only_a_bundle_that_holds_says_anything(case: Case) -> None:
    """>> the second is damaged, or another content of the agreement << not compared, refused."""
    partner = Partner(case)
    good = partner.bundle(case.log)
    code, report = partner.compared(good, b"PK")
    assert (code, report.verdict) == ("beside-unproven", INDETERMINATE)
    other = Case(ca=case.ca, authority=case.authority, witness=case.witness)
    assert verify_bundle(other.bundle(), case.roots).verdict is PASSED
    assert partner.compared(good, other.bundle())[0] == "beside-contents"


@pytest.mark.threat("T156")
def test_bug_the_second_bundle_may_not_come_from_the_future_either(case: Case) -> None:
    """Bug: >> beside an honest bundle one that is told in two years << compared as if it held."""
    partner = Partner(case)
    ours = partner.bundle(case.log)
    partner.log.at = NOW + 700 * DAY
    theirs = partner.bundle(partner.log)
    for now, code in ((NOW + 701 * DAY, ""), (NOW + DAY, "beside-unproven")):
        report = verify_bundle(ours, case.roots, "en", beside=theirs, now=now)
        assert next(check.code for check in report.checks if check.name == "beside") == code
