-- 0048_files.sql - the total of files counts the pieces of those that are still being written; a file that lost its last name is
-- looked at by the next sweep.
--
-- Words:  file_total.size_bytes (0043_artifacts.sql): bytes of all pieces, whether their file is whole; files: those that are whole.

LOCK TABLE agentd.file_chunks IN SHARE ROW EXCLUSIVE MODE;	-- who writes has counted as before
UPDATE agentd.file_total SET size_bytes = (SELECT coalesce(sum(octet_length(c.content)), 0) FROM agentd.file_chunks c);

CREATE FUNCTION agentd.files_unnamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE agentd.files f SET look_at = agentd.clock() WHERE f.id = ANY (ARRAY(
		SELECT x.id FROM agentd.files x WHERE x.id IN (SELECT g.file FROM gone g)
			AND NOT EXISTS (SELECT FROM agentd.artifacts a WHERE a.file = x.id)
		ORDER BY x.id FOR NO KEY UPDATE));
	RETURN NULL;
END $$;
CREATE TRIGGER files_unnamed AFTER DELETE ON agentd.artifacts REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION agentd.files_unnamed();
