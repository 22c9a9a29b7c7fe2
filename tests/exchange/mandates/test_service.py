"""A provider acts for a town by a mandate: what it may, what others see of it, how it ends (T31; spec/mandates.md)."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from connector.exchange.mandates.service import Mandates
from connector.foundation.clock import FakeClock
from connector.foundation.errors import Mistake, Unavailable, Unknown
from connector.foundation.storage.database import Tx
from connector.identity.audit import store as audit
from connector.identity.trust.keys.jose import sign_jwt
from connector.verify.bundle import verify_bundle
from connector.verify.checks import mandate
from tests.exchange.contracts.auditor import auditor
from tests.exchange.mandates.entrusting import PROVIDER, TOWN, YEAR_MS, entrusted, mandates, methods, wish
from tests.testkit.towns import Towns

pytestmark = pytest.mark.threat("T31")


async def test_the_agents_key_signs_tokens_and_nothing_else(towns: Towns) -> None:
    """>> give << a method under the agent's control, for tokens alone; it is the one that signs."""
    given = await entrusted(towns)
    town = await towns.participants.get(TOWN)
    did = town.participant.did
    assert await methods(towns, "capabilityInvocation") == [did, PROVIDER]
    assert await methods(towns, "authentication") == [did, PROVIDER]
    assert await methods(towns, "assertionMethod") == [did]
    assert town.signers["peer"].kid == f"{did}#op-{given.mandate.said['key']}"
    assert town.seal.kid.partition("#op-")[2] == ""
    assert mandate.controllers(town.document) == {given.mandate.said["key"]: PROVIDER}


