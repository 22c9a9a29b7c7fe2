-- Foreign catalogues that a participant took in (decision 0061). `undone`: names of
-- rules that the steward undid; `version` grows with every run that changed something.
CREATE TABLE harvest_source (
  participant {text} NOT NULL REFERENCES participant (id), id {text} NOT NULL, location {text} NOT NULL, triples {int} NOT NULL,
  undone {text} NOT NULL, version {int} NOT NULL, created_at {int} NOT NULL, imported_at {int} NOT NULL,
  PRIMARY KEY (participant, id));
-- The original as it came, every triple of it: compressed N-Triples in parts.
CREATE TABLE harvest_original (
  participant {text} NOT NULL REFERENCES participant (id), source {text} NOT NULL, number {int} NOT NULL, content {bytes} NOT NULL,
  PRIMARY KEY (participant, source, number), FOREIGN KEY (participant, source) REFERENCES harvest_source (participant, id));
-- One dataset. `state`: published, held (waits for answers) or aside (`reason` says why); `digest` of what it was repaired from,
-- `sha256` of what is published; `missing`: the last delivery left it out, and nobody has decided yet.
CREATE TABLE harvest_dataset (
  participant {text} NOT NULL REFERENCES participant (id), iri {text} NOT NULL, source {text} NOT NULL, identifier {text} NOT NULL,
  title {text} NOT NULL, state {text} NOT NULL, reason {text} NOT NULL, digest {text} NOT NULL, sha256 {text} NOT NULL,
  triples {bytes} NOT NULL, record {text} NOT NULL, repairs {text} NOT NULL, missing {int} NOT NULL, created_at {int} NOT NULL,
  changed_at {int} NOT NULL,
  PRIMARY KEY (participant, iri), FOREIGN KEY (participant, source) REFERENCES harvest_source (participant, id));
CREATE INDEX harvest_dataset_source ON harvest_dataset (participant, source, state);
-- What is asked of which dataset; one question for all rows of one kind and value. An empty dataset: of the whole source.
CREATE TABLE harvest_question (
  participant {text} NOT NULL REFERENCES participant (id), source {text} NOT NULL, dataset {text} NOT NULL, kind {text} NOT NULL,
  value {text} NOT NULL, holds {int} NOT NULL,
  PRIMARY KEY (participant, source, kind, value, dataset),
  FOREIGN KEY (participant, source) REFERENCES harvest_source (participant, id));
CREATE INDEX harvest_question_dataset ON harvest_question (participant, source, dataset);
CREATE TABLE harvest_answer (
  participant {text} NOT NULL REFERENCES participant (id), source {text} NOT NULL, kind {text} NOT NULL, value {text} NOT NULL,
  dataset {text} NOT NULL, answer {text} NOT NULL, answered_at {int} NOT NULL,
  PRIMARY KEY (participant, source, kind, value, dataset),
  FOREIGN KEY (participant, source) REFERENCES harvest_source (participant, id));
-- A run as it goes on, for whoever waits for it; one that was touched long ago and is not over was interrupted.
CREATE TABLE harvest_run (
  participant {text} NOT NULL REFERENCES participant (id), id {text} NOT NULL, source {text} NOT NULL, location {text} NOT NULL,
  phase {text} NOT NULL, done {int} NOT NULL, total {int} NOT NULL, report {text} NOT NULL, error {text} NOT NULL,
  began_at {int} NOT NULL, touched_at {int} NOT NULL, PRIMARY KEY (participant, id));
CREATE INDEX harvest_run_began ON harvest_run (participant, began_at);
