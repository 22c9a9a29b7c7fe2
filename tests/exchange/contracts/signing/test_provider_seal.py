"""The seal key lies elsewhere: contracts wait for it, nothing is sent without it, and nobody waits for ever (T48)."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest

from connector.exchange.contracts.document.draft import Sealer
from connector.exchange.contracts.evidence.service import Evidence
from connector.exchange.contracts.model import NegotiationRow
from connector.exchange.contracts.signing import countersign
from connector.exchange.contracts.signing.provider_seal import ProviderSealer
from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.language.reasons import because
from connector.foundation.settings.sections import Signers
from connector.foundation.storage import outbox
from connector.foundation.storage.database import WORKER
from connector.foundation.storage.outbox import OutboxRow
from connector.identity.participants.service import Hosted
from connector.verify.formats import jades
from tests.exchange.contracts.signing.sealer_box import Box
from tests.fuzz.effort import one_in
from tests.identity.trust.signers.keepers import made
from tests.testkit.towns import Towns

PROVIDER, CONSUMER = "musterstadt", "nachbardorf"
AGREED, ENDED = f"{PROVIDER}: ContractAgreementMessage", f"{PROVIDER}: ContractNegotiationTerminationMessage"
pytestmark = pytest.mark.threat("T48")


@pytest.fixture
def box(towns: Towns) -> Box:
    return Box(towns)


async def asked(towns: Towns) -> NegotiationRow:
    """Nachbardorf asks; everything that is due now happens."""
    case = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER))
    await towns.run()
    return await towns.case(CONSUMER, case.id)


async def theirs(towns: Towns, case: NegotiationRow) -> NegotiationRow:
    assert case.kernel.peer_pid is not None
    return await towns.case(PROVIDER, case.kernel.peer_pid)


async def questions(towns: Towns, slug: str = PROVIDER) -> list[tuple[str, str | None]]:
    rows = await towns.rows(slug, "SELECT kind, answer FROM question WHERE participant = :participant")
    return [(row["kind"], row["answer"]) for row in rows]


@pytest.mark.parametrize(("slug", "alg"), one_in(2, product([PROVIDER, CONSUMER], ["ES256", "ES384", "PS256"])))
async def test_a_contract_is_sealed_by_a_key_elsewhere(towns: Towns, box: Box, slug: str, alg: str) -> None:
    """>> ask << AGREED with our seal, countersigned; the other side has checked both."""
    await box.adopt(slug, alg)
    case = await asked(towns)
    mine = await towns.agreement(CONSUMER, case.agreement)
    provider = await towns.agreement(PROVIDER, case.agreement)
    assert (case.shown, mine.state, provider.state) == ("FINALIZED", "finalized", "finalized")
    assert mine.provider_jws == provider.provider_jws is not None
    seals = {PROVIDER: provider.provider_jws, CONSUMER: provider.consumer_jws or ""}
    assert {one: jades.read(jws).alg for one, jws in seals.items()} == {
        PROVIDER: "ES256",
        CONSUMER: "ES256",
        slug: alg,
    }


async def test_while_the_keeper_is_away_the_contract_waits_and_a_person_knows(towns: Towns, box: Box) -> None:
    """>> ask, keeper away, again and again << REQUESTED, nothing sent, one question; it comes back << all is done."""
    await box.adopt(PROVIDER)
    box.away = Unavailable("signers.too-slow", signer="vault")
    case = await asked(towns)
    for _ in range(3):
        await towns.hurry()
    waits = await theirs(towns, case)
    assert (waits.shown, case.shown) == ("REQUESTED", "REQUESTED")
    assert AGREED not in towns.wire.sent
    assert waits.agreement is not None
    assert await questions(towns) == [("seal", None)]
    assert box.asked == 4
    box.away = None
    await towns.hurry()
    assert (await towns.case(CONSUMER, case.id)).shown == "FINALIZED"
    assert await questions(towns) == [("seal", "went-on")]


@pytest.mark.parametrize("code", ["signers.too-slow", "signers.wrong-signature", "signers.pin"])
async def test_after_the_deadline_the_negotiation_ends_with_the_reason(towns: Towns, box: Box, code: str) -> None:
    """>> ask, the keeper fails past the deadline << TERMINATED on both sides; nothing was signed."""
    await box.adopt(PROVIDER)
    box.away = Unavailable(code, signer="vault", token="stadt")
    impatient = Signers(deadline_s=0.0)
    desk = ProviderSealer(towns.db, towns.clock, towns.participants, towns.contracts, impatient)
    towns.handlers["seal"] = desk.seal
    case = await asked(towns)
    ended = await theirs(towns, case)
    case = await towns.case(CONSUMER, case.id)
    assert (ended.shown, case.shown) == ("TERMINATED", "TERMINATED")
    assert case.reason == because("contracts.seal-missing")
    agreement = await towns.agreement(PROVIDER, ended.agreement)
    assert (agreement.state, agreement.provider_jws) == ("terminated", None)
    assert towns.wire.sent.count(ENDED) == 1
    await towns.hurry()
    assert box.asked == 1


async def row_of(towns: Towns) -> OutboxRow:
    """The errand `seal`, claimed as a worker claims it."""
    await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER))
    await towns.run(rows=1)
    (row,) = await towns.db.write(WORKER, outbox.claim, "towns", 1, 60_000)
    assert row.kind == "seal"
    return row


@pytest.mark.on_both
async def test_a_crash_before_the_booking_seals_again_and_sends_once(towns: Towns, box: Box) -> None:
    """>> sealed, process dies; another one takes the row << one contract; the late booking of the first is dropped."""
    await box.adopt(PROVIDER)
    row = await row_of(towns)
    handle = towns.handlers["seal"]
    taken: list[OutboxRow] = []

    async def the_other_takes_over() -> None:
        await towns.db.write(WORKER, outbox.hand_back, "towns")
        taken.extend(await towns.db.write(WORKER, outbox.claim, "other", 1, 60_000))
        await handle(taken[0])

    box.meanwhile = the_other_takes_over
    await handle(row)
    assert box.asked == 2
    assert taken[0].fence > row.fence
    booked = await towns.rows(PROVIDER, "SELECT provider_jws FROM agreement WHERE participant = :participant")
    await towns.run()
    assert towns.wire.sent.count(AGREED) == 1
    (mine,) = await towns.rows(CONSUMER, "SELECT provider_jws, state FROM agreement WHERE participant = :participant")
    assert (mine["provider_jws"], mine["state"]) == (booked[0]["provider_jws"], "finalized")


@pytest.mark.on_both
@pytest.mark.parametrize("who", [PROVIDER, CONSUMER])
async def test_who_ends_it_while_the_keeper_works_has_ended_it(towns: Towns, box: Box, who: str) -> None:
    """>> either side terminates while the seal is being made << no contract is sent; the seal goes nowhere."""
    await box.adopt(PROVIDER)
    row = await row_of(towns)
    case_id = (await towns.rows(who, "SELECT id FROM negotiation WHERE participant = :participant"))[0]["id"]

    async def end() -> None:
        reason = because("contracts.offer-gone")
        await towns.db.write(who, towns.contracts.terminate, who, case_id, "x", reason)
        if who == CONSUMER:
            await towns.run()

    box.meanwhile = end
    await towns.handlers["seal"](row)
    await towns.hurry()
    states = await towns.rows(PROVIDER, "SELECT state FROM negotiation WHERE participant = :participant")
    (agreement,) = await towns.rows(
        PROVIDER, "SELECT state, provider_jws FROM agreement WHERE participant = :participant"
    )
    assert [row["state"] for row in states] == ["TERMINATED"]
    assert (agreement["state"], agreement["provider_jws"]) == ("terminated", None)
    assert AGREED not in towns.wire.sent


async def test_a_key_adopted_while_the_contract_waits_seals_it(towns: Towns, box: Box) -> None:
    """>> the keeper lost its key << the operator adopts another one; the waiting contract carries its seal."""
    await box.adopt(PROVIDER)
    box.away = Unavailable("signers.no-key", key="siegel", token="", why="NoSuchKey")
    case = await asked(towns)
    box.away, box.keys["ES256"] = None, made("ES256")
    await box.adopt(PROVIDER)
    await towns.hurry()
    agreement = await towns.agreement(CONSUMER, (await towns.case(CONSUMER, case.id)).agreement)
    hosted = await towns.participants.get(PROVIDER)
    assert agreement.state == "finalized"
    assert jades.read(agreement.provider_jws or "").kid == hosted.seal.kid


async def test_a_consumer_whose_keeper_is_away_countersigns_later(towns: Towns, box: Box) -> None:
    """Its own absent keeper is no fault of the contract: nothing is terminated, and a person is told once."""
    await box.adopt(CONSUMER)
    box.away = Unavailable("signers.refused", signer="vault", status=503, why="-")
    case = await asked(towns)
    await towns.hurry()
    assert (await towns.case(CONSUMER, case.id)).shown == "AGREED"
    assert await questions(towns, CONSUMER) == [("seal", None)]
    box.away = None
    await towns.hurry()
    assert (await towns.case(CONSUMER, case.id)).shown == "FINALIZED"
    assert await questions(towns, CONSUMER) == [("seal", "went-on")]


@pytest.mark.on_both
async def test_a_consumer_without_a_certificate_is_told_and_waits(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> its key was withdrawn and has no certificate yet << AGREED, one question; it gets one << FINALIZED."""
    real = countersign.sealer

    def without(hosted: Hosted) -> Sealer:
        raise Mistake("contracts.no-certificate", slug=hosted.participant.id)

    monkeypatch.setattr(countersign, "sealer", without)
    case = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER))
    for _ in range(2):
        with pytest.raises(Mistake, match=r"contracts\.no-certificate"):
            await towns.hurry()
        await towns.db.write(WORKER, outbox.hand_back, "towns")
    assert ((await towns.case(CONSUMER, case.id)).shown, await questions(towns, CONSUMER)) == (
        "AGREED",
        [("seal", None)],
    )
    monkeypatch.setattr(countersign, "sealer", real)
    await towns.hurry()
    assert (await towns.case(CONSUMER, case.id)).shown == "FINALIZED"


