// keys.mjs - single-key commands: never while somebody types, and only if they are switched on (WCAG 2.1.4).

import { fill, h } from "./dom.mjs";

const OFF = "agentd-keys-off";
const layers = [];
let chord = null; // the first key of two
let chordEnds = 0;

export const keysOn = () => localStorage.getItem(OFF) === null;

const types = (el) => el.closest?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");

/** map: {"j": {text, run}, "g t": ...}. Holds until the signal. */
export function bind(map, signal) {
	layers.push(map);
	signal?.addEventListener("abort", () => layers.splice(layers.indexOf(map), 1));
}

function find(key) {
	for (const map of layers.toReversed()) if (map[key]) return map[key];
	return null;
}

document.addEventListener("keydown", (e) => {
	if (e.ctrlKey || e.metaKey || e.altKey || types(e.target) || document.querySelector("dialog[open]")) return;
	if (!keysOn() && e.key !== "?") return;
	const key = chord ? `${chord} ${e.key}` : e.key;
	const command = find(key);
	chord = null;
	clearTimeout(chordEnds);
	if (command) {
		e.preventDefault();
		command.run();
	} else if (layers.some((map) => Object.keys(map).some((k) => k.startsWith(e.key + " ")))) {
		chord = e.key;
		chordEnds = setTimeout(() => (chord = null), 1500);
	}
});

/** What may be pressed now, and the switch. */
export function showKeys() {
	const rows = layers.flatMap((map) => Object.entries(map));
	const on = h("input", {
		type: "checkbox",
		id: "keys-on",
		on: { change: () => (on.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")) },
	});
	on.checked = keysOn();
	const dialog = h("dialog", { "aria-labelledby": "keys-title", class: "keys" });
	fill(
		dialog,
		h("h2", { id: "keys-title" }, "Keys"),
		h(
			"dl",
			null,
			rows.map(([key, { text }]) => [
				h(
					"dt",
					null,
					key.split(" ").map((k) => h("kbd", null, k)),
				),
				h("dd", null, text),
			]),
		),
		h("p", null, on, " ", h("label", { for: "keys-on" }, "Single keys are on")),
		h("form", { method: "dialog" }, h("button", { class: "primary", autofocus: true }, "Close")),
	);
	dialog.addEventListener("close", () => dialog.remove());
	document.body.append(dialog);
	dialog.showModal();
}
