-- A backup reads the rows of all participants, and FORCE binds the owner too: it sees them while it says so (decision 0051).
-- Nobody else may use this. A table that a later step adds needs the policy as well; `hanse backup` refuses without it.
DO $$
DECLARE
  name TEXT;
BEGIN
  FOR name IN
    SELECT relname FROM pg_class WHERE relforcerowsecurity AND relnamespace = current_schema::regnamespace
  LOOP
    EXECUTE format('CREATE POLICY backup ON %I FOR SELECT TO CURRENT_USER'
      ' USING (current_setting(''hanse.backup'', true) = ''on'')', name);
  END LOOP;
END
$$;
