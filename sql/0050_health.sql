-- 0050_health.sql - breakers and limits of providers, shared by all workers.
--
-- Words:  a row of provider_health is a breaker: of a provider (scope '') or of one of its models (scope: the model's id there). There
--         is none while nothing has failed. opened_until null: closed; ahead of now: open; else half-open, when one probe at a time is
--         let through, whose lease is probe and probe_until. no counts how often the row has opened: an attempt that began under a
--         lower one says nothing of what came after. failures and halves (answers that were no use) count since window_started; opens
--         since it was closed last.
--         provider_rate: tat is when the provider's next call (token) is due if it had no burst; only of providers with rpm or tpm.
--         model_waits: questions that wait in the memory of a worker, for `why`; lapses_at: nobody waits that long.

DROP TABLE agentd.provider_health;	-- nothing ever wrote to it
CREATE TABLE agentd.provider_health (
	provider text COLLATE "C" NOT NULL,
	scope text COLLATE "C" NOT NULL,
	no bigint NOT NULL DEFAULT 0,
	failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
	halves integer NOT NULL DEFAULT 0 CHECK (halves >= 0),
	window_started timestamptz,
	opens integer NOT NULL DEFAULT 0 CHECK (opens >= 0),
	opened_at timestamptz,
	opened_until timestamptz,
	probe uuid,
	probe_until timestamptz,
	error_class text NOT NULL DEFAULT '',
	last_error text NOT NULL DEFAULT '',
	changed_at timestamptz NOT NULL,
	PRIMARY KEY (provider, scope),
	CHECK ((opened_until IS NULL) OR (opened_at IS NOT NULL)),
	CHECK ((probe IS NULL) = (probe_until IS NULL))
) WITH (fillfactor = 50);

CREATE TABLE agentd.provider_rate (
	provider text COLLATE "C" PRIMARY KEY,
	calls_tat timestamptz NOT NULL,
	tokens_tat timestamptz NOT NULL,
	updated_at timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE agentd.model_waits (
	task uuid NOT NULL,
	path text COLLATE "C" NOT NULL,
	fence integer NOT NULL,
	since timestamptz NOT NULL,
	until timestamptz,
	lapses_at timestamptz NOT NULL,
	provider text NOT NULL,
	reason text NOT NULL,
	PRIMARY KEY (task, path)
);
CREATE INDEX model_waits_age ON agentd.model_waits (lapses_at);
