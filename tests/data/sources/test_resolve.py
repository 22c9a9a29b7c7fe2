"""T19: a registered location opens a regular file inside the participant's folder and nothing else."""

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.data.sources.resolve import open_inside
from connector.foundation.errors import Mistake, Unknown

SECRET = b"secret of another participant"


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "musterstadt"
    (inside / "deep").mkdir(parents=True)
    (inside / "deep" / "trees.csv").write_bytes(b"trees")
    (tmp_path / "secret").write_bytes(SECRET)
    return inside


def read(folder, location):
    opened = open_inside(folder, location)
    try:
        return os.read(opened, 100)
    finally:
        os.close(opened)


def test_a_file_inside_opens(folder):
    """Folders below are fine."""
    assert read(folder, "deep/trees.csv") == b"trees"


@pytest.mark.threat("T19")
@pytest.mark.parametrize(
    "location",
    [
        "../secret",
        "deep/../../secret",
        "/etc/passwd",
        "deep//trees.csv",
        "",
        ".",
        "..",
        "./deep/trees.csv",
        "deep/",
        "..\\secret",
        "\\\\host\\share",
        "//host/share",
        "file:///etc/passwd",
        "trees\0.csv",
        "deep/trees.csv\0",
    ],
)
def test_what_is_no_plain_path_is_a_mistake(folder, location):
    """Dots, absolute and UNC paths, URLs and NUL are refused before anything is opened."""
    with pytest.raises(Mistake):
        open_inside(folder, location)


@pytest.mark.threat("T19")
@pytest.mark.parametrize("location", ["%2e%2e/secret", "%2e%2e%2fsecret", "..%2fsecret", "\udcff", "deep", "C:"])
def test_encoded_or_odd_names_are_only_names(folder, location):
    """Nothing is decoded, so an encoded way out is a file that is not there; a folder is no file."""
    with pytest.raises(Unknown):
        open_inside(folder, location)


@pytest.mark.threat("T19")
def test_links_and_devices_are_not_followed(folder, tmp_path):
    """Neither a linked file, nor a linked folder, nor a pipe or socket opens; none of them blocks."""
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "out").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(os.path.relpath(folder / "socket"))
    bound.close()
    for location in ("link", "out/secret", "pipe", "socket"):
        with pytest.raises(Unknown):
            open_inside(folder, location)


@pytest.mark.threat("T19")
@given(
    st.lists(st.sampled_from(["..", ".", "deep", "trees.csv", "secret", "%2e%2e", "", "\\", "\0", "out"]), max_size=6)
)
def test_no_combination_leaves_the_folder(tmp_path_factory, steps):
    """Whatever is put together, only the one file inside ever opens."""
    base = Path(tmp_path_factory.getbasetemp()) / "fuzz"
    inside = base / "musterstadt"
    (inside / "deep").mkdir(parents=True, exist_ok=True)
    (inside / "deep" / "trees.csv").write_bytes(b"trees")
    (base / "secret").write_bytes(SECRET)
    if not (inside / "out").is_symlink():
        (inside / "out").symlink_to(base)
    with suppress(Mistake, Unknown):
        assert read(inside, "/".join(steps)) == b"trees"


@pytest.mark.threat("T19")
def test_a_link_swapped_in_during_use_leads_nowhere(folder, tmp_path):
    """While another thread swaps folder and link all the time, no open ever reads the secret."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "trees.csv").write_bytes(SECRET)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    stop, swaps = threading.Event(), 0

    def swap():
        nonlocal swaps
        while not stop.is_set():
            os.rename(folder / "deep", tmp_path / "away")
            os.rename(tmp_path / "link", folder / "deep")
            os.rename(folder / "deep", tmp_path / "link")
            os.rename(tmp_path / "away", folder / "deep")
            swaps += 1

    thread = threading.Thread(target=swap)
    thread.start()
    seen = set()
    try:
        while len(seen) < 2 or swaps < 300:
            try:
                seen.add(read(folder, "deep/trees.csv"))
            except Unknown:
                seen.add(None)
    finally:
        stop.set()
        thread.join()
    assert seen == {b"trees", None}
