"""One way of sealing, two places: in the transaction that took the message, or in an errand's (decision 0083).

Whether a seal is made or judged at once or later must not show in what is kept: both are played from the same state,
and contract, headers of both seals, objects, log records and transcript are compared.
"""

import json
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from connector.exchange.contracts import object_store
from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.model import NegotiationRow
from connector.exchange.contracts.negotiation.decide import CHECK
from connector.exchange.contracts.negotiation.late_countersignature import AT_ONCE
from connector.exchange.contracts.signing import gather
from connector.exchange.contracts.signing.book import SealBooking
from connector.foundation.clock import FakeClock
from connector.foundation.errors import Unavailable
from connector.foundation.http.outbound import Answer
from connector.foundation.storage.sqlite.database import Sqlite
from connector.kernel.protocol.messages import HANSE
from connector.verify.formats import base64url
from connector.verify.formats.jades import object_hash
from tests.exchange.contracts.lying import ALL
from tests.exchange.contracts.second_seals import able, keyed
from tests.exchange.contracts.signing.sealer_box import Box
from tests.fuzz.effort import one_in
from tests.testkit.cities import PURPOSE
from tests.testkit.forging import forged
from tests.testkit.shown import as_shown
from tests.testkit.towns import Towns

PROVIDER, CONSUMER = "musterstadt", "nachbardorf"
SEAL = f"{HANSE}agreementSignature"
SECOND = f"{HANSE}agreementSignaturePq"
HEAD = Approval(role="Amtsleitung", pseudonym="p-7f3a91")
Bend = Callable[[dict[str, Any]], None]


def broken_seal(message: dict[str, Any]) -> None:
    head, _, tail = message[SEAL].split(".")
    message[SEAL] = f"{head}..{tail[:-4]}AAAA"


def no_seal(message: dict[str, Any]) -> None:
    message.pop(SEAL)


def broken_second(message: dict[str, Any]) -> None:
    message[SECOND] = "a..b"


FIRST, THIRD = "ContractAgreementMessage", "ContractAgreementVerificationMessage"
CASES: dict[str, dict[str, Any]] = {
    "as asked": {},
    "required": {"countersignature": "required"},
    "preferred": {"countersignature": "preferred"},
    "second seals": {"keyed": True},
    "a second seal that is none, from the provider": {"keyed": True, "bend": (FIRST, broken_second)},
    "a second seal that is none, from the consumer": {"keyed": True, "bend": (THIRD, broken_second)},
    "a seal of the provider that does not hold": {"bend": (FIRST, broken_seal)},
    "a seal of the consumer that does not hold": {"bend": (THIRD, broken_seal), "countersignature": "preferred"},
    "one that does not hold where it is required": {"bend": (THIRD, broken_seal), "countersignature": "required"},
    "no seal of the provider": {"bend": (FIRST, no_seal)},
    "no seal of the consumer": {"bend": (THIRD, no_seal), "countersignature": "preferred"},
    "another text": {"lie": "an added sentence"},
    "another person at the provider's": {"lie": "a person at the provider's"},
}


async def played(towns: Towns, *, at_hand: bool, **wish: Any) -> tuple[NegotiationRow, NegotiationRow]:
    """One negotiation to where it rests; the case of the consumer and of the provider."""
    towns.wire.at_hand = at_hand
    lie, bend = wish.pop("lie", None), wish.pop("bend", None)
    towns.wire.bend = {} if bend is None else dict([bend])
    with forged({} if lie is None else {ALL[lie][0]: ALL[lie][1]}):
        asked = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER, **wish))
        await towns.run()
    ours = await towns.case(CONSUMER, asked.id)
    return ours, await towns.case(PROVIDER, str(ours.kernel.peer_pid))


