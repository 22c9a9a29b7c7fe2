"""Members of a data space as rules look at them: 41 towns, a county, a firm and a state authority."""

from connector.identity.trust.members.roster import Member
from connector.kernel.policy.engine import Requester
from connector.kernel.policy.odrl.names import HANSE as H
from connector.kernel.policy.odrl.state_of_world import Fact


def member(name: str, kind: str = "municipality", *groups: str, **claims: str) -> Member:
    facts = tuple((H + claim, Fact(frozenset((H + value,)), "verified-credential")) for claim, value in claims.items())
    who = Requester(did=f"did:web:{name}.example", kind=H + kind, groups=frozenset(groups), facts=facts)
    return Member(name=name, requester=who)


MEMBERS = [
    *(member(f"stadt-{n}") for n in range(41)),
    member("kreis", "county"),
    member("firma", "company"),
    member("land", "stateAuthority", adminLevel="stateLevel", participantLocation="DE-NW"),
]
