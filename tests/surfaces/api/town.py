"""A town on a port whose management surface has something of everything: for tests that walk through the routes."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from connector.dataspace.spaces.documents import Document
from connector.dataspace.spaces.model import Rules
from connector.exchange.mandates.model import Wish
from connector.foundation.storage.database import PROCESS
from connector.identity.accounts.model import SCOPES
from connector.identity.trust.members import forks
from connector.identity.trust.members.forks import ForkedList
from connector.surfaces.api.scopes import scope_of
from tests.data.harvest.imports import WORDS, catalogue, ended
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.listening import reserved_port

PROVIDER, CONSUMER = "musterstadt", "nachbardorf"


class Town(NamedTuple):
    """One process with a contract between two participants of its own; `ids` are the ids of each noun."""

    city: City
    url: str
    ids: dict[str, list[str]]
    keys: dict[str, str]
    """For programs: of each participant, and under the empty name of the process."""

    def headers(self, method: str, path: str, p: str = "") -> dict[str, str]:
        """With the key that this route takes; `p` is the participant in its path."""
        whose = "" if scope_of(method, path) == "operate" else p if p in (PROVIDER, CONSUMER) else CONSUMER
        return {"Authorization": f"Bearer {self.keys[whose]}"}

    def values(self, path: str, name: str) -> list[str]:
        """What a place in this path may be called, what is there first; the provider has decisions, datasets."""
        if name == "id":
            return [*self.ids.get(re.findall(r"/(\w+)/\{id\}", path)[0], []), "nothing"]
        values = self.ids[name]
        return values[1:] if name == "p" and re.search("/decisions/|/datasets/", path) else values


async def _two_lists(city: City) -> str:
    """Two lists of one number, settled, so that nothing goes by them."""
    name = city.services.trust.anchor.own_name
    pair = ForkedList(authority=name, version=1, held="one", other="two")
    await city.services.infra.db.write(PROCESS, forks.keep, pair, city.services.trust.anchor.authority_jwk)
    await city.services.infra.db.write(PROCESS, forks.settle, name, 1)
    return name


async def _imported(city: City) -> str:
    """A run that is over, with a dataset that waits and a rule that was used."""
    service = await city.services.harvest.service()
    content = catalogue("a", licence=WORDS, more=':a dct:language "Deutsch" .')
    run = await service.start(CONSUMER, content, name="portal.ttl", media_type=None, source=None)
    await ended(service, run, CONSUMER)
    return run


async def _keys(city: City) -> dict[str, str]:
    """Of one person who may do everything everywhere."""
    accounts, everything = city.services.accounts, [scope for scope in SCOPES if scope != "operate"]
    her = (await accounts.people.add("anna@example.org", "Anna", operator=True)).id
    keys = {"": await accounts.tokens.make_for_process(her, "test", 1)}
    for slug in (PROVIDER, CONSUMER):
        for role in ("steward", "protection"):
            await accounts.people.grant(slug, "", her, role)
        keys[slug] = await accounts.tokens.make_for(her, slug, "test", everything, 1)
    return keys


async def _applied(city: City) -> tuple[str, str]:
    """An application, with its document, to join a space that the consumer keeps."""
    spaces = city.services.spaces
    await spaces.authority.create(CONSUMER, "Datenraum", Rules(documents=("Brief",)))
    invited, said = await spaces.invitations.invite(CONSUMER, "Gemeinde"), await spaces.authority.description(CONSUMER)
    letter = Document(name="Brief", media_type="text/plain", content="SGFsbG8")
    one = await spaces.joining.apply(PROVIDER, invited.link, said.fingerprint, [letter])
    kept = await spaces.applications.get(CONSUMER, one.application)
    return kept.id, kept.attachments[0].sha256


@asynccontextmanager
async def running_town(space: Space) -> AsyncIterator[Town]:
    with reserved_port() as port:
        async with _running(space, port) as town:
            yield town


@asynccontextmanager
async def _running(space: Space, port: int) -> AsyncIterator[Town]:
    environ = {"HANSE_API__PORT": str(port)}
    towns = {PROVIDER: MUNICIPALITY, CONSUMER: MUNICIPALITY}
    async with space.running("it", towns, environ) as city:
        made = await city.publish(PROVIDER)
        signed = await city.negotiate(CONSUMER, city.did(PROVIDER), made["dataset"])
        received = await city.fetch(CONSUMER, signed["agreement"])
        base = f"/api/v1/participants/{CONSUMER}"
        hold = await city.api.post(f"{base}/holds", {"role": "legal", "ground": "Klage"})
        decided = await city.api.get(f"{base.replace(CONSUMER, PROVIDER)}/transfers")
        (theirs,) = decided["transfers"]
        decisions = await city.api.get(f"{base.replace(CONSUMER, PROVIDER)}/transfers/{theirs['id']}/decisions")
        run = await _imported(city)
        given = await city.services.mandates.service.give(
            CONSUMER,
            Wish(
                agent="did:web:it-verbund.example",
                name="IT-Verbund",
                actions=("negotiate", "publish", "serve"),
                until=city.services.infra.clock.now() + 86_400_000,
                contract="AVV 1",
            ),
        )
        applied, document = await _applied(city)
        group = await city.api.post(f"{base}/groups", {"name": "partner", "label": {"de": "Partner"}})
        yield Town(
            city,
            f"http://127.0.0.1:{port}",
            {
                "p": [CONSUMER, PROVIDER, "nowhere"],
                "agreements": [signed["agreement"]],
                "negotiations": [signed["id"]],
                "transfers": [received["id"], theirs["id"]],
                "holds": [hold["id"]],
                "applications": [applied],
                "groups": [group["name"]],
                "documents": [document],
                "decisions": [decisions["decisions"][0]["id"]],
                "uuid": [made["dataset"].rsplit("/", 1)[-1], "nothing"],
                "purpose": ["peer", "seal", "log", "nothing"],
                "pseudonym": ["p-7f3a91", "nothing"],
                "run": [run, "nothing"],
                "authority": [await _two_lists(city), "nothing"],
                "sha256": [given.mandate.sha256, "nothing"],
                "pid": [signed["id"], received["id"], "nothing"],
            },
            await _keys(city),
        )
