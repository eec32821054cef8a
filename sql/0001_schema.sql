-- 0001_schema.sql - types, time, tables, the moves a task may make.
--
-- Words:  task      what is wanted; its facts never change, its outcome is written once
--         attempt   one claim of a task by a worker, numbered by its fence from 1
--         lane      what a worker must be able to do; failures are of the work, recoveries of lost leases
--         journal   task_log: what a task did, by step path, ordered by seq
--         effect    one action outside, by its key; hold: money set aside for one model call
--         retain    how long a record is kept: 'short' or 'long'
--         leaf      the number of a partition: month and retention class of a task. Everything of a task lives in
--                   leaves of that number, and every query that names tasks names their leaves too, so that the
--                   planner opens those alone. (Bounds on the id do not serve: without fresh statistics the planner
--                   takes such a range for a handful of rows and joins it by brute force.)
-- Locks:  parent before child; task_queue, then task_log, effects, approval_queue, spend_hold, spend_window;
--         rows of one table in id order. Whoever writes for a task locks its row in task_queue first.
-- Time:   agentd.clock() only; tests set agentd.fake_now in their session.
-- Money:  numeric(18,12) US dollars; callers speak int64 pico-dollars.

CREATE SCHEMA IF NOT EXISTS agentd;
REVOKE ALL ON SCHEMA agentd FROM PUBLIC;

CREATE TABLE agentd.schema_migrations (
	version integer PRIMARY KEY,
	name text NOT NULL,
	digest bytea NOT NULL,
	applied_at timestamptz NOT NULL
);

DO $$
DECLARE
	v_ext text;
BEGIN
	FOREACH v_ext IN ARRAY ARRAY['vector', 'pg_trgm'] LOOP
		IF EXISTS (SELECT FROM pg_available_extensions WHERE name = v_ext) THEN
			EXECUTE format('CREATE EXTENSION IF NOT EXISTS %I WITH SCHEMA public', v_ext);
		ELSE
			RAISE NOTICE 'extension "%" is not installed on this server: memory and recall need it', v_ext;
		END IF;
	END LOOP;
END $$;

CREATE TYPE agentd.task_state AS ENUM ('ready', 'running', 'waiting_approval', 'waiting_timer', 'waiting_event',
	'waiting_slot', 'uncertain', 'quarantined', 'succeeded', 'failed', 'cancelled', 'expired');
CREATE TYPE agentd.retention AS ENUM ('short', 'long');
CREATE TYPE agentd.effect_state AS ENUM ('planned', 'dispatched', 'done', 'failed_before_effect', 'uncertain');

CREATE FUNCTION agentd.clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
	SELECT coalesce(nullif(current_setting('agentd.fake_now', true), '')::timestamptz, clock_timestamp())
$$;

-- SQL functions here are declared no stricter than what they call, or the planner would not inline them.
-- Microseconds since 1970 and back, exactly; 0 stands for "none".
CREATE FUNCTION agentd.us(p timestamptz) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT (extract(epoch FROM p) * 1000000)::bigint
$$;
CREATE FUNCTION agentd.at_us(p bigint) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN p <> 0
		THEN timestamptz 'epoch' + (p / 1000000) * interval '1 second' + (p % 1000000) * interval '1 microsecond' END
