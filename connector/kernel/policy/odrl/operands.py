"""The built-in left operands: all 34 of ODRL 2.2 and our own, with type, source and first phase (spec/policy.md 4).

Most read a fact that somebody gathered before the decision; where nobody supplies it the value is None, which means
unknown. Parameters and deadlines of duties are compared with what was done, never with the world.
"""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from connector.kernel.policy.odrl.identifiers import DID, IDENTIFIER, MEDIA_TYPE, PARTY, REGIONAL_KEY, WORD
from connector.kernel.policy.odrl.model import PHASES, Phase, Role
from connector.kernel.policy.odrl.names import COMPARISONS, HANSE, MEMBERSHIP, ODRL
from connector.kernel.policy.odrl.registry import Operand, Registry, left_operand
from connector.kernel.policy.odrl.state_of_world import Source, Value, World
from connector.kernel.policy.odrl.values import Type

__all__ = ["ANY_LIST", "BUILT_IN", "REGISTRY", "Operand", "Registry", "left_operand"]

_WITHIN = frozenset({"isAnyOf", "isNoneOf"})
_TEXTUAL = frozenset({"eq", "neq", "isAllOf", "isAnyOf", "isNoneOf"})
_OPERATORS: Mapping[Type, frozenset[str]] = {
    Type.INSTANT: COMPARISONS,
    Type.DURATION: COMPARISONS,
    Type.INTEGER: COMPARISONS,
    Type.DECIMAL: COMPARISONS,
    Type.CONCEPT: MEMBERSHIP,
    Type.IRI: MEMBERSHIP,
    Type.TEXT: _TEXTUAL,
    Type.LANGUAGE: _TEXTUAL,
    Type.DUE: frozenset({"lt", "lteq"}),
    Type.WINDOW: frozenset({"eq"}),
}


def _of_fact(iri: str) -> Callable[[World], Value]:
    def value(world: World) -> Value:
        found = world.facts.get(iri)
        return None if found is None else found.value

    return value


def _nothing(_world: World) -> Value:
    return None


def _now(world: World) -> Value:
    return world.now


def _elapsed(world: World) -> Value:
    """Since the agreement was concluded; before that nobody knows."""
    since = world.agreement_at
    return None if since is None or world.now < since else world.now - since


def _uses(world: World) -> Value:
    """Over the whole agreement; a count with a window reads `world.uses` of that window."""
    return world.uses.get("")


def _participant(world: World) -> Value:
    return frozenset((world.participant,))


def _purpose(world: World) -> Value:
    return None if world.purpose is None else frozenset((world.purpose,))


def _tags(world: World) -> Value:
    found = _of_fact(ODRL + "language")(world)
    return frozenset(tag.lower() for tag in found) if isinstance(found, frozenset) else None


def _device(world: World) -> Value:
    """`device` and `system` are deprecated names of `systemDevice` (skos:exactMatch in the ODRL Vocabulary)."""
    return _of_fact(ODRL + "systemDevice")(world)


_COMPUTED: Mapping[str, Callable[[World], Value]] = {
    ODRL + "dateTime": _now,
    ODRL + "elapsedTime": _elapsed,
    ODRL + "count": _uses,
    ODRL + "purpose": _purpose,
    ODRL + "language": _tags,
    ODRL + "device": _device,
    ODRL + "system": _device,
    HANSE + "participant": _participant,
}


_SCHEMES: Mapping[str, str] = {
    ODRL + "purpose": "purposeScheme",
    ODRL + "spatial": "areaScheme",
    ODRL + "event": "occasionScheme",
    ODRL + "deliveryChannel": "deliveryChannelScheme",
    HANSE + "participantKind": "participantKindScheme",
    HANSE + "participantLocation": "areaScheme",
    HANSE + "adminLevel": "adminLevelScheme",
    HANSE + "role": "roleScheme",
    HANSE + "securityProfile": "securityProfileScheme",
    HANSE + "classification": "protectionNeedScheme",
    HANSE + "legalBasis": "legalBasisScheme",
    HANSE + "eventState": "eventStateScheme",
    HANSE + "method": "anonymisationMethodScheme",
    HANSE + "aggregationLevel": "aggregationLevelScheme",
    HANSE + "logLevel": "logLevelScheme",
}
"""Operand -> the list of `vocab/` that its values are from; the other concepts are from lists that we do not have."""


def _operands(
    prefix: str,
    names: str,
    type: Type,
    source: Source,
    first: Phase,
    role: Role = "condition",
    in_duty: Role | None = None,
    units: bool = False,
    range: str = "",
    operators: frozenset[str] | None = None,
) -> list[Operand]:
    """One row of the table: operands that differ in nothing but their name."""
    return [
        left_operand(
            iri,
            type=type,
            source=source,
            phases=PHASES[PHASES.index(first) :],
            operators=operators or _OPERATORS[type],
            role=role,
            in_duty=in_duty,
            units=units,
            range=range or _SCHEMES.get(iri, ""),
        )(_COMPUTED.get(iri, _nothing if role in ("parameter", "deadline", "window") else _of_fact(iri)))
        for iri in (prefix + name for name in names.split())
    ]


