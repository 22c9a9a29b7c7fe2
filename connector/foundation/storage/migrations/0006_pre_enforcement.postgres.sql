DO $$
DECLARE
  name TEXT;
BEGIN
  FOREACH name IN ARRAY ARRAY['deed', 'decision'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY own_rows ON %I TO hanse USING (participant = current_setting(''hanse.participant'', true))'
      ' WITH CHECK (participant = current_setting(''hanse.participant'', true))', name);
  END LOOP;
END
$$;
-- What was done is never undone: a deed is added, not changed.
GRANT SELECT, INSERT ON deed TO hanse;
GRANT SELECT, INSERT, DELETE ON decision TO hanse;
