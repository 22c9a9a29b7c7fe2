-- Groups that a participant keeps itself, for its own offers; `name` ends the IRI, `label` is JSON by language. `ended_at`: it
-- has no members any more, and its IRI names no other group.
CREATE TABLE own_group (
  participant {text} NOT NULL REFERENCES participant (id), name {text} NOT NULL, label {text} NOT NULL, made_at {int} NOT NULL,
  ended_at {int}, PRIMARY KEY (participant, name));
-- Who is in one (`until` empty), or was. What has ended stays as it is; `number` counts how often this member was added.
CREATE TABLE own_grouped (
  participant {text} NOT NULL REFERENCES participant (id), name {text} NOT NULL, did {text} NOT NULL, number {int} NOT NULL,
  since {int} NOT NULL, until {int}, PRIMARY KEY (participant, name, did, number));
