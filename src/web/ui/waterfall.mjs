// waterfall.mjs - the steps of a task on a line of time: turns and calls below their step, items below their loop.

import { h, keyed, newId } from "./dom.mjs";
import { duration, money, visible, words } from "./format.mjs";
import { readable } from "./json.mjs";

const MANY = 12; // items of a loop that are shown without being asked
const ENDED = ["succeeded", "failed", "cancelled", "skipped", "expired"];

const parentOf = (path) => {
	const slash = path.lastIndexOf("/");
	const last = path.slice(slash + 1);
	const item = last.match(/^(.*)\[\d+\]$/);
	if (item) return path.slice(0, slash + 1) + item[1];
	return slash < 0 ? "" : path.slice(0, slash);
};

function nameOf(path, parent) {
	const last = path.slice(path.lastIndexOf("/") + 1);
	const item = last.match(/\[(\d+)\]$/);
	const call = last.match(/^call-(\d+)$/);
	const turn = last.match(/^turn-(\d+)$/);
	if (item) return `item ${item[1]}`;
	if (turn) return `turn ${turn[1]}`;
	if (call) return parent?.step?.output?.calls?.[Number(call[1])]?.name || `call ${call[1]}`;
	return last.replace(/~(\d+)$/, " · visit $1");
}

/** Flat list of nodes, each behind its parent: {path, name, depth, step?, from, to, status, kids}. */
function tree(steps) {
	const nodes = new Map();
	const top = { path: "", kids: [], depth: -1 };
	nodes.set("", top);
	function node(path) {
		let n = nodes.get(path);
		if (n) return n;
		const parent = node(parentOf(path));
		n = { path, kids: [], depth: parent.depth + 1, parent };
		nodes.set(path, n);
		parent.kids.push(n);
		return n;
	}
	for (const step of steps) node(step.path).step = step;
	function measure(n) {
		n.kids.forEach(measure);
		n.name = nameOf(n.path, n.parent);
		const own = n.step;
		n.from = Math.min(own ? Date.parse(own.started_at) : Infinity, ...n.kids.map((k) => k.from));
		n.to = own?.finished_at
			? Date.parse(own.finished_at)
			: own
				? null
				: n.kids.some((k) => k.to === null)
					? null
					: Math.max(...n.kids.map((k) => k.to));
		n.status =
			own?.status ||
			["failed", "uncertain", "running", "waiting"].find((s) => n.kids.some((k) => k.status === s)) ||
			n.kids.at(-1)?.status;
		n.cost = own ? Number(own.cost_usd) : n.kids.reduce((sum, k) => sum + (k.cost || 0), 0);
	}
	top.kids.forEach(measure);
	return top.kids;
}

function detail(step) {
	const parts = [];
	const add = (name, el) => parts.push(h("h4", null, name), el);
	if (step.approval) parts.push(h("p", null, h("a", { href: `#/approvals/${step.approval}` }, "Somebody has to decide")));
	if (step.error) add("Error", readable(step.error, "Error"));
	if (step.call) add("Call", readable(step.call, "Call"));
	if (step.reconciled) add("Reconciled", readable(step.reconciled, "Reconciled"));
	if (step.output !== undefined && step.output !== null) {
		if (step.kind === "turn") {
			if (step.output.text) add("Said", readable(step.output.text, "Text"));
			for (const call of step.output.calls || []) add(`Asks for ${visible(call.name)}`, readable(call.args, "Arguments"));
		} else add("Output", readable(step.output, "Output"));
	}
	if (step.try > 1) parts.push(h("p", { class: "faint" }, `try ${step.try}`));
	parts.push(h("p", { class: "faint path" }, `${words(step.kind || "step")} · ${visible(step.path)}`));
	return parts;
}

/** An element whose update(task) draws what is known now. */
export function waterfall() {
	const open = new Set(); // paths whose detail is shown
	const folded = new Map(); // paths whose children are hidden, or not, by somebody's choice
	const axis = h("div", { class: "axis", "aria-hidden": true }, h("span"), h("span"), h("span"));
	const list = h("ul", { class: "falls", "aria-label": "Steps" });
	const el = h("div", { class: "waterfall" }, axis, list);
	let last = null;

	const isFolded = (n) => folded.get(n.path) ?? (n.step?.kind === "for" && n.kids.length > MANY);
	function flat(nodes, out) {
		for (const n of nodes) {
			out.push(n);
			if (!isFolded(n)) flat(n.kids, out);
		}
		return out;
	}
	function make(n0) {
		let n = n0;
		const id = newId("step");
		const fold = h("button", { class: "fold-kids", type: "button", on: { click: () => (folded.set(n.path, !isFolded(n)), draw()) } });
		const name = h("span", { class: "w-name" });
		const status = h("span", { class: "w-status" });
		const bar = h("span", { class: "bar" });
		const took = h("span", { class: "w-took" });
		const cost = h("span", { class: "w-cost" });
		const box = h("div", { class: "w-detail", id, hidden: true });
		const head = h(
			"button",
			{ class: "w-head", type: "button", "aria-controls": id, on: { click: toggle } },
			name,
			status,
			h("span", { class: "lane", "aria-hidden": true }, bar),
			took,
			cost,
		);
		const el = h("li", null, h("div", { class: "w-row" }, fold, head), box);
		let drawn = "";
		function toggle() {
			if (!n.step) return (folded.set(n.path, !isFolded(n)), draw());
			if (!open.delete(n.path)) open.add(n.path);
			update(n);
		}
		function update(now) {
			n = now;
			const { from, total, clock } = last;
			const to = n.to ?? clock;
			const shown = open.has(n.path);
			el.style.setProperty("--depth", Math.min(n.depth, 6));
			fold.hidden = !n.kids.length;
			fold.textContent = isFolded(n) ? "▸" : "▾";
			fold.setAttribute("aria-expanded", !isFolded(n));
			fold.setAttribute("aria-label", `Steps below ${n.name}`);
			name.textContent = visible(n.name);
			name.title = visible(n.path);
			status.className = `w-status badge ${n.status}`;
			status.textContent = n.status;
			bar.className = `bar ${n.status}`;
			bar.style.setProperty("left", `${(100 * (n.from - from)) / total}%`);
			bar.style.setProperty("width", `${(100 * Math.max(0, to - n.from)) / total}%`);
			took.textContent = n.status === "skipped" ? "" : duration(to - n.from);
			cost.textContent = n.cost ? money(n.cost) : "";
			if (n.step) head.setAttribute("aria-expanded", shown);
			box.hidden = !shown;
			const text = shown ? JSON.stringify(n.step) : "";
			if (text !== drawn) {
				drawn = text;
				box.replaceChildren(...(shown ? detail(n.step) : []));
			}
		}
		return { el, update };
	}
	function draw() {
		keyed(list, flat(last.nodes, []), (n) => n.path, make);
	}
	function update(task) {
		const clock = task.finished_at ? Date.parse(task.finished_at) : Date.now();
		const nodes = tree(task.steps);
		const from = Math.min(...nodes.map((n) => n.from), clock);
		const total = Math.max(1, clock - from);
		last = { nodes, from, total, clock };
		for (const [i, mark] of [0, total / 2, total].entries())
			axis.children[i].textContent = i === 1 && total < 10 ? "" : i ? duration(mark) : "0";
		draw();
	}
	/** Bars of what goes on grow. */
	function grow(task) {
		if (!ENDED.includes(task.state) && task.steps.length) update(task);
	}
	return { el, update, grow };
}