async def told(towns: Towns, case: NegotiationRow, other: NegotiationRow) -> dict[str, Any]:
    """Everything that is kept of a negotiation, with names for what is drawn anew each time."""
    slug = case.participant
    names = {case.id: "MINE", other.id: "THEIRS", case.dataset: "DATASET", case.offer: "OFFER"}
    agreement = await towns.agreement(slug, case.agreement)
    names |= {agreement.id: "AGREEMENT", agreement.uuid: "UUID"}
    objects = await towns.db.read(slug, object_store.objects, slug, case.id)
    known = await towns.db.read(other.participant, object_store.objects, other.participant, other.id) | objects
    bodies = {name: one.body for name, one in known.items()} | {"CONTRACT": agreement.document}
    seals = {"PROVIDER": agreement.provider_jws, "CONSUMER": agreement.consumer_jws}
    bodies |= {name: seal.encode() for name, seal in seals.items() if seal is not None}
    for name, body in bodies.items():
        names |= {sealing.digest(body): name, object_hash(body): name}

    def plain(value: Any) -> str:
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for found in sorted(names, key=len, reverse=True):
            text = text.replace(found, names[found])
        return text

    records = await towns.rows(slug, "SELECT record FROM audit_entry WHERE participant = :participant ORDER BY id")
    lines = await towns.rows(
        slug,
        "SELECT direction, kind, status, code FROM transcript WHERE participant = :participant AND process = :id",
        id=case.id,
    )
    asked = await towns.rows(
        slug, "SELECT kind, facts FROM question WHERE participant = :participant AND subject = :id", id=case.id
    )
    return {
        "state": (case.shown, agreement.state, plain(case.reason)),
        "contract": plain(agreement.document.decode()),
        "seals": [plain(_header(seal)) for seal in seals.values()],
        "objects": {name: plain(_text(name, one.body)) for name, one in sorted(objects.items())},
        "records": [
            plain([one["type"], one["actor"], one["body"]])
            for one in (json.loads(row["record"]) for row in records)
            if one.get("agreement", "") in ("", agreement.id) or case.id in json.dumps(one)
        ],
        "transcript": sorted(plain(list(line.values())) for line in lines if line["kind"] not in (AT_ONCE, CHECK)),
        "questions": sorted(plain(list(one.values())) for one in asked),
    }


def _header(seal: str | None) -> Any:
    return None if seal is None else json.loads(base64url.decode(seal.partition(".")[0]))


def _text(name: str, body: bytes) -> str:
    """Of a second seal what it signs: ML-DSA signs with a coin."""
    return json.dumps(_header(body.decode())) if ".jws" in name and b".." in body and len(body) > 9 else body.decode()


async def errands(towns: Towns) -> list[str]:
    """The errands about seals that have been left behind so far."""
    kinds = "SELECT kind FROM outbox WHERE participant = :participant AND kind IN (:first, :second)"
    found = [await towns.rows(slug, kinds, first=AT_ONCE, second=CHECK) for slug in (PROVIDER, CONSUMER)]
    return sorted({row["kind"] for rows in found for row in rows})


@pytest.fixture
async def still(migrated: Path, tmp_path: Path) -> AsyncIterator[Towns]:
    """Both towns in a moment that does not pass, so that two plays can be compared to the byte."""
    clock = FakeClock()
    database = Sqlite(Path(shutil.copy(migrated, tmp_path / "hanse.db")), clock)
    await database.start()
    towns = Towns(database, tmp_path, clock)
    await towns.add(PROVIDER, CONSUMER)
    yield towns
    await database.close()


@able
@pytest.mark.threat("T111")
@pytest.mark.parametrize("name", one_in(2, CASES))
async def test_both_ways_leave_the_same_evidence(name: str, still: Towns) -> None:
    """>> the same wish with the partner's keys at hand, and without << both sides keep the same, word by word."""
    wish = dict(CASES[name])
    if wish.pop("keyed", False):
        for slug in (PROVIDER, CONSUMER):
            await keyed(still, slug)
    plays = []
    for at_hand in (True, False):
        ours, theirs = await played(still, at_hand=at_hand, **dict(wish))
        plays.append((await told(still, ours, theirs), await told(still, theirs, ours)))
        assert (await errands(still) == []) is (at_hand and "lie" not in wish)
    for side, other in zip(*plays, strict=True):
        for what, kept in side.items():
            assert kept == other[what], what
    assert plays[0][1]["records"]
    assert plays[0][0]["transcript"]


