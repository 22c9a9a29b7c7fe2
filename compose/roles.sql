-- The three roles and the database; run by a superuser with psql -f, in a new cluster or in one that exists already.
-- hanse_owner migrates, hanse serves one participant at a time, hanse_worker delivers for all of them. None may bypass
-- row-level security. Passwords come from the files owner-password, app-password and worker-password in $HANSE_SECRETS
-- (/run/secrets without it), so that they show in no process list. What exists keeps its password; without a password
-- nothing is made, and psql ends with an exit code.
\set ON_ERROR_STOP on
\set owner `cat "${HANSE_SECRETS:-/run/secrets}/owner-password" 2>/dev/null`
\set app `cat "${HANSE_SECRETS:-/run/secrets}/app-password" 2>/dev/null`
\set worker `cat "${HANSE_SECRETS:-/run/secrets}/worker-password" 2>/dev/null`

SELECT count(*) > 0 AS missing, coalesce(string_agg(name, ', '), '') AS roles
  FROM (VALUES ('hanse_owner', :'owner'), ('hanse', :'app'), ('hanse_worker', :'worker')) AS wanted (name, password)
 WHERE btrim(password, E' \t\r\n') = '' AND NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = name) \gset
\if :missing
\warn No password for :roles. Set HANSE_SECRETS to the folder of the password files; nothing was changed.
DO $$ BEGIN RAISE EXCEPTION 'a password file is missing or empty'; END $$;
\endif
DO $$
BEGIN
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname IN ('hanse_owner', 'hanse', 'hanse_worker') AND (rolsuper OR rolbypassrls)) THEN
    RAISE EXCEPTION 'hanse_owner, hanse and hanse_worker must be NOSUPERUSER NOBYPASSRLS';
  END IF;
END
$$;

BEGIN;
SELECT 'CREATE ROLE hanse_owner LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD ' || quote_literal(:'owner')
 WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'hanse_owner') \gexec
SELECT 'CREATE ROLE hanse LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD ' || quote_literal(:'app')
 WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'hanse') \gexec
SELECT 'CREATE ROLE hanse_worker LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD ' || quote_literal(:'worker')
 WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'hanse_worker') \gexec
COMMIT;
SELECT 'CREATE DATABASE hanse OWNER hanse_owner TEMPLATE template0 ENCODING ''UTF8'''
 WHERE NOT EXISTS (SELECT 1 FROM pg_database WHERE datname = 'hanse') \gexec
REVOKE ALL ON DATABASE hanse FROM PUBLIC;
GRANT CONNECT ON DATABASE hanse TO hanse, hanse_worker;
