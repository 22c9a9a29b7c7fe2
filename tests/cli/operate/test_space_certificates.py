"""`hanse space certificates` and what goes with them: what a member says over the wire, and what people make of it."""

import asyncio
from hashlib import sha256

import pytest
from msgspec.structs import replace

from connector.cli.main import main
from connector.cli.operate import doctor_spaces
from connector.dataspace.spaces.decision import sealing
from connector.dataspace.spaces.documents import RequestClaims
from connector.foundation.clock import rfc3339
from connector.identity.trust.keys.jwk import thumbprint
from connector.identity.trust.members.trust_list import Sealing, millis
from tests.dataspace.spaces.conftest import COUNTY, COUNTY_KIND, PEOPLE, TOWN, UNLISTED, County, joined
from tests.testkit.cities import MUNICIPALITY, City, Space

ANNA, BERT = PEOPLE[:2]
SEAL, LONG_AGO = "c" * 64, "2020-01-01T00:00:00Z"


@pytest.fixture
async def county(space: Space) -> County:
    made = County(await space.city("county", {COUNTY: COUNTY_KIND}, UNLISTED))
    await made.found()
    return made


@pytest.fixture
async def town(space: Space) -> City:
    return await space.city("town", {TOWN: MUNICIPALITY}, UNLISTED)


async def doctor(city: City) -> set[str]:
    return {key for _, key, _ in await asyncio.to_thread(lambda: list(doctor_spaces.lines(city.settings, "de")))}


async def typed(city: City, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What a person reads."""
    capsys.readouterr()
    given = ["space", *words, "--as", COUNTY, "--data", str(city.settings.folder), "--lang", "en"]
    assert await asyncio.to_thread(main, given, {"LANG": "en"}) == code
    out = capsys.readouterr()
    return out.out + out.err


async def seals(county: County, did: str) -> tuple[Sealing, ...]:
    await county.issue()
    entry = county.city.services.trust.anchor.entry(did)
    assert entry is not None
    return entry.listed_seals


@pytest.mark.threat("T152")
async def test_bug_a_member_lists_a_certificate_of_level_two_by_itself(
    county: County, town: City, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> a request names a certificate, "valid since 2020" << on no list until two people agreed, and then from that
    moment on; `doctor` tells that somebody has to look."""
    one, did = await joined(town, TOWN, county), town.did(TOWN)
    await town.stop_jobs()  # they tell its own keys again, without that certificate
    joining, hosted = town.services.spaces.joining, await town.services.participants.get(TOWN)
    keys = replace(await joining._own_keys(hosted), seal_certificates=(Sealing(SEAL, valid_from=LONG_AGO),))
    before = county.city.services.infra.clock.now()
    await joining.request(hosted, one, RequestClaims(space=one.space, request="keys", keys=keys))
    assert await seals(county, did) == ()
    assert "space-certificates" in await doctor(county.city)
    line = f"Musterstadt ({did}): {SEAL}; people who have to agree yet: "
    assert await typed(county.city, capsys, "certificates") == f"{line}2\n"
    assert await typed(county.city, capsys, "certificate-approve", did, SEAL, "--who", ANNA) == f"{line}1\n"
    assert await seals(county, did) == ()
    await typed(county.city, capsys, "certificate-approve", did, SEAL.upper(), "--who", BERT)
    assert await typed(county.city, capsys, "certificates") == "No seal certificate waits.\n"
    (found,) = await seals(county, did)
    assert found.valid_from is not None
    assert (found.sha256, found.valid_until, before <= millis(found.valid_from) + 999) == (SEAL, None, True)
    wrong = await typed(county.city, capsys, "certificate-refuse", did, "d" * 64, "--who", ANNA, code=1)
    assert "has named no such seal certificate" in wrong


async def test_bug_what_a_certificate_says_ended_the_command(
    county: County, town: City, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bug: >> a member brings its certificate; refused with a reason << the list of them broke off."""
    one, did = await joined(town, TOWN, county), town.did(TOWN)
    await town.stop_jobs()
    joining, hosted = town.services.spaces.joining, await town.services.participants.get(TOWN)
    name = sha256(hosted.chain[0]).hexdigest()
    keys = replace(await joining._own_keys(hosted), seal_certificates=(name,))
    said = RequestClaims(space=one.space, request="keys", keys=keys, certificates=sealing.own(hosted.keys, keys))
    await joining.request(hosted, one, said)
    out = await typed(county.city, capsys, "certificates")
    assert f"Musterstadt ({did}): {name}" in out
    assert "  subject CN=Musterstadt, issuer CN=" in out
    assert "level L2 by its own word" in out
    await typed(county.city, capsys, "certificate-refuse", did, name, "--who", ANNA, "--reason", "Nobody answered.")
    [standing] = await county.city.services.spaces.certificates.standing(COUNTY, did)
    assert (standing.state, standing.reason) == ("refused", "Nobody answered.")


@pytest.mark.threat("T150")
async def test_a_stolen_key_of_a_witness_is_struck_off_by_people_alone(
    county: County, town: City, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> a member that was a witness leaves, then its key turns out to be stolen << listed with its end; then from the
    time that people state."""
    one, did = await joined(town, TOWN, county), town.did(TOWN)
    anchor = county.city.services.trust.anchor.list_of(one.authority)
    assert anchor is not None
    witness = next(each for each in anchor.current.witnesses if each.url == town.services.witness.keys.url)
    await town.services.spaces.joining.leave(TOWN, one.space)
    await county.issue()
    left = next(each for each in anchor.current.witnesses if each.url == witness.url)
    assert [thumbprint(key) for key in left.keys] == [thumbprint(key) for key in witness.keys]
    assert all(millis(key["validUntil"]) >= millis(key["validFrom"]) for key in left.keys)
    name, stolen = thumbprint(witness.keys[0]), rfc3339(county.city.services.infra.clock.now() - 3_600_000)
    words = ("strike-key", did, name, "--since", stolen, "--who", ANNA, "--yes")
    assert f"{name} counts no more since " in await typed(county.city, capsys, *words)
    await county.issue()
    keys = {thumbprint(key): key for each in anchor.current.witnesses for key in each.keys}
    assert (keys[name]["struckSince"], keys[name]["validUntil"]) == (stolen, stolen)
    tomorrow = rfc3339(county.city.services.infra.clock.now() + 86_400_000)
    for since in (tomorrow, "yesterday"):
        again = ("strike-key", did, name, "--since", since, "--who", ANNA, "--yes")
        assert "This is no time, or one to come" in await typed(county.city, capsys, *again, code=1)
