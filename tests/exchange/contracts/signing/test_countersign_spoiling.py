"""A partner cannot spoil a contract that is good by what it signs, or takes, at another time than it says.

Second seals first of all: none of what may be wrong with them makes a bundle fail or unproven (decision 0040).
"""

import dataclasses
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from connector.exchange.contracts import object_store
from connector.exchange.contracts.agreement import log_records as logging
from connector.exchange.contracts.document import draft, sealing
from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.signing import check
from connector.exchange.reconciliation.compare import compare
from connector.foundation.clock import FakeClock, rfc3339
from connector.identity.trust.development import dev_ca
from connector.kernel.protocol.messages import HANSE
from connector.verify.bundle import verify_bundle
from connector.verify.checks import second_seal
from connector.verify.formats import jades
from connector.verify.formats.faults import Doubt, Fault
from tests.exchange.contracts.late import broken, order, records, states
from tests.exchange.contracts.second_seals import (
    KINDS,
    TOWNS,
    able,
    accounted,
    evidence,
    flipped,
    kept,
    keyed,
    look,
    refused,
    said,
    seconds,
)
from tests.fuzz.effort import one_in
from tests.testkit.towns import Towns

pytestmark = pytest.mark.threat("T60")
DAY_S = 86_400
WHY = {"de": ["Das Amt schließt."], "en": ["The office closes."]}


def ahead(monkeypatch: pytest.MonkeyPatch, name: str, did: str, by_s: int) -> None:
    """What this party signs with that function claims to be younger than it is."""
    sign: Any = getattr(sealing, name)

    def later(references: Sequence[sealing.Reference], key: Any, *rest: Any) -> Any:
        *chain, iat = rest
        return sign(references, key, *chain, iat + (by_s if key.kid.startswith(f"{did}#") else 0))

    monkeypatch.setattr(sealing, name, later)


@able
@pytest.mark.parametrize(
    ("slug", "by_s", "faults"),
    one_in(2, [(slug, by_s, [] if by_s == 60 else ["time-order"]) for slug in TOWNS for by_s in (DAY_S, 60, -DAY_S)]),
)
async def test_bug_a_second_seal_from_another_day_made_the_contract_unprovable(
    towns: Towns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slug: str, by_s: int, faults: list[str]
) -> None:
    """>> it claims a time to come or gone, by a key that is listed << recorded, and in neither record nor bundle.

    It was named: so the bundle was not proven, and after a rotation it failed, since its key did not count then.
    """
    for town in TOWNS:
        await keyed(towns, town)
    ahead(monkeypatch, "sign_pq", towns.did(slug), by_s)
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    (partner,) = TOWNS.keys() - {slug}
    assert agreement.state == "finalized"
    assert [one["fault"] for one in await refused(towns, partner)] == faults
    service, roots = await evidence(towns, tmp_path)
    bundle = await service.bundle(partner, agreement.id)
    own = f"{TOWNS[partner]}.pq.jws"
    assert seconds(bundle) == ({own} if faults else {own, f"{TOWNS[slug]}.pq.jws"})
    assert [f"{TOWNS[slug]}Pq" in one for one in await said(towns, partner)] == [not faults]
    assert verify_bundle(bundle, roots, "en").doubts == ("time",)


@able
@pytest.mark.parametrize("slug", TOWNS)
async def test_bug_where_ml_dsa_is_missing_bundles_held_second_seals_that_nobody_had_checked(
    towns: Towns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slug: str
) -> None:
    """>> garbage by a partner whose key is listed, to an installation without ML-DSA << in none of its bundles."""

    def unable(*args: Any) -> None:
        raise Doubt("pq-unsupported")

    for town in TOWNS:
        await keyed(towns, town)
    member = HANSE + "agreementSignaturePq"
    towns.wire.bend[KINDS[TOWNS[slug]]] = lambda message: message.update({member: flipped(message[member])})
    (partner,) = TOWNS.keys() - {slug}
    with monkeypatch.context() as patch:
        patch.setattr(second_seal, "verify", unable)
        agreement = await towns.concluded("nachbardorf", "musterstadt")
        assert agreement.state == "finalized"
        service, roots = await evidence(towns, tmp_path)
        bundle = await service.bundle(partner, agreement.id)
    assert await said(towns, partner) == [{}]
    assert seconds(bundle) == set()
    assert verify_bundle(bundle, roots, "en").first_failed is None


