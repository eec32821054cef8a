// page.mjs - the page in a headless browser: page.mjs BASE-URL TOKENS SHOTS GROUP...
//
// Prints "ok NAME" and "not ok NAME<tab>WHY" for each check. TOKENS: a file of "NAME TOKEN" lines. SHOTS: where screenshots go.
// In every group an error on the console, a violation of the policy, an exception, a dialog of the browser and a request to anywhere
// else fail. CHROMIUM: the browser; MODULES: a node_modules with playwright-core and axe-core.
import fs from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.env.MODULES + "/");
const { chromium } = require("playwright-core");
const [base, tokenFile, shots, ...groups] = process.argv.slice(2);
const tokens = Object.fromEntries(
	fs
		.readFileSync(tokenFile, "utf8")
		.trim()
		.split("\n")
		.map((l) => l.split(" ")),
);
const EVIL = '<img src=x onerror="alert(1)"><script>alert(2)</script>"><svg/onload=alert(3)>\u202egnp';
const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM,
	args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});

const check = (name, good, why = "") =>
	console.log(good ? `ok ${name}` : `not ok ${name}\t${String(why).replace(/\s+/g, " ").slice(0, 600)}`);
const until = async (fn, ms = 15000) => {
	const end = Date.now() + ms;
	for (;;) {
		const v = await fn();
		if (v || Date.now() > end) return v;
		await new Promise((done) => setTimeout(done, 100));
	}
};

// Parts that another agentd may not have: the page leaves them out.
const OPTIONAL = /(404|405).*\/(artifacts|why|retry)$/;

