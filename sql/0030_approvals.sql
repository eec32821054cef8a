-- 0030_approvals.sql - what a request for a person binds, and who has spoken.
--
-- Words:  head is the SHA-256 of all that is bound beside the arguments; digest = SHA-256(head, SHA-256 of the canonical arguments),
--         so that edited arguments give a new digest without knowing what the head is made of. asked: the arguments as the
--         workflow made them, where somebody edited them. schema: what the tool takes. votes: who approved or denied, in order:
--         [{by, decision, at, sent, digest, comment, form}]; sent is the digest that was shown, digest the one that was decided.
--         effect_key: of the effect that consumed it.
--         A request is open while it is pending, or approved and not consumed.

ALTER TABLE agentd.approval_queue
	ADD COLUMN try integer NOT NULL DEFAULT 1,
	ADD COLUMN head bytea NOT NULL DEFAULT '',
	ADD COLUMN asked json,
	ADD COLUMN schema json,
	ADD COLUMN votes json NOT NULL DEFAULT '[]',
	ADD COLUMN effect_key bytea;
CREATE INDEX approval_queue_open ON agentd.approval_queue (task) WHERE state IN ('pending', 'approved');
