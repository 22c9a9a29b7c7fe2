-- The first schema. {id} {int} {bytes} become the types of the database; sections "-- only: postgres" run there alone.
-- Every table that belongs to a participant begins its keys with it. Times are milliseconds, documents are kept as sent or received.

CREATE TABLE participant (
  id {text} PRIMARY KEY, did {text} NOT NULL UNIQUE, root {text} NOT NULL UNIQUE, host {text} NOT NULL, path {text} NOT NULL,
  name {text} NOT NULL, kind {text} NOT NULL, operator {text} NOT NULL, state {text} NOT NULL, created_at {int} NOT NULL,
  UNIQUE (host, path));

CREATE TABLE key (
  participant {text} NOT NULL REFERENCES participant (id), kid {text} NOT NULL, purpose {text} NOT NULL, state {text} NOT NULL,
  public_jwk {text} NOT NULL, secret {bytes} NOT NULL, certificate {text}, created_at {int} NOT NULL, retired_at {int},
  PRIMARY KEY (participant, kid));
CREATE INDEX key_purpose ON key (participant, purpose, state);

CREATE TABLE peer (
  participant {text} NOT NULL REFERENCES participant (id), did {text} NOT NULL, root {text} NOT NULL, entered_at {int} NOT NULL,
  PRIMARY KEY (participant, did));

CREATE TABLE source (
  participant {text} NOT NULL REFERENCES participant (id), id {text} NOT NULL, kind {text} NOT NULL, location {text} NOT NULL,
  name {text} NOT NULL, media_type {text} NOT NULL, bytes {int}, sha256 {text}, created_at {int} NOT NULL,
  PRIMARY KEY (participant, id));

CREATE TABLE dataset (
  participant {text} NOT NULL REFERENCES participant (id), id {text} NOT NULL, source {text} NOT NULL, title {text} NOT NULL,
  version {text} NOT NULL, document {text} NOT NULL, created_at {int} NOT NULL, changed_at {int} NOT NULL,
  PRIMARY KEY (participant, id), FOREIGN KEY (participant, source) REFERENCES source (participant, id));
CREATE INDEX dataset_source ON dataset (participant, source);
CREATE INDEX dataset_order ON dataset (participant, created_at, id);

CREATE TABLE offer (
  participant {text} NOT NULL REFERENCES participant (id), id {text} NOT NULL, dataset {text} NOT NULL, policy {text} NOT NULL,
  digest {text} NOT NULL, visibility {text} NOT NULL, countersignature {text} NOT NULL, template {text} NOT NULL,
  state {text} NOT NULL, created_at {int} NOT NULL,
  PRIMARY KEY (participant, id), FOREIGN KEY (participant, dataset) REFERENCES dataset (participant, id));
CREATE INDEX offer_dataset ON offer (participant, dataset);

CREATE TABLE negotiation (
  participant {text} NOT NULL REFERENCES participant (id), id {text} NOT NULL, role {text} NOT NULL, counterparty {text} NOT NULL,
  peer_pid {text}, address {text} NOT NULL, kernel {text} NOT NULL, state {text} NOT NULL, settled {int} NOT NULL, version {int} NOT NULL,
  dataset {text} NOT NULL, offer {text} NOT NULL, policy {text} NOT NULL, purpose {text}, action {text}, agreement {text},
  reason {text}, created_at {int} NOT NULL, changed_at {int} NOT NULL, PRIMARY KEY (participant, id));
-- A peer's first request counts once, whichever replica it reaches.
CREATE UNIQUE INDEX negotiation_peer ON negotiation (participant, counterparty, peer_pid) WHERE role = 'provider';
-- At an end on both sides: no message of ours waits for its answer. What is not settled counts for the quota.
CREATE INDEX negotiation_open ON negotiation (participant, counterparty) WHERE settled = 0;
CREATE INDEX negotiation_changed ON negotiation (participant, changed_at);

CREATE TABLE agreement (
  participant {text} NOT NULL REFERENCES participant (id), id {text} NOT NULL, negotiation {text} NOT NULL, role {text} NOT NULL,
  counterparty {text} NOT NULL, dataset {text} NOT NULL, state {text} NOT NULL, document {bytes} NOT NULL, digest {text} NOT NULL,
  provider_jws {text}, consumer_jws {text}, facts {text} NOT NULL, expires_at {int}, created_at {int} NOT NULL, finalized_at {int},
  PRIMARY KEY (participant, id), FOREIGN KEY (participant, negotiation) REFERENCES negotiation (participant, id));
CREATE INDEX agreement_negotiation ON agreement (participant, negotiation);
CREATE INDEX agreement_counterparty ON agreement (participant, counterparty);
CREATE INDEX agreement_dataset ON agreement (participant, dataset);

CREATE TABLE object (
  participant {text} NOT NULL REFERENCES participant (id), sha256 {text} NOT NULL, media_type {text} NOT NULL, body {bytes} NOT NULL,
  PRIMARY KEY (participant, sha256));
CREATE TABLE object_use (
  participant {text} NOT NULL, negotiation {text} NOT NULL, name {text} NOT NULL, sha256 {text} NOT NULL, counterparty {text} NOT NULL,
  PRIMARY KEY (participant, negotiation, name), FOREIGN KEY (participant, sha256) REFERENCES object (participant, sha256));
CREATE INDEX object_use_sha256 ON object_use (participant, sha256, counterparty);

