"""What the verifier found: a verdict and a sentence per check, the verdict over all (spec/contracts.md 8.2, 8.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    """All checks in order, and notes on what was used and what is not proven.

    `stated` for machines: `levels` by role, `until` (how far the log was told), `trusted_time`, `seal_times` by role,
    `trust_list` (by which one it was judged), `succession` (who stands in the place of a party), `merger` (which party
    is part of whom), `approved_by` (all who agreed, by role), `revocation` by seal, `anchors`
    (SHA-256), `tool`.
    """

    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()
    stated: Mapping[str, object] = field(default_factory=dict)

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
    def doubts(self) -> tuple[str, ...]:
        """Names of the checks that could not be decided."""
        return tuple(check.name for check in self.checks if check.verdict is Verdict.INDETERMINATE)

    @property
    def holds_apart_from_time(self) -> bool:
        """Nothing is wrong and nothing open, except perhaps that nobody but the signers vouches for the time yet."""
        return self.first_failed is None and bool(self.checks) and set(self.doubts) <= {"time"}

    def value(self, checked_at: str) -> dict[str, object]:
        """The report as JSON value; `checked_at` is the time of the check."""
        checks = [
            {"name": one.name, "verdict": one.verdict.name, "code": one.code, "sentence": one.sentence}
            for one in self.checks
        ]
        return {
            "verdict": self.verdict.name,
            "reason": self.reason,
            "failed": None if self.first_failed is None else self.first_failed.name,
            "checks": checks,
            "notes": list(self.notes),
            "levels": self.stated.get("levels", {}),
            "until": self.stated.get("until"),
            "trustedTime": self.stated.get("trusted_time"),
            "sealTimes": self.stated.get("seal_times", {}),
            "trustList": self.stated.get("trust_list"),
            "succession": self.stated.get("succession"),
            "merger": self.stated.get("merger"),
            "revocation": self.stated.get("revocation", {}),
            "anchors": self.stated.get("anchors", []),
            "tool": self.stated.get("tool", ""),
            "checkedAt": checked_at,
        }

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
