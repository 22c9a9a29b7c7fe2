"""A draft of a publication: what was handed over, what was read in it, what has been answered. Values only.

Nothing of it is seen by anybody else before it is published. A person is the pseudonym that she has in the log.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from connector.data.catalogue.model import SAMPLE, Visibility
from connector.kernel.reading.model import PersonalHint, Reading

Kind = Literal["new", "version"]
"""A new dataset, or new bytes for one that is there."""
State = Literal["reading", "open", "submitted", "published", "discarded"]
"""`submitted`: others have to agree first."""
PersonalAnswer = Literal["nobody", "official", "allowed", "remove"]
"""To a hint: no persons; persons in their office, known to everybody; persons, and passing it on has been checked; the
column has to go, so this file is not published."""
ANSWERED: frozenset[PersonalAnswer] = frozenset({"nobody", "official", "allowed"})
UNDO_MS = 60_000
"""For so long after it was published, it is taken back with one click."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What has been answered. `open_data`: for everybody and without a contract, under `licence`; else under `rule`, a
    template with its `slots`. `personal` by the key of the hint. Codes and IRIs as `catalogue.describe.Answers` takes
    them."""

    title: str = ""
    description: str = ""
    keywords: tuple[str, ...] = ()
    concept: str = ""
    theme: str = ""
    frequency: str = ""
    start: str = ""
    end: str = ""
    box: tuple[float, ...] = ()
    zone: int = 0
    open_data: bool = False
    licence: str = ""
    rule: str = ""
    slots: Mapping[str, str] = {}
    visibility: Visibility = "members"
    notes: str = ""
    personal: Mapping[str, PersonalAnswer] = {}


class Problem(msgspec.Struct, frozen=True):
    """Why a file could not be read: the code of an error and its facts."""

    code: str
    facts: Mapping[str, str | int] = {}


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """`source` is what is to be published, `copy` the file that was read (the same, but for a live source). `dataset`
    is what it is a version of, or became. `author` names all who wrote a part of it (file, description, answers on
    persons, rule), with a space between, first who began it. `version` grows with each change. Times in
    milliseconds."""

    id: str
    author: str
    kind: Kind
    state: State
    dataset: str
    source: str
    copy: str
    name: str
    bytes: int
    reading: Reading | None
    problem: Problem | None
    said: Said
    approval: str
    version: int
    created_at: int
    changed_at: int
    published_at: int | None

    def written_by(self, who: str) -> str:
        """The authors with her among them."""
        return " ".join(dict.fromkeys([*self.author.split(), who])).strip()

    @property
    def sample(self) -> bool:
        return self.copy == SAMPLE

    @property
    def hints(self) -> tuple[PersonalHint, ...]:
        return () if self.reading is None else self.reading.hints

    @property
    def unanswered(self) -> tuple[PersonalHint, ...]:
        """Hints that stand in the way."""
        return tuple(hint for hint in self.hints if self.said.personal.get(hint.key) not in ANSWERED)

    @property
    def personal(self) -> bool:
        """Whether somebody has said that it tells of persons."""
        keys = {hint.key for hint in self.hints}
        return any(answer in ("official", "allowed") for key, answer in self.said.personal.items() if key in keys)

    def undoable(self, now: int) -> bool:
        return self.state == "published" and self.kind == "new" and now - (self.published_at or 0) <= UNDO_MS
