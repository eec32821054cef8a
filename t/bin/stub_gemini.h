/* stub_gemini.h - the stub as Google's Gemini API: generateContent, streamed or not, and embeddings.
 *
 * Shapes:  an answer is responses, each with new parts. Streamed they are events (alt=sse) or the items of one array;
 *          otherwise one document holds all parts.
 * Units:   tokens.
 * Memory:  the connection's arena.
 * Errors:  gemini_strict() says what is wrong with a question, in Google's words where it has some.
 * Source:  Google's API reference, models.generateContent, models.embedContent; Google's own client (t/0310-google-client.t).
 */
#ifndef T_BIN_STUB_GEMINI_H
#define T_BIN_STUB_GEMINI_H

#include "t/bin/stub_stream.h"

struct json;

enum gemini_form { GEMINI_EVENTS, GEMINI_ARRAY, GEMINI_DOCUMENT };

struct gemini_stream {
	struct stream s;		/* first: voices cast */
	enum gemini_form form;
	const char *interim;		/* usage before the end; NULL: none is told */
	bool sent;			/* the document */
	struct buf gathered;		/* of an array: responses; of a document: parts */
};

/* One response. parts: JSON of them, divided by commas; NULL: no candidate. finish, usage, more (",KEY:VALUE"): NULL or "": none. */
void gemini_send(struct gemini_stream *g, const char *parts, const char *finish, const char *usage, const char *more);
void gemini_send_raw(struct gemini_stream *g, const char *response);	/* as it stands there */
void gemini_begin(struct gemini_stream *g);
void gemini_end(struct gemini_stream *g);
const char *gemini_text_part(struct arena *a, struct str text, const char *more);	/* {"text":TEXT MORE} */

/* details: JSON array, or NULL. */
void gemini_error(struct connection *c, int status, const char *word, const char *message, const char *details);
bool gemini_refuse(struct connection *c, const char *name);	/* stub_gemini_refusals.c; false: no such name */
bool gemini_play(struct gemini_stream *g, const struct question *q, const char *name);	/* stub_gemini_faults.c */
void gemini_play_script(struct gemini_stream *g, const struct question *q);
void gemini_play_signed(struct gemini_stream *g, const struct question *q);

/* A request that came in good order: the key, the type, JSON, what check() says. NULL: it was refused. *model: of the path. */
const struct json *gemini_read(struct connection *c, const struct stub_request *r,
			       const char *(*check)(struct arena *a, const struct json *v), const char **model);
/* Google takes a key as camelCase or as snake_case; name is the former. */
bool gemini_is_key(struct str key, const char *name);
const struct json *gemini_get(const struct json *obj, const char *name);
const char *gemini_strict(struct arena *a, const struct json *v);	/* NULL: nothing is wrong */
const char *gemini_fault(const char *model);	/* behind "stub/", wherever that stands; "": no fault */

#endif
