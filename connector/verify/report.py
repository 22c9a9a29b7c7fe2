"""What the verifier found: one verdict and one sentence per check, and the verdict over all (contracts.md 15)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """The value is the exit code."""

    PASSED = 0
    FAILED = 1
    INDETERMINATE = 2


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its stable name, its verdict, and a sentence in the language asked for. `code` says why, or is ''."""

    name: str
    verdict: Verdict
    sentence: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All checks in order, and notes on what was used and what is not proven."""

    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        return overall(self.checks)

    @property
    def exit(self) -> int:
        return self.verdict.value

    @property
    def first_failed(self) -> Check | None:
        """The check that is named when the bundle fails."""
        return next((check for check in self.checks if check.verdict is Verdict.FAILED), None)

    @property
    def reason(self) -> str:
        """The sentence that explains the verdict; empty when everything holds."""
        doubt = next((check for check in self.checks if check.verdict is Verdict.INDETERMINATE), None)
        named = self.first_failed or doubt
        return "" if named is None else named.sentence


def overall(checks: Sequence[Check]) -> Verdict:
    """A failure decides, then a doubt; no check at all proves nothing."""
    verdicts = {check.verdict for check in checks}
    if Verdict.FAILED in verdicts:
        return Verdict.FAILED
    return Verdict.INDETERMINATE if Verdict.INDETERMINATE in verdicts or not verdicts else Verdict.PASSED
