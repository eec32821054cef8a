-- 0048_files.sql - the total of files counts the pieces of those that are still being written.
--
-- Words:  file_total.size_bytes (0043_artifacts.sql): bytes of all pieces, whether their file is whole; files: those that are whole.

LOCK TABLE agentd.file_chunks IN SHARE ROW EXCLUSIVE MODE;	-- who writes has counted as before
UPDATE agentd.file_total SET size_bytes = (SELECT coalesce(sum(octet_length(c.content)), 0) FROM agentd.file_chunks c);
