/* link_page.c - the pages behind one-time links: HTML without scripts, in which everything from outside is text. */
#include "base/arena.h"
#include "base/encoding.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/visible.h"
#include "web/links.h"

static const char style[] =
	"body{font:16px/1.5 system-ui,sans-serif;max-width:44em;margin:1em auto;padding:0 1em;color:#111;background:#fff}"
	"h1{font-size:1.3em;overflow-wrap:anywhere}dt{font-weight:600}dd{margin:0 0 .5em;overflow-wrap:anywhere}"
	"pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f3f3f3;padding:.7em;border-radius:.3em}"
	"label{display:block;margin:.7em 0}input,select,textarea{font:inherit;width:100%;box-sizing:border-box}"
	"button{font:inherit;padding:.5em 1.2em;margin:.7em .7em 0 0}"
	"@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}pre{background:#262626}}";

/* Nothing is loaded, nothing runs, the one style is known by its digest, and forms go back to where they came from. */
const char *link_page_csp(struct arena *a)
{
	struct digest d;

	digest_of(str_from(style), &d);
	return arena_printf(a, "default-src 'none'; style-src 'sha256-%s'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
			    base64_encode(a, d.b, sizeof d.b));
}

void html_add(struct buf *b, struct arena *a, struct str text)
{
	struct str s = str_visible(a, text, true);

	for (size_t i = 0; i < s.n; i++) {
		switch (s.p[i]) {
		case '&':
			buf_adds(b, "&amp;");
			break;
		case '<':
			buf_adds(b, "&lt;");
			break;
		case '>':
			buf_adds(b, "&gt;");
			break;
		case '"':
			buf_adds(b, "&quot;");
			break;
		case '\'':
			buf_adds(b, "&#39;");
			break;
		default:
			buf_addc(b, s.p[i]);
		}
	}
}

static void begin(struct buf *b, struct arena *a, struct str heading)
{
	buf_init(b, a);
	buf_adds(b, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
		    "<meta name=\"robots\" content=\"noindex\"><title>agentd</title><style>");
	buf_adds(b, style);
	buf_adds(b, "</style></head><body><main><h1>");
	html_add(b, a, heading);
	buf_adds(b, "</h1>\n");
}

static struct str end(struct buf *b)
{
	buf_adds(b, "</main></body></html>\n");
	return buf_str(b);
}

struct str link_page_word(struct arena *a, const char *heading, const char *text)
{
	struct buf b;

	begin(&b, a, str_from(heading));
	buf_adds(&b, "<p>");
	html_add(&b, a, str_from(text));
	buf_adds(&b, "</p>\n");
	return end(&b);
}

static void add_fact(struct buf *b, struct arena *a, const char *name, const struct json *v)
{
	struct str text = json_type(v) == JSON_STRING ? json_str(v) : json_type(v) == JSON_INT ? json_text(a, v) : STR_NONE;

	if (!text.n)
		return;
	buf_addf(b, "<dt>%s</dt><dd>", name);
	html_add(b, a, text);
	buf_adds(b, "</dd>\n");
}

static void add_value(struct buf *b, struct arena *a, const char *name, const struct json *v)
{
	struct buf text;

	if (!v)
		return;
	buf_init(&text, a);
	json_write_pretty(&text, v);
	buf_addf(b, "<h2>%s</h2><pre>", name);
	html_add(b, a, buf_str(&text));
	buf_adds(b, "</pre>\n");
}

/* The address that the page has is the one that takes the form. */
static void add_form(struct buf *b, struct arena *a, const struct json *form)
{
	bool simple = link_form_is_simple(form);

	if (!simple)
		buf_adds(b, "<p>To approve, a form has to be filled in that this page cannot show: use agentd's own page, or "
			    "<code>agentctl approvals approve</code>.</p>\n");
	buf_adds(b, "<form method=\"post\" autocomplete=\"off\">\n");
	if (simple)
		link_form_write(b, a, form);
	buf_adds(b, "<label>Comment <textarea name=\"comment\" rows=\"3\" maxlength=\"2500\"></textarea></label>\n");
	if (simple)
		buf_adds(b, "<button name=\"decision\" value=\"approve\">Approve</button>\n");
	buf_adds(b, "<button name=\"decision\" value=\"deny\" formnovalidate>Deny</button>\n</form>\n");
}

struct str link_page_request(struct arena *a, const struct json *approval)
{
	static const char *const facts[][2] = {{"Tool", "tool"}, {"Risk", "risk"}, {"Rule", "rule"}, {"Workflow", "workflow"}, {"Step", "step"},
					       {"Task", "task"}, {"Approvers", "approvers"}, {"Expires", "expires_at"}, {"Request", "id"},
					       {"Digest", "digest"}};
	struct buf b;

	begin(&b, a, json_str(json_getc(approval, "title")));
	buf_adds(&b, "<dl>\n");
	for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
		add_fact(&b, a, facts[i][0], json_getc(approval, facts[i][1]));
	buf_adds(&b, "</dl>\n");
	add_value(&b, a, "Arguments", json_getc(approval, "args"));
	add_value(&b, a, "Asked for at first", json_getc(approval, "asked"));
	add_value(&b, a, "Shown by the workflow", json_getc(approval, "show"));
	add_form(&b, a, json_getc(approval, "form"));
	return end(&b);
}
