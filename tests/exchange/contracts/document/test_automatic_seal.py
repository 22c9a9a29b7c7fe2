"""What is sealed without a person is what we would have written, byte for byte (threat T65, decision 0045)."""

import json
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connector.cli.exchange import negotiate
from connector.exchange.contracts import approval as approvals
from connector.exchange.contracts import object_store
from connector.exchange.contracts.agreement.agreements import PATIENCE_MS
from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.document import automatic_seal, described_data, draft, render, sealing
from connector.exchange.contracts.document.automatic_seal import AGREEMENT, FILES, Known, Own
from connector.exchange.contracts.document.described_data import Described
from connector.exchange.contracts.document.render import Deadline
from connector.foundation.language.reasons import plain
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.protocol.messages import HANSE
from connector.surfaces.views.dataset import title_of
from connector.verify.formats.people import Person
from tests.testkit.towns import Towns

PROVIDER, CONSUMER = "musterstadt", "nachbardorf"
APPROVAL = render.PROVIDER
pytestmark = pytest.mark.threat("T65")


class Lies(NamedTuple):
    """An honest contract as it lies before the consumer."""

    known: Known
    theirs: dict[str, bytes]
    engine: PolicyEngine

    def against(self, **changed: Any) -> list[str]:
        """The codes of what stands against it; `changed` members of what is known."""
        known = self.known._replace(**changed)
        return [one.code for one in automatic_seal.objections(Own(known, self.engine), self.theirs)]

    def but(self, name: str, body: bytes) -> "Lies":
        return self._replace(theirs={**self.theirs, name: body})

    def saying(self, name: str, **members: Any) -> "Lies":
        """Further or other members, written as we write them."""
        return self.but(name, sealing.canonical({**json.loads(self.theirs[name]), **members}))


async def honest(towns: Towns, **wish: Any) -> Lies:
    agreement = await towns.concluded(CONSUMER, PROVIDER, **wish)
    hosted, case = await towns.participants.get(CONSUMER), await towns.case(CONSUMER, agreement.negotiation)
    kept = await towns.db.read(CONSUMER, object_store.objects, CONSUMER, case.id)
    known = automatic_seal.known(hosted, case, agreement, described_data.read(kept[described_data.NAME]), towns.name_of)
    theirs = await towns.db.read(CONSUMER, towns.contracts.agreements.sealed, agreement)
    return Lies(known, {name: theirs[name] for name in FILES}, towns.engine)


WISHES: dict[str, dict[str, Any]] = {
    "usual": {},
    "attribution": {"rule": "open-attribution", "slots": {"source": "Stadt <Amt> & Söhne"}},
    "described": {"description": "Mit Höhe.\nUnd mehr."},
    "required": {"countersignature": "required"},
    "none": {"countersignature": "none"},
    "markup": {"title": "<script>alert(1)</script>"},
}


@pytest.mark.parametrize("wish", WISHES.values(), ids=WISHES)
async def test_an_honest_contract_is_ours_to_the_byte(towns: Towns, wish: dict[str, Any]) -> None:
    """>> drawn up by the provider << every document is what the consumer writes by itself: nobody is asked."""
    lies = await honest(towns, **wish)
    assert lies.against() == []
    ours = Own(lies.known, lies.engine).beside(lies.theirs)
    assert ours == lies.theirs
    written = set(Own(lies.known, lies.engine).predicted(PATIENCE_MS))
    assert written >= {lies.theirs[name] for name in FILES if name != AGREEMENT}


@pytest.mark.parametrize("count", [120, pytest.param(400, marks=pytest.mark.long)])
async def test_a_single_changed_byte_is_never_sealed_unasked(towns: Towns, count: int) -> None:
    """A property: whichever byte of whichever document is another one, taken out or put in, somebody is asked."""
    lies = await honest(towns)

    @given(st.data())
    @settings(max_examples=count, suppress_health_check=[HealthCheck.too_slow])
    def any_byte(data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(FILES))
        body = lies.theirs[name]
        at = data.draw(st.integers(0, len(body) - 1))
        sign = bytes([data.draw(st.integers(0, 255))])
        changed = data.draw(
            st.sampled_from(
                [body[:at] + sign + body[at + 1 :], body[:at] + body[at + 1 :], body[:at] + sign + body[at:]]
            )
        )
        if changed == body or (name == draft.PROFILE and _told_by_the_provider(lies, changed)):
            return
        if name == draft.DATASET and _other_ending(lies, changed):
            return
        assert lies.but(name, changed).against()

    any_byte()


