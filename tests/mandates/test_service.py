"""A provider acts for a town by a mandate: what it may, what others see of it, how it ends (T31; spec/mandates.md)."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from connector.audit import store as audit
from connector.catalogue.life import DatasetChange, Replacement
from connector.catalogue.service import OfferWish
from connector.clock import FakeClock
from connector.dataplane import flows
from connector.dataplane.gate import Access
from connector.dataplane.streams import Streams
from connector.errors import Mistake, Unavailable, Unknown
from connector.mandates import store
from connector.mandates.service import SEAL, Mandates
from connector.participants.service import Participants
from connector.storage import outbox
from connector.storage.database import WORKER, Tx
from connector.trust.keys.jose import sign_jwt
from connector.trust.keys.signing import SoftwareKey
from connector.verify.bundle import verify_bundle
from connector.verify.checks import mandate
from tests.contracts.auditor import auditor
from tests.mandates.entrusting import PROVIDER, TOWN, YEAR_MS, entrusted, mandates, wish
from tests.testkit.towns import BASE, Towns

pytestmark = pytest.mark.threat("T31")


async def methods(towns: Towns, relation: str) -> list[str]:
    """Who controls the keys that stand in that relation of the town's document, in their order."""
    document: dict[str, Any] = (await towns.participants.get(TOWN)).document
    controller = {one["id"]: one["controller"] for one in document["verificationMethod"]}
    return [controller[kid] for kid in document[relation]]


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


@pytest.mark.parametrize(("who", "seal"), [(TOWN, "provider_jws"), ("nachbardorf", "consumer_jws")])
async def test_what_the_mandate_does_not_cover_is_not_done(towns: Towns, who: str, seal: str) -> None:
    """>> a mandate to publish of either side, and a contract is asked for << that side seals nothing."""
    made = await towns.publish(TOWN)
    await entrusted(towns, who, actions=("publish",))
    await towns.ask("nachbardorf", TOWN, made)
    await towns.run(rows=4)
    for slug in (TOWN, "nachbardorf"):
        sealed = await towns.rows(slug, f"SELECT {seal} FROM agreement WHERE participant = :participant")
        assert [row for row in sealed if row[seal] is not None] == []


async def test_no_door_of_the_catalogue_opens_without_the_mandate_to_publish(towns: Towns) -> None:
    """>> a mandate to negotiate, and somebody offers, changes or replaces data of the town << refused."""
    dataset, _ = await towns.publish(TOWN)
    life, file = towns.catalogue.life, await towns.file(TOWN)
    await entrusted(towns, actions=("negotiate",))
    doors: list[Any] = [
        (towns.catalogue.offer, dataset.uuid, OfferWish(rule="municipal-purpose", slots={"until": "31.12.2099"})),
        (life.change, dataset.id, DatasetChange(title="Stadtbäume")),
        (life.replace, dataset.id, Replacement(source=file)),
    ]
    for door, *wished in doors:
        with pytest.raises(Unavailable, match=r"mandates\.action"):
            await towns.db.write(TOWN, door, TOWN, *wished)


async def test_no_byte_leaves_without_the_mandate_to_serve(towns: Towns) -> None:
    """>> data flow, and the mandate gives way to one to negotiate << the next access is refused, with the reason, and
    nothing is pushed."""
    agreement = await towns.concluded("nachbardorf", TOWN)
    mine = await towns.fetch("nachbardorf", TOWN, agreement)
    await towns.run()
    pid = (await towns.process("nachbardorf", mine.id)).kernel.peer_pid
    asked = Access(
        counterparty=towns.did("nachbardorf"), agreement=agreement.id, first=False, mark=lambda tx: False,
        unmark=lambda tx: None,
    )  # fmt: skip

    async def looked() -> tuple[bool, bool]:
        decision = await towns.db.write(TOWN, towns.reports.entitled, TOWN, str(pid), asked)
        return decision.permit, await towns.db.read(TOWN, towns.reports.barred, TOWN) is None

    await entrusted(towns)
    assert await looked() == (True, True)
    await entrusted(towns, actions=("negotiate",))
    assert await looked() == (False, False)


async def test_data_are_published_and_handed_out_only_as_entrusted(towns: Towns) -> None:
    """>> a mandate to negotiate, or one that is over << nothing is published, nothing handed out; with it: both."""
    agreements = towns.contracts.agreements

    def serves(tx: Tx) -> bool:
        return agreements.unentrusted(tx, TOWN, "serve") is None

    assert await towns.db.read(TOWN, serves)
    await entrusted(towns)
    await towns.publish(TOWN)
    assert await towns.db.read(TOWN, serves)
    await entrusted(towns, actions=("negotiate",))
    for _ in range(2):
        assert not await towns.db.read(TOWN, serves)
        with pytest.raises(Unavailable, match="mandates"):
            await towns.publish(TOWN)
        await mandates(towns).withdraw(TOWN, own=False)