CREATE TABLE transfer (
  participant {text} NOT NULL REFERENCES participant (id), id {text} NOT NULL, role {text} NOT NULL, counterparty {text} NOT NULL,
  peer_pid {text}, address {text} NOT NULL, kernel {text} NOT NULL, state {text} NOT NULL, settled {int} NOT NULL, version {int} NOT NULL,
  agreement {text} NOT NULL, format {text} NOT NULL, purpose {text}, action {text}, outcome {text}, reason {text},
  bytes {int} NOT NULL DEFAULT 0, sha256 {text}, created_at {int} NOT NULL, changed_at {int} NOT NULL, PRIMARY KEY (participant, id),
  FOREIGN KEY (participant, agreement) REFERENCES agreement (participant, id));
CREATE INDEX transfer_agreement ON transfer (participant, agreement);
CREATE UNIQUE INDEX transfer_peer ON transfer (participant, counterparty, peer_pid) WHERE role = 'provider';
CREATE INDEX transfer_open ON transfer (participant, counterparty) WHERE settled = 0;

CREATE TABLE flow (
  participant {text} NOT NULL REFERENCES participant (id), id {text} NOT NULL, role {text} NOT NULL, state {text} NOT NULL,
  counterparty {text} NOT NULL, agreement {text} NOT NULL, source {text}, sink {text}, address {bytes}, expected_sha256 {text},
  bytes {int} NOT NULL DEFAULT 0, used {int} NOT NULL DEFAULT 0, broken {int} NOT NULL DEFAULT 0, version {text},
  expires_at {int}, created_at {int} NOT NULL, changed_at {int} NOT NULL, PRIMARY KEY (participant, id));
CREATE INDEX flow_agreement ON flow (participant, agreement);
CREATE TABLE access_token (
  participant {text} NOT NULL, hash {text} NOT NULL, flow {text} NOT NULL, counterparty {text} NOT NULL, agreement {text} NOT NULL,
  created_at {int} NOT NULL, PRIMARY KEY (participant, hash),
  FOREIGN KEY (participant, flow) REFERENCES flow (participant, id) ON DELETE CASCADE);
CREATE INDEX access_token_flow ON access_token (participant, flow);

CREATE TABLE seen_token (
  participant {text} NOT NULL, issuer {text} NOT NULL, jti {text} NOT NULL, expires_at {int} NOT NULL,
  PRIMARY KEY (participant, issuer, jti));
CREATE INDEX seen_token_expires ON seen_token (participant, expires_at);

CREATE TABLE counter (
  participant {text} NOT NULL, agreement {text} NOT NULL, name {text} NOT NULL, period {text} NOT NULL, uses {int} NOT NULL,
  PRIMARY KEY (participant, agreement, name, period));

CREATE TABLE outbox (
  id {id}, participant {text} NOT NULL, stream {text} NOT NULL, kind {text} NOT NULL, message_id {text} NOT NULL, body {bytes} NOT NULL,
  sealed {int} NOT NULL DEFAULT 0, due_at {int} NOT NULL, lease_owner {text} NOT NULL DEFAULT '', lease_until {int} NOT NULL DEFAULT 0,
  fence {int} NOT NULL DEFAULT 0, attempts {int} NOT NULL DEFAULT 0, created_at {int} NOT NULL, done_at {int});
CREATE INDEX outbox_due ON outbox (due_at, id) WHERE done_at IS NULL;
CREATE INDEX outbox_stream ON outbox (stream, id) WHERE done_at IS NULL;
CREATE INDEX outbox_message ON outbox (participant, message_id) WHERE done_at IS NULL;
CREATE INDEX outbox_process ON outbox (participant, stream, id);

CREATE TABLE timer (
  id {id}, participant {text} NOT NULL, kind {text} NOT NULL, subject {text} NOT NULL, due_at {int} NOT NULL, done_at {int});
CREATE INDEX timer_due ON timer (due_at, id) WHERE done_at IS NULL;
CREATE INDEX timer_subject ON timer (participant, subject);

CREATE TABLE question (
  participant {text} NOT NULL, id {text} NOT NULL, subject {text} NOT NULL, kind {text} NOT NULL, facts {text} NOT NULL,
  asked_at {int} NOT NULL, answered_at {int}, answer {text}, PRIMARY KEY (participant, id));
CREATE INDEX question_subject ON question (participant, subject);

CREATE TABLE audit_entry (
  id {id}, participant {text} NOT NULL, agreement {text}, type {text} NOT NULL, seq {int} NOT NULL, at {int} NOT NULL,
  record {bytes}, salt {bytes}, leaf {bytes} NOT NULL, leaf_index {int}{audit_tx});
CREATE UNIQUE INDEX audit_entry_leaf ON audit_entry (participant, leaf_index) WHERE leaf_index IS NOT NULL;
CREATE UNIQUE INDEX audit_entry_chain ON audit_entry (participant, agreement, seq) WHERE agreement IS NOT NULL;
CREATE INDEX audit_entry_type ON audit_entry (participant, type, id);
CREATE INDEX audit_entry_open ON audit_entry (participant, id) WHERE leaf_index IS NULL;

CREATE TABLE audit_seal (
  participant {text} NOT NULL, size {int} NOT NULL, root {bytes} NOT NULL, frontier {bytes} NOT NULL, checkpoint {text},
  at {int} NOT NULL, PRIMARY KEY (participant, size));

CREATE TABLE lease (name {text} PRIMARY KEY, owner {text} NOT NULL, until {int} NOT NULL, fence {int} NOT NULL);
CREATE TABLE did_pin (did {text} PRIMARY KEY, keys {bytes} NOT NULL, seen_at {int} NOT NULL);
CREATE TABLE trust_list (version {int} PRIMARY KEY, jws {text} NOT NULL, accepted_at {int} NOT NULL);
