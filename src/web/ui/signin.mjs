// signin.mjs - the form that takes a token. The token goes to the server once and stays in a cookie that no script can read.

import { api } from "./api.mjs";
import { fill, h } from "./dom.mjs";

/** Calls done(session) when the token was good. */
export function showSignIn(root, note, done) {
	const error = h("p", { id: "token-error", class: "error", role: "alert" });
	const token = h("input", {
		id: "token",
		name: "token",
		type: "password",
		autocomplete: "current-password",
		required: true,
		spellcheck: "false",
		placeholder: "agd_…",
		"aria-describedby": "token-error token-help",
	});
	const button = h("button", { class: "primary" }, "Sign in");
	async function submit(e) {
		e.preventDefault();
		button.disabled = true;
		error.textContent = "";
		try {
			const session = await api("POST", "/session", { body: { token: token.value.trim() }, quiet: true });
			token.value = "";
			done(session);
		} catch (problem) {
			error.textContent = problem.message;
			token.setAttribute("aria-invalid", "true");
			token.focus();
		}
		button.disabled = false;
	}
	fill(
		root,
		h(
			"div",
			{ class: "signin" },
			h("img", { src: "icon.svg", alt: "", width: 44, height: 44 }),
			h("h1", null, "Sign in to agentd"),
			note && h("p", { class: "note" }, note),
			h(
				"form",
				{ on: { submit } },
				h("label", { for: "token" }, "Token"),
				token,
				error,
				button,
				h(
					"p",
					{ id: "token-help", class: "faint" },
					"Made by ",
					h("code", null, "agentctl token create NAME --scopes submit,read,approve"),
					".",
				),
			),
		),
	);
	token.focus();
}
