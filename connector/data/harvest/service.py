"""Takes a foreign catalogue in: reads, repairs, asks, and publishes what conforms, all in one transaction at the end.

Killed in the middle, a run leaves nothing half published and is simply started again. What a delivery does not hold any
more is removed only if the delivery was complete and has not shrunk by more than a tenth; else people are asked
(spec/metadata-import.md 1.6, threat T78).
"""

import asyncio
import concurrent.futures
import contextlib
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec
import structlog
from pyoxigraph import RdfFormat, Triple, parse

from connector.data.harvest import publish, store, waiting
from connector.data.harvest.derive import Context, derived, divided, of_datasets
from connector.data.harvest.fetch import Fetcher
from connector.data.harvest.model import (
    KEEP,
    REMOVE,
    SHRUNKEN,
    Answer,
    AnswerOutcome,
    DatasetQuestion,
    Delivery,
    PublishedDataset,
    Question,
    Repair,
    Report,
    Run,
    Source,
)
from connector.foundation.errors import HanseError, Mistake, PeerError, Unavailable, Unknown
from connector.foundation.fair_turns import FairTurns
from connector.foundation.ids import new_uuid
from connector.foundation.storage.database import Database, Tx, by_itself, lasting
from connector.identity.participants.lifecycle import require_active
from connector.identity.participants.service import Participants
from connector.kernel.metadata.lists.code_lists import CodeLists
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import DCAT
from connector.kernel.metadata.rdf.reading import read_async
from connector.kernel.metadata.rdf.writing import n_triple as written
from connector.kernel.metadata.repair import questions, rules

log = structlog.get_logger("harvest")
TOUCH_S = 0.5
BEAT_S = 10.0
STALE_MS = 60_000
"""After this long without a word a run that is not over counts as interrupted."""
SHOWN = 1_000
"""Datasets that are named with a question, and repairs that are shown."""
MOST_DATASETS = 100_000
"""Datasets of one delivery: they are written in one transaction, for which all other writers wait."""
PROPOSED = 200
"""Questions with a proposal: to find what is near takes up to forty milliseconds each."""
T = TypeVar("T")
Deliver = Callable[[], Awaitable[Delivery]]
_THREADS = ThreadPoolExecutor(max_workers=1, thread_name_prefix="harvest")
_ENDED = frozenset({"api.no-token", "api.key-scope"})
"""How the door refuses whoever may not any more; of a run its own words say that."""


