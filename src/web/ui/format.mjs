// format.mjs - values as people read them: times, durations, money, states, and text whose invisible characters show.

import { h } from "./dom.mjs";

/** The table of base/visible.c, but for the ends of lines and tabs. */
const HIDDEN = new RegExp(
	"[\\u{0}-\\u{8}\\u{b}-\\u{1f}\\u{7f}-\\u{9f}\\u{ad}\\u{34f}\\u{61c}\\u{115f}-\\u{1160}\\u{17b4}-\\u{17b5}\\u{180b}-\\u{180f}" +
		"\\u{200b}-\\u{200f}\\u{2028}-\\u{202e}\\u{2060}-\\u{206f}\\u{3164}\\u{feff}\\u{ffa0}\\u{fff0}-\\u{fffb}" +
		"\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}]",
	"gu",
);

function written(c) {
	const cp = c.codePointAt(0);
	return cp > 0xffff ? "\\U" + cp.toString(16).padStart(8, "0") : "\\u" + cp.toString(16).padStart(4, "0");
}

/** Text from outside: what would be invisible, or would turn the direction of writing, is written out. */
export const visible = (text) => String(text).replace(HIDDEN, written);

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const SPANS = [
	[60, "second", 1],
	[3600, "minute", 60],
	[86400, "hour", 3600],
	[86400 * 30, "day", 86400],
	[Infinity, "month", 86400 * 30],
];

export function ago(iso) {
	const s = (Date.parse(iso) - Date.now()) / 1000;
	const [, unit, size] = SPANS.find(([limit]) => Math.abs(s) < limit);
	return Math.abs(s) < 5 ? "just now" : relative.format(Math.round(s / size), unit);
}

const full = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

/** <time>: how long ago; the moment itself in its title. */
export function when(iso) {
	return iso ? h("time", { datetime: iso, title: full.format(new Date(iso)) }, ago(iso)) : "–";
}
export const moment = (iso) => (iso ? h("time", { datetime: iso }, full.format(new Date(iso))) : "–");

/** Those below `root` are right again. */
export function freshen(root) {
	for (const el of root.querySelectorAll("time[title]")) el.textContent = ago(el.dateTime);
}

export function duration(ms) {
	if (!(ms >= 0)) return "–";
	if (ms < 1000) return `${Math.round(ms)} ms`;
	if (ms < 60000) return `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`;
	const s = Math.round(ms / 1000);
	if (s < 3600) return `${Math.floor(s / 60)} m ${s % 60} s`;
	if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} m`;
	return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

export function money(usd) {
	const n = Number(usd);
	return "$" + (n >= 0.01 ? n.toFixed(2) : n > 0 ? n.toFixed(6).replace(/0+$/, "") : "0");
}

export const count = (n, word, many = word + "s") => `${Number(n).toLocaleString("en")} ${Number(n) === 1 ? word : many}`;

/** The last part of an id tells tasks of one moment apart. */
export const shortId = (id) => id.slice(-8);

export const words = (text) => String(text).replace(/[_.]/g, " ");

export const badge = (state) => h("span", { class: `badge ${state}` }, words(state));
export const setBadge = (el, state) => {
	el.className = `badge ${state}`;
	el.textContent = words(state);
};
