"""How a row of the table is written, and the rules that it stands for (spec/metadata-check.md 2.1)."""

from collections.abc import Iterator
from functools import partial

from msgspec import Struct
from pyoxigraph import NamedNode

from connector.kernel.metadata.check.model import (
    Constraint,
    Datatype,
    HasOneOf,
    HasValue,
    IsListed,
    MaxCount,
    MinCount,
    NodeKind,
    OfClass,
    OnList,
    Path,
    Pattern,
    Profile,
    Rule,
    Severity,
    Step,
    short,
)

LITERAL, NODE, IRI = "literal", "node", "iri"
WARNING = Severity.WARNING


class Row(Struct, frozen=True):
    """What is asked of one property, or one path, of a class: `low` and `high` count its values."""

    path: NamedNode | Path
    kind: str | None = None
    low: int | None = None
    high: int | None = None
    of: NamedNode | None = None
    datatype: NamedNode | None = None
    scheme: str | None = None
    listed: str | None = None
    pattern: Pattern | None = None
    value: NamedNode | None = None
    severity: Severity = Severity.VIOLATION
    ours: bool = False
    profiles: frozenset[Profile] = frozenset()

    def constraints(self) -> Iterator[tuple[str, Constraint]]:
        """Each with the word that a rule's name ends in."""
        if self.low is not None:
            yield "min", MinCount(self.low)
        if self.high is not None:
            yield "max", MaxCount(self.high)
        if self.kind is not None:
            yield "kind", NodeKind(self.kind)
        if self.of is not None:
            yield "class", OfClass(self.of)
        if self.datatype is not None:
            yield "datatype", Datatype(self.datatype)
        if self.scheme is not None:
            yield "list", OnList(self.scheme)
        if self.listed is not None:
            yield "list", IsListed(self.listed)
        if self.pattern is not None:
            yield "pattern", self.pattern
        if self.value is not None:
            yield "value", HasValue(self.value)


def either(*names: NamedNode, label: str = "") -> Path:
    """The path that leads along any of these properties."""
    return Path(tuple((Step(name),) for name in names), label)


both = partial(Row, profiles=frozenset({Profile.AP, Profile.DE}))
ap = partial(Row, profiles=frozenset({Profile.AP}))
de = partial(Row, profiles=frozenset({Profile.DE}))
hvd = partial(Row, profiles=frozenset({Profile.HVD}))


def of_row(of: NamedNode, row: Row, subjects_of: bool = False) -> Iterator[Rule]:
    path = row.path if isinstance(row.path, Path) else either(row.path)
    for word, constraint in row.constraints():
        yield Rule(
            id=_id(row, "any" if subjects_of else _local(of), path, word),
            profiles=row.profiles,
            target=of,
            subjects_of=subjects_of,
            path=path,
            constraint=constraint,
            severity=row.severity,
            ours=row.ours,
        )


def one_of(of: NamedNode, word: str, constraint: HasOneOf, severity: Severity) -> Rule:
    return Rule(
        id=f"hvd-{_local(of)}-{word}",
        profiles=frozenset({Profile.HVD}),
        target=of,
        path=None,
        constraint=constraint,
        severity=severity,
    )


def _local(name: NamedNode) -> str:
    return short(name.value).partition(":")[2]


def _id(row: Row, of: str, path: Path, word: str) -> str:
    """`Dataset-dct-title-min`; rules of one profile alone begin with it, where both have one that differs."""
    name = path.label or short(str(path)).replace(":", "-")
    only = next(iter(row.profiles)).value + "-" if len(row.profiles) == 1 else ""
    return f"{only}{of}-{name}-{word}"