_CLOCK_AND_AGREEMENT = [
    *_operands(ODRL, "dateTime", Type.INSTANT, "measured", "catalog"),
    *_operands(ODRL, "version", Type.TEXT, "measured", "transfer", range=WORD),
    *_operands(ODRL, "elapsedTime delayPeriod meteredTime", Type.DURATION, "measured", "access"),
    *_operands(ODRL, "timeInterval", Type.WINDOW, "measured", "access", "window"),
    *_operands(ODRL, "event", Type.CONCEPT, "measured", "access"),
]
_COUNTERS = [
    *_operands(ODRL, "count", Type.INTEGER, "measured", "access"),
    *_operands(ODRL, "unitOfCount", Type.CONCEPT, "measured", "access"),
    *_operands(ODRL, "percentage", Type.DECIMAL, "measured", "access"),
    *_operands(ODRL, "payAmount", Type.DECIMAL, "measured", "access", in_duty="parameter", units=True),
]
_REQUEST_AND_CREDENTIAL = [
    *_operands(ODRL, "purpose industry product media", Type.CONCEPT, "declared", "negotiation"),
    *_operands(ODRL, "recipient", Type.IRI, "declared", "transfer", range=PARTY),
    *_operands(ODRL, "language", Type.LANGUAGE, "declared", "negotiation"),
    *_operands(ODRL, "systemDevice system device", Type.IRI, "declared", "transfer"),
    # Where an endpoint stands is a weak sign of where data are processed: the peer's word (spec/policy.md 10.2).
    *_operands(ODRL, "spatial", Type.CONCEPT, "declared", "transfer"),
    *_operands(ODRL, "spatialCoordinates", Type.TEXT, "declared", "transfer"),
    *_operands(ODRL, "virtualLocation", Type.IRI, "measured", "transfer"),
    *_operands(ODRL, "deliveryChannel", Type.CONCEPT, "measured", "transfer"),
]
_ASSET = [
    # What was signed about the data, and who receives them, is known from the transfer on: no contract waits for it.
    *_operands(ODRL, "fileFormat", Type.CONCEPT, "measured", "transfer", range=MEDIA_TYPE),
    *_operands(ODRL, "absoluteSize", Type.DECIMAL, "measured", "transfer", units=True),
    *_operands(ODRL, "resolution", Type.DECIMAL, "measured", "catalog", units=True),
    *_operands(ODRL, "relativeSize relativeTemporalPosition", Type.DECIMAL, "measured", "catalog"),
    *_operands(ODRL, "absoluteTemporalPosition", Type.DURATION, "measured", "catalog"),
    *_operands(
        ODRL,
        "absolutePosition absoluteSpatialPosition relativePosition relativeSpatialPosition",
        Type.TEXT,
        "measured",
        "catalog",
    ),
]
_OWN = [
    *_operands(
        HANSE,
        "participantKind adminLevel role participantLocation securityProfile",
        Type.CONCEPT,
        "verified-credential",
        "catalog",
    ),
    *_operands(HANSE, "participant onBehalfOf", Type.IRI, "verified-credential", "catalog", range=DID),
    *_operands(HANSE, "memberOf connector", Type.IRI, "verified-credential", "catalog"),
    # The keys of all that a seat lies in: there is no single one to be equal to.
    *_operands(
        HANSE,
        "regionalKey",
        Type.TEXT,
        "verified-credential",
        "catalog",
        range=REGIONAL_KEY,
        operators=_WITHIN,
    ),
    *_operands(HANSE, "consentingParty", Type.IRI, "verified-credential", "access", range=DID),
    *_operands(HANSE, "consent", Type.IRI, "verified-credential", "access"),
    *_operands(HANSE, "classification", Type.CONCEPT, "measured", "catalog"),
    *_operands(HANSE, "legalBasis", Type.CONCEPT, "declared", "negotiation"),
    *_operands(HANSE, "avvHash", Type.TEXT, "measured", "transfer", range=WORD),
    *_operands(HANSE, "reciprocalAgreement", Type.IRI, "measured", "transfer"),
    *_operands(HANSE, "eventState state artifactState", Type.CONCEPT, "measured", "access"),
]
_OF_DUTIES = [
    *_operands(HANSE, "attributionText fields currency feeStatute", Type.TEXT, "declared", "access", "parameter"),
    *_operands(HANSE, "kAnonymity", Type.INTEGER, "declared", "access", "parameter"),
    *_operands(HANSE, "epsilon", Type.DECIMAL, "declared", "access", "parameter"),
    *_operands(HANSE, "method aggregationLevel logLevel", Type.CONCEPT, "declared", "access", "parameter"),
    *_operands(HANSE, "policyRef informedParty licence", Type.IRI, "declared", "access", "parameter"),
]
_DEADLINES = [
    left_operand(
        HANSE + "dueBy",
        type=Type.INSTANT,
        source="measured",
        phases=["access"],
        operators=_OPERATORS[Type.DUE],
        role="deadline",
    )(_nothing),
    *_operands(HANSE, "dueWithin", Type.DUE, "measured", "access", "deadline"),
]

BUILT_IN = Registry(
    [*_CLOCK_AND_AGREEMENT, *_COUNTERS, *_REQUEST_AND_CREDENTIAL, *_ASSET, *_OWN, *_OF_DUTIES, *_DEADLINES]
)
REGISTRY: Mapping[str, Operand] = BUILT_IN.operands
"""The built-in operands by IRI."""

ANY_LIST = Registry(
    replace(operand, range=IDENTIFIER) if operand.type is Type.CONCEPT else operand for operand in REGISTRY.values()
)
"""The same for public test suites, whose concepts are in no list of ours: every identifier is understood."""
