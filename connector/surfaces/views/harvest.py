"""Foreign catalogues: sources, runs, questions, repairs."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from connector.data.harvest.model import Question, Repair, Report, Run, Source
from connector.foundation.errors import HanseError
from connector.foundation.language import LANGUAGES, say
from connector.kernel.metadata.rdf.reading import Remark
from connector.surfaces.views.fields import Sentences, Time, explanation, time

NewRecords = Literal["wait", "publish"]
"""Of a source: whether new records always wait for a person, or go out where nothing asks for one."""


class RemarkView(msgspec.Struct, frozen=True, kw_only=True):
    """What reading let pass or set aside: `kind`, how often, the first examples."""

    kind: str
    count: int
    examples: list[str]


class ReportView(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended: numbers of datasets, of triples in the original, of questions (`questions` open, `asked` new).

    `lost` counts what reading had to set aside, `repairs` how often each rule was used in this run, `aside` has the
    reason by IRI. `missing` datasets are not in the delivery any more and stay until somebody answers.
    `released` went out by this run, `unchanged` are public and stay as they are, `waiting` wait for people (`fresh` of
    them since this run) in the approval `approval`; `refused`: somebody has said no to just these.
    """

    source: str
    location: str
    datasets: int
    triples: int
    lost: int
    published: int
    held: int
    new: int
    changed: int
    removed: int
    missing: int
    complete: bool
    questions: int
    asked: int
    pages: int
    aside: dict[str, str]
    reasons: dict[str, Sentences]
    repairs: dict[str, int]
    remarks: list[RemarkView]
    released: int
    unchanged: int
    waiting: int
    fresh: int
    approval: str | None
    refused: bool
    new_records: NewRecords


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """A run. `phase`: `reading`, `repairing`, `publishing`, `done` or `failed`; `done` of `total` datasets so far.

    `report` is there when it is done, `code` and `reason` when it failed.
    """

    run: str
    location: str
    phase: str
    done: int
    total: int
    began: Time | None
    report: ReportView | None
    code: str | None
    reason: Sentences | None


class ImportStartedView(msgspec.Struct, frozen=True):
    """Ask for the run until it is over."""

    run: str


class SourceView(msgspec.Struct, frozen=True, kw_only=True):
    """A source with the number of datasets in each state; `undone` are rules that the steward undid.

    `waiting` wait for people in `approval`, and may be public with other words meanwhile.
    """

    source: str
    location: str
    triples: int
    imported: Time | None
    published: int
    held: int
    aside: int
    waiting: int
    approval: str | None
    new_records: NewRecords
    undone: list[str]


class ImportChoiceView(msgspec.Struct, frozen=True, kw_only=True):
    """The source as it is now; `asked`: the approval in which others have to agree before the choice holds."""

    source: SourceView
    asked: str | None


class SourcesView(msgspec.Struct, frozen=True):
    sources: list[SourceView]


class ImportQuestionView(msgspec.Struct, frozen=True, kw_only=True):
    """One question for all `datasets` (the first thousand of `count`) that hang on it. `question` says it in words.

    `holds`: they wait. `per_dataset`: each may have an answer of its own. `proposal` is empty if nothing is near.
    """

    source: str
    kind: str
    value: str
    question: Sentences
    holds: bool
    per_dataset: bool
    count: int
    datasets: list[str]
    proposal: str


class ImportQuestionsView(msgspec.Struct, frozen=True):
    questions: list[ImportQuestionView]


class ReportsView(msgspec.Struct, frozen=True):
    """One for each source that was repaired anew. `unasked`: answers to what is not asked here; they were left out."""

    reports: list[ReportView]
    unasked: int = 0


class RepairUseView(msgspec.Struct, frozen=True, kw_only=True):
    """Triples as N-Triples, before and after."""

    dataset: str
    before: list[str]
    after: list[str]


class RepairView(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that was used: how often, and its uses (the first thousand of all)."""

    rule: str
    says: Sentences
    count: int
    uses: list[RepairUseView]


class RepairsView(msgspec.Struct, frozen=True):
    """`undone` are rules that a steward undid, with their source."""

    repairs: list[RepairView]
    undone: dict[str, list[str]]


def report(one: Report) -> ReportView:
    return ReportView(
        source=one.source,
        location=one.location,
        datasets=one.datasets,
        triples=one.triples,
        lost=one.lost,
        published=one.published,
        held=one.held,
        new=one.new,
        changed=one.changed,
        removed=one.removed,
        missing=one.missing,
        complete=one.complete,
        questions=one.questions,
        asked=one.asked,
        pages=one.pages,
        aside=dict(one.aside),
        reasons={reason: _said(f"aside.{reason}") for reason in sorted(set(one.aside.values()))},
        repairs=dict(one.repairs),
        remarks=[_remark(each) for each in one.remarks],
        released=one.released,
        unchanged=one.unchanged,
        waiting=one.waiting,
        fresh=one.fresh,
        approval=one.approval or None,
        refused=one.refused,
        new_records="wait" if one.wait else "publish",
    )


def _remark(one: Remark) -> RemarkView:
    return RemarkView(kind=one.kind, count=one.count, examples=list(one.examples))


def run(one: Run) -> RunView:
    failed = HanseError(one.error, **one.facts) if one.error else None
    return RunView(
        run=one.id,
        location=one.location,
        phase=one.phase,
        done=one.done,
        total=one.total,
        began=time(one.began_at),
        report=None if one.report is None else report(one.report),
        code=one.error or None,
        reason=None if failed is None else explanation(failed),
    )


def source(one: Source, counts: Mapping[str, int]) -> SourceView:
    return SourceView(
        source=one.id,
        location=one.location,
        triples=one.triples,
        imported=time(one.imported_at),
        published=counts.get("published", 0),
        held=counts.get("held", 0),
        aside=counts.get("aside", 0),
        undone=sorted(one.undone),
        waiting=counts.get("waiting", 0),
        approval=one.approval or None if counts.get("waiting") else None,
        new_records="wait" if one.wait_since else "publish",
    )


def question(at: str, one: Question) -> ImportQuestionView:
    # With the service that gives the question they are loaded by now; a server that imports nothing does without.
    from connector.kernel.metadata.check.rules import by_id
    from connector.kernel.metadata.check.sentences import asked
    from connector.kernel.metadata.repair.questions import BY_NAME

    kind = BY_NAME.get(one.kind)
    missing = not one.value and kind is not None
    said = _said(f"question.{one.kind}{'-missing' if missing else ''}", value=one.value)
    rule = by_id().get(one.value) if one.kind == "other" else None
    if rule is not None:
        said = {lang: say("question.other", lang, value=asked(rule, lang)) for lang in LANGUAGES}
    return ImportQuestionView(
        source=at,
        kind=one.kind,
        value=one.value,
        holds=one.holds,
        per_dataset=missing,
        count=one.count,
        question=said,
        datasets=list(one.datasets),
        proposal=one.proposal,
    )


def repair(rule: str, count: int, uses: Sequence[tuple[str, Repair]]) -> RepairView:
    return RepairView(
        rule=rule,
        says=_said(f"repair.{rule}"),
        count=count,
        uses=[RepairUseView(dataset=iri, before=list(use.before), after=list(use.after)) for iri, use in uses],
    )


def _said(key: str, **facts: object) -> Sentences:
    return {lang: say(key, lang, **facts) for lang in LANGUAGES}
