"""A countersignature that a person orders: made once, handed in until the provider answers (spec/contracts.md 3.6)."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from connector.exchange.contracts import object_store
from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.document import draft
from connector.exchange.contracts.document.sealing import digest
from connector.exchange.contracts.evidence.attention import seals_missing
from connector.foundation.errors import HanseError, Mistake, Unavailable
from connector.foundation.http.outbound import Answer
from tests.exchange.contracts.late import HANDED, HEAD, VERIFY, Broken, broken, lies_here, order, records, states, step
from tests.exchange.contracts.signing.sealer_box import Box
from tests.testkit.forging import forged
from tests.testkit.towns import Towns


async def questions(towns: Towns) -> list[str]:
    sql = "SELECT kind FROM question WHERE participant = :participant AND answered_at IS NULL"
    return [row["kind"] for row in await towns.rows("nachbardorf", sql)]


async def test_what_the_provider_did_not_take_is_not_called_complete(towns: Towns) -> None:
    """<< FINALIZED that commits to one seal >> one-sided on the consumer's side too, although it signed."""
    found = await broken(towns)
    assert await states(towns, found) == ("one-sided", "one-sided")
    assert (await towns.agreement("nachbardorf", found.agreement)).consumer_jws is not None


async def test_a_person_completes_a_one_sided_contract(towns: Towns) -> None:
    """>> ordered, made, handed in << taken: one seal, one approval by that person, a further record, on both sides."""
    found = await broken(towns)
    await order(towns, found)
    await towns.run()
    assert await states(towns, found) == ("finalized", "finalized")
    theirs, ours = [await towns.agreement(slug, found.agreement) for slug in ("musterstadt", "nachbardorf")]
    assert ours.consumer_jws == theirs.consumer_jws is not None
    for slug, agreement in (("musterstadt", theirs), ("nachbardorf", ours)):
        kept = await towns.db.read(slug, object_store.objects, slug, agreement.negotiation)
        approval = json.loads(kept[draft.APPROVAL["consumer"]].body)
        assert (approval["role"], approval["pseudonym"], approval["mandate"]) == ("Amtsleitung", "p-7f3a91", "M-12")
        assert approval["onBehalfOf"] == towns.did("nachbardorf")
        commits = [one["body"]["consumerJws"] for one in await records(towns, slug, "agreement")]
        assert len(commits) == 2
        assert commits[1] == digest((agreement.consumer_jws or "").encode())
    assert await questions(towns) == []


async def test_a_required_one_that_was_lost_is_made_good(towns: Towns) -> None:
    """<< nothing, because FINALIZED is withheld >> ordered and handed in << FINALIZED over the new seal."""
    found = await broken(towns, countersignature="required")
    assert await states(towns, found) == ("signed", "signed")
    await order(towns, found)
    await towns.run()
    assert await states(towns, found) == ("finalized", "finalized")
    theirs, ours = [await towns.agreement(slug, found.agreement) for slug in ("musterstadt", "nachbardorf")]
    assert ours.consumer_jws == theirs.consumer_jws is not None
    assert (await towns.case("nachbardorf", found.case)).shown == "FINALIZED"


async def test_finalized_may_overtake_the_answer(towns: Towns) -> None:
    """<< FINALIZED over a seal whose acceptance we have not booked yet << 204: in the end both hold the same one."""
    found = await broken(towns, countersignature="required")
    deliver = towns.wire.hand_in

    async def slow(*args: Any) -> Answer:
        answer = await deliver(*args)
        await towns.run()
        assert (await towns.case("nachbardorf", found.case)).shown == "FINALIZED"
        return answer

    _post(towns, slow)
    await order(towns, found)
    await towns.run()
    assert await states(towns, found) == ("finalized", "finalized")
    theirs, ours = [await towns.agreement(slug, found.agreement) for slug in ("musterstadt", "nachbardorf")]
    assert ours.consumer_jws == theirs.consumer_jws


async def test_bug_a_seal_that_was_taken_was_dropped_because_the_agreement_had_ended(towns: Towns) -> None:
    """<< taken, and the end of the agreement stated before its answer came >> both sides keep the same seal, ended."""
    found = await broken(towns)
    deliver = towns.wire.hand_in
    why = {"de": ["Das Amt schließt."], "en": ["The office closes."]}

    async def slow(*args: Any) -> Answer:
        answer = await deliver(*args)
        await towns.termination_delivery.end("nachbardorf", found.agreement, why, None)
        return answer

    _post(towns, slow)
    await order(towns, found)
    await towns.run()
    assert await states(towns, found) == ("ended", "ended")
    theirs, ours = [await towns.agreement(slug, found.agreement) for slug in ("musterstadt", "nachbardorf")]
    assert ours.consumer_jws == theirs.consumer_jws is not None
    assert [len(await records(towns, slug, "agreement")) for slug in ("musterstadt", "nachbardorf")] == [2, 2]


