// form.mjs - a form from a JSON Schema, and the value that is in it. What no field can show is edited as JSON.
//
// A field is {el, read()} and, where it stands, its pointer. read() gives undefined for what is left out and throws Wrong for what
// cannot be read.

import { fill, h, newId } from "./dom.mjs";
import { visible } from "./format.mjs";
import { Literal, isMap, parseJson, writeJson } from "./json.mjs";

class Wrong extends Error {}

const escape = (key) => String(key).replace(/~/g, "~0").replace(/\//g, "~1");
const pretty = (v) => (v === undefined ? "" : writeJson(v, 2));

/** Follows local references; several types, null aside, are no field of one kind. */
function settle(schema, defs, depth = 0) {
	if (!isMap(schema)) return {};
	if (typeof schema.$ref === "string" && depth < 8) {
		const way = schema.$ref.match(/^#(\/.*)?$/) ? schema.$ref.slice(2).split("/").filter(Boolean) : null;
		const found = way?.reduce((v, k) => v?.[decodeURIComponent(k).replace(/~1/g, "/").replace(/~0/g, "~")], defs);
		if (found) return { ...settle(found, defs, depth + 1), ...schema, $ref: undefined };
	}
	return schema;
}

function typeOf(schema, value) {
	const types = [schema.type ?? []].flat().filter((t) => t !== "null");
	if (value instanceof Literal) return "json";
	if (schema.enum && schema.enum.every((x) => !isMap(x) && !Array.isArray(x))) return "enum";
	if ("const" in schema) return "const";
	if (types.length === 1) {
		if (types[0] === "object") return schema.properties && (value === undefined || isMap(value)) ? "object" : "json";
		if (types[0] === "array")
			return isMap(schema.items) && !schema.prefixItems && (value === undefined || Array.isArray(value)) ? "array" : "json";
		return value === undefined || value === null || typeof value === (types[0] === "integer" ? "number" : types[0]) ? types[0] : "json";
	}
	return !types.length && isMap(schema.properties) ? "object" : "json";
}

// --- fields with one value ---

function textField(schema, value, f) {
	const long = (schema.maxLength ?? 0) > 200 || /\n/.test(value ?? schema.default ?? "") || schema.format === "multiline";
	const had = typeof value === "string";
	const input = h(long ? "textarea" : "input", {
		...f.attrs,
		rows: long ? 5 : null,
		type: long ? null : { email: "email", uri: "url", date: "date" }[schema.format] || "text",
		placeholder: typeof schema.default === "string" ? visible(schema.default) : schema.examples?.[0],
		autocomplete: "off",
		value: value ?? "",
	});
	return {
		input,
		read() {
			if (input.value !== "" || had) return input.value;
			if (f.required) throw new Wrong("Fill this in.");
			return undefined;
		},
	};
}

function numberField(schema, value, f) {
	const whole = schema.type === "integer" || [schema.type].flat().includes("integer");
	const input = h("input", {
		...f.attrs,
		inputmode: whole ? "numeric" : "decimal",
		autocomplete: "off",
		placeholder: schema.default,
		value: value ?? "",
	});
	return {
		input,
		read() {
			const text = input.value.trim();
			if (text === "") {
				if (f.required) throw new Wrong("Fill this in.");
				return undefined;
			}
			const n = Number(text);
			if (!Number.isFinite(n)) throw new Wrong("This is no number.");
			if (whole && !Number.isInteger(n)) throw new Wrong("This has to be a whole number.");
			if (Math.abs(n) > Number.MAX_SAFE_INTEGER) throw new Wrong("This number is too large for the form: use JSON.");
			return n;
		},
	};
}

/** Words to choose from. Without a value nothing is chosen, so that nothing is sent that nobody meant. */
function choiceField(options, value, f, named = (v) => (typeof v === "string" ? v || '""' : writeJson(v))) {
	const at = options.findIndex((o) => writeJson(o) === writeJson(value));
	const blank = !f.required || at < 0;
	const input = h(
		"select",
		f.attrs,
		blank && h("option", { value: "" }, f.required ? "Choose…" : "–"),
		options.map((o, i) => h("option", { value: i }, visible(named(o)))),
	);
	input.value = at < 0 ? "" : String(at);
	return {
		input,
		read() {
			if (input.value !== "") return options[Number(input.value)];
			if (f.required) throw new Wrong("Choose one.");
			return undefined;
		},
	};
}

function jsonField(value, f) {
	const input = h("textarea", {
		...f.attrs,
		class: "code",
		rows: Math.min(16, Math.max(3, pretty(value).split("\n").length + 1)),
		spellcheck: "false",
		value: pretty(value),
	});
	return {
		input,
		read() {
			if (input.value.trim() === "") {
				if (f.required) throw new Wrong("Fill this in: any JSON.");
				return undefined;
			}
			try {
				return parseJson(input.value);
			} catch (e) {
				throw new Wrong(`This is no JSON: ${e.message}`);
			}
		},
	};
}

const PLAIN = {
	string: textField,
	number: numberField,
	integer: numberField,
	boolean: (schema, value, f) => choiceField([true, false], value, f, (v) => (v ? "yes" : "no")),
	enum: (schema, value, f) => choiceField(schema.enum, value, f),
	const: (schema, value, f) => choiceField([schema.const], value, f),
	json: (schema, value, f) => jsonField(value, f),
};

// --- the form ---

/** {el, read(), showErrors(list), clear()}: read() gives {value} or {errors}; a list of errors is [{pointer, message}]. */
export function schemaForm(schema, initial) {
	const places = new Map(); // pointer -> {error, input}
	const defs = schema;
	const summary = h("div", { class: "error", role: "alert" });

	function mark(pointer, message) {
		const p = places.get(pointer);
		if (!p) return false;
		p.error.textContent = p.error.textContent ? `${p.error.textContent} ${message}` : message;
		p.input?.setAttribute("aria-invalid", "true");
		return true;
	}
	function reading(pointer, errors, fn) {
		try {
			return fn();
		} catch (e) {
			if (!(e instanceof Wrong)) throw e;
			errors.push({ pointer, message: e.message });
			return undefined;
		}
	}
	const help = (s, id) => s.description && h("p", { class: "hint", id }, visible(s.description));

	function plain(kind, s, value, name, pointer, required, remove) {
		const id = newId("field");
		const notes = [s.description && `${id}-hint`, `${id}-error`].filter(Boolean).join(" ");
		const field = PLAIN[kind](s, value, { required, attrs: { id, "aria-describedby": notes, "aria-required": required || null } });
		const error = h("p", { class: "error", id: `${id}-error` });
		places.set(pointer, { error, input: field.input });
		field.input.addEventListener("input", () => {
			error.textContent = "";
			field.input.removeAttribute("aria-invalid");
		});
		return {
			el: h(
				"div",
				{ class: "field" },
				h(
					"label",
					{ for: id },
					visible(name),
					required && !remove && h("span", { class: "need", "aria-hidden": true }, " *"),
					h("span", { class: "faint" }, kind === "json" ? " JSON" : kind === "integer" ? " whole number" : ""),
				),
				help(s, `${id}-hint`),
				h("div", { class: "with-remove" }, field.input, remove),
				error,
			),
			read: (errors) => reading(pointer, errors, field.read),
		};
	}

	function object(s, value, name, pointer, required) {
		const given = Object.keys(value || {});
		const rank = (key) => (given.includes(key) ? given.indexOf(key) : given.length);
		const props = Object.entries(s.properties || {}).sort(([x], [y]) => rank(x) - rank(y)); // a value's own order first
		const needs = new Set(s.required || []);
		const kids = props.map(([key, sub]) => [
			key,
			any(sub, value?.[key], settle(sub, defs).title || key, `${pointer}/${escape(key)}`, needs.has(key)),
		]);
		const others = Object.entries(value || {}).filter(([key]) => !s.properties || !Object.hasOwn(s.properties, key));
		const extra = others.length
			? plain(
					"json",
					{ description: "Members that the schema does not name." },
					Object.fromEntries(others),
					"Others",
					`${pointer}/`,
					false,
				)
			: null;
		const error = h("p", { class: "error" });
		places.set(pointer, { error });
		const body = [kids.map(([, k]) => k.el), extra?.el];
		return {
			el:
				pointer === ""
					? h("div", null, error, body)
					: h(
							"fieldset",
							null,
							h("legend", null, visible(name), required && h("span", { class: "need" }, " *")),
							help(s),
							error,
							body,
						),
			read(errors) {
				const mine = [];
				const entries = kids.map(([key, k]) => [key, k.read(mine)]).filter(([, v]) => v !== undefined);
				const more = extra?.read(mine);
				const v = { ...Object.fromEntries(entries), ...(isMap(more) ? more : {}) };
				const left = !required && value === undefined && !Object.keys(v).length; // nobody filled anything in
				if (!left) errors.push(...mine);
				return left ? undefined : v;
			},
		};
	}

	function array(s, value, name, pointer, required) {
		const list = h("div", { class: "items" });
		const error = h("p", { class: "error" });
		const items = [];
		places.set(pointer, { error });
		const add = (v, focus) => {
			const item = { n: items.length };
			const remove = h(
				"button",
				{ type: "button", class: "quiet", "aria-label": `Remove ${visible(name)} ${item.n + 1}`, on: { click: () => drop(item) } },
				"Remove",
			);
			item.field = any(s.items, v, `${visible(name)} ${item.n + 1}`, `${pointer}/${item.n}`, true, remove);
			items.push(item);
			list.append(item.field.el);
			if (focus) item.field.el.querySelector("input, textarea, select")?.focus();
		};
		function drop(item) {
			const values = items.filter((i) => i !== item).map((i) => i.field.read([]));
			items.length = 0;
			fill(list);
			values.forEach((v) => add(v));
			more.focus();
			el.dispatchEvent(new Event("input", { bubbles: true }));
		}
		const more = h("button", { type: "button", class: "small", on: { click: () => add(undefined, true) } }, `Add ${visible(name)}`);
		const el = h(
			"fieldset",
			null,
			h("legend", null, visible(name), required && h("span", { class: "need" }, " *")),
			help(s),
			list,
			more,
			error,
		);
		for (const v of value ?? []) add(v);
		return {
			el,
			read(errors) {
				const v = items.map((i) => i.field.read(errors));
				return v.length || required || value !== undefined ? v.map((x) => x ?? null) : undefined;
			},
		};
	}

	function any(raw, value, name, pointer, required, remove) {
		const s = settle(raw, defs);
		const kind = typeOf(s, value);
		if (kind === "object") return object(s, value, name, pointer, required);
		if (kind === "array") return array(s, value, name, pointer, required);
		return plain(kind, s, value, name, pointer, required, remove);
	}

	// --- as fields, or as JSON ---

	const box = h("div");
	const settled = settle(schema, defs);
	const fits = typeOf(settled, initial) !== "json";
	let raw = !fits;
	let field = null;
	const swap = h("button", { type: "button", class: "quiet small", hidden: !fits, on: { click: change } });
	function show(value) {
		places.clear();
		field = raw ? plain("json", {}, value, "JSON", "", true) : any(schema, value, "", "", true);
		fill(box, field.el);
		swap.textContent = raw ? "Edit in fields" : "Edit as JSON";
	}
	function change() {
		const { value, errors } = read();
		if (raw && errors) return showErrors(errors);
		raw = !raw;
		show(value);
		el.dispatchEvent(new Event("input", { bubbles: true }));
	}
	function read() {
		const errors = [];
		const value = field.read(errors);
		return errors.length ? { errors, value } : { value };
	}
	function clear() {
		summary.textContent = "";
		for (const p of places.values()) {
			p.error.textContent = "";
			p.input?.removeAttribute("aria-invalid");
		}
	}
	/** Each at its field: a key that is missing at that of the key, others at the nearest one above. */
	function showErrors(list) {
		clear();
		const rest = [];
		for (const { pointer, message } of list) {
			const missing = message.match(/^required key "(.*?)" is missing/);
			let at = missing && places.has(`${pointer}/${escape(missing[1])}`) ? `${pointer}/${escape(missing[1])}` : pointer;
			while (at && !places.has(at)) at = at.slice(0, at.lastIndexOf("/"));
			if (!mark(at, at === pointer || missing ? message : `${pointer}: ${message}`)) rest.push(`${pointer} ${message}`);
		}
		fill(summary, rest.length ? rest.join("; ") : list.length > 1 ? `${list.length} fields are not right yet.` : "");
		(el.querySelector("[aria-invalid]") || summary).focus?.();
	}
	show(initial);
	const el = h("div", { class: "schema-form" }, summary, box, swap);
	return { el, read, showErrors, clear };
}