@pytest.mark.parametrize("end", ["withdrawn", "for less"])
async def test_what_is_being_handed_out_is_cut_with_the_mandate(towns: Towns, end: str) -> None:
    """>> bytes flow out and others in, when the mandate ends or is replaced by one for less << those that go out are
    cut with the next look at whatever replica; once the town acts itself what flows then goes on."""

    def open_flows(tx: Tx) -> None:
        one = {"participant": TOWN, "counterparty": "did:web:n", "agreement": "a", "expires_at": None}
        flows.start(tx, flow="out", source="s", **one)
        flows.accept(tx, flow="in", sink="f", address=None, expected_sha256=None, **one)

    async def looked() -> list[str]:
        """Those that are cut: each is open while the sweep looks."""
        cut = []
        for flow in ("out", "in"):
            try:
                async with streams.ticket(TOWN, flow):
                    await streams.sweep(towns.db)
                    await asyncio.sleep(0)
            except TimeoutError:
                cut.append(flow)
        return cut

    streams = Streams(towns.clock, towns.reports.serves)
    await towns.db.write(TOWN, open_flows)
    assert await looked() == []
    await entrusted(towns)
    assert await looked() == []
    if end == "withdrawn":
        await mandates(towns).withdraw(TOWN, own=False)
    else:
        await entrusted(towns, actions=("negotiate",))
    assert await looked() == ["out"]
    await mandates(towns).withdraw(TOWN, own=True)
    assert await looked() == []


@pytest.mark.on_both
async def test_another_replica_goes_by_what_stands_now(towns: Towns) -> None:
    """>> withdrawn at one replica, asked at another that has not heard << nothing is done in a transaction any more."""
    await entrusted(towns)
    other = Participants(towns.db, towns.vault, BASE, None)
    await other.get(TOWN)

    def ask(tx: Tx) -> None:
        other.require(tx, TOWN, "negotiate")

    await towns.db.read(TOWN, ask)
    await mandates(towns).withdraw(TOWN, own=False)
    assert other.held(TOWN).acting is not None
    with pytest.raises(Unavailable, match=r"mandates\.over"):
        await towns.db.read(TOWN, ask)
    assert (await other.get(TOWN)).acting is None


