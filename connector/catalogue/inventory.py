"""What a member may see now, as ids and hashes: it then fetches what differs (spec/metadata-federation.md 1).

Decided anew for each request, by the same rule as the pages, because who sees what changes with time and groups without
anything being written. A listing is kept for whom exactly the same is visible, and for nobody else (threat T24).
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

import msgspec
from msgspec.structs import replace

from connector.catalogue import dcat, store
from connector.catalogue.model import Shown
from connector.catalogue.search.cursor import START, Place
from connector.catalogue.search.filters import EVERYTHING
from connector.catalogue.visibility import Viewer
from connector.errors import Unknown
from connector.participants.service import Participants
from connector.policy.engine import PolicyEngine, Requester
from connector.storage.database import Tx

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
    """An inventory in the making: `permitted` are the digests of rules that let this requester see their offers."""

    slug: str
    version: int
    permitted: frozenset[str]
    place: Place = START
    found: tuple[tuple[str, bytes], ...] = ()
    over: bool = False
    steady: bool = True
    """Whether nothing was changed here while it was looked through."""

    @property
    def key(self) -> bytes:
        """The same for all who see the same."""
        return sha256(msgspec.json.encode((self.slug, self.version, sorted(self.permitted)))).digest()


def digest(entries: Iterable[tuple[str, bytes]]) -> str:
    """SHA-256 (hex) of the lines `id hash`, each with a line feed, ascending (spec/metadata-federation.md 1.2)."""
    whole = sha256()
    for name, told in entries:
        whole.update(f"{name} {told.hex()}\n".encode())
    return whole.hexdigest()


class Inventories:
    """Of all participants. Those made are kept in memory, the least used forgotten first."""

    def __init__(self, participants: Participants, judge: PolicyEngine) -> None:
        self._participants, self._judge = participants, judge
        self._kept: OrderedDict[bytes, Inventory] = OrderedDict()
        self._bytes = 0

    def begin(self, tx: Tx, slug: str, requester: Requester) -> Survey:
        """What decides over the whole of it at this moment; raises Unknown for more rules than are judged at once."""
        rules = store.eligible(tx, slug, MOST_RULES + 1)
        if len(rules) > MOST_RULES:
            raise Unknown("catalogue.inventory-large", most=MOST_RULES)
        viewer = Viewer(self._judge, requester, tx.now)
        permitted = frozenset(rule.digest for rule in viewer.visible(rules))
        return Survey(slug=slug, version=store.version(tx, slug), permitted=permitted)

    def known(self, survey: Survey) -> Inventory | None:
        """The one that was made already, if there is one."""
        kept = self._kept.get(survey.key)
        if kept is not None:
            self._kept.move_to_end(survey.key)
        return kept

    def go_on(self, tx: Tx, survey: Survey) -> Survey:
        """A further round; raises Unknown once there is more than an inventory may hold."""
        distribution = dcat.distributions(self._participants.held(survey.slug).participant)
        place, found, budget, over = survey.place, list(survey.found), EXAMINED, False
        while budget > 0 and not over:
            size = min(BATCH, budget)
            batch = store.shelf(tx, survey.slug, place, False, None, EVERYTHING, size)
            found += [_listed(distribution, seen) for one in batch if (seen := _seen(one, survey.permitted)).offers]
            budget -= len(batch)
            over = len(batch) < size
            place = batch[-1].place if batch else place
        if len(found) > MOST:
            raise Unknown("catalogue.inventory-large", most=MOST)
        steady = survey.steady and store.version(tx, survey.slug) == survey.version
        return replace(survey, place=place, found=tuple(found), over=over, steady=steady)

    def finish(self, survey: Survey) -> Inventory:
        """Call it after the rounds, in the event loop: what is kept must never be taken back."""
        entries = sorted(survey.found)
        made = Inventory(digest(entries), tuple(name for name, _ in entries), tuple(told for _, told in entries))
        if survey.steady and survey.key not in self._kept:
            self._kept[survey.key] = made
            self._bytes += _size(made)
            while self._bytes > KEPT_BYTES:
                self._bytes -= _size(self._kept.popitem(last=False)[1])
        return made

    def entries(self, tx: Tx, slug: str, requester: Requester, names: Sequence[str]) -> list[bytes]:
        """Those of the datasets that this requester may see now, in the order in which they are named.

        As many as fit into an answer, but one at least; the bytes are what the hash of an inventory covers.
        """
        wanted = list(dict.fromkeys(names))
        viewer = Viewer(self._judge, requester, tx.now)
        distribution = dcat.distributions(self._participants.held(slug).participant)
        there = {one.id: replace(one, offers=viewer.visible(one.offers)) for one in store.shown(tx, slug, wanted)}
        found, size = list[bytes](), 0
        for name in wanted:
            one = there.get(name)
            if one is None or not one.offers:
                continue
            entry = _document(distribution, one)
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


def _listed(distribution: msgspec.Raw, shown: Shown) -> tuple[str, bytes]:
    return shown.id, sha256(_document(distribution, shown)).digest()


def _document(distribution: msgspec.Raw, shown: Shown) -> bytes:
    return dcat.root(dcat.dsp_dataset(distribution, shown))


def _size(inventory: Inventory) -> int:
    """About what it takes in memory."""
    return 1024 + sum(140 + len(name) for name in inventory.ids)
