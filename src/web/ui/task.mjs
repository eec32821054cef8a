// task.mjs - one task: its state, steps, values, artifacts and events, while it happens; cancel and retry.

import { get, post } from "./api.mjs";
import { confirmed, fill, h, keyed, say } from "./dom.mjs";
import { badge, count, duration, moment, money, setBadge, shortId, visible, when, words } from "./format.mjs";
import { jsonView, readable } from "./json.mjs";
import { bind } from "./keys.mjs";
import { follow, paced } from "./live.mjs";
import { waterfall } from "./waterfall.mjs";

const ENDED = ["succeeded", "failed", "cancelled", "expired"];
const MOST_EVENTS = 2000;

const section = (name, ...children) => h("section", { "aria-label": name }, h("h2", null, name), ...children);

function facts(t) {
	const u = t.usage;
	const tokens = u.in_fresh + u.in_cached + u.in_write + u.out_text + u.out_reason;
	const began = t.started_at && Date.parse(t.started_at);
	const rows = [
		["Submitted", [when(t.created_at), " by ", visible(t.submitted_by.replace(/^token:/, ""))]],
		["Ran for", t.started_at && duration((t.finished_at ? Date.parse(t.finished_at) : Date.now()) - began)],
		["Cost", [money(t.cost_usd), t.budget?.usd && h("span", { class: "faint" }, ` of ${money(t.budget.usd)}`)]],
		["Models", u.calls > 0 && `${count(u.calls, "question")}, ${count(tokens, "token")}${u.estimated ? ", estimated" : ""}`],
		["Attempts", t.attempts > 1 && count(t.attempts, "attempt")],
		[t.state === "waiting_approval" ? "Answer by" : "Goes on", t.run_at && moment(t.run_at)],
		["Deadline", t.deadline && moment(t.deadline)],
		["Lane", t.lane && t.lane !== "default" && t.lane],
		["Parent", t.parent && h("a", { href: `#/tasks/${t.parent}` }, shortId(t.parent))],
		["Bundle", h("span", { class: "id", title: t.bundle }, t.bundle.slice(0, 10))],
		[
			"Labels",
			Object.keys(t.labels).length > 0 &&
				Object.entries(t.labels).map(([k, v]) => h("span", { class: "label" }, `${visible(k)}: ${visible(v)}`)),
		],
	];
	return rows.filter(([, v]) => v).map(([k, v]) => h("div", null, h("dt", null, k), h("dd", null, v)));
}

/** What a person should know first. */
function notices(t, why) {
	const out = [];
	const asked = t.steps.filter((s) => s.approval && s.status === "waiting");
	for (const s of asked)
		out.push(
			h(
				"p",
				{ class: "notice" },
				`Step ${visible(s.path)} waits for a person. `,
				h("a", { href: `#/approvals/${s.approval}` }, "Decide"),
			),
		);
	if (t.error)
		out.push(
			h(
				"p",
				{ class: "notice bad" },
				h("strong", null, visible(t.error.type)),
				t.error.step ? ` at ${visible(t.error.step)}` : "",
				": ",
				visible(t.error.message),
			),
		);
	if (t.waits_for) out.push(h("p", { class: "notice" }, visible(t.waits_for.message)));
	if (t.state === "uncertain")
		out.push(
			h(
				"p",
				{ class: "notice bad" },
				"A call has no answer and must not be repeated: somebody has to say what became of it (",
				h("code", null, `agentctl reconcile ${t.id}`),
				").",
			),
		);
	if (t.cancel_requested && !ENDED.includes(t.state)) out.push(h("p", { class: "notice" }, "It was asked to stop."));
	if (why && !t.error) out.push(h("p", { class: "notice calm" }, visible(why)));
	return out;
}

function eventRow(e) {
	const text =
		e.kind === "finished"
			? e.value.state
			: e.kind === "claimed"
				? `attempt ${e.value.attempt}`
				: e.kind === "state.changed"
					? words(e.value.to)
					: e.path;
	const value = e.value && Object.keys(e.value).length > 0 && h("details", null, h("summary", null, "value"));
	value && value.addEventListener("toggle", () => value.append(jsonView(e.value, "Value")), { once: true });
	return {
		el: h(
			"li",
			null,
			h("span", { class: "e-at" }, new Date(e.at).toLocaleTimeString("en", { hourCycle: "h23" })),
			h("span", { class: "e-kind" }, e.kind),
			h("span", { class: "e-path" }, visible(text || "")),
			value,
		),
	};
}

function artifactRow(a) {
	const size =
		a.size < 1024 ? `${a.size} B` : a.size < 1 << 20 ? `${(a.size / 1024).toFixed(1)} KiB` : `${(a.size / (1 << 20)).toFixed(1)} MiB`;
	return {
		el: h(
			"li",
			null,
			h("a", { href: `/artifacts/${a.id}`, download: a.name }, visible(a.name)),
			h("span", { class: "faint" }, `${size} · ${visible(a.media_type)}${a.direction ? ` · ${a.direction}` : ""}`),
			a.step && h("span", { class: "faint" }, visible(a.step)),
			h("span", { class: "id", title: a.sha256 }, a.sha256?.slice(0, 10)),
		),
	};
}

