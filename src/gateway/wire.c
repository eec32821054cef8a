/* wire.c - the table of wires, and what those over HTTP have in common. */
#include "gateway/wire.h"

#include "base/arena.h"
#include "base/http.h"

static const struct wire *const wires[] = {
	&wire_openai, &wire_openrouter, &wire_gemini, &wire_anthropic, &wire_replay,
};

void wire_begin_request(struct arena *a, const struct wire_request *req, const char *key_header, const char *key_prefix,
			struct http_request *ret)
{
	struct http_header *h = ARENA_ARRAY(a, 5, struct http_header);
	bool stream = req->n_texts == 0;	/* embeddings are documents */
	size_t n = 0;

	h[n++] = (struct http_header){STR("Content-Type"), STR("application/json")};
	h[n++] = (struct http_header){STR("Accept"), stream ? STR("text/event-stream") : STR("application/json")};
	/* Proxies hold compressed streams back; what comes compressed all the same is decoded. */
	if (stream)
		h[n++] = (struct http_header){STR("Accept-Encoding"), STR("identity")};
	h[n++] = (struct http_header){STR("User-Agent"), STR("agentd/" AGENTD_VERSION)};
	if (req->endpoint->key)
		h[n++] = (struct http_header){str_from(key_header),
					      str_from(arena_printf(a, "%s%s", key_prefix, req->endpoint->key))};
	ret->method = "POST";
	ret->headers = h;
	ret->n_headers = n;
	ret->gzip = true;
}

void wire_add_header(struct arena *a, struct http_request *r, struct str name, struct str value)
{
	struct http_header *h = ARENA_ARRAY(a, r->n_headers + 1, struct http_header);

	memcpy(h, r->headers, r->n_headers * sizeof *h);
	h[r->n_headers++] = (struct http_header){name, value};
	r->headers = h;
}

const struct wire *wire_of(enum wire_kind kind)
{
	for (size_t i = 0; i < sizeof wires / sizeof wires[0]; i++)
		if (wires[i]->kind == kind)
			return wires[i];
	return NULL;
}