/** A browser of its own; what is wrong with it is collected in faults. expect(RegExp): such messages are meant. */
async function open(options = {}) {
	const context = await browser.newContext({ baseURL: base, viewport: { width: 1280, height: 800 }, ...options });
	const page = await context.newPage();
	const faults = [];
	const meant = [OPTIONAL];
	await page.addInitScript(() =>
		document.addEventListener("securitypolicyviolation", (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI}`)),
	);
	page.on("console", (m) => {
		const text = `${m.text()} ${m.location().url}`;
		if (m.type() === "error" && !meant.some((r) => r.test(text))) faults.push(text);
	});
	page.on("pageerror", (e) => faults.push(e.stack));
	page.on("dialog", (d) => {
		faults.push(`dialog: ${d.message()}`);
		d.dismiss();
	});
	page.on("request", (r) => r.url().startsWith(base) || faults.push(`request to ${r.url()}`));
	page.setDefaultTimeout(15000);
	return { context, page, faults, expect: (r) => meant.push(r) };
}

async function signIn(s, name = "full") {
	s.expect(/401.*\/session$/);
	await s.page.goto("/ui/");
	await s.page.fill("#token", tokens[name]);
	await s.page.keyboard.press("Enter");
	await s.page.waitForSelector("#top:not([hidden])");
}

const call = (page, method, path, body) =>
	page.evaluate(
		async ([m, p, b]) => {
			const r = await fetch(p, { method: m, headers: b ? { "Content-Type": "application/json" } : {}, body: b && JSON.stringify(b) });
			return r.json();
		},
		[method, path, body],
	);
const submit = async (page, workflow, input = {}, more = {}) => (await call(page, "POST", "/tasks", { workflow, input, ...more })).id;
const state = async (page, id) => (await call(page, "GET", `/tasks/${id}`)).state;
const asked = (page, id) => until(async () => (await call(page, "GET", `/approvals?task=${id}`)).approvals[0]);
const shown = async (page, selector, text) => {
	try {
		await page.locator(selector, { hasText: text }).first().waitFor();
		return true;
	} catch {
		return false;
	}
};
const letter = (topic, more = {}) => ({ to: "ann@example.org", topic, tone: "terse", ...more });

/** Tab until what has the focus fits. */
async function tabTo(page, selector, most = 120) {
	for (let i = 0; i < most; i++) {
		if (await page.evaluate((sel) => document.activeElement?.matches(sel), selector)) return true;
		await page.keyboard.press("Tab");
	}
	throw new Error(`the focus does not come to ${selector}`);
}

const GROUPS = {
	async signing(s) {
		const { page } = s;
		s.expect(/401.*\/session$/);
		await page.goto("/");
		check("/ leads to the page", page.url().endsWith("/ui/"), page.url());
		await page.fill("#token", "agd_nonsense");
		await page.click("button.primary");
		check("a bad token is refused, and why", await shown(page, "#token-error", "no token"));
		await page.fill("#token", tokens.full);
		await page.click("button.primary");
		check("a good one opens the page", await shown(page, "h1", "Tasks"));
		check("no script sees the cookie", (await page.evaluate(() => document.cookie)) === "");
		const cookie = (await s.context.cookies())[0];
		check(
			"it is HttpOnly, strict and for all paths",
			cookie.httpOnly && cookie.sameSite === "Strict" && cookie.path === "/",
			JSON.stringify(cookie),
		);
		check(
			"nothing of the token is kept elsewhere",
			await page.evaluate(
				(t) => !JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.documentElement.outerHTML]).includes(t),
				tokens.full,
			),
		);
		await page.reload();
		check("the session outlives a reload", await shown(page, "h1", "Tasks"));
		const id = await submit(page, "breaks");
		const kinds = await page.evaluate(
			(path) =>
				new Promise((done) => {
					const seen = [];
					const source = new EventSource(path);
					for (const kind of ["submitted", "finished"])
						source.addEventListener(kind, (e) => (seen.push(kind), kind === "finished" && (source.close(), done(seen))));
				}),
			`/tasks/${id}/events`,
		);
		check("an EventSource works by the cookie", kinds.join() === "submitted,finished", kinds.join());
		await page.click("#leave");
		check("signing out leads back", await shown(page, "h1", "Sign in"));
		check("and takes the cookie", (await s.context.cookies()).length === 0);
	},

	/** From the form of a workflow through an edited approval to the end, with every kind of field and error. */
	async whole(s) {
		const { page } = s;
		await signIn(s);
		await page.click("nav >> text=Workflows");
		await page.click("a.workflow >> text=outreach");
		check(
			"the graph has every step",
			await until(
				async () => (await page.locator(".graph .n-id").allTextContents()).join() === "plan,tone,warm,polish,send,done,refused",
			),
		);
		check("and every case of the switch", (await page.locator(".graph .n-case.switch").allTextContents()).length === 3);
		const run = page.locator(".run");
		await page.click(".run button.primary");
		check("required fields are asked for", (await page.locator(".run [aria-invalid=true]").count()) === 3);
		await run.getByLabel("Recipient").fill("bob@example.org");
		await run.getByLabel("topic").fill("x".repeat(61));
		await run.getByLabel("tone").selectOption({ label: "friendly" });
		await run.getByLabel("copies").fill("1.5");
		await page.click(".run button.primary");
		check("a fraction is no whole number", await shown(page, ".run .error", "whole number"));
		await run.getByLabel("copies").fill("12");
		await run.getByLabel("receipt").selectOption({ label: "yes" });
		await page.click("button >> text=Add tags");
		await run.getByLabel("tags 1", { exact: true }).fill("news");
		await page.click("button >> text=Add tags");
		await run.getByLabel("tags 2", { exact: true }).fill("gone");
		await page.click("button[aria-label='Remove tags 2']");
		await run.getByLabel("name").fill("Zoë");
		s.expect(/422.*\/tasks$/);
		await page.click(".run button.primary");
		const wrong = page.locator(".run [aria-invalid=true]");
		await wrong.first().waitFor();
		check(
			"what the server refuses is shown at its fields",
			(await wrong.count()) === 2,
			await page.locator(".run .error").allTextContents(),
		);
		check("with the reason", await shown(page, ".field:has([aria-invalid]) .error", /60/));
		await run.getByLabel("topic").fill("the release");
		await run.getByLabel("copies").fill("2");
		await page.click("summary >> text=Urgency and labels");
		await run.getByLabel("Labels").fill("team: docs\nkind: letter");
		await page.click(".run button.primary");
		await page.waitForURL(/#\/tasks\//);
		const id = page.url().split("/").pop();
		const task = await call(page, "GET", `/tasks/${id}`);
		check(
			"the input is what was filled in",
			JSON.stringify(task.input) ===
				JSON.stringify({
					to: "bob@example.org",
					topic: "the release",
					tone: "friendly",
					copies: 2,
					receipt: true,
					tags: ["news"],
					sender: { name: "Zoë" },
				}),
			JSON.stringify(task.input),
		);
		check(
			"and so are the labels",
			JSON.stringify(task.labels) === JSON.stringify({ team: "docs", kind: "letter" }),
			JSON.stringify(task.labels),
		);
		check("the task waits for a person, without a reload", await shown(page, "main .head .badge", "waiting approval"));
		await page.screenshot({ path: `${shots}/task-waits.png`, fullPage: true });
		await page.click(".notice >> text=Decide");
		check("the request is shown", await shown(page, ".request h2", "Write to bob@example.org about the release?"));
		check(
			"its arguments, escaped",
			await shown(page, ".request .json", '"Hello bob@example.org,\\nhere is what we know about the release.\\nBest wishes"'),
		);
		await page.keyboard.press("e");
		await page.getByLabel("subject").fill("About tomorrow");
		await page.getByLabel("priority").selectOption({ label: "high" });
		await page.locator(".decide").getByLabel("to *").fill("nobody");
		check(
			"the change is shown",
			await until(async () => (await page.locator(".diff dt").allTextContents()).join() === "/to,/subject,/priority"),
			await page.locator(".diff").innerText(),
		);
		await page.screenshot({ path: `${shots}/edit.png`, fullPage: true });
		s.expect(/422.*\/approvals\//);
		await page.click(".decide >> text=Approve");
		await page.click(".decide >> text=Yes, approve as edited");
		check(
			"an edit that the tool would not take is refused at its field",
			await shown(page, ".field:has([aria-invalid]) .error", /@/),
			await page.locator(".decide .error").allTextContents(),
		);
		await page.locator(".decide").getByLabel("to *").fill("carl@example.org");
		await page.getByLabel("Comment").fill("to Carl instead");
		await page.click(".decide >> text=Approve");
		await page.click(".decide >> text=Yes, approve as edited");
		check("it is recorded", await shown(page, ".request .badge", /approved|consumed/));
		await page.click(".request .facts a");
		check("the task ends, without a reload", await shown(page, "main .head .badge", "succeeded"));
		check("with its output", await shown(page, "section .json", '"result": "sent"'));
		await page.click(".w-head:has-text('send')");
		check("a step shows its output", await shown(page, ".w-detail", "Output"));
		check(
			"every event is listed",
			await until(async () => (await page.locator(".events .e-kind").allTextContents()).at(-1) === "finished"),
		);
		await page.screenshot({ path: `${shots}/task-done.png`, fullPage: true });
	},

	/** The same without a mouse. */
	async keyboard(s) {
		const { page } = s;
		const press = async (...keys) => {
			for (const k of keys) await page.keyboard.press(k);
		};
		s.expect(/401.*\/session$/);
		await page.goto("/ui/");
		await page.waitForSelector("#token");
		check("the token's field has the focus", await page.evaluate(() => document.activeElement.id === "token"));
		await page.keyboard.insertText(tokens.full);
		await press("Enter");
		await shown(page, "h1", "Tasks");
		await press("g", "w");
		await shown(page, "h1", "Workflows");
		await page.waitForSelector("a.workflow");
		await tabTo(page, "a[href='#/workflows/survey']");
		await press("Enter");
		await page.waitForSelector(".run");
		await tabTo(page, ".run button.primary");
		await press("Enter");
		await page.waitForURL(/#\/tasks\//);
		const id = page.url().split("/").pop();
		const request = await asked(page, id);
		await press("g", "a");
		await page.waitForSelector(`a[href='#/approvals/${request.id}']`);
		for (let i = 0; i < 30 && !page.url().includes(request.id); i++) await press("j");
		if (!page.url().includes(request.id)) for (let i = 0; i < 30 && !page.url().includes(request.id); i++) await press("k");
		check("j and k come to the request", page.url().includes(request.id), page.url());
		await press("a");
		check(
			"an answer that is missing is asked for",
			await until(() => page.evaluate(() => document.activeElement.matches("[aria-invalid]"))),
		);
		await press("ArrowDown");
		await tabTo(page, ".decide input");
		await page.keyboard.insertText("it is a good one");
		await press("Escape");
		await page.evaluate(() => document.activeElement.blur());
		await press("a");
		await until(() => page.evaluate(() => document.activeElement.textContent === "Yes, approve"));
		await press("Enter");
		check("approved by keys alone", await until(async () => (await state(page, id)) === "succeeded"), await state(page, id));
		const output = (await call(page, "GET", `/tasks/${id}`)).output;
		check(
			"with the answer of the form",
			JSON.stringify(output) === JSON.stringify({ plan: "a", reason: "it is a good one" }),
			JSON.stringify(output),
		);
		const other = await submit(page, "outreach", letter("denial"));
		const second = await asked(page, other);
		await press("g", "t");
		await press("g", "a");
		await page.waitForSelector(`a[href='#/approvals/${second.id}']`);
		for (let i = 0; i < 30 && !page.url().includes(second.id); i++) await press(i < 15 ? "k" : "j");
		await press("d");
		await until(() => page.evaluate(() => document.activeElement.matches("textarea")));
		await page.keyboard.insertText("not today");
		await press("Enter");
		check(
			"denied by keys alone, and why",
			await until(async () => (await asked(page, other)).comment === "not today"),
			JSON.stringify(await asked(page, other)),
		);
		check("the task goes on without it", await until(async () => (await state(page, other)) === "succeeded"));
		await press("g", "t");
		await page.waitForSelector("a.row.task");
		await press("j", "j", "k");
		check(
			"j and k move in the list of tasks",
			await page.evaluate(() => document.activeElement === document.querySelectorAll("a.row.task")[0]),
		);
		await press("?");
		check("the keys are told", await shown(page, "dialog", "Go to approvals"));
		await page.focus("#keys-on");
		await press("Space", "Escape", "g", "w");
		check("and can be switched off", page.url().includes("#/tasks"), page.url());
	},

	async lists(s) {
		const { page } = s;
		await signIn(s);
		for (let i = 0; i < 55; i++) await submit(page, "breaks", { why: `nr ${i}` }, { labels: { batch: i % 2 ? "odd" : "even" } });
		await page.goto("/ui/#/tasks?workflow=breaks");
		await page.waitForSelector("a.row.task");
		check("a page has fifty", (await page.locator("a.row.task").count()) === 50, await page.locator("a.row.task").count());
		await page.click("main p > button >> text=Show more");
		check("more come on demand", await until(async () => (await page.locator("a.row.task").count()) > 54));
		await page.selectOption("#f-state", "failed");
		await page.waitForURL(/state=failed/);
		await page.fill("#f-label", "batch:odd");
		await page.keyboard.press("Enter");
		await page.waitForURL(/label=batch/);
		check("filters are in the address", /workflow=breaks/.test(page.url()), page.url());
		check(
			"and hold",
			await until(async () => (await page.locator("a.row.task").count()) === 27),
			await page.locator("a.row.task").count(),
		);
		await page.fill("#f-label", "nonsense");
		await page.keyboard.press("Enter");
		check("a label that is none is said to be so", await shown(page, "#f-note", "NAME:TEXT"));
		await page.goto("/ui/#/tasks");
		await page.waitForSelector("a.row.task");
		const id = await submit(page, "naps");
		check("a new task appears by itself", await shown(page, `a[href='#/tasks/${id}']`, "naps"));
		check("and its state follows", await shown(page, `a[href='#/tasks/${id}']`, "waiting timer"));
		await page.fill("#f-id", id.slice(-8));
		check("a part of an id narrows the list", await until(async () => (await page.locator("a.row.task").count()) === 1));
		await page.fill("#f-id", `http://x/tasks/${id}`);
		await page.keyboard.press("Enter");
		check("a whole id leads to its task", await shown(page, "h1", "naps"));
		check("which says what it waits for", await shown(page, ".notice.calm", "nap"));
		await page.click("button >> text=Cancel");
		await page.click("dialog >> text=Cancel the task");
		check("cancel, asked once more", await shown(page, "main .head .badge", "cancelled"));
		const rounds = await submit(page, "rounds", { n: 14 });
		await page.goto(`/ui/#/tasks/${rounds}`);
		check("a loop's steps are counted", await shown(page, ".w-name", "each"));
		await until(async () => (await state(page, rounds)) === "succeeded");
		check("a long loop is folded", await until(async () => (await page.locator(".w-name", { hasText: "item" }).count()) === 0));
		await page.click(".fold-kids[aria-expanded=false]");
		check("and unfolds", await until(async () => (await page.locator(".w-name", { hasText: "item" }).count()) === 14));
		check("visits of a step stand apart", await shown(page, ".w-name", "count · visit 3"));
		await page.goto("/ui/#/tasks/01936f00-0000-7000-8000-000000000000");
		s.expect(/404.*\/tasks\/01936f00/);
		check("an unknown task is said to be so", await shown(page, "h1", "No such task"));
		const look = await submit(page, "lookup", { root: "docs", path: "", question: "What is it?" });
		await until(async () => /succeeded|failed/.test(await state(page, look)));
		await page.goto(`/ui/#/tasks/${look}`);
		check("turns stand below their agent", await shown(page, ".w-name", "turn 1"));
		check("calls stand below their turn, by name", await shown(page, ".w-name", "fs_list"));
	},

	/** What somebody types stays while the page follows what happens, and while agentd is away. */
	async typing(s) {
		const { page, context } = s;
		await signIn(s);
		const id = await submit(page, "outreach", letter("typing"));
		const request = await asked(page, id);
		await page.goto(`/ui/#/approvals/${request.id}`);
		await page.waitForSelector(".decide");
		await page.keyboard.press("e");
		await page.getByLabel("subject").fill("half a thou");
		const other = await submit(page, "survey");
		const second = await asked(page, other);
		check("another request appears beside it", await shown(page, `a[href='#/approvals/${second.id}']`, "Which plan"));
		check("what was typed is there", (await page.getByLabel("subject").inputValue()) === "half a thou");
		check("and has the focus", await page.evaluate(() => document.activeElement.value === "half a thou"));
		s.expect(/ERR_INTERNET_DISCONNECTED/);
		await context.setOffline(true);
		check("being away is said", await shown(page, "#banner", "offline"));
		await page.click(".decide >> text=Approve");
		await page.click(".decide >> text=Yes, approve as edited");
		check("a decision that cannot be sent says so", await shown(page, ".decide .error", "cannot be reached"));
		check("and is not lost", (await page.getByLabel("subject").inputValue()) === "half a thou");
		await context.setOffline(false);
		check("coming back is noticed", await until(() => page.locator("#banner").isHidden(), 20000));
		await call(page, "POST", `/approvals/${request.id}`, { decision: "deny", digest: request.digest, comment: "elsewhere" });
		check("a decision elsewhere is told", await shown(page, ".request .notice", "denied"), await page.locator(".request").innerText());
	},

	/** Text of everybody, everywhere. */
	async text(s) {
		const { page } = s;
		await signIn(s);
		const id = await submit(
			page,
			"outreach",
			letter("evil", { to: `@${EVIL}`, topic: EVIL.slice(0, 55), tags: [EVIL.slice(0, 15)], sender: { name: EVIL } }),
			{ labels: { [EVIL.slice(0, 8).replace(/[^a-z]/g, "x")]: EVIL } },
		);
		check("a task with all of it is taken", typeof id === "string", id);
		const bad = await submit(page, "breaks", { why: EVIL });
		const request = await asked(page, id);
		const whole = async (name, path) => {
			await page.goto(path);
			await page.waitForSelector("main h1");
			await until(async () => (await page.locator("main").innerText()).includes("<img src=x"), 8000);
			const text = await page.locator("main").innerText();
			check(`${name}: it is shown`, text.includes('<img src=x onerror="alert(1)"><script>'), text);
			check(`${name}: as text`, (await page.locator("main img[src=x], main script, main [onerror], main svg[onload]").count()) === 0);
			check(`${name}: what turns the writing round is written out`, !(await page.locator("main").textContent()).includes("\u202e"));
		};
		await whole("list of tasks", "/ui/#/tasks");
		await whole("a task", `/ui/#/tasks/${id}`);
		await whole("a failed task", `/ui/#/tasks/${bad}`);
		await whole("a request", `/ui/#/approvals/${request.id}`);
		await page.keyboard.press("e");
		check("the editor has it as it is", (await page.locator(".decide").getByLabel("to *").inputValue()) === `@${EVIL}`);
		await page.keyboard.press("Tab");
		await page.goto(`/ui/#/workflows/${encodeURIComponent(EVIL)}`);
		await page.waitForSelector("main h1");
		check("nor does an address make markup", (await page.locator("main img[src=x], main script").count()) === 0);
		check(
			"script from text does not run",
			!(await page.evaluate(() => {
				const d = document.createElement("div");
				try {
					d.innerHTML = "<b>x</b>";
				} catch {
					return false;
				}
				return true;
			})),
		);
		s.expect(/TrustedHTML|trusted-types|require-trusted-types-for/);
		s.faults.splice(0, s.faults.length, ...s.faults.filter((f) => !/trusted/i.test(f)));
	},

	/** What cannot be seen: the page's table is that of base/visible.c, and a request shows what a model hid in it. */
	async hidden(s) {
		const { page } = s;
		await signIn(s);
		const source = fs.readFileSync(new URL("../../src/base/visible.c", import.meta.url), "utf8");
		const ranges = [...source.matchAll(/\{(0x[0-9a-f]+|0), (0x[0-9a-f]+)\}/g)].map(([, from, to]) => [Number(from), Number(to)]);
		check("the table of the other programs is read", ranges.length > 10 && ranges.at(-1)[1] === 0xe0fff, JSON.stringify(ranges));
		const differ = await page.evaluate(async (table) => {
			const { visible } = await import("/ui/format.mjs");
			const wrong = [];
			for (let cp = 0; cp <= 0x10ffff; cp++) {
				if (cp >= 0xd800 && cp <= 0xdfff) continue;
				const c = String.fromCodePoint(cp);
				const hides = c !== "\n" && c !== "\t" && table.some(([from, to]) => cp >= from && cp <= to);
				const hex = cp.toString(16);
				if (visible(c) !== (!hides ? c : cp > 0xffff ? `\\U${hex.padStart(8, "0")}` : `\\u${hex.padStart(4, "0")}`)) wrong.push(hex);
			}
			return wrong;
		}, ranges);
		check("the page writes out the same characters, in the same way", differ.length === 0, `${differ.length}: ${differ.slice(0, 40)}`);
		const tag = (text) => Array.from(text, (c) => String.fromCodePoint(0xe0000 + c.charCodeAt(0))).join("");
		const id = await submit(page, "outreach", letter(`a walk${tag("pay")}`, { tags: ["\u3164\u034f"] }));
		const request = await asked(page, id);
		await page.goto(`/ui/#/approvals/${request.id}`);
		check(
			"letters of the block of tags are seen in arguments",
			await shown(page, ".request .json", "a walk\\U000e0070\\U000e0061\\U000e0079"),
		);
		check("and in the title", await shown(page, ".request h2", "a walk\\U000e0070"));
		check("so are fillers", await shown(page, ".request .json", '"\\u3164\\u034f"'));
	},

	/** Numbers that no double can carry, or that JavaScript would write in another way, are shown and sent as they stand. */
	async numbers(s) {
		const { page } = s;
		await page.addInitScript(() => delete JSON.rawJSON); // not all browsers have it
		await signIn(s);
		const sent = '{"amount":9007199254740993,"rate":1.0,"note":"a","more":{"x":12345678901234567890.125,"y":1e25,"z":0.10}}';
		const id = await page.evaluate(async (input) => {
			const body = `{"workflow":"pay","input":${input}}`;
			return (await (await fetch("/tasks", { method: "POST", headers: { "Content-Type": "application/json" }, body })).json()).id;
		}, sent);
		const request = await asked(page, id);
		const json = async (selector) => (await page.locator(selector).first().innerText()).replace(/\s+/g, "");
		await page.goto(`/ui/#/approvals/${request.id}`);
		await page.waitForSelector(".request .json");
		check("numbers are shown as they stand", (await json(".request .json")) === sent, await json(".request .json"));
		await page.keyboard.press("e");
		await page.getByLabel("note").fill("b");
		await shown(page, ".diff", '"b"');
		check("an edit of a text changes no number", (await json(".diff")) === '/notewas"a"now"b"', await json(".diff"));
		await page.getByLabel("more").fill('{"x": 12345678901234567890.126, "y": 01}');
		await page.click(".decide >> text=Approve");
		check("what is no JSON is not taken", await shown(page, ".field .error", "no JSON"));
		await page.getByLabel("more").fill('{"x": 12345678901234567890.126, "y": 1e25, "z": 0.10}');
		check("a digit that no double carries is a change", await shown(page, ".diff ins", "12345678901234567890.126"));
		await page.click(".decide >> text=Approve");
		await page.click(".decide >> text=Yes, approve as edited");
		check("what was edited is done", await until(async () => (await state(page, id)) === "succeeded"));
	},

	async scopes(s) {
		const { page } = s;
		await signIn(s, "reader");
		s.expect(/403/);
		await page.goto("/ui/#/workflows/survey");
		check("who may not submit gets no form", await shown(page, ".notice", "lacks the scope submit"));
		check("no button of theirs starts anything", (await page.locator(".run").count()) === 0);
		await page.goto("/ui/#/approvals");
		check("one's own requests alone: none", await shown(page, ".empty", "Nothing waits"));
	},

	/** The token is revoked by the test beside: it does so when the file "ready" is there. */
	async revoked(s) {
		const { page } = s;
		await signIn(s, "brief");
		s.expect(/401/);
		await page.waitForSelector("h1 >> text=Tasks");
		fs.writeFileSync(`${shots}/ready`, "");
		await until(() => fs.existsSync(`${shots}/gone`), 20000);
		const began = Date.now();
		check("the page ends with its token", await shown(page, ".signin .note", "session is over"));
		check("within a few seconds", Date.now() - began < 8000, Date.now() - began);
	},

	/** Every view in light, dark and on a phone: nothing for axe to say, nothing wider than the screen. */
	async looks(s) {
		const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
		const first = s.page;
		await signIn(s);
		const out = await submit(first, "outreach", letter("a look", { to: "ann@example.org" }), { labels: { team: "docs" } });
		const look = await submit(first, "lookup", { root: "docs", path: "", question: "What is it?" });
		const bad = await submit(first, "breaks", { why: "of the test" });
		const ask = await submit(first, "survey");
		const call1 = await asked(first, out);
		const call2 = await asked(first, ask);
		await until(async () => /succeeded|failed/.test(await state(first, look)));
		await until(async () => (await state(first, bad)) === "failed");
		const views = {
			tasks: ["/ui/#/tasks", "a.row.task"],
			task: [`/ui/#/tasks/${look}`, ".w-head"],
			failed: [`/ui/#/tasks/${bad}`, ".w-head"],
			approvals: ["/ui/#/approvals", "a.row.approval"],
			call: [`/ui/#/approvals/${call1.id}`, ".request", "e"],
			question: [`/ui/#/approvals/${call2.id}`, ".request"],
			workflows: ["/ui/#/workflows", "a.row.workflow"],
			workflow: ["/ui/#/workflows/outreach", ".graph"],
		};
		const kinds = {
			light: {},
			dark: { colorScheme: "dark" },
			phone: { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
		};
		for (const [kind, options] of Object.entries(kinds)) {
			const t = await open(options);
			const inspect = async (view) => {
				await t.page.evaluate(axe);
				const found = await t.page.evaluate(() =>
					window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }),
				);
				check(
					`${kind} ${view}: axe has nothing to say`,
					found.violations.length === 0,
					found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join(" | ")}`).join("; "),
				);
				const over = await t.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
				check(`${kind} ${view}: nothing is wider than the screen`, over <= 0, `${over} px`);
				await t.page.screenshot({ path: `${shots}/${kind}-${view}.png`, fullPage: true });
			};
			t.expect(/401.*\/session$/);
			await t.page.goto("/ui/");
			await t.page.waitForSelector("#token");
			await inspect("signin");
			await signIn(t);
			for (const [view, [path, ready, key]] of Object.entries(views)) {
				await t.page.goto(path);
				await t.page.waitForSelector(ready);
				if (key) await t.page.keyboard.press(key);
				await t.page.waitForTimeout(400); // what moves has come to rest
				await inspect(view);
			}
			s.faults.push(...t.faults);
			await t.context.close();
		}
	},
};

for (const name of groups) {
	const s = await open();
	try {
		await GROUPS[name](s);
	} catch (e) {
		check(`${name} runs through`, false, e.stack);
		await s.page.screenshot({ path: `${shots}/broken-${name}.png`, fullPage: true }).catch(() => {});
	}
	check(`${name}: no error on the console, no policy broken, no request elsewhere`, s.faults.length === 0, s.faults.join(" || "));
	await s.context.close();
}
await browser.close();