async def test_while_the_provider_is_away_the_same_one_is_tried_again(towns: Towns) -> None:
    """>> handed in << nobody there, then 503, then taken: the very same seal each time."""
    found = await broken(towns)
    handed: list[bytes] = []
    deliver = towns.wire.hand_in

    async def noting(slug: str, did: str, url: str, seal: bytes) -> Answer:
        handed.append(seal)
        return await deliver(slug, did, url, seal)

    _post(towns, noting)
    towns.wire.answers = [Unavailable("http.unreachable"), Answer(503, {}, b"")]
    await order(towns, found)
    await towns.run()
    for _ in range(2):
        assert await states(towns, found) == ("one-sided", "one-sided")
        await towns.hurry()
    assert await states(towns, found) == ("finalized", "finalized")
    assert len(handed) == 3
    assert len(set(handed)) == 1


@pytest.mark.on_both
async def test_a_provider_that_is_away_for_days_is_told_of_and_tried_on(towns: Towns) -> None:
    """>> nobody there for four days << kept and on its way; a person is told, once; then taken: nothing waits."""
    found = await broken(towns)
    towns.wire.answers = [Unavailable("http.unreachable")] * 3
    await order(towns, found)
    assert await step(towns, found) == ("one-sided", "making")
    await towns.run()
    assert await step(towns, found) == ("one-sided", "handing-in")
    assert await questions(towns) == []
    age = "UPDATE outbox SET created_at = created_at - 345600000 WHERE kind = 'hand-in' AND participant = :p"
    await towns.db.write("nachbardorf", lambda tx: tx.run(age, p="nachbardorf"))
    for _ in range(2):
        await towns.hurry()
    assert await questions(towns) == ["countersign-undelivered"]
    assert await step(towns, found) == ("one-sided", "handing-in")
    await towns.hurry()
    assert await step(towns, found) == ("finalized", "given")
    assert await questions(towns) == []


async def test_an_answer_that_got_lost_does_no_harm(towns: Towns) -> None:
    """>> handed in, taken, the answer lost; >> handed in again << the same answer; one further record on each side."""
    found = await broken(towns)
    deliver, lost = towns.wire.hand_in, [True]

    async def losing(*args: Any) -> Answer:
        answer = await deliver(*args)
        if lost:
            lost.clear()
            raise Unavailable("http.unreachable")
        return answer

    _post(towns, losing)
    await order(towns, found)
    await towns.run()
    assert await states(towns, found) == ("finalized", "one-sided")
    await towns.hurry()
    assert await states(towns, found) == ("finalized", "finalized")
    for slug in ("musterstadt", "nachbardorf"):
        assert len(await records(towns, slug, "agreement")) == 2


@pytest.mark.parametrize(("answer", "tries"), [(409, 1), (404, 4), (400, 4)])
async def test_a_provider_that_does_not_take_it_is_not_asked_for_ever(towns: Towns, answer: int, tries: int) -> None:
    """>> handed in << 409, or a 404 of one who has no such route: recorded, a person is asked, nothing changes."""
    found = await broken(towns)
    said = json.dumps({"code": "contracts.countersignature-late\u001b[2J"}).encode()
    towns.wire.answers = [Answer(answer, {}, said)] * tries
    await order(towns, found)
    await towns.run()
    for _ in range(tries):
        await towns.hurry()
    assert towns.wire.sent.count(HANDED) == tries
    assert await states(towns, found) == ("one-sided", "one-sided")
    assert await questions(towns) == ["countersign-refused"]
    noted = [one["body"] for one in await records(towns, "nachbardorf", "decision")]
    assert [one["status"] for one in noted if one.get("countersignature") == "refused"] == [answer]
    assert "\u001b" not in json.dumps(noted, ensure_ascii=False)


async def test_a_person_may_try_again_after_a_refusal(towns: Towns) -> None:
    """>> refused once; >> ordered again by somebody else << taken, with that person's approval."""
    found = await broken(towns)
    towns.wire.answers = [Answer(409, {}, b"{}")]
    await order(towns, found)
    await towns.run()
    await order(towns, found, Approval(role="Vertretung", pseudonym="p-000001"))
    await towns.run()
    assert await states(towns, found) == ("finalized", "finalized")
    agreement = await towns.agreement("musterstadt", found.agreement)
    kept = await towns.db.read("musterstadt", object_store.objects, "musterstadt", agreement.negotiation)
    assert json.loads(kept[draft.APPROVAL["consumer"]].body)["pseudonym"] == "p-000001"


async def test_ordered_twice_is_signed_once(towns: Towns) -> None:
    found = await broken(towns)
    await order(towns, found)
    await order(towns, found)
    await towns.run()
    assert towns.wire.sent.count(HANDED) == 1