@pytest.mark.on_both
@pytest.mark.parametrize("end", ["another mandate", "the town itself"])
async def test_a_replica_that_has_not_heard_cuts_nothing_that_may_go_on(
    towns: Towns, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the mandate gives way to another or to the town itself, at another replica << nothing is signed here until
    this one has heard, and what flows goes on; it is cut once nobody may serve."""
    await entrusted(towns)
    other = Mandates(towns.db, towns.clock, Participants(towns.db, towns.vault, BASE, None))
    monkeypatch.setattr(towns.participants, "_current", AsyncMock())

    async def looked() -> tuple[bool, bool]:
        def unit(tx: Tx) -> tuple[bool, bool]:
            return towns.contracts.agreements.unentrusted(tx, TOWN, "serve") is None, towns.reports.serves(tx, TOWN)

        return await towns.db.read(TOWN, unit)

    assert await looked() == (True, True)
    if end == "another mandate":
        await other.give(TOWN, wish(towns, actions=("serve",)))
    else:
        await other.withdraw(TOWN, own=True)
    assert await looked() == (False, True)
    if end == "another mandate":
        await other.withdraw(TOWN, own=False)
    else:
        await other.give(TOWN, wish(towns, actions=("publish",)))
    assert await looked() == (False, False)


@pytest.mark.on_both
async def test_a_crash_leaves_nobody_half_entrusted(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the process dies behind the seal, before all is stored << as if nothing had been; the command goes again."""

    def dies(tx: Tx, row: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(store, "insert", dies)
        with pytest.raises(RuntimeError):
            await entrusted(towns)
    await towns.participants.load()
    assert await methods(towns, "capabilityInvocation") == [towns.did(TOWN)]
    assert await mandates(towns).all(TOWN) == []
    await entrusted(towns)
    assert await methods(towns, "capabilityInvocation") == [towns.did(TOWN), PROVIDER]


async def test_a_withdrawal_does_not_wait_for_its_seal(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> withdraw while the keeper of the seal key is away << in force all the same; sealed when asked again."""
    await entrusted(towns)

    async def away(self: SoftwareKey, data: bytes) -> bytes:
        raise Unavailable("signers.unreachable")

    with monkeypatch.context() as broken:
        broken.setattr(SoftwareKey, "seal", away)
        over = await mandates(towns).withdraw(TOWN, own=False)
    assert (over.state, over.withdrawal_seal) == ("withdrawn", "")
    assert await methods(towns, "capabilityInvocation") == []
    assert (await mandates(towns).withdraw(TOWN, own=False)).withdrawal_seal


@pytest.mark.on_both
async def test_a_withdrawal_gets_its_seal_by_itself(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the keeper is away when it is withdrawn and when the errand runs first, and a new mandate is given before it
    is back << the errand waits, then it seals that very withdrawal, once; nobody has to ask again."""
    given, service = await entrusted(towns), mandates(towns)

    async def away(self: SoftwareKey, data: bytes) -> bytes:
        raise Unavailable("signers.unreachable")

    with monkeypatch.context() as broken:
        broken.setattr(SoftwareKey, "seal", away)
        await service.withdraw(TOWN, own=False)
        (row,) = await towns.db.write(WORKER, outbox.claim, "test", 10, 60_000)
        with pytest.raises(Unavailable):
            await service.seal_withdrawal(row)
    assert row.kind == SEAL
    await entrusted(towns)
    await service.seal_withdrawal(row)
    over = await service.one(TOWN, given.mandate.sha256)
    assert (over.state, bool(over.withdrawal_seal)) == ("withdrawn", True)
    await service.seal_withdrawal(row)
    assert await service.one(TOWN, given.mandate.sha256) == over
    assert await towns.rows(TOWN, "SELECT id FROM outbox WHERE participant = :participant AND done_at IS NULL") == []


@pytest.mark.on_both
async def test_what_expired_takes_no_new_mandate_along(towns: Towns) -> None:
    """>> the job of one replica sees a mandate that is over while another replica gives the next one, or has ended it
    and acts itself << the new one stays, and so does the town's own key; nothing is logged twice."""
    first = await entrusted(towns)
    clock = FakeClock(first.mandate.until)
    late = Mandates(towns.db, clock, Participants(towns.db, towns.vault, BASE, None))
    stale = await late._participants.get(TOWN)
    second = await entrusted(towns, until=first.mandate.until + YEAR_MS // 2)
    await late._end(stale, "expired", own=False)
    assert (await mandates(towns).one(TOWN, second.mandate.sha256)).state == "in-force"
    assert await methods(towns, "capabilityInvocation") == [towns.did(TOWN), PROVIDER]
    await mandates(towns).withdraw(TOWN, own=True)
    count = "SELECT id FROM audit_entry WHERE participant = :participant"
    before = await towns.rows(TOWN, count)
    await late._end(stale, "expired", own=False)
    assert await towns.rows(TOWN, count) == before
    assert await methods(towns, "capabilityInvocation") == [towns.did(TOWN)]


@pytest.mark.on_both
async def test_a_replica_that_has_not_heard_withdraws_all_the_same(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> given at one replica, withdrawn at another that has not heard of it << withdrawn: it looks at what stands."""
    other = Participants(towns.db, towns.vault, BASE, None)
    await other.get(TOWN)
    with monkeypatch.context() as deaf:
        deaf.setattr(other, "_changed", lambda _: None)
        deaf.setattr(other, "_current", AsyncMock())
        await entrusted(towns)
        assert other.held(TOWN).acting is None
        over = await Mandates(towns.db, towns.clock, other).withdraw(TOWN, own=False)
    assert over.state == "withdrawn"
    await towns.participants.catch_up()
    assert await methods(towns, "capabilityInvocation") == []


@pytest.mark.on_both
async def test_a_replica_that_knows_the_mandate_before_does_nothing_by_it(towns: Towns) -> None:
    """>> a mandate for everything, replaced by one to publish at another replica << nothing is agreed by the first."""
    await entrusted(towns)
    other = Participants(towns.db, towns.vault, BASE, None)
    await other.get(TOWN)
    await entrusted(towns, actions=("publish",))
    with pytest.raises(Unavailable, match=r"mandates\.other"):
        await towns.db.read(TOWN, other.require, TOWN, "negotiate")


@pytest.mark.on_both
async def test_clocks_of_replicas_do_not_decide_which_mandate_ends(towns: Towns) -> None:
    """>> the second mandate is given by a clock that is behind << it is the one in force, and the one that ends."""
    await entrusted(towns)
    slow = Mandates(towns.db, FakeClock(towns.clock.now() - 5000), towns.participants)
    second = await slow.give(TOWN, wish(towns))
    over = await mandates(towns).withdraw(TOWN, own=False)
    assert (over.sha256, over.state) == (second.mandate.sha256, "withdrawn")


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
    ({"agent": "kein-did"}, "mandates.agent"), ({"agent": f"did:web:localhost%3A18443:{TOWN}"}, "mandates.agent"),
    ({"until": 1}, "mandates.until"), ({"until": 6 * YEAR_MS + 1_800_000_000_000}, "mandates.until"),
    ({"contract": ""}, "mandates.words"), ({"contract": "x" * 201}, "mandates.words"),
    ({"name": "zwei\nZeilen"}, "mandates.words"), ({"actions": ()}, "mandates.words"),
    ({"actions": ("negotiate", "rule")}, "mandates.words"),
)  # fmt: skip


async def test_a_mandate_that_cannot_be_is_refused(towns: Towns) -> None:
    for said, code in NO_MANDATES:
        with pytest.raises(Mistake) as refused:
            await mandates(towns).give(TOWN, wish(towns, **said))
        assert (said, refused.value.code) == (said, code)
        assert (await towns.participants.get(TOWN)).acting is None