async def test_what_has_to_be_fetched_is_left_to_an_errand(towns: Towns) -> None:
    """<< a deadline that nobody could predict, >> an approval by a person << the partner is asked for them first."""
    towns.contracts.agreements._patience_ms += 60_000
    made = await towns.publish(PROVIDER)
    asked = await towns.db.write(
        CONSUMER,
        towns.contracts.request,
        CONSUMER,
        towns.partner(PROVIDER),
        made[0].id,
        made[1].for_catalogue(),
        PURPOSE,
        None,
        HEAD,
        None,
        as_shown(*made),
    )
    await towns.run()
    assert (await towns.case(CONSUMER, asked.id)).shown == "FINALIZED"
    assert await errands(towns) == [CHECK, AT_ONCE]


@pytest.mark.on_both
@pytest.mark.parametrize("slug", [PROVIDER, CONSUMER])
async def test_a_key_elsewhere_is_never_asked_inside_a_transaction(towns: Towns, slug: str) -> None:
    """>> a key in a box of its own << the box is asked by an errand, and the other side still seals at once."""
    box = Box(towns)
    await box.adopt(slug)
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    assert (agreement.state, box.asked) == ("finalized", 1)
    assert await errands(towns) == ([AT_ONCE] if slug == CONSUMER else [])


async def test_a_long_contract_is_not_written_inside_the_transaction(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """<< more clauses than we put into words while others wait to write >> an errand does it, beside them (T111)."""
    monkeypatch.setattr(gather, "LONGEST", 100)
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    assert agreement.state == "finalized"
    assert await errands(towns) == [AT_ONCE]


@pytest.mark.on_both
@pytest.mark.threat("T111")
async def test_the_same_contract_again_is_sealed_once(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """<< the agreement twice, and the verification twice, as after a crash before the answer >> one seal of each."""
    post, twice = towns.wire.post, {FIRST, THIRD}

    async def doubled(slug: str, did: str, url: str, body: bytes) -> Answer:
        if json.loads(body)["@type"] in twice:
            await post(slug, did, url, body)
        return await post(slug, did, url, body)

    towns.wire.post = doubled  # type: ignore[method-assign]
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    theirs = await towns.agreement(PROVIDER, agreement.id)
    assert agreement.consumer_jws == theirs.consumer_jws is not None
    for slug in (PROVIDER, CONSUMER):
        said = await towns.rows(
            slug, "SELECT record FROM audit_entry WHERE participant = :participant AND type = 'agreement'"
        )
        assert len(said) == 1
    sent = [line for line in towns.wire.sent if "Verification" in line or "Event" in line]
    assert sent == [f"{CONSUMER}: {THIRD}"] * 2 + [f"{PROVIDER}: ContractNegotiationEventMessage"]


@pytest.mark.threat("T111")
@pytest.mark.parametrize("step", ["contract", "countersignature"])
async def test_a_step_that_fails_leaves_nothing_of_the_message(
    towns: Towns, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """>> the disk is full while the outcome is booked << 503, nothing was received; the peer says it again: all is."""

    def full(*args: Any) -> None:
        raise Unavailable("storage.unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(SealBooking, step, full)
        asked = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER))
        await towns.run()
        ours = await towns.case(CONSUMER, asked.id)
        assert ours.shown == ("REQUESTED" if step == "contract" else "VERIFIED")
        assert (ours.agreement is None) is (step == "contract")
    for _ in range(3):
        await towns.hurry()
    ours = await towns.case(CONSUMER, asked.id)
    assert (await towns.agreement(CONSUMER, ours.agreement)).state == "finalized"
