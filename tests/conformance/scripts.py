"""What the official kit does in each of its cases, one word per step (spec/protocol.md 6.2).

`request`: the kit asks as consumer. `trigger`: we are made to ask. `offer`, `accept`, …: the kit says it, we take it.
`await:X`: we say X, and the kit listens from now on. `late:X`: it listens only after our first try went to nobody.
`refused:X`: the kit says it and we refuse. `see:STATE`: what our own view says.
"""

from collections.abc import Mapping

PROVIDES: Mapping[str, str] = {
    "CN:01-01": "request await:offer terminate see:TERMINATED",
    "CN:01-02": "request await:offer counter await:terminate see:TERMINATED",
    "CN:01-03": "request await:offer accept await:agree verify await:finalize see:FINALIZED",
    "CN:01-04": "request await:agree verify await:finalize see:FINALIZED",
    "CN:02-01": "request late:terminate see:TERMINATED",
    "CN:02-02": "request see:REQUESTED terminate see:TERMINATED",
    "CN:02-03": "request await:agree terminate see:TERMINATED",
    "CN:02-04": "request await:offer terminate see:TERMINATED",
    "CN:02-05": "request await:offer await:terminate see:TERMINATED",
    "CN:02-06": "request await:offer accept await:terminate see:TERMINATED",
    "CN:02-07": "request await:agree verify await:terminate see:TERMINATED",
    "CN:03-01": "request await:agree verify await:finalize see:FINALIZED refused:terminate see:FINALIZED",
    "CN:03-02": "request await:offer see:OFFERED refused:verify see:OFFERED",
    "CN:03-03": "request await:offer accept see:ACCEPTED refused:verify see:ACCEPTED",
    "CN:03-04": "request await:offer counter see:REQUESTED refused:counter see:REQUESTED",
}
CONSUMES: Mapping[str, str] = {
    "CN_C:01-01": "trigger offer await:accept agree await:verify finalize see:FINALIZED",
    "CN_C:01-02": "trigger offer await:counter terminate see:TERMINATED",
    "CN_C:01-03": "trigger offer await:terminate see:TERMINATED",
    "CN_C:01-04": "trigger agree await:verify finalize see:FINALIZED",
    "CN_C:02-01": "trigger see:REQUESTED terminate see:TERMINATED",
    "CN_C:02-02": "trigger late:terminate see:TERMINATED",
    "CN_C:02-03": "trigger agree await:terminate see:TERMINATED",
    "CN_C:02-04": "trigger offer see:OFFERED terminate see:TERMINATED",
    "CN_C:02-05": "trigger offer await:accept terminate see:TERMINATED",
    "CN_C:02-06": "trigger agree await:verify terminate see:TERMINATED",
    "CN_C:03-01": "trigger refused:finalize see:REQUESTED",
    "CN_C:03-02": "trigger offer see:OFFERED refused:agree see:OFFERED",
    "CN_C:03-03": "trigger offer see:OFFERED refused:finalize see:OFFERED",
    "CN_C:03-04": "trigger offer await:accept see:ACCEPTED refused:finalize see:ACCEPTED",
    "CN_C:03-05": "trigger offer await:accept see:ACCEPTED refused:offer see:ACCEPTED",
    "CN_C:03-06": "trigger offer await:accept agree see:AGREED refused:finalize see:AGREED",
}
SENDS: Mapping[str, str] = {
    "TP:01-01": "request await:start await:terminate see:TERMINATED",
    "TP:01-02": "request await:start await:complete see:COMPLETED",
    "TP:01-03": "request await:start await:suspend await:terminate see:TERMINATED",
    "TP:01-04": "request await:start await:suspend await:start await:complete see:COMPLETED",
    "TP:01-05": "request await:terminate see:TERMINATED",
    "TP:02-01": "request await:start see:STARTED terminate see:TERMINATED",
    "TP:02-02": "request await:start see:STARTED complete see:COMPLETED",
    "TP:02-03": "request await:start suspend see:SUSPENDED terminate see:TERMINATED",
    "TP:02-04": "request await:start suspend see:SUSPENDED start see:STARTED complete see:COMPLETED",
    "TP:02-05": "request see:REQUESTED terminate see:TERMINATED",
    "TP:03-01": "request see:REQUESTED refused:complete see:REQUESTED",
    "TP:03-02": "request see:REQUESTED refused:suspend see:REQUESTED",
    "TP:03-03": "request await:start suspend see:SUSPENDED refused:complete see:SUSPENDED",
    "TP:03-04": "request await:start terminate see:TERMINATED refused:start see:TERMINATED",
    "TP:03-05": "request await:start terminate see:TERMINATED refused:suspend see:TERMINATED",
    "TP:03-06": "request await:start terminate see:TERMINATED refused:complete see:TERMINATED",
}
FETCHES: Mapping[str, str] = {
    "TP_C:01-01": "trigger start see:STARTED terminate see:TERMINATED",
    "TP_C:01-02": "trigger start see:STARTED complete see:COMPLETED",
    "TP_C:01-03": "trigger start suspend see:SUSPENDED terminate see:TERMINATED",
    "TP_C:01-04": "trigger start suspend see:SUSPENDED start see:STARTED complete see:COMPLETED",
    "TP_C:01-05": "trigger see:REQUESTED terminate see:TERMINATED",
    "TP_C:02-01": "trigger start await:terminate see:TERMINATED",
    "TP_C:02-02": "trigger start await:complete see:COMPLETED",
    "TP_C:02-03": "trigger start await:suspend await:terminate see:TERMINATED",
    "TP_C:02-04": "trigger start await:suspend await:start await:complete see:COMPLETED",
    "TP_C:02-05": "trigger late:terminate see:TERMINATED",
    "TP_C:03-01": "trigger see:REQUESTED refused:complete see:REQUESTED",
    "TP_C:03-02": "trigger see:REQUESTED refused:suspend see:REQUESTED",
    "TP_C:03-03": "trigger start suspend see:SUSPENDED refused:complete see:SUSPENDED",
    "TP_C:03-04": "trigger start terminate see:TERMINATED refused:start see:TERMINATED",
    "TP_C:03-05": "trigger start terminate see:TERMINATED refused:suspend see:TERMINATED",
    "TP_C:03-06": "trigger start terminate see:TERMINATED refused:complete see:TERMINATED",
}
SCRIPTS: Mapping[str, str] = {**PROVIDES, **CONSUMES, **SENDS, **FETCHES}
