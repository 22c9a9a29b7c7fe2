"""Runs checks one by one: what they raise becomes a verdict and a sentence, what they return can feed the next one."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from connector.verify.faults import Doubt, Fault
from connector.verify.report import Check, Report, Verdict
from connector.verify.words import say

P = ParamSpec("P")
T = TypeVar("T")


class Examination:
    """The checks made so far, in one language."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self._checks: list[Check] = []
        self._notes: list[str] = []

    def run(self, name: str, check: Callable[P, T], *args: P.args, **kw: P.kwargs) -> T | None:
        """The value of the check, None if it did not pass. A check without argument facts has one fixed sentence."""
        try:
            value = check(*args, **kw)
        except Fault as found:
            verdict = Verdict.INDETERMINATE if isinstance(found, Doubt) else Verdict.FAILED
            self._add(name, verdict, say("fault", found.code, self.lang, self._facts(found)), found.code)
            return None
        self._add(name, Verdict.PASSED, say("passed", name, self.lang))
        return value

    def note(self, key: str, /, **facts: object) -> None:
        """A line that is no check: what was used, what is not proven."""
        self._notes.append(say("note", key, self.lang, facts))

    def report(self) -> Report:
        return Report(tuple(self._checks), tuple(self._notes))

    def _add(self, name: str, verdict: Verdict, sentence: str, code: str = "") -> None:
        self._checks.append(Check(name, verdict, f"{say('check', name, self.lang)}: {sentence}", code))

    def _facts(self, found: Fault) -> dict[str, object]:
        """A fact `check` is the name of another check and shown in words."""
        facts = dict(found.facts)
        if "check" in facts:
            facts["check"] = say("check", str(facts["check"]), self.lang)
        return facts


def attempt(parse: Callable[P, T], *args: P.args, **kw: P.kwargs) -> T | None:
    """The parsed value or None; the check that owns the value reports what is wrong with it."""
    try:
        return parse(*args, **kw)
    except Fault:
        return None


def need(value: T | None, check: str) -> T:
    """The value, or Doubt: it cannot be judged because that other check did not give it."""
    if value is None:
        raise Doubt("not-checked", check=check)
    return value
