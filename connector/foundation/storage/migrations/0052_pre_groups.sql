-- Groups of a space, by the last part of their IRI. `label` is JSON by language, `keeper` the DID of the member that says who is
-- in it. `ended_at`: nobody is in it any more, and its IRI names no other group.
CREATE TABLE space_group (
  participant {text} NOT NULL REFERENCES participant (id), name {text} NOT NULL, label {text} NOT NULL, keeper {text} NOT NULL,
  made_at {int} NOT NULL, ended_at {int}, version {int} NOT NULL, PRIMARY KEY (participant, name));
-- Who was asked to be in a group, is in it, or was: `since` is empty until it agreed, `until` until that ended. What has ended
-- stays as it is; `number` counts how often this member was asked.
CREATE TABLE space_grouped (
  participant {text} NOT NULL REFERENCES participant (id), name {text} NOT NULL, did {text} NOT NULL, number {int} NOT NULL,
  asked_at {int} NOT NULL, asked_by {text} NOT NULL, since {int}, until {int},
  PRIMARY KEY (participant, name, did, number));
CREATE INDEX space_grouped_did ON space_grouped (participant, did);