@able
async def test_bug_a_further_record_made_the_other_second_seal_younger(towns: Towns) -> None:
    """>> the provider's is named later, its key ends, the consumer's key is listed << no record that repeats it: by
    that it would have to be judged at a time when its key counts no more; >> it counts again << both."""
    for town in TOWNS:
        await keyed(towns, town, listed=False)
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    keys = {town: (await towns.participants.get(town)).signers["seal-pq"].public_jwk for town in TOWNS}
    provider, consumer = towns.did("musterstadt"), towns.did("nachbardorf")
    whole = await kept(towns, "musterstadt", agreement)
    once = [{}, {"providerPq": whole["providerPq"]}]
    towns.second_keys[provider] = keys["musterstadt"]
    await look(towns)
    assert await said(towns, "musterstadt") == once
    del towns.second_keys[provider]
    towns.second_keys[consumer] = keys["nachbardorf"]
    for _ in range(2):
        await look(towns)
    assert await said(towns, "musterstadt") == once
    towns.second_keys[provider] = keys["musterstadt"]
    await look(towns)
    assert await said(towns, "musterstadt") == [*once, whole]


async def test_bug_a_provider_that_took_another_seal_after_the_end_made_the_consumers_bundle_fail(
    towns: Towns, tmp_path: Path
) -> None:
    """<< FINALIZED over one countersignature, ended, then "taken" for another >> nothing takes the place of the first:
    two records that name two of them are a contract that no auditor accepts."""
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    await towns.termination_delivery.end("nachbardorf", agreement.id, WHY, None)
    await towns.run()
    objects = await towns.db.read("nachbardorf", object_store.objects, "nachbardorf", agreement.negotiation)
    approval = objects[draft.APPROVAL["consumer"]].sha256
    accepted: Any = towns.contracts.countersigning.accepted
    await towns.db.write("nachbardorf", accepted, "nachbardorf", agreement.negotiation, "a..b", approval, ())
    after = await towns.agreement("nachbardorf", agreement.id)
    assert (after.state, after.consumer_jws) == ("ended", agreement.consumer_jws)
    assert len(await records(towns, "nachbardorf", "agreement")) == 1
    service, roots = await evidence(towns, tmp_path)
    assert verify_bundle(await service.bundle("nachbardorf", agreement.id), roots, "en").first_failed is None


