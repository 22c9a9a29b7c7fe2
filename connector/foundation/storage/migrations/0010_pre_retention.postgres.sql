DO $$
DECLARE
  name TEXT;
BEGIN
  FOREACH name IN ARRAY ARRAY['erasure', 'hold', 'reconciliation', 'partner_log'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY own_rows ON %I TO hanse USING (participant = current_setting(''hanse.participant'', true))'
      ' WITH CHECK (participant = current_setting(''hanse.participant'', true))', name);
  END LOOP;
END
$$;
-- What was erased stays told; a hold is lifted, never changed or forgotten.
GRANT SELECT, INSERT ON erasure TO hanse;
GRANT SELECT, INSERT, UPDATE (lifted_at, lifted_role, lifted_ground) ON hold TO hanse;
GRANT SELECT, INSERT, UPDATE ON reconciliation, partner_log TO hanse;

-- The log stays append-only but for erasure: the service (not the worker) may empty record and salt of a sealed entry,
-- both at once, and only beside the row that tells of it. Whatever else it writes there is refused.
GRANT UPDATE (record, salt) ON audit_entry TO hanse;
CREATE FUNCTION only_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.record IS NOT NULL OR NEW.salt IS NOT NULL OR OLD.leaf_index IS NULL OR NOT EXISTS (
      SELECT 1 FROM erasure e WHERE e.participant = OLD.participant AND e.entry = OLD.id) THEN
    RAISE EXCEPTION 'audit_entry is append-only' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER audit_entry_only_erasure BEFORE UPDATE OF record, salt ON audit_entry
  FOR EACH ROW EXECUTE FUNCTION only_erasure();
