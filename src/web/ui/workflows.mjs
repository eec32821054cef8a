// workflows.mjs - the workflows that can be started now.

import { get } from "./api.mjs";
import { fill, h } from "./dom.mjs";
import { visible, when } from "./format.mjs";

export async function showWorkflows({ root, signal, can, title }) {
	title("Workflows");
	try {
		const { workflows } = await get("/workflows", { signal });
		const row = (w) =>
			h(
				"li",
				null,
				h(
					"a",
					{ class: "row workflow", href: `#/workflows/${encodeURIComponent(w.name)}` },
					h(
						"span",
						{ class: "w-title" },
						h("strong", null, visible(w.name)),
						w.paused_at && h("span", { class: "badge waiting" }, "paused"),
						w.description && h("span", { class: "faint" }, visible(w.description)),
					),
					h("span", { class: "faint" }, "active since ", when(w.activated_at)),
				),
			);
		fill(
			root,
			h("div", { class: "head" }, h("h1", null, "Workflows")),
			workflows.length
				? h("ul", { class: "rows", "aria-label": "Workflows" }, workflows.map(row))
				: h(
						"p",
						{ class: "empty" },
						"No workflow is active. Write one below workflows/ and run ",
						h("code", null, "agentctl reload"),
						".",
					),
		);
	} catch (e) {
		if (!signal.aborted)
			fill(
				root,
				h("h1", null, "Workflows"),
				h("p", { class: "empty" }, can("read") ? e.message : "This token may not read workflows: it lacks the scope read."),
			);
	}
}