$$;
CREATE FUNCTION agentd.rfc3339(p timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT to_char(p AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;
CREATE FUNCTION agentd.usd(p_pusd bigint) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN p_pusd = 0 THEN 0::numeric ELSE p_pusd::numeric * 0.000000000001 END
$$;
CREATE FUNCTION agentd.pusd(p_usd numeric) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN p_usd = 0 THEN 0 ELSE (p_usd * 1000000000000)::bigint END
$$;
-- Shortest exact decimal: "0.0038125", "0".
CREATE FUNCTION agentd.money(p_usd numeric) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT trim_scale(p_usd)::text
$$;

-- The smallest UUIDv7 of an instant, and the instant of a UUIDv7.
CREATE FUNCTION agentd.uuid_at(p timestamptz) RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT (lpad(to_hex(floor(extract(epoch FROM p) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid
$$;
CREATE FUNCTION agentd.uuid_time(p uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT to_timestamp(('x' || left(p::text, 8) || substr(p::text, 10, 4))::bit(48)::bigint / 1000.0)
$$;
-- The three below are plpgsql: the planner cannot inline them, and a SQL function that is not inlined is parsed and
-- planned anew in every statement that calls it (0.1 ms and more).
-- 2 * months since the year 2000, + 1 for long.
CREATE FUNCTION agentd.leaf_of(p_at timestamptz, p_retain agentd.retention) RETURNS smallint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	v_at timestamp := p_at AT TIME ZONE 'UTC';
BEGIN
	RETURN 2 * (12 * (extract(year FROM v_at)::integer - 2000) + extract(month FROM v_at)::integer - 1)
		+ CASE p_retain WHEN 'long' THEN 1 ELSE 0 END;
END $$;
-- Where the task with this id may be.
CREATE FUNCTION agentd.leaves_of(p_id uuid) RETURNS smallint[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	v_short smallint := agentd.leaf_of(agentd.uuid_time(p_id), 'short');
BEGIN
	RETURN ARRAY[v_short, (v_short + 1)::smallint];
END $$;
-- Where these may be: ids of one time stand together, so the months between the first and the last.
CREATE FUNCTION agentd.leaves_of(p_ids uuid[]) RETURNS smallint[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	v_first uuid := p_ids[1];
	v_last uuid := p_ids[1];
	v_id uuid;
	v_leaves smallint[] := '{}';
BEGIN
	FOREACH v_id IN ARRAY p_ids LOOP
		IF v_id < v_first THEN
			v_first := v_id;
		ELSIF v_id > v_last THEN
			v_last := v_id;
		END IF;
	END LOOP;
	IF v_first IS NULL THEN
		RETURN v_leaves;
	END IF;
	FOR v_leaf IN agentd.leaf_of(agentd.uuid_time(v_first), 'short') .. agentd.leaf_of(agentd.uuid_time(v_last), 'long') LOOP
		v_leaves := v_leaves || v_leaf::smallint;
	END LOOP;
	RETURN v_leaves;
END $$;
-- A UUIDv7 made here: only for callers that bring no id of their own.
CREATE FUNCTION agentd.uuid_new() RETURNS uuid LANGUAGE sql VOLATILE AS $$
	SELECT overlay(overlay(replace(gen_random_uuid()::text, '-', '')
		placing lpad(to_hex(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') from 1)
		placing '7' from 13)::uuid
$$;

-- --- the moves of a task ---
-- uncertain: only a person or a reconciling tool resolves it, never time and never a plain cancel (R19, R32).
CREATE FUNCTION agentd.move_allowed(p_from agentd.task_state, p_to agentd.task_state) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE p_from
	WHEN 'running' THEN p_to <> 'running'
	WHEN 'ready' THEN p_to IN ('running', 'cancelled', 'expired')
	WHEN 'waiting_approval' THEN p_to IN ('ready', 'cancelled', 'expired')
	WHEN 'waiting_timer' THEN p_to IN ('ready', 'cancelled', 'expired')
	WHEN 'waiting_event' THEN p_to IN ('ready', 'cancelled', 'expired')
	WHEN 'waiting_slot' THEN p_to IN ('ready', 'cancelled', 'expired')
	WHEN 'uncertain' THEN p_to = 'ready'
	WHEN 'quarantined' THEN p_to IN ('ready', 'cancelled')
	ELSE false END
$$;
CREATE FUNCTION agentd.state_is_terminal(p agentd.task_state) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT p >= 'succeeded'
$$;
CREATE VIEW agentd.task_moves AS
	SELECT a AS from_state, b AS to_state
	FROM unnest(enum_range(NULL::agentd.task_state)) a, unnest(enum_range(NULL::agentd.task_state)) b
	WHERE agentd.move_allowed(a, b);

CREATE FUNCTION agentd.refuse_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'task % may not go from % to %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'AG409';
END $$;
CREATE FUNCTION agentd.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'rows of %.% that are final may not change', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'AG409';
END $$;

-- --- programs ---
CREATE TABLE agentd.bundles (
	digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
	workflow text NOT NULL,
	content json NOT NULL,
	created_at timestamptz NOT NULL
);
CREATE TRIGGER immutable AFTER UPDATE ON agentd.bundles FOR EACH ROW EXECUTE FUNCTION agentd.refuse_change();

CREATE SEQUENCE agentd.workflow_generation;
CREATE TABLE agentd.workflows (
	name text COLLATE "C" PRIMARY KEY,	-- "C" meets any collation that a caller brings
	bundle bytea NOT NULL REFERENCES agentd.bundles,
	active boolean NOT NULL,
	generation bigint NOT NULL,
	activated_at timestamptz NOT NULL,
	description text,
	input json,
	retain agentd.retention NOT NULL,
	lane text NOT NULL,
	budget json
);

-- --- tasks: facts, and once the outcome ---
-- Partitioned tables have no key of their own: each leaf has its keys without the column leaf (0002). With leaf in
-- the index the planner would read a whole index of a month that it has no statistics for.
-- state is null while the task lives; then its row in task_queue has the state.
CREATE TABLE agentd.tasks (
	id uuid NOT NULL,
	parent uuid,
	created_at timestamptz NOT NULL,
	run_at timestamptz,
	deadline timestamptz,
	finished_at timestamptz,
	last_seq bigint,
	fence integer,
	failures integer,
	recoveries integer,
	leaf smallint NOT NULL,
	state agentd.task_state,
	ended_from agentd.task_state,
	workflow text NOT NULL,
	bundle bytea NOT NULL,
	submitted_by text NOT NULL,
	urgency text NOT NULL CHECK (urgency IN ('low', 'normal', 'high')),
	labels json,
	budget json,
	origin json,
	input json,
	input_blob bytea,
	output json,
	output_blob bytea,
	error json,
	cost_usd numeric(18,12),
	CHECK (state IS NULL OR agentd.state_is_terminal(state) AND agentd.move_allowed(ended_from, state))
) PARTITION BY LIST (leaf);
CREATE TRIGGER immutable_facts AFTER UPDATE OF id, parent, created_at, run_at, deadline, leaf, workflow, bundle,
	submitted_by, urgency, labels, budget, origin, input, input_blob
	ON agentd.tasks FOR EACH ROW EXECUTE FUNCTION agentd.refuse_change();
CREATE TRIGGER immutable_outcome AFTER UPDATE ON agentd.tasks FOR EACH ROW WHEN (OLD.state IS NOT NULL)
	EXECUTE FUNCTION agentd.refuse_change();

-- The only hot table. ready rows carry no time filter: what is due later is waiting_timer.
CREATE TABLE agentd.task_queue (
	id uuid PRIMARY KEY,
	worker uuid,
	run_at timestamptz,
	deadline timestamptz,
	cancel_at timestamptz,
	seq bigint NOT NULL DEFAULT 0,
	fence integer NOT NULL DEFAULT 0,
	state agentd.task_state NOT NULL CHECK (NOT agentd.state_is_terminal(state)),
	leaf smallint NOT NULL,
	priority smallint NOT NULL,
	failures smallint NOT NULL DEFAULT 0,
	recoveries smallint NOT NULL DEFAULT 0,
	semantics smallint NOT NULL DEFAULT 0,
	lane text COLLATE "C" NOT NULL,
	budget_usd numeric(18,12),
	spent_usd numeric(18,12) NOT NULL DEFAULT 0,
	held_usd numeric(18,12) NOT NULL DEFAULT 0,
	CHECK ((worker IS NOT NULL) = (state = 'running'))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
	autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);
CREATE INDEX task_queue_ready ON agentd.task_queue (lane, priority, run_at, id) WHERE state = 'ready';
CREATE INDEX task_queue_running ON agentd.task_queue (worker) WHERE state = 'running';
CREATE INDEX task_queue_timer ON agentd.task_queue (run_at) WHERE state NOT IN ('ready', 'running') AND run_at IS NOT NULL;
CREATE INDEX task_queue_deadline ON agentd.task_queue (deadline) WHERE deadline IS NOT NULL AND state <> 'running';
CREATE TRIGGER moves AFTER UPDATE OF state ON agentd.task_queue FOR EACH ROW
	WHEN (OLD.state <> NEW.state AND NOT agentd.move_allowed(OLD.state, NEW.state))
	EXECUTE FUNCTION agentd.refuse_move();

CREATE TABLE agentd.workers (
	id uuid PRIMARY KEY,
	lease_until timestamptz NOT NULL,
	started_at timestamptz NOT NULL,
	ended_at timestamptz,
	lease_ms bigint NOT NULL CHECK (lease_ms > 0),
	pid integer NOT NULL,
	claim integer,		-- number of the last claim, so that one sent again gets the same tasks (R21)
	semantics smallint NOT NULL,
	host text NOT NULL,
	lanes text[] COLLATE "C" NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE agentd.task_attempts (
	task uuid NOT NULL,
	worker uuid NOT NULL,
	started_at timestamptz NOT NULL,
	ended_at timestamptz,
	fence integer NOT NULL,
	claim integer,
	leaf smallint NOT NULL,
	outcome text
) PARTITION BY LIST (leaf);

-- The journal. Unique by (task, path, try, kind): a duplicate is success only with an equal digest.
CREATE TABLE agentd.task_log (
	task uuid NOT NULL,
	seq bigint NOT NULL,
	at timestamptz NOT NULL,
	started_at timestamptz,
	fence integer NOT NULL,
	try integer NOT NULL,
	leaf smallint NOT NULL,
	path text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL,
	step_kind text,
	value json,
	value_blob bytea,
	value_digest bytea NOT NULL,
	cost_usd numeric(18,12)
) PARTITION BY LIST (leaf);
CREATE TRIGGER immutable AFTER UPDATE ON agentd.task_log FOR EACH ROW EXECUTE FUNCTION agentd.refuse_change();

CREATE TABLE agentd.effects (
	task uuid NOT NULL,
	created_at timestamptz NOT NULL,
	changed_at timestamptz NOT NULL,
	fence integer NOT NULL,
	leaf smallint NOT NULL,
	state agentd.effect_state NOT NULL,
	effect_class text NOT NULL CHECK (effect_class IN ('pure', 'tx', 'idempotent', 'at_most_once')),
	path text COLLATE "C" NOT NULL,
	tool text NOT NULL,
	key bytea NOT NULL,
	args bytea NOT NULL,
	result json,
	result_blob bytea,
	resolved_by text
) PARTITION BY LIST (leaf);

CREATE TABLE agentd.approval_queue (
	id uuid PRIMARY KEY,
	task uuid NOT NULL,
	leaf smallint NOT NULL,
	kind text NOT NULL CHECK (kind IN ('call', 'question', 'spend')),
	state text NOT NULL CHECK (state IN ('pending', 'approved', 'consumed', 'denied', 'expired', 'superseded', 'cancelled')),
	path text COLLATE "C" NOT NULL,
	requested_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	decided_at timestamptz,
	decided_by text,
	consumed_at timestamptz,
	digest bytea NOT NULL,
	nonce bytea NOT NULL,
	tool text,
	args json,
	title text NOT NULL,
	show json,
	form json,
	answer json,
	comment text,
	risk text NOT NULL,
	rule text,
	approvers integer NOT NULL DEFAULT 1
);
CREATE INDEX approval_queue_task ON agentd.approval_queue (task);
CREATE INDEX approval_queue_pending ON agentd.approval_queue (expires_at) WHERE state = 'pending';

-- body: the first answer, word for word (R23); keys outlive their tasks (R24).
CREATE TABLE agentd.idempotency_keys (
	principal text COLLATE "C" NOT NULL,
	route text COLLATE "C" NOT NULL,
	key text COLLATE "C" NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 255),
	request bytea NOT NULL,
	task uuid NOT NULL,
	state agentd.task_state NOT NULL,
	created_at timestamptz NOT NULL,
	body text NOT NULL,
	PRIMARY KEY (principal, route, key)
);
CREATE INDEX idempotency_keys_age ON agentd.idempotency_keys USING brin (created_at);

CREATE TABLE agentd.api_tokens (
	hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
	name text UNIQUE NOT NULL,
	scopes text[] NOT NULL CHECK (scopes <@ ARRAY['submit', 'read', 'approve', 'admin', 'metrics'] AND cardinality(scopes) > 0),
	created_at timestamptz NOT NULL,
	expires_at timestamptz,
	revoked_at timestamptz
);

CREATE TABLE agentd.provider_health (
	provider text NOT NULL,
	scope text NOT NULL,
	state text NOT NULL CHECK (state IN ('closed', 'open', 'half_open')),
	failures integer NOT NULL DEFAULT 0,
	opened_until timestamptz,
	opened_for_ms bigint,
	probe_by uuid,
	probe_until timestamptz,
	last_error text,
	changed_at timestamptz NOT NULL,
	PRIMARY KEY (provider, scope)
) WITH (fillfactor = 50);

CREATE TABLE agentd.spend_window (
	cap text NOT NULL,
	scope_key text NOT NULL,
	window_start timestamptz NOT NULL,
	spent_usd numeric(18,12) NOT NULL DEFAULT 0 CHECK (spent_usd >= 0),
	held_usd numeric(18,12) NOT NULL DEFAULT 0 CHECK (held_usd >= 0),
	PRIMARY KEY (cap, scope_key, window_start)
) WITH (fillfactor = 50);
-- settled_usd is what the call cost; lapsed: the sweeper settled it at its amount because nobody else did.
CREATE TABLE agentd.spend_hold (
	id uuid PRIMARY KEY,
	task uuid NOT NULL,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	settled_at timestamptz,
	lapsed boolean NOT NULL DEFAULT false,
	path text COLLATE "C" NOT NULL,
	amount_usd numeric(18,12) NOT NULL CHECK (amount_usd >= 0),
	settled_usd numeric(18,12)
);
CREATE INDEX spend_hold_task ON agentd.spend_hold (task);
CREATE INDEX spend_hold_open ON agentd.spend_hold (expires_at) WHERE settled_at IS NULL;

-- --- large values ---
-- The digest is of the text, not of its canonical form: the order of keys is kept.
CREATE TABLE agentd.blobs (
	digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
	created_at timestamptz NOT NULL,
	content text NOT NULL
);
CREATE TABLE agentd.blob_refs (
	task uuid NOT NULL,
	digest bytea NOT NULL REFERENCES agentd.blobs,
	PRIMARY KEY (digest, task)
);
CREATE INDEX blob_refs_task ON agentd.blob_refs (task);
CREATE TABLE agentd.artifacts (
	task uuid NOT NULL,
	name text COLLATE "C" NOT NULL,
	fence integer NOT NULL,
	created_at timestamptz NOT NULL,
	size_bytes bigint NOT NULL,
	media_type text NOT NULL,
	digest bytea NOT NULL,
	PRIMARY KEY (task, name)
);

-- --- sight ---
CREATE TABLE agentd.traces (
	id uuid NOT NULL,
	task uuid NOT NULL,
	parent uuid,
	started_at timestamptz NOT NULL,
	ended_at timestamptz,
	leaf smallint NOT NULL,
	path text COLLATE "C",
	name text NOT NULL,
	kind text NOT NULL,
	status text,
	attributes json
) PARTITION BY LIST (leaf);
CREATE INDEX traces_task ON agentd.traces (task);

-- One attempt at one provider, whether it failed or not.
CREATE TABLE agentd.model_calls (
	id uuid NOT NULL,
	task uuid NOT NULL,
	hold uuid,
	at timestamptz NOT NULL,
	started_at timestamptz NOT NULL,
	fence integer NOT NULL,
	attempt integer NOT NULL,
	first_byte_ms bigint,
	total_ms bigint,
	in_fresh bigint NOT NULL,
	in_cached bigint NOT NULL,
	in_write_5m bigint NOT NULL,
	in_write_1h bigint NOT NULL,
	out_text bigint NOT NULL,
	out_reason bigint NOT NULL,
	http_status integer,
	leaf smallint NOT NULL,
	cost_usd numeric(18,12) NOT NULL,
	cost_source text NOT NULL CHECK (cost_source IN ('provider', 'computed', 'estimated', 'none')),
	path text COLLATE "C" NOT NULL,
	tier text NOT NULL,
	provider text NOT NULL,
	model_asked text NOT NULL,
	model_answered text,
	provider_request_id text,
	key_fingerprint text,
	error_class text NOT NULL,
	policy bytea
) PARTITION BY LIST (leaf);
CREATE INDEX model_calls_task ON agentd.model_calls (task);
