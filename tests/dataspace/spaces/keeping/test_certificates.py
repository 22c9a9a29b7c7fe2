"""Seal certificates above level L1, as the authority's people decide them: rows, log and list."""

import json

import pytest
from msgspec.structs import replace

from connector.data.approvals.decide import Late, NotYours
from connector.dataspace.spaces.keeping.certificates import Certificates
from connector.foundation.errors import Mistake, Unknown
from connector.foundation.storage.database import Tx
from tests.dataspace.spaces.conftest import COUNTY, PEOPLE, County

ANNA, BERT, CEM = PEOPLE
SEAL, OTHER = "a" * 64, "b" * 64


async def named(county: County, *seals: str) -> Certificates:
    """The authority's own process has such certificates now."""
    services = county.city.services
    own = await services.spaces.authority._own_keys(await services.participants.get(COUNTY))
    await services.spaces.memberships.own_keys(COUNTY, replace(own, seal_certificates=seals))
    return services.spaces.certificates


def events(tx: Tx) -> list[str]:
    rows = tx.all("SELECT record FROM audit_entry WHERE type = 'space' ORDER BY id")
    return [json.loads(row["record"])["body"]["event"] for row in rows]


@pytest.mark.threat("T152")
async def test_the_authority_lists_none_of_its_own_either(county: County) -> None:
    """>> one yes, the same again, a second, a third << missing one, the same, listed, too late; each is in the log."""
    certificates, did = await named(county, SEAL, OTHER), county.city.did(COUNTY)
    for login, missing in ((ANNA, 1), (ANNA, 1)):
        await certificates.approve(COUNTY, did, SEAL, login)
        waiting = {one.asked.sha256: one.missing for one in await certificates.all(COUNTY)}
        assert waiting == {SEAL: missing, OTHER: 2}
    await certificates.approve(COUNTY, did, SEAL, BERT)
    with pytest.raises(Late):
        await certificates.approve(COUNTY, did, SEAL, CEM)
    await certificates.refuse(COUNTY, did, OTHER, CEM)
    assert await certificates.all(COUNTY) == []
    await certificates.strike(COUNTY, did, next(iter(await listed(county))), 1, ANNA)
    log = await county.city.services.infra.db.read(COUNTY, events)
    expected = ["certificate approved"] * 2 + ["certificate refused", "struck off"]
    assert [one for one in log if one in expected] == expected


async def listed(county: County) -> tuple[str, ...]:
    await county.issue()
    entry = county.city.services.trust.anchor.entry(county.city.did(COUNTY))
    assert entry is not None
    return tuple(one.sha256 for one in entry.listed_seals)


async def test_who_may_not_decides_nothing(county: County) -> None:
    certificates, did = await named(county, SEAL), county.city.did(COUNTY)
    with pytest.raises(NotYours):
        await certificates.approve(COUNTY, did, SEAL, "nobody@kreis.example")
    with pytest.raises(Unknown):
        await certificates.refuse(COUNTY, "did:web:elsewhere", SEAL, ANNA)
    with pytest.raises(Mistake):
        await certificates.strike(COUNTY, did, SEAL, 1, ANNA)
    assert await listed(county) == ()
