-- An index that no statement uses costs a page of each commit (tests/storage/test_schema_plans.py knows all statements).
-- An answer is looked for in the stream of its process, an agreement by its negotiation, a flow by its id.
DROP INDEX outbox_message;
DROP INDEX agreement_negotiation;
DROP INDEX flow_agreement;
-- Lists of people begin with the newest; what takes the place of another agreement is rare.
CREATE INDEX agreement_newest ON agreement (participant, created_at);
CREATE INDEX agreement_replaces ON agreement (participant, replaces) WHERE replaces IS NOT NULL;
CREATE INDEX transfer_newest ON transfer (participant, created_at, id);
DROP INDEX transfer_agreement;
CREATE INDEX transfer_agreement ON transfer (participant, agreement, created_at, id);
-- Of two indexes that serve, SQLite takes the younger: those in force are fewer than all.
DROP INDEX agreement_running_out;
CREATE INDEX agreement_running_out ON agreement (participant, expires_at) WHERE state IN ('finalized', 'one-sided');
