"""The consumer's plane: whatever becomes of the download is booked once, and never where a peer could steer it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from connector.data.dataplane import flows
from connector.data.dataplane.flows import Flow
from connector.data.dataplane.receive.pull import Address, Received
from connector.data.dataplane.sinks.files import FileSink
from connector.data.dataplane.streams import Streams
from connector.exchange.delivery.messages import TRIES_4XX
from connector.exchange.transfer.model import TransferRow
from connector.exchange.transfer.plane import pull_errand
from connector.exchange.transfer.plane.pull_errand import PATIENCE_MS, LocalPlane
from connector.foundation.errors import HanseError, PeerError, Refusal, Unauthenticated, Unavailable
from connector.foundation.http.outbound import Answer, SafeClient
from connector.foundation.storage.database import Tx
from connector.foundation.storage.outbox import OutboxRow
from connector.kernel.policy.engine import Requester
from tests.testkit.cities import MUNICIPALITY
from tests.testkit.towns import Towns

SHA256 = "0" * 64
Plane = Callable[["Download"], LocalPlane]


class Download:
    """Stands for `pull`: remembers what it was asked, gives the bytes or fails as told."""

    def __init__(self, *outcomes: HanseError) -> None:
        self.outcomes, self.asked = list(outcomes), list[tuple[Address, str | None]]()

    async def __call__(self, client: object, address: Address, sink: FileSink, expected: str | None) -> Received:
        self.asked.append((address, expected))
        if self.outcomes:
            raise self.outcomes.pop(0)
        sink.path.parent.mkdir(parents=True)
        sink.path.write_bytes(b"a;b\n1;2\n")
        return Received(8, SHA256, sink.path)


@pytest.fixture
def plane(towns: Towns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plane:
    """A plane whose downloads do as told; its errands run when the worker does."""

    def make(download: Download) -> LocalPlane:
        monkeypatch.setattr(pull_errand, "pull", download)
        made = LocalPlane(
            towns.db, towns.clock, towns.reports, SafeClient(), towns.vault, tmp_path / "received", Streams(towns.clock)
        )
        towns.handlers["pull"] = made.pull
        return made

    return make


async def asked(towns: Towns, **wish: object) -> TransferRow:
    """The consumer's transfer after everything that is due was handled."""
    agreement = await towns.concluded("nachbardorf", "musterstadt", **wish)
    process = await towns.fetch("nachbardorf", "musterstadt", agreement)
    await towns.run()
    return await towns.process("nachbardorf", process.id)


async def test_received_is_reported_and_found(towns: Towns, plane: Plane) -> None:
    """>> pull << the bytes at the agreed name in the transfer's own folder; COMPLETED."""
    download = Download()
    local = plane(download)
    process = await asked(towns)
    assert (process.shown, process.outcome, process.bytes) == ("COMPLETED", "received", 8)
    file = local.file("nachbardorf", process.id)
    assert file is not None
    assert (file.name, file.parent) == ("baeume.csv", local.place("nachbardorf", process.id))
    address, expected = download.asked[0]
    assert address.url.startswith("https://localhost:18443/musterstadt/data/")
    assert expected == SHA256


FAILURES: dict[str, tuple[HanseError, str]] = {
    "a rule": (Refusal("dataplane.refused", {"de": ["Vorbei."], "en": ["Over."]}), "refused"),
    "the token": (Unauthenticated("peer.no-token"), "refused"),
    "other bytes": (PeerError("contracts.object-hash", name="x"), "broken"),
}


@pytest.mark.parametrize(("failure", "outcome"), FAILURES.values(), ids=FAILURES)
async def test_a_failure_ends_it_with_a_reason(towns: Towns, plane: Plane, failure: HanseError, outcome: str) -> None:
    """<< a refusal, a dead token, wrong bytes >> TERMINATED on both sides, and no file."""
    local = plane(Download(failure))
    process = await asked(towns)
    assert (process.shown, process.outcome) == ("TERMINATED", outcome)
    assert process.reason is not None
    assert all(process.reason[lang][0] for lang in ("de", "en"))
    assert local.file("nachbardorf", process.id) is None
    assert (await towns.process("musterstadt", process.kernel.peer_pid)).shown == "TERMINATED"


async def test_a_provider_that_is_away_is_waited_for(towns: Towns, plane: Plane) -> None:
    """<< nobody there, twice >> the errand waits; then the bytes come and nothing was lost."""
    download = Download(Unavailable("peer.busy", status=503), Unavailable("peer.busy", status=503))
    plane(download)
    process = await asked(towns)
    assert (process.shown, process.outcome) == ("STARTED", None)
    await towns.hurry()
    await towns.hurry()
    process = await towns.process("nachbardorf", process.id)
    assert (process.shown, process.outcome, len(download.asked)) == ("COMPLETED", "received", 3)


