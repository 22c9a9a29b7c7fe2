"""The municipal suite: complete, written just as its table says, and decided as it expects, in Turtle and in JSON."""

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.data.catalogue.templates.templates import templates
from connector.kernel.dialects.policies.skos import Vocabulary
from connector.kernel.policy.evaluation.decision import Node
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.names import expand
from connector.kernel.policy.odrl.operands import REGISTRY
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.values import Type
from tests.kernel.policy.municipal import world
from tests.suites import force
from tests.suites.municipal.form import Case
from tests.suites.municipal.suite import DIGEST, PLACE, cases, digest, generated
from tests.suites.municipal.writing import files, tree

CASES = cases()
NAMES = [f"{number:03} {case.title}" for number, case in enumerate(CASES, 1)]
TYPED = (Type.INSTANT, Type.DURATION, Type.INTEGER, Type.DECIMAL, Type.CONCEPT, Type.IRI, Type.TEXT, Type.LANGUAGE)
NEVER = {(Type.IRI, name, "-") for name in ("isPartOf", "isA", "hasPart")}
"""Whether an IRI outside all lists is not contained in another cannot be known, so it never fails."""


def test_there_are_many_cases_and_no_two_alike() -> None:
    """At least 150; each title says something else."""
    assert len(CASES) >= 150
    assert not [title for title, count in Counter(case.title for case in CASES).items() if count > 1]


def test_a_change_of_the_files_shows_in_their_digest() -> None:
    """>> the table is written once more  << the digest that is kept; no file of the suite is kept itself."""
    written = files(CASES)
    assert digest(written) == DIGEST.read_text().strip(), "if meant: python -m tests.suites.municipal"
    assert digest({name: written[name] for name in [*written][:-1]}) != DIGEST.read_text().strip()
    assert sorted(path.name for path in PLACE.iterdir()) == ["README.md", "SHA256"]


def test_the_digest_is_what_the_readme_says(municipal_suite: Path) -> None:
    """>> the line of policies/suite/README.md, in the written folder  << the digest that is kept."""
    (line,) = re.findall(r"^find data .*$", (PLACE / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    said = subprocess.run(["/bin/sh", "-c", line], cwd=municipal_suite, capture_output=True, text=True, check=True)
    assert said.stdout.split()[0] == DIGEST.read_text().strip()


def test_the_folder_of_the_description_stands_for_the_files(tmp_path: Path) -> None:
    """>> policies/suite, another folder  << a temporary folder that is gone afterwards, that folder itself."""
    with generated(PLACE) as folder:
        assert len(list((folder / "data" / "test_cases").iterdir())) == len(CASES)
    assert not folder.exists()
    with generated(tmp_path) as folder:
        assert folder == tmp_path


def single(case: Case) -> dict[str, Any] | None:
    """The one constraint of a policy that has nothing else."""
    rules = [rule for kind in ("permission", "prohibition", "obligation") for rule in case.policy.get(kind, ())]
    constraints = rules[0].get("constraint", []) if len(rules) == 1 else []
    return constraints[0] if len(constraints) == 1 and "leftOperand" in constraints[0] else None


def test_each_operator_meets_each_type_holding_and_failing() -> None:
    """Twelve operators, eight types: whatever the registry allows stands in the suite twice."""
    found = set()
    for case in CASES:
        if (atom := single(case)) and (operand := REGISTRY.get(expand(atom["leftOperand"]))):
            found.add((operand.type, atom["operator"], case.rules[0].premises[-1]))
    wanted = {
        (operand.type, operator, sign)
        for operand in REGISTRY.values()
        for operator in operand.operators
        for sign in "+-"
        if operand.type in TYPED
    }
    assert wanted - found <= NEVER
    assert {operator for _, operator, _ in found if operator.isalpha()} >= {
        *("eq", "neq", "lt", "lteq", "gt", "gteq", "isA", "hasPart", "isPartOf", "isAllOf", "isAnyOf", "isNoneOf")
    }


def test_each_template_is_allowed_and_refused() -> None:
    """All of them, by their number in the title."""
    tried = {(match[1], case.permit) for case in CASES if (match := re.match(r"template \d+ ([a-z-]+):", case.title))}
    assert tried == {(template.id, permit) for template in templates() for permit in (True, False)}


def test_everything_else_of_the_chapter_occurs() -> None:
    """Logic, remedies, consequences, deadlines from each anchor, windows, collections, conflict strategies."""
    text = str([case.policy for case in CASES])
    for word in ("and", "or", "xone", "andSequence", "remedy", "odrl:consequence", "dueBy", "refinement", "P1D", "P1M"):
        assert word in text
    for anchor in ("agreement+", "agreementEnd+", "firstAccess+", "eventEnd+", "violation+"):
        assert f"'{anchor}" in text
    for conflict in ("odrl:perm", "odrl:prohibit", "odrl:invalid", "PartyCollection", "AssetCollection"):
        assert conflict in text
    assert {state for case in CASES for rule in case.rules for state in rule.duties} == {
        *("NonSet", "Fulfilled", "Violated", "Healed")
    }


def signs(nodes: tuple[Node, ...]) -> Iterator[list[Any]]:
    """The constraints of a rule as nested signs."""
    for node in nodes:
        if node.kind in ("constraint", "logic", "odd"):
            yield ["+" if node.state == "yes" else "-", *signs(node.children)]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_our_engine_decides_as_expected(vocabulary: Vocabulary, case: Case) -> None:
    """The table's policy as JSON, its state as a world: the answer, each constraint, and how each obligation stands."""
    decision = compile(parse(case.policy), mode=force.SUITE).examine(world(case, vocabulary), "access")
    assert decision.permit is case.permit
    rules = [node for node in decision.tree.children if node.kind in ("permission", "prohibition", "obligation")]
    for node, expected in zip(rules, case.rules, strict=True):
        if node.kind == "obligation":
            assert {"not-set": "NonSet"}.get(node.deontic, node.deontic.capitalize()) == expected.duties[0]
        else:
            assert (node.state == "yes") is expected.active
            assert [*signs(node.children)] == [part for part in tree(expected.premises) if isinstance(part, list)]


def test_a_wrong_expectation_is_noticed(tmp_path: Path) -> None:
    """>> one sign, one state or the result turned  << exactly that case disagrees."""
    some = [next(case for case in CASES if case.title.startswith(part)) for part in ("text", "after the", "template 3")]
    for name, written in files(some).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(written, encoding="utf-8")
    assert all(outcome.premises and outcome.result for outcome in force.run(tmp_path))
    first, second, third = sorted((tmp_path / "data" / "test_cases").glob("*.ttl"))
    for path, old, new in (
        (first, "report:satisfactionState report:Satisfied", "report:satisfactionState report:Unsatisfied"),
        (second, "report:NonSet", "report:Fulfilled"),
        (third, '"permit"', '"deny"'),
    ):
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
    assert [(o.activation, o.premises, o.result) for o in force.run(tmp_path)] == [
        (True, False, True),
        (True, True, False),
        (True, True, False),
    ]
