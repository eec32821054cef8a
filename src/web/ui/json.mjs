// json.mjs - JSON values to read: coloured, folded where long, nothing in them left invisible.

import { h } from "./dom.mjs";
import { visible } from "./format.mjs";

const FOLD = 24; // members that are shown without being asked

/** Whole numbers that no double can carry stay as they were written, where the browser can keep them. */
const exact = (key, v, context) =>
	typeof v === "number" && !Number.isSafeInteger(v) && /^-?\d+$/.test(context?.source) && JSON.rawJSON ? JSON.rawJSON(context.source) : v;
export const parseJson = (text) => JSON.parse(text, exact);

const span = (cls, text) => h("span", { class: cls }, text);

/** A string as JSON writes it. */
export const quoted = (text) => visible(JSON.stringify(text));

function scalar(v) {
	if (typeof v === "string") return span("js", quoted(v));
	return span(v === null ? "jn" : typeof v !== "boolean" ? "ji" : "jb", JSON.stringify(v));
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

const value = (v, depth) => (v !== null && typeof v === "object" && !JSON.isRawJSON?.(v) ? members(v, depth) : scalar(v));

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
