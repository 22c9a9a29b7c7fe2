"""What becomes of a run in the end: which source it is of, what is new, changed and gone, all of it in one transaction.

What is missing is removed only if the delivery was complete and has not shrunk by more than a tenth
(spec/metadata-import.md 1.6). What would make something public, or change what is, waits for whomever rules or its
source ask for; what was public stays meanwhile (decision 0185).
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from connector.data.catalogue.describe import is_open
from connector.data.catalogue.offers import falls_under
from connector.data.harvest import store, waiting, waiting_store
from connector.data.harvest.derive import set_aside, standing_in
from connector.data.harvest.model import (
    REMOVE,
    SHRUNKEN,
    Answer,
    DatasetQuestion,
    Delivery,
    ImportedDataset,
    KnownDataset,
    Report,
    Source,
)
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Tx, long
from connector.identity.participants.lifecycle import one_after_another, require_active
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.record.model import DatasetRecord
from connector.kernel.metadata.repair.ownership import Aside, Found

SHRINK = 0.9
"""A delivery with less than this part of what was there is asked about."""
_KEPT = {"cyclic-series", "duplicate-identifier", "too-large"}
"""Reasons for which a dataset is set aside under a name of its own, so that it is kept as such."""
NAMED = 1_000
"""Datasets set aside that a report names."""


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """IRIs of datasets that are removed, or stay although they are missing.

    Of the latter those to ask about now; besides, those that are there again.
    """

    removed: tuple[str, ...] = ()
    stays: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    back: tuple[str, ...] = ()


class PreparedRun(msgspec.Struct, frozen=True, kw_only=True):
    """All that a run is about to do, computed outside of any transaction. `opens` as `opened` gives it; `wait`: whoever
    began it chose that new records of its source wait."""

    source: Source
    delivery: Delivery
    parts: Sequence[bytes]
    found: frozenset[str]
    imported: Sequence[ImportedDataset]
    aside: Sequence[Aside]
    before: Mapping[str, KnownDataset]
    moved: Mapping[str, str]
    gone: Gone
    undone: frozenset[str]
    opens: Mapping[str, str]
    wait: bool = False


def chosen(
    every: Sequence[Source], delivery: Delivery, graph: Graph, elsewhere: Mapping[str, str], wanted: str | None
) -> Source:
    """The source that this delivery is of: the one named, the one of this location, or a new one.

    A file may bear another name: then it is of the source that most of its datasets came from.
    """
    by_id = {one.id: one for one in every}
    for one in every:
        if wanted in (one.id, one.location) or (wanted is None and one.location == delivery.location):
            return one
    if wanted is None:
        iris = [str(node.value) for node in graph.subjects if node.value in elsewhere]
        counts: dict[str, int] = {}
        for iri in iris:
            counts[elsewhere[iri]] = counts.get(elsewhere[iri], 0) + 1
        best = max(counts, key=lambda at: counts[at], default="")
        if best and 2 * counts[best] > len(iris):
            return by_id[best]
    name = _name(wanted or delivery.location, by_id)
    return Source(
        id=name,
        location=delivery.location[:1_000],
        triples=0,
        undone=frozenset(),
        version=-1,
        created_at=0,
        imported_at=0,
    )


def _name(location: str, taken: Mapping[str, object]) -> str:
    """A short name for people: the host or the name of the file."""
    said = location.split("://", 1)[1].split("/")[0] if "://" in location else location.rsplit("/", 1)[-1]
    said = said.partition(":")[0].lower().removesuffix(".rdf")
    plain = "".join(c if c.isalnum() or c in "-_." else "-" for c in said).strip("-.")[:60] or "catalogue"
    names = (plain if number == 1 else f"{plain}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def moved_from(found: Sequence[Found], before: Mapping[str, KnownDataset]) -> dict[str, str]:
    """New IRI -> old IRI, of datasets that kept their identifier: identity is the IRI, then the identifier."""
    here = {one.iri for one in found}
    gone = {one.identifier: iri for iri, one in before.items() if one.identifier and iri not in here}
    return {one.iri: gone[one.identifier] for one in found if one.iri not in before and one.identifier in gone}


def answers_moved(
    answers: Mapping[tuple[str, str, str], str], moved: Mapping[str, str]
) -> Mapping[tuple[str, str, str], str]:
    """What was said of a dataset under its old IRI counts under the new one, too."""
    now = {was: iri for iri, was in moved.items()}
    carried = {(kind, value, now[of]): said for (kind, value, of), said in answers.items() if of in now}
    return {**carried, **answers}


def gone(before: Mapping[str, KnownDataset], found: frozenset[str], others: frozenset[str], *, complete: bool) -> Gone:
    """What becomes of the datasets that are not in a delivery. `others`: set aside, or here under another IRI."""
    absent = [iri for iri in before if iri not in found and iri not in others]
    back = tuple(iri for iri, one in before.items() if one.missing and iri in found)
    fresh = [iri for iri in absent if not before[iri].missing]
    present = sum(not one.missing for one in before.values())
    shrunk = bool(fresh) and (not found or present - len(fresh) < SHRINK * present)
    removed = tuple(fresh) if complete and not shrunk else ()
    stays = tuple(iri for iri in absent if iri not in removed)
    return Gone(removed=removed, stays=stays, asked=tuple(fresh) if complete and shrunk else (), back=back)


def opened(
    imported: Iterable[ImportedDataset], before: Mapping[str, KnownDataset], moved: Mapping[str, str]
) -> Mapping[str, str]:
    """By IRI: the template under which falls what others would see by this run and do not see now.

    An answer, a rule undone and a dataset that comes back open as a delivery does.
    """
    fresh = (one for one in imported if one.state == "published" and not _stands(one, before, moved))
    records = ((one.iri, msgspec.json.decode(one.record, type=DatasetRecord)) for one in fresh)
    return {iri: falls_under("", "open" if is_open(record) else "") for iri, record in records}


def _stands(one: ImportedDataset, before: Mapping[str, KnownDataset], moved: Mapping[str, str]) -> bool:
    """Whether it is kept just so already."""
    was = before.get(moved.get(one.iri, one.iri))
    return was is not None and (was.state, was.sha256, was.iri) == (one.state, one.sha256, one.iri)


@long
def publish(tx: Tx, slug: str, prepared: PreparedRun, also: Sequence[Answer], people: waiting.People) -> Report:
    """Everything at once, or nothing; what others have to agree to waits for them. Before or after a yes, never with
    one: both write what waits."""
    one_after_another(tx, slug)
    require_active(tx, slug)
    source = prepared.source
    if source.version < 0:
        store.add_source(tx, slug, source.id, source.location)
        source = msgspec.structs.replace(source, version=0)
    if _taken_meanwhile(tx, slug, prepared):
        raise Mistake("harvest.busy")
    delivery = prepared.delivery
    size = len(delivery.triples)
    if not store.move_on(tx, slug, source, location=delivery.location[:1_000], triples=size, undone=prepared.undone):
        raise Mistake("harvest.busy")
    if prepared.parts or prepared.source.version < 0:
        store.keep_original(tx, slug, source.id, prepared.parts)
    for answer in also:
        store.keep_answer(tx, slug, source.id, answer)
    were = {(one.kind, one.value) for one in store.open_questions(tx, slug, source.id)}
    if prepared.wait:
        people.wait(tx, slug, source.id)
    wait = waiting.known(tx, slug, source.id).wait_since > 0
    asks = {one: wait or people.asks(tx, slug, one) for one in set(prepared.opens.values())}
    held_back = {iri: template for iri, template in prepared.opens.items() if asks[template]}
    counts = _keep(tx, slug, source.id, prepared, held_back)
    counts["removed"], counts["missing"] = _difference(tx, slug, source.id, prepared, also)
    found, asked = waiting.settle(tx, slug, source.id, people)
    report = _report(tx, slug, source.id, prepared, counts, were)
    return msgspec.structs.replace(
        report, waiting=found.count, approval=asked.approval if found.count else "", refused=asked.refused, wait=wait
    )


def _taken_meanwhile(tx: Tx, slug: str, prepared: PreparedRun) -> bool:
    """Whether another source, by another replica, has brought one of these datasets since they were looked at."""
    standing = store.standing(tx, slug)
    owners = (standing.get(one.iri) for one in prepared.imported)
    return any(owner is not None and owner[0] != prepared.source.id and owner[1].state != "aside" for owner in owners)


def _keep(tx: Tx, slug: str, source: str, prepared: PreparedRun, held_back: Mapping[str, str]) -> dict[str, int]:
    """What came; how much of it is new, changed, went out, or waits since now. `held_back`: the template of what others
    have to agree to, by IRI."""
    counts = dict.fromkeys(("new", "changed", "released", "fresh"), 0)
    wait = set[str]()
    for one in prepared.imported:
        was = prepared.before.get(prepared.moved.get(one.iri, one.iri))
        if one.iri in held_back:
            kept, differs = _hold_back(tx, slug, source, one, was, held_back[one.iri])
            wait.add(kept)
            counts["fresh"] += differs
        else:
            differs = not _stands(one, prepared.before, prepared.moved)
            store.keep_dataset(tx, slug, source, one, changed=differs, was="" if was is None else was.iri)
            if one.state != "published":
                store.note_hand(tx, slug, one.iri)
            counts["released"] += one.iri in prepared.opens
        counts["new"] += was is None
        counts["changed"] += was is not None and differs
    _forget_waiting(tx, slug, source, prepared, wait)
    for aside in prepared.aside:
        taken, one = prepared.before.get(aside.iri), set_aside(aside)
        if aside.reason in _KEPT and (taken is None or taken.digest != one.digest):
            store.keep_dataset(tx, slug, source, one, changed=True)
    return counts


def _hold_back(
    tx: Tx, slug: str, source: str, one: ImportedDataset, was: KnownDataset | None, template: str
) -> tuple[str, bool]:
    """Under which IRI it is kept meanwhile, and whether it is another than waited until now.

    What is public stays so, with the words it has; of anything else stands that it was there.
    """
    kept = one.iri
    if was is not None and was.state == "published":
        kept = was.iri
    else:
        if was is not None and was.iri != one.iri:
            waiting_store.drop(tx, slug, was.iri)
        store.keep_dataset(tx, slug, source, standing_in(one), changed=was is None, was="" if was is None else was.iri)
    differs = waiting_store.keep(tx, slug, source, kept, template, one)
    if differs:  # whoever delivers the same again has no hand in it
        store.note_hand(tx, slug, kept)
    return kept, differs


def _forget_waiting(tx: Tx, slug: str, source: str, prepared: PreparedRun, wait: set[str]) -> None:
    """What was delivered and does not wait any more: it went out, is as it was, cannot go out, or waits elsewhere."""
    here = {prepared.moved.get(iri, iri) for iri in prepared.found} | prepared.found
    here |= {one.iri for one in prepared.aside}
    for kept, iri, *_ in waiting_store.marks(tx, slug, source):
        if (kept in here or iri in here) and kept not in wait:
            waiting_store.drop(tx, slug, kept)
            store.forget_hands(tx, slug, kept)


def _difference(tx: Tx, slug: str, source: str, prepared: PreparedRun, also: Sequence[Answer]) -> tuple[int, int]:
    """Does what was decided; how many were removed, and how many are missing and stay."""
    said = next((one.answer for one in also if one.kind == SHRUNKEN), "")
    if said:
        store.forget_questions(tx, slug, source, "")
        gone = store.missing(tx, slug, source) if said == REMOVE else []
        for iri in gone:
            _remove(tx, slug, source, iri)
        return len(gone), 0
    what = prepared.gone
    for iri in what.back:
        store.mark_missing(tx, slug, iri, False)
    for iri in what.asked:
        store.mark_missing(tx, slug, iri, True)
    if what.asked or (prepared.delivery.complete and not what.stays):
        store.forget_questions(tx, slug, source, "")
    if what.asked:
        store.ask(tx, slug, source, [DatasetQuestion(SHRUNKEN, str(len(prepared.found)), "", False)])
    for iri in what.removed:
        _remove(tx, slug, source, iri)
    return len(what.removed), len(what.stays) if prepared.delivery.complete else 0


def _remove(tx: Tx, slug: str, source: str, iri: str) -> None:
    waiting_store.drop(tx, slug, iri)
    store.remove_dataset(tx, slug, source, iri)


def _aside(prepared: PreparedRun) -> dict[str, str]:
    """Reason by IRI: what was not taken, and what no rule could mend."""
    reasons = [(one.iri, str(one.reason)) for one in prepared.aside]
    reasons += [(one.iri, one.reason) for one in prepared.imported if one.state == "aside"]
    return {iri[:300]: reason for iri, reason in reasons[:NAMED]}


def _report(
    tx: Tx, slug: str, source: str, prepared: PreparedRun, moved: Mapping[str, int], were: set[tuple[str, str]]
) -> Report:
    counts = store.counted(tx, slug, source)
    open_now = {(one.kind, one.value) for one in store.open_questions(tx, slug, source)}
    used: dict[str, int] = {}
    for one in prepared.imported:
        for repair in one.repairs:
            used[repair.rule] = used.get(repair.rule, 0) + 1
    return Report(
        source=source,
        location=prepared.delivery.location,
        datasets=len(prepared.found) + len(prepared.aside),
        triples=len(prepared.delivery.triples),
        published=counts.get("published", 0),
        held=counts.get("held", 0),
        unchanged=counts.get("published", 0) - moved["released"],
        new=moved["new"],
        changed=moved["changed"],
        removed=moved["removed"],
        missing=moved["missing"],
        released=moved["released"],
        fresh=moved["fresh"],
        complete=prepared.delivery.complete,
        questions=len(open_now),
        asked=len(open_now - were),
        pages=prepared.delivery.pages,
        aside=_aside(prepared),
        repairs=used,
        remarks=tuple(prepared.delivery.remarks),
    )
