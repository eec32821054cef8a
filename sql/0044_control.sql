-- 0044_control.sql - what people do to tasks that have ended, and to workflows: retry, fork, purge, pause.
--
-- Words:  meta: what reload knew of a program beside its text: {description, input, budget, retain, lane, semantics, steps: {ID: KIND}}.
--         paused_at, paused_by: since when, and by whose word, no worker begins an attempt of the workflow's tasks; null: it runs.
--         purged_at: when everything that a task was given, made or said was erased. A purge is the one change of a row that is final.
--         superseded_at (0015_bundles.sql) of a bundle that no workflow points at moves on when a fork pins it.

ALTER TABLE agentd.bundles ADD COLUMN meta json;
UPDATE agentd.bundles b SET meta = json_build_object('description', w.description, 'input', w.input, 'budget', w.budget,
	'retain', w.retain, 'lane', w.lane, 'semantics', w.semantics)
FROM agentd.workflows w WHERE w.bundle = b.digest;
ALTER TABLE agentd.workflows ADD COLUMN paused_at timestamptz, ADD COLUMN paused_by text,
	ADD CHECK ((paused_at IS NULL) = (paused_by IS NULL));

ALTER TABLE agentd.tasks ADD COLUMN purged_at timestamptz;
DROP TRIGGER immutable_facts ON agentd.tasks;
CREATE TRIGGER immutable_facts AFTER UPDATE OF id, parent, created_at, run_at, deadline, leaf, workflow, bundle, submitted_by, urgency,
	labels, budget, origin, input, input_blob ON agentd.tasks FOR EACH ROW
	WHEN (NEW.purged_at IS NULL OR OLD.purged_at IS NOT NULL) EXECUTE FUNCTION agentd.refuse_change();
DROP TRIGGER immutable_outcome ON agentd.tasks;
CREATE TRIGGER immutable_outcome AFTER UPDATE ON agentd.tasks FOR EACH ROW
	WHEN (OLD.state IS NOT NULL AND (NEW.purged_at IS NULL OR OLD.purged_at IS NOT NULL)) EXECUTE FUNCTION agentd.refuse_change();