def _told_by_the_provider(lies: Lies, profile: bytes) -> bool:
    """Setting and instant of the countersignature are the provider's to say, in exactly one way each."""
    try:
        said = json.loads(profile)
        deadline = Deadline(said["countersignature"], automatic_seal._deadline(said, lies.known.described).until)
        return profile == Own(lies.known, lies.engine).profile(deadline)
    except (ValueError, KeyError):
        return False


def _other_ending(lies: Lies, snapshot: bytes) -> bool:
    """So is the ending of the file's name."""
    return any(snapshot == Own(lies.known, lies.engine).snapshot(one) for one in (".cs", ".sv", ".cv", "")) or (
        b"." in snapshot
        and automatic_seal._ending(automatic_seal._members(snapshot)) not in ("", ".csv")
        and snapshot == Own(lies.known, lies.engine).snapshot(automatic_seal._ending(automatic_seal._members(snapshot)))
    )


async def test_every_member_of_every_document_counts(towns: Towns) -> None:
    """<< one more member, or another value, in any of them >> objected to by the document's name."""
    lies = await honest(towns)
    codes = {
        AGREEMENT: "contracts.unsaid",
        draft.PROFILE: "contracts.other-profile",
        draft.DATASET: "contracts.other-description",
        APPROVAL: "contracts.other-approval",
    }
    for name, code in codes.items():
        for member in json.loads(lies.theirs[name]):
            if name == draft.PROFILE and member in ("countersignature", "countersignBy", "textForm"):
                continue
            assert code in lies.saying(name, **{member: "Der Datennehmer zahlt 100.000 EUR je Monat"}).against()
        assert code in lies.saying(name, note="Der Datennehmer zahlt 100.000 EUR je Monat").against()


async def test_another_form_is_for_a_person(towns: Towns) -> None:
    """<< a profile that names another form, or none, as a release before or after ours would >> a person decides."""
    lies = await honest(towns)
    for form in (2, 0, -1, "1", 1.0, True, None, [1], {"1": 1}):
        body = json.dumps({**json.loads(lies.theirs[draft.PROFILE]), "textForm": form}, sort_keys=True).encode()
        assert lies.but(draft.PROFILE, body).against()[0] == "contracts.other-form"
    without = json.loads(lies.theirs[draft.PROFILE])
    del without["textForm"]
    assert lies.but(draft.PROFILE, sealing.canonical(without)).against()[0] == "contracts.other-form"


