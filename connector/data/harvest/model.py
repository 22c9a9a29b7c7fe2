"""What is kept of a foreign catalogue: its source, its datasets, what is asked of them, and how a run went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from connector.kernel.metadata.rdf import oxigraph
from connector.kernel.metadata.rdf.reading import SET_ASIDE, Remark

State = Literal["published", "held", "aside", "waiting"]
"""`held`: a question has to be answered first; `waiting`: people have to agree, and nothing of it is public yet."""
REMOVE, KEEP = "remove", "keep"
"""The answers to the question about a delivery that has shrunk."""
UNKNOWN = "p-******"
"""An author of whom nobody can say who she is: whoever works on the operator's own socket. One more has to agree."""
SHRUNKEN = "shrunken"


class Delivery(Struct, frozen=True, kw_only=True):
    """A catalogue as it came, whole or in pages. `complete`: nothing of it is known to be missing, so what is not in it
    is gone. `remarks` are those of the readings."""

    location: str
    triples: Sequence[oxigraph.Triple]
    complete: bool
    remarks: Sequence[Remark] = ()
    pages: int = 1


class Source(Struct, frozen=True, kw_only=True):
    """Where a catalogue comes from: the name of a file or an address. `undone`: rules that the steward undid.

    `wait_since`: when somebody chose that new records wait for a person (ms); 0: they go out where nothing asks for
    one. `approval`: the newest about what waits.
    """

    id: str
    location: str
    triples: int
    undone: frozenset[str]
    version: int
    created_at: int
    imported_at: int
    wait_since: int = 0
    approval: str = ""


class Repair(Struct, frozen=True):
    """One use of a rule: triples as N-Triples, what went and what came."""

    rule: str
    before: tuple[str, ...]
    after: tuple[str, ...]


class DatasetQuestion(Struct, frozen=True, order=True):
    """What is asked of a dataset; of the whole source if `dataset` is empty."""

    kind: str
    value: str
    dataset: str
    holds: bool = True


class ImportedDataset(Struct, frozen=True, kw_only=True):
    """A dataset as it is kept. `triples` are what is published of it (N-Triples, none unless it is).

    `digest` says what it was repaired from, `sha256` what came out; `record` is the neutral record as JSON.
    """

    iri: str
    identifier: str
    title: str
    state: State
    reason: str
    digest: str
    sha256: str
    triples: bytes
    record: str
    repairs: tuple[Repair, ...] = ()
    asked: tuple[DatasetQuestion, ...] = ()


class Waiting(Struct, frozen=True):
    """A dataset that waits for people, as it would be kept, and the IRI under which it is kept meanwhile."""

    kept: str
    dataset: ImportedDataset


class KnownDataset(Struct, frozen=True):
    """What a run has to know of a dataset that is kept already."""

    iri: str
    identifier: str
    state: State
    digest: str
    sha256: str
    missing: bool


class Answer(Struct, frozen=True, kw_only=True):
    """The answer to a question: for all datasets that ask it if `dataset` is empty, else for that one."""

    kind: str
    value: str
    dataset: str = ""
    answer: str


class Question(Struct, frozen=True, kw_only=True):
    """Open, with the datasets that hang on it (the first thousand of `count`) and a proposal, empty if none is near."""

    kind: str
    value: str
    holds: bool
    count: int
    datasets: tuple[str, ...]
    proposal: str


class Report(Struct, frozen=True, kw_only=True):
    """How a run ended, in numbers of datasets but for `triples`, `questions` (all open ones) and `asked` (new ones).

    `removed` and `missing` exclude each other: where a delivery has shrunk, nothing is removed. `aside` is the reason
    by IRI, `repairs` how often each rule was used, `remarks` what reading set aside or let pass.

    `released` went out by this run, `unchanged` are public and stay as they are; `waiting` wait for people, `fresh` of
    them since this run. `approval` is where people agree, `refused`: somebody said no to just these. `wait`: new
    records of this source wait because somebody chose so.
    """

    source: str
    location: str
    datasets: int
    triples: int
    published: int
    held: int
    new: int
    changed: int
    removed: int
    missing: int
    complete: bool
    questions: int
    asked: int
    pages: int = 1
    aside: Mapping[str, str] = {}
    repairs: Mapping[str, int] = {}
    remarks: tuple[Remark, ...] = ()
    released: int = 0
    unchanged: int = 0
    waiting: int = 0
    fresh: int = 0
    approval: str = ""
    refused: bool = False
    wait: bool = False

    @property
    def lost(self) -> int:
        """How many triples, or places where some may have stood, reading had to set aside."""
        return sum(remark.count for remark in self.remarks if remark.kind in SET_ASIDE)


class Run(Struct, frozen=True, kw_only=True):
    """A run while it goes on. `phase`: `reading`, `repairing`, `publishing`, `done` or `failed`; `error` is a code."""

    id: str
    source: str
    location: str
    phase: str
    done: int
    total: int
    report: Report | None
    error: str
    facts: Mapping[str, str | int] = {}
    began_at: int
    touched_at: int


class AnswerOutcome(Struct, frozen=True):
    """One report for each source that was repaired anew; how many answers nothing here had asked for."""

    reports: Sequence[Report]
    unasked: int


class PublishedDataset(Struct, frozen=True):
    """A published dataset for whoever serves it: IRI, SHA-256 of its triples, the triples as N-Triples in order."""

    iri: str
    sha256: str
    triples: bytes
    changed_at: int
