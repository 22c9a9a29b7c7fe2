"""Following a request: words, polling that ends, and nothing of what others asked."""

from collections.abc import AsyncIterator

import pytest

from tests.surfaces.web.browsing import Opened, open_desk
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.patience import eventually_said

TOWN, VILLAGE = "musterstadt", "nachbardorf"


@pytest.fixture
async def town(space: Space) -> AsyncIterator[tuple[City, Opened]]:
    who = {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY}
    async with space.running("it", who) as city, open_desk(city.services) as opened:
        yield city, opened


async def test_a_request_is_followed_until_it_rests(town: tuple[City, Opened]) -> None:
    """>> asked and delivered << listed, its page in words, the polled part ends the polling, terms and details."""
    city, opened = town
    made = await city.publish(TOWN)
    signed = await city.negotiate(VILLAGE, city.did(TOWN), made["dataset"])
    clerk = opened.browser({VILLAGE: ["steward"]})
    page = await clerk.get((await clerk.get(f"/t/{VILLAGE}/requests")).link("Bäume"))
    assert "Der Vertrag ist unterschrieben" in page.words
    part = await clerk.get(page.path + "/progress", headers={"HX-Request": "true"})
    assert part.status == 200
    assert "<html" not in part.text
    await city.fetch(VILLAGE, signed["agreement"])

    async def ended() -> bool:
        return (await clerk.get(page.path + "/progress", headers={"HX-Request": "true"})).status == 286

    await eventually_said(ended)
    page = await clerk.get(page.path)
    assert "Die Daten sind da." in page.words
    assert "FINALIZED" in page.words  # for experts, in what is folded
    assert page.link("Mit Programmen öffnen").startswith(f"/t/{VILLAGE}/deliveries/")


async def test_what_others_ask_of_us_is_no_request_of_ours(town: tuple[City, Opened]) -> None:
    """>> the provider's side of the same negotiation, and none << not there; >> an auditor << no way to withdraw."""
    city, opened = town
    made = await city.publish(TOWN)
    signed = await city.negotiate(VILLAGE, city.did(TOWN), made["dataset"])
    theirs = (await city.api.get(f"/api/v1/participants/{TOWN}/negotiations"))["negotiations"][0]["id"]
    steward, uuid = opened.browser({TOWN: ["steward"]}), signed["id"].removeprefix("urn:uuid:")
    assert (await steward.get(f"/t/{TOWN}/requests/{theirs.removeprefix('urn:uuid:')}")).status == 404
    assert (await steward.get(f"/t/{TOWN}/requests/{uuid}")).status == 404
    assert (await steward.get(f"/t/{TOWN}/requests/nothing")).status == 404
    auditor = opened.browser({VILLAGE: ["auditor"]})
    page = await auditor.get(f"/t/{VILLAGE}/requests/{uuid}")
    assert page.status == 200
    assert [one.action for one in page.forms if one.action.endswith("/withdraw")] == []
    assert (await auditor.post(f"/t/{VILLAGE}/requests/{uuid}/withdraw")).status == 404


async def test_a_refused_request_says_which_clause_and_what_would_help(town: tuple[City, Opened]) -> None:
    """>> asked over the management surface for another purpose than the rule permits << the clause, and what helps."""
    city, opened = town
    made = await city.publish(TOWN)
    await city.negotiate(
        VILLAGE, city.did(TOWN), made["dataset"], purpose="https://w3id.org/hanse/v1#productDevelopment"
    )
    clerk = opened.browser({VILLAGE: ["steward"]})
    page = await clerk.get((await clerk.get(f"/t/{VILLAGE}/requests")).link("Bäume"))
    assert "Abgelehnt" in page.words
    assert "Zweck liegt im Bereich Verwaltungsaufgaben" in page.words
    assert "Was hilft" in page.words


@pytest.mark.threat("T92")
async def test_what_was_not_read_or_not_filled_in_is_not_sent(town: tuple[City, Opened]) -> None:
    """>> no purpose; other terms, another description, another offer than those that were read << nothing is sent."""
    city, opened = town
    await city.publish(TOWN)
    clerk = opened.browser({VILLAGE: ["steward"]})
    page = await clerk.get((await clerk.get(f"/t/{VILLAGE}/find?q=B%C3%A4ume")).link("Bäume"))
    sent = await clerk.send(page, "/requests", purpose="")
    assert sent.status == 400
    assert "Wofür brauchen Sie die Daten?" in sent.words
    for other in ({"terms": "0" * 64}, {"data": "0" * 64}, {"data": ""}, {"terms": ""}, {"offer": "urn:other"}):
        changed = await clerk.send(page, "/requests", purpose="publicAdministration", **other)
        assert changed.status == 400, other
    assert (await city.api.get(f"/api/v1/participants/{VILLAGE}/negotiations"))["negotiations"] == []
