"""`hanse space invite --csv FILE`: invitations for many towns, all rows checked before the first one is made.

Repeatable: who was invited already, or is a member, is left out. Links are shown once, so they are written to a file
that nobody else may read.
"""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from connector.cli.frame.call import OK, WRONG_USAGE, Call, named_file, unusable
from connector.cli.frame.client import Api
from connector.data.catalogue import concepts
from connector.foundation.errors import Mistake
from connector.foundation.small_files import replaced
from connector.identity.participants.model import checked_name

COLUMNS: Final = ("name", "ars", "kind", "domain")
LARGEST: Final = 1 << 20
MOST: Final = 500


def run(call: Call, path: Path) -> int:
    """Exit code 0 if all are invited afterwards, 2 if the list is wrong: then nobody was."""
    args, api = call.args, Api(call.settings().api.socket)
    rows = _rows(path.expanduser())
    known = _known(api, args.participant)
    fresh = [row for row in rows if row["name"] not in known]
    if args.report is None and fresh and not args.dry_run and not args.json:
        raise Mistake("cli.space-report")
    made: list[dict[str, Any]] = []
    for row in [] if args.dry_run else fresh:
        made.append(api.post("participants", args.participant, "space", "invitations", body=row))
        if args.report is not None:
            _written(args.report.expanduser(), made)
    call.result({"invited": made, "would": len(fresh), "known": len(rows) - len(fresh), "dry_run": args.dry_run})
    key = "space.csv-would" if args.dry_run else "space.csv-done"
    call.tell(key, count=len(fresh), known=len(rows) - len(fresh))
    return OK if rows else WRONG_USAGE


def _rows(path: Path) -> list[dict[str, str]]:
    """Comma or semicolon, UTF-8; raises Mistake for a list that is not one."""
    data = named_file(path, LARGEST + 1)
    if len(data) > LARGEST:
        raise Mistake("cli.csv-large", path=path, most=MOST)
    text = data.decode("utf-8-sig", "replace")
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip().casefold() for name in reader.fieldnames or []]
        if "name" not in names or not set(names) <= set(COLUMNS) or len(set(names)) != len(names):
            raise Mistake("cli.csv-columns", path=path, columns=", ".join(COLUMNS))
        reader.fieldnames = names
        rows = [_row(row, path, reader.line_num) for row in reader]
    except csv.Error as cause:
        raise Mistake("cli.csv-broken", path=path, line=reader.line_num) from cause
    if len(rows) > MOST:
        raise Mistake("cli.csv-large", path=path, most=MOST)
    return rows


def _row(row: Mapping[Any, Any], path: Path, line: int) -> dict[str, str]:
    if None in row or None in row.values() or not row["name"].strip():
        raise Mistake("cli.csv-broken", path=path, line=line)
    found = {name: str(row.get(name, "") or "").strip() for name in COLUMNS}
    checked_name(found["name"])
    if found["kind"]:
        found["kind"] = concepts.kind(found["kind"]).iri
    return found


def _known(api: Api, slug: str) -> set[str]:
    """Names that are invited, have used their invitation, or belong."""
    invited = api.get("participants", slug, "space", "invitations")["invitations"]
    members = api.get("participants", slug, "space", "members")["members"]
    names = {one["name"] for one in invited if one["state"] in ("open", "used")}
    return names | {one["name"] for one in members if one["state"] in ("active", "suspended")}


def _written(place: Path, made: list[dict[str, Any]]) -> None:
    """After each one, so that no link is lost if the list breaks off."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(("name", "link", "until"))
    writer.writerows((one["name"], one["link"], one["until"]) for one in made)
    try:
        replaced(place, out.getvalue().encode())
    except OSError as problem:
        raise unusable(place, problem) from problem
