// diff.mjs - what differs between two JSON values, member by member.

import { h } from "./dom.mjs";
import { isMap, quoted, writeJson } from "./json.mjs";
import { visible } from "./format.mjs";

const escape = (key) => String(key).replace(/~/g, "~0").replace(/\//g, "~1");

/** [{pointer, was, now}]; undefined: not there. */
export function changes(was, now, pointer = "") {
	if (isMap(was) && isMap(now)) {
		const keys = new Set([...Object.keys(was), ...Object.keys(now)]);
		return [...keys].flatMap((k) => changes(was[k], now[k], `${pointer}/${escape(k)}`));
	}
	if (Array.isArray(was) && Array.isArray(now)) {
		const n = Math.max(was.length, now.length);
		return Array.from({ length: n }, (_, i) => changes(was[i], now[i], `${pointer}/${i}`)).flat();
	}
	return writeJson(was) === writeJson(now) ? [] : [{ pointer, was, now }];
}

const text = (v) => (typeof v === "string" ? quoted(v) : visible(writeJson(v)));

export function diffView(was, now) {
	const list = changes(was, now);
	if (!list.length) return h("p", { class: "faint" }, "Nothing is changed.");
	return h(
		"dl",
		{ class: "diff" },
		list.map((c) => [
			h("dt", null, visible(c.pointer) || "all"),
			c.was !== undefined && h("dd", null, h("del", null, h("span", { class: "unseen" }, "was "), text(c.was))),
			c.now !== undefined && h("dd", null, h("ins", null, h("span", { class: "unseen" }, "now "), text(c.now))),
		]),
	);
}
