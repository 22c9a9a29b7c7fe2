-- Which record of the log was erased, when, by which role and on what ground: written with its tombstone, once per record.
CREATE TABLE erasure (
  participant {text} NOT NULL REFERENCES participant (id), entry {int} NOT NULL, role {text} NOT NULL, ground {text} NOT NULL,
  at {int} NOT NULL, PRIMARY KEY (participant, entry));
-- A legal hold on an agreement, or (agreement NULL) on everything of the participant; what is lifted stays as a row.
CREATE TABLE hold (
  participant {text} NOT NULL REFERENCES participant (id), id {text} NOT NULL, agreement {text}, role {text} NOT NULL,
  ground {text} NOT NULL, set_at {int} NOT NULL, lifted_at {int}, lifted_role {text}, lifted_ground {text},
  PRIMARY KEY (participant, id));
CREATE INDEX hold_standing ON hold (participant, agreement) WHERE lifted_at IS NULL;
-- How our records of an agreement and our partner's compared last; findings are a JSON list.
CREATE TABLE reconciliation (
  participant {text} NOT NULL REFERENCES participant (id), agreement {text} NOT NULL, counterparty {text} NOT NULL,
  state {text} NOT NULL, findings {text} NOT NULL, code {text} NOT NULL, at {int} NOT NULL, due_at {int} NOT NULL,
  PRIMARY KEY (participant, agreement),
  FOREIGN KEY (participant, agreement) REFERENCES agreement (participant, id));
CREATE INDEX reconciliation_due ON reconciliation (participant, due_at);
-- The newest checkpoint of a partner's log that we have verified: it may grow and never shrink.
CREATE TABLE partner_log (
  participant {text} NOT NULL REFERENCES participant (id), did {text} NOT NULL, origin {text} NOT NULL, size {int} NOT NULL,
  root {bytes} NOT NULL, note {text} NOT NULL, at {int} NOT NULL, PRIMARY KEY (participant, did, origin));
-- What is still there to be erased, the oldest first.
CREATE INDEX audit_entry_kept ON audit_entry (participant, id) WHERE record IS NOT NULL AND leaf_index IS NOT NULL;
