"""What evidence costs: seals, log, proofs and a whole bundle against one ES256 verification, and sealing under load.

In process: CPU time, because a wall clock would measure the neighbours too, but for what waits for a disk. Under load:
two pairs of cities in turn, one that seals its logs every second and starts with many entries waiting, one that never
seals. `--quick` takes fewer rounds and entries; then nothing is said about sealing under load with certainty.
"""

import asyncio
import gc
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from math import comb
from pathlib import Path

import _cities
import negotiation
from _cities import QUICK, City, figure, middle, progress
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from negotiation import Deal

sys.path.insert(0, str(Path(__file__).parents[2]))

from connector.exchange.contracts.document import sealing as signing
from connector.foundation.storage import open_database
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.migrate import upgrade
from connector.identity.audit import merkle, sealer, store
from connector.identity.audit.entry import leaf_data
from connector.verify.bundle import verify_bundle
from connector.verify.formats import chain, jades
from connector.verify.report import Verdict
from tests.verify import costly
from tests.verify.forge import PROVIDER, Case, LogKey, PqLogKey, root_of

ROUNDS, TIMES = (3, 40) if QUICK else (9, 200)
ENTRIES = 5_000 if QUICK else 100_000
PAIRS, CROWD = (3, 64) if QUICK else (24, 96)
BOUND, SURE = 1.05, 0.95
NEVER_S = "1000000"
TOWN = "musterstadt"


def each(call: Callable[[], object], times: int = TIMES) -> float:
    """Median microseconds of CPU of one call."""
    spent = []
    for _ in range(times):
        begun = time.thread_time_ns()
        call()
        spent.append((time.thread_time_ns() - begun) / 1000)
    return middle(spent)