WRONG: dict[str, dict[str, str]] = {
    "a name": {"pseudonym": "Erika Mustermann"},
    "capitals": {"pseudonym": "p-7F3A91"},
    "a line more": {"pseudonym": "p-7f3a91\n"},
    "the role of rules": {"role": "automatic"},
    "two lines": {"role": "Amt\nErika"},
    "no did": {"on_behalf_of": "Stadt Musterstadt"},
    "an odd mandate": {"mandate": "M\u001b[2J"},
}


async def test_a_person_is_a_role_and_a_pseudonym(towns: Towns) -> None:
    """>> a name, or what is none of ours << refused before anything is stored."""
    found = await broken(towns)
    for what, wrong in WRONG.items():
        with pytest.raises(Mistake):
            await order(towns, found, Approval(**{"role": "Amtsleitung", "pseudonym": "p-7f3a91", **wrong}))
        assert (await towns.case("nachbardorf", found.case)).approval is None, what


async def test_only_what_was_read_is_signed_and_only_where_something_is_missing(towns: Towns) -> None:
    """>> another text's checksum, a short one, the provider, a complete contract << refused."""
    found = await broken(towns)
    rules = towns.contracts.countersigning
    right = await lies_here(towns, await towns.agreement("nachbardorf", found.agreement))
    for read in ("0" * 64, right[:15], ""):
        with pytest.raises(Mistake, match=r"other-text-read"):
            await towns.db.write("nachbardorf", rules.order, "nachbardorf", found.agreement, HEAD, read)
    with pytest.raises(Mistake, match=r"nothing-to-countersign"):
        await order(towns, found, slug="musterstadt")
    del towns.wire.bend[VERIFY]
    whole = await towns.concluded("nachbardorf", "musterstadt")
    with pytest.raises(Mistake, match=r"nothing-to-countersign"):
        await order(towns, Broken(whole.negotiation, whole.id))


# A text in other words waits for a person (decision 0027)


async def unclear(towns: Towns, change: Callable[[str], str]) -> Broken:
    """The provider seals a text whose words are not ours."""
    with forged({draft.TEXT: lambda body: change(body.decode()).encode()}):
        asked = await towns.ask("nachbardorf", "musterstadt", await towns.publish("musterstadt"))
        await towns.run()
    case = await towns.case("nachbardorf", asked.id)
    assert (case.shown, case.agreement is not None) == ("AGREED", True)
    return Broken(case.id, case.agreement or "")


def _worded(text: str) -> str:
    return text.replace("</td></tr>", " Bitte.</td></tr>", 1).replace("<tr><td>", "<tr><td>Nur: ", 1)


async def test_a_person_signs_what_is_worded_differently(towns: Towns) -> None:
    """<< a text in other words >> asked; read and signed by a person << FINALIZED, both seals over that text."""
    found = await unclear(towns, _worded)
    assert await questions(towns) == ["countersign"]
    standing = await towns.db.read(
        "nachbardorf", towns.contracts.countersigning.standing, await towns.agreement("nachbardorf", found.agreement)
    )
    assert standing.waits
    await order(towns, found)
    await towns.run()
    assert await states(towns, found) == ("finalized", "finalized")
    assert await questions(towns) == []


async def test_a_person_declines_what_is_worded_differently(towns: Towns) -> None:
    """<< a text in other words >> TERMINATED in the words of whoever read it; nothing was signed."""
    found = await unclear(towns, _worded)
    reason = {"de": ["Der Text weicht ab."], "en": ["The text differs."]}
    await towns.db.write("nachbardorf", towns.contracts.terminate, "nachbardorf", found.case, "operator", reason)
    await towns.run()
    assert await states(towns, found) == ("terminated", "terminated")
    with pytest.raises(HanseError):
        await order(towns, found)


def _post(towns: Towns, post: Callable[..., Any]) -> None:
    towns.late_delivery._post = post


@pytest.mark.on_both
@pytest.mark.threat("T48")
async def test_a_keeper_that_is_away_while_a_person_signs_late_is_told(towns: Towns) -> None:
    """Past bug: >> order, our seal key cannot be asked << one question with the reason, tried again; then handed in."""
    found, box = await broken(towns), Box(towns)
    await box.adopt("nachbardorf")
    box.away = Unavailable("signers.hsm-slow", signer="pkcs11")
    await order(towns, found)
    for _ in range(3):
        await towns.hurry()
    asked = "SELECT facts, answer FROM question WHERE participant = :participant AND kind = 'seal'"
    [told] = await towns.rows("nachbardorf", asked)
    assert (json.loads(told["facts"]), told["answer"]) == ({"why": "signers.hsm-slow"}, None)
    assert await towns.db.read("nachbardorf", seals_missing, "nachbardorf") == ["signers.hsm-slow"]
    assert HANDED not in towns.wire.sent
    box.away = None
    await towns.hurry()
    assert await states(towns, found) == ("finalized", "finalized")
    assert await towns.db.read("nachbardorf", seals_missing, "nachbardorf") == []
