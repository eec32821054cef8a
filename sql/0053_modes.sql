-- 0053_modes.sql - probes of providers, and what our own route would have done while another gateway answered.
--
-- Words:  a probe is a call of one token that succeeded, with the key of that fingerprint at that address; in mode live a provider
--         without a fresh one is left out. A shadow call stands beside a row of model_calls, the other gateway's answer.

CREATE TABLE agentd.provider_probes (
	provider text NOT NULL,
	base_url text NOT NULL,
	key_fingerprint text NOT NULL,		-- '': it needs no key
	at timestamptz NOT NULL,
	latency_ms bigint NOT NULL,
	model_asked text NOT NULL,
	model_answered text NOT NULL,
	by text NOT NULL,
	PRIMARY KEY (provider, base_url, key_fingerprint)
);

CREATE TABLE agentd.shadow_calls (
	id uuid NOT NULL,			-- of its row in model_calls
	task uuid NOT NULL,
	at timestamptz NOT NULL,
	leaf smallint NOT NULL,
	agrees boolean NOT NULL,
	legacy_usd numeric(18,12),		-- null: not known
	own_usd numeric(18,12),			-- for the same usage at our own prices; null: no step, no price or no usage
	tier text NOT NULL,
	legacy_model text NOT NULL,		-- that answered, or was asked
	error_class text NOT NULL,		-- of the other gateway's answer
	own_provider text,
	own_model text,
	own_problem text CHECK ((own_problem IS NULL) = (own_model IS NOT NULL))
) PARTITION BY LIST (leaf);

CREATE OR REPLACE FUNCTION agentd.partitioned_tables() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
	SELECT ARRAY['tasks', 'task_log', 'task_attempts', 'effects', 'traces', 'model_calls', 'shadow_calls']
$$;
SELECT agentd.partitions_ensure();
