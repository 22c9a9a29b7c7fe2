-- A participant that is being moved to another provider (spec/moving.md). `target` is the address that it goes to (JSON),
-- `state`: prepared, exported, handed, back. `digest` is the SHA-256 of the newest archive that was written whole,
-- `receipt` and `statement` are what both sides signed.
CREATE TABLE departure (
  participant {text} PRIMARY KEY REFERENCES participant (id), move {text} NOT NULL, target {text} NOT NULL, state {text} NOT NULL,
  digest {text} NOT NULL, receipt {text} NOT NULL, statement {text} NOT NULL, began_at {int} NOT NULL, changed_at {int} NOT NULL);
-- The same at the other end: a place that is kept for somebody who moves here. Process-wide, because there is no participant
-- yet. `secret` is the sealed key for the archive, empty once it is not needed any more. `state`: waiting, imported, arrived,
-- given-up. `source` is what the archive says of its origin (JSON).
CREATE TABLE arrival (
  move {text} PRIMARY KEY, slug {text} NOT NULL, target {text} NOT NULL, secret {bytes} NOT NULL, state {text} NOT NULL,
  digest {text} NOT NULL, source {text} NOT NULL, receipt {text} NOT NULL, statement {text} NOT NULL, began_at {int} NOT NULL,
  changed_at {int} NOT NULL);
CREATE UNIQUE INDEX arrival_open ON arrival (slug) WHERE state <> 'given-up';
