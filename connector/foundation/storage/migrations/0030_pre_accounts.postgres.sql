GRANT SELECT, INSERT, UPDATE, DELETE ON person, recovery_code, desk_session, one_time_secret, sign_in_attempt TO hanse;
-- Who signs in is known before the participant is: a transaction of the process, which names none, sees these rows of all.
DO $$
DECLARE
  name TEXT;
BEGIN
  FOREACH name IN ARRAY ARRAY['person_role', 'person_pseudonym', 'role_proposal', 'invitation', 'api_token'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY own_rows ON %I TO hanse USING (current_setting(''hanse.participant'', true) IN (participant, ''''))'
      ' WITH CHECK (current_setting(''hanse.participant'', true) IN (participant, ''''))', name);
    EXECUTE format('CREATE POLICY backup ON %I FOR SELECT TO CURRENT_USER'
      ' USING (current_setting(''hanse.backup'', true) = ''on'')', name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO hanse', name);
  END LOOP;
END
$$;
