"""The consumer signs only what it has fetched, hashed and understood (threat T22; spec/contracts.md 3.4)."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from connector.exchange.contracts import object_store
from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.document import draft, sealing
from connector.exchange.contracts.document.sealing import digest
from connector.exchange.contracts.model import NegotiationRow
from connector.foundation.errors import Unavailable
from connector.identity.participants.service import Hosted
from connector.kernel.protocol.messages import HANSE
from connector.verify.formats import jades
from tests.fuzz.effort import one_in
from tests.testkit.cities import PURPOSE
from tests.testkit.forging import forged
from tests.testkit.shown import as_shown
from tests.testkit.towns import Towns

SEAL = f"{HANSE}agreementSignature"
HEAD = Approval(role="Amtsleitung", pseudonym="p-7f3a91")
pytestmark = pytest.mark.threat("T22")


async def begun(towns: Towns) -> NegotiationRow:
    """Nachbardorf has asked; the agreement is on its way, nothing is signed yet."""
    asked = await towns.ask("nachbardorf", "musterstadt", await towns.publish("musterstadt"))
    await towns.run(rows=1)
    return await towns.case("nachbardorf", asked.id)


async def stored(towns: Towns, case: NegotiationRow, name: str) -> bytes:
    """A signed object as the provider keeps it."""
    objects = await towns.db.read("musterstadt", object_store.objects, "musterstadt", case.kernel.peer_pid or "")
    return objects[name].body


async def ended(towns: Towns, case: NegotiationRow) -> str:
    """Runs to the end: TERMINATED on both sides, nobody signed; the German reason."""
    await towns.run()
    mine = await towns.case("nachbardorf", case.id)
    assert mine.kernel.peer_pid is not None
    theirs = await towns.case("musterstadt", mine.kernel.peer_pid)
    assert (mine.shown, theirs.shown) == ("TERMINATED", "TERMINATED")
    assert "nachbardorf: ContractAgreementVerificationMessage" not in towns.wire.sent
    agreement = await towns.agreement("nachbardorf", mine.agreement)
    assert (agreement.state, agreement.consumer_jws) == ("terminated", None)
    assert mine.reason is not None
    return mine.reason["de"][0]


async def asked(towns: Towns, case: NegotiationRow) -> str:
    """Runs to the end: nobody signed, a person is asked and the negotiation waits; why, as a key."""
    await towns.run()
    mine = await towns.case("nachbardorf", case.id)
    assert mine.shown == "AGREED"
    assert "nachbardorf: ContractAgreementVerificationMessage" not in towns.wire.sent
    assert (await towns.agreement("nachbardorf", mine.agreement)).consumer_jws is None
    found = await towns.rows("nachbardorf", "SELECT kind, facts FROM question WHERE participant = :participant")
    assert [one["kind"] for one in found] == ["countersign"]
    return str(json.loads(found[0]["facts"])["fault"])


def _other_clause(text: str) -> str:
    row = text.index("<tr><td>") + len("<tr><td>")
    return text[:row] + "Sie dürfen damit alles. " + text[row:]


def _one_clause_more(text: str) -> str:
    row = text.index("<tr><td>")
    return text[:row] + "<tr><td>Sie zahlen 500 Euro.</td><td></td></tr>" + text[row:]


def _other_party(text: str) -> str:
    return text.replace("%3A18443:musterstadt", "%3A18443:anderswo")


def _other_badge(text: str) -> str:
    return text.replace("<td>vertraglich zugesichert</td>", "<td>technisch erzwungen</td>")


WORDED: dict[str, Callable[[str], str]] = {
    "another clause": _other_clause,
    "another badge": _other_badge,
    "one clause more": _one_clause_more,
}
FACTS: dict[str, Callable[[str], str]] = {"another party": _other_party, "empty": lambda text: ""}


async def written(towns: Towns, change: Callable[[str], str]) -> NegotiationRow:
    """The provider seals a text that was changed so."""
    with forged({draft.TEXT: lambda body: change(body.decode()).encode()}):
        return await begun(towns)


async def test_rules_that_cannot_be_said_are_not_signed(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a sealed agreement that the consumer has no sentence for << a person is asked: we know not what it says."""
    case = await begun(towns)
    monkeypatch.setattr(towns.engine, "clauses", lambda document, lang: [])
    assert await asked(towns, case) == "contracts.not-understood"


@pytest.mark.parametrize("change", WORDED.values(), ids=WORDED)
async def test_a_text_in_other_words_is_for_a_person(towns: Towns, change: Callable[[str], str]) -> None:
    """<< a sealed text whose clauses are not ours >> nothing is signed, a person is asked (decision 0027)."""
    assert await asked(towns, await written(towns, change)) == "contracts.other-text"


