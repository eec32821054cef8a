// live.mjs - one stream of events, kept open while the page is seen: read by fetch, so that its status and every kind of event are known.

import { parseJson } from "./json.mjs";

const RESTS = [1000, 2000, 5000, 10000, 20000];

/** Cuts "id", "event" and "data" fields into {id, data}; comments and ids alone are kept to go on behind. */
async function read(body, got) {
	const reader = body.pipeThrough(new TextDecoderStream()).getReader();
	let text = "";
	let event = {};
	for (;;) {
		const { value, done } = await reader.read();
		if (done) return;
		text += value;
		const lines = text.split("\n");
		text = lines.pop();
		for (const line of lines) {
			if (line === "") {
				got(event);
				event = {};
			} else if (line.startsWith("id:")) event.id = line.slice(3).trim();
			else if (line.startsWith("data:")) event.data = (event.data ? event.data + "\n" : "") + line.slice(5).trimStart();
		}
	}
}

/** Calls onEvent(event) for each, onReturn() when something may have been missed. Ends with the signal, or with the task's last event.
 *  Browsers allow few connections to a server: a page nobody sees holds none. */
export function follow(path, signal, { onEvent, onReturn, onState }) {
	let last = null;
	let stop = null;
	let tries = 0;
	let over = false;
	let turn = 0; // a run ends when another one was begun

	async function run() {
		const now = ++turn;
		while (!signal.aborted && !over && now === turn && document.visibilityState === "visible") {
			const mine = (stop = new AbortController());
			let status = 0;
			try {
				const answer = await fetch(path + (last ? `?after=${encodeURIComponent(last)}` : ""), {
					headers: { Accept: "text/event-stream" },
					credentials: "same-origin",
					signal: mine.signal,
				});
				status = answer.status;
				if (status === 200) {
					onState?.(true);
					await read(answer.body, (e) => {
						tries = 0;
						if (e.id) last = e.id;
						if (e.data) onEvent(parseJson(e.data));
					});
				}
			} catch {
				// the connection went, or was ended by us: what follows decides
			}
			if (mine.signal.aborted || signal.aborted) return;
			if (status === 204 || status === 401 || status === 403 || status === 404) {
				over = true;
				onState?.(status === 204);
				if (status === 401) onReturn?.();
				return;
			}
			if (status === 410) last = null;
			onState?.(false);
			await new Promise((done) => setTimeout(done, RESTS[Math.min(tries++, RESTS.length - 1)]));
			if (!signal.aborted && now === turn) onReturn?.();
		}
	}
	function seen() {
		if (document.visibilityState !== "visible") stop?.abort();
		else if (!over) {
			onReturn?.();
			run();
		}
	}
	document.addEventListener("visibilitychange", seen, { signal });
	signal.addEventListener("abort", () => stop?.abort());
	run();
}

/** Runs fn now or soon, never twice at once, at most every `ms`. */
export function paced(ms, fn) {
	let timer = null;
	let busy = false;
	let again = false;
	let at = 0;
	async function run() {
		timer = null;
		busy = true;
		at = Date.now();
		try {
			await fn();
		} finally {
			busy = false;
		}
		if (again) {
			again = false;
			ask();
		}
	}
	function ask() {
		if (busy) again = true;
		else if (!timer) timer = setTimeout(run, Math.max(0, ms - (Date.now() - at)));
	}
	return ask;
}
