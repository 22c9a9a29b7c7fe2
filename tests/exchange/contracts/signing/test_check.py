"""What a seal is worth is decided by values alone: no database, no network, one instant (threats T22 and T65)."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connector.app.services import policy_engine
from connector.exchange.contracts import approval as approvals
from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.document import automatic_seal, draft, render, sealing, second_seal
from connector.exchange.contracts.document.automatic_seal import Known, Own
from connector.exchange.contracts.document.described_data import Described
from connector.exchange.contracts.document.render import Deadline, Facts
from connector.exchange.contracts.document.text import Party
from connector.exchange.contracts.model import Agreement, EvidenceObject, NegotiationRow
from connector.exchange.contracts.signing import check
from connector.exchange.contracts.signing.check import (
    MustRead,
    ReceivedCountersignature,
    Refused,
    Sealable,
    SealedContract,
    Trust,
    Unsealed,
    ValidCountersignature,
)
from connector.foundation.clock import rfc3339
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.protocol import negotiation as kernel
from connector.kernel.protocol.messages import HANSE
from connector.kernel.protocol.process import Role
from connector.verify.checks import mandate
from connector.verify.formats import jades
from connector.verify.formats.faults import Fault
from tests.verify.entrusted import AGENT, KEYS, method, thumbprint
from tests.verify.keys import CONSUMER, DAY, NOW, PROVIDER, STRANGER, SealCa, SealKey, root_of

pytestmark = [pytest.mark.threat("T22"), pytest.mark.threat("T65")]
NOW_MS = NOW * 1000
OFFER = f"{root_of(PROVIDER)}/offers/1"
DATASET = f"{root_of(PROVIDER)}/datasets/1"
ID = "urn:uuid:3f0c9a1e-0000-4000-8000-000000000001"
HEAD = Approval(role="Amtsleitung", pseudonym="p-7f3a91")
PARTIES = Party("Musterstadt", PROVIDER), Party("Nachbardorf", CONSUMER)
SHOWN = Described(title="Bäume", media_type="text/csv", bytes=8, version="0" * 64, ending=".csv")
POLICY: dict[str, Any] = {
    "@id": OFFER,
    "@type": "Offer",
    "target": DATASET,
    "permission": [{"action": "use"}],
    "assigner": PROVIDER,
}


class World:
    """A certificate authority, one key for each party, and the policy engine."""

    def __init__(self) -> None:
        self.ca = SealCa()
        self.keys = {did: SealKey(did, self.ca) for did in (PROVIDER, CONSUMER, STRANGER)}
        self.engine: PolicyEngine = policy_engine()

    def trust(self, did: str) -> Trust:
        return Trust(did, self.keys[did].document(), [self.ca.certificate], (), ())

    def seal(self, references: list[sealing.Reference], by: str, iat: int = NOW) -> str:
        return sealing.sign(references, self.keys[by], self.keys[by].chain, iat)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def row(role: Role, counterparty: str) -> NegotiationRow:
    return NegotiationRow(
        participant="town",
        id="1",
        counterparty=counterparty,
        address="",
        kernel=kernel.start(role),
        version=1,
        dataset=DATASET,
        offer=OFFER,
        policy=POLICY,
        purpose=None,
        action=None,
        agreement=ID,
        reason=None,
        created_at=NOW_MS,
        changed_at=NOW_MS,
    )


def agreed(role: str, counterparty: str, at: int = NOW_MS) -> Agreement:
    plain = draft.agreement_document(POLICY, ID, DATASET, PROVIDER, CONSUMER, at)
    document = sealing.canonical(plain)
    return Agreement(
        participant="town",
        id=ID,
        negotiation="1",
        role=role,
        counterparty=counterparty,
        dataset=DATASET,
        state="signed",
        document=document,
        digest=sealing.digest(document),
        provider_jws=None,
        consumer_jws=None,
        facts={},
        expires_at=None,
        created_at=NOW_MS,
        finalized_at=None,
    )


Change = Callable[[bytes], bytes]


def written(world: World, agreement: Agreement, changes: Mapping[str, Change]) -> dict[str, EvidenceObject]:
    """References 2 to 5 as the provider writes them, and with what it then changes."""
    facts = Facts(described=SHOWN, provider=PARTIES[0], consumer=PARTIES[1], offer=OFFER, purpose=None)
    made = {one.name: one for one in render.contract(agreement, facts, world.engine, Deadline("none", NOW_MS + 1000))}
    names = (draft.TEXT, draft.PROFILE, draft.DATASET, draft.APPROVAL["provider"])
    return {
        name: draft.evidence_object(name, made[name].media_type, changes.get(name, bytes)(made[name].body))
        for name in names
    }


def sealed(
    world: World,
    changes: Mapping[str, Change] = {},
    *,
    by: str = PROVIDER,
    iat: int = NOW,
    at: int = NOW_MS,
    read: str | None = None,
    claim: bytes | None = None,
) -> SealedContract:
    """A contract as it lies before the consumer."""
    agreement = agreed("consumer", PROVIDER, at)
    objects = written(world, agreement, changes)
    jws = world.seal(draft.refers_to(agreement.document, ID, root_of(PROVIDER), objects.values()), by, iat)
    known = Known(replace(agreement, provider_jws=jws), row(Role.CONSUMER, PROVIDER), SHOWN, *PARTIES)
    claimed = None if claim is None else second_seal.claimed("provider", claim.decode())[0]
    documents = (draft.evidence_object("did-provider.json", "application/did+json", b"{}"),)
    return SealedContract(
        Own(known, world.engine),
        jws,
        jades.read(jws),
        objects,
        claimed,
        documents,
        world.trust(PROVIDER),
        root_of(CONSUMER),
        read,
    )


def answered(
    world: World,
    *,
    by: str = CONSUMER,
    iat: int = NOW,
    said: int = NOW,
    approval: Approval | None = None,
) -> ReceivedCountersignature:
    """A countersignature as it lies before the provider; its approval says the instant `said`."""
    found = sealed(world)
    agreement = replace(found.own.known.agreement, role="provider", counterparty=CONSUMER)
    mine = check.contract(found, said * 1000)
    assert isinstance(mine, Sealable)
    jws = world.seal(list(mine.covered), by, iat)
    kept = {one.name: one for one in mine.objects}
    return ReceivedCountersignature(
        row(Role.PROVIDER, CONSUMER),
        agreement,
        jws,
        jades.read(jws),
        kept,
        (),
        world.trust(CONSUMER),
        root_of(PROVIDER),
    )


def lies(found: SealedContract) -> dict[str, bytes]:
    agreement = found.own.known.agreement.document
    return {automatic_seal.AGREEMENT: agreement, **{name: one.body for name, one in found.objects.items()}}


def test_an_honest_contract_is_sealable(world: World) -> None:
    """<< all as we would have written it >> exactly what our key is to sign, and what is kept with the seal."""
    found = sealed(world)
    verdict = check.contract(found, NOW_MS + 999)
    assert isinstance(verdict, Sealable)
    assert (verdict.iat, verdict.second_fault) == (NOW, "")
    assert [one.par for one in verdict.covered[:4]] == list(found.seal.pars[:4])
    assert verdict.covered[4].par.startswith(f"{root_of(CONSUMER)}/evidence/objects/")
    assert verdict.covered[5].body == found.jws.encode()
    assert {one.name for one in verdict.objects} == {*found.objects, draft.APPROVAL["consumer"], "did-provider.json"}


def test_the_same_values_give_the_same_verdict(world: World) -> None:
    found = sealed(world)
    assert check.contract(found, NOW_MS) == check.contract(found, NOW_MS)


READ: dict[str, tuple[str, Change, str]] = {
    "a text with another sentence": (
        draft.TEXT,
        lambda body: body.replace(b"</main>", "<p>Es kostet 1 €.</p></main>".encode()),
        "contracts.other-text",
    ),
    "a profile with a further member": (
        draft.PROFILE,
        lambda body: body[:-1] + b',"x":1}',
        "contracts.other-profile",
    ),
    "a description with another title": (
        draft.DATASET,
        lambda body: body.replace("Bäume".encode(), "Büsche".encode()),
        "contracts.other-description",
    ),
    "a person at the provider's": (
        draft.APPROVAL["provider"],
        lambda body: body.replace(b'"automatic"', b'"Leitung"').replace(b'"pseudonym":null', b'"pseudonym":"p-7f3a91"'),
        "contracts.other-approval",
    ),
}


@pytest.mark.parametrize(("name", "change", "code"), READ.values(), ids=READ)
def test_what_is_not_ours_is_for_a_person(world: World, name: str, change: Change, code: str) -> None:
    """<< sealed, and not what we would have written >> nothing to sign; all that the person needs to read."""
    found = sealed(world, {name: change})
    assert check.contract(found, NOW_MS) == MustRead(code, (*found.objects.values(), *found.documents))


@pytest.mark.parametrize(("name", "change", "code"), READ.values(), ids=READ)
def test_what_a_person_has_read_is_sealable_and_nothing_else(
    world: World, name: str, change: Change, code: str
) -> None:
    """>> the digest of just that << sealable; of anything else << read it again (threat T65)."""
    found = sealed(world, {name: change})
    digest = automatic_seal.digest(lies(found))
    assert isinstance(check.contract(found._replace(read=digest), NOW_MS), Sealable)
    for other in ("", automatic_seal.digest(lies(sealed(world)))):
        verdict = check.contract(found._replace(read=other), NOW_MS)
        assert isinstance(verdict, MustRead)
        assert verdict.code == "contracts.other-text-read"


@pytest.mark.parametrize("count", [60, pytest.param(200, marks=pytest.mark.long)])
def test_a_single_changed_byte_is_never_sealable(world: World, count: int) -> None:
    """A property: whichever byte of whichever object is another one under the provider's seal, nothing is sealed."""
    honest = sealed(world)

    @given(st.data())
    @settings(max_examples=count, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def any_byte(data: st.DataObject) -> None:
        name = data.draw(st.sampled_from((draft.TEXT, draft.APPROVAL["provider"])))
        body = honest.objects[name].body
        at = data.draw(st.integers(0, len(body) - 1))
        sign = bytes([data.draw(st.integers(0, 255).filter(lambda one: one != body[at]))])
        found = sealed(world, {name: lambda _: body[:at] + sign + body[at + 1 :]})
        assert not isinstance(check.contract(found, NOW_MS), Sealable)

    any_byte()


def _no_hash(found: SealedContract) -> SealedContract:
    text = found.objects[draft.TEXT]
    return found._replace(objects={**found.objects, draft.TEXT: replace(text, body=text.body + b" ")})


def _other_key(found: SealedContract) -> SealedContract:
    return found._replace(trust=found.trust._replace(document={**found.trust.document, "assertionMethod": []}))


def _no_root(found: SealedContract) -> SealedContract:
    return found._replace(trust=found.trust._replace(roots=[SealCa().certificate]))


REFUSED: dict[str, tuple[Callable[[SealedContract], SealedContract], str]] = {
    "other bytes under an address": (_no_hash, "contracts.object-hash"),
    "a key that the DID document does not name": (_other_key, "key-unknown"),
    "a certificate of another authority": (_no_root, "chain"),
}


@pytest.mark.parametrize(("change", "code"), REFUSED.values(), ids=REFUSED)
def test_a_seal_that_does_not_hold_is_refused(
    world: World, change: Callable[[SealedContract], SealedContract], code: str
) -> None:
    """<< nothing that a person need read >> refused with the reason, also if a person has read it."""
    for read in (None, automatic_seal.digest(lies(sealed(world)))):
        verdict = check.contract(change(sealed(world))._replace(read=read), NOW_MS)
        assert isinstance(verdict, Refused)
        assert verdict.code == code
        assert verdict.reason["de"]


@pytest.mark.parametrize(("named", "words"), [("ID", "-zahlt-100-EUR"), ("DATASET", " zahlt 100 EUR")])
def test_an_identifier_that_is_a_sentence_is_for_a_person(
    world: World, named: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """<< a contract that is ours to the byte, about an agreement or data that its provider calls by words >> not
    sealed unasked: an agreement is called by a UUID and nothing more."""
    monkeypatch.setitem(globals(), named, globals()[named] + words)
    verdict = check.contract(sealed(world), NOW_MS)
    assert isinstance(verdict, MustRead)
    assert verdict.code == "contracts.unsaid"


def saying(**members: object) -> Change:
    """A JSON document with these members."""
    return lambda body: sealing.canonical({**json.loads(body), **members})


NO_CONTRACT: dict[str, tuple[str, Change, str]] = {
    "a text that names another agreement": (
        draft.TEXT,
        lambda body: body.replace(ID.encode(), b"urn:uuid:another"),
        "contracts.other-facts",
    ),
    "a text without our partner": (
        draft.TEXT,
        lambda body: body.replace(PROVIDER.encode(), STRANGER.encode()),
        "contracts.other-facts",
    ),
    "a profile of no clauses": (draft.PROFILE, saying(badges="none"), "contracts.profile"),
    "a profile that ends another contract": (draft.PROFILE, saying(replaces="0" * 64), "endings.other-replaced"),
    "a description of other data": (draft.DATASET, saying(**{"@id": f"{DATASET}0"}), "contracts.snapshot"),
    "a description that pins nothing": (draft.DATASET, saying(**{f"{HANSE}versionOf": "mood"}), "contracts.snapshot"),
}


@pytest.mark.parametrize(("name", "change", "code"), NO_CONTRACT.values(), ids=NO_CONTRACT)
def test_what_is_about_something_else_nobody_is_asked_to_seal(
    world: World, name: str, change: Change, code: str
) -> None:
    """<< documents about another agreement, partner or dataset >> refused, also if a person has read them."""
    found = sealed(world, {name: change})
    for read in (None, automatic_seal.digest(lies(found))):
        verdict = check.contract(found._replace(read=read), NOW_MS)
        assert isinstance(verdict, Refused)
        assert verdict.code == code


@pytest.mark.parametrize(
    ("iat", "at", "now"),
    [
        (NOW + 301, NOW_MS, NOW_MS),
        (NOW - DAY - 1, NOW_MS, NOW_MS),
        (NOW, NOW_MS - 32 * DAY * 1000, NOW_MS),
        (NOW, NOW_MS, NOW_MS + 4000 * DAY * 1000),
    ],
    ids=["from tomorrow", "from before the negotiation", "with another date", "by a certificate that has run out"],
)
def test_a_seal_from_another_time_is_refused(world: World, iat: int, at: int, now: int) -> None:
    """<< it would hold here, not for an auditor >> refused."""
    verdict = check.contract(sealed(world, iat=iat, at=at), now)
    assert isinstance(verdict, Refused)
    assert verdict.code in ("time-order", "certificate-time")


def test_what_could_not_be_gathered_stays_what_it_is(world: World) -> None:
    """Refused while it was gathered, or never sealed: the check adds nothing."""
    for found in (Unsealed(()), Refused("contracts.object-address", {"de": ["x"]})):
        assert check.contract(found, NOW_MS) is found
    refused = Refused("seal-form", {"de": ["x"]})
    assert check.countersignature(refused, NOW_MS) is refused


def test_a_second_seal_that_does_not_hold_delays_nothing(world: World) -> None:
    """<< words in the place of a second seal >> sealable all the same, and why it is not kept."""
    verdict = check.contract(sealed(world, claim=b"no seal"), NOW_MS)
    assert isinstance(verdict, Sealable)
    assert verdict.second_fault == "seal-form"
    assert not [one for one in verdict.objects if one.name in second_seal.NAMES.values()]


def test_an_honest_countersignature_holds(world: World) -> None:
    """>> over what we sealed, with an approval of its instant << it holds; without a second seal nothing is said."""
    verdict = check.countersignature(answered(world), NOW_MS)
    assert isinstance(verdict, ValidCountersignature)
    assert [one.name for one in verdict.objects] == [draft.APPROVAL["consumer"]]
    assert verdict.second(None) == check.Second()
    (claim,) = second_seal.claimed("consumer", "no seal")
    assert verdict.second(claim) == check.Second(fault="seal-form")


def test_a_countersignature_of_somebody_else_or_another_instant_is_refused(world: World) -> None:
    """>> by another key, or with an approval that says another instant << refused, with the fault."""
    for found, code in (
        (answered(world, by=STRANGER), "seal-foreign"),
        (answered(world, said=NOW - 60), "contracts.approval"),
        (answered(world, iat=NOW + 301, said=NOW + 301), "time-order"),
    ):
        verdict = check.countersignature(found, NOW_MS)
        assert isinstance(verdict, Refused)
        assert verdict.code == code


@pytest.mark.threat("T190")
def test_bug_a_mandate_in_an_approval_that_no_verifier_reads_failed_the_evidence(world: World) -> None:
    """>> the provider spreads the approval that carries its agent's mandate << refused: the bundle of the consumer, who
    read and sealed it, was FAILED, as one for which somebody acted without a mandate."""
    statement = {
        "v": 1,
        "kind": "mandate",
        "principal": PROVIDER,
        "agent": AGENT,
        "agentName": "IT-Verbund",
        "actions": ["negotiate"],
        "from": rfc3339(NOW_MS),
        "until": rfc3339(NOW_MS + DAY * 1000),
        "contract": "AVV 2026-117",
        "key": thumbprint(KEYS[AGENT]),
        "own": [],
        "withdrawal": "0" * 64,
    }
    place = mandate.address(root_of(PROVIDER), mandate.digest(statement))
    seal = world.seal([sealing.Reference(place, sealing.canonical(statement), mandate.CTY)], PROVIDER)
    body = approvals.body(PROVIDER, "provider", OFFER, rfc3339(NOW_MS), agent={"mandate": statement, "seal": seal})
    named = method(PROVIDER, AGENT, KEYS[AGENT])
    document = world.keys[PROVIDER].document()
    document["verificationMethod"] += [named]  # type: ignore[operator]
    trust = world.trust(PROVIDER)._replace(document={**document, "capabilityInvocation": [named["id"]]})
    check._entitled("provider", sealing.canonical(body), trust, NOW)
    with pytest.raises(Fault, match="mandate-form"):
        check._entitled("provider", json.dumps(body, indent=1).encode(), trust, NOW)
