-- 0042_webhooks.sql - who is told of what happens to tasks, and what was sent.
--
-- Words:  webhook     what a submission asked for: url is told of events (finished, uncertain, quarantined, approval) of its task.
--         target      an entry of `notify` in agentd.yaml, as the last sweeper to start had it; it is told of events of all tasks that
--                     fit. Its address and its secrets are not here.
--         delivery    one message to one of them: pending -> delivered | failed; failed -> pending by a person. It is made in the
--                     transaction of the event. Its id is what receivers know it by, however often it is sent. due_at: when it may be
--                     sent (again); while somebody sends it, when that one is given up. lease: of who sends it. attempts: so far;
--                     tries: since its schedule began.
--         link use    a one-time link has decided; digest is what the link was about.
--         hooked      the task has a webhook: whoever moves it looks no further where it has none.
-- Rows go with their task (leaf_forget).

ALTER TABLE agentd.task_queue ADD COLUMN hooked boolean NOT NULL DEFAULT false;

CREATE TABLE agentd.task_webhooks (
	task uuid PRIMARY KEY,
	leaf smallint NOT NULL,
	url text NOT NULL,
	events text[] NOT NULL
);
CREATE TABLE agentd.notify_targets (
	name text COLLATE "C" PRIMARY KEY,
	events text[] NOT NULL,
	workflows text[],	-- null: all
	risks text[]		-- of requests for approval; null: all
);
CREATE TABLE agentd.webhook_deliveries (
	id uuid PRIMARY KEY,
	task uuid NOT NULL,
	approval uuid,
	lease uuid,
	due_at timestamptz,
	created_at timestamptz NOT NULL,
	ended_at timestamptz,
	attempts integer NOT NULL DEFAULT 0,
	tries integer NOT NULL DEFAULT 0,
	leaf smallint NOT NULL,
	state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
	event text NOT NULL,
	target text COLLATE "C",	-- null: the task's own webhook
	url text,
	error text,
	CHECK ((target IS NULL) <> (url IS NULL)),
	CHECK ((state = 'pending') = (due_at IS NOT NULL)),
	CHECK ((state = 'pending') = (ended_at IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX webhook_deliveries_due ON agentd.webhook_deliveries (due_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_lease ON agentd.webhook_deliveries (lease) WHERE lease IS NOT NULL;
CREATE INDEX webhook_deliveries_task ON agentd.webhook_deliveries (task);
CREATE TABLE agentd.webhook_attempts (
	delivery uuid NOT NULL REFERENCES agentd.webhook_deliveries ON DELETE CASCADE,
	n integer NOT NULL,
	started_at timestamptz NOT NULL,
	ended_at timestamptz,	-- null: under way, or its sender was lost
	status integer,		-- of HTTP; null: no answer
	error text,
	PRIMARY KEY (delivery, n)
);
CREATE TABLE agentd.approval_link_uses (
	approval uuid NOT NULL REFERENCES agentd.approval_queue ON DELETE CASCADE,
	recipient text COLLATE "C" NOT NULL,
	digest bytea NOT NULL,
	used_at timestamptz NOT NULL,
	PRIMARY KEY (approval, recipient, digest)
);
