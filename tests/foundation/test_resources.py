"""The release is told wherever somebody asks which one runs or wrote a backup."""

from importlib.metadata import PackageNotFoundError, version

import pytest

from connector.foundation import resources


def test_the_release_is_that_of_the_installed_package() -> None:
    assert resources.release() == version("hanse-connector")


def test_without_an_installation_it_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    assert resources.release() == "0"
