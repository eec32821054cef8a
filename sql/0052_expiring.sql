-- 0052_expiring.sql - requests for people are told of once more before they expire; each target of notify has places of its own.
--
-- Words:  warned_at: when it was told that the request is about to expire (approval.expiring); null: it was not, or is not yet.
--         since: when a sweeper named the target first.
-- The nonce of requests goes: nothing ever read it. What it was to do, tell a request from an earlier one about the same action, is done
-- by the id, which every decision and every link names, and which is random; the digest binds the action alone.

-- A worker of before may open a request until today's functions are put in place, a moment from now.
DO $$
BEGIN
	IF to_regproc('agentd.approvals_note') IS NOT NULL THEN
		EXECUTE replace(replace(pg_get_functiondef(to_regproc('agentd.approvals_note')), ' nonce,', ''), ' uuid_send(gen_random_uuid()),', '');
	END IF;
END $$;
ALTER TABLE agentd.approval_queue DROP COLUMN nonce, ADD COLUMN warned_at timestamptz;
CREATE INDEX approval_queue_unwarned ON agentd.approval_queue (expires_at) WHERE state = 'pending' AND warned_at IS NULL;

ALTER TABLE agentd.notify_targets ADD COLUMN since timestamptz NOT NULL DEFAULT 'epoch';
DROP INDEX agentd.webhook_deliveries_told;
CREATE INDEX webhook_deliveries_told ON agentd.webhook_deliveries (target, due_at) WHERE state = 'pending' AND target IS NOT NULL;