@pytest.mark.parametrize("change", FACTS.values(), ids=FACTS)
async def test_a_text_about_something_else_is_not_signed(towns: Towns, change: Callable[[str], str]) -> None:
    """<< a sealed text without the parties, the agreement or the data >> TERMINATED: that is no matter of words."""
    assert "andere Beteiligte" in await ended(towns, await written(towns, change))


@pytest.mark.parametrize("name", [draft.TEXT, draft.PROFILE, draft.DATASET])
async def test_a_changed_object_is_not_signed(towns: Towns, name: str) -> None:
    """<< other bytes under the address of a signed object that is not ours >> TERMINATED, naming the object."""
    with forged({name: lambda body: body + b"\n"}):
        case = await begun(towns)
    body = await stored(towns, case, name)
    towns.wire.objects[digest(body)] = body + b" "
    assert name in await ended(towns, case)


async def test_an_approval_that_a_person_gave_is_fetched_and_checked(towns: Towns) -> None:
    """<< an approval that nobody could have guessed, and other bytes under its address >> TERMINATED, naming it."""
    with forged({draft.APPROVAL["provider"]: _in_person}):
        case = await begun(towns)
    name = draft.APPROVAL["provider"]
    body = await stored(towns, case, name)
    towns.wire.objects[digest(body)] = body + b" "
    assert name in await ended(towns, case)


