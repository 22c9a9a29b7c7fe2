-- The neutral record of a dataset as JSON; NULL in rows from before, whose record is read from their document.
-- `access` and `state` repeat what the record and its history say, so that a look-up finds them; `revision` grows with every change.
ALTER TABLE dataset ADD COLUMN record {text};
ALTER TABLE dataset ADD COLUMN access {text} NOT NULL DEFAULT 'contract';
ALTER TABLE dataset ADD COLUMN state {text} NOT NULL DEFAULT 'published';
ALTER TABLE dataset ADD COLUMN revision {int} NOT NULL DEFAULT 1;
CREATE INDEX dataset_access ON dataset (participant, access, state, id);
-- What was published, since when, under which version and from which source: contracts keep the version that they pin.
CREATE TABLE revision (
  participant {text} NOT NULL REFERENCES participant (id), dataset {text} NOT NULL, number {int} NOT NULL, at {int} NOT NULL,
  action {text} NOT NULL, version {text} NOT NULL, source {text} NOT NULL, record {text} NOT NULL,
  PRIMARY KEY (participant, dataset, number),
  FOREIGN KEY (participant, dataset) REFERENCES dataset (participant, id),
  FOREIGN KEY (participant, source) REFERENCES source (participant, id));
CREATE INDEX revision_version ON revision (participant, dataset, version);
CREATE INDEX revision_source ON revision (participant, source);
-- What several datasets are editions of.
CREATE TABLE series (
  participant {text} NOT NULL REFERENCES participant (id), id {text} NOT NULL, title {text} NOT NULL, document {text} NOT NULL,
  created_at {int} NOT NULL, changed_at {int} NOT NULL, PRIMARY KEY (participant, id));
CREATE UNIQUE INDEX series_title ON series (participant, title);
-- What a participant says of itself for all its datasets: place, contact, contributor; NULL: nothing yet.
ALTER TABLE participant ADD COLUMN publisher {text};
