-- Publications that are being prepared. `source` is what is to be published, `copy` the file that was read, `reading` what is in it
-- (JSON), `said` what has been answered (JSON); `dataset` is what it is a version of, or became. `version` grows with each change.
CREATE TABLE publication_draft (
  participant {text} NOT NULL REFERENCES participant (id), id {text} NOT NULL, author {text} NOT NULL, kind {text} NOT NULL,
  state {text} NOT NULL, dataset {text} NOT NULL, source {text} NOT NULL, copy {text} NOT NULL, name {text} NOT NULL,
  bytes {int} NOT NULL, reading {text}, problem {text}, said {text} NOT NULL, approval {text} NOT NULL, version {int} NOT NULL,
  created_at {int} NOT NULL, changed_at {int} NOT NULL, published_at {int}, PRIMARY KEY (participant, id));
CREATE INDEX publication_draft_state ON publication_draft (participant, state, changed_at);
CREATE INDEX publication_draft_dataset ON publication_draft (participant, dataset);