export async function showTask(ctx) {
	const { root, id, signal, can } = ctx;
	const head = h("h1");
	const state = badge("ready");
	const dl = h("dl", { class: "facts" });
	const notes = h("div", { "aria-live": "polite" });
	const falls = waterfall();
	const values = h("div", { class: "values" });
	const events = h("ol", { class: "events", "aria-label": "Events", tabindex: 0 });
	const files = h("ul", { class: "files" });
	const filesBox = section("Artifacts", files);
	const live = h("span", { class: "live" }, "live");
	const cancel = h("button", { type: "button", hidden: true, on: { click: doCancel } }, "Cancel");
	const retry = h("button", { type: "button", hidden: true, on: { click: doRetry } }, "Retry");
	const trouble = h("p", { class: "error", role: "alert" });
	const seen = [];
	const known = new Set(); // a stream that begins anew sends all of it once more
	let task = null;
	let why = null;
	let hasRetry = can("submit");
	let hasWhy = true;
	let hasFiles = true;
	let drawnValues = "";
	filesBox.hidden = true;

	function frame() {
		fill(
			root,
			h(
				"nav",
				{ class: "crumbs", "aria-label": "Where you are" },
				h("a", { href: "#/tasks" }, "Tasks"),
				" / ",
				h("span", { class: "id" }, id),
			),
			h("div", { class: "head" }, head, state, live, h("span", { class: "actions" }, cancel, retry)),
			trouble,
			notes,
			dl,
			section("Steps", falls.el),
			values,
			filesBox,
			section("Events", events),
		);
	}
	function draw() {
		const ended = ENDED.includes(task.state);
		fill(head, h("a", { href: `#/workflows/${encodeURIComponent(task.workflow)}`, class: "plain" }, visible(task.workflow)));
		setBadge(state, task.state);
		live.hidden = ended;
		fill(dl, facts(task));
		const list = notices(task, why);
		if (notes.textContent !== list.map((n) => n.textContent).join("")) fill(notes, list);
		falls.update(task);
		cancel.hidden = ended || !can("submit") || task.cancel_requested;
		retry.hidden = !hasRetry || !(ended && task.state !== "succeeded");
		const text = JSON.stringify([task.input, task.output, task.error]);
		if (text !== drawnValues) {
			drawnValues = text;
			fill(
				values,
				task.output !== null && section("Output", readable(task.output, "Output")),
				task.error && section("Error", readable(task.error, "Error")),
				section("Input", readable(task.input, "Input")),
			);
		}
	}
	/** Parts that an older agentd does not have are left out. */
	async function optional(path, take) {
		try {
			take(await get(path, { signal }));
			return true;
		} catch (e) {
			return e.status !== 404 && e.status !== 405;
		}
	}
	async function extras() {
		if (hasFiles)
			hasFiles = await optional(`/tasks/${id}/artifacts`, ({ artifacts }) => {
				filesBox.hidden = artifacts.length === 0;
				keyed(files, artifacts, (a) => a.id, artifactRow);
			});
		if (hasWhy && task.state !== "succeeded")
			hasWhy = await optional(`/tasks/${id}/why`, (w) => (why = w.causes.map((c) => c.message).join(" ")));
		if (!signal.aborted) draw();
	}
	async function refresh() {
		try {
			const was = task?.state;
			if (!/^[\w-]+$/.test(id)) throw new Error("This is no id of a task.");
			task = await get(`/tasks/${id}`, { signal });
			if (!was) frame();
			ctx.title(`${task.workflow} ${words(task.state)}`);
			if (was && was !== task.state) say(`The task is ${words(task.state)}`);
			draw();
			await extras();
		} catch (e) {
			if (signal.aborted || e.status === 401) return;
			if (!task)
				fill(
					root,
					h("h1", null, e.status === 404 ? "No such task" : "Task"),
					h("p", { class: "empty" }, e.message),
					h("p", null, h("a", { href: "#/tasks" }, "All tasks")),
				);
		}
	}
	async function act(button, path, body, done) {
		button.disabled = true;
		trouble.textContent = "";
		try {
			done(await post(path, body));
		} catch (e) {
			if (button === retry && (e.status === 404 || e.status === 405)) {
				hasRetry = false;
				draw();
			} else trouble.textContent = e.message;
		}
		button.disabled = false;
	}
	async function doCancel() {
		if (!(await confirmed(`Cancel this task of ${visible(task.workflow)}?`, "Cancel the task", "Let it run"))) return;
		act(cancel, `/tasks/${id}/cancel`, undefined, (t) => {
			task = t;
			draw();
		});
	}
	function doRetry() {
		act(retry, `/tasks/${id}/retry`, {}, (t) => (location.hash = `#/tasks/${t.id}`));
	}
	const press = (button) => () => !button.hidden && button.click();
	bind({ c: { text: "Cancel the task", run: press(cancel) }, r: { text: "Retry the task", run: press(retry) } }, signal);

	await refresh();
	if (!task || signal.aborted) return;
	const soon = paced(400, refresh);
	let drawing = false;
	function onEvent(e) {
		if (known.has(e.id)) return;
		known.add(e.id);
		seen.push(e);
		if (seen.length > MOST_EVENTS) seen.shift();
		if (!drawing) {
			drawing = true;
			requestAnimationFrame(() => {
				drawing = false;
				const atEnd = events.scrollTop + events.clientHeight >= events.scrollHeight - 30;
				keyed(events, seen, (x) => x.id, eventRow);
				if (atEnd) events.scrollTop = events.scrollHeight;
			});
		}
		if (!task.finished_at) soon();
	}
	addEventListener("agentd-back", soon, { signal });
	follow(`/tasks/${id}/events`, signal, { onEvent, onReturn: soon, onState: (on) => live.classList.toggle("off", !on) });
	const tick = setInterval(() => falls.grow(task), 1000);
	signal.addEventListener("abort", () => clearInterval(tick));
}
