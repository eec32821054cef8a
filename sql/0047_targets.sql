-- 0047_targets.sql - since when nobody has named a target, and what is due for targets, found without the webhooks of tasks.
--
-- Words:  target (0042_webhooks.sql): an entry of `notify` of any sweeper that runs. seen_at: when one named it last.

ALTER TABLE agentd.notify_targets ADD COLUMN seen_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX webhook_deliveries_told ON agentd.webhook_deliveries (due_at) WHERE state = 'pending' AND target IS NOT NULL;
