"""What the official kit is told, and what is made of its lines: green only if each of the 65 cases was heard."""

from collections.abc import Mapping

import pytest

from tests.conformance import cases, official_kit
from tests.conformance.scripts import SCRIPTS
from tests.conformance.stand_ins import AT, RESULT, case_lines, green
from tests.testkit.places import SHARED

OFFICIAL = SHARED / "tck/dsp.tck.properties"


def test_every_case_of_the_kit_is_played_by_ours() -> None:
    """The 65 and the two that it has switched off; four are written out in `test_mini_kit.py`."""
    written_out = {"MET:01-01", "CAT:01-01", "CAT:01-02", "CAT:01-03"}
    assert set(SCRIPTS) | written_out == set(cases.DEFINED)
    assert (len(cases.DEFINED), len(cases.EXECUTED)) == (67, 65)


def read_properties(text: str) -> Mapping[str, str]:
    """Java's rules as far as they are used: comments, `key=value`, nothing else."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_the_kit_is_told_what_the_official_file_says() -> None:
    if not OFFICIAL.exists():
        pytest.skip("the official properties are absent: ../shared/data/tck/dsp.tck.properties beside the checkout")
    assert read_properties(official_kit.written(official_kit.properties(AT))) == read_properties(
        OFFICIAL.read_text(encoding="ascii")
    )


def test_a_value_that_java_would_read_otherwise_is_not_written() -> None:
    for value in ("ends with a blank ", "back\\slash", "ümlaut", ""):
        with pytest.raises(AssertionError):
            official_kit.written({"key": value})


# What is made of its lines


def test_a_complete_run_is_green() -> None:
    heard = official_kit.outcome(green())
    assert (len(heard.passed), heard.failures, heard.agreed) == (65, 0, True)


@pytest.mark.parametrize("case", ["CN:01-01", "TP_C:03-06"])
@pytest.mark.parametrize("how", ["FAILED", "ABORTED"])
def test_a_failing_case_is_named_with_its_reason(case: str, how: str) -> None:
    lines = [line.replace(f"SUCCESSFUL: {case}", f"{how}: {case}") for line in green()[:-1]]
    lines += [f"KIT FAILURE: {case}: Verify it\tjava.lang.AssertionError: Timeout waiting for OFFERED"]
    lines += ["KIT RESULT: 64 passed, 1 failed, 2 skipped, 0 classes failed"]
    heard = official_kit.outcome(lines)
    assert heard.failed == {case: "java.lang.AssertionError: Timeout waiting for OFFERED"}
    assert (len(heard.passed), heard.failures) == (64, 1)


def test_a_case_that_never_ran_is_a_failure() -> None:
    """A class that fails in its preparation counts as neither passed nor failed in the kit's own sums."""
    lines = [line for line in green()[:-1] if "TP:02" not in line]
    lines += ["KIT FAILURE: TransferProcessProvider02Test\tjava.lang.RuntimeException: Required configuration not set"]
    lines += ["KIT RESULT: 61 passed, 0 failed, 2 skipped, 1 classes failed"]
    heard = official_kit.outcome(lines)
    assert heard.missing == ["TP:02-01", "TP:02-02", "TP:02-03", "TP:02-05"]
    assert heard.beside == ["TransferProcessProvider02Test: java.lang.RuntimeException: Required configuration not set"]
    assert heard.failures == 5


def test_a_class_that_fails_behind_its_tests_is_a_failure() -> None:
    heard = official_kit.outcome(
        [*green()[:-1], "KIT FAILURE: ATest\tjava.io.IOException: gone", RESULT.replace("0 cl", "1 cl")]
    )
    assert heard.failures == 1


@pytest.mark.parametrize(
    "lines",
    [
        green()[:-1],
        [*green()[:-1], RESULT.replace("65", "64")],
        [*green()[:-1], RESULT.replace("2 skipped", "3 skipped")],
        [*green()[:-1], *case_lines("CN:09-09"), RESULT.replace("65", "66")],
    ],
    ids=["broken off", "other sum", "one more skipped", "unknown case"],
)
def test_a_run_that_does_not_add_up_is_not_green(lines: list[str]) -> None:
    assert official_kit.outcome(lines).failures == 1


def test_nothing_at_all_is_65_failures() -> None:
    assert official_kit.outcome([]).failures == 65
