-- Whoever changes a row, however: the count goes up in the same transaction.
CREATE FUNCTION catalogue_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO catalogue AS c (participant, version)
    VALUES (CASE WHEN TG_OP = 'DELETE' THEN OLD.participant ELSE NEW.participant END, 1)
    ON CONFLICT (participant) DO UPDATE SET version = c.version + 1;
  RETURN NULL;
END
$$;
CREATE TRIGGER dataset_changed AFTER INSERT OR UPDATE OR DELETE ON dataset FOR EACH ROW EXECUTE FUNCTION catalogue_changed();
CREATE TRIGGER offer_changed AFTER INSERT OR UPDATE OR DELETE ON offer FOR EACH ROW EXECUTE FUNCTION catalogue_changed();

ALTER TABLE catalogue ENABLE ROW LEVEL SECURITY;
ALTER TABLE catalogue FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON catalogue TO hanse USING (participant = current_setting('hanse.participant', true))
  WITH CHECK (participant = current_setting('hanse.participant', true));
GRANT SELECT, INSERT, UPDATE, DELETE ON catalogue TO hanse;
