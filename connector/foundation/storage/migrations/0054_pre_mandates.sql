-- The mandate by which an agent's key (purpose 'agent') signs tokens for a participant: what of it is needed to act (JSON).
-- None for a participant's own keys. One key of an agent is in use at a time.
ALTER TABLE key ADD COLUMN mandate {text};
CREATE UNIQUE INDEX key_agent ON key (participant) WHERE purpose = 'agent' AND state = 'active';
-- Every mandate that a participant ever gave (spec/mandates.md 1): `statement` and `seal` as sealed, `state` in-force, replaced,
-- withdrawn or expired. `withdrawal` is what was sealed when it was withdrawn, and its seal, empty until it is made.
CREATE TABLE mandate (
  participant {text} NOT NULL REFERENCES participant (id), sha256 {text} NOT NULL, agent {text} NOT NULL, name {text} NOT NULL,
  statement {text} NOT NULL, seal {text} NOT NULL, state {text} NOT NULL, given_at {int} NOT NULL, until {int} NOT NULL,
  ended_at {int}, withdrawal {text} NOT NULL, withdrawal_seal {text} NOT NULL, PRIMARY KEY (participant, sha256));
CREATE INDEX mandate_given ON mandate (participant, given_at);
