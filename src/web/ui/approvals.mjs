// approvals.mjs - the inbox: requests on one side, the chosen one on the other; j and k move, what is typed stays.

import { get, query } from "./api.mjs";
import { fill, h, keyed, say } from "./dom.mjs";
import { badge, setBadge, visible, when } from "./format.mjs";
import { bind } from "./keys.mjs";
import { follow, paced } from "./live.mjs";
import { approvalView } from "./approval.mjs";

const POLL_MS = 10000; // decisions on tasks of others cause no event here

function row(a) {
	const state = badge(a.state);
	const until = h("span", { class: "faint" });
	const link = h(
		"a",
		{ class: "row approval", href: `#/approvals/${a.id}` },
		h(
			"span",
			{ class: "a-title" },
			h("strong", null, visible(a.title)),
			h("span", { class: "faint" }, `${visible(a.workflow)} · ${visible(a.tool || a.step)}`),
		),
		h("span", { class: "a-side" }, a.risk && h("span", { class: `badge risk-${a.risk}` }, a.risk), state, until),
	);
	return {
		el: h("li", null, link),
		update(x) {
			setBadge(state, x.state);
			fill(until, when(x.state === "pending" ? x.requested_at : x.decided_at || x.requested_at));
		},
	};
}

export async function showApprovals(ctx) {
	const { root, query: q, signal, can } = ctx;
	const all = q.get("state") === "all";
	const suffix = all ? "?state=all" : "";
	const list = h("ul", { class: "rows", "aria-label": "Requests" });
	const empty = h("p", { class: "empty", hidden: true });
	const more = h("button", { type: "button", class: "small", hidden: true, on: { click: () => load(true) } }, "Show more");
	const detail = h("div", { class: "detail" });
	const split = h("div", { class: `inbox ${ctx.id ? "chosen" : ""}` });
	let approvals = [];
	let next = null;
	let view = null;

	ctx.title("Approvals");
	fill(
		split,
		h("section", { class: "list", "aria-label": "Requests for approval" }, list, empty, more),
		h("section", { "aria-label": "The request", class: "one" }, detail),
	);
	fill(
		root,
		h(
			"div",
			{ class: "head" },
			h("h1", null, "Approvals"),
			h(
				"nav",
				{ class: "tabs", "aria-label": "Which requests" },
				h("a", { href: "#/approvals", "aria-current": all ? null : "true" }, "Waiting"),
				h("a", { href: "#/approvals?state=all", "aria-current": all ? "true" : null }, "All"),
			),
		),
		split,
	);

	function mark() {
		for (const a of list.querySelectorAll("a.row")) {
			const mine = view && a.getAttribute("href") === `#/approvals/${view.id}`;
			if (mine) a.setAttribute("aria-current", "true");
			else a.removeAttribute("aria-current");
		}
	}
	function draw() {
		keyed(list, approvals, (a) => a.id, row);
		empty.hidden = approvals.length > 0;
		empty.textContent = all ? "Nobody was asked for anything yet." : "Nothing waits for you.";
		more.hidden = !next;
		mark();
	}
	/** Shows a request beside the list. The address says so without leaving the view, so that nothing is built anew. */
	function choose(a, focus) {
		if (view?.id === a.id) return view.update(a);
		view?.stop();
		view = approvalView(a, { can, decided: onDecided, session: ctx.session });
		fill(detail, h("p", { class: "back" }, h("a", { href: `#/approvals${suffix}`, on: { click: back } }, "‹ All requests")), view.el);
		split.classList.add("chosen");
		history.replaceState(null, "", `#/approvals/${a.id}${suffix}`);
		mark();
		if (focus) view.focus();
	}
	function back(e) {
		e.preventDefault();
		view?.stop();
		view = null;
		split.classList.remove("chosen");
		history.replaceState(null, "", `#/approvals${suffix}`);
		fill(detail, h("p", { class: "empty" }, "Choose a request."));
		mark();
		list.querySelector("a.row")?.focus();
	}
	function onDecided(a) {
		dispatchEvent(new Event("agentd-decided"));
		say(`Recorded: ${a.state}`);
		load();
	}
	async function load(further) {
		try {
			const limit = further ? 50 : Math.min(200, Math.max(50, approvals.length));
			const page = await get("/approvals" + query({ state: all ? "" : "pending", limit, before: further ? next : "" }), { signal });
			const rest = further ? approvals : [];
			const known = new Set(page.approvals.map((a) => a.id));
			approvals = further ? [...rest, ...page.approvals.filter((a) => !rest.some((r) => r.id === a.id))] : page.approvals;
			next = page.next;
			// the one that is open stays, whatever became of it
			if (view && !known.has(view.id)) view.update(await get(`/approvals/${view.id}`, { signal }));
			else if (view) view.update(approvals.find((a) => a.id === view.id) || view.shown());
			draw();
		} catch (e) {
			if (signal.aborted || e.status === 401) return;
			if (!approvals.length) {
				empty.hidden = false;
				empty.textContent = e.status === 403 ? "This token may not see requests: it lacks the scopes approve and read." : e.message;
			}
		}
	}
	list.addEventListener("click", (e) => {
		const link = e.target.closest("a.row");
		if (!link || e.ctrlKey || e.metaKey || e.shiftKey) return;
		e.preventDefault();
		const a = approvals.find((x) => link.getAttribute("href") === `#/approvals/${x.id}`);
		if (a) choose(a, true);
	});
	function move(by) {
		if (!approvals.length) return;
		const at = approvals.findIndex((a) => a.id === view?.id);
		choose(approvals[at < 0 ? 0 : Math.min(approvals.length - 1, Math.max(0, at + by))], true);
	}
	bind(
		{
			j: { text: "Next request", run: () => move(1) },
			k: { text: "Request before", run: () => move(-1) },
			a: { text: "Approve (asks once more)", run: () => view?.press("approve") },
			d: { text: "Deny (asks once more)", run: () => view?.press("deny") },
			e: { text: "Edit the arguments", run: () => view?.press("edit") },
		},
		signal,
	);
	signal.addEventListener("abort", () => view?.stop());

	await load();
	if (signal.aborted) return;
	if (ctx.id) {
		try {
			choose(approvals.find((a) => a.id === ctx.id) || (await get(`/approvals/${ctx.id}`, { signal })));
		} catch (e) {
			if (!signal.aborted) fill(detail, h("p", { class: "empty" }, e.message));
		}
	} else if (approvals.length && matchMedia("(min-width: 60rem)").matches) choose(approvals[0]);
	else fill(detail, h("p", { class: "empty" }, approvals.length ? "Choose a request." : ""));
	const soon = paced(1000, () => load());
	const poll = setInterval(() => document.visibilityState === "visible" && soon(), POLL_MS);
	signal.addEventListener("abort", () => clearInterval(poll));
	addEventListener("agentd-back", soon, { signal });
	if (can("read")) follow("/events", signal, { onEvent: (e) => /approval|finished|state/.test(e.kind) && soon(), onReturn: soon });
}
