"""Sizes in whatever unit of bytes: read in bytes, and refused at publishing where they could never be met."""

import pytest

from connector.app.policy_engine import policy_engine
from connector.kernel.policy.evaluation.decision import Decision
from connector.kernel.policy.odrl.model import Atom, Phase
from connector.kernel.policy.odrl.names import ODRL as O
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Fact, World
from connector.kernel.policy.odrl.units import BYTES
from connector.kernel.policy.odrl.values import MILLION, SAFE
from tests.kernel.policy.deciding import decide
from tests.kernel.policy.worlds import NOW, atom

QUDT = "http://qudt.org/vocab/unit/"


def ask(document: dict[str, object], phase: Phase, *facts: tuple[str, Fact]) -> Decision:
    return decide(parse(document), World(now=NOW, participant="did:web:town", facts=dict(facts)), phase)


def sized(value: str, unit: str = "", operator: str = "lteq") -> dict[str, object]:
    more = {"unit": unit} if unit else {}
    return {"permission": [{"action": "use", "constraint": [atom("odrl:absoluteSize", operator, value) | more]}]}


def only(document: dict[str, object]) -> Atom:
    [found] = parse(document).permissions[0].constraints
    assert isinstance(found, Atom)
    return found


@pytest.mark.parametrize(
    ("value", "unit", "size"),
    [
        ("8", "BYTE", 8),
        ("8", "KiloBYTE", 8_000),
        ("2.5", "MegaBYTE", 2_500_000),
        ("1", "GigaBYTE", 10**9),
        ("1", "TeraBYTE", 10**12),
        ("1", "KibiBYTE", 1024),
        ("0.5", "MebiBYTE", 524_288),
        ("1", "GibiBYTE", 2**30),
    ],
)
def test_a_size_is_read_in_bytes(value: str, unit: str, size: int) -> None:
    """>> so many of a unit of QUDT, with http or https  << so many bytes, and the same deal as written in bytes."""
    for prefix in (QUDT, "https://qudt.org/vocab/unit/"):
        found = only(sized(value, prefix + unit))
        assert (found.unit, found.value) == (BYTES, (size * MILLION, size * MILLION + 1))
    engine = policy_engine()
    assert engine.digest(sized(value, QUDT + unit)) == engine.digest(sized(str(size), BYTES))


@pytest.mark.parametrize(("unit", "more"), [("MegaBYTE", 10**6), ("KibiBYTE", 1024)])
def test_bug_a_size_in_megabytes_always_refused(unit: str, more: int) -> None:
    """>> at most two megabytes, and the data are as large, or one byte larger  << permitted; refused."""
    for beyond, answer in ((0, True), (1, False)):
        size = Fact((2 * more + beyond) * MILLION, unit=BYTES)
        for phase in ("transfer", "access"):
            assert ask(sized("2", QUDT + unit), phase, (O + "absoluteSize", size)).permit is answer


def test_a_size_beyond_every_number_is_not_understood() -> None:
    assert only(sized(str(SAFE), QUDT + "PetaBYTE")).value is None


@pytest.mark.parametrize("unit", ["", "urn:mb", QUDT + "METER"])
def test_bug_a_size_that_can_never_be_met_was_called_enforced(unit: str) -> None:
    """>> a size without unit, or in one that is none of bytes  << no promise, and refused at publishing, in words."""
    engine, document = policy_engine(), sized("5", unit)
    row = next(row for row in engine.coverage(document) if row["subject"] == O + "absoluteSize")
    assert (row["badge"], row["notes"]) == ("contractual", ["nobody-supplies"])
    [found] = engine.contradictions(document)
    assert (found.fault, found.pointer) == ("unit", "/permission/0/constraint/0")
    assert "MegaBYTE" in found.reasons["de"]
    assert "a size needs one of the units byte" in found.reasons["en"]


def test_a_size_with_its_unit_is_enforced_and_published() -> None:
    engine, document = policy_engine(), sized("5", QUDT + "MegaBYTE")
    [row] = [row for row in engine.coverage(document) if row["subject"] == O + "absoluteSize"]
    assert (row["badge"], row["phase"]) == ("enforced", "transfer")
    assert engine.contradictions(document) == []
    assert "Condition: size at most 5,000,000 bytes." in [text for text, _ in engine.clauses(document, "en")]
    assert "Voraussetzung: Größe höchstens 5.000.000 Byte." in [text for text, _ in engine.clauses(document, "de")]


@pytest.mark.parametrize(("value", "operator"), [("0", "lt"), ("-1", "lteq")])
def test_bug_a_size_below_nothing_was_published(value: str, operator: str) -> None:
    """>> smaller than no byte at all  << nobody can use it."""
    assert [one.fault for one in policy_engine().contradictions(sized(value, BYTES, operator))] == ["never"]


@pytest.mark.parametrize(
    "clause",
    [
        atom("odrl:absoluteSize", "lteq", "5", unit=QUDT + "MegaBYTE"),
        atom("odrl:fileFormat", "eq", "https://www.iana.org/assignments/media-types/text/csv"),
        atom("odrl:version", "eq", "2.1"),
        atom("odrl:recipient", "eq", "did:web:somebody.example"),
    ],
    ids=lambda clause: clause["leftOperand"],
)
def test_bug_what_is_known_from_the_transfer_on_could_not_be_negotiated(clause: dict[str, object]) -> None:
    """>> a rule about the data as signed, or about who receives them  << shown and agreed; the transfer decides."""
    document = {"permission": [{"action": "use", "constraint": [clause]}]}
    for phase in ("catalog", "negotiation"):
        decision = ask(document, phase)
        assert decision.permit
        assert decision.deferred
    assert not ask(document, "transfer").permit
    assert policy_engine().contradictions(document) == []
