-- 4_probes.sql - calls of one token that succeeded: which key answered at which address, and when.
--
-- Words:  see 0053_modes.sql.
-- Locks:  the row of the probe.

-- What nobody probed for two years goes with the next.
CREATE OR REPLACE FUNCTION agentd.probe_record(p_provider text, p_base_url text, p_key_fingerprint text, p_model_asked text,
	p_model_answered text, p_latency_ms bigint, p_by text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_now timestamptz := agentd.clock();
BEGIN
	DELETE FROM provider_probes x WHERE x.at < v_now - interval '2 years';
	INSERT INTO provider_probes AS x (provider, base_url, key_fingerprint, at, latency_ms, model_asked, model_answered, by)
	VALUES (p_provider, p_base_url, p_key_fingerprint, v_now, p_latency_ms, p_model_asked, p_model_answered, p_by)
	ON CONFLICT (provider, base_url, key_fingerprint) DO UPDATE SET at = excluded.at, latency_ms = excluded.latency_ms,
		model_asked = excluded.model_asked, model_answered = excluded.model_answered, by = excluded.by;
	PERFORM pg_notify('agentd_probes', '');
END $$;

-- {"probes": [{provider, base_url, key_fingerprint, model, at, age_ms}]}: the newest first.
CREATE OR REPLACE FUNCTION agentd.probes() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET timezone = 'UTC' AS $$
	SELECT json_build_object('probes', coalesce(json_agg(json_build_object('provider', x.provider, 'base_url', x.base_url,
		'key_fingerprint', x.key_fingerprint, 'model', x.model_asked, 'at', agentd.rfc3339(x.at),
		'age_ms', greatest(0, (extract(epoch FROM agentd.clock() - x.at) * 1000)::bigint)) ORDER BY x.at DESC), '[]'))::text
	FROM provider_probes x
$$;
