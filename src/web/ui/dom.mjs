// dom.mjs - making elements: text is always text, never markup; lists keep the elements of what stays.

const SVG = "http://www.w3.org/2000/svg";

function apply(el, props) {
	for (const [key, value] of Object.entries(props || {})) {
		if (value === undefined || value === null || value === false) continue;
		if (key === "on") for (const [event, fn] of Object.entries(value)) el.addEventListener(event, fn);
		else if (key === "css") for (const [name, v] of Object.entries(value)) el.style.setProperty(name, v);
		else if (key === "value") el.value = value;
		else el.setAttribute(key, value === true ? "" : String(value));
	}
	return el;
}

function put(el, children) {
	for (const child of children.flat(Infinity)) {
		if (child === undefined || child === null || child === false) continue;
		el.append(child instanceof Node ? child : document.createTextNode(String(child)));
	}
	return el;
}

/** h("a", {href, on: {click}, css: {left}}, ...children) */
export const h = (name, props, ...children) => put(apply(document.createElement(name), props), children);
export const svg = (name, props, ...children) => put(apply(document.createElementNS(SVG, name), props), children);
export function fill(el, ...children) {
	el.replaceChildren();
	return put(el, children);
}

/** Makes the children of `parent` those of `items`, in order. What has the same key keeps its element, and so its focus and state:
 *  make(item) gives {el, update(item)}. */
export function keyed(parent, items, keyOf, make) {
	const rows = (parent.keyedRows ||= new Map());
	const wanted = new Set();
	let at = parent.firstElementChild;
	for (const item of items) {
		const key = keyOf(item);
		let row = rows.get(key);
		wanted.add(key);
		if (!row) rows.set(key, (row = make(item)));
		row.update?.(item);
		if (row.el === at) at = at.nextElementSibling;
		else parent.insertBefore(row.el, at);
	}
	for (const [key, row] of rows)
		if (!wanted.has(key)) {
			row.el.remove();
			rows.delete(key);
		}
}

let ids = 0;
export const newId = (word) => `${word}-${++ids}`;

/** Says it to who cannot see it change. */
export function say(text) {
	const el = document.getElementById("say");
	el.textContent = "";
	setTimeout(() => (el.textContent = text), 50);
}

/** Asks before something that cannot be taken back; true: yes. */
export function confirmed(question, yes, no) {
	return new Promise((done) => {
		const dialog = h(
			"dialog",
			{ "aria-labelledby": "confirm-text" },
			h("p", { id: "confirm-text" }, question),
			h(
				"form",
				{ method: "dialog", class: "actions" },
				h("button", { value: "no" }, no),
				h("button", { value: "yes", class: "danger", autofocus: true }, yes),
			),
		);
		dialog.addEventListener("close", () => {
			dialog.remove();
			done(dialog.returnValue === "yes");
		});
		document.body.append(dialog);
		dialog.showModal();
	});
}
