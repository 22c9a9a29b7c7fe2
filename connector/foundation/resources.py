"""What was installed: the folders `policies/` and `vocab/`, beside the package or inside it, and its release."""

from pathlib import Path

_PACKAGE = Path(__file__).parent.parent


def folder(name: str) -> Path:
    """The folder of that name; raises FileNotFoundError if the installation is broken."""
    for place in (_PACKAGE / "share" / name, _PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise FileNotFoundError(name)


def release() -> str:
    """The version of the installed package; `0` where it runs without being installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("hanse-connector")
    except PackageNotFoundError:
        return "0"
