-- For metrics the worker's role counts open processes by state: it sees these two columns of them, and nothing of who or what.
CREATE POLICY open_states ON negotiation FOR SELECT TO hanse_worker USING (settled = 0);
CREATE POLICY open_states ON transfer FOR SELECT TO hanse_worker USING (settled = 0);
GRANT SELECT (state, settled) ON negotiation, transfer TO hanse_worker;
