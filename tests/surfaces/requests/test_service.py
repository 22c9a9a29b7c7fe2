"""Asking for data of others: what is certain to be refused is not sent, and purposes are chosen from a list."""

import pytest
from msgspec.structs import replace

from connector.app.on_demand import on_demand
from connector.foundation.errors import Mistake, Refusal
from connector.surfaces.requests.terms import NegotiationRequest
from tests.testkit.cities import COMPANY, MUNICIPALITY, PURPOSE, Space
from tests.testkit.patience import eventually_said

TOWN, VILLAGE, FIRM = "musterstadt", "nachbardorf", "stadtwerke"


async def test_what_is_certain_to_be_refused_is_not_sent(space: Space) -> None:
    """>> a firm asks for data of towns << why and what would help, and nothing is sent; >> a town << data at once."""
    it = await space.city("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY, FIRM: COMPANY})
    made = await it.publish(TOWN)
    requests, participants = on_demand(it.services).requests.service, it.services.participants
    firm, village = [(await participants.get(slug)).participant for slug in (FIRM, VILLAGE)]
    wish = NegotiationRequest(provider=it.did(TOWN), dataset=made["dataset"], purpose=PURPOSE)

    with pytest.raises(Mistake, match="oneself"):  # nobody asks what it was itself before it moved
        await requests.ask(replace(village, former=(it.did(TOWN),)), wish)

    shown = await requests.terms(firm, wish)
    assert not shown.met
    assert "Kommune" in shown.help["de"]
    with pytest.raises(Refusal) as refused:
        await requests.ask(firm, wish, sure=True)
    assert any("Teilnehmerart" in sentence for sentence in refused.value.reasons["de"])
    assert (await it.api.get(f"/api/v1/participants/{FIRM}/negotiations"))["negotiations"] == []

    shown = await requests.terms(village, wish)
    assert (shown.met, shown.help["de"]) == (True, "")
    purposes = requests.purposes(village, shown.policy)
    fitting = [one.label["de"] for one in purposes if one.fits]
    assert "Verwaltungsaufgaben" in fitting
    assert fitting == [one.label["de"] for one in purposes[: len(fitting)]]
    assert len(fitting) < len(purposes)

    await requests.ask(village, wish, deliver=True, sure=True)

    async def received() -> bool:
        found = (await it.api.get(f"/api/v1/participants/{VILLAGE}/transfers"))["transfers"]
        return [one["outcome"] for one in found] == ["received"]

    await eventually_said(received)