HELD = Refusal("dataplane.peer-holds", {"de": ["Ausgesetzt."], "en": ["Suspended."]})


async def test_data_that_are_held_are_waited_for_but_not_for_ever(towns: Towns, plane: Plane) -> None:
    """<< held, and no suspension comes >> the half file stays and the errand comes again; after three days it ends,
    with the sentence of the provider, and nothing stays."""
    local = plane(Download(*[HELD] * 4))
    process = await asked(towns)
    half = local.place(process.participant, process.id) / "baeume.csv.part"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"a;b")
    for _ in range(2):
        await towns.hurry()
        process = await towns.process("nachbardorf", process.id)
        assert (process.shown, process.outcome, half.exists()) == ("STARTED", None, True)

    def age(tx: Tx) -> None:
        tx.run("UPDATE outbox SET created_at = created_at - :ms WHERE kind = 'pull'", ms=PATIENCE_MS + 1)

    await towns.db.write("nachbardorf", age)
    await towns.hurry()
    process = await towns.process("nachbardorf", process.id)
    assert (process.shown, process.outcome, process.reason) == ("TERMINATED", "refused", HELD.reasons)
    assert not half.parent.exists()


async def test_a_suspension_that_comes_meanwhile_lets_the_errand_rest(towns: Towns, plane: Plane) -> None:
    """<< held >> the errand is done once the suspension is here; resumed, another one fetches everything."""
    download = Download()
    local = plane(download)

    async def held(client: object, address: Address, sink: FileSink, expected: str | None) -> Received:
        theirs = await towns.process("musterstadt", (await towns.process("nachbardorf", asked_for.id)).kernel.peer_pid)
        why = {"de": ["Pause."], "en": ["Break."]}
        await towns.db.write("musterstadt", towns.transfers.suspend, "musterstadt", theirs.id, "operator", why)
        await towns.run(1)
        raise HELD

    agreement = await towns.concluded("nachbardorf", "musterstadt")
    asked_for = await towns.fetch("nachbardorf", "musterstadt", agreement)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pull_errand, "pull", held)
        await towns.run()
    process = await towns.process("nachbardorf", asked_for.id)
    left = "SELECT kind FROM outbox WHERE participant = :participant AND done_at IS NULL"
    assert (process.shown, process.outcome, await towns.rows("nachbardorf", left)) == ("SUSPENDED", None, [])
    theirs = await towns.process("musterstadt", process.kernel.peer_pid)
    await towns.db.write("musterstadt", towns.transfers.resume, "musterstadt", theirs.id)
    await towns.run()
    process = await towns.process("nachbardorf", process.id)
    assert (process.shown, process.outcome, len(download.asked)) == ("COMPLETED", "received", 1)
    assert local.file("nachbardorf", process.id) is not None


class Gate(Download):
    """Says what the gate of `flow`, the provider's, says while it rests."""

    def __init__(self, towns: Towns, *outcomes: HanseError) -> None:
        super().__init__(*outcomes)
        self._towns, self.flow = towns, ""

    async def __call__(self, client: object, address: Address, sink: FileSink, expected: str | None) -> Received:
        flow = await self._towns.db.read("musterstadt", flows.find, "musterstadt", self.flow)
        if flow is not None and flow.state == "SUSPENDED":
            raise HELD
        return await super().__call__(client, address, sink, expected)


async def struck_off(towns: Towns, plane: Plane) -> TransferRow:
    """The consumer is off the list and has read that before the provider said so: it answers 401 to the suspension."""
    gate = Gate(towns, Unavailable("peer.busy", status=503))
    plane(gate)
    process = await asked(towns)
    gate.flow = str(process.kernel.peer_pid)
    did = towns.did("nachbardorf")
    del towns.requesters[did]
    towns.wire.answers = [Answer(401, {}, b"")] * (TRIES_4XX + 2)
    await towns.db.write("musterstadt", towns.enforcement.members_changed, "musterstadt", {did})
    await towns.tick()
    for _ in range(TRIES_4XX + 1):
        await towns.hurry()
        told = [await towns.process("nachbardorf", process.id), await towns.process("musterstadt", gate.flow)]
        assert [(one.shown, one.held) for one in told] == [("STARTED", None), ("SUSPENDED", "policy")]
    assert towns.wire.answers == []
    return process


async def listed_again(towns: Towns) -> None:
    """As both sides read it."""
    did = towns.did("nachbardorf")
    towns.requesters[did] = Requester(did=did, kind=MUNICIPALITY)
    await towns.db.write("nachbardorf", towns.enforcement.members_changed, "nachbardorf", None)
    await towns.db.write("musterstadt", towns.enforcement.members_changed, "musterstadt", {did})


