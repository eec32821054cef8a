// api.mjs - requests to agentd: JSON in and out, problems as errors, news of being offline or signed out.

import { parseJson, writeJson } from "./json.mjs";

/** What the server said was wrong: RFC 9457. status 0: it could not be reached. */
export class Problem extends Error {
	constructor(status, doc) {
		super(doc.detail || doc.title || `status ${status}`);
		this.status = status;
		this.errors = doc.errors || [];
	}
}

/** Events: "reached", "lost" (with detail: why), "out" (the session is over). */
export const link = new EventTarget();
const tell = (type, detail) => link.dispatchEvent(new CustomEvent(type, { detail }));
const rest = (ms) => new Promise((done) => setTimeout(done, ms));
const RESTS = [400, 1200];

async function once(method, path, body, headers, signal) {
	const init = { method, headers: { Accept: "application/json", ...headers }, credentials: "same-origin", signal };
	if (body !== undefined) {
		init.body = writeJson(body);
		init.headers["Content-Type"] = "application/json";
	}
	let answer, text;
	try {
		answer = await fetch(path, init);
		text = await answer.text();
	} catch (e) {
		if (e.name === "AbortError") throw e;
		throw new Problem(0, { detail: "agentd cannot be reached" });
	}
	let doc = null;
	try {
		doc = text ? parseJson(text) : null;
	} catch {
		doc = { detail: "the answer is not from agentd" };
		if (answer.ok) throw new Problem(0, doc);
	}
	if (!answer.ok) throw new Problem(answer.status, doc || {});
	return doc;
}

/** Reads are tried again; what changes something is not, unless it carries a key that makes it safe. */
export async function api(method, path, { body, headers, signal, quiet } = {}) {
	const safe = method === "GET" || headers?.["Idempotency-Key"];
	for (let i = 0; ; i++) {
		try {
			const doc = await once(method, path, body, headers, signal);
			tell("reached");
			return doc;
		} catch (e) {
			if (!(e instanceof Problem)) throw e;
			const away = e.status === 0 || e.status === 503;
			if (away && safe && i < RESTS.length) {
				await rest(RESTS[i]);
				continue;
			}
			if (away) tell("lost", e.message);
			else tell("reached");
			if (e.status === 401 && !quiet) tell("out");
			throw e;
		}
	}
}

export const get = (path, more) => api("GET", path, more);
export const post = (path, body, more) => api("POST", path, { body, ...more });

export function query(params) {
	const q = new URLSearchParams();
	for (const [key, value] of Object.entries(params)) if (value) q.set(key, value);
	const text = q.toString();
	return text ? "?" + text : "";
}

/** A key for one attempt to submit: sent again, it is the same task. crypto.randomUUID() is not there by plain HTTP. */
export function newKey() {
	return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}
