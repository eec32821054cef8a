-- 0011_effects.sql - the word of a person or of a tool's query on an uncertain effect, and news for a running task.
--
-- Words:  decision is the last word on this effect (happened, did_not_happen, give_up), by resolved_by at resolved_at about try
--         resolved_try; while the effect is still uncertain, the engine has not acted on it yet. resolved_id is made by
--         whoever calls, so that a call sent again is known (R21). try is the one that dispatched last.
--         unread: something for this task came in while a worker had it; it does not sleep over it.

ALTER TABLE agentd.effects
	ADD COLUMN try integer NOT NULL DEFAULT 1,
	ADD COLUMN decision text CHECK (decision IN ('happened', 'did_not_happen', 'give_up')),
	ADD COLUMN resolved_at timestamptz,
	ADD COLUMN resolved_try integer,
	ADD COLUMN resolved_id uuid,
	ADD CHECK ((decision IS NULL) = (resolved_at IS NULL) AND (decision IS NULL) = (resolved_by IS NULL));
ALTER TABLE agentd.task_queue ADD COLUMN unread boolean NOT NULL DEFAULT false;
