// workflow.mjs - one workflow: what it does, drawn, and the form that starts it.

import { get, newKey, post } from "./api.mjs";
import { fill, h } from "./dom.mjs";
import { duration, money, visible, when } from "./format.mjs";
import { schemaForm } from "./form.mjs";
import { graphView } from "./graph.mjs";
import { readable } from "./json.mjs";

const NAME = /^[\w.-]+$/;

/** "team: docs" on each line -> {team: "docs"} */
function labelsOf(text) {
	const labels = {};
	for (const line of text.split("\n").filter((l) => l.trim())) {
		const colon = line.indexOf(":");
		if (colon < 1) throw new Error(`"${line.trim()}" is no label: write NAME: TEXT`);
		labels[line.slice(0, colon).trim()] = line.slice(colon + 1).trim();
	}
	return labels;
}

function runForm(w) {
	const form = schemaForm(w.input || { type: "object" }, w.input?.properties ? undefined : {});
	const urgency = h(
		"select",
		{ id: "run-urgency" },
		["low", "normal", "high"].map((u) => h("option", { value: u }, u)),
	);
	const labels = h("textarea", { id: "run-labels", rows: 2, placeholder: "team: docs", "aria-describedby": "run-labels-hint" });
	const error = h("p", { class: "error", role: "alert" });
	const button = h("button", { class: "primary" }, "Run");
	let key = newKey();
	urgency.value = "normal";
	async function submit(e) {
		e.preventDefault();
		const { value, errors } = form.read();
		form.clear();
		error.textContent = "";
		if (errors) return form.showErrors(errors);
		button.disabled = true;
		try {
			const body = { workflow: w.name, input: value ?? {}, urgency: urgency.value, labels: labelsOf(labels.value) };
			const task = await post("/tasks", body, { headers: { "Idempotency-Key": key } });
			key = newKey();
			location.hash = `#/tasks/${task.id}`;
		} catch (e) {
			if (e.status > 0 && e.status < 500) key = newKey();
			if (e.errors?.length) form.showErrors(e.errors.map((x) => ({ ...x, pointer: x.pointer.replace(/^\/input/, "") })));
			else error.textContent = e.message;
		}
		button.disabled = false;
	}
	return h(
		"form",
		{ class: "panel run", novalidate: true, "aria-labelledby": "run-title", on: { submit } },
		h("h2", { id: "run-title" }, "Run"),
		w.paused_at && h("p", { class: "notice" }, "It is paused: what is submitted waits."),
		form.el,
		h(
			"details",
			null,
			h("summary", null, "Urgency and labels"),
			h("div", { class: "field" }, h("label", { for: "run-urgency" }, "Urgency"), urgency),
			h(
				"div",
				{ class: "field" },
				h("label", { for: "run-labels" }, "Labels"),
				h("p", { class: "hint", id: "run-labels-hint" }, "One on each line, NAME: TEXT."),
				labels,
			),
		),
		error,
		button,
	);
}

/** Where agentd knows of pauses, and the token may make one. */
function pauseButton(w, can, again) {
	if (!("paused_at" in w) || !can("admin")) return null;
	const verb = w.paused_at ? "resume" : "pause";
	const error = h("span", { class: "error", role: "alert" });
	const button = h("button", { type: "button", on: { click } }, w.paused_at ? "Resume" : "Pause");
	async function click() {
		button.disabled = true;
		try {
			await post(`/workflows/${w.name}/${verb}`);
			again();
		} catch (e) {
			if (e.status === 404 || e.status === 405) button.hidden = true;
			else error.textContent = e.message;
			button.disabled = false;
		}
	}
	return h("span", { class: "actions" }, error, button);
}

export async function showWorkflow(ctx) {
	const { root, id, signal, can, title } = ctx;
	title(id);
	try {
		if (!NAME.test(id)) throw new Error("there is no such workflow");
		const w = await get(`/workflows/${id}`, { signal });
		const budget = w.budget || {};
		const facts = [
			["Active since", when(w.activated_at)],
			[
				"Budget",
				[
					budget.usd && money(budget.usd),
					budget.wall_ms && duration(budget.wall_ms),
					budget.turns && `${budget.turns} turns`,
					budget.calls && `${budget.calls} calls`,
				]
					.filter(Boolean)
					.join(", "),
			],
			["Lane", w.lane !== "default" && w.lane],
			["Bundle", h("span", { class: "id", title: w.bundle }, w.bundle.slice(0, 10))],
			["Tasks", h("a", { href: `#/tasks?workflow=${encodeURIComponent(w.name)}` }, "all of them")],
		].filter(([, v]) => v);
		fill(
			root,
			h(
				"nav",
				{ class: "crumbs", "aria-label": "Where you are" },
				h("a", { href: "#/workflows" }, "Workflows"),
				" / ",
				visible(w.name),
			),
			h(
				"div",
				{ class: "head" },
				h("h1", null, visible(w.name)),
				w.paused_at && h("span", { class: "badge waiting" }, "paused"),
				pauseButton(w, can, () => showWorkflow(ctx)),
			),
			w.description && h("p", { class: "lead" }, visible(w.description)),
			h(
				"dl",
				{ class: "facts" },
				facts.map(([k, v]) => h("div", null, h("dt", null, k), h("dd", null, v))),
			),
			h(
				"div",
				{ class: "split" },
				h(
					"section",
					{ "aria-label": "Steps" },
					h("h2", null, "Steps"),
					w.steps
						? h("div", { class: "graph-box", tabindex: 0, role: "region", "aria-label": "Graph" }, graphView(w.steps, w.name))
						: h("p", { class: "empty" }, "This version cannot read its program."),
				),
				h(
					"div",
					null,
					w.active === false
						? h("p", { class: "notice" }, "It is active no more.")
						: can("submit")
							? runForm(w)
							: h("p", { class: "notice" }, "This token may not start tasks: it lacks the scope submit."),
					w.input && h("details", { class: "panel" }, h("summary", null, "Schema of the input"), readable(w.input, "Schema")),
				),
			),
		);
	} catch (e) {
		if (!signal.aborted)
			fill(
				root,
				h("h1", null, visible(id)),
				h("p", { class: "empty" }, e.message),
				h("p", null, h("a", { href: "#/workflows" }, "All workflows")),
			);
	}
}
