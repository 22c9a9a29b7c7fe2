"""`hanse catalogue import|imports|original|questions|answer|repairs`: a catalogue taken in, asked about, repaired."""

import csv
import io
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from connector.cli.frame.call import OK, REFUSED, Call, named_file, opened, unusable
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words
from connector.foundation.errors import Mistake
from connector.foundation.small_files import replaced

POLL_S = 0.25
SUMS = ("datasets", "triples", "lost", "published", "held", "questions")
SHOWN = 10
"""Datasets, examples and uses that are shown of each."""
LARGEST = 20_000_000
"""Bytes of a file of answers."""
_FORMULA = tuple("=+-@\t\r'")
"""What a spreadsheet takes for a formula; the apostrophe keeps it from doing so, so it is kept with another."""
COLUMNS = ("kind", "value", "dataset", "question", "datasets", "proposal", "answer")


def register(group: Words, places: Any) -> None:
    """The commands, below `hanse catalogue`."""
    command = _of_participant(group, places, "import")
    command.word("what", metavar="FILE|URL", nargs="+")
    command.word("--new-records", choices=("wait",))
    command.set_defaults(run=take)
    command = _of_participant(group, places, "imports")
    command.word("--new-records", choices=("wait", "publish"))
    command.set_defaults(run=imports)
    command = _of_participant(group, places, "original")
    command.word("--output", metavar="FILE", type=Path, of="catalogue.shared")
    command.set_defaults(run=original)
    command = _of_participant(group, places, "questions")
    command.word("--output", metavar="FILE", type=Path, of="catalogue.shared")
    command.set_defaults(run=questions)
    command = _of_participant(group, places, "answer")
    command.word("file", metavar="FILE", type=Path)
    command.set_defaults(run=answer)
    command = _of_participant(group, places, "repairs")
    command.word("--rule", metavar="RULE")
    command.word("--undo", metavar="RULE")
    command.word("--redo", metavar="RULE")
    command.set_defaults(run=repairs)


def _of_participant(group: Words, places: Any, name: str) -> Words:
    command = group.command(places, name)
    command.word("--as", dest="participant", required=True, metavar="SLUG", of="catalogue.shared")
    command.word("--source", metavar="SOURCE", of="catalogue.shared")
    return command


def _api(call: Call) -> Api:
    return Api(call.settings().api.socket)


# Taking in


def take(call: Call) -> int:
    """One after the other; what cannot be taken in does not keep the others out."""
    runs = [_taken(call, what) for what in call.args.what]
    done = [run["report"] for run in runs if run["report"] is not None]
    sums = {key: sum(report[key] for report in done) for key in SUMS}
    call.result({"runs": runs, **sums})
    if len(done) > 1:
        call.tell("import.sum", **sums)
    return OK if len(done) == len(runs) else REFUSED


def _taken(call: Call, what: str) -> Any:
    api, args = _api(call), call.args
    if "://" in what:
        body = {"url": what, "source": args.source, "new_records": args.new_records}
        started = api.post("participants", args.participant, "imports", "address", body=body)
    else:
        started = _upload(api, args.participant, Path(what), args.source, args.new_records)
    try:
        run = _waited(call, api, started["run"])
    except KeyboardInterrupt:
        call.note("import.goes-on", what=what)
        raise
    if run["report"] is None:
        call.note("import.failed", what=what, reason=run["reason"][call.lang])
    else:
        _tell(call, run["report"], delivered=True)
    return run


def _upload(api: Api, participant: str, path: Path, source: str | None, new_records: str | None) -> Any:
    try:
        with opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            return api.upload(
                "participants",
                participant,
                "imports",
                file=file,
                size=size,
                name=path.name,
                source=source,
                new_records=new_records,
            )
    except OSError as problem:
        raise unusable(path, problem) from problem


def _waited(call: Call, api: Api, run_id: str) -> Any:
    """Asks until it is over; on a terminal it says how far it is."""
    told = ""
    while True:
        run = api.get("participants", call.args.participant, "imports", "runs", run_id)
        if run["phase"] in {"done", "failed"}:
            return run
        now = call.say(f"import.phase.{run['phase']}", done=run["done"], total=run["total"])
        if now != told and sys.stderr.isatty():
            print(now, file=sys.stderr)
        told = now
        time.sleep(POLL_S)


