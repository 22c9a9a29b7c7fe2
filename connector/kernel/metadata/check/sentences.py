"""What a rule asks, in a sentence for the people who keep a catalogue: what is wrong and what to do."""

from pyoxigraph import Literal

from connector.foundation.language import catalogue, say
from connector.kernel.metadata.check.model import (
    Datatype,
    Finding,
    HasOneOf,
    HasValue,
    IsListed,
    MaxCount,
    MinCount,
    NodeKind,
    OfClass,
    OnList,
    Pattern,
    Rule,
    Severity,
    short,
    shown,
)
from connector.kernel.metadata.check.rules import by_id
from connector.kernel.metadata.lists.code_lists import code_lists

_LONGEST = 200
"""Characters of a value that are shown."""


def sentence(found: Finding, lang: str) -> str:
    """What to do about it in `lang`, with the value if there is one; that of an official shape has its own words."""
    rule = by_id().get(found.rule)
    if rule is None:
        name = short(found.path) if found.path else say("metadata-check.at-node", lang)
        told = say("metadata-check.official", lang, property=name, text=found.text.rstrip(".") or found.component)
    else:
        told = asked(rule, lang)
    wrong = found.value if found.value is not None else found.node if found.node != found.holder else None
    if wrong is None or (found.holder is None and found.value is None):
        return told
    value = _cut(f'"{wrong.value}"' if isinstance(wrong, Literal) else shown(wrong))
    if rule is not None and isinstance(rule.constraint, Datatype) and isinstance(wrong, Literal):
        value += f" ({_cut(short(wrong.datatype.value))})"
    return say("metadata-check.value", lang, sentence=told, value=value)


def asked(rule: Rule, lang: str) -> str:
    """The sentence of the rule itself, as it stands in the shapes."""
    own = f"metadata-check.rule.{rule.id.removeprefix('de-').removeprefix('hvd-')}"
    if own in catalogue(lang):
        return catalogue(lang)[own]
    facts = {"class": _class(rule.target.value, lang), "property": _property(rule, lang)}
    kind = _kind(rule)
    if rule.severity is Severity.WARNING and kind in ("list", "class"):
        return say(f"metadata-check.advice.{kind}", lang, **facts, **_facts(rule, lang))
    return say(f"metadata-check.kind.{kind}", lang, **facts, **_facts(rule, lang))


def _kind(rule: Rule) -> str:
    match rule.constraint:
        case NodeKind(kind):
            return kind
        case MaxCount(0):
            return "deprecated"
        case OnList() | IsListed():
            return "list"
        case OfClass():
            return "class"
        case HasValue():
            return "value"
        case MinCount():
            return "min"
        case MaxCount():
            return "max"
        case Datatype():
            return "datatype"
        case Pattern() | HasOneOf():  # what is asked of a node as a whole has a sentence of its own
            return "pattern"


def _facts(rule: Rule, lang: str) -> dict[str, str]:
    match rule.constraint:
        case OfClass(name):
            return {"wanted": _class(name.value, lang)}
        case Datatype(name):
            return {"wanted": say(f"metadata-check.datatype.{name.value.rpartition('#')[2]}", lang)}
        case HasValue(value):
            return {"wanted": value.value}
        case OnList(scheme) | IsListed(scheme):
            return {"list": code_lists().lists[scheme].titles[lang]}
        case _:
            return {}


def _class(iri: str, lang: str) -> str:
    return say(f"metadata-check.class.{short(iri).replace(':', '-')}", lang)


def _property(rule: Rule, lang: str) -> str:
    name = None if rule.path is None else rule.path.name
    if name is None:
        return ""
    usual = name.value.replace("/r5r#", "/r5r/")  # the German files write one property both ways
    return say(f"metadata-check.property.{short(usual).replace(':', '-')}", lang)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
