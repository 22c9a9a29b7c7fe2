"""The pages of approvals: decided in two presses, by whoever may; what strangers wrote stays text."""

import json
import re
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import pytest

from connector.data.approvals.model import ApprovalRule, Voter
from connector.data.approvals.publications import ChangedDataset, NewDataset
from connector.data.catalogue.life import DatasetChange, Replacement
from connector.data.catalogue.service import Publication
from connector.foundation.storage import PROCESS
from connector.identity.accounts import store
from tests.surfaces.web.browsing import Opened
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.patience import eventually_said

TOWN, VILLAGE = "musterstadt", "nachbardorf"
NASTY = "<img src=x onerror=alert(1)>"
LIST = f"/t/{TOWN}/approvals"


def called(name: str) -> str:
    return f"p-{sha256(name.encode()).hexdigest()[:6]}"


@pytest.fixture
async def city(space: Space) -> AsyncIterator[City]:
    async with space.running("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY}) as city:
        yield city


async def ruled(city: City, people: Any, **more: Any) -> None:
    base: dict[str, Any] = {"subject": "contract", "template": "", "people": people, "protection": False, "days": 14}
    rules = city.services.approvals.service.rules
    await city.services.infra.db.write(TOWN, rules.put, TOWN, ApprovalRule(**{**base, **more}), called("Rita"))


async def asked(city: City, **wish: Any) -> str:
    """The village asks for a dataset of the town, which waits for people; the negotiation's id at the village."""
    made = await city.publish(TOWN, **wish)
    return await asked_for(city, made["dataset"])


async def asked_for(city: City, dataset: str) -> str:
    started = await city.api.post(
        f"/api/v1/participants/{VILLAGE}/negotiations", {"provider": city.did(TOWN), "dataset": dataset}
    )
    read, waiting = city.services.infra.db.read, city.services.approvals.service.waiting
    await eventually_said(lambda: read(TOWN, waiting, TOWN))
    return str(started["id"])


async def test_a_contract_is_approved_in_three_actions(city: City, desk: Opened) -> None:
    """>> list, open, agree << the contract is concluded; a second steward cannot any more, in words."""
    await ruled(city, "one")
    negotiation = await asked(city, title="Baumkataster")
    anna, berta = desk.browser({TOWN: ["steward"]}, name="Anna"), desk.browser({TOWN: ["steward"]}, name="Berta")
    listed = await anna.get(LIST)
    assert (listed.status, listed.h1) == (200, "Freigaben")
    one = await anna.get(listed.link("Baumkataster"))
    assert "Nachbardorf (" in one.words
    assert "Die Bedingungen sind genau die veröffentlichten." in one.words
    assert "technisch erzwungen" in one.words
    late = await berta.get(one.path)
    done = await anna.send(one, "/yes", "Zustimmen")
    assert "freigegeben" in done.words
    shown = await city.api.get(f"/api/v1/participants/{VILLAGE}/negotiations/{negotiation}", wait="60")
    assert shown["state"] == "FINALIZED"
    refused = await berta.send(late, "/yes", "Zustimmen")
    assert refused.status == 409
    assert "Das ist schon freigegeben." in refused.words


async def test_bug_a_page_let_one_person_hope_for_four_eyes(city: City, desk: Opened) -> None:
    """>> two stewards have to agree to a contract; the town has one, who agrees << before and after it the page says
    that it cannot be approved so, why, and what is next; with a second one it says no such thing."""
    await ruled(city, "two")
    await asked(city, title="Baumkataster")
    anna = desk.browser({TOWN: ["steward"]}, name="Anna")
    one = await anna.get((await anna.get(LIST)).link("Baumkataster"))
    agreed = await anna.send(one, "/yes", "Zustimmen")
    for page in (one, agreed):
        assert "Dafür gibt es hier zu wenige Personen: kein Vier-Augen-Prinzip" in page.words
        assert "Als Nächstes lädt die Verwaltung unter „Personen und Rollen“ eine Person ein" in page.words
    for login in ("anna", "berta"):
        person = await city.services.accounts.people.add(f"{login}@stadt.example", login)
        await city.services.accounts.people.grant(TOWN, "", person.id, "steward")
    assert "kein Vier-Augen-Prinzip" not in (await anna.get(one.path)).words


@pytest.mark.threat("T161")
async def test_bug_a_contract_of_four_eyes_said_a_person_to_the_partner(city: City, desk: Opened) -> None:
    """>> two stewards of the town agree << "zwei Personen", with pseudonym, role and time of each, on the contract's
    page of both sides, in the list, and in what an auditor reads of the bundle."""
    await ruled(city, "two")
    negotiation = await asked(city, title="Baumkataster")
    for name in ("Anna", "Berta"):
        browser = desk.browser({TOWN: ["steward"]}, name=name)
        one = await browser.get((await browser.get(LIST)).link("Baumkataster"))
        await browser.send(one, "/yes", "Zustimmen")
    shown = await city.api.get(f"/api/v1/participants/{VILLAGE}/negotiations/{negotiation}", wait="60")
    assert shown["state"] == "FINALIZED"
    at = str(shown["agreement"]).removeprefix("urn:uuid:")
    pages = [
        await desk.browser({slug: ["auditor"]}, name="Vera").get(f"/t/{slug}/contracts/{at}")
        for slug in (TOWN, VILLAGE)
    ]
    for page, begins in zip(pages, ("", "Freigabe beim Partner "), strict=True):
        said = page.words.partition(f"{begins}Zwei Personen haben zugestimmt: ")[2]
        when = r"\d+\.\d+\.\d{4}, [\d:]+ Uhr"
        each = [re.search(rf"{called(name)} \(Freigabe\), {when}", said) for name in ("Anna", "Berta")]
        assert all(each), (begins, said[:300])
        assert "Eine Person" not in page.words
    listed = await desk.browser({TOWN: ["auditor"]}, name="Vera").get(f"/t/{TOWN}/contracts")
    assert "Zwei Personen haben zugestimmt" in listed.words
    vera = desk.browser({VILLAGE: ["auditor"]}, name="Vera")
    evidence = await vera.get(pages[1].link("Nachweis herunterladen"))
    check = await vera.get(f"/t/{VILLAGE}/contracts/check")
    report = await vera.send(check, "/check", file=("file", "nachweis.zip", evidence.body))
    assert "Der Nachweis hält" in report.words
    assert "Genehmigung des Datengebers: zwei Personen haben zugestimmt" in report.words
    for name in ("Anna", "Berta"):
        assert f"Zugestimmt: Rolle „steward“, Pseudonym {called(name)}, am " in report.words


@pytest.mark.threat("T85")
@pytest.mark.threat("T93")
async def test_a_yes_is_for_the_data_that_were_shown(city: City, desk: Opened) -> None:
    """>> the page is open, new data are published, yes << refused, nothing counted; looked at again it is taken."""
    await ruled(city, "one")
    made = await city.publish(TOWN, title="Baumkataster")
    await asked_for(city, made["dataset"])
    anna = desk.browser({TOWN: ["steward"]}, name="Anna")
    address = (await anna.get(LIST)).link("Baumkataster")
    page = await anna.get(address)
    source = await city.api.post(f"/api/v1/participants/{TOWN}/files?name=neu.csv", data=b"a;b\n3;4\n")
    life, wish = city.services.catalogue.service.life, Replacement(source=source["source"])
    await city.services.infra.db.write(TOWN, life.replace, TOWN, made["dataset"], wish)
    early = await anna.send(page, "/yes", "Zustimmen")
    assert early.status == 400
    assert "Es gibt eine neue Fassung der Daten" in early.words
    (waiting,) = await city.services.infra.db.read(TOWN, city.services.approvals.service.waiting, TOWN)
    assert waiting.ballot.votes == ()
    again = await anna.get(address)
    assert "neu.csv" in again.words
    assert (await anna.send(again, "/yes", "Zustimmen")).status == 200


async def test_a_no_needs_a_reason_and_tells_it(city: City, desk: Opened) -> None:
    """>> no, for another reason, without words << what is missing is said >> with words << the partner reads them."""
    await ruled(city, "one")
    negotiation = await asked(city, title=NASTY)
    anna = desk.browser({TOWN: ["steward"]}, name="Anna")
    listed = await anna.get(LIST)
    assert NASTY not in listed.text
    one = await anna.get(listed.link(NASTY))
    again = await anna.send(one, "/no", "Ablehnen", code="other")
    assert again.status == 422
    assert "mit eigenen Worten" in again.words
    await anna.send(again, "/no", "Ablehnen", code="other", reason="Erst nach der Ratssitzung.")
    shown = await city.api.get(f"/api/v1/participants/{VILLAGE}/negotiations/{negotiation}", wait="60")
    assert shown["reason"]["de"] == "Wir haben uns dagegen entschieden. Erst nach der Ratssitzung."


async def test_a_counter_offer_by_a_day(city: City, desk: Opened) -> None:
    await ruled(city, "one")
    negotiation = await asked(city)
    anna = desk.browser({TOWN: ["steward"]}, name="Anna")
    listed = await anna.get(LIST)
    (one,) = [href for text, href in listed.links if href.startswith(f"{LIST}/") and "rules" not in href]
    page = await anna.get(one)
    wrong = await anna.send(page, "/counter", until="morgen")
    assert (wrong.status, "ist kein Tag" in wrong.words) == (422, True)
    await anna.send(wrong, "/counter", until="31.12.2090")
    shown = await city.api.get(f"/api/v1/participants/{VILLAGE}/negotiations/{negotiation}", wait="60")
    assert shown["state"] == "OFFERED"
    theirs = await desk.browser({VILLAGE: ["steward"]}, name="Vera").get(f"/t/{VILLAGE}/approvals")
    assert "Ein Partner bietet uns Daten an" in theirs.words


@pytest.mark.parametrize("name", ["odrl:constraint", "http://www.w3.org/ns/odrl/2/constraint"])
async def test_bug_a_counter_offer_to_another_spelling_was_an_error_page(city: City, desk: Opened, name: str) -> None:
    """>> terms that permit nothing << the page says that they cannot be limited here, and what to do; conditions
    spelled otherwise, limited << OFFERED until that day."""
    await ruled(city, "one")
    negotiation = await asked(city)
    read, write = city.services.infra.db.read, city.services.infra.db.write
    [waits] = await read(TOWN, city.services.approvals.service.waiting, TOWN)
    case = await read(TOWN, city.services.contracts.service.get, TOWN, waits.process)

    async def asks(policy: dict[str, Any]) -> None:
        sql = "UPDATE negotiation SET policy = :policy WHERE participant = :participant"
        await write(TOWN, lambda tx: tx.run(sql, participant=TOWN, policy=json.dumps(policy)))

    anna = desk.browser({TOWN: ["steward"]}, name="Anna")
    page = await anna.get(f"{LIST}/{waits.id}")
    [rule] = case.policy["permission"]
    await asks({key: value for key, value in case.policy.items() if key != "permission"})
    wrong = await anna.send(page, "/counter", until="31.12.2090")
    assert (wrong.status, "Bitte zustimmen oder ablehnen." in wrong.words) == (422, True)
    other = {key: value for key, value in rule.items() if key != "constraint"}
    await asks({**case.policy, "permission": [{**other, name: rule["constraint"]}]})
    await anna.send(wrong, "/counter", until="31.12.2090")
    shown = await city.api.get(f"/api/v1/participants/{VILLAGE}/negotiations/{negotiation}", wait="60")
    assert shown["state"] == "OFFERED"


async def test_a_draft_is_shown_as_sentences_and_its_author_cannot_agree(city: City, desk: Opened) -> None:
    """>> a change of title and rule by a publisher << sentences; she has no button, a steward has."""
    made = await city.publish(TOWN, title="Bäume")
    submit = city.services.approvals.publications.submit
    paula = Voter(called("Paula"), frozenset({"publisher"}))
    people = city.services.accounts.people
    anna = await people.add("anna", "Anna")
    await city.services.infra.db.write(TOWN, _steward, anna.id)
    change = ChangedDataset(made["dataset"], DatasetChange(title=f"Stadtbäume {NASTY}", keywords=["Grün"]))
    await city.services.infra.db.write(TOWN, submit, TOWN, paula, change)
    hers = desk.browser({TOWN: ["publisher"]}, name="Paula")
    listed = await hers.get(LIST)
    one = await hers.get(listed.link("Bäume"))
    assert f"Titel: bisher „Bäume“, neu „Stadtbäume {NASTY}“." in one.words
    assert "Schlagwörter: bisher nichts, neu „Grün“." in one.words
    assert NASTY not in one.text
    assert "Das haben Sie selbst vorgelegt oder mitgeschrieben." in one.words
    assert [form.action for form in one.forms if "approvals" in form.action] == [f"{one.path}/withdraw"]
    berta = desk.browser({TOWN: ["steward"]}, name="Berta")
    await berta.send(await berta.get(one.path), "/yes", "Zustimmen")
    datasets = await city.api.get(f"/api/v1/participants/{TOWN}/datasets")
    assert [row["title"] for row in datasets["datasets"]] == [f"Stadtbäume {NASTY}"]


def _steward(tx: Any, person: str) -> None:
    tx.run(
        "INSERT INTO person_pseudonym (participant, person, pseudonym) VALUES (:p, :person, 'p-123abc')",
        p=TOWN,
        person=person,
    )
    tx.run(
        "INSERT INTO person_role (participant, person, role, granted_by, granted_at)"
        " VALUES (:p, :person, 'steward', '', 0)",
        p=TOWN,
        person=person,
    )


async def test_a_new_dataset_is_shown_whole(city: City, desk: Opened) -> None:
    paula, people = Voter(called("Paula"), frozenset({"publisher"})), city.services.accounts.people
    anna = await people.add("anna", "Anna")
    await city.services.infra.db.write(TOWN, _steward, anna.id)
    wish = Publication(title="Brunnen", description="Alle Brunnen der Stadt.", access="announced")
    submit = city.services.approvals.publications.submit
    await city.services.infra.db.write(TOWN, submit, TOWN, paula, NewDataset(wish))
    berta = desk.browser({TOWN: ["steward"]}, name="Berta")
    one = await berta.get((await berta.get(LIST)).link("Brunnen"))
    assert "Beschreibung Alle Brunnen der Stadt." in one.words
    assert "Wer es sieht alle sehen, dass es sie gibt" in one.words


@pytest.mark.threat("T86")
async def test_bug_a_page_named_people_as_they_named_themselves(city: City, desk: Opened) -> None:
    """>> a draft of Paula's, whose name nobody has confirmed; its terms are others by now; confirmed; she calls herself
    Anna << the page says so of the first, that nobody can agree any more, not of the third, and of the fourth."""
    people, write = city.services.accounts.people, city.services.infra.db.write
    anna, paula = await people.add("anna", "Anna"), await people.add("paula", "Paula")
    await write(TOWN, _steward, anna.id)
    await write(TOWN, _holding, paula.id, "publisher", called("Paula"))
    by, wish = Voter(called("Paula"), frozenset({"publisher"})), Publication(title="Brunnen", access="announced")
    made = await write(TOWN, city.services.approvals.publications.submit, TOWN, by, NewDataset(wish))
    berta = desk.browser({TOWN: ["steward"]}, name="Berta")
    place = f"{LIST}/{made.approval and made.approval.id}"

    async def unsure(name: str) -> bool:
        return f"Diese Namen hat hier niemand bestätigt: {name}." in (await berta.get(place)).words

    assert await unsure("Paula")
    forgotten = "UPDATE approval SET terms = 'of before' WHERE participant = :participant"
    before = await berta.get(place)
    await write(TOWN, lambda tx: tx.run(forgotten, participant=TOWN))
    warned = await berta.get(place)
    assert "Diesem Entwurf kann hier niemand mehr zustimmen. Seit dieser Entwurf vorgelegt wurde" in warned.words
    assert [[form.action for form in one.forms if form.action.endswith("/yes")] for one in (before, warned)] == [
        [f"{place}/yes"],
        [],
    ]
    await people.confirm_name(TOWN, anna.id, paula.id, "Paula")
    assert not await unsure("Paula")
    await write(PROCESS, store.set_details, paula.id, "Anna", "de")
    assert await unsure("Anna")


@pytest.mark.threat("T93")
async def test_who_may_read_may_not_decide(city: City, desk: Opened) -> None:
    """>> an auditor, a publisher, a steward of another town << the first two read; none of them can send a yes."""
    await ruled(city, "one")
    await asked(city, title="Baumkataster")
    lena = desk.browser({TOWN: ["auditor"]}, name="Lena")
    listed = await lena.get(LIST)
    one = await lena.get(listed.link("Baumkataster"))
    assert not any(form.action.startswith(LIST) for form in one.forms)
    for roles in ({TOWN: ["auditor"]}, {TOWN: ["publisher"]}, {VILLAGE: ["steward"]}):
        somebody = desk.browser(roles, name="Somebody")
        assert (await somebody.post(f"{one.path}/yes", {"part": "steward"})).status == 404


async def test_what_data_protection_agreed_to_is_told_apart(city: City, desk: Opened) -> None:
    """>> personal data, asked for, approved by data protection << not among the contracts without its yes."""
    source = await city.api.post(f"/api/v1/participants/{TOWN}/files?name=hunde.csv", data=b"a;b\n1;2\n")
    wish = Publication(
        title="Hundesteuer",
        rule="municipal-purpose",
        slots={"until": "31.12.2099"},
        source=source["source"],
        personal=True,
    )
    catalogue = city.services.catalogue.service
    dataset, _ = await city.services.infra.db.write(TOWN, catalogue.publish, TOWN, wish, released=True)
    negotiation = await asked_for(city, dataset.id)
    dora = desk.browser({TOWN: ["protection"]}, name="Dora")
    one = await dora.get((await dora.get(LIST)).link("Hundesteuer"))
    await dora.send(one, "/yes", "Für den Datenschutz zustimmen")
    await city.api.get(f"/api/v1/participants/{VILLAGE}/negotiations/{negotiation}", wait="60")
    running = await dora.get(f"/t/{TOWN}/contracts")
    assert "Hundesteuer" in running.words
    assert "Zu jedem laufenden Vertrag" in (await dora.get(f"/t/{TOWN}/contracts?state=unchecked")).words


async def test_rules_are_sentences_and_an_admin_changes_them(city: City, desk: Opened) -> None:
    steward = await desk.browser({TOWN: ["steward"]}).get(f"{LIST}/rules")
    assert "Der Vertrag kommt von selbst zustande" in steward.words
    assert not any(form.action.startswith(LIST) for form in steward.forms)
    rita = desk.browser({TOWN: ["admin"]}, name="Rita")
    page = await rita.get(f"{LIST}/rules")
    odd = await rita.send(page, "/approvals/rules", subject="offer", people="none", days="14")
    assert (odd.status, "mindestens eine Person" in odd.words) == (422, True)
    after = await rita.send(
        page, "/approvals/rules", subject="contract", people="two", template="research", protection="true", days="10"
    )
    assert "nach der Regel „" in after.words
    assert "Zwei verschiedene Personen mit der Rolle Freigabe müssen zustimmen." in after.words
    assert "Frist in Tagen: 10" in after.words
    with_days = await rita.send(page, "/approvals/rules", subject="publication", people="two", days="10")
    assert "Frist in Tagen: 10" in with_days.words


@pytest.mark.threat("T145")
async def test_what_loosens_a_rule_is_shown_and_waits_for_another(city: City, desk: Opened) -> None:
    """>> Rita lifts an exception; Rita, a steward and Bea look << it waits with what it changes and who is missing; Bea
    alone can agree, and then the exception is gone."""
    people, write = city.services.accounts.people, city.services.infra.db.write
    for name in ("Rita", "Bea"):
        person = await people.add(name.lower(), name)
        await write(TOWN, _holding, person.id, "admin", called(name))
    await ruled(city, "two", template="research", days=10)
    rita = desk.browser({TOWN: ["admin"]}, name="Rita")
    waits = await rita.send(await rita.get(f"{LIST}/rules"), "/rules/drop")
    assert "Das haben Sie selbst vorgeschlagen" in waits.words
    assert "Es fehlt die Zustimmung einer weiteren Person mit der Rolle Verwaltung." in waits.words
    assert not any(form.action.endswith("/rules/yes") for form in waits.forms)
    steward = await desk.browser({TOWN: ["steward"]}, name="Anna").get(f"{LIST}/rules")
    assert "von Rita." in steward.words
    assert not any("/rules/" in form.action for form in steward.forms)
    bea = desk.browser({TOWN: ["admin"]}, name="Bea")
    shown = await bea.get(f"{LIST}/rules")
    assert "Jetzt: Anfragen von Partnern nach der Regel „" in shown.words
    assert "Diese Namen hat hier niemand bestätigt: Rita." in shown.words
    gone = await bea.send(shown, "/rules/yes")
    assert ("Frist in Tagen: 10" in shown.words, "Frist in Tagen: 10" in gone.words) == (True, False)


@pytest.mark.threat("T145")
async def test_a_loosening_that_is_refused_leaves_the_rule(city: City, desk: Opened) -> None:
    person = await city.services.accounts.people.add("rita", "Rita")
    await city.services.infra.db.write(TOWN, _holding, person.id, "admin", called("Rita"))
    await ruled(city, "two", template="research", days=10)
    await ruled(city, "none", template="research", days=10)
    dora = desk.browser({TOWN: ["protection"]}, name="Dora")
    left = await dora.send(await dora.get(f"{LIST}/rules"), "/rules/no")
    assert ("warten" in left.words.split("Für")[0], "Zwei verschiedene Personen" in left.words) == (False, True)


@pytest.mark.threat("T145")
async def test_what_waits_ends_with_the_role_and_does_not_come_back(city: City) -> None:
    """>> an admin proposes less, loses the role and gets it again << nothing of hers waits; the rule is as it was."""
    people, rules = city.services.accounts.people, city.services.approvals.service.rules
    rita = await people.add("rita", "Rita")
    await city.services.infra.db.write(TOWN, _holding, rita.id, "admin", called("Rita"))
    await ruled(city, "two")
    await ruled(city, "none")
    assert len(await city.services.infra.db.read(TOWN, rules.pending, TOWN)) == 1
    await people.revoke(TOWN, "", rita.id, "admin")
    await people.grant(TOWN, "", rita.id, "admin")
    assert await city.services.infra.db.read(TOWN, rules.pending, TOWN) == []
    assert (await city.services.infra.db.read(TOWN, rules.of, TOWN, "contract", "")).people == "two"


async def test_with_one_person_the_page_says_that_there_are_no_four_eyes(city: City, desk: Opened) -> None:
    """>> one admin and no steward; two of each << both roles are named with what to do; nothing of it."""
    people, write = city.services.accounts.people, city.services.infra.db.write
    rita = desk.browser({TOWN: ["admin"]}, name="Rita")
    alone = (await rita.get(f"{LIST}/rules")).words
    assert "gibt es kein Vier-Augen-Prinzip" in alone
    assert "kann niemand zustimmen, wenn eine Regelung gelockert werden soll" in alone
    for name in ("Rita", "Bea"):
        person = await people.add(name.lower(), name)
        await write(TOWN, _holding, person.id, "admin", called(name))
        await write(TOWN, _holding, person.id, "steward", called(name))
    both = (await rita.get(f"{LIST}/rules")).words
    assert "weniger als zwei Personen" not in both


def _holding(tx: Any, person: str, role: str, pseudonym: str) -> None:
    tx.run(
        "INSERT INTO person_role (participant, person, role, granted_by, granted_at)"
        " VALUES (:p, :person, :role, '', 0)",
        p=TOWN,
        person=person,
        role=role,
    )
    tx.run(
        "INSERT INTO person_pseudonym (participant, person, pseudonym)"
        " VALUES (:p, :person, :pseudonym) ON CONFLICT DO NOTHING",
        p=TOWN,
        person=person,
        pseudonym=pseudonym,
    )
