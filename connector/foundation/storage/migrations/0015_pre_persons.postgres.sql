-- What people said about an agreement that nobody can prove any more may be freed of the pseudonym it says (Art. 17
-- GDPR): a statement of its end, and the facts of a deed. As long as the log has a record of the agreement both stay as they are.
GRANT UPDATE (statement) ON ending TO hanse;
GRANT UPDATE (actor, facts) ON deed TO hanse;
CREATE FUNCTION only_unproven() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM audit_entry e WHERE e.participant = OLD.participant AND e.agreement = OLD.agreement
      AND e.type = 'agreement' AND e.record IS NOT NULL) OR EXISTS (SELECT 1 FROM agreement a
      WHERE a.participant = OLD.participant AND a.id = OLD.agreement AND a.state = 'signed') OR EXISTS (SELECT 1 FROM hold h
      WHERE h.participant = OLD.participant AND (h.agreement IS NULL OR h.agreement = OLD.agreement) AND h.lifted_at IS NULL) THEN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER ending_only_unproven BEFORE UPDATE OF statement ON ending FOR EACH ROW EXECUTE FUNCTION only_unproven();
CREATE TRIGGER deed_only_unproven BEFORE UPDATE ON deed FOR EACH ROW EXECUTE FUNCTION only_unproven();
-- A temporary table of the same name would be asked before ours: any session may make one.
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION only_unproven() SET search_path = %I, pg_temp', current_schema);
END
$$;