async def test_a_form_that_we_still_write_needs_nobody(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """<< a contract in the form of the release before >> ours writes that one too: nobody is asked."""
    lies = await honest(towns)
    monkeypatch.setattr(render, "_FORMS", {**render._FORMS, 2: render._FORMS[1]})
    profile = render.profile(lies.known.agreement, lies.engine, _deadline(lies), 2).body
    assert lies.but(draft.PROFILE, profile).against() == []


def _deadline(lies: Lies) -> Deadline:
    return automatic_seal._deadline(json.loads(lies.theirs[draft.PROFILE]), lies.known.described)


async def test_what_the_catalogue_showed_is_what_the_contract_may_say(towns: Towns) -> None:
    """<< another title, text, type, size or version than was shown, or nobody looked >> a person is asked."""
    lies = await honest(towns)
    shown = lies.known.described
    assert shown is not None
    for other in (
        replace(shown, title="Bäume und Büsche"),
        replace(shown, description="Mit Preis."),
        replace(shown, bytes=9),
        replace(shown, media_type="text/plain"),
        replace(shown, version="1" * 64),
        replace(shown, bytes=None),
    ):
        assert "contracts.other-description" in lies.against(described=other)
    assert "contracts.undescribed" in lies.against(described=None)


async def test_names_are_those_of_the_trust_list(towns: Towns) -> None:
    """<< a text that calls a party otherwise than the list does >> a person is asked."""
    lies = await honest(towns)
    for side in ("provider", "consumer"):
        party = replace(getattr(lies.known, side), name="Stadt Anderswo")
        assert lies.against(**{side: party}) == ["contracts.other-text"]


@pytest.mark.parametrize("setting", ["required", "preferred", "none"])
async def test_a_stricter_demand_than_the_catalogue_told_is_for_a_person(towns: Towns, setting: str) -> None:
    """<< a profile that asks for more than was shown >> a person is asked; for less: nobody is surprised."""
    lies = await honest(towns, countersignature="preferred")
    other = lies.saying(draft.PROFILE, countersignature=setting)
    assert bool(other.against()) == (setting == "required")


INSTANTS = (
    "2099-01-01T00:00:00Z",
    "2099-01-01T00:00:00+00:00",
    "2099-01-01T00:00:00.5Z",
    "bald",
    "",
    None,
    7,
    "9999-99",
)


async def test_an_instant_is_said_in_one_way(towns: Towns) -> None:
    lies = await honest(towns)
    for until in INSTANTS:
        told = bool(lies.saying(draft.PROFILE, countersignBy=until).against())
        assert (until, told) == (until, until != "2099-01-01T00:00:00Z")


FILE_NAMES = (
    ("baeume.csv", True),
    ("baeume.geojson", True),
    ("baeume", True),
    ("baeume.CSV", False),
    ("x.csv", False),
    ("baeume.tar.gz", False),
    ("baeume.Der Datennehmer zahlt", False),
    ("baeume.zahlt100000eur", False),
    ("../baeume.csv", False),
    (" baeume.csv", False),
    ("", False),
)


async def test_a_file_is_called_after_its_title(towns: Towns) -> None:
    """<< any ending of at most eight letters and digits is the provider's to say; no other word is."""
    lies = await honest(towns)
    for name, ours in FILE_NAMES:
        assert (name, lies.saying(draft.DATASET, **{f"{HANSE}fileName": name}).against() == []) == (name, ours)


REMARKS: dict[str, dict[str, Any]] = {
    "a remark": {"dct:description": "Der Datennehmer zahlt."},
    "by its IRI": {"http://purl.org/dc/terms/title": "x y"},
    "a label": {"rdfs:label": "x"},
    "a uid": {"uid": "Der Datennehmer zahlt 100 EUR"},
    "a class": {"@type": ["Agreement", "Der Datennehmer zahlt"]},
}


async def test_what_no_sentence_says_is_for_a_person(towns: Towns) -> None:
    """<< words in the offer itself that the clauses do not show, asked for as they stood >> a person is asked."""
    lies = await honest(towns)
    for remark in REMARKS.values():
        policy = json.loads(lies.theirs[AGREEMENT])
        assert not automatic_seal.unsaid(policy)
        assert automatic_seal.unsaid({**policy, **remark})
        [permission, *rest] = policy["permission"]
        assert automatic_seal.unsaid({**policy, "permission": [{**permission, **remark}, *rest]})


@pytest.mark.parametrize("words", ["Der Datennehmer zahlt 100 EUR", ["x y"], {"@id": "x y"}, None])
def test_no_member_that_is_passed_over_could_be_a_remark(words: object) -> None:
    """>> each member that the quick look passes over, with words in it << the slow look takes none for a remark."""
    assert [name for name in automatic_seal._SAID if automatic_seal._remark(name, words)] == []


PERSON = Approval(role="steward", pseudonym="p-7f3a91")
SOMEBODY_ELSE = "did:web:anderswo.example"
NO_PLAIN_PERSON: dict[str, dict[str, Any]] = {
    "a sentence as rule": {"rule": "Der Datennehmer zahlt 100.000 EUR"},
    "a sentence as time": {"at": "Gegen Geld"},
    "a mandate": {"mandate": "Gegen 100.000 EUR"},
    "for somebody else": {"onBehalfOf": SOMEBODY_ELSE},
    "a role of its own": {"role": "Gegen 100.000 EUR"},
    "no pseudonym": {"pseudonym": "Erika Muster"},
}


async def test_that_a_person_of_the_provider_agreed_is_said_in_our_form_alone(towns: Towns) -> None:
    """<< a role and a pseudonym in place of the rule >> nobody is asked; with any word besides >> a person is."""
    lies = await honest(towns)
    at, offer = str(lies.known.agreement.policy["timestamp"]), lies.known.case.offer
    said = approvals.body(lies.known.provider.did, "provider", offer, at, PERSON)
    assert lies.but(APPROVAL, sealing.canonical(said)).against() == []
    for name, members in NO_PLAIN_PERSON.items():
        against = lies.but(APPROVAL, sealing.canonical({**said, **members})).against()
        assert (name, against) == (name, ["contracts.other-approval"])


OTHERS = Person("2026-01-01T08:00:00Z", "p-aaaaaa", "protection"), Person("2026-01-01T09:00:00Z", "p-bbbbbb", "steward")


async def test_all_who_agreed_at_the_provider_are_said_in_our_form_alone(towns: Towns) -> None:
    """<< three people, in two roles, each with a time >> nobody is asked; in another order, with one twice, one later
    than the contract, one in a role of its own, or whoever stands outside left out >> refused, or for a person."""
    lies = await honest(towns)
    at, offer = str(lies.known.agreement.policy["timestamp"]), lies.known.case.offer

    def said(by: Approval) -> Any:
        return approvals.body(lies.known.provider.did, "provider", offer, at, by)

    three = said(approvals.jointly(PERSON, at, OTHERS))
    assert len(three["people"]) == 3
    assert lies.but(APPROVAL, sealing.canonical(three)).against() == []
    first, second, last = three["people"]
    for people in (
        [second, first, last],
        [first, first, last],
        [first, second],
        [first, second, last, last],
        [last],
        [],
        [first, second, {**last, "at": "2999-01-01T00:00:00Z"}],
        [first, second, {**last, "role": "automatic"}],
        [{**first, "role": "Gegen 100.000 EUR"}, second, last],
        [{**first, "at": "Gegen Geld"}, second, last],
        [{**first, "remark": "Gegen Geld"}, second, last],
        [True, second, last],
        True,
    ):
        against = lies.but(APPROVAL, sealing.canonical({**three, "people": people})).against()
        assert (people, against) == (people, ["contracts.other-approval"])


async def test_one_who_agreed_is_written_as_ever(towns: Towns) -> None:
    """>> one person, or a rule << the members that there were before there were several, so that older releases seal
    it unasked."""
    lies = await honest(towns)
    at, did = str(lies.known.agreement.policy["timestamp"]), lies.known.provider.did
    alone = approvals.jointly(PERSON, at, [Person(at, PERSON.pseudonym, "steward"), Person(at, "p-*", "steward")])
    assert alone == PERSON
    for by in (None, alone):
        written = approvals.body(did, "provider", "urn:offer", at, by)
        assert sorted(written) == ["at", "mandate", "onBehalfOf", "pseudonym", "role", "rule", "side"]


@pytest.mark.parametrize("name", ["dataset", "offer", "purpose"])
async def test_an_identifier_is_a_name_and_no_sentence(towns: Towns, name: str) -> None:
    """<< a dataset, an offer or a purpose with words for an identifier, asked for as it stood >> a person is asked."""
    lies = await honest(towns)
    case = replace(lies.known.case, **{name: "https://a.example/1 Der Datennehmer zahlt"})
    assert "contracts.unsaid" in lies.against(case=case)


@pytest.mark.parametrize("blank", ["\u200b", "\u2060", "\u2800", "\u3164", "\u00ad"])
def test_bug_signs_that_look_like_spaces_made_a_sentence_an_identifier(blank: str) -> None:
    """<< words with what is no white space to a program but to an eye >> for a person, who is shown which it is."""
    words = f"urn:x:Der{blank}Datennehmer{blank}zahlt"
    assert not automatic_seal.named(words)
    assert automatic_seal.unsaid({"permission": [{"uid": words}]})
    assert automatic_seal.named("urn:x:Bäume-der-Straßen")


async def test_what_cannot_be_written_is_no_error(towns: Towns) -> None:
    """<< an agreement at the end of all years >> nothing of ours, no exception: a person reads what is there."""
    lies = await honest(towns)
    agreement = lies.known.agreement
    late = agreement.document.replace(agreement.policy["timestamp"].encode(), b"9999-12-31T23:59:59Z")
    assert late != agreement.document
    assert lies.but(AGREEMENT, late).against(agreement=replace(agreement, document=late))


async def test_the_digest_is_over_every_document(towns: Towns) -> None:
    lies = await honest(towns)
    whole = automatic_seal.digest(lies.theirs)
    assert all(automatic_seal.digest({**lies.theirs, name: body + b" "}) != whole for name, body in lies.theirs.items())


ENTRY = {
    "dct:title": "Bäume",
    "dcat:mediaType": "text/csv",
    "dcat:byteSize": "8",
    f"{HANSE}version": "0" * 64,
    f"{HANSE}countersignature": "preferred",
}


def test_an_entry_of_a_catalogue_is_read_as_it_will_be_signed() -> None:
    found = described_data.of_entry(ENTRY)
    assert found == Described(
        title="Bäume", media_type="text/csv", bytes=8, version="0" * 64, countersignature="preferred"
    )
    assert found is not None
    assert described_data.read(described_data.kept(found)[0]) == found


@pytest.mark.parametrize(
    "change",
    [
        {"dct:title": None},
        {"dct:title": ["Bäume"]},
        {"dct:title": {"@value": "Bäume"}},
        {"dcat:byteSize": "acht"},
        {f"{HANSE}version": None},
        {f"{HANSE}version": "Es kostet 1 EUR"},
        {"dcat:mediaType": "text/csv; zahlt 1 EUR"},
        {f"{HANSE}countersignature": "maybe"},
        {"dct:description": 7},
    ],
)
def test_an_entry_that_says_it_otherwise_is_not_taken_for_one(change: dict[str, Any]) -> None:
    """<< a catalogue of another make >> None: the contract will be read by a person."""
    assert described_data.of_entry({**ENTRY, **change}) is None


@pytest.mark.parametrize("title", [f"{'Bäume ' * 60}kosten 100.000 EUR je Monat", "Bäume\u200b", "Bäume\u00ad"])
def test_bug_the_end_of_a_long_title_was_sealed_though_nobody_was_shown_it(title: str) -> None:
    """<< a title of which whoever asks sees 300 characters, or not every sign >> read before it is sealed."""
    entry = {**ENTRY, "dct:title": title}
    assert described_data.of_entry(entry) is None
    assert plain(title_of(entry)) != title
    assert described_data.of_entry({**ENTRY, "dct:title": "Bäume  2026"}) is not None


WORDY = f"{'Alle Bäume. ' * 200}Sie kosten 100.000 EUR je Monat"


@pytest.mark.parametrize("words", [WORDY, "Bäume\u200b", "Bäu\u00adme"])
def test_bug_the_end_of_a_long_description_was_sealed_though_nobody_was_shown_it(words: str) -> None:
    """<< a description of which whoever asks sees 2 000 characters, or not every sign >> read before it is sealed."""
    assert described_data.of_entry({**ENTRY, "dct:description": words}) is None
    assert plain(words, negotiate.MOST_SHOWN) != words
    assert described_data.of_entry({**ENTRY, "dct:description": "Alle Bäume.\n\n Mit Höhe."}) is not None
    shown = negotiate.MOST_TITLE, negotiate.MOST_SHOWN
    assert shown == (described_data.LONGEST_TITLE, described_data.LONGEST_DESCRIPTION)


def test_a_description_that_two_could_read_differently_or_is_endless_is_not_kept() -> None:
    found = described_data.of_entry(ENTRY)
    assert found is not None
    assert described_data.kept(replace(found, title="Ba\u0308ume")) == ()
    assert described_data.kept(replace(found, description="x" * described_data.LONGEST)) == ()


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Bäume", "baeume"),
        ("Straßen & Wege 2026", "strassen-wege-2026"),
        ("Ήλιος", "data"),
        ("../../etc", "etc"),
        ("École", "ecole"),
        ("x" * 100, "x" * 60),
    ],
)
def test_the_name_of_a_file_follows_from_the_title(title: str, name: str) -> None:
    assert Described(title=title, version="1", ending=".csv").file_name == f"{name}.csv"
