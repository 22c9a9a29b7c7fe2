"""Runs checks one by one: what they raise becomes a verdict and a sentence, what they return can feed the next one."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ParamSpec, Protocol, TypeVar, runtime_checkable

from connector.verify.formats.faults import Doubt, Fault
from connector.verify.report import Check, Report, Verdict
from connector.verify.words import say

P = ParamSpec("P")
T = TypeVar("T")


@runtime_checkable
class Telling(Protocol):
    """A value that fills the placeholders of the sentence that its check has passed."""

    @property
    def facts(self) -> Mapping[str, object]: ...


class Examination:
    """The checks made so far, in one language; `page`: said on a page, where there is no command line."""

    def __init__(self, lang: str, *, page: bool = False) -> None:
        self.lang, self._page = lang, page
        self._checks: list[Check] = []
        self._notes: list[str] = []
        self._stated: dict[str, object] = {}

    def run(self, name: str, check: Callable[P, T], *args: P.args, **kw: P.kwargs) -> T | None:
        """The value of the check, None if it did not pass."""
        try:
            value = check(*args, **kw)
        except Fault as found:
            verdict = Verdict.INDETERMINATE if isinstance(found, Doubt) else Verdict.FAILED
            self._add(name, verdict, self._say("fault", found.code, found.facts), found.code)
            return None
        facts = value.facts if isinstance(value, Telling) else {}
        self._add(name, Verdict.PASSED, self._say("passed", name, facts))
        return value

    @property
    def failed(self) -> bool:
        return any(one.verdict is Verdict.FAILED for one in self._checks)

    def excuse(self, other: "Examination", doubt: Doubt) -> None:
        """What failed here and not in `other`, where it was judged and nothing failed, is open instead.

        Its sentence stays, and says besides what the doubt says.
        """
        if other.failed:
            return
        judged = {one.name for one in other._checks if one.code != "not-checked"}
        more = self._say("fault", doubt.code, doubt.facts)
        self._checks = [
            replace(one, verdict=Verdict.INDETERMINATE, sentence=f"{one.sentence}; {more}", code=doubt.code)
            if one.verdict is Verdict.FAILED and one.name in judged
            else one
            for one in self._checks
        ]

    def note(self, key: str, /, **facts: object) -> None:
        """A line that is no check: what was used, what is not proven."""
        self._notes.append(self._say("note", key, facts))

    def state(self, **facts: object) -> None:
        """What machines read besides the checks."""
        self._stated.update(facts)

    def report(self, **facts: object) -> Report:
        return Report(tuple(self._checks), tuple(self._notes), {**self._stated, **facts})

    def _add(self, name: str, verdict: Verdict, sentence: str, code: str = "") -> None:
        self._checks.append(Check(name, verdict, f"{say('check', name, self.lang)}: {sentence}", code))

    def _say(self, table: str, key: str, facts: Mapping[str, object]) -> str:
        return say(table, key, self.lang, self._facts(facts), page=self._page)

    def _facts(self, found: Mapping[str, object]) -> dict[str, object]:
        """Facts that are names of something known (`check`, `level`, `oddity`, `source`) are shown in words."""
        named = {"check", "level", "oddity", "source"}
        return {key: say(key, str(fact), self.lang) if key in named else fact for key, fact in found.items()}


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
