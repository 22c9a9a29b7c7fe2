-- The public catalogue as harvesters read it (decision 0065): the newest snapshot, and what the suppliers said when it was made.
CREATE TABLE public_catalogue (
  participant {text} PRIMARY KEY REFERENCES participant (id), number {int} NOT NULL, state {text} NOT NULL,
  issued_at {int} NOT NULL);
-- `starts`: the first IRI of each page (JSON); `about`: the catalogue's own node (N-Triples). Never changed but for `superseded_at`.
CREATE TABLE public_snapshot (
  participant {text} NOT NULL REFERENCES participant (id), number {int} NOT NULL, digest {text} NOT NULL, about {text} NOT NULL,
  total {int} NOT NULL, starts {text} NOT NULL, issued_at {int} NOT NULL, changed_at {int} NOT NULL, made_at {int} NOT NULL,
  superseded_at {int},
  PRIMARY KEY (participant, number));
CREATE INDEX public_snapshot_digest ON public_snapshot (participant, digest);
-- A dataset as the snapshots `since` to before `until` (NULL: the newest too) show it. `mark`: what its supplier knew it by.
CREATE TABLE public_entry (
  participant {text} NOT NULL REFERENCES participant (id), iri {text} NOT NULL, since {int} NOT NULL, until {int},
  digest {text} NOT NULL, mark {text} NOT NULL, changed_at {int} NOT NULL, size {int} NOT NULL,
  PRIMARY KEY (participant, iri, since));
CREATE INDEX public_entry_digest ON public_entry (participant, digest);
CREATE INDEX public_entry_until ON public_entry (participant, until);
-- The parts of a dataset by the digest of its triples, deflated: its own nodes in four forms, and those that others name too.
CREATE TABLE public_document (
  participant {text} NOT NULL REFERENCES participant (id), digest {text} NOT NULL, rdf {bytes} NOT NULL, ttl {bytes} NOT NULL,
  jsonld {bytes} NOT NULL, nt {bytes} NOT NULL, shared {bytes} NOT NULL, made_at {int} NOT NULL,
  PRIMARY KEY (participant, digest));
