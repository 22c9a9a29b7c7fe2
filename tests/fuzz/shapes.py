"""Hypothesis strategies made from the definitions of the messages: valid ones, and such as are off by something."""

from random import Random
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from connector.kernel.protocol import codec
from connector.kernel.protocol.messages import CONTEXT, HANSE
from connector.kernel.protocol.shape import LOGICAL, OPERATORS
from tests.testkit import spoil
from tests.testkit.corpus import FORKS

Value = dict[str, Any]

TURNING = "".join(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=TURNING), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
ATOM = st.fixed_dictionaries(
    {
        "leftOperand": TEXT,
        "operator": st.sampled_from(sorted(OPERATORS)),
        "rightOperand": TEXT | st.lists(JSON, max_size=3) | st.dictionaries(TEXT, JSON, max_size=2),
    }
)
CONSTRAINT = st.recursive(
    ATOM,
    lambda inner: st.tuples(st.sampled_from(LOGICAL), st.lists(inner, max_size=3)).map(lambda pair: dict([pair])),
    max_leaves=6,
)
RULE = st.fixed_dictionaries({"action": TEXT}, optional={"constraint": st.lists(CONSTRAINT, max_size=2)})
RULES = st.lists(RULE, min_size=1, max_size=2)
WHEN = st.datetimes().map(lambda at: f"{at:%Y-%m-%dT%H:%M:%S}Z".rjust(20, "0"))
STRANGE = st.dictionaries(TEXT.filter(lambda name: name[:1] != "@"), JSON, max_size=2)


def _policy(kind: str, *texts: str) -> st.SearchStrategy[Value]:
    def made(parts: tuple[Value, Value]) -> Value:
        return {**parts[0], **parts[1]}

    known = {"@id": TEXT, "@type": st.just(kind), **dict.fromkeys(texts, TEXT)}
    if kind == "Agreement":
        known["timestamp"] = WHEN
    rules = st.sampled_from(["permission", "prohibition"]).flatmap(lambda name: st.fixed_dictionaries({name: RULES}))
    return st.tuples(st.fixed_dictionaries(known, optional={"obligation": RULES}), rules).map(made)


OFFER, SHOWN = _policy("Offer", "target"), _policy("Offer")
SERVICE = st.fixed_dictionaries({"@id": TEXT, "@type": st.just("DataService"), "endpointURL": TEXT})
DISTRIBUTION = st.fixed_dictionaries({"format": TEXT, "accessService": TEXT | SERVICE})
DATASET = st.fixed_dictionaries(
    {
        "@id": TEXT,
        "hasPolicy": st.lists(SHOWN, min_size=1, max_size=2),
        "distribution": st.lists(DISTRIBUTION, min_size=1, max_size=2),
    }
)
LISTS: dict[str, st.SearchStrategy[Any]] = {
    "offer": OFFER,
    "agreement": _policy("Agreement", "target", "assigner", "assignee"),
    "hasPolicy": st.lists(SHOWN, min_size=1, max_size=2),
    "distribution": st.lists(DISTRIBUTION, min_size=1, max_size=2),
    "dataset": st.lists(DATASET, min_size=1, max_size=2),
    "service": st.lists(SERVICE, min_size=1, max_size=2),
    "catalog": st.lists(st.fixed_dictionaries({"@id": TEXT, "@type": st.just("Catalog")}), min_size=1, max_size=2),
    "reason": st.lists(JSON, min_size=1, max_size=3),
    "filter": st.lists(JSON, max_size=3),
    f"{HANSE}agreementSignaturePq": TEXT | st.lists(JSON, max_size=2),
}


def _of(name: str, type_: inspect.Type) -> st.SearchStrategy[Any]:
    match type_:
        case inspect.UnionType(types=types):
            return st.one_of([_of(name, one) for one in types if not isinstance(one, inspect.NoneType)])
        case inspect.StructType(cls=cls):
            return _members(cls)
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.ListType(item_type=inspect.StructType() as inner):
            return st.lists(_of(name, inner), min_size=1, max_size=2)
        case inspect.StrType():
            return TEXT
        case _:
            return LISTS[name]


def _members(cls: type[msgspec.Struct]) -> st.SearchStrategy[Value]:
    described = inspect.type_info(cls)
    assert isinstance(described, inspect.StructType)
    forks = FORKS.get(cls.__name__, ())
    fields = {
        field.encode_name: field for field in described.fields if field.encode_name and field.encode_name not in forks
    }
    required = {name: _of(name, field.type) for name, field in fields.items() if field.required}
    optional = {name: _of(name, field.type) for name, field in fields.items() if not field.required}
    typed: dict[str, st.SearchStrategy[Any]] = {"@type": st.just(cls.__name__), **required}
    one_of = st.sampled_from(forks).flatmap(lambda name: st.fixed_dictionaries({name: TEXT})) if forks else st.just({})
    return st.tuples(STRANGE, st.fixed_dictionaries(typed, optional=optional), one_of).map(
        lambda parts: {**parts[0], **parts[1], **parts[2]}
    )


def valid() -> st.SearchStrategy[Value]:
    """A message of any type as our definitions allow it, with members that nobody knows."""
    context = st.sampled_from([[CONTEXT], [CONTEXT, "https://example.org/x"], ["https://example.org/x", CONTEXT]])
    whole = st.sampled_from(list(codec.TYPES.values())).flatmap(_members)
    return st.tuples(context, whole).map(lambda pair: {"@context": pair[0], **pair[1]})


def near_valid() -> st.SearchStrategy[bytes]:
    """Such a message with something wrong in its structure or in its bytes."""

    def spoiled(parts: tuple[Value, Random, bool]) -> bytes:
        value, rng, in_bytes = parts
        text = spoil.written(rng, spoil.structure(rng, value))
        return spoil.data(rng, text) if in_bytes else text

    return st.tuples(valid(), st.randoms(use_true_random=False), st.booleans()).map(spoiled)
