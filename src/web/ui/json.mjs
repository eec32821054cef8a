// json.mjs - JSON values to read: coloured, folded where long, nothing in them left invisible.

import { h } from "./dom.mjs";
import { visible } from "./format.mjs";

const FOLD = 24; // members that are shown without being asked

// --- numbers as they were written: a double would round 0.1234567890123456789 or 1e400, and makes 1 of 1.0 ---

const TOKEN = /"(?:[^"\\]|\\.)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const MARK = Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("-") + ":"; // nobody else can write it
const MARKED = new RegExp(`"${MARK}([^"]*)"`, "g");

/** A number that JavaScript would write in another way: it reckons as what is nearest, and is shown and sent as it was written. */
export class Literal {
	constructor(source) {
		this.source = source;
	}
	valueOf() {
		return Number(this.source);
	}
	toString() {
		return this.source;
	}
	toJSON() {
		return MARK + this.source;
	}
}

const mark = (token) => (token[0] === '"' || JSON.stringify(Number(token)) === token ? token : `"${MARK}${token}"`);
const revive = (key, v) => (typeof v === "string" && v.startsWith(MARK) ? new Literal(v.slice(MARK.length)) : v);

export function parseJson(text) {
	const v = JSON.parse(text);
	const marked = text.replace(TOKEN, mark);
	return marked === text ? v : JSON.parse(marked, revive);
}

/** The opposite; undefined stays so. */
export const writeJson = (v, indent) => JSON.stringify(v, null, indent)?.replace(MARKED, "$1");

export const isMap = (v) => v !== null && typeof v === "object" && !Array.isArray(v) && !(v instanceof Literal);

// --- to read ---

const span = (cls, text) => h("span", { class: cls }, text);

/** A string as JSON writes it. */
export const quoted = (text) => visible(JSON.stringify(text));

function scalar(v) {
	if (typeof v === "string") return span("js", quoted(v));
	return span(v === null ? "jn" : typeof v !== "boolean" ? "ji" : "jb", writeJson(v));
}

function members(v, depth) {
	const list = Array.isArray(v);
	const rows = list ? v.map((x) => [null, x]) : Object.entries(v);
	const row = ([key, x], i) => [
		"\n" + "  ".repeat(depth + 1),
		key !== null && [span("jk", quoted(key)), ": "],
		value(x, depth + 1),
		i + 1 < rows.length && ",",
	];
	if (!rows.length) return list ? "[]" : "{}";
	return [list ? "[" : "{", rows.map(row), "\n" + "  ".repeat(depth), list ? "]" : "}"];
}

const value = (v, depth) => (Array.isArray(v) || isMap(v) ? members(v, depth) : scalar(v));

/** The whole value, exactly as it is. */
export const jsonView = (v, label) => h("pre", { class: "json", tabindex: 0, role: "group", "aria-label": label || "JSON" }, value(v, 0));

/** For reading: a text is shown as text; what is long is folded. */
export function readable(v, label) {
	if (typeof v === "string" && v)
		return h("pre", { class: "text", tabindex: 0, role: "group", "aria-label": label || "Text" }, visible(v));
	const lines = JSON.stringify(v, null, 1)?.split("\n").length || 0;
	if (lines <= FOLD) return jsonView(v, label);
	const what = Array.isArray(v) ? `${v.length} items` : `${Object.keys(v).length} members`;
	const box = h("details", { class: "fold" }, h("summary", null, `${what}, ${lines} lines`));
	box.addEventListener("toggle", () => box.childElementCount > 1 || box.append(jsonView(v, label)), { once: true });
	return box;
}
