"""What a steward does about a contract: end it after a question, renew it, sign what has to be read."""

from collections.abc import AsyncIterator

import pytest

from connector.data.approvals.model import ApprovalRule
from tests.surfaces.web.browsing import Browser, Opened, Page
from tests.testkit.cities import MUNICIPALITY, City, Space

TOWN, VILLAGE = "musterstadt", "nachbardorf"
LIST = f"/t/{VILLAGE}/contracts"


@pytest.fixture
async def city(space: Space) -> AsyncIterator[City]:
    async with space.running("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY}) as city:
        yield city


async def contract(city: City, desk: Opened) -> tuple[Browser, Page]:
    """Vera, steward of the village, looks at a contract with the town."""
    made = await city.publish(TOWN, title="Baumkataster")
    found = await city.negotiate(VILLAGE, city.did(TOWN), made["dataset"])
    assert found["state"] == "FINALIZED"
    vera = desk.browser({VILLAGE: ["steward"]}, name="Vera")
    return vera, await vera.get((await vera.get(LIST)).link("Baumkataster"))


async def test_it_ends_after_a_question(city: City, desk: Opened) -> None:
    """>> a reason and no day << the question >> yes << over, on both sides; once more it cannot be ended."""
    vera, one = await contract(city, desk)
    form = await vera.get(one.link("Vertrag beenden"))
    question = await vera.send(form, "/question", reason="Wir brauchen die Daten nicht mehr.")
    assert "wirklich enden?" in question.words
    assert "Er endet sofort" in question.words
    ended = await vera.send(question, "/end", "Ja, Vertrag beenden")
    assert "Wir haben am" in ended.words
    assert "Grund: Wir brauchen die Daten nicht mehr." in ended.words
    assert "Vertrag beenden" not in [text for text, _ in ended.links]
    again = await vera.send(form, "/question", reason="Noch einmal.")
    assert again.status == 422
    over = await vera.get(f"{LIST}?state=over")
    assert "Baumkataster" in over.words


async def test_it_ends_at_a_day(city: City, desk: Opened) -> None:
    """>> a day that is none, one that is past << said at the field; >> a day ahead << stated, in force until then."""
    vera, one = await contract(city, desk)
    form = await vera.get(one.link("Vertrag beenden"))
    for day in ("morgen", "1.1.2001", "2090-01-01T00:00:00Z"):
        assert (await vera.send(form, "/question", reason="Ende.", notice=day)).status == 422, day
    question = await vera.send(form, "/question", reason="Ende.", notice="31.12.2035")
    ended = await vera.send(question, "/end", "Ja, Vertrag beenden")
    assert "läuft aus" in ended.words or "endet" in ended.words
    assert "31.12.2035" in ended.words


async def test_it_is_renewed(city: City, desk: Opened) -> None:
    """>> renew << the terms beside the old ones >> asked << a new contract, the old one replaced."""
    vera, one = await contract(city, desk)
    page = await vera.get(one.link("Erneuern oder ersetzen"))
    assert "Die Bedingungen sind dieselben." in page.words
    asked = await vera.send(page, "/renew", "Verbindlich anfragen", follow=False)
    negotiation = asked.headers["Location"].rpartition("/")[2]
    found = await city.api.get(f"/api/v1/participants/{VILLAGE}/negotiations/urn:uuid:{negotiation}", wait="60")
    assert found["state"] == "FINALIZED"
    new = await vera.get(f"{LIST}/{found['agreement'].removeprefix('urn:uuid:')}")
    assert "Dieser Vertrag ist an die Stelle eines anderen getreten" in new.words


async def test_the_provider_is_told_who_renews(city: City, desk: Opened) -> None:
    await contract(city, desk)
    tom = desk.browser({TOWN: ["steward"]}, name="Tom")
    one = await tom.get((await tom.get(f"/t/{TOWN}/contracts")).link("Baumkataster"))
    page = await tom.get(f"{one.path}/renew")
    assert "Diesen Vertrag erneuert Nachbardorf" in page.words


async def unsigned(city: City) -> None:
    """As if the village had not sealed its contract."""
    await city.services.infra.db.write(
        VILLAGE,
        lambda tx: tx.run(
            "UPDATE agreement SET state = 'one-sided', consumer_jws = NULL WHERE participant = :p", p=VILLAGE
        ),
    )


async def test_bug_who_signed_alone_what_needs_two_by_now_was_told_nothing(city: City, desk: Opened) -> None:
    """>> a contract to be signed by hand, a rule for two since, signed << the page of what it waits for."""
    vera, one = await contract(city, desk)
    await unsigned(city)
    page = await vera.get(f"{one.path}/sign")
    rule = ApprovalRule(subject="offer", template="", people="two", protection=False, days=14)
    await city.services.infra.db.write(VILLAGE, city.services.approvals.service.rules.put, VILLAGE, rule, "p-dddddd")
    told = await vera.send(page, "/sign", "Unterschreiben")
    assert told.path.startswith(f"/t/{VILLAGE}/approvals/")


async def test_what_was_read_is_signed(city: City, desk: Opened) -> None:
    """>> nothing waits << no button; >> sealed one-sidedly, as if we had not << the digest that was read is ordered."""
    vera, one = await contract(city, desk)
    page = await vera.get(f"{one.path}/sign")
    assert "Wort für Wort" in page.words
    assert "Im Moment gibt es hier nichts zu unterschreiben." in page.words
    await unsigned(city)
    wanted = await vera.get(one.path)
    assert "Dieser Vertrag braucht Ihre Unterschrift." in wanted.words
    page = await vera.get(f"{one.path}/sign")
    other = await vera.send(page, "/sign", "Unterschreiben", digest="0" * 64)
    assert other.status == 422
    done = await vera.send(page, "/sign", "Unterschreiben")
    assert done.path == one.path


async def test_only_a_steward_takes_steps(city: City, desk: Opened) -> None:
    _, one = await contract(city, desk)
    for role in ("auditor", "publisher", "protection", "admin"):
        somebody = desk.browser({VILLAGE: [role]}, name=role)
        for part in ("end", "renew", "sign"):
            assert (await somebody.get(f"{one.path}/{part}")).status == 404, (role, part)
