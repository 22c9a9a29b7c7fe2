"""Every error has its sentence and the facts for it; the handbook's list of codes is drawn from both, and is current.

`python tests/house/test_errors.py` draws it anew.
"""

import ast
import re
import string

from connector.foundation.language import catalogue
from tests.testkit.error_codes import made, raised
from tests.testkit.places import ROOT

ALWAYS_SO = {"PeerError", "Unauthenticated", "Unknown", "Mistake", "Refusal", "Unavailable", "Defect"}
"""Errors to which nothing is added but what the place gives that raises them."""
PAGE = ROOT / "connector/docs/errors.md"
HEAD = """\
# Error codes

Every answer that is an error has a `code`. It is stable: programs branch on it, people read the sentence beside it
(`reason`, in German and English). The management surface answers with `application/problem+json` (RFC 9457: `type`,
`status`, `code`, `reason`, and where known `pointer` and `request`), partners get the same code in the form of the
Dataspace Protocol, the command line shows the sentence. Which codes a route answers with stands in its OpenAPI
description (`hanse api`, `GET /api/openapi.json`).

Drawn from the code and the message catalogues by `python tests/house/test_errors.py`; a test fails when they differ. A
code with several statuses is raised for different reasons: what a caller can mend is 4xx, what has to wait is 503.
`400` as a word of ours to our own operator, or to a partner that broke the protocol, says who has to mend it by the
surface on which it is said. A code without a status is a sentence inside another answer.

| Code | Status | Sentence |
|---|---|---|
"""


def page() -> str:
    """The whole page: every sentence of an error, with the statuses that its code is raised with."""
    said = {key.removeprefix("error."): text for key, text in catalogue("en").items() if key.startswith("error.")}
    lines = [
        f"| `{code}` | {', '.join(map(str, sorted(raised().get(code, ())))) or '–'} | {cell(said[code])} |"
        for code in sorted(said)
    ]
    return HEAD + "\n".join(lines) + "\n"


def cell(text: str) -> str:
    """In one line; what is counted in the wording of several."""
    several = re.sub(r"\{(\w+):[^{}|]*\|([^{}]*)\}", lambda found: found[2].replace("#", f"{{{found[1]}}}"), text)
    return " ".join(several.split()).replace("|", "\\|")


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python tests/house/test_errors.py"


def test_every_code_that_is_raised_has_a_sentence() -> None:
    assert {code for code in raised() if f"error.{code}" not in catalogue("de")} == set()


def test_every_placeholder_of_an_error_is_filled() -> None:
    """A sentence must not ask for a fact that the place which raises it does not give."""
    said, short = catalogue("de"), []
    for one in made():
        code, given = one.call.args[0] if one.call.args else None, [keyword.arg for keyword in one.call.keywords]
        if one.cls in ALWAYS_SO and isinstance(code, ast.Constant) and all(given):
            sentence = said.get(f"error.{code.value}", "")
            asked = {name.partition(".")[0] for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}
            if missing := asked - ({*given} - {"reasons"}):
                short.append(f"{one.where} {code.value}: {sorted(missing)}")
    assert not short


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
