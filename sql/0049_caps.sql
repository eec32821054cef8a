-- 0049_caps.sql - caps: bounds on the spending of many tasks, reserved before a call and settled after it.
--
-- Words:  a cap (policies/routing.yaml) sums up spending by scope_key (of its scope: a provider, a workflow, a token ...; "" of global)
--         in windows of time. spend_window: one such sum; window_start is -infinity and window_end null where it never ends; limit_usd
--         is the limit of the last reservation. cap_hold: what one reservation (hold) holds at one cap; hold is the id of its
--         spend_hold where a task made it, or whatever id a caller without a task made. settled_by: the model call that settled it;
--         lapsed: nobody did, and the sweeper booked the amount.

ALTER TABLE agentd.spend_window
	ADD COLUMN window_end timestamptz,
	ADD COLUMN touched_at timestamptz NOT NULL DEFAULT '-infinity',
	ADD COLUMN limit_usd numeric(18,12) NOT NULL DEFAULT 0,
	ADD COLUMN scope text NOT NULL DEFAULT '',
	ADD COLUMN "window" text NOT NULL DEFAULT '';

CREATE TABLE agentd.cap_hold (
	hold uuid NOT NULL,
	task uuid,
	settled_by uuid,
	window_start timestamptz NOT NULL,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	settled_at timestamptz,
	lapsed boolean NOT NULL DEFAULT false,
	cap text NOT NULL,
	scope_key text NOT NULL,
	amount_usd numeric(18,12) NOT NULL CHECK (amount_usd >= 0),
	settled_usd numeric(18,12),
	PRIMARY KEY (hold, cap)
);
CREATE INDEX cap_hold_open ON agentd.cap_hold (expires_at) WHERE settled_at IS NULL;
CREATE INDEX cap_hold_settled ON agentd.cap_hold (settled_at) WHERE settled_at IS NOT NULL;

-- The caps of the policy as the worker has it that read it last: what people are shown, also of what nobody has spent yet.
CREATE TABLE agentd.caps (
	cap text PRIMARY KEY,
	scope text NOT NULL,
	"window" text NOT NULL,
	zone text NOT NULL,
	on_exceeded text NOT NULL,
	limit_usd numeric(18,12) NOT NULL,
	told_at timestamptz NOT NULL
);
