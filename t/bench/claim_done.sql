BEGIN;
UPDATE jobs SET state = 1, worker = :client_id WHERE id = (
	SELECT id FROM jobs WHERE state = 0 ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING id \gset
UPDATE jobs SET state = 2, result = '{"ok": true}' WHERE id = :id;
COMMIT;
