DO $$
DECLARE
  name TEXT;
BEGIN
  FOREACH name IN ARRAY ARRAY['ending', 'succession'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY own_rows ON %I TO hanse USING (participant = current_setting(''hanse.participant'', true))'
      ' WITH CHECK (participant = current_setting(''hanse.participant'', true))', name);
  END LOOP;
END
$$;
-- What was stated is never changed; only how its delivery went is noted.
GRANT SELECT, INSERT, UPDATE (answer) ON ending TO hanse;
GRANT SELECT, INSERT ON succession TO hanse;