def _tell(call: Call, report: Mapping[str, Any], *, delivered: bool = False) -> None:
    call.tell("import.done", **{key: report[key] for key in ("source", *SUMS[:5])})
    call.tell("import.moved", **{key: report[key] for key in ("new", "changed", "removed")})
    call.tell("import.outcome", **{key: report[key] for key in ("released", "waiting", "unchanged")})
    if report["waiting"]:
        why = "refused" if report["refused"] else ("waiting-chosen" if report["new_records"] == "wait" else "waiting")
        call.tell(f"import.{why}", participant=call.args.participant, approval=report["approval"])
    call.tell(f"import.new-{report['new_records']}")
    if delivered and not report["complete"]:
        call.tell("import.incomplete")
    if report["missing"]:
        call.tell("import.missing", missing=report["missing"])
    for reason, sentences in report["reasons"].items():
        iris = [iri for iri, why in report["aside"].items() if why == reason]
        call.tell("import.aside", count=len(iris), reason=sentences[call.lang], first=", ".join(iris[:SHOWN]))
    for remark in report["remarks"]:
        call.tell(f"catalogue.remark.{remark['kind']}", count=remark["count"], examples="; ".join(remark["examples"]))
    if report["repairs"]:
        call.tell("import.repairs", uses=sum(report["repairs"].values()), rules=len(report["repairs"]))
    if report["questions"]:
        call.tell("import.questions", questions=report["questions"], asked=report["asked"])


def imports(call: Call) -> int:
    """Sources, or the choice for one of them."""
    args, api = call.args, _api(call)
    if args.new_records is None:
        found = api.get("participants", args.participant, "imports")
        sources = [one for one in found["sources"] if args.source in (None, one["source"], one["location"])]
        call.result({"sources": sources})
        for one in sources:
            _tell_source(call, one)
        if not sources:
            call.tell("imports.none")
        return OK
    if args.source is None:
        raise Mistake("harvest.choice-source")
    body = {"source": args.source, "new_records": args.new_records}
    done = api.post("participants", args.participant, "imports", "choice", body=body)
    call.result(done)
    _tell_source(call, done["source"])
    if done["asked"]:
        call.tell("imports.asked", participant=args.participant, approval=done["asked"])
    return OK


def _tell_source(call: Call, one: Mapping[str, Any]) -> None:
    call.tell("imports.source", **{key: one[key] for key in ("source", "location", "published", "waiting", "held")})
    call.tell(f"import.new-{one['new_records']}")


def original(call: Call) -> int:
    args, api = call.args, _api(call)
    parts = api.download("participants", args.participant, "imports", "original", source=args.source)
    if args.output is None:
        for part in parts:
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
        return OK
    content = b"".join(parts)
    _written(args.output, content)
    call.result({"triples": content.count(b"\n"), "file": str(args.output)})
    call.tell("original.written", triples=content.count(b"\n"), path=str(args.output))
    return OK


# Questions and answers


def questions(call: Call) -> int:
    args = call.args
    found = _api(call).get("participants", args.participant, "imports", "questions", source=args.source)
    call.result(found)
    asked = found["questions"]
    if args.output is not None:
        _written(args.output, _as_file(call, args.output, asked))
        call.tell("questions.written", count=len(asked), path=str(args.output))
        return OK
    for one in asked:
        call.tell("questions.one", question=one["question"][call.lang], count=one["count"])
        if one["proposal"]:
            call.tell("questions.proposal", proposal=one["proposal"])
        for iri in one["datasets"][: SHOWN if one["per_dataset"] else 3]:
            call.tell("questions.dataset", iri=iri)
    held = any(one["holds"] for one in asked)
    call.tell("questions.sum" if held else "questions.none-held", count=len(asked))
    return OK


