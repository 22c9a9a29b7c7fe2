"""Countersigning and confirming over the management surface and by command, between two processes."""

import asyncio
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from connector.cli import main
from connector.cli.frame.call import OK, REFUSED, WRONG_USAGE
from connector.exchange.contracts.negotiation import outgoing
from connector.verify.bundle import verify_bundle
from tests.testkit.cities import MUNICIPALITY, PURPOSE, City, Refused, Space
from tests.testkit.forging import forged
from tests.testkit.patience import PATIENCE_S

PERSON = {"role": "Amtsleitung", "pseudonym": "p-7f3a91"}


class Pair(NamedTuple):
    """Musterstadt here, Nachbardorf there, and an agreement whose countersignature got lost."""

    here: City
    there: City
    agreement: str

    async def shown(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The agreement as provider and consumer show it."""
        ours = await self.here.api.get(f"/api/v1/participants/musterstadt/agreements/{self.agreement[9:]}")
        theirs = await self.there.api.get(f"/api/v1/participants/nachbardorf/agreements/{self.agreement[9:]}")
        return ours, theirs

    async def settled(self, state: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while {one["state"] for one in await self.shown()} != {state}:
                await asyncio.sleep(0.05)


@pytest.fixture
async def pair(space: Space, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """>> verification without the seal << FINALIZED, one-sided on both sides."""
    here = await space.city("here", {"musterstadt": MUNICIPALITY})
    there = await space.city("there", {"nachbardorf": MUNICIPALITY})
    await space.reload(here, there)
    made = await here.publish("musterstadt")
    say = outgoing.verification
    monkeypatch.setattr(outgoing, "verification", lambda case, sent, *_: say(case, sent, None))
    signed = await there.negotiate("nachbardorf", here.did("musterstadt"), made["dataset"])
    assert signed["state"] == "FINALIZED"
    pair = Pair(here, there, str(signed["agreement"]))
    await pair.settled("one-sided")
    return pair


async def said(city: City, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Exit code and what the command told."""
    argv = ["--data", str(city.settings.folder), "--lang", "de", *words]
    code = await asyncio.to_thread(main.main, argv, {})
    told = capsys.readouterr()
    return code, told.out + told.err


async def test_a_person_reads_signs_and_completes_it(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> agreements << what there is; >> countersign --read << text and checksum; >> countersign << both finalized."""
    agreement, place = pair.agreement, tmp_path / "vertrag.html"
    code, told = await said(pair.there, capsys, "agreements", "--as", "nachbardorf")
    assert code == OK
    assert "Einseitig gesiegelt" in told
    assert "Siegel des Datengebers" in told
    code, told = await said(pair.there, capsys, "countersign", agreement, "--as", "nachbardorf", "--read", str(place))
    assert code == OK
    assert place.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    checksum = told.partition("--digest ")[2].split()[0]
    signing = ["countersign", agreement, "--as", "nachbardorf", "--digest", checksum]
    assert (await said(pair.there, capsys, *signing))[0] == WRONG_USAGE
    assert (await said(pair.there, capsys, *signing, "--role", "Amtsleitung"))[0] == WRONG_USAGE
    named = await said(pair.there, capsys, *signing, "--role", "Amtsleitung", "--pseudonym", "Erika Mustermann")
    assert named[0] == REFUSED
    assert "Pseudonym" in named[1]
    code, _ = await said(pair.there, capsys, *signing, "--role", "Amtsleitung", "--pseudonym", "p-7f3a91")
    assert code == OK
    await pair.settled("finalized")
    assert all(one["signed"] == {"provider": True, "consumer": True} for one in await pair.shown())
    code, told = await said(pair.there, capsys, *signing[:4], "--read", str(place))
    assert code == OK
    assert "von beiden Seiten besiegelt. Zu unterschreiben ist nichts mehr." in told
    assert "--digest" not in told  # bug: it told everybody to sign, whatever had been signed


async def test_the_provider_is_not_told_to_sign(pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """>> the provider reads its own one-sided contract << the countersignature is up to the consumer."""
    words = ["countersign", pair.agreement, "--as", "musterstadt", "--read", str(tmp_path / "vertrag.html")]
    code, told = await said(pair.here, capsys, *words)
    assert (code, "--digest" in told) == (OK, False)
    assert "sie ist Sache des Datennehmers" in told
    code, told = await said(pair.here, capsys, "agreement", "show", pair.agreement, "--as", "musterstadt")
    assert "sie ist Sache des Datennehmers" in told
    code, told = await said(pair.there, capsys, "agreement", "show", pair.agreement, "--as", "nachbardorf")
    assert "Ihre Gegenzeichnung fehlt. Lesen: hanse countersign" in told


async def test_a_confirmation_is_shown_and_seals_nothing(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    """>> confirm << recorded under role and pseudonym; the contract is one-sided as before."""
    words = ["confirm", pair.agreement, "--as", "musterstadt", "--statement", "Am Telefon bestätigt."]
    code, told = await said(pair.here, capsys, *words, "--role", "Amtsleitung", "--pseudonym", "p-7f3a91")
    assert (code, "kein Siegel" in told) == (OK, True)
    ours, theirs = await pair.shown()
    assert (ours["state"], len(ours["confirmations"]), len(theirs["confirmations"])) == ("one-sided", 1, 0)
    code, told = await said(pair.here, capsys, "agreements", "--as", "musterstadt")
    assert "Am Telefon bestätigt." in told
    assert "Bestätigungen (kein Siegel): 1" in told


UNFIT = (
    ("countersignature", {"digest": "0" * 64, "approval": PERSON}, "contracts.other-text-read"),
    ("countersignature", {"digest": "0" * 64}, "api.body"),
    ("countersignature", {"digest": "0", "approval": {**PERSON, "name": "Erika"}}, "api.body"),
    ("confirmation", {**PERSON, "statement": ""}, "contracts.statement"),
    ("confirmation", {**PERSON, "pseudonym": "Erika", "statement": "Ja."}, "contracts.pseudonym"),
    ("confirmation", {**PERSON, "statement": "Ja.", "name": "Erika"}, "api.body"),
)


async def test_what_does_not_fit_is_refused(pair: Pair) -> None:
    for path, body, code in UNFIT:
        with pytest.raises(Refused) as refused:
            await pair.there.api.post(f"/api/v1/participants/nachbardorf/agreements/{pair.agreement[9:]}/{path}", body)
        assert (body, refused.value.status, refused.value.problem["code"]) == (body, 400, code)


# What the provider sealed is not ours (decision 0045)

PRICE = "Der Datennehmer zahlt 100.000 EUR je Monat"


@pytest.fixture
async def foreign(space: Space) -> Pair:
    """<< a sealed text with a sentence and a program of the provider's own >> AGREED: somebody has to read it."""
    here = await space.city("here", {"musterstadt": MUNICIPALITY})
    there = await space.city("there", {"nachbardorf": MUNICIPALITY})
    await space.reload(here, there)
    made = await here.publish("musterstadt")
    words = f"<p>{PRICE}.</p>\n<script>document.title=''</script>\n</main>".encode()
    with forged({"text-de.html": lambda body: body.replace(b"</main>", words)}):
        wish = {"provider": here.did("musterstadt"), "dataset": made["dataset"]}
        place = "/api/v1/participants/nachbardorf"
        asked = await there.api.post(f"{place}/negotiations", {**wish, "purpose": PURPOSE})
        async with asyncio.timeout(PATIENCE_S):
            while not any(one["waits"] for one in (await there.api.get(f"{place}/agreements"))["agreements"]):
                await asyncio.sleep(0.05)
        now = await there.api.get(f"{place}/negotiations/{asked['id']}")
    return Pair(here, there, str(now["agreement"]))


@pytest.mark.threat("T65")
async def test_a_person_is_shown_what_is_not_ours_before_it_is_signed(
    foreign: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> --read << why it was not signed, each foreign line, the program as text; >> the digest named << FINALIZED."""
    place = tmp_path / "vertrag.html"
    words = ["countersign", foreign.agreement, "--as", "nachbardorf"]
    code, told = await said(foreign.there, capsys, "agreements", "--as", "nachbardorf")
    assert "WARTET AUF SIE" in told
    code, told = await said(foreign.there, capsys, *words, "--read", str(place))
    assert code == OK
    assert "text-de.html: Der Vertragstext ist nicht der, den wir zu dieser Vereinbarung schreiben." in told
    lines = [line.strip() for line in told.splitlines() if line.startswith("    + ")]
    assert [PRICE in line for line in lines] == [True, False]
    assert "<script>document.title=''</script> [Programm, das ein Browser ausführen würde]" in lines[1]
    digest = told.partition("--digest ")[2].split()[0]
    code, _ = await said(
        foreign.there, capsys, *words, "--digest", digest, "--role", "Amtsleitung", "--pseudonym", "p-7f3a91"
    )
    assert code == OK
    await foreign.settled("finalized")
    whole = await foreign.there.services.evidence.bundle("nachbardorf", foreign.agreement)
    told = "\n".join(verify_bundle(whole, None, "en").notes)
    assert "The provider's approval: by a rule; no person need have read this contract" in told
    assert 'The consumer\'s approval: by a person, role "Amtsleitung", pseudonym p-7f3a91' in told


@pytest.mark.threat("T65")
async def test_what_differs_is_told_in_english_and_to_machines_too(foreign: Pair) -> None:
    base = f"/api/v1/participants/nachbardorf/agreements/{foreign.agreement[9:]}/reading"
    told = await foreign.there.api.get(base)
    assert [(one["name"], one["code"]) for one in told["objections"]] == [("text-de.html", "contracts.other-text")]
    assert told["objections"][0]["reason"]["en"].startswith("The contract text is not the one")
    assert len(told["digest"]) == 64
    assert set(told["files"]) == {
        "agreement.json",
        "text-de.html",
        "profile.json",
        "dataset.jsonld",
        "approval-provider.json",
    }
    ours = await foreign.here.api.get(base.replace("nachbardorf", "musterstadt"))
    assert (ours["digest"], ours["objections"], ours["differences"]) == (told["digest"], [], [])
