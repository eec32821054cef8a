// main.mjs - the frame: session, navigation by the part behind #, what is said when agentd is away.

import { api, get, link } from "./api.mjs";
import { fill, h, say } from "./dom.mjs";
import { freshen } from "./format.mjs";
import { bind, showKeys } from "./keys.mjs";
import { showSignIn } from "./signin.mjs";
import { showApprovals } from "./approvals.mjs";
import { showTask } from "./task.mjs";
import { showTasks } from "./tasks.mjs";
import { showWorkflow } from "./workflow.mjs";
import { showWorkflows } from "./workflows.mjs";

const byId = (id) => document.getElementById(id);
const root = byId("main");
const VIEWS = {
	tasks: [showTasks, showTask],
	approvals: [showApprovals, showApprovals],
	workflows: [showWorkflows, showWorkflow],
};

let session = null;
let leaving = null; // of the view that is shown
let current = "";

export const can = (scope) => session?.scopes.includes(scope);

function decoded(text) {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

/** "#/tasks/ID?state=x" -> {view, id, query} */
function place() {
	const [path, search] = location.hash.slice(1).split("?");
	const [, view, id] = path.split("/");
	return { view: Object.hasOwn(VIEWS, view) ? view : "tasks", id: id && decoded(id), query: new URLSearchParams(search) };
}

function show() {
	const { view, id, query } = place();
	const name = `${view}/${id ? "one" : ""}`;
	const first = current === "";
	leaving?.abort();
	leaving = new AbortController();
	for (const a of document.querySelectorAll("nav a"))
		if (a.dataset.view === view) a.setAttribute("aria-current", "page");
		else a.removeAttribute("aria-current");
	current = name;
	fill(root, h("p", { class: "wait" }, "Loading…"));
	const ctx = { root, id, query, session, can, signal: leaving.signal, title };
	VIEWS[view][id ? 1 : 0](ctx);
	if (!first) {
		root.focus({ preventScroll: true });
		scrollTo(0, 0);
	}
}

/** Names the view; said to screen readers. */
function title(text) {
	document.title = `${text} · agentd`;
	say(text);
}

// --- session ---

function enter(s) {
	session = s;
	byId("who").textContent = s.name.replace(/^token:/, "");
	byId("top").hidden = false;
	current = "";
	if (!location.hash.startsWith("#/")) history.replaceState(null, "", "#/tasks");
	addEventListener("hashchange", show);
	show();
	countWaiting();
}

function leave(note) {
	leaving?.abort();
	removeEventListener("hashchange", show);
	session = null;
	byId("top").hidden = true;
	document.title = "Sign in · agentd";
	showSignIn(root, note, (s) => {
		enter(s);
		root.focus();
	});
}

async function signOut() {
	try {
		await api("DELETE", "/session");
		leave("You have signed out.");
	} catch {
		say("Signing out did not work");
	}
}

// --- how many wait for a person ---

async function countWaiting() {
	if (!session || !(can("read") || can("approve")) || document.visibilityState !== "visible") return;
	try {
		const { approvals, next } = await get("/approvals?state=pending&limit=100");
		const el = byId("waiting");
		el.hidden = approvals.length === 0;
		fill(el, next ? "99+" : approvals.length, h("span", { class: "unseen" }, " waiting"));
	} catch {
		// the banner says it
	}
}

// --- being away ---

let banner = null;
function lost(why) {
	byId("banner").hidden = false;
	byId("banner-text").textContent = `${why}. What you see may be old; it is tried again.`;
	banner ||= setInterval(retry, 5000);
}
function reached() {
	if (!banner) return;
	clearInterval(banner);
	banner = null;
	byId("banner").hidden = true;
	dispatchEvent(new Event("agentd-back"));
}
async function retry() {
	try {
		await api("GET", "/readyz", { quiet: true });
	} catch {
		// still away
	}
}

link.addEventListener("lost", (e) => lost(e.detail));
link.addEventListener("reached", reached);
link.addEventListener("out", () => session && leave("The session is over: its token has expired or was revoked."));
addEventListener("offline", () => lost("You are offline"));
addEventListener("online", retry);
addEventListener("agentd-decided", countWaiting);
byId("again").addEventListener("click", retry);
byId("leave").addEventListener("click", signOut);
byId("help").addEventListener("click", showKeys);
byId("skip").addEventListener("click", (e) => {
	e.preventDefault();
	root.focus();
});
setInterval(() => freshen(document), 10000);
setInterval(countWaiting, 20000);
const go = (view) => () => session && (location.hash = `#/${view}`);
bind({
	"?": { text: "Show the keys", run: showKeys },
	"g t": { text: "Go to tasks", run: go("tasks") },
	"g a": { text: "Go to approvals", run: go("approvals") },
	"g w": { text: "Go to workflows", run: go("workflows") },
});

try {
	enter(await api("GET", "/session", { quiet: true }));
} catch (e) {
	if (e.status === 401) leave();
	else {
		fill(root, h("p", { class: "error" }, `agentd does not answer as it should: ${e.message}`));
		addEventListener("agentd-back", () => location.reload(), { once: true });
	}
}
