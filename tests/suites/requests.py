"""What a request of a suite asks for and says beside it, in every form that the public suites have.

FORCE asks by the one permission of an `odrl:Request`, or by an `EvaluationRequest` with parameters; the W3C examples by
an `EvaluationRequest` in JSON, with parameters or with plain members. A parameter describes an operand by its IRI, by a
name of its own (`sotw:DeliveryChannel`), or by the unit of what it says.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from connector.kernel.dialects.jsonld.nodes import Nodes, Ref, texts
from connector.kernel.policy.odrl.clauses import atoms, clauses_of
from connector.kernel.policy.odrl.model import Atom, Duty, Policy
from connector.kernel.policy.odrl.names import ODRL, action
from connector.kernel.policy.odrl.state_of_world import Fact
from tests.suites import engine

SOTW = "https://w3id.org/force/sotw#"
FS = "https://w3id.org/odrl-fs#"
_CLOCK = frozenset({"currentxsddatetime", "temporaldata", "currenttime", "datetime"})
_CALENDAR = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Parameter(NamedTuple):
    """One thing that a request says: `feature` is an IRI or name, `unit` may be empty."""

    feature: str
    value: str
    unit: str = ""


class Request(NamedTuple):
    """`rule` is the IRI that reports name as the request's rule; `now` is None if the request names no time."""

    rule: str
    party: str
    action: str
    target: str
    parameters: tuple[Parameter, ...] = ()

    @property
    def now(self) -> int | None:
        told = (one.value for one in self.parameters if local(one.feature) in _CLOCK)
        return next((at for text in told if (at := engine.milliseconds(text)) is not None), None)


def local(name: str) -> str:
    """What follows the last `#`, `/` or `:`, in small letters."""
    return re.split(r"[#/:]", name)[-1].lower()


def force(nodes: Nodes, request: str) -> Request:
    """The request of a case in the FORCE layout."""
    parameters = tuple(_parameters(nodes, request))
    said = {local(key): key for key in nodes.get(request, {})}
    if any(name in said for name in ("requestedaction", "evaluatedaction")):
        found = [next((texts(nodes, request, said[name])[0] for name in names if name in said), "") for names in _ASKED]
        return Request(request, found[1], action(found[0]), found[2], parameters)
    (rule,) = texts(nodes, request, ODRL + "permission") or [""]
    asked = {name: next(iter(texts(nodes, rule, ODRL + name)), "") for name in ("assignee", "action", "target")}
    return Request(rule, asked["assignee"], action(asked["action"]), asked["target"], parameters)


_ASKED = tuple((f"requested{what}", f"evaluated{what}", f"requesting{what}") for what in ("action", "party", "target"))


def _parameters(nodes: Nodes, request: str) -> Iterator[Parameter]:
    for key, values in nodes.get(request, {}).items():
        for value in values if local(key).startswith("requestparameter") else ():
            said = {local(name): name for name in nodes.get(value.id, {})} if isinstance(value, Ref) else {}
            if isinstance(value, Ref) and {"describesfeature", "value"} <= said.keys():
                unit = texts(nodes, value.id, said["unit"])[:1] if "unit" in said else []
                for feature in texts(nodes, value.id, said["describesfeature"])[:1]:
                    for text in texts(nodes, value.id, said["value"]):
                        yield Parameter(feature, text, "".join(unit))


def facts(request: Request, loaded: engine.Loaded) -> dict[str, Fact]:
    """What the request says about the operands of the policy; what names no unit is in the policy's."""
    if not loaded.reading.lenient:
        return {}
    found: dict[str, Fact] = {}
    for left, unit in operands(loaded.policy):
        told = [one for one in request.parameters if _about(one, left, unit)]
        value = engine.value(left, [one.value for one in told], loaded.registry)
        if value is None and local(left) == "dayofweek" and request.now is not None:
            value = frozenset({_CALENDAR[(request.now // 86_400_000 + 3) % 7]})
        if value is not None:
            given = next((one.unit for one in told if one.unit), "")
            found[left] = Fact(value, unit=unit if same_unit(given, unit) else given)
    return found


def operands(policy: Policy) -> Iterable[tuple[str, str]]:
    """(operand, unit) of every comparison in the policy, each operand once."""
    found: dict[str, str] = {}
    for atom in compared(policy):
        if atom.unit or atom.left not in found:
            found.setdefault(atom.left, atom.unit)
            found[atom.left] = found[atom.left] or atom.unit
    return found.items()


def compared(policy: Policy) -> Iterator[Atom]:
    """Every comparison in the policy, those of consequences included."""
    yield from atoms(clauses_of(policy))
    waiting: list[Duty] = list(policy.obligations)
    for rule in policy.permissions + policy.prohibitions:
        waiting += [*rule.duties, *rule.remedies]
    while waiting:
        duty = waiting.pop()
        waiting += duty.consequences
        for consequence in duty.consequences:
            yield from atoms(clauses_of(consequence))


def _about(parameter: Parameter, left: str, unit: str) -> bool:
    feature = parameter.feature
    return feature == left or local(feature) == local(left) or (bool(unit) and same_unit(feature, unit))


def same_unit(given: str, unit: str) -> bool:
    """Whether a unit is the policy's: none is, and `http` and `https` name the same one."""
    return not given or _bare(given) == _bare(unit)


def _bare(iri: str) -> str:
    return re.sub("^https?:", "", iri)