def _as_file(call: Call, path: Path, asked: Iterable[Mapping[str, Any]]) -> bytes:
    """A file that people fill in: CSV if it is called so, else JSON. What was not said at all has a row per dataset."""
    rows = [
        {
            "kind": one["kind"],
            "value": one["value"],
            "dataset": iri,
            "question": one["question"][call.lang],
            "datasets": one["count"],
            "proposal": one["proposal"],
            "answer": "",
        }
        for one in asked
        for iri in (one["datasets"] if one["per_dataset"] and one["datasets"] else [""])
    ]
    if path.suffix.lower() != ".csv":
        return json.dumps(rows, ensure_ascii=False, indent=1).encode() + b"\n"
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, delimiter=";")
    writer.writeheader()
    writer.writerows({key: _harmless(value) for key, value in row.items()} for row in rows)
    return text.getvalue().encode("utf-8-sig")  # so that spreadsheets see the encoding


def _harmless(value: object) -> object:
    """What portals wrote is text: a spreadsheet would run what begins like a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in _FORMULA else value


def _meant(value: object) -> object:
    return value[1:] if isinstance(value, str) and value[:1] == "'" and value[1:2] in _FORMULA else value


def answer(call: Call) -> int:
    args = call.args
    given = [row for row in _rows(args.file) if str(row.get("answer") or "").strip()]
    if not given:
        raise Mistake("harvest.no-answers", path=args.file)
    answers = [{key: str(row.get(key) or "") for key in ("kind", "value", "dataset", "answer")} for row in given]
    body = {"answers": answers, "source": args.source}
    done = _api(call).post("participants", args.participant, "imports", "answers", body=body)
    call.result(done)
    call.tell("answer.taken", count=len(answers) - done["unasked"])
    if done["unasked"]:
        call.tell("answer.unasked", count=done["unasked"])
    for report in done["reports"]:
        _tell(call, report)
    return OK


def _rows(path: Path) -> list[Mapping[str, Any]]:
    """Rows of JSON or CSV, as `questions --output` writes them; raises Mistake."""
    content = named_file(path, LARGEST + 1)
    if len(content) > LARGEST:
        raise Mistake("harvest.answers-file", path=path)
    try:
        if path.suffix.lower() == ".csv":
            rows: Any = _table(content)
        else:
            rows = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError, csv.Error) as cause:
        raise Mistake("harvest.answers-file", path=path) from cause
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.get("kind") for row in rows):
        raise Mistake("harvest.answers-file", path=path)
    return rows


def _table(content: bytes) -> list[Mapping[str, Any]]:
    """CSV as spreadsheets save it: in UTF-8 or Windows-1252, with any of three separators, and with rows of nothing."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252")
    first = text.partition("\n")[0]
    separator = next((each for each in ";\t" if each in first), ",")
    table = csv.DictReader(io.StringIO(text), delimiter=separator)
    rows = [{key: _meant(value) for key, value in row.items() if key is not None} for row in table]
    return [row for row in rows if any(row.values())]


def _written(path: Path, content: bytes) -> None:
    try:
        replaced(path, content, 0o644)
    except OSError as problem:
        raise unusable(path, problem) from problem


# Repairs


def repairs(call: Call) -> int:
    args, api = call.args, _api(call)
    if args.undo or args.redo:
        body = {"rule": args.undo or args.redo, "redo": bool(args.redo), "source": args.source}
        done = api.post("participants", args.participant, "imports", "undo", body=body)
        call.result(done)
        call.tell("repairs.redone" if args.redo else "repairs.undone", rule=args.undo or args.redo)
        for report in done["reports"]:
            _tell(call, report)
        return OK
    found = api.get("participants", args.participant, "imports", "repairs", source=args.source)
    call.result(found)
    for one in found["repairs"]:
        if args.rule in (None, one["rule"]):
            call.tell("repairs.rule", rule=one["rule"], says=one["says"][call.lang], count=one["count"])
            for use in one["uses"][: SHOWN if args.rule else 1]:
                call.tell("repairs.use", dataset=use["dataset"])
                for line in use["before"]:
                    call.tell("repairs.before", line=line)
                for line in use["after"]:
                    call.tell("repairs.after", line=line)
    for source, undone in found["undone"].items():
        call.tell("repairs.left-out", source=source, rules=", ".join(undone))
    return OK
