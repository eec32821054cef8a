-- 5_page.sql - what the page asks for and nobody else.
--
-- Words:  workflow and bundle as in 4_bundles.sql.

-- One active workflow, as the list has it, with the program that it points at.
CREATE OR REPLACE FUNCTION agentd.workflow_show(p_name text) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_workflow json := (SELECT w FROM json_array_elements(agentd.workflows_list() -> 'workflows') w WHERE w ->> 'name' = p_name);
BEGIN
	IF v_workflow IS NULL THEN
		RAISE EXCEPTION 'no active workflow "%"', p_name USING ERRCODE = 'AG404';
	END IF;
	RETURN json_build_object('workflow', v_workflow, 'content', agentd.bundle(decode(v_workflow ->> 'bundle', 'hex')));
END $$;
