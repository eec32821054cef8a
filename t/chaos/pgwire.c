/* pgwire.c - see pgwire.h. */
#include "pgwire.h"

#include <string.h>

enum { MAX_MESSAGE = 1 << 30, SSL_REQUEST = 80877103, GSS_REQUEST = 80877104, CANCEL_REQUEST = 80877102 };

void pgwire_init(struct pgwire *w, bool frontend, struct pgwire_user user)
{
	*w = (struct pgwire){.user = user, .untyped = frontend};
}

static uint32_t big_endian(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static size_t head_size(const struct pgwire *w)
{
	return w->untyped ? 8 : 5;
}

/* The head is whole: what is it, and how much follows? */
static bool begin(struct pgwire *w)
{
	uint32_t n = big_endian(w->untyped ? w->head : w->head + 1), counted = w->untyped ? 8 : 4;

	if (n < counted || n > MAX_MESSAGE)
		return false;
	w->left = n - counted;
	w->n_body = 0;
	w->type = (unsigned char)w->head[0];
	if (w->untyped) {
		uint32_t code = big_endian(w->head + 4);

		w->type = code == SSL_REQUEST || code == GSS_REQUEST ? PGWIRE_ENCRYPT : code == CANCEL_REQUEST ? PGWIRE_CANCEL : PGWIRE_STARTUP;
	}
	if (!w->user.head(w->user.arg, w->type)) {
		w->over = true;
		return true;
	}
	if (w->type != PGWIRE_ENCRYPT)
		w->user.emit(w->user.arg, w->head, w->n_head);
	return true;
}

static void end_if_whole(struct pgwire *w)
{
	if (w->left > 0)
		return;
	w->n_head = 0;
	if (w->type != PGWIRE_ENCRYPT)
		w->untyped = false;
	w->user.done(w->user.arg, w->type, w->body, w->n_body);
}

bool pgwire_feed(struct pgwire *w, const char *p, size_t n)
{
	while (n > 0 && !w->over) {
		size_t need = head_size(w) - w->n_head, take = n, keep;

		if (need > 0) {
			take = n < need ? n : need;
			memcpy(w->head + w->n_head, p, take);
			w->n_head += take;
			p += take;
			n -= take;
			if (w->n_head < head_size(w))
				return true;
			if (!begin(w))
				return false;
			if (!w->over)
				end_if_whole(w);
			continue;
		}
		if (take > w->left)
			take = w->left;
		keep = sizeof w->body - w->n_body < take ? sizeof w->body - w->n_body : take;
		memcpy(w->body + w->n_body, p, keep);
		w->n_body += keep;
		w->user.emit(w->user.arg, p, take);
		w->left -= (uint32_t)take;
		p += take;
		n -= take;
		end_if_whole(w);
	}
	return true;
}
