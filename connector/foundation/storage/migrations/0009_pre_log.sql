-- The origin under which a tree was signed; it changes when a database comes back from a backup (spec/records.md 2.5).
ALTER TABLE audit_seal ADD COLUMN epoch {int} NOT NULL DEFAULT 0;
-- Each further origin of a log: the size that the database had, the size that a witness knew, and the last checkpoint before.
CREATE TABLE log_epoch (
  participant {text} NOT NULL REFERENCES participant (id), epoch {int} NOT NULL, size {int} NOT NULL, known {int} NOT NULL,
  witness {text} NOT NULL, note {text}, at {int} NOT NULL, PRIMARY KEY (participant, epoch));
-- Roots of full subtrees of 256, 65 536, ... leaves (level 1, 2, ...), kept with the batch that completed them.
CREATE TABLE log_node (
  participant {text} NOT NULL REFERENCES participant (id), level {int} NOT NULL, place {int} NOT NULL, hash {bytes} NOT NULL,
  PRIMARY KEY (participant, level, place));
-- What witnesses answered: signature lines under the checkpoint of this size; `witness` is the name in the lines.
CREATE TABLE cosignature (
  participant {text} NOT NULL REFERENCES participant (id), size {int} NOT NULL, witness {text} NOT NULL, epoch {int} NOT NULL,
  lines {text} NOT NULL, at {int} NOT NULL, PRIMARY KEY (participant, size, witness));
CREATE INDEX cosignature_newest ON cosignature (participant, witness, epoch, size);
-- This process as a witness of others: its keys, the newest state of each log, and proofs of misbehaviour.
CREATE TABLE witness_key (purpose {text} PRIMARY KEY, kid {text} NOT NULL, public_jwk {text} NOT NULL, secret {bytes} NOT NULL, created_at {int} NOT NULL);
CREATE TABLE witness_log (origin {text} PRIMARY KEY, size {int} NOT NULL, root {bytes} NOT NULL, note {text} NOT NULL, at {int} NOT NULL);
CREATE TABLE witness_alarm (
  origin {text} NOT NULL, digest {text} NOT NULL, kind {text} NOT NULL, held {text} NOT NULL, offered {text} NOT NULL, at {int} NOT NULL,
  PRIMARY KEY (origin, digest));
