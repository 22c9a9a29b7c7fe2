-- Persons who sign in (spec/accounts.md). They belong to the process: one may have roles at several participants. Times in ms.
-- `login` is folded; `password` is an argon2id text, `totp` a sealed secret, `totp_step` the last step that was used.
CREATE TABLE person (
  id {text} PRIMARY KEY, login {text} NOT NULL UNIQUE, name {text} NOT NULL, password {text} NOT NULL, totp {bytes},
  totp_step {int} NOT NULL, operator {int} NOT NULL, issuer {text}, subject {text}, language {text} NOT NULL,
  created_at {int} NOT NULL, seen_at {int}, UNIQUE (issuer, subject));
CREATE TABLE recovery_code (
  person {text} NOT NULL REFERENCES person (id) ON DELETE CASCADE, digest {text} NOT NULL, PRIMARY KEY (person, digest));
-- Of a session only the SHA-256 of its secret; `strong`: a second factor was shown, or somebody vouched who may.
CREATE TABLE desk_session (
  digest {text} PRIMARY KEY, person {text} NOT NULL REFERENCES person (id) ON DELETE CASCADE, strong {int} NOT NULL,
  agent {text} NOT NULL, created_at {int} NOT NULL, touched_at {int} NOT NULL, ends_at {int} NOT NULL);
CREATE INDEX desk_session_person ON desk_session (person);
-- What is shown once and used once, by the SHA-256 of its secret: a link, the step between password and second factor, a sign-in
-- that is under way at an identity provider (`facts`, sealed), a browser that is known (used more than once).
CREATE TABLE one_time_secret (
  digest {text} PRIMARY KEY, kind {text} NOT NULL, person {text} REFERENCES person (id) ON DELETE CASCADE,
  facts {bytes}, ends_at {int} NOT NULL);
CREATE INDEX one_time_secret_ends ON one_time_secret (ends_at);
CREATE INDEX one_time_secret_person ON one_time_secret (person);
-- Attempts to sign in since the last that succeeded, by lane: the SHA-256 of whom they are counted for.
CREATE TABLE sign_in_attempt (lane {text} PRIMARY KEY, count {int} NOT NULL, last_at {int} NOT NULL);
CREATE INDEX sign_in_attempt_last ON sign_in_attempt (last_at);
-- What a person may do at a participant, and what she is called in its log.
CREATE TABLE person_role (
  participant {text} NOT NULL REFERENCES participant (id), person {text} NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  role {text} NOT NULL, granted_by {text} NOT NULL, granted_at {int} NOT NULL, PRIMARY KEY (participant, person, role));
CREATE INDEX person_role_person ON person_role (person);
CREATE TABLE person_pseudonym (
  participant {text} NOT NULL REFERENCES participant (id), person {text} NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  pseudonym {text} NOT NULL, PRIMARY KEY (participant, person), UNIQUE (participant, pseudonym));
CREATE INDEX person_pseudonym_person ON person_pseudonym (person);
-- A role that one person asked for somebody and a second one has not confirmed yet.
CREATE TABLE role_proposal (
  participant {text} NOT NULL REFERENCES participant (id), person {text} NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  role {text} NOT NULL, proposed_by {text} NOT NULL, proposed_at {int} NOT NULL, PRIMARY KEY (participant, person, role));
CREATE TABLE invitation (
  participant {text} NOT NULL REFERENCES participant (id), id {text} NOT NULL, digest {text} NOT NULL, name {text} NOT NULL,
  roles {text} NOT NULL, invited_by {text} NOT NULL, created_at {int} NOT NULL, ends_at {int} NOT NULL,
  PRIMARY KEY (participant, id), UNIQUE (digest));
-- Keys for programs. An empty `participant` would be nobody's: those of operators have none (NULL).
CREATE TABLE api_token (
  digest {text} PRIMARY KEY, id {text} NOT NULL UNIQUE, participant {text} REFERENCES participant (id),
  person {text} NOT NULL REFERENCES person (id) ON DELETE CASCADE, label {text} NOT NULL, scopes {text} NOT NULL,
  created_at {int} NOT NULL, ends_at {int} NOT NULL, used_at {int});
CREATE INDEX api_token_person ON api_token (person);
CREATE INDEX api_token_participant ON api_token (participant);
