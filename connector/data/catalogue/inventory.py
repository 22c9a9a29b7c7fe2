"""What a member may see now, as ids and hashes: it then fetches what differs (spec/metadata-federation.md 1).

Decided anew for each request, by the same rule as the pages, because who sees what changes with time and groups without
anything being written. A listing is kept for whom exactly the same is visible, and for nobody else (threat T24). What
everybody may read is listed too, offered or not: own datasets, and imported ones, which are read again only when an
import has changed something.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Final

import msgspec
from msgspec.structs import replace

from connector.data.catalogue import dcat, store
from connector.data.catalogue.model import Shown
from connector.data.catalogue.search.cursor import START, Place
from connector.data.catalogue.search.filters import EVERYTHING
from connector.data.catalogue.snapshots.supply import Imported
from connector.data.catalogue.visibility import Viewer
from connector.foundation.errors import Unknown
from connector.foundation.storage.database import Tx
from connector.identity.participants import lifecycle
from connector.identity.participants.service import Participants
from connector.kernel.metadata.record.model import DatasetRecord
from connector.kernel.policy.engine import PolicyEngine, Requester
from connector.kernel.protocol.shape import LONGEST_ID

PAGE: Final = 1_000
ASKED: Final = 100
"""Entries that are asked for at once."""
ANSWER_BYTES: Final = 512 << 10
"""An answer with entries ends where this is passed; whoever misses one asks again for the rest. Small enough for a town
whose line takes a megabit a second and a peer that waits eight seconds."""
EXAMINED: Final = 5_000
"""Datasets looked at in one transaction."""
MOST: Final = 200_000
"""Datasets that an inventory holds."""
MOST_RULES: Final = 2_000
"""Different rules for the eligible of one participant that are judged for one request."""
BATCH: Final = 512
KEPT_BYTES: Final = 64 << 20


class InventoryEntry(msgspec.Struct, frozen=True):
    """`sha256` (hex) covers the bytes of the entry as `Inventories.entries` gives them to the same requester."""

    id: str
    sha256: str


class Inventory(msgspec.Struct, frozen=True):
    """All that one requester may see: ids in ascending order, and their hashes. `digest` stands for the whole of it."""

    digest: str
    ids: tuple[str, ...]
    hashes: tuple[bytes, ...]

    def after(self, name: str) -> tuple[list[InventoryEntry], bool]:
        """The page of those whose id is greater, and whether there are more."""
        start = bisect_right(self.ids, name)
        page = zip(self.ids[start : start + PAGE], self.hashes[start : start + PAGE], strict=True)
        return [InventoryEntry(one, told.hex()) for one, told in page], start + PAGE < len(self.ids)


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """An inventory in the making: `permitted` are the digests of rules that let this requester see their offers.

    `imports` is the state of what was imported, None where nothing is public because the participant leaves. `found`
    are own datasets, then `imported` all others, read up to `behind`.
    """

    slug: str
    version: int
    permitted: frozenset[str]
    imports: str | None
    place: Place = START
    found: tuple[tuple[str, bytes], ...] = ()
    listed: bool = False
    """Whether all own datasets were looked through."""
    behind: str = ""
    imported: tuple[tuple[str, bytes], ...] = ()
    over: bool = False
    steady: bool = True
    """Whether nothing was changed here while it was looked through."""

    @property
    def public(self) -> bool:
        return self.imports is not None

    @property
    def key(self) -> bytes:
        """The same for all who see the same."""
        seen = (self.slug, self.version, sorted(self.permitted), self.imports)
        return sha256(msgspec.json.encode(seen)).digest()

    @property
    def imports_key(self) -> bytes:
        """The same for all, whoever asks, until something is imported."""
        return sha256(msgspec.json.encode((self.slug, "imported", self.imports))).digest()


def digest(entries: Iterable[tuple[str, bytes]]) -> str:
    """SHA-256 (hex) of the lines `id hash`, each with a line feed, ascending (spec/metadata-federation.md 1.2)."""
    whole = sha256()
    for name, told in entries:
        whole.update(f"{name} {told.hex()}\n".encode())
    return whole.hexdigest()


class Inventories:
    """Of all participants. Those made are kept in memory, the least used forgotten first."""

    def __init__(self, participants: Participants, engine: PolicyEngine, imported: Imported) -> None:
        self._participants, self._engine, self._imported = participants, engine, imported
        self._kept: OrderedDict[bytes, Inventory] = OrderedDict()
        self._bytes = 0

    def begin(self, tx: Tx, slug: str, requester: Requester) -> Survey:
        """What decides over the whole of it at this moment; raises Unknown for more rules than are judged at once."""
        rules = store.eligible(tx, slug, MOST_RULES + 1)
        if len(rules) > MOST_RULES:
            raise Unknown("catalogue.inventory-large", most=MOST_RULES)
        viewer = Viewer(self._engine, requester, tx.now)
        permitted = frozenset(rule.digest for rule in viewer.visible(rules))
        version, imports = self._state(tx, slug)
        return Survey(slug=slug, version=version, permitted=permitted, imports=imports)

    def _state(self, tx: Tx, slug: str) -> tuple[int, str | None]:
        """Of own datasets, and of what was imported."""
        public = lifecycle.is_active(tx, slug)
        return store.version(tx, slug), self._imported.state(tx, slug) if public else None

    def known(self, survey: Survey) -> Inventory | None:
        """The one that was made already, if there is one."""
        kept = self._kept.get(survey.key)
        if kept is not None:
            self._kept.move_to_end(survey.key)
        return kept

    def go_on(self, tx: Tx, survey: Survey) -> Survey:
        """A further round; raises Unknown once there is more than an inventory may hold."""
        survey = self._imports(tx, survey) if survey.listed else self._own(tx, survey)
        if len(survey.found) + len(survey.imported) > MOST:
            raise Unknown("catalogue.inventory-large", most=MOST)
        steady = survey.steady and self._state(tx, survey.slug) == (survey.version, survey.imports)
        return replace(survey, steady=steady)

    def _own(self, tx: Tx, survey: Survey) -> Survey:
        """With the next own datasets; with the imported ones too, if these were the last and those are known."""
        common = dcat.common(self._participants.current(tx, survey.slug))
        place, found, budget, over = survey.place, list(survey.found), EXAMINED, False
        while budget > 0 and not over:
            size = min(BATCH, budget)
            batch = store.shelf(tx, survey.slug, place, False, None, EVERYTHING, size)
            seen = [_seen(one, survey.permitted) for one in batch]
            found += [_listed(common, one) for one in seen if _there(one, survey.public)]
            budget -= len(batch)
            over = len(batch) < size
            place = batch[-1].place if batch else place
        survey = replace(survey, place=place, found=tuple(found), listed=over, over=over and not survey.imports)
        known = self._kept.get(survey.imports_key) if over else None
        if known is None:
            return survey
        return replace(survey, imported=tuple(zip(known.ids, known.hashes, strict=True)), over=True)

    def _imports(self, tx: Tx, survey: Survey) -> Survey:
        found, behind, budget, over = list(survey.imported), survey.behind, EXAMINED, False
        while budget > 0 and not over:
            size = min(BATCH, budget)
            batch = self._imported.records(tx, survey.slug, behind, size)
            found += [(iri, sha256(_imported_document(iri, one)).digest()) for iri, one in batch if _nameable(iri)]
            budget -= len(batch)
            over = len(batch) < size
            behind = batch[-1][0] if batch else behind
        return replace(survey, imported=tuple(found), behind=behind, over=over)

    def finish(self, survey: Survey) -> Inventory:
        """Call it after the rounds, in the event loop: what is kept must never be taken back."""
        made = _inventory({**dict(survey.imported), **dict(survey.found)})
        if survey.steady:
            if survey.imported:
                self._keep(survey.imports_key, _inventory(dict(survey.imported)))
            self._keep(survey.key, made)
        return made

    def _keep(self, key: bytes, made: Inventory) -> None:
        if key not in self._kept:
            self._kept[key] = made
            self._bytes += _size(made)
        self._kept.move_to_end(key)
        while self._bytes > KEPT_BYTES:
            self._bytes -= _size(self._kept.popitem(last=False)[1])

    def entries(self, tx: Tx, slug: str, requester: Requester, names: Sequence[str]) -> list[bytes]:
        """Those of the datasets that this requester may see now, in the order in which they are named.

        As many as fit into an answer, but one at least; the bytes are what the hash of an inventory covers.
        """
        wanted = list(dict.fromkeys(names))
        viewer, public = Viewer(self._engine, requester, tx.now), lifecycle.is_active(tx, slug)
        common = dcat.common(self._participants.current(tx, slug))
        seen = [replace(one, offers=viewer.visible(one.offers)) for one in store.shown(tx, slug, wanted)]
        there = {one.id: one for one in seen if _there(one, public)}
        found, size = list[bytes](), 0
        for name in wanted:
            entry = _document(common, there[name]) if name in there else None
            record = self._imported.record(tx, slug, name) if entry is None and public else None
            if record is not None:
                entry = _imported_document(name, record)
            if entry is None:
                continue
            size += len(entry)
            if found and size > ANSWER_BYTES:
                break
            found.append(entry)
        return found


def _seen(shown: Shown, permitted: frozenset[str]) -> Shown:
    if shown.everyone:
        return shown
    offers = tuple(one for one in shown.offers if one.visibility == "members" or one.digest in permitted)
    return replace(shown, offers=offers)


def _there(shown: Shown, public: bool) -> bool:
    """Whether it is there for somebody who may see these offers of it; `public`: whether anything is for everybody."""
    return bool(shown.offers) or (shown.public and public)


def _nameable(iri: str) -> bool:
    """Whether its entry could be asked for."""
    return len(iri) <= LONGEST_ID and iri.isprintable()


def _listed(common: dcat.Common, shown: Shown) -> tuple[str, bytes]:
    return shown.id, sha256(_document(common, shown)).digest()


def _document(common: dcat.Common, shown: Shown) -> bytes:
    return dcat.root(dcat.dsp_dataset(common, shown))


def _imported_document(iri: str, record: DatasetRecord) -> bytes:
    return dcat.root(dcat.public_dataset(iri, record))


def _inventory(entries: Mapping[str, bytes]) -> Inventory:
    names = sorted(entries)
    hashes = tuple(entries[name] for name in names)
    return Inventory(digest(zip(names, hashes, strict=True)), tuple(names), hashes)


def _size(inventory: Inventory) -> int:
    """About what it takes in memory."""
    return 1024 + sum(140 + len(name) for name in inventory.ids)