@pytest.mark.parametrize(("slug", "code"), one_in(3, product([PROVIDER, CONSUMER], ["signers.busy", "signers.paused"])))
async def test_a_keeper_that_is_not_asked_right_now_is_no_question(
    towns: Towns, box: Box, slug: str, code: str
) -> None:
    """What stands behind a pause was told when it happened; to be one of many is nothing to tell."""
    await box.adopt(slug)
    box.away = Unavailable(code, signer="vault")
    case = await asked(towns)
    assert (case.shown, await questions(towns, slug)) == ("REQUESTED" if slug == PROVIDER else "AGREED", [])
    box.away = None
    await towns.hurry()
    assert (await towns.case(CONSUMER, case.id)).shown == "FINALIZED"


async def test_the_manifest_of_a_bundle_is_sealed_there_too(towns: Towns, box: Box) -> None:
    await box.adopt(PROVIDER)
    case = await asked(towns)
    case = await towns.case(CONSUMER, case.id)
    evidence = Evidence(towns.db, towns.clock, towns.participants, lambda own, dids: "")
    before = box.asked
    bundles = {await evidence.bundle(PROVIDER, case.agreement or "") for _ in range(3)}
    assert len(bundles) == 1
    assert box.asked == before + 1, "a partner that asks again and again costs no further seal"
    evidence = Evidence(towns.db, towns.clock, towns.participants, lambda own, dids: "")
    box.away = Unavailable("signers.too-slow", signer="vault")
    with pytest.raises(Unavailable, match=r"signers\.too-slow"):
        await evidence.bundle(PROVIDER, case.agreement or "")


@pytest.mark.threat("T60")
async def test_bundles_that_wait_for_a_seal_leave_the_threads_that_it_needs(towns: Towns, box: Box) -> None:
    """Past bug: bundles waited in the threads in which the keeper's name is looked up; once all did, none went on."""
    await box.adopt(PROVIDER)
    case = await towns.case(CONSUMER, (await asked(towns)).id)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=1))

    async def look_up() -> None:
        await asyncio.to_thread(str)

    box.meanwhile = look_up
    evidence = Evidence(towns.db, towns.clock, towns.participants, lambda own, dids: "")
    assert await evidence.bundle(PROVIDER, case.agreement or "")
    assert box.meanwhile is None


async def test_a_rotation_is_made_where_the_key_lies(towns: Towns, box: Box) -> None:
    """A new software key would silently take the seal away from the HSM."""
    await box.adopt(PROVIDER)
    with pytest.raises(Mistake, match=r"signers\.rotate-there"):
        await towns.participants.rotate(PROVIDER, "seal")
    assert (await towns.participants.get(PROVIDER)).signer == "vault"