class Bench:
    """Costs by name, one value per round, each with the verification of its round."""

    def __init__(self) -> None:
        self.case = Case()
        self.case.log = self.case.new_log(PROVIDER)
        self.case.log.noise(200)
        self.case.parts = self.case.make()
        self.bundle = self.case.bundle()
        assert verify_bundle(self.bundle, self.case.roots).verdict is Verdict.PASSED
        self.tree = merkle.Tree([merkle.leaf_hash(leaf_data(b"", str(n).encode())) for n in range(ENTRIES)])
        self.keys = [LogKey(), PqLogKey()]
        self.costs: dict[str, list[float]] = {}
        key = ec.generate_private_key(ec.SECP256R1())
        public, message = key.public_key(), b"x" * 200
        signature = key.sign(message, ec.ECDSA(SHA256()))
        self.verify: Callable[[], object] = lambda: public.verify(signature, message, ec.ECDSA(SHA256()))

    def add(self, name: str, cost: float) -> None:
        self.costs.setdefault(name, []).append(cost)

    def sign(self) -> object:
        exporter = self.case.exporter
        reference = signing.Reference("https://a.example/1", self.case.parts.agreement, "application/ld+json")
        return signing.sign([reference], exporter, exporter.chain, 1_795_000_000)

    def both(self) -> None:
        """Form and signature of both seals and their chains, nothing remembered from the time before."""
        jades.read.cache_clear()
        chain._path.cache_clear()
        roots = x509.load_pem_x509_certificates(self.case.ca.pem())
        for jws in (self.case.parts.provider_jws, self.case.parts.consumer_jws):
            found = jades.read(jws or "")
            jades.check_signature(found)
            chain.check(found.chain, roots, at=found.iat)

    def whole(self) -> None:
        jades.read.cache_clear()
        chain._path.cache_clear()
        verify_bundle(self.bundle, self.case.roots)

    async def round(self) -> None:
        gc.collect()
        self.add("es256", each(self.verify, 400))
        self.add("sign", each(self.sign))
        self.add("verify-both", each(self.both))
        turns = iter(range(10**9))
        self.add("proof", each(lambda: self.tree.inclusion(next(turns) * 7919 % ENTRIES)))
        self.add("bundle", each(self.whole, max(20, TIMES // 5)))
        with tempfile.TemporaryDirectory() as folder:
            append, sealing = await logged(Path(folder), self.keys)
        self.add("append", append)
        self.add("seal", sealing)

    def tell(self) -> None:
        reference = self.costs.pop("es256")
        for name, costs in self.costs.items():
            ratios = [cost / one for cost, one in zip(costs, reference, strict=True)]
            figure(
                f"evidence.{name}",
                middle(costs),
                "us",
                reference=middle(reference),
                ratio=middle(ratios),
                spread=ratios,
            )
        figure("evidence.bundle-ms", middle(self.costs["bundle"]) / 1000, "ms", goal="<= 50")


def dearest() -> None:
    """What a stranger can make an auditor wait: of each kind of dear bundle up to ten megabytes, the seconds of CPU."""
    spent: list[float] = []
    for kind, make in costly.BUNDLES.items():
        case = Case()
        for scale in (5, 4, 1):  # a member beyond its bound costs nothing; the largest that is read does
            data = make(case, scale)
            begun = time.process_time()
            report = verify_bundle(data, case.roots)
            spent.append(time.process_time() - begun)
            progress(f"{kind}: {len(data)} bytes, {spent[-1]:.2f} s")
            if report.checks[0].verdict is Verdict.PASSED:
                break
    figure("evidence.dearest-10-mb", max(spent), "s", goal="<= 2")


async def logged(folder: Path, keys: Sequence[LogKey | PqLogKey]) -> tuple[float, float]:
    """Microseconds per entry: appended in a transaction of its own (with the disk), and sealed in batches."""
    url = f"sqlite://{folder / 'hanse.db'}"
    upgrade(url)
    db: Database = open_database(url)
    await db.start()

    def add(tx: Tx) -> None:
        store.append(tx, TOWN, "decision", None, "p-1", {"filler": "x" * 200}, did=PROVIDER)

    def town(tx: Tx) -> None:
        tx.run(
            "INSERT INTO participant (id, did, root, host, path, name, kind, operator, state, created_at)"
            " VALUES (:id, :did, :root, 'localhost', :id, :id, 'municipality', :id, 'active', 0)",
            id=TOWN,
            did=PROVIDER,
            root=root_of(PROVIDER),
        )

    def many(tx: Tx) -> None:
        for _ in range(1_000):
            add(tx)

    try:
        await db.write(TOWN, town)
        spent = []
        for _ in range(TIMES):
            begun = time.perf_counter_ns()
            await db.write(TOWN, add)
            spent.append((time.perf_counter_ns() - begun) / 1000)
        await db.write(TOWN, many)
        begun = time.process_time_ns()
        batch = await sealer.seal(db, TOWN, root_of(PROVIDER), keys)
        assert batch is not None
        return middle(spent), (time.process_time_ns() - begun) / 1000 / batch.size
    finally:
        await db.close()


def waiting(place: Path, slug: str, count: int) -> None:
    """Entries as the product would have logged them, none of them sealed yet."""
    rows = ((slug, "decision", 0, 0, os.urandom(300), os.urandom(32), os.urandom(32)) for _ in range(count))
    with closing(sqlite3.connect(place)) as database, database:
        database.executemany(
            "INSERT INTO audit_entry (participant, type, seq, at, record, salt, leaf) VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )


def unsealed(place: Path) -> int:
    with closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT count(*) FROM audit_entry WHERE leaf_index IS NULL").fetchone()[0])


async def pair(space: _cities.Cities, name: str, every_s: str) -> Deal:
    """Two cities that seal their logs so often."""
    os.environ["HANSE_WORKER__SEAL_EVERY_S"] = every_s
    try:
        return await negotiation.deal(space, name)
    finally:
        del os.environ["HANSE_WORKER__SEAL_EVERY_S"]


async def loaded(there: Deal) -> float:
    """Milliseconds of CPU of both sides per negotiation."""
    before = sum(there.cpu())
    await there.rate(CROWD)
    return (sum(there.cpu()) - before) / CROWD * 1000


async def under_load() -> None:
    async with _cities.cities() as space:
        progress("two pairs of cities, one without a sealer")
        sealing, never = await pair(space, "s", "1"), await pair(space, "n", NEVER_S)
        places: list[tuple[City, Path]] = [
            (city, city.folder / "hanse.db") for city in (sealing.provider, sealing.consumer)
        ]
        portions = max(1, ENTRIES // PAIRS // 2)
        pairs: list[tuple[float, float]] = []
        for turn in range(PAIRS):
            for city, place in places:
                await asyncio.to_thread(waiting, place, city.slug, portions)
            # In turns the other one first, so that what grows with time falls on both alike.
            order: list[Callable[[], Awaitable[float]]] = [lambda: loaded(sealing), lambda: loaded(never)]
            first, second = (0, 1) if turn % 2 == 0 else (1, 0)
            costs = {first: await order[first](), second: await order[second]()}
            pairs.append((costs[0], costs[1]))
            progress(f"pair {turn + 1}: {costs[0]:.2f} and {costs[1]:.2f} ms")
        await asyncio.sleep(3)
        left = sum(unsealed(place) for _, place in places)
    figure("evidence.sealed-under-load", portions * PAIRS * 2 - left, "entries")
    judged(pairs)


def judged(pairs: Sequence[tuple[float, float]]) -> None:
    """The median ratio with its interval; the goal is met, or nothing is claimed."""
    ratios = sorted(one / other for one, other in pairs)
    least, most = interval(ratios)
    verdict = None if len(pairs) < 20 or least <= BOUND < most else most <= BOUND
    line = {
        "name": "evidence.sealing-cpu",
        "value": round(middle([one for one, _ in pairs]), 4),
        "unit": "ms",
        "reference": round(middle([other for _, other in pairs]), 4),
        "ratio": round(middle(ratios), 3),
        "goal": f"<= {BOUND}",
        "met": verdict,
        "pairs": len(pairs),
        "least": round(least, 3),
        "most": round(most, 3),
    }
    if verdict is None:
        progress("evidence.sealing-cpu: not measurable here")
        line["note"] = "not measurable here"
    print(json.dumps(line), flush=True)


def interval(ordered: Sequence[float]) -> tuple[float, float]:
    """Where the median lies with 95 %: the narrowest pair of ranks that the binomial distribution allows."""
    count = len(ordered)
    for rank in range(count // 2, 0, -1):
        outside = 2 * sum(comb(count, below) for below in range(rank)) / 2**count
        if 1 - outside >= SURE:
            return ordered[rank - 1], ordered[count - rank]
    return ordered[0], ordered[-1]


async def main() -> None:
    bench = Bench()
    for turn in range(ROUNDS):
        progress(f"round {turn + 1}")
        await bench.round()
    bench.tell()
    dearest()
    await under_load()


if __name__ == "__main__":
    _cities.run(main)
