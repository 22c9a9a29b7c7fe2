DO $$
DECLARE
  name TEXT;
BEGIN
  FOREACH name IN ARRAY ARRAY['log_epoch', 'log_node', 'cosignature'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY own_rows ON %I TO hanse USING (participant = current_setting(''hanse.participant'', true))'
      ' WITH CHECK (participant = current_setting(''hanse.participant'', true))', name);
  END LOOP;
END
$$;
-- What the log has said stays said; an unsigned batch may still be moved to a new origin.
GRANT UPDATE (epoch) ON audit_seal TO hanse;
GRANT SELECT, INSERT ON log_epoch, log_node, cosignature TO hanse;
-- Process-wide: what a witness saw only grows, and nothing of it is deleted.
GRANT SELECT, INSERT ON witness_key, witness_alarm TO hanse;
GRANT SELECT, INSERT, UPDATE ON witness_log TO hanse;