def plain_reader(token: str, document: dict[str, Any], relation: str) -> bool:
    """A peer that knows DID Core 5.2 and 5.3 and RFC 7515 and nothing of us: the key that the header names stands in
    the issuer's own document, in that relation, and the signature is its."""
    head, body, seal = token.split(".")

    def part(text: str) -> bytes:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    header, issuer = json.loads(part(head)), json.loads(part(body))["iss"]
    if header["kid"].partition("#")[0] != issuer or document["id"] != issuer or header["kid"] not in document[relation]:
        return False
    (jwk,) = [one["publicKeyJwk"] for one in document["verificationMethod"] if one["id"] == header["kid"]]
    x, y, raw = (int.from_bytes(part(jwk["x"])), int.from_bytes(part(jwk["y"])), part(seal))
    signature = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    try:
        key.verify(signature, f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return header["alg"] == "ES256"


async def test_a_peer_that_knows_did_core_alone_takes_the_token(towns: Towns) -> None:
    """>> a token of the agent's key, read by the standards alone << taken as the town's for what tokens are for; not
    for assertions, not by the document after the withdrawal, not with another body."""
    await entrusted(towns)
    town = await towns.participants.get(TOWN)
    did = town.participant.did
    token = sign_jwt({"iss": did, "sub": did, "aud": PROVIDER, "iat": 1}, town.signers["peer"])
    assert [plain_reader(token, town.document, one) for one in ("authentication", "capabilityInvocation")] == [True] * 2
    assert not plain_reader(token, town.document, "assertionMethod")
    head, _, seal = token.split(".")
    other = base64.urlsafe_b64encode(json.dumps({"iss": did, "sub": PROVIDER}).encode()).decode().rstrip("=")
    assert not plain_reader(f"{head}.{other}.{seal}", town.document, "authentication")
    await mandates(towns).withdraw(TOWN, own=False)
    assert not plain_reader(token, (await towns.participants.get(TOWN)).document, "authentication")


@pytest.mark.on_both
async def test_an_agreement_says_who_acted_for_whom(towns: Towns, tmp_path: Path) -> None:
    """>> both towns are acted for << the text names the provider's agent, both approvals carry their mandates, the
    auditor's verifier checks them, and every record says whose key it was."""
    theirs, ours = await entrusted(towns), await entrusted(towns, "nachbardorf", name="Rechenzentrum Süd")
    agreement = await towns.concluded("nachbardorf", TOWN)
    assert agreement.state == "finalized"
    text = (await towns.db.read("nachbardorf", towns.contracts.agreements.text, "nachbardorf", agreement)).decode()
    for said in ("IT-Verbund Beispiel", PROVIDER, "AVV 2026-117", theirs.mandate.sha256):
        assert said in text
    evidence, roots = await auditor(towns, tmp_path)
    for slug in (TOWN, "nachbardorf"):
        report = verify_bundle(await evidence.bundle(slug, agreement.id), roots, "en")
        assert report.holds_apart_from_time, report.reason
        assert report.stated["provider_agent"] == mandate.read(theirs.mandate.said).facts
        assert report.stated["consumer_agent"] == mandate.read(ours.mandate.said).facts
        told = {one.name: one.sentence for one in report.checks}
        assert "Rechenzentrum Süd" in told["consumer-mandate"]
    rows = await towns.rows(TOWN, "SELECT type, record FROM audit_entry WHERE participant = :participant ORDER BY id")
    acted = {"agent": PROVIDER, "mandate": theirs.mandate.sha256}
    first = next(at for at, row in enumerate(rows) if row["type"] == "mandate") - 1  # before it stands its key event
    assert not any(b"onBehalf" in bytes(row["record"]) for row in rows[:first])
    assert all(json.loads(row["record"])["body"]["onBehalf"] == acted for row in rows[first:])
    assert any(row["type"] == "agreement" for row in rows[first:])


async def test_nothing_changes_for_who_acts_itself(towns: Towns, tmp_path: Path) -> None:
    """>> no mandate << no member, no check, no word of it anywhere."""
    agreement = await towns.concluded("nachbardorf", TOWN)
    evidence, roots = await auditor(towns, tmp_path)
    report = verify_bundle(await evidence.bundle(TOWN, agreement.id), roots, "en")
    assert not [one.name for one in report.checks if "mandate" in one.name]
    assert "provider_agent" not in report.stated
    rows = await towns.rows(TOWN, "SELECT record FROM audit_entry WHERE participant = :participant")
    assert not [row for row in rows if b'onBehalf":{' in bytes(row["record"])]


async def test_a_withdrawal_takes_effect_at_once(towns: Towns) -> None:
    """>> withdraw << no key of tokens is left, nothing is agreed any more, and it is sealed; again: the same."""
    made = await towns.publish(TOWN)
    await entrusted(towns)
    over = await mandates(towns).withdraw(TOWN, own=False)
    assert (over.state, bool(over.withdrawal), bool(over.withdrawal_seal)) == ("withdrawn", True, True)
    town = await towns.participants.get(TOWN)
    assert await methods(towns, "capabilityInvocation") == []
    assert "peer" not in town.signers
    with pytest.raises(Unavailable, match=r"mandates\.over"):
        town.require("", towns.clock.now())
    asked = await towns.ask("nachbardorf", TOWN, made)
    await towns.run(rows=1)
    assert (await towns.case("nachbardorf", asked.id)).agreement is None
    assert await mandates(towns).withdraw(TOWN, own=False) == over


async def test_a_town_may_act_itself_again(towns: Towns) -> None:
    """>> withdraw, and act oneself << a new key of its own, no former one; >> once more << there is nothing to do."""
    before = (await towns.participants.get(TOWN)).signers["peer"].kid
    await entrusted(towns)
    await mandates(towns).withdraw(TOWN, own=True)
    town = await towns.participants.get(TOWN)
    assert town.acting is None
    assert town.document["capabilityInvocation"] == [town.signers["peer"].kid]
    assert town.signers["peer"].kid != before
    assert (await towns.concluded("nachbardorf", TOWN)).state == "finalized"
    with pytest.raises(Mistake, match="own-already"):
        await mandates(towns).withdraw(TOWN, own=True)


async def test_a_new_key_does_not_revive_a_mandate(towns: Towns) -> None:
    """>> rotate the key of tokens during a mandate, or after it << refused: somebody would go on unsaid."""
    await entrusted(towns)
    for _ in range(2):
        with pytest.raises(Mistake, match="no-own-key"):
            await towns.participants.rotate(TOWN, "peer")
        await mandates(towns).withdraw(TOWN, own=False)


async def test_what_is_over_stops_by_itself(towns: Towns) -> None:
    """>> the last instant, the first one after, and a round of the job << acts; does not; the key is gone."""
    given = await entrusted(towns)
    town, until = await towns.participants.get(TOWN), given.mandate.until
    town.require("negotiate", until - 1)
    with pytest.raises(Unavailable, match=r"mandates\.over"):
        town.require("negotiate", until)
    await Mandates(towns.db, FakeClock(until - 1), towns.participants).expire()
    assert await methods(towns, "capabilityInvocation") == [town.participant.did, PROVIDER]
    await Mandates(towns.db, FakeClock(until), towns.participants).expire()
    assert await methods(towns, "capabilityInvocation") == []
    assert [one.state for one in await mandates(towns).all(TOWN)] == ["expired"]
    await mandates(towns).withdraw(TOWN, own=True)
    assert await methods(towns, "capabilityInvocation") == [town.participant.did]


async def test_a_new_mandate_replaces_the_one_before(towns: Towns) -> None:
    """>> give, then give another << one agent at a time; both stay to be shown, with what became of them."""
    first = await entrusted(towns)
    second = await entrusted(towns, agent="did:web:anderer.example", name="Anderer")
    assert await methods(towns, "capabilityInvocation") == [towns.did(TOWN), "did:web:anderer.example"]
    states = {one.sha256: one.state for one in await mandates(towns).all(TOWN)}
    assert states == {first.mandate.sha256: "replaced", second.mandate.sha256: "in-force"}
    assert (await mandates(towns).one(TOWN, first.mandate.sha256)).seal == first.mandate.seal
    with pytest.raises(Unknown):
        await mandates(towns).one("nachbardorf", first.mandate.sha256)


async def test_a_record_costs_no_statement_more(towns: Towns) -> None:
    """>> a record with and without a mandate << as many statements, and one finds place and agent together."""

    async def statements() -> list[str]:
        said: list[str] = []

        def unit(tx: Tx) -> None:
            for name in ("one", "run", "all"):
                real = getattr(tx, name)
                monkey.setattr(tx, name, lambda sql, _real=real, **values: (said.append(sql), _real(sql, **values))[1])
            audit.append(tx, TOWN, "negotiation", "urn:uuid:1", "system", {}, did=towns.did(TOWN))

        with pytest.MonkeyPatch.context() as monkey:
            await towns.db.write(TOWN, unit)
        return said

    alone = await statements()
    await entrusted(towns)
    assert (await statements(), len(alone)) == (alone, 2)


NO_MANDATES = (
    ({"agent": "kein-did"}, "mandates.agent"),
    ({"agent": f"did:web:localhost%3A18443:{TOWN}"}, "mandates.agent"),
    ({"until": 1}, "mandates.until"),
    ({"until": 6 * YEAR_MS + 1_800_000_000_000}, "mandates.until"),
    ({"contract": ""}, "mandates.words"),
    ({"contract": "x" * 201}, "mandates.words"),
    ({"name": "zwei\nZeilen"}, "mandates.words"),
    ({"actions": ()}, "mandates.words"),
    ({"actions": ("negotiate", "rule")}, "mandates.words"),
)


async def test_a_mandate_that_cannot_be_is_refused(towns: Towns) -> None:
    for said, code in NO_MANDATES:
        with pytest.raises(Mistake) as refused:
            await mandates(towns).give(TOWN, wish(towns, **said))
        assert (said, refused.value.code) == (said, code)
        assert (await towns.participants.get(TOWN)).acting is None
