"""Persons over the management surface: the operator's word counts at once, links and keys work."""

from collections.abc import Iterator

import pytest

from tests.testkit.cities import MUNICIPALITY, Refused, Space
from tests.testkit.listening import reserved_port


@pytest.fixture
def port() -> Iterator[int]:
    with reserved_port() as found:
        yield found


async def test_from_nobody_to_a_key(space: Space, port: int) -> None:
    """>> a person is added, gets a role, a link, a key; loses the role << each does what it says, and no more."""
    async with space.running("it", {"musterstadt": MUNICIPALITY}, {"HANSE_API__PORT": str(port)}) as city:
        api, accounts = city.api, city.services.accounts
        assert await api.get("/api/v1/people") == {"people": []}
        who = {"login": "petra@musterstadt.de"}
        added = await api.post("/api/v1/people", {**who, "name": "Petra Muster"})
        assert (added["login"], added["roles"], added["second_factor"]) == ("petra@musterstadt.de", {}, False)
        at = {**who, "role": "steward", "participant": "musterstadt"}
        assert (await api.post("/api/v1/people/role", at))["roles"] == ["steward"]
        link = await api.post("/api/v1/people/link", who)
        cookie = await accounts.links.use(link["url"].partition("?code=")[2], "")
        signed = await accounts.sessions.session(cookie)
        assert signed is not None
        assert signed.roles == {"musterstadt": {"steward"}}
        invited = await api.post("/api/v1/participants/musterstadt/invitations", {"name": "Olaf", "roles": ["admin"]})
        seen = await accounts.people.invitation(invited["url"].partition("?code=")[2])
        assert (seen.roles, seen.invited_by) == ({"admin"}, "")
        wish = {**who, "participant": "musterstadt", "label": "QGIS", "scopes": ["read"]}
        key = (await api.post("/api/v1/program-keys", wish))["key"]
        assert (await accounts.tokens.caller(f"Bearer {key}")).scopes == {"read"}
        with pytest.raises(Refused, match="scope-beyond"):
            await api.post("/api/v1/program-keys", {**who, "label": "Prometheus"})
        assert (await api.post("/api/v1/people/role", {**at, "take": True}))["roles"] == []
        assert (await accounts.tokens.caller(f"Bearer {key}")).scopes == frozenset()
        assert (await api.post("/api/v1/people/role", {**who, "role": "operator"}))["roles"] == ["operator"]
        await api.post("/api/v1/program-keys", {**who, "label": "Prometheus"})
        (own,) = (await api.get("/api/v1/program-keys"))["keys"]
        assert (own["label"], own["scopes"], own["participant"]) == ("Prometheus", ["operate"], None)
        assert (await api.post("/api/v1/program-keys/end", {"id": own["id"]}))["keys"] == []
        await api.post("/api/v1/people/remove", who)
        assert await accounts.sessions.session(cookie) is None
