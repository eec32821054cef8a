// approval.mjs - one request: what would happen, shown whole; approve, deny, edit or answer. What is typed is never thrown away.

import { get, post } from "./api.mjs";
import { fill, h, newId } from "./dom.mjs";
import { badge, moment, setBadge, visible, when, words } from "./format.mjs";
import { diffView } from "./diff.mjs";
import { schemaForm } from "./form.mjs";
import { jsonView } from "./json.mjs";

const voteRow = (v) =>
	h(
		"li",
		null,
		badge(v.decision === "approve" ? "approved" : "denied"),
		` ${visible(v.by.replace(/^token:/, ""))} `,
		when(v.at),
		v.comment && h("q", null, visible(v.comment)),
	);

/** {id, el, update(a), shown(), press(key), focus(), stop()} */
export function approvalView(first, { can, decided }) {
	let a = first;
	let form = null; // of edited arguments, or of the answer
	let armed = null; // the decision that is asked for once more
	let over = false;
	const title = h("h2", { tabindex: -1 }, visible(a.title));
	const state = badge(a.state);
	const dl = h("dl", { class: "facts" });
	const body = h("div");
	const votes = h("ul", { class: "votes" });
	const note = h("p", { class: "notice", role: "status", hidden: true });
	const diff = h("div");
	const formBox = h("div", { class: "form-box" });
	const commentId = newId("comment");
	const comment = h("textarea", { id: commentId, rows: 2 });
	const error = h("p", { class: "error", role: "alert" });
	const approve = h(
		"button",
		{ type: "button", class: "primary", "aria-keyshortcuts": "a", on: { click: () => arm("approve") } },
		"Approve",
	);
	const deny = h("button", { type: "button", "aria-keyshortcuts": "d", on: { click: () => arm("deny") } }, "Deny");
	const edit = h("button", { type: "button", class: "quiet", "aria-keyshortcuts": "e", on: { click: toggleEdit } }, "Edit arguments");
	const sure = h("button", { class: "primary" });
	const back = h("button", { type: "button", class: "quiet", on: { click: disarm } }, "Not yet");
	const first2 = h("div", { class: "actions" }, approve, deny, edit);
	const second = h("div", { class: "actions", hidden: true }, sure, back);
	const deciding = h(
		"form",
		{ class: "panel decide", novalidate: true, "aria-label": "Decide", on: { submit, keydown: onKey } },
		formBox,
		diff,
		h(
			"div",
			{ class: "field" },
			h("label", { for: commentId }, "Comment ", h("span", { class: "faint" }, "the task, and a model that asked, will see it")),
			comment,
		),
		error,
		first2,
		second,
	);
	const el = h(
		"article",
		{ class: "request", "aria-label": visible(a.title) },
		h("div", { class: "head" }, title, state),
		note,
		dl,
		body,
		deciding,
		votes,
	);

	const isCall = a.kind === "call";

	function facts() {
		const rows = [
			["Task", h("a", { href: `#/tasks/${a.task}` }, visible(a.workflow))],
			["Step", h("span", { class: "path" }, visible(a.step) + (a.try > 1 ? `, try ${a.try}` : ""))],
			["Risk", a.risk && h("span", { class: `badge risk-${a.risk}` }, a.risk)],
			["Rule", a.rule && visible(a.rule)],
			["Asked", when(a.requested_at)],
			["Until", a.expires_at && a.state === "pending" && when(a.expires_at)],
			["Approvers", a.approvers > 1 && `${a.votes.filter((v) => v.decision === "approve").length} of ${a.approvers}`],
			["Decided", a.decided_by && [visible(a.decided_by.replace(/^token:/, "")), " ", moment(a.decided_at)]],
		];
		fill(
			dl,
			rows.filter(([, v]) => v).map(([k, v]) => h("div", null, h("dt", null, k), h("dd", null, v))),
		);
	}
	function content() {
		fill(
			body,
			isCall && [h("h3", null, "Calls ", h("code", null, visible(a.tool))), jsonView(a.args, "Arguments")],
			a.asked && [h("h3", null, "Edited"), diffView(a.asked, a.args)],
			a.show !== undefined && a.show !== null && [h("h3", null, "Shown with it"), jsonView(a.show, "Shown")],
			a.answer && [h("h3", null, "Answer"), jsonView(a.answer, "Answer")],
			a.comment && h("p", null, h("q", null, visible(a.comment))),
		);
	}
	function draw() {
		setBadge(state, a.state);
		facts();
		fill(votes, a.votes.map(voteRow));
		votes.hidden = !a.votes.length;
		deciding.hidden = a.state !== "pending" || !can("approve");
		if (a.state === "pending" && !can("approve")) tell("This token may not decide: it lacks the scope approve.");
	}
	function tell(text) {
		note.hidden = !text;
		note.textContent = text;
	}

	// --- editing and answering ---

	function openForm(schema, value) {
		form = schemaForm(schema || { type: "object" }, value);
		fill(formBox, h("h3", null, isCall ? "Edited arguments" : "Your answer"), form.el);
		form.el.addEventListener("input", showDiff);
		showDiff();
	}
	function showDiff() {
		if (!isCall || !form) return fill(diff);
		const { value, errors } = form.read();
		fill(
			diff,
			h("h3", null, "What changes"),
			errors ? h("p", { class: "faint" }, "The fields cannot be read yet.") : diffView(a.args, value),
		);
	}
	function toggleEdit() {
		if (!isCall) return form?.el.querySelector("input, textarea, select")?.focus();
		if (form) {
			form = null;
			fill(formBox);
			fill(diff);
			edit.textContent = "Edit arguments";
			edit.focus();
		} else {
			openForm(a.schema, a.args);
			edit.textContent = "Drop the edit";
			form.el.querySelector("input, textarea, select")?.focus();
		}
	}

	// --- deciding: twice, so that no single key does it ---

	function arm(decision) {
		error.textContent = "";
		if (decision === "approve" && form) {
			const { errors } = form.read();
			form.clear();
			if (errors) return form.showErrors(errors);
		}
		armed = decision;
		first2.hidden = true;
		second.hidden = false;
		sure.className = decision === "deny" ? "danger" : "primary";
		sure.textContent = decision === "deny" ? "Yes, deny" : isCall && form ? "Yes, approve as edited" : "Yes, approve";
		if (decision === "deny" && !comment.value) comment.focus();
		else sure.focus();
	}
	function disarm() {
		const was = armed;
		armed = null;
		first2.hidden = false;
		second.hidden = true;
		if (was) (was === "deny" ? deny : approve).focus();
	}
	function onKey(e) {
		if (e.key === "Escape" && armed) {
			e.stopPropagation();
			disarm();
		} else if (e.key === "Enter" && armed && e.target === comment && !e.shiftKey) {
			e.preventDefault();
			deciding.requestSubmit();
		}
	}
	async function submit(e) {
		e.preventDefault();
		if (!armed) return arm("approve");
		const decision = armed;
		const answer = { decision, digest: a.digest };
		if (comment.value.trim()) answer.comment = comment.value.trim();
		if (decision === "approve" && form) answer[isCall ? "args" : "form"] = form.read().value;
		sure.disabled = true;
		try {
			a = await post(`/approvals/${a.id}`, answer);
			form = null;
			fill(formBox);
			fill(diff);
			content();
			draw();
			tell("");
			title.focus();
			decided(a);
		} catch (problem) {
			disarm();
			const place = isCall ? "/args" : "/form";
			if (problem.errors?.length && form)
				form.showErrors(problem.errors.map((x) => ({ ...x, pointer: x.pointer.replace(new RegExp(`^${place}`), "") })));
			else error.textContent = problem.message;
			if (problem.status === 409) update(await get(`/approvals/${a.id}`).catch(() => a));
		}
		sure.disabled = false;
	}

	function update(now) {
		if (over || JSON.stringify(now) === JSON.stringify(a)) return;
		const was = a;
		a = now;
		if (was.digest !== now.digest) {
			content();
			tell("What is asked has changed meanwhile: look again before you decide.");
			if (armed) disarm();
			showDiff();
		} else if (was.state !== now.state) {
			content();
			tell(
				now.state === "pending"
					? ""
					: `It is ${words(now.state)}${now.decided_by ? ` by ${now.decided_by.replace(/^token:/, "")}` : ""}.`,
			);
		}
		draw();
	}

	edit.hidden = !isCall;
	content();
	draw();
	if (!isCall && a.form && a.state === "pending" && can("approve")) openForm(a.form, undefined);
	return {
		id: a.id,
		el,
		update,
		shown: () => a,
		focus: () => title.focus(),
		press: (key) => !deciding.hidden && { approve: () => arm("approve"), deny: () => arm("deny"), edit: toggleEdit }[key](),
		stop: () => (over = true),
	};
}
