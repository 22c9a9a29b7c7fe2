"""What only a person knows: one question per kind and value, however many datasets hang on it.

A finding of the check that is about something people decide (a licence, a theme, who publishes, where the data are)
becomes a question; the answer is put into the description by the rule `answer`. Everything else that violates a profile
and may be left out is left out by the rule `not-conforming`; what may not be left out is asked
(spec/metadata-import.md 1.5).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from hashlib import sha256
from urllib.parse import unquote

from msgspec import Struct
from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from connector.kernel.metadata.check.model import Finding
from connector.kernel.metadata.lists.code_lists import (
    ACCESS_RIGHT,
    DATA_THEME,
    FILE_TYPE,
    FREQUENCY,
    LICENSES,
    CodeLists,
    Value,
)
from connector.kernel.metadata.rdf.graph import Node
from connector.kernel.metadata.rdf.names import DCAT, DCT
from connector.kernel.metadata.repair.nodes import agent
from connector.kernel.metadata.repair.spelling import CONTROL
from connector.kernel.metadata.repair.work import Rule, Work, subject_of, text, value_of

_LONGEST = 300
"""Characters of a value that a question shows."""
LEAVE_OUT = "-"
"""The answer that a value is to be left out; nobody has to know everything."""


class Question(Struct, frozen=True, order=True):
    """`value` is what the portal said, empty for what it did not say. `holds`: the dataset waits for the answer."""

    kind: str
    value: str
    holds: bool = True


class Kind(Struct, frozen=True):
    """What is asked about a property of a class. `scheme`: answers are values of this list. `optional`: it may be left
    out. `per_dataset`: where nothing was said, each dataset has its own answer."""

    name: str
    property: NamedNode
    of: tuple[NamedNode, ...]
    scheme: str = ""
    optional: bool = True
    per_dataset: bool = False
    address: bool = False


_RESOURCES = (DCAT.Dataset, DCAT.DatasetSeries, DCAT.DataService)
KINDS: tuple[Kind, ...] = (
    Kind("licence", DCT.license, (DCAT.Distribution, DCAT.DataService), scheme=LICENSES, optional=False),
    Kind("theme", DCAT.theme, (DCAT.Dataset,), scheme=DATA_THEME),
    Kind("format", DCT.format, (DCAT.Distribution,), scheme=FILE_TYPE),
    Kind("frequency", DCT.accrualPeriodicity, (DCAT.Dataset,), scheme=FREQUENCY),
    Kind("access-right", DCT.accessRights, (DCAT.Dataset,), scheme=ACCESS_RIGHT),
    Kind("publisher", DCT.publisher, _RESOURCES, optional=False),
    Kind("title", DCT.title, (*_RESOURCES, DCAT.Distribution), optional=False, per_dataset=True),
    Kind("description", DCT.description, (*_RESOURCES, DCAT.Distribution), optional=False, per_dataset=True),
    Kind("access-url", DCAT.accessURL, (DCAT.Distribution,), optional=False, per_dataset=True, address=True),
    Kind("endpoint", DCAT.endpointURL, (DCAT.DataService,), optional=False, per_dataset=True, address=True),
)
BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}
_BY_PROPERTY: Mapping[str, Kind] = {kind.property.value: kind for kind in KINDS}


# From findings


def asked(work: Work, finding: Finding) -> Question | None:
    """The question that a finding is; None if it is about something that may be left out."""
    kind = _kind(work, finding)
    if kind is not None:
        return Question(kind.name, _value(finding))
    if finding.component == "MinCountConstraintComponent" and finding.holder == work.dataset:
        return Question("other", finding.rule)
    return None


def unlisted_licences(work: Work) -> Iterable[Question]:
    """A licence that is on no list stands, but who reuses the data should know one: asked, without holding anything."""
    for triple in work.named(DCT.license):
        value = value_of(triple)
        if isinstance(value, NamedNode) and not work.known.lists.has(LICENSES, value.value):
            yield Question("licence", keyed(value.value), holds=False)


def _kind(work: Work, finding: Finding) -> Kind | None:
    kind = _BY_PROPERTY.get(finding.property or "")
    if kind is None or finding.holder is None:
        return None
    return kind if work.is_a(finding.holder, *kind.of) else None


def _value(finding: Finding) -> str:
    if finding.component == "MinCountConstraintComponent":
        return ""
    said = finding.value if finding.value is not None else finding.node
    return keyed(text(said))


def keyed(said: str) -> str:
    """A value as questions and answers name it: of a long one its beginning and a digest; no NUL, which no database
    keeps."""
    said = said.replace("\0", " ")
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}… {sha256(said.encode()).hexdigest()[:16]}"


# From answers


def answer(work: Work) -> None:
    """Puts in what people said, value by value, and where nothing was said at all."""
    if not work.known.answers:
        return
    for kind in KINDS:
        for triple in work.named(kind.property):
            value = value_of(triple)
            if isinstance(value, BlankNode) or not work.is_a(subject_of(triple), *kind.of):
                continue
            said = work.known.answer(kind.name, keyed(text(value)), work.dataset.value)
            if said is not None:
                _put(work, kind, subject_of(triple), [triple], said)
        for node in work.instances(*kind.of):
            if not work.values(node, kind.property):
                said = work.known.answer(kind.name, "", work.dataset.value)
                if said is not None and _required(work, kind, node):
                    _put(work, kind, node, [], said)


def _required(work: Work, kind: Kind, node: Node) -> bool:
    """Nobody is asked for the title or description of a file."""
    return not (kind.property in {DCT.title, DCT.description} and work.is_a(node, DCAT.Distribution))


def _put(work: Work, kind: Kind, node: Node, before: Sequence[Triple], said: str) -> None:
    if said == LEAVE_OUT:
        gone = list(before)
        if not kind.optional and work.is_a(node, DCAT.Distribution):
            gone += [*(held for held in work.holders(node)), *work.below(node)]
        work.change(gone)
        return
    after: list[Triple] = []
    for one in said.split(" | ") if kind.scheme else [said]:
        if kind.name == "publisher":
            named = work.known.agents.get(one)
            who = NamedNode(named) if named else work.fresh(node, kind.property, Literal(one))
            after += [Triple(node, kind.property, who), *agent(who, one)]
        else:
            value = NamedNode(one) if kind.scheme or kind.address else Literal(one)
            after.append(Triple(node, kind.property, value))
    work.change(before, after)


def accepted(lists: CodeLists, question: Question, said: str) -> str | None:
    """An answer as it is kept: codes as IRIs, several themes with ` | ` between them. None if it answers nothing."""
    kind, said = BY_NAME.get(question.kind), said.strip()
    if said == LEAVE_OUT:
        return said if kind is not None and (kind.optional or kind.address or kind.name == "licence") else None
    if kind is None or not said or len(said) > 4_000 or CONTROL.search(said):
        return None
    if kind.scheme:
        many = [one.strip() for one in re.split(r"[|,;]", said)] if kind.name == "theme" else [said]
        found = [_on_list(lists, kind.scheme, one) for one in many]
        return None if None in found else " | ".join(one for one in found if one)
    if kind.address:
        return said if re.fullmatch(r"https?://[^\s<>\"{}|^`\\]+", said) and _is_iri(said) else None
    return said


def _is_iri(said: str) -> bool:
    try:
        NamedNode(said)
    except ValueError:
        return False
    return True


def _on_list(lists: CodeLists, scheme: str, said: str) -> str | None:
    if lists.has(scheme, said):
        return said
    found = lists.by_code(scheme, said)
    if found is None and scheme == FILE_TYPE:
        found = lists.file_type(said)
    return None if found is None else found.iri


# Proposals


def proposal(lists: CodeLists, question: Question, publishers: Sequence[str] = ()) -> str:
    """The code on the list that is nearest to what was said; empty if none is near.

    Of a licence only one whose name or code is nearly the same. For a missing publisher the only one of the delivery.
    """
    kind = BY_NAME.get(question.kind)
    if kind is None or not (kind.scheme or kind.name == "publisher"):
        return ""
    if kind.name == "publisher":
        return publishers[0] if len(publishers) == 1 else ""
    if not question.value:
        return ""
    said = unquote(re.split(r"[/#]", question.value.rstrip("/"))[-1] if "://" in question.value else question.value)
    listed = [one for one in lists.values(kind.scheme) if one.code != "OP_DATPRO"]
    if kind.name == "licence":
        return _nearest(listed, lambda one: max(_ratio(said, text) for text in (one.code, *one.labels.values())), 0.9)
    words = _words(said)
    meant = {_MEANT[word] for word in words if word in _MEANT} if kind.name == "theme" else set()
    if len(meant) == 1:
        return meant.pop()
    return _nearest(listed, lambda one: _alike(words, said, one), 0.8)


def _nearest(values: Sequence[Value], alike: Callable[[Value], float], least: float) -> str:
    best = max(values, key=alike, default=None)
    return best.code if best is not None and alike(best) >= least else ""


def _alike(words: Sequence[str], said: str, value: Value) -> float:
    """How well the best two words fit; the end of a compound counts nearly as much (`Straßenverkehr`)."""
    labels = [word for label in value.labels.values() for word in _words(label)]
    return max([_ratio(said, value.code), *(_fit(a, b) for a in words for b in labels)])


def _fit(a: str, b: str) -> float:
    if a == b:
        return 1.0
    if min(len(a), len(b)) >= 6 and (a.endswith(b) or b.endswith(a)):
        return 0.9
    return _ratio(a, b)


def _ratio(a: str, b: str) -> float:
    return SequenceMatcher(None, a.casefold(), b.casefold()).ratio()


def _words(said: str) -> Sequence[str]:
    return re.findall(r"\w{4,}", said.casefold())


_MEANT: Mapping[str, str] = {
    "arbeit": "ECON",
    "bauen": "REGI",
    "demokratie": "GOVE",
    "finanzen": "ECON",
    "freizeit": "EDUC",
    "geobasisdaten": "REGI",
    "geographie": "REGI",
    "geografie": "REGI",
    "haushalt": "GOVE",
    "infrastruktur": "REGI",
    "jugend": "SOCI",
    "klima": "ENVI",
    "kultur": "EDUC",
    "mobilität": "TRAN",
    "politik": "GOVE",
    "schule": "EDUC",
    "sicherheit": "JUST",
    "soziales": "SOCI",
    "stadtplanung": "REGI",
    "steuern": "GOVE",
    "tourismus": "EDUC",
    "wahlen": "GOVE",
    "wohnen": "REGI",
}
"""What words of municipal portals are often meant by; proposed, never put in."""


RULES: tuple[Rule, ...] = (Rule("answer", answer),)
