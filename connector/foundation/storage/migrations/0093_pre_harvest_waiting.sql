-- When somebody chose that new records of a source wait for a person (ms; 0: they go out where nothing asks for one), and the
-- newest approval about those that wait (empty: none).
ALTER TABLE harvest_source ADD COLUMN wait_since {int} NOT NULL DEFAULT 0;
ALTER TABLE harvest_source ADD COLUMN approval {text} NOT NULL DEFAULT '';
-- What a source would make public, and waits until people have agreed (decision 0185). `kept`: the IRI under which the dataset stands
-- in `harvest_dataset` meanwhile; `template`: the rule template under which it falls; `content`: the dataset as it would be kept.
CREATE TABLE harvest_waiting (
  participant {text} NOT NULL REFERENCES participant (id), kept {text} NOT NULL, source {text} NOT NULL, iri {text} NOT NULL,
  template {text} NOT NULL, sha256 {text} NOT NULL, content {bytes} NOT NULL,
  PRIMARY KEY (participant, kept), FOREIGN KEY (participant, source) REFERENCES harvest_source (participant, id));
CREATE INDEX harvest_waiting_source ON harvest_waiting (participant, source, iri);
