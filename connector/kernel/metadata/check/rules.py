"""Every rule there is: the tables taken apart, by name. Shapes are generated from them, the engine runs over them."""

from collections.abc import Mapping, Sequence
from functools import cache

from connector.kernel.metadata.check import dcat_ap, hvd
from connector.kernel.metadata.check.model import Profile, Rule
from connector.kernel.metadata.check.rows import of_row, one_of


@cache
def rules() -> Sequence[Rule]:
    """Every rule once, in the order of the tables; their names are unique."""
    found = [
        *(rule for of, rows in dcat_ap.TABLE.items() for row in rows for rule in of_row(of, row)),
        *(rule for name, row in dcat_ap.DEPRECATED for rule in of_row(name, row, subjects_of=True)),
        *(rule for of, rows in hvd.TABLE.items() for row in rows for rule in of_row(of, row)),
        *(one_of(*row) for row in hvd.ONE_OF),
    ]
    return tuple(found)


def of_profile(profile: Profile) -> Sequence[Rule]:
    return [rule for rule in rules() if profile in rule.profiles]


@cache
def by_id() -> Mapping[str, Rule]:
    return {rule.id: rule for rule in rules()}