async def test_bug_what_an_older_version_had_named_failed_once_another_seal_was_taken(
    towns: Towns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> an older version recorded the countersignature that got lost; made good after the update << the provider has
    the new one, our bundle holds with the old one, and comparing the logs tells that they differ."""

    def older(agreement: Agreement, *others: Any) -> Any:
        return named(replace(agreement, state="finalized"), *others)

    with monkeypatch.context() as patch:
        named = logging.of_agreement
        patch.setattr(logging, "of_agreement", older)
        found = await broken(towns)
    service, roots = await evidence(towns, tmp_path)
    before = await service.bundle("nachbardorf", found.agreement)
    assert verify_bundle(before, roots, "en").doubts == ("time",)
    await order(towns, found)
    await towns.run()
    assert await states(towns, found) == ("finalized", "one-sided")
    after = await service.bundle("nachbardorf", found.agreement)
    assert verify_bundle(after, roots, "en").doubts == ("time",)
    accounts = [await accounted(towns, slug) for slug in TOWNS]
    told = [(one.what, one.subject, one.kind) for one in compare(*accounts, "provider", towns.clock.now())]
    assert told == [("seal", "consumer", "differs")]


async def test_bug_a_first_seal_from_tomorrow_was_taken(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the consumer's claims a time to come << it does not hold, as every auditor would say; >> the provider's <<
    no contract comes of it."""
    with monkeypatch.context() as patch:
        ahead(patch, "sign", towns.did("nachbardorf"), DAY_S)
        agreement = await towns.concluded("nachbardorf", "musterstadt", countersignature="preferred")
        theirs = await towns.agreement("musterstadt", agreement.id)
        assert (agreement.state, theirs.state, theirs.consumer_jws) == ("one-sided", "one-sided", None)
    ahead(monkeypatch, "sign", towns.did("musterstadt"), DAY_S)
    asked = await towns.ask("nachbardorf", "musterstadt", await towns.publish("musterstadt"))
    await towns.run()
    assert (await towns.case("nachbardorf", asked.id)).shown == "TERMINATED"
    ended = await records(towns, "nachbardorf", "termination")
    assert "time-order" in str(ended[-1]["body"])


async def test_a_first_seal_is_from_its_negotiation(towns: Towns) -> None:
    """From a day before it was asked for (as the agreement's own time) to five minutes from now."""
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    seal = jades.read(agreement.provider_jws or "")
    covered = [sealing.Reference(par, b"", cty) for par, cty in zip(seal.pars, seal.ctys, strict=True)]
    begin, now = 1_800_000_000_000, 1_800_000_900_000
    for iat, good in (
        (begin // 1000 - DAY_S, True),
        (begin // 1000 - DAY_S - 1, False),
        (now // 1000 + 300, True),
        (now // 1000 + 301, False),
    ):
        with nullcontext() if good else pytest.raises(Fault, match="time-order"):
            check._exactly(dataclasses.replace(seal, iat=iat), covered, begin, now)


@pytest.mark.parametrize("slug", TOWNS)
async def test_bug_a_seal_by_a_certificate_that_had_run_out_failed_the_partners_evidence(
    towns: Towns, monkeypatch: pytest.MonkeyPatch, slug: str
) -> None:
    """<< over since a minute, claimed to be made two minutes ago >> it is not taken: witnesses see it only now."""
    (partner,) = TOWNS.keys() - {slug}
    key, over = (await towns.participants.get(slug)).signers["seal"], towns.clock.now() - 60_000
    ca = dev_ca.load(towns._certs.seal_ca, towns._certs.seal_ca_key)
    before = FakeClock(over - dev_ca.SEAL_DAYS * DAY_S * 1000)
    old = dev_ca.chain_der(dev_ca.issue_seal_certificate(ca, towns.did(slug), key.public_key(), slug, before))
    for name in ("sign", "seal"):
        monkeypatch.setattr(sealing, name, _by(old, towns.did(slug), getattr(sealing, name)))
    approval = draft.approval
    monkeypatch.setattr(
        draft,
        "approval",
        lambda did, side, offer, at, *more: approval(
            did, side, offer, _earlier(at) if side == "consumer" and slug == "nachbardorf" else at, *more
        ),
    )
    made = await towns.publish("musterstadt", countersignature="preferred")
    asked = await towns.ask("nachbardorf", "musterstadt", made)
    await towns.run()
    case = await towns.case("nachbardorf", asked.id)
    assert (await towns.agreement("musterstadt", case.agreement)).consumer_jws is None
    noted = [str(one["body"]) for kind in ("decision", "termination") for one in await records(towns, partner, kind)]
    assert "certificate-time" in "".join(noted)


def _earlier(at: str) -> str:
    return rfc3339(int(datetime.fromisoformat(at).timestamp() * 1000) - 120_000)


def _by(old: Sequence[bytes], did: str, make: Any) -> Any:
    def made(references: Any, key: Any, chain: Any, iat: int) -> Any:
        mine = key.kid.startswith(f"{did}#")
        return make(references, key, old if mine else chain, iat - 120 if mine else iat)

    return made


async def test_bug_a_date_far_from_the_seal_left_the_evidence_unproven(towns: Towns) -> None:
    """An agreement bears the date of the seal over it: a month earlier at most, as where its key was away, or two days
    later, whose zone is not named."""
    seal = jades.read((await towns.concluded("nachbardorf", "musterstadt")).provider_jws or "")
    month, two = -31 * DAY_S, 2 * DAY_S
    for by_s, good in ((0, True), (month, True), (month - 1, False), (two, True), (two + 1, False)):
        with nullcontext() if good else pytest.raises(Fault, match="time-order"):
            check._dated(seal, seal.iat + by_s)