@pytest.mark.on_both
async def test_who_hears_first_that_it_is_out_loses_no_delivery(towns: Towns, plane: Plane) -> None:
    """>> struck off, and 401 to the suspension, however often << held, and nobody ends it >> listed again on both sides
    << the rest comes."""
    process = await struck_off(towns, plane)
    await listed_again(towns)
    for _ in range(3):
        await towns.tick()
        await towns.hurry()
    process = await towns.process("nachbardorf", process.id)
    assert (process.shown, process.outcome) == ("COMPLETED", "received")
    assert (await towns.process("musterstadt", str(process.kernel.peer_pid))).shown == "COMPLETED"


@pytest.mark.on_both
async def test_bug_data_went_on_minutes_after_a_long_suspension(towns: Towns, plane: Plane) -> None:
    """>> struck off for so long that suspension and errand are tried seldom >> listed again on both sides << all of it
    is tried at once, and the rest comes without waiting for anything."""
    process = await struck_off(towns, plane)
    await listed_again(towns)
    for _ in range(3):
        await towns.tick()
    process = await towns.process("nachbardorf", process.id)
    assert (process.shown, process.outcome) == ("COMPLETED", "received")


@pytest.mark.on_both
async def test_nothing_is_fetched_for_a_transfer_that_has_ended(towns: Towns, plane: Plane) -> None:
    """>> terminate while the errand waits << the errand is done without a download."""
    download = Download(Unavailable("peer.busy", status=503))
    plane(download)
    process = await asked(towns)
    reason = {"de": ["Genug."], "en": ["Enough."]}
    await towns.db.write("nachbardorf", towns.transfers.terminate, "nachbardorf", process.id, "operator", reason)
    await towns.hurry()
    assert len(download.asked) == 1
    left = await towns.rows(
        "nachbardorf", "SELECT kind FROM outbox WHERE participant = :participant AND done_at IS NULL"
    )
    assert left == []


async def test_a_resumption_while_the_errand_rests_is_not_lost(
    towns: Towns, plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the errand finds it suspended, and it is resumed before the errand is done << the errand goes on."""
    local = plane(Download(Unavailable("peer.busy", status=503)))
    process = await asked(towns)
    slug, look = process.participant, local._flow
    why = {"de": ["Pause."], "en": ["Break."]}
    await towns.db.write(slug, towns.transfers.suspend, slug, process.id, "operator", why)
    await towns.run()
    looked: list[object] = []

    async def late(row: OutboxRow, process_id: str) -> Flow | None:
        found = await look(row, process_id)
        if not looked:
            looked.append(found)
            theirs = await towns.process("musterstadt", process.kernel.peer_pid)
            await towns.db.write("musterstadt", towns.transfers.resume, "musterstadt", theirs.id)
            await towns.run()
        return found

    monkeypatch.setattr(local, "_flow", late)
    await towns.hurry()
    assert looked == [None]
    await towns.hurry()
    process = await towns.process(slug, process.id)
    assert (process.shown, process.outcome) == ("COMPLETED", "received")


@pytest.mark.threat("T15")
async def test_no_more_is_fetched_than_was_agreed(towns: Towns, plane: Plane) -> None:
    """>> the agreement says how many bytes it is about << the provider can send no more, whatever it answers."""
    taken: list[int] = []

    class Endless(Download):
        async def __call__(self, client: object, address: Address, sink: FileSink, expected: str | None) -> Received:
            sink.open()
            try:
                while True:
                    sink.write(b"x")
                    taken.append(sink.size)
            finally:
                sink.close()

    plane(Endless())
    process = await asked(towns)
    assert (process.shown, process.outcome) == ("TERMINATED", "broken")
    assert len(taken) == 8


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..", "a/b.csv", "C:\\x.csv"])
async def test_a_providers_file_name_stays_in_the_folder(towns: Towns, plane: Plane, name: str) -> None:
    """<< an agreed name that is a path >> one file, directly in the transfer's folder."""
    local = plane(Download())
    towns.file_name = name
    process = await asked(towns)
    if process.outcome is None:
        pytest.fail("not received")
    file = local.file("nachbardorf", process.id)
    assert file is not None
    assert file.parent == local.place("nachbardorf", process.id)
    assert file.resolve() == file


async def test_folders_of_participants_and_transfers_are_apart(towns: Towns, plane: Plane) -> None:
    local = plane(Download())
    places = {local.place(slug, f"urn:uuid:{n}") for slug in ("musterstadt", "nachbardorf") for n in (1, 2)}
    assert len(places) == 4
    assert local.file("musterstadt", "urn:uuid:1") is None
