-- That an authority's database is older than lists that it has signed (spec/spaces.md 4.8). `state`: asking, found, settled. `own` is
-- the newest version here when that was noticed, `found` the newest one that a member showed (0: none), `jws` that list. `asked` is JSON:
-- how many answered, and whom (DID) nobody reached. The next version is `floor` at least. Times in ms.
CREATE TABLE space_recovery (
  participant {text} PRIMARY KEY REFERENCES participant (id), state {text} NOT NULL, reason {text} NOT NULL, began_at {int} NOT NULL,
  own {int} NOT NULL, found {int} NOT NULL, jws {text} NOT NULL, asked {text} NOT NULL, floor {int} NOT NULL, settled_at {int},
  version {int} NOT NULL);