class Harvest:
    """Imports of all participants of this process; none ever sees another's."""

    def __init__(
        self,
        db: Database,
        participants: Participants,
        fetcher: Fetcher,
        lists: Callable[[], CodeLists],
        people: waiting.People,
    ) -> None:
        self._db, self._participants, self._fetcher, self._lists = db, participants, fetcher, lists
        self._people = people
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._busy: set[str] = set()
        self._turns = FairTurns(1)
        self._over = threading.Event()

    # Runs

    async def start(
        self, slug: str, content: bytes, *, name: str, media_type: str | None, source: str | None, wait: bool = False
    ) -> str:
        """Begins to take in a document; the id of the run. Raises Mistake `harvest.busy` while one is going on.

        `wait`: new records of its source wait for a person from now on.
        """

        async def deliver() -> Delivery:
            reading = await read_async(content, name=name, media_type=media_type)
            return Delivery(location=name, triples=reading.triples, complete=reading.whole, remarks=reading.remarks)

        return await self._begin(slug, name, deliver, source, wait)

    async def start_url(self, slug: str, url: str, *, source: str | None, wait: bool = False) -> str:
        """The same for an address: a document, pages of Hydra, or CKAN's API."""
        if not self._fetcher.calls(url):
            raise Mistake("harvest.address", url=url[:200])
        return await self._begin(slug, url, lambda: self._fetcher.fetch(url), source, wait)

    async def run(self, slug: str, run_id: str) -> Run:
        """How it stands; one that says nothing any more was interrupted, and nothing of it is published."""
        found = await self._db.read(slug, store.run, slug, run_id)
        if found is None:
            raise Unknown("harvest.no-run", id=run_id[:80])
        over = found.phase in {"done", "failed"}
        now = await self._db.read(slug, _now)
        if not over and run_id not in self._tasks and now - found.touched_at > STALE_MS:
            return msgspec.structs.replace(found, phase="failed", error="harvest.interrupted")
        return found

    async def stop(self) -> None:
        """What is on its way is given up; the next run begins anew."""
        self._over.set()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _begin(self, slug: str, location: str, deliver: Deliver, source: str | None, wait: bool) -> str:
        hosted = await self._participants.get(slug)
        if slug in self._busy:
            raise Mistake("harvest.busy")
        run_id = new_uuid()

        def begin(tx: Tx) -> None:
            require_active(tx, slug)
            store.begin_run(tx, slug, run_id, location[:1_000])

        self._busy.add(slug)
        try:
            await self._db.write(slug, begin)
        except BaseException:
            self._busy.discard(slug)
            raise
        work = self._run(slug, hosted.participant.root, run_id, deliver, source, wait)
        task = asyncio.create_task(work, name=f"harvest {run_id}", context=lasting())
        self._tasks[run_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(run_id, None))
        return run_id

    async def _run(self, slug: str, root: str, run_id: str, deliver: Deliver, source: str | None, wait: bool) -> None:
        report, error = None, ""
        beats = asyncio.create_task(self._beat(slug, run_id))
        try:
            delivery = await deliver()
            report = await self.import_delivery(slug, root, delivery, source=source, run_id=run_id, wait=wait)
        except HanseError as refused:
            log.warning("harvest.refused", participant=slug, why=str(refused))
            facts = {key: value if isinstance(value, int) else str(value)[:300] for key, value in refused.facts.items()}
            code = "harvest.right-ended" if refused.code in _ENDED else refused.code
            error = json.dumps({"code": code, "facts": facts})
        except Exception:
            # The outermost edge of a run.
            log.exception("harvest.defect", participant=slug)
            error = json.dumps({"code": "harvest.defect", "facts": {}})
        finally:
            beats.cancel()
            self._busy.discard(slug)
        with by_itself():  # that it failed, too, if whoever began it may not any more
            await self._db.write(slug, store.end_run, slug, run_id, report, error)

    async def _beat(self, slug: str, run_id: str) -> None:
        """Says again and again that the run goes on: reading and pages take longer than others wait for a word."""
        while True:
            await asyncio.sleep(BEAT_S)
            with contextlib.suppress(HanseError):
                await self._db.write(slug, store.beat_run, slug, run_id)

    # Taking in

    async def import_delivery(
        self,
        slug: str,
        root: str,
        delivery: Delivery,
        *,
        source: str | None = None,
        run_id: str = "",
        wait: bool = False,
    ) -> Report:
        """One delivery, from triples to what is published."""
        known = await self._db.read(slug, store.standing, slug)
        every = await self._db.read(slug, store.sources, slug)
        graph = await self._aside(slug, Graph, delivery.triples)
        if len(graph.instances(DCAT.Dataset)) > MOST_DATASETS:
            raise PeerError("harvest.many-datasets", most=MOST_DATASETS)
        elsewhere = {iri: at for iri, (at, _) in known.items()}
        chosen = publish.chosen(every, delivery, graph, elsewhere, source)
        answers = await self._db.read(slug, store.answers, slug, chosen.id)
        return await self._repair_and_publish(
            slug, root, chosen, delivery, graph, answers, chosen.undone, run_id, wait=wait
        )

    async def _again(self, slug: str, source: Source, undone: frozenset[str], also: Sequence[Answer] = ()) -> Report:
        """Repairs what is kept anew: an answer was given, a rule undone."""
        hosted = await self._participants.get(slug)
        compressed = await self._db.read(slug, store.original, slug, source.id)
        triples = await self._aside(slug, lambda: _parsed(store.whole(compressed)))
        answers = dict(await self._db.read(slug, store.answers, slug, source.id))
        answers |= {(one.kind, one.value, one.dataset): one.answer for one in also}
        delivery = Delivery(location=source.location, triples=triples, complete=False)
        graph = await self._aside(slug, Graph, triples)
        return await self._repair_and_publish(
            slug, hosted.participant.root, source, delivery, graph, answers, undone, "", also, original=False
        )

    async def _repair_and_publish(
        self,
        slug: str,
        root: str,
        source: Source,
        delivery: Delivery,
        graph: Graph,
        answers: Mapping[tuple[str, str, str], str],
        undone: frozenset[str],
        run_id: str,
        also: Sequence[Answer] = (),
        *,
        original: bool = True,
        wait: bool = False,
    ) -> Report:
        known = await self._db.read(slug, store.standing, slug)
        before = {iri: one for iri, (at, one) in known.items() if at == source.id}
        others = [iri for iri, (at, one) in known.items() if at != source.id and one.state != "aside"]
        lists = self._lists()
        loop = asyncio.get_running_loop()
        pace = self._pace(loop, slug, run_id)

        found, aside = await self._aside(slug, divided, graph, lists, root, others)
        if not original:  # nothing comes or goes by an answer, but what the original of before holds of what is gone
            found = [one for one in found if one.iri in before]
        here, moved = frozenset(one.iri for one in found), publish.moved_from(found, before)
        elsewhere = frozenset([*(one.iri for one in aside), *moved.values()])
        answers = publish.answers_moved(answers, moved)
        gone = publish.gone(before, here, elsewhere, complete=delivery.complete) if original else publish.Gone()
        kept = await self._db.read(slug, store.original, slug, source.id) if original and gone.stays else []

        def prepare() -> publish.PreparedRun:
            context = Context(graph, found, lists, answers, undone)
            imported = list(derived(context, found, before, lambda done, total: pace("repairing", done, total)))
            stay = of_datasets(_parsed(store.whole(kept)), lists, frozenset(gone.stays)) if kept else []
            return publish.PreparedRun(
                source=source,
                delivery=delivery,
                found=here,
                imported=imported,
                aside=aside,
                before=before,
                moved=moved,
                gone=gone,
                undone=undone,
                opens=publish.opened(imported, before, moved),
                wait=wait,
                parts=store.parts(_lines([*delivery.triples, *stay])) if original else [],
            )

        prepared = await self._aside(slug, prepare)
        if run_id:
            await self._db.write(slug, store.touch_run, slug, run_id, "publishing", 0, len(prepared.imported))
        report = await self._db.write(slug, publish.publish, slug, prepared, also, self._people)
        log.info("harvest.taken", participant=slug, source=source.id, datasets=report.datasets, held=report.held)
        return report

    async def _aside(self, slug: str, work: Callable[..., T], *values: object) -> T:
        """Beside the event loop: repairs are work for the processor, one at a time, and participants come in turn."""
        async with self._turns.place(slug):
            return await asyncio.get_running_loop().run_in_executor(_THREADS, lambda: work(*values))

    def _pace(self, loop: asyncio.AbstractEventLoop, slug: str, run_id: str) -> Callable[[str, int, int], None]:
        last = [0.0]

        def pace(phase: str, done: int, total: int) -> None:
            if self._over.is_set():
                raise Unavailable("harvest.interrupted")
            if not run_id or time.monotonic() - last[0] < TOUCH_S:
                return
            last[0] = time.monotonic()
            told = self._db.write(slug, store.touch_run, slug, run_id, phase, done, total)
            with contextlib.suppress(Unavailable, TimeoutError, concurrent.futures.CancelledError):
                asyncio.run_coroutine_threadsafe(told, loop).result(timeout=30)

        return pace

    # What people see and say

    async def sources(self, slug: str) -> list[tuple[Source, Mapping[str, int]]]:
        """All sources with the number of datasets in each state."""
        await self._participants.get(slug)

        def look(tx: Tx) -> list[tuple[Source, Mapping[str, int]]]:
            return waiting.sources(tx, slug)

        return await self._db.read(slug, look)

    async def original(self, slug: str, source: str | None) -> bytes:
        """Every triple of the last delivery of a source (or of all), as sorted N-Triples."""
        chosen = await self._sources(slug, source)
        texts = [await self._db.read(slug, store.original, slug, one.id) for one in chosen]
        return b"".join([await self._aside(slug, store.whole, each) for each in texts])

    async def questions(self, slug: str, source: str | None = None) -> list[tuple[str, Question]]:
        """What is open, with its source; those that hold most datasets first."""
        found: list[tuple[str, Question]] = []
        for one in await self._sources(slug, source):
            asked = await self._db.read(slug, store.open_questions, slug, one.id)
            unnamed = any(each.kind == "publisher" for each in asked)
            publishers = await self._db.read(slug, store.publishers, slug, one.id) if unnamed else []
            found += [(one.id, each) for each in await asyncio.to_thread(grouped, asked, self._lists(), publishers)]
        return sorted(found, key=lambda each: (not each[1].holds, -each[1].count, each[1].kind, each[1].value))

    async def answer(self, slug: str, given: Sequence[Answer], source: str | None = None) -> AnswerOutcome:
        """Takes answers and repairs anew what they concern. Raises Mistake for one that is none; then it takes none."""
        lists, reports, asking = self._lists(), [], set[Answer]()
        good = {each: _accepted(lists, each) for each in given}
        for one in await self._sources(slug, source):
            asked = await self._db.read(slug, store.open_questions, slug, one.id)
            said = await self._db.read(slug, store.answers, slug, one.id)
            known = await self._db.read(slug, store.standing, slug)
            here = {"", *(iri for iri, (at, _) in known.items() if at == one.id)}
            keys = {(each.kind, each.value) for each in asked}
            keys |= {(kind, value) for kind, value, _ in said if kind != SHRUNKEN}  # removes what is missing now
            concern = [each for each in given if (each.kind, each.value) in keys and each.dataset in here]
            if concern:
                asking.update(concern)
                reports.append(await self._again(slug, one, one.undone, [good[each] for each in concern]))
        if given and not reports:
            kind, value = min((each.kind, each.value) for each in given)
            raise Mistake("harvest.not-asked", kind=kind[:80], value=value[:200])
        return AnswerOutcome(reports, sum(each not in asking for each in given))

    async def repairs(self, slug: str, source: str | None = None) -> dict[str, tuple[int, list[tuple[str, Repair]]]]:
        """By rule: how often it was used, and uses of it with the dataset (the first thousand of all)."""
        found: dict[str, tuple[int, list[tuple[str, Repair]]]] = {name: (0, []) for name in rules.NAMES}
        for one in await self._sources(slug, source):
            for iri, uses in await self._db.read(slug, _repairs, slug, one.id):
                for use in uses:
                    count, shown = found.get(use.rule, (0, []))
                    if len(shown) < SHOWN:
                        shown.append((iri, use))
                    found[use.rule] = (count + 1, shown)
        return {name: each for name, each in found.items() if each[0]}

    async def undo(self, slug: str, rule: str, source: str | None = None, *, redo: bool = False) -> list[Report]:
        """Leaves a rule out from now on (or takes it up again), and repairs anew what it touched."""
        if rule not in rules.NAMES or rule in rules.FIXED:
            raise Mistake("harvest.no-rule", rule=rule[:80])
        reports = []
        for one in await self._sources(slug, source):
            undone = one.undone - {rule} if redo else one.undone | {rule}
            if undone != one.undone:
                reports.append(await self._again(slug, one, undone))
        return reports

    async def _sources(self, slug: str, source: str | None) -> list[Source]:
        await self._participants.get(slug)
        every = await self._db.read(slug, store.sources, slug)
        chosen = [one for one in every if source in (None, one.id, one.location)]
        if source is not None and not chosen:
            raise Unknown("harvest.no-source", source=source[:200])
        return chosen

    # What others serve

    def served(self, tx: Tx, slug: str, after: str = "", limit: int = 1_000) -> list[PublishedDataset]:
        """harvest service: public triples of imported datasets of a participant (iri, content hash, triples).

        Those behind the IRI `after`, in the order of their IRIs, at most `limit`. Only what conforms is among them;
        each is complete in itself, and its blank nodes are named within it: parse with `rename_blank_nodes`.
        """
        return store.served(tx, slug, after, limit)

    def served_one(self, tx: Tx, slug: str, iri: str) -> PublishedDataset | None:
        """The same of one dataset; None if it is not published."""
        return store.served_one(tx, slug, iri)

    def records(self, tx: Tx, slug: str, after: str = "", limit: int = 1_000) -> list[tuple[str, str, str]]:
        """IRI, content hash and neutral record (JSON of `DatasetRecord`) of published datasets."""
        return store.records(tx, slug, after, limit)


