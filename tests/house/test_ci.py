"""`.ci/beside`: what CI runs beside its steps ends with all that it has started, whichever step fails."""

import os
import subprocess
from pathlib import Path

from tests.testkit.patience import PATIENCE_S
from tests.testkit.places import ROOT

CI = """
set -euo pipefail
. .ci/beside
trap end_beside EXIT
tests() { sh -c "$CHILD" && echo never; }
lint() { return 3; }
beside tests /dev/null
beside lint /dev/null
code=0
ended "$!" || code=$?
while [ ! -s "$NOTED" ]; do sleep 0.01; done
exit $((code + 1))
"""
WORKS = "echo $$ >$NOTED; while :; do sleep 0.01; done"


def _run(folder: Path, child: str, **environ: str) -> tuple[int, bool]:
    """What the program above ends with, and whether its child is still there."""
    noted = folder / "noted"
    env = {**os.environ, "NOTED": str(noted), "CHILD": child, **environ}
    done = subprocess.run(["bash", "-c", CI], cwd=ROOT, env=env, timeout=PATIENCE_S, check=False)
    stat = Path("/proc", noted.read_text().strip(), "stat")
    try:  # whoever was killed may wait to be buried by a process that is not ours
        return done.returncode, stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return done.returncode, False


def test_a_step_that_fails_ends_the_children_of_what_runs_beside(tmp_path: Path) -> None:
    """They clean up as after Ctrl-C; what ended before is known, and what the step ended with stands."""
    cleaned = tmp_path / "cleaned"
    assert _run(tmp_path, f'trap "echo all >{cleaned}; exit 2" INT; {WORKS}') == (4, False)
    assert cleaned.read_text() == "all\n"


def test_whoever_does_not_hear_is_ended_by_force(tmp_path: Path) -> None:
    assert _run(tmp_path, f'trap "" INT TERM; {WORKS}', GRACE_S="0") == (4, False)
