-- Spaces that others' processes are asked to believe, by the URN of the authority's key: pinned when a participant joined, or
-- began the space. `space` is its IRI, `jwk` the key (JSON), `list_url` where its signed list lies. Process-wide.
CREATE TABLE pinned_space (
  authority {text} PRIMARY KEY, space {text} NOT NULL, name {text} NOT NULL, did {text} NOT NULL, jwk {text} NOT NULL,
  list_url {text} NOT NULL, pinned_at {int} NOT NULL);
CREATE UNIQUE INDEX pinned_space_iri ON pinned_space (space);
-- Every version of the signed lists of such spaces that was taken; of the configured authority they stand in trust_list.
CREATE TABLE space_list (
  authority {text} NOT NULL, version {int} NOT NULL, jws {text} NOT NULL, accepted_at {int} NOT NULL,
  PRIMARY KEY (authority, version));
-- A space that a participant is the authority of (spec/spaces.md 1). `secret` is the sealed private key, or where it lies;
-- `rules` JSON. `changes` counts what the list has to say anew, `listed` how many of that the newest version says.
CREATE TABLE space (
  participant {text} PRIMARY KEY REFERENCES participant (id), space {text} NOT NULL, name {text} NOT NULL,
  authority {text} NOT NULL, kid {text} NOT NULL, jwk {text} NOT NULL, secret {bytes} NOT NULL, rules {text} NOT NULL,
  changes {int} NOT NULL, listed {int} NOT NULL, next_update {int} NOT NULL, created_at {int} NOT NULL,
  version {int} NOT NULL);
-- Every version of its list: `claims` are what is signed (JSON), `jws` is empty until it is. Never changed, never deleted.
CREATE TABLE space_version (
  participant {text} NOT NULL REFERENCES participant (id), version {int} NOT NULL, claims {text} NOT NULL,
  sha256 {text} NOT NULL, jws {text} NOT NULL, made_at {int} NOT NULL, signed_at {int},
  PRIMARY KEY (participant, version));
-- `code_hash` is the SHA-256 of the code. `name`, `ars`, `kind`, `domain` are for whom it is. `state`: open, used, withdrawn.
CREATE TABLE space_invitation (
  participant {text} NOT NULL REFERENCES participant (id), id {text} NOT NULL, code_hash {text} NOT NULL, name {text} NOT NULL,
  ars {text} NOT NULL, kind {text} NOT NULL, domain {text} NOT NULL, groups {text} NOT NULL, state {text} NOT NULL,
  made_by {text} NOT NULL, made_at {int} NOT NULL, until {int} NOT NULL, application {text},
  PRIMARY KEY (participant, id));
CREATE UNIQUE INDEX space_invitation_code ON space_invitation (participant, code_hash);
-- An application as it was signed (`document`); `keys` is what the list would say of its keys (JSON), `checks` what was
-- found out about it and what people noted (JSON), `votes` who approved (JSON, pseudonyms).
CREATE TABLE space_application (
  participant {text} NOT NULL REFERENCES participant (id), id {text} NOT NULL, did {text} NOT NULL, invitation {text} NOT NULL,
  name {text} NOT NULL, operator {text} NOT NULL, kind {text} NOT NULL, ars {text} NOT NULL, document {text} NOT NULL,
  keys {text} NOT NULL, checks {text} NOT NULL, attachments {text} NOT NULL, state {text} NOT NULL, needed {int} NOT NULL, votes {text} NOT NULL,
  reason {text} NOT NULL, decided_by {text} NOT NULL, asked_at {int} NOT NULL, due_at {int} NOT NULL, decided_at {int},
  version {int} NOT NULL, PRIMARY KEY (participant, id));
CREATE INDEX space_application_did ON space_application (participant, did);
CREATE UNIQUE INDEX space_application_open ON space_application (participant, did) WHERE state = 'pending';
-- Documents that came with applications, and those that people kept as evidence beside them.
CREATE TABLE space_evidence (
  participant {text} NOT NULL REFERENCES participant (id), sha256 {text} NOT NULL, media_type {text} NOT NULL,
  body {bytes} NOT NULL, kept_at {int} NOT NULL, PRIMARY KEY (participant, sha256));
-- Members of a space as its list names them; `keys` JSON as in the application. `state`: active, suspended, expelled, left,
-- ended. `since`, `until`, `suspended_since` in ms; `until` is the end, not included.
CREATE TABLE space_member (
  participant {text} NOT NULL REFERENCES participant (id), did {text} NOT NULL, name {text} NOT NULL, operator {text} NOT NULL,
  kind {text} NOT NULL, ars {text} NOT NULL, admin_level {text} NOT NULL, groups {text} NOT NULL, keys {text} NOT NULL,
  succeeds {text} NOT NULL, state {text} NOT NULL, since {int} NOT NULL, until {int}, suspended_since {int},
  reason {text} NOT NULL, application {text} NOT NULL, changed_at {int} NOT NULL, version {int} NOT NULL,
  PRIMARY KEY (participant, did));
-- Requests that members signed: seen once each (`id` is their jti), in the order of their time.
CREATE TABLE space_request (
  participant {text} NOT NULL REFERENCES participant (id), did {text} NOT NULL, id {text} NOT NULL, kind {text} NOT NULL,
  document {text} NOT NULL, asked_at {int} NOT NULL, taken_at {int} NOT NULL, PRIMARY KEY (participant, did, id));
-- Wrong invitation codes, by the host of the DID that tried them; forgotten after an hour.
CREATE TABLE space_try (
  participant {text} NOT NULL REFERENCES participant (id), host {text} NOT NULL, at {int} NOT NULL);
CREATE INDEX space_try_host ON space_try (participant, host, at);
-- Other authorities that this one recognises: their members count as members, of these kinds (JSON; empty: of all).
CREATE TABLE space_recognised (
  participant {text} NOT NULL REFERENCES participant (id), authority {text} NOT NULL, space {text} NOT NULL, name {text} NOT NULL,
  did {text} NOT NULL, jwk {text} NOT NULL, list_url {text} NOT NULL, kinds {text} NOT NULL, since {int} NOT NULL,
  PRIMARY KEY (participant, authority));
-- Spaces that a participant belongs to, or asks to belong to. `authority` pins the key that a person compared; `code` is the
-- sealed invitation until it was used; `document` the application as it was signed. `state`: applying, pending, member,
-- refused, left, ended.
CREATE TABLE joined_space (
  participant {text} NOT NULL REFERENCES participant (id), space {text} NOT NULL, name {text} NOT NULL, did {text} NOT NULL,
  authority {text} NOT NULL, jwk {text} NOT NULL, list_url {text} NOT NULL, rules {text} NOT NULL, state {text} NOT NULL,
  code {bytes}, document {text} NOT NULL, application {text} NOT NULL, reason {text} NOT NULL, told {text} NOT NULL,
  asked_at {int} NOT NULL, changed_at {int} NOT NULL, version {int} NOT NULL,
  PRIMARY KEY (participant, space));
