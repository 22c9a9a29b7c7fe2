-- The three roles and the database; run once by a superuser with psql, in an empty cluster.
-- hanse_owner migrates, hanse serves one participant at a time, hanse_worker delivers for all of them.
-- None may bypass row-level security. Passwords come from files, so that they show in no process list.
\set ON_ERROR_STOP on
\set owner `cat /run/secrets/owner-password`
\set app `cat /run/secrets/app-password`
\set worker `cat /run/secrets/worker-password`
CREATE ROLE hanse_owner LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'owner';
CREATE ROLE hanse LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'app';
CREATE ROLE hanse_worker LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'worker';
CREATE DATABASE hanse OWNER hanse_owner TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE hanse FROM PUBLIC;
GRANT CONNECT ON DATABASE hanse TO hanse, hanse_worker;