# Questions


def grouped(asked: Iterable[DatasetQuestion], lists: CodeLists, publishers: Sequence[str] = ()) -> list[Question]:
    """One question for each kind and value; those that most datasets ask have a proposal."""
    found: dict[tuple[str, str], list[DatasetQuestion]] = {}
    for one in asked:
        found.setdefault((one.kind, one.value), []).append(one)
    most = sorted(found, key=lambda key: -len(found[key]))[:PROPOSED]
    proposals = {key: questions.proposal(lists, questions.Question(*key), publishers) for key in most}
    return [
        Question(
            kind=kind,
            value=value,
            holds=any(one.holds for one in all),
            count=sum(bool(one.dataset) for one in all),
            datasets=tuple(one.dataset for one in all if one.dataset)[:SHOWN],
            proposal=proposals.get((kind, value), ""),
        )
        for (kind, value), all in found.items()
    ]


def _accepted(lists: CodeLists, given: Answer) -> Answer:
    if given.kind == SHRUNKEN:
        said = given.answer.strip() if given.answer.strip() in {REMOVE, KEEP} else None
    else:
        said = questions.accepted(lists, questions.Question(given.kind, given.value), given.answer)
    if said is None:
        raise Mistake("harvest.answer", answer=given.answer[:200], kind=given.kind[:80], value=given.value[:200])
    return msgspec.structs.replace(given, answer=said)


def _parsed(content: bytes) -> list[Triple]:
    return [quad.triple for quad in parse(content, format=RdfFormat.N_TRIPLES, lenient=True)]


def _lines(triples: Iterable[Triple]) -> bytes:
    """N-Triples sorted as text; IRIs that are none stand escaped."""
    return b"".join(sorted({written(triple) for triple in triples}))


def _repairs(tx: Tx, slug: str, source: str) -> list[tuple[str, tuple[Repair, ...]]]:
    return list(store.repairs(tx, slug, source))


def _now(tx: Tx) -> int:
    return tx.now
