"""How tests read a report, and how they make a bundle whose list of files is sealed anew."""

import json

import msgspec

from connector.exchange.contracts.evidence import export
from connector.foundation.language import local_text
from connector.verify.checks import contract
from connector.verify.checks.trusted_time import written
from connector.verify.formats import jcs
from connector.verify.report import Report, Verdict
from tests.verify.forge import Case

PASSED, FAILED, INDETERMINATE = Verdict.PASSED, Verdict.FAILED, Verdict.INDETERMINATE


def named(report: Report) -> tuple[str, str] | None:
    """The failed check that is named, and why."""
    failed = report.first_failed
    return None if failed is None else (failed.name, failed.code)


def local(seconds: int) -> str:
    """An instant as the English report says it."""
    return local_text(written(seconds), "en")


def verdicts(report: Report) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in report.checks}


def changed(case: Case, **parts: object) -> bytes:
    """The bundle of these parts, with a fresh sealed manifest: only the content itself can betray it."""
    return export.bundle(msgspec.structs.replace(case.parts, **parts), case.seal_manifest)


def remade(case: Case, members: dict[str, bytes]) -> bytes:
    """These members under a list that the exporter seals again."""
    rest = {name: body for name, body in members.items() if name not in ("manifest.json", "manifest.jws")}
    manifest = jcs.encode({**json.loads(members["manifest.json"]), "members": contract.manifest_rows(rest)})
    return export.pack(rest | {"manifest.json": manifest, "manifest.jws": case.seal_manifest(manifest).encode()})
