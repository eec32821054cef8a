// graph.mjs - the steps of a workflow as a picture: one column in the order of the file, jumps along the sides, loops as boxes.

import { svg } from "./dom.mjs";
import { visible } from "./format.mjs";

const WIDE = 250;
const HEAD = 46;
const ROW = 20;
const GAP = 30;
const LANE = 14;
const PAD = 16;

const cut = (text, n) => (text.length > n ? text.slice(0, n - 1) + "…" : text);
const SAYS = {
	catch: () => "on error",
	timeout: () => "no answer in time",
	skip: (e, s) => "skipped",
	then: () => "then",
	switch: (e) => e.when || "otherwise",
	next: () => "",
};

/** Edges that need a line of their own: all but the one to the step below. */
function ports(step, i, index, n) {
	return step.edges
		.map((e) => ({ ...e, at: e.to === null ? n : index.get(e.to), says: SAYS[e.kind]?.(e) ?? e.kind }))
		.filter((e) => e.kind === "switch" || e.at !== i + 1);
}

/** Gives each jump the innermost lane that is free along its way. */
function lanes(jumps) {
	const used = [];
	for (const j of jumps.toSorted((a, b) => Math.abs(a.y2 - a.y1) - Math.abs(b.y2 - b.y1))) {
		const [from, to] = [Math.min(j.y1, j.y2), Math.max(j.y1, j.y2)];
		let k = 0;
		while (used[k]?.some(([a, b]) => a < to && from < b)) k++;
		(used[k] ||= []).push([from, to]);
		j.lane = k;
	}
	return used.length;
}

/** {width, height, el, x}: x is where the column's middle is. */
function column(steps, ended) {
	const index = new Map(steps.map((s, i) => [s.id, i]));
	const boxes = [];
	let y = 0;
	let wide = WIDE;
	for (const [i, step] of steps.entries()) {
		const out = ports(step, i, index, steps.length);
		const inner = step.steps ? column(step.steps, false) : null;
		const height = HEAD + out.length * ROW + (out.length ? 4 : 0) + (inner ? inner.height + PAD : 0);
		boxes.push({ step, out, inner, y, height });
		y += height + GAP;
		if (inner) wide = Math.max(wide, inner.width + 2 * PAD);
	}
	const end = { y, height: ended ? 26 : 4 };
	const jumps = [];
	for (const [i, b] of boxes.entries())
		b.out.forEach((e, k) => {
			const to = e.at >= boxes.length ? end : boxes[e.at];
			const back = e.at <= i;
			const falls = e.kind === "switch" && e.at === i + 1;
			if (!falls) jumps.push({ e, back, y1: b.y + HEAD + k * ROW + 8, y2: to.y + (back ? 16 : Math.min(12, to.height / 2)) });
		});
	const right = lanes(jumps.filter((j) => !j.back));
	const left = lanes(jumps.filter((j) => j.back));
	const x0 = left ? left * LANE + 18 : 0;
	const g = svg("g");
	for (const [i, b] of boxes.entries()) {
		const next = boxes[i + 1] || end;
		const down = b.step.edges.some((e) => (e.to === null ? boxes.length : index.get(e.to)) === i + 1);
		if (down)
			g.append(svg("path", { class: "edge", d: `M${x0 + wide / 2} ${b.y + b.height} V${next.y}`, "marker-end": "url(#arrow)" }));
	}
	for (const j of jumps) {
		const side = j.back ? x0 : x0 + wide;
		const lane = j.back ? x0 - 16 - j.lane * LANE : x0 + wide + 16 + j.lane * LANE;
		const r = 5;
		const dir = j.y2 > j.y1 ? 1 : -1;
		const inward = j.back ? 1 : -1;
		const target = j.y2 >= end.y && !j.back ? x0 + wide / 2 + (ended ? 30 : 3) : side;
		g.append(
			svg(
				"path",
				{
					class: `edge ${j.e.kind}`,
					d: [
						`M${side} ${j.y1} H${lane + inward * r} Q${lane} ${j.y1} ${lane} ${j.y1 + dir * r}`,
						`V${j.y2 - dir * r} Q${lane} ${j.y2} ${lane + inward * r} ${j.y2} H${target}`,
					].join(" "),
					"marker-end": "url(#arrow)",
				},
				svg("title", null, visible(`${j.e.says}${j.e.max_visits ? `, at most ${j.e.max_visits} times` : ""}`)),
			),
		);
	}
	for (const b of boxes) {
		const { step } = b;
		g.append(
			svg(
				"g",
				{ transform: `translate(${x0} ${b.y})`, class: `node ${step.kind}` },
				svg("rect", { width: wide, height: b.height, rx: 8 }),
				svg("rect", { class: "stripe", x: 0, y: 8, width: 3, height: HEAD - 16 }),
				svg("text", { x: 14, y: 20, class: "n-id" }, cut(visible(step.id), 30)),
				svg(
					"text",
					{ x: 14, y: 37, class: "n-kind" },
					cut(visible(step.kind + (step.label ? ` · ${step.label}` : "")), 40),
					svg("title", null, visible(step.label || step.kind)),
				),
				b.out.map((e, k) => {
					const ty = HEAD + k * ROW + 12;
					const text = `${e.says}${e.max_visits ? ` (≤ ${e.max_visits}×)` : ""}`;
					return svg(
						"text",
						{ x: 14, y: ty, class: `n-case ${e.kind}` },
						cut(visible(text), 30 - Math.min(14, (e.to ?? "end").length)),
						svg("tspan", { class: "n-to" }, ` → ${cut(visible(e.to ?? "end"), 14)}`),
						svg("title", null, visible(`${text} → ${e.to ?? "end"}`)),
					);
				}),
				b.inner &&
					svg(
						"g",
						{ transform: `translate(${(wide - b.inner.width) / 2} ${HEAD + b.out.length * ROW + (b.out.length ? 4 : 0)})` },
						b.inner.el,
					),
			),
		);
	}
	if (ended)
		g.append(
			svg(
				"g",
				{ transform: `translate(${x0 + wide / 2 - 30} ${end.y})`, class: "node terminal" },
				svg("rect", { width: 60, height: 26, rx: 13 }),
				svg("text", { x: 30, y: 17, "text-anchor": "middle" }, "end"),
			),
		);
	else g.append(svg("circle", { class: "dot", cx: x0 + wide / 2, cy: end.y + 2, r: 2 }));
	return { width: x0 + wide + (right ? right * LANE + 18 : 0), height: end.y + end.height, el: g };
}

const inWords = (steps) =>
	steps
		.map((s) => {
			const leads = s.edges.map((e) => `, ${SAYS[e.kind]?.(e) || "then"} ${e.to ?? "end"}`).join("");
			return `${s.id} (${s.kind})${leads}${s.steps ? `, for each: ${inWords(s.steps)}` : ""}`;
		})
		.join("; ");

export function graphView(steps, name) {
	const c = column(steps, true);
	return svg(
		"svg",
		{
			class: "graph",
			viewBox: `-2 -2 ${c.width + 4} ${c.height + 4}`,
			width: c.width + 4,
			height: c.height + 4,
			role: "img",
			"aria-label": visible(`Steps of ${name}: ${inWords(steps)}`),
		},
		svg(
			"defs",
			null,
			svg(
				"marker",
				{ id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" },
				svg("path", { d: "M0 0 L8 4 L0 8 z" }),
			),
		),
		c.el,
	);
}
