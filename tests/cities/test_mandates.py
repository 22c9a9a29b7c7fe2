"""`hanse mandate` against real servers, as `docs/mandates.md` goes, and what partners do with the tokens (T31)."""

import asyncio
import json
import re
from typing import Any

import pytest

from connector.cli.main import main
from connector.cli.operate.mandate import ACTIONS
from connector.verify.checks import mandate
from tests.exchange.mandates.entrusting import PROVIDER
from tests.testkit.cities import MUNICIPALITY, City, Space

TOWN, VILLAGE = "musterstadt", "nachbardorf"
pytestmark = pytest.mark.threat("T31")


async def hanse(city: City, *words: str, code: int = 0) -> None:
    assert await asyncio.to_thread(main, [*words, "--data", str(city.settings.folder)], {"LANG": "en"}) == code


async def test_a_provider_acts_for_a_town_until_it_is_taken_back(
    space: Space, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> give, an agreement by the agent's key, show, withdraw, act oneself << each seen by the partner's process."""
    async with space.running("it", {TOWN: MUNICIPALITY}) as provider, space.running("v", {VILLAGE: MUNICIPALITY}) as v:
        await provider.api.post("/api/v1/trust/reload")
        made = await provider.publish(TOWN)
        await v.negotiate(VILLAGE, provider.did(TOWN), made["dataset"])
        own = ("--as", TOWN)
        await hanse(provider, "mandate", "list", *own)
        assert "nobody ever did" in capsys.readouterr().out
        said = ("--name", "IT-Verbund", "--until", "2028-12-31", "--contract", "AVV 2026-117")
        await hanse(provider, "mandate", "give", PROVIDER, *said, *own)
        shown = capsys.readouterr().out
        assert re.search(r"^([0-9A-Z]{4}-){6}[0-9A-Z]{4}$", shown, re.MULTILINE)
        digest = shown.partition("30 Dec 2028 inclusive; ")[2][:64]  # the day that was named counts no more
        signed = await v.negotiate(VILLAGE, provider.did(TOWN), made["dataset"])
        await v.fetch(VILLAGE, signed["agreement"])
        for city, slug in ((provider, TOWN), (v, VILLAGE)):
            found = (await city.api.get(f"/api/v1/participants/{slug}/agreements"))["agreements"]
            acting = {one["agreement"]: one["acting"] for one in found}
            (agent,) = acting.pop(signed["agreement"])
            assert (agent["side"], agent["agent"], agent["name"]) == ("provider", PROVIDER, "IT-Verbund")
            assert (agent["contract"], agent["mandate"]) == ("AVV 2026-117", digest)
            assert list(acting.values()) == [[]]
        await hanse(provider, "mandate", "show", digest, *own)
        assert "AVV 2026-117" in capsys.readouterr().out
        root = (await provider.services.participants.get(TOWN)).participant.root
        answer = await v.services.infra.http.get(mandate.address(root, digest))
        assert json.loads(answer.body)["mandate"]["agent"] == PROVIDER
        assert (await v.services.infra.http.get(mandate.address(root, "0" * 64))).status == 404
        await hanse(provider, "mandate", "withdraw", *own, "--yes")
        assert not (await v.negotiate(VILLAGE, provider.did(TOWN), made["dataset"], wait=0))["agreement"]
        await hanse(provider, "mandate", "withdraw", "--own", *own, "--yes")
        await hanse(provider, "mandate", "withdraw", "--own", *own, "--yes", code=1)
        await v.api.post("/api/v1/trust/reload")
        v.services.trust.resolver.forget(provider.did(TOWN))
        again: Any = await v.negotiate(VILLAGE, provider.did(TOWN), made["dataset"])
        assert again["agreement"]


def test_the_command_names_the_actions_of_the_verifier() -> None:
    assert ACTIONS == mandate.ACTIONS
