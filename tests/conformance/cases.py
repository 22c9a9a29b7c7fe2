"""The test cases of the official DSP kit and the ids that it is told to use (spec/protocol.md 6.2).

One table per group; everything else is derived: the keys of the kit's properties file, and what a complete run is.
"""

from collections.abc import Iterator, Mapping

_GROUPS: Mapping[str, Mapping[str, int]] = {
    "MET": {"01": 1},
    "CAT": {"01": 3},
    "CN": {"01": 4, "02": 7, "03": 4},
    "CN_C": {"01": 4, "02": 6, "03": 6},
    "TP": {"01": 5, "02": 5, "03": 6},
    "TP_C": {"01": 5, "02": 5, "03": 6},
}
DISABLED = frozenset({"TP:02-04", "TP_C:02-04"})
FORMAT = "HttpData-PULL"


def _defined() -> Iterator[tuple[str, str, str]]:
    for group, sections in _GROUPS.items():
        for section, count in sections.items():
            for number in range(1, count + 1):
                yield group, section, f"{number:02}"


DEFINED = tuple(f"{group}:{section}-{number}" for group, section, number in _defined())
EXECUTED = tuple(case for case in DEFINED if case not in DISABLED)
"""The 65 that the kit runs, in the order of its tables."""


def about(case: str) -> str:
    """The dataset or agreement that a case is about: `CN_C:01-02` is about `ACNC0102`; "" for the version document."""
    group, _, number = case.partition(":")
    short = group.replace("_", "") + number.replace("-", "")
    return {"MET": "", "CAT": short}.get(group, f"A{short}")


def properties() -> dict[str, str]:
    """The kit's keys that name ids, as `CN_01_01_OFFERID`."""
    found: dict[str, str] = {}
    for case in DEFINED:
        group, _, number = case.partition(":")
        key, name = f"{group}_{number.replace('-', '_')}", about(case)
        if group in ("CAT", "CN", "CN_C"):
            found[f"{key}_DATASETID"] = name
        if group == "CN":
            found[f"{key}_OFFERID"] = f"CD123:{name}:456"
        if group in ("TP", "TP_C"):
            found |= {f"{key}_AGREEMENTID": name, f"{key}_FORMAT": FORMAT}
    return found
