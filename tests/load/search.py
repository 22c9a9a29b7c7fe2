"""How well and how fast a search answers: judged German queries, and 10 000 to 1 000 000 datasets.

Recall is the share of the right answers among the first ten, as typed, umlauts spelt out and left out, and with slips,
over the corpus of our own and, where they are at hand, the real catalogues; `same` is the share of queries with the
same hits in the same order on both databases. Times are of a page with 20 datasets, the queries in turn: on SQLite CPU
time, because a wall clock would measure the neighbours too, on PostgreSQL, whose work is done elsewhere, the clock.
`--quick` leaves out 100 000 and 1 000 000.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from _cities import QUICK, figure, progress
from _copies import fill_postgres, fill_sqlite

from connector.data.catalogue.search.find import SearchRequest, search
from connector.foundation.storage import Database, open_database
from connector.foundation.storage.database import Tx
from connector.foundation.storage.migrate import upgrade
from tests.conftest import _add_town as add_town
from tests.postgres import Cluster, running_cluster
from tests.testkit import judged_queries, municipal_datasets
from tests.testkit.search_quality import QUERIES, WAYS, Outcome, fill, real, recall

TURNS = 3
TOWN = "musterstadt"
Answers = dict[tuple[str, str], list[str]]


@asynccontextmanager
async def started(database: Database, towns: Sequence[str]) -> AsyncIterator[Database]:
    await database.start()
    try:
        for town in towns:
            await database.write(town, add_town)
        yield database
    finally:
        await database.close()


async def quality(database: Database, kind: str) -> Answers:
    """Recall on one database; every answer, to be compared with the other's."""
    corpora = {"own": list(municipal_datasets.datasets()), "real": real()}
    answers: Answers = {}
    async with started(database, list(corpora)) as db:
        for name, entries in corpora.items():
            await fill(db, name, entries)
        for way in WAYS:
            found = [
                await recall(db, name, name, QUERIES[name], way, [one["@id"] for one in entries])
                for name, entries in corpora.items()
                if entries
            ]
            _told(kind, way.__name__.replace("_", "-"), found)
            for outcome in found:
                answers |= outcome.answers
    return answers


def _told(kind: str, way: str, found: Sequence[Outcome]) -> None:
    """Over all queries, and of each corpus by itself."""
    queries = sum(outcome.queries for outcome in found)
    share = sum(outcome.recall * outcome.queries for outcome in found) / queries
    figure(f"search.recall-{way}-{kind}", share, f"of {queries}", goal=">= 0.9")
    for name, outcome in zip(QUERIES, found, strict=False):
        figure(f"search.recall-{way}-{kind}-{name}", outcome.recall, f"of {outcome.queries}")
        for miss in outcome.misses:
            progress(f"  {kind} {name}: {miss.query}: {miss.recall:.2f}")


async def speed(database: Database, kind: str, count: int, most: float) -> None:
    """95th percentile of a page, and of a page with counts."""
    clock = time.thread_time if kind == "sqlite" else time.perf_counter
    await database.start()
    try:
        for name, counts in (("page", False), ("page-and-counts", True)):

            def unit(tx: Tx, text: str, counts: bool = counts) -> float:
                begun = clock()
                search(tx, TOWN, SearchRequest(text=text), counts=counts)
                return (clock() - begun) * 1000

            spent = [await database.read(TOWN, unit, one.query) for _ in range(TURNS) for one in judged_queries.TOWN]
            spent.sort()
            p95, median = spent[int(len(spent) * 0.95)], spent[len(spent) // 2]
            figure(f"search.{name}-{count}-{kind}-median", median, "ms")
            figure(f"search.{name}-{count}-{kind}-p95", p95, "ms", goal=None if counts else f"<= {most:g}")
    finally:
        await database.close()


async def sqlite_speed(count: int, most: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hanse.db"
        upgrade(f"sqlite://{path}")
        async with started(open_database(f"sqlite://{path}"), [TOWN]):
            pass
        progress(f"filling {count} datasets into SQLite")
        fill_sqlite(path, TOWN, municipal_datasets.many(count))
        await speed(open_database(f"sqlite://{path}"), "sqlite", count, most)


@contextmanager
def cluster_here() -> Iterator[Cluster | None]:
    """A cluster of PostgreSQL; None where its programs are not installed."""
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        progress("PostgreSQL is absent: its figures are left out")
        yield None
        return
    with running_cluster() as cluster:
        yield cluster


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder, cluster_here() as cluster:
        upgrade(url := f"sqlite://{folder}/hanse.db")
        here = await quality(open_database(url), "sqlite")
        if cluster is not None:
            with cluster.database() as urls:
                there = await quality(open_database(urls.app, worker_url=urls.worker), "postgres")
            figure("search.same", sum(here[one] == there[one] for one in here) / len(here), "", goal=">= 1")
        await sqlite_speed(10_000, 5)
        if QUICK:
            return
        await sqlite_speed(100_000, 30)
        if cluster is not None:
            with cluster.database() as urls:
                async with started(open_database(urls.app, worker_url=urls.worker), [TOWN]):
                    pass
                progress("filling 1 000 000 datasets into PostgreSQL")
                fill_postgres(urls.admin, TOWN, municipal_datasets.many(1_000_000))
                await speed(open_database(urls.app, worker_url=urls.worker), "postgres", 1_000_000, 500)


if __name__ == "__main__":
    asyncio.run(main())
