-- 0015_bundles.sql - bundles go when nobody can need them any more, and not before (R35).
--
-- Words:  superseded_at: when no workflow pointed at the bundle any more; null while one does. Tasks pin a bundle only while it
--         is pointed at, so every task of a superseded one is older than that, and gone when all months up to it are.

DROP TRIGGER immutable ON agentd.bundles;
ALTER TABLE agentd.bundles ADD COLUMN superseded_at timestamptz;
CREATE TRIGGER immutable AFTER UPDATE OF digest, workflow, content, created_at ON agentd.bundles
	FOR EACH ROW EXECUTE FUNCTION agentd.refuse_change();
UPDATE agentd.bundles b SET superseded_at = clock_timestamp()
WHERE NOT EXISTS (SELECT FROM agentd.workflows w WHERE w.bundle = b.digest);
CREATE FUNCTION agentd.bundle_refuse_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;	-- 4_bundles.sql has it
CREATE TRIGGER in_use BEFORE DELETE ON agentd.bundles FOR EACH ROW EXECUTE FUNCTION agentd.bundle_refuse_delete();
