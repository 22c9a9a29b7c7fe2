"""Who acts for a member by a mandate is said beside it: as its DID document says now, or as it was under a contract."""

import asyncio
from urllib.parse import quote

from connector.cli.main import main
from tests.exchange.mandates.entrusting import PROVIDER
from tests.surfaces.web.browsing import open_desk
from tests.testkit.cities import MUNICIPALITY, City, Space

TOWN, VILLAGE = "musterstadt", "nachbardorf"
HOST = PROVIDER.removeprefix("did:web:").partition(":")[0]


async def mandate(city: City, *words: str) -> None:
    given = ["mandate", *words, "--as", TOWN, "--data", str(city.settings.folder)]
    assert await asyncio.to_thread(main, given, {"LANG": "en"}) == 0


async def test_a_partner_is_shown_with_who_acts_for_it(space: Space) -> None:
    """>> a contract; a mandate, and a contract under it; the document is forgotten; taken back, and forgotten, and a
    newer contract << nobody; where the provider lies; the provider, by the contract; nobody."""
    async with space.running("it", {TOWN: MUNICIPALITY}) as it, space.running("v", {VILLAGE: MUNICIPALITY}) as v:
        await it.api.post("/api/v1/trust/reload")
        made, did = await it.publish(TOWN), it.did(TOWN)
        resolver = v.services.trust.resolver

        async def agreed() -> None:
            resolver.forget(did)
            assert (await v.negotiate(VILLAGE, did, made["dataset"]))["agreement"]

        async with open_desk(v.services) as desk:
            browser = desk.browser({VILLAGE: ["steward"]})

            async def shown() -> str:
                page = await browser.get(f"/t/{VILLAGE}/partners/member?did={quote(did, safe='')}")
                assert page.status == 200
                return page.words.partition("Für die Stelle handelt ")[2].partition("Verbünde")[0].strip()

            await agreed()
            assert await shown() == ""
            said = ("--name", "IT-Verbund", "--until", "2028-12-31", "--contract", "AVV 2026-117")
            await mandate(it, "give", PROVIDER, *said)
            await agreed()
            assert await shown() == f"{HOST}, mit einem Auftrag"
            resolver.forget(did)
            assert (await shown()).startswith(f"IT-Verbund ({HOST}), laut dem Vertrag vom ")
            await mandate(it, "withdraw", "--yes")
            await mandate(it, "withdraw", "--own", "--yes")
            await v.api.post("/api/v1/trust/reload")
            await agreed()
            assert await shown() == ""
            resolver.forget(did)
            assert await shown() == ""
