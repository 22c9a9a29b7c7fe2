-- The second lock: every row of a participant is visible only to a transaction that names this participant.
-- FORCE binds the owner too. Roles: hanse_owner (runs this), hanse (the service), hanse_worker (claims across participants).

DO $$
DECLARE
  name TEXT;
BEGIN
  FOR name IN
    SELECT table_name FROM information_schema.columns
     WHERE table_schema = current_schema AND column_name = 'participant'
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY own_rows ON %I TO hanse USING (participant = current_setting(''hanse.participant'', true))'
      ' WITH CHECK (participant = current_setting(''hanse.participant'', true))', name);
    IF name NOT IN ('audit_entry', 'audit_seal') THEN
      EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO hanse', name);
    END IF;
  END LOOP;
END
$$;

-- The directory of participants: every door looks up whom a request is for; only the participant's own scope changes it.
ALTER TABLE participant ENABLE ROW LEVEL SECURITY;
ALTER TABLE participant FORCE ROW LEVEL SECURITY;
CREATE POLICY directory ON participant FOR SELECT TO hanse, hanse_worker USING (true);
CREATE POLICY own_insert ON participant FOR INSERT TO hanse WITH CHECK (id = current_setting('hanse.participant', true));
CREATE POLICY own_update ON participant FOR UPDATE TO hanse USING (id = current_setting('hanse.participant', true));
CREATE POLICY own_delete ON participant FOR DELETE TO hanse USING (id = current_setting('hanse.participant', true));
GRANT SELECT, INSERT, UPDATE, DELETE ON participant TO hanse;
GRANT SELECT ON participant TO hanse_worker;

-- Audit is append-only: what may change later is the place in the log and the signature under a seal.
GRANT SELECT, INSERT, UPDATE (leaf_index) ON audit_entry TO hanse, hanse_worker;
GRANT SELECT, INSERT, UPDATE (checkpoint) ON audit_seal TO hanse, hanse_worker;

-- The worker works for all participants, on these tables alone.
CREATE POLICY all_rows ON outbox TO hanse_worker USING (true) WITH CHECK (true);
CREATE POLICY all_rows ON timer TO hanse_worker USING (true) WITH CHECK (true);
CREATE POLICY all_rows ON audit_entry TO hanse_worker USING (true) WITH CHECK (true);
CREATE POLICY all_rows ON audit_seal TO hanse_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox, timer TO hanse_worker;

-- Process-wide tables.
GRANT SELECT, INSERT, UPDATE, DELETE ON lease, did_pin, trust_list TO hanse, hanse_worker;
GRANT SELECT ON schema_version TO hanse, hanse_worker;
