// tasks.mjs - the list of tasks: filters in the address, kept fresh by the stream of events, more on demand.

import { get, query } from "./api.mjs";
import { fill, h, keyed, say } from "./dom.mjs";
import { badge, count, duration, money, setBadge, shortId, visible, when } from "./format.mjs";
import { bind } from "./keys.mjs";
import { follow, paced } from "./live.mjs";

const STATES = [
	"ready",
	"running",
	"waiting_approval",
	"waiting_timer",
	"waiting_event",
	"waiting_slot",
	"uncertain",
	"quarantined",
	"succeeded",
	"failed",
	"cancelled",
	"expired",
];
const PAGE = 50;
const ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;

function row(task) {
	const state = badge(task.state);
	const created = h("span", { class: "t-when" });
	const took = h("span", { class: "t-took" });
	const cost = h("span", { class: "t-cost" });
	const labels = h("span", { class: "t-labels" });
	const el = h(
		"li",
		null,
		h(
			"a",
			{ class: "row task", href: `#/tasks/${task.id}` },
			state,
			h(
				"span",
				{ class: "t-name" },
				h("strong", null, visible(task.workflow)),
				" ",
				h("span", { class: "id", title: task.id }, shortId(task.id)),
				labels,
			),
			h("span", { class: "t-by" }, visible(task.submitted_by.replace(/^token:/, ""))),
			created,
			took,
			cost,
		),
	);
	return {
		el,
		update(t) {
			setBadge(state, t.state);
			fill(created, when(t.created_at));
			fill(took, t.finished_at ? duration(Date.parse(t.finished_at) - Date.parse(t.created_at)) : "");
			fill(cost, Number(t.cost_usd) ? money(t.cost_usd) : "");
			fill(
				labels,
				Object.entries(t.labels).map(([k, v]) => h("span", { class: "label" }, `${visible(k)}: ${visible(v)}`)),
			);
		},
	};
}

function filters({ query: q, signal }, workflows, onText) {
	const state = h(
		"select",
		{ id: "f-state" },
		h("option", { value: "" }, "Any state"),
		STATES.map((s) => h("option", { value: s }, s.replace("_", " "))),
	);
	state.value = q.get("state") || "";
	const workflow = h("input", {
		id: "f-workflow",
		list: "f-workflows",
		value: q.get("workflow") || "",
		autocomplete: "off",
		placeholder: "any",
	});
	const label = h("input", {
		id: "f-label",
		value: q.get("label") || "",
		autocomplete: "off",
		placeholder: "team:docs",
		"aria-describedby": "f-note",
	});
	const text = h("input", {
		id: "f-id",
		type: "search",
		autocomplete: "off",
		spellcheck: "false",
		placeholder: "id, or a part",
		"aria-describedby": "f-note",
	});
	const note = h("p", { id: "f-note", class: "error", role: "alert" });
	function apply(e) {
		e?.preventDefault();
		const whole = text.value.match(ID);
		note.textContent = label.value && label.value.indexOf(":") < 1 ? "A label is NAME:TEXT." : "";
		if (whole) location.hash = `#/tasks/${whole[0].toLowerCase()}`;
		else if (!note.textContent) {
			const hash = "#/tasks" + query({ state: state.value, workflow: workflow.value.trim(), label: label.value.trim() });
			if (location.hash !== hash) location.hash = hash;
		}
	}
	text.addEventListener("input", () => onText(text.value.trim().toLowerCase()));
	for (const el of [state, workflow, label]) el.addEventListener("change", () => apply());
	const field = (name, el) => h("div", { class: "field" }, h("label", { for: el.id }, name), el);
	bind({ "/": { text: "Find a task by its id", run: () => text.focus() } }, signal);
	return h(
		"form",
		{ class: "filters", role: "search", "aria-label": "Filter tasks", on: { submit: apply } },
		field("State", state),
		field("Workflow", workflow),
		field("Label", label),
		field("Task", text),
		h("button", { class: "unseen", tabindex: -1 }, "Apply"),
		h(
			"datalist",
			{ id: "f-workflows" },
			workflows.map((w) => h("option", { value: w.name })),
		),
		note,
	);
}

export async function showTasks(ctx) {
	const { root, query: q, signal, can } = ctx;
	const params = { state: q.get("state"), workflow: q.get("workflow"), label: q.get("label") };
	const list = h("ul", { class: "rows", "aria-label": "Tasks" });
	const more = h("button", { type: "button", hidden: true, on: { click: showMore } }, "Show more");
	const empty = h("p", { class: "empty", hidden: true });
	const summary = h("p", { class: "faint", role: "status" });
	const live = h("span", { class: "live", title: "Follows what happens" }, "live");
	let tasks = [];
	let next = null;
	let part = "";
	let chosen = -1;

	ctx.title("Tasks");
	if (!can("read")) {
		fill(root, h("h1", null, "Tasks"), h("p", { class: "empty" }, "This token may not read tasks: it lacks the scope read."));
		return;
	}
	const workflows = await get("/workflows", { signal }).then(
		(w) => w.workflows,
		() => [],
	);
	if (signal.aborted) return;
	fill(
		root,
		h("div", { class: "head" }, h("h1", null, "Tasks"), live),
		filters(ctx, workflows, (text) => ((part = text), draw())),
		summary,
		list,
		empty,
		h("p", null, more),
	);

	function draw() {
		const shown = part ? tasks.filter((t) => t.id.includes(part)) : tasks;
		keyed(list, shown, (t) => t.id, row);
		more.hidden = !next;
		empty.hidden = shown.length > 0;
		empty.textContent = part
			? "None of the tasks below has this in its id. Show more of them, or give the whole id."
			: Object.values(params).some(Boolean)
				? "No task fits."
				: "No task yet. Start one under Workflows.";
		summary.textContent = part ? `${count(shown.length, "task")} of those that are shown` : "";
	}
	async function refresh() {
		try {
			const page = await get("/tasks" + query({ ...params, limit: Math.min(200, Math.max(PAGE, tasks.length)) }), { signal });
			const oldest = page.tasks.at(-1)?.id;
			const rest = page.next ? tasks.filter((t) => t.id < oldest) : [];
			if (!rest.length) next = page.next;
			tasks = [...page.tasks, ...rest];
			draw();
		} catch (e) {
			if (signal.aborted || e.status === 401) return;
			if (!tasks.length) {
				empty.hidden = false;
				empty.textContent = e.message;
			}
		}
	}
	async function showMore() {
		more.disabled = true;
		try {
			const page = await get("/tasks" + query({ ...params, before: next, limit: PAGE }), { signal });
			tasks = [...tasks, ...page.tasks];
			next = page.next;
			draw();
			say(`${count(page.tasks.length, "more task")}`);
		} catch {
			// the banner says it
		}
		more.disabled = false;
	}
	function move(by) {
		const links = list.querySelectorAll("a.row");
		if (!links.length) return;
		chosen = Array.prototype.indexOf.call(links, document.activeElement);
		links[Math.min(links.length - 1, Math.max(0, chosen + by))].focus();
	}
	bind({ j: { text: "Next task", run: () => move(1) }, k: { text: "Task before", run: () => move(-1) } }, signal);
	await refresh();
	const soon = paced(1000, refresh);
	addEventListener("agentd-back", soon, { signal });
	follow("/events", signal, { onEvent: soon, onReturn: soon, onState: (on) => live.classList.toggle("off", !on) });
}
