-- Until when (ms) a person has seen what ended, failed or was refused at a participant.
CREATE TABLE desk_seen (
  participant {text} NOT NULL REFERENCES participant (id), person {text} NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  seen_at {int} NOT NULL, PRIMARY KEY (participant, person));
CREATE INDEX desk_seen_person ON desk_seen (person);
