"""The tables of the official kit, replayed by our own small one, so that they hold where there is no Java.

Only the official run entitles anybody to say that the kit is green: `hanse conformance dsp`. Here also the two cases
that the kit has switched off are played, and on PostgreSQL two replicas share the address.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest
import pytest_asyncio

from tests.conformance import cases
from tests.conformance.process import NegotiationPlay, Process, TransferPlay
from tests.conformance.scripts import SCRIPTS
from tests.conformance.under_test.run import services
from tests.conformance.wire import CONTEXT, Callbacks, Client, Target
from tests.testkit.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")
DELAY_MS = 50


class Kit(NamedTuple):
    """The small kit and what it tests."""

    target: Target
    callbacks: Callbacks
    client: Client

    def process(self, case: str) -> Process:
        group = case.partition(":")[0]
        play = NegotiationPlay if group.startswith("CN") else TransferPlay
        role = "provider" if group.endswith("_C") else "consumer"
        return play(self.target, self.callbacks, self.client, cases.about(case), role)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _replicas(request: pytest.FixtureRequest, folder: Path) -> list[dict[str, str]]:
    """The surroundings of each process under test."""
    if request.param == "sqlite":
        return [{}]
    database = request.getfixturevalue("cluster").database()
    urls = database.__enter__()
    request.addfinalizer(lambda: database.__exit__(None, None, None))
    shared = {
        "HANSE_DATABASE__URL": urls.app,
        "HANSE_DATABASE__WORKER_URL": urls.worker,
        "HANSE_PEER__REUSE_PORT": "true",
    }
    return [{**shared, "HANSE_API__SOCKET": str(folder / f"{number}.sock")} for number in range(2)]


@pytest_asyncio.fixture(
    loop_scope="module", scope="module", params=["sqlite", "postgres"], ids=["sqlite", "two replicas"]
)
async def kit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kit]:
    folder = tmp_path_factory.mktemp("k")
    callbacks = Callbacks()
    async with AsyncExitStack() as stack:
        await callbacks.start()
        stack.push_async_callback(callbacks.stop)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        port, targets = _free_port(), []
        for environ in _replicas(request, folder):
            under = services(folder, port, callbacks.url, delay_ms=DELAY_MS, environ=environ)
            targets.append(await stack.enter_async_context(under))
        yield Kit(targets[0], callbacks, Client(session))


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.long if n % 2 else ()) for n, case in enumerate(SCRIPTS)]
)
async def test_a_case_of_the_official_kit(kit: Kit, case: str) -> None:
    kit.callbacks.forget()
    process = kit.process(case)
    for step in SCRIPTS[case].split():
        word, _, what = step.partition(":")
        await _step(kit, process, word, what)


async def _step(kit: Kit, process: Process, word: str, what: str) -> None:
    match word:
        case "request":
            await process.request()
        case "trigger":
            await process.trigger()
        case "await":
            await process.await_(what)
        case "late":
            await _nobody_heard(kit)
            await process.await_(what)
        case "refused":
            await process.refused(what)
        case "see":
            await process.see(what)
        case _:
            await process.send(word)


async def _nobody_heard(kit: Kit) -> None:
    """Until our first try has been answered 404."""
    async with asyncio.timeout(PATIENCE_S):
        while not kit.callbacks.unheard:
            await asyncio.sleep(0.01)


async def test_the_version_document_needs_no_token(kit: Kit) -> None:
    """MET:01-01."""
    async with aiohttp.ClientSession() as bare, bare.get(f"{kit.target.root}/.well-known/dspace-version") as answer:
        versions = (await answer.json())["protocolVersions"]
    [ours] = [one for one in versions if one["version"] == "2025-1"]
    assert ours["binding"] == "HTTPS"
    assert kit.target.root + ours["path"] == kit.target.base


async def test_the_catalogue_lists_what_is_published_and_no_more(kit: Kit) -> None:
    """CAT:01-01."""
    message = {"@context": [CONTEXT], "@id": "1", "@type": "CatalogRequestMessage"}
    catalogue = await kit.client.post(f"{kit.target.base}/catalog/request", message)
    assert (catalogue["@type"], catalogue["participantId"]) == ("Catalog", kit.target.did)
    found = {dataset["@id"] for dataset in catalogue["dataset"]}
    assert {"CAT0101", "CAT0102"} <= found
    assert "CAT0103" not in found
    assert all("target" not in offer for dataset in catalogue["dataset"] for offer in dataset["hasPolicy"])


async def test_a_dataset_can_be_looked_at(kit: Kit) -> None:
    """CAT:01-02."""
    dataset = await kit.client.get(f"{kit.target.base}/catalog/datasets/CAT0102")
    assert (dataset["@type"], dataset["@id"]) == ("Dataset", "CAT0102")
    assert dataset["hasPolicy"]
    assert dataset["distribution"]


async def test_an_unknown_dataset_is_an_error_of_the_catalogue(kit: Kit) -> None:
    """CAT:01-03."""
    error = await kit.client.get(f"{kit.target.base}/catalog/datasets/CAT0103", expect=404)
    assert error["@type"] == "CatalogError"
    assert CONTEXT in error["@context"]