async def test_an_honest_contract_is_written_here_and_never_fetched(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What both sides know they can write down themselves: the hash in the seal proves that it is the same."""
    fetched: list[str] = []
    fetch = towns.wire.fetch

    async def noting(hosted: Hosted, did: str, url: str) -> bytes:
        fetched.append(url.rpartition("/")[2])
        return await fetch(hosted, did, url)

    monkeypatch.setattr(towns.wire, "fetch", noting)
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    assert agreement.state == "finalized"
    objects = await towns.db.read("nachbardorf", object_store.objects, "nachbardorf", agreement.negotiation)
    assert fetched == []
    assert set(draft.APPROVAL.values()) <= objects.keys()
    theirs = (await towns.case("nachbardorf", agreement.negotiation)).kernel.peer_pid or ""
    kept = await towns.db.read("musterstadt", object_store.objects, "musterstadt", theirs)
    name = draft.APPROVAL["consumer"]
    assert kept[name].body == objects[name].body


async def test_the_consumers_approval_by_a_person_is_fetched_and_taken(towns: Towns) -> None:
    """>> an approval that says who gave it << the provider fetches it; the contract is final."""
    made = await towns.publish("musterstadt")
    asked = await towns.db.write(
        "nachbardorf",
        towns.contracts.request,
        "nachbardorf",
        towns.partner("musterstadt"),
        made[0].id,
        made[1].for_catalogue(),
        PURPOSE,
        None,
        HEAD,
        None,
        as_shown(*made),
    )
    await towns.run()
    case = await towns.case("nachbardorf", asked.id)
    agreement = await towns.agreement("musterstadt", case.agreement)
    assert agreement.state == "finalized"
    kept = await towns.db.read("musterstadt", object_store.objects, "musterstadt", case.kernel.peer_pid)
    assert json.loads(kept[draft.APPROVAL["consumer"]].body)["pseudonym"] == HEAD.pseudonym


def _in_person(body: bytes) -> bytes:
    return sealing.canonical({**json.loads(body), "role": "Amtsleitung", "pseudonym": "p-7f3a91"})


@pytest.mark.parametrize(
    "profile", one_in(2, [b"[]", b"{}", b"not json", b'{"badges": [{"de": 1}]}', b'{"badges": [], "badges": []}'])
)
async def test_an_unreadable_or_other_profile_is_not_signed(towns: Towns, profile: bytes) -> None:
    """<< a sealed profile that is none >> TERMINATED."""
    with forged({draft.PROFILE: lambda _: profile}):
        assert "Regelprofil" in await ended(towns, await begun(towns))


async def test_badges_that_promise_more_than_we_enforce_are_not_signed(towns: Towns) -> None:
    """<< a profile in which a contractual clause is called enforced >> a person is asked."""

    def other(profile: bytes) -> bytes:
        body = json.loads(profile)
        for badge in body["badges"]:
            badge["badge"] = "contractual" if badge["badge"] == "enforced" else "enforced"
        return sealing.canonical(body)

    with forged({draft.PROFILE: other}):
        assert await asked(towns, await begun(towns)) == "contracts.other-profile"


@pytest.mark.parametrize("bend", ["signature", "form", "other agreement"])
async def test_an_invalid_provider_seal_is_not_countersigned(towns: Towns, bend: str) -> None:
    """<< a seal whose signature, form or subject is wrong >> TERMINATED: the seal of the other side is not valid."""
    old = await towns.concluded("nachbardorf", "musterstadt")
    towns.wire.sent.clear()
    assert old.provider_jws is not None
    replacements = {"form": "a..b", "other agreement": old.provider_jws}

    def change(message: dict[str, Any]) -> None:
        head, _, tail = message[SEAL].split(".")
        message[SEAL] = replacements.get(bend, f"{head}..{tail[:-4]}AAAA")

    towns.wire.bend["ContractAgreementMessage"] = change
    assert "Siegel" in await ended(towns, await begun(towns))


async def test_an_object_that_cannot_be_had_now_is_fetched_again(towns: Towns) -> None:
    """<< 503 for an object that we could not write ourselves >> no verdict; later everything goes its way."""
    towns.contracts.agreements._patience_ms += 60_000
    case = await begun(towns)
    fetch = towns.wire.fetch

    async def away(*args: Any) -> bytes:
        raise Unavailable("peer.busy", status=503)

    towns.wire.fetch = away  # type: ignore[method-assign]
    await towns.run()
    assert (await towns.case("nachbardorf", case.id)).shown == "AGREED"
    towns.wire.fetch = fetch  # type: ignore[method-assign]
    await towns.hurry()
    assert (await towns.case("nachbardorf", case.id)).shown == "FINALIZED"


async def test_both_seals_refer_to_what_was_fetched(towns: Towns) -> None:
    """The countersignature covers five objects and the provider's seal; only the approval lies below our own root."""
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    assert agreement.provider_jws is not None
    assert agreement.consumer_jws is not None
    theirs, ours = jades.read(agreement.provider_jws), jades.read(agreement.consumer_jws)
    assert (len(theirs.pars), len(ours.pars)) == (5, 6)
    assert ours.pars[:4] == theirs.pars[:4]
    assert ours.pars[4].startswith("https://localhost:18443/nachbardorf/evidence/objects/")
    assert ours.pars[5].endswith(digest(agreement.provider_jws.encode()))


async def test_a_credit_line_with_quotes_is_signed(towns: Towns) -> None:
    """Quotes and markup in a free text of the rule are text on both sides, and no reason to refuse."""
    slots = {"source": 'Stadt "Muster" & Söhne\'s <Amt>'}
    agreement = await towns.concluded("nachbardorf", "musterstadt", rule="open-attribution", slots=slots)
    assert agreement.state == "finalized"


@pytest.mark.parametrize("bend", ["order", "media type"])
async def test_a_countersignature_over_other_references_is_none(
    towns: Towns, bend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a seal whose references no verifier would take << one-sided, not a contract that its signer can disown."""
    _bent(monkeypatch, 6, bend)
    case = await begun(towns)
    await towns.run()
    agreement = await towns.agreement("musterstadt", (await towns.case("nachbardorf", case.id)).agreement)
    assert (agreement.state, agreement.consumer_jws) == ("one-sided", None)


async def test_a_provider_seal_over_other_media_types_is_not_countersigned(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """<< a seal that holds here and would fail in the bundle >> TERMINATED."""
    _bent(monkeypatch, 5, "media type")
    assert "Siegel" in await ended(towns, await begun(towns))


@pytest.mark.parametrize(
    "change",
    [
        *one_in(3, [None, [], {}]),
        {"@id": "https://localhost:18443/musterstadt/datasets/x"},
        {f"{HANSE}version": "1" * 64},
    ],
    ids=["not json", "no object", "empty", "another dataset", "another version"],
)
async def test_a_snapshot_of_something_else_is_not_signed(towns: Towns, change: Any) -> None:
    """<< a sealed description that is none, or pins other bytes than the text says >> TERMINATED."""

    def other(snapshot: bytes) -> bytes:
        body = {**json.loads(snapshot), **change} if change else change
        return b"no" if change is None else sealing.canonical(body)

    with forged({draft.DATASET: other}):
        assert "unterschrieben" in await ended(towns, await begun(towns))


def _bent(monkeypatch: pytest.MonkeyPatch, length: int, bend: str) -> None:
    """Seals over `length` references name them in another order or as other media types."""
    real = sealing._head

    def head(references: Sequence[sealing.Reference], *args: Any) -> str:
        bent = list(references)
        if len(bent) == length and bend == "order":
            bent[1], bent[2] = bent[2], bent[1]
        elif len(bent) == length:
            bent[1] = replace(bent[1], cty="text/plain")
        return real(bent, *args)

    monkeypatch.setattr(sealing, "_head", head)
