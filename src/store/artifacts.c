/* artifacts.c - see artifacts.h. */
#include "store/artifacts.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "store/call.h"
#include "store/tasks.h"

static const struct stmt chunk_stmt = {"file_chunk", "SELECT agentd.file_chunk($1, $2, $3, $4)"};
static const struct stmt end_stmt = {"file_end", "SELECT agentd.file_end($1, $2, $3, $4)"};
static const struct stmt read_stmt = {"file_read", "SELECT agentd.file_read($1, $2)"};
static const struct stmt files_discard_stmt = {"files_discard", "SELECT agentd.files_discard($1, $2)"};
static const struct stmt attach_stmt = {"artifacts_attach", "SELECT agentd.artifacts_attach($1, $2, $3, $4, $5, $6)"};
static const struct stmt discard_stmt = {"artifacts_discard", "SELECT agentd.artifacts_discard($1)"};
static const struct stmt may_come_stmt = {"artifact_may_come", "SELECT agentd.artifact_may_come($1, $2, $3)"};
static const struct stmt upload_stmt = {"artifact_upload", "SELECT agentd.artifact_upload($1, $2, $3, $4, $5, $6, $7, $8)"};
static const struct stmt write_stmt = {"artifact_write", "SELECT agentd.artifact_write($1, $2, $3, $4, $5, $6, $7, $8, $9)"};
static const struct stmt list_stmt = {"artifact_list", "SELECT agentd.artifact_list($1, $2, $3)"};
static const struct stmt find_stmt = {
	"artifact_find", "SELECT id, name, size_bytes, digest, media_type, file FROM agentd.artifact_find($1, $2, $3, $4, $5)"};

static struct str type_of(const struct artifact_new *n)
{
	return n->media_type.p ? n->media_type : STR("application/octet-stream");
}

/* --- pieces --- */

static int read_nothing(struct call *c, const PGresult *r, struct err *err)
{
	(void)c;
	(void)r;
	(void)err;
	return 0;
}

struct op *files_chunk(struct store *s, struct arena *a, const struct uuid *file, int nr, struct str bytes, const struct json *limits,
		      int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &chunk_stmt);

	params_uuid(&c->params, file);
	params_int(&c->params, nr);
	params_bytes(&c->params, bytes);
	params_json(&c->params, limits);
	return call_start(c, deadline_ms, read_nothing, done, arg);
}

static int read_file(struct call *c, const PGresult *r, struct err *err)
{
	struct uuid *file = ARENA_NEW(c->op.arena, struct uuid);

	if (PQntuples(r) != 1)
		return err_set(err, ERR_PG, "file_end: %d answers", PQntuples(r));
	*file = field_uuid(r, 0, 0);
	c->result = file;
	return 0;
}

struct op *files_end(struct store *s, struct arena *a, const struct uuid *file, const struct digest *digest, int64_t size,
		    const struct json *limits, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &end_stmt);

	params_uuid(&c->params, file);
	params_digest(&c->params, digest);
	params_int(&c->params, size);
	params_json(&c->params, limits);
	return call_start(c, deadline_ms, read_file, done, arg);
}

struct uuid files_ended_of(const struct op *op)
{
	return *(const struct uuid *)((const struct call *)op)->result;
}

static int read_bytes(struct call *c, const PGresult *r, struct err *err)
{
	struct str *bytes = ARENA_NEW(c->op.arena, struct str);

	c->result = bytes;
	if (PQntuples(r) != 1 || !field_bytes(c->op.arena, r, 0, 0, bytes))
		return err_set(err, ERR_PG, "file_read: expected bytes");
	return 0;
}

struct op *files_read(struct store *s, struct arena *a, const struct uuid *file, int nr, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &read_stmt);

	params_uuid(&c->params, file);
	params_int(&c->params, nr);
	return call_start(c, deadline_ms, read_bytes, done, arg);
}

struct str files_bytes_of(const struct op *op)
{
	return *(const struct str *)((const struct call *)op)->result;
}

/* --- names --- */

struct op *artifacts_attach(struct store *s, struct arena *a, const struct uuid *task, const struct artifact_new *v, size_t n,
			    const struct json *limits, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &attach_stmt);
	struct array id, name, type, file;

	array_begin(&id, a, ARRAY_UUID);
	array_begin(&name, a, ARRAY_TEXT);
	array_begin(&type, a, ARRAY_TEXT);
	array_begin(&file, a, ARRAY_UUID);
	for (size_t i = 0; i < n; i++) {
		array_uuid(&id, &v[i].id);
		array_text(&name, v[i].name);
		array_text(&type, type_of(&v[i]));
		array_uuid(&file, &v[i].file);
	}
	params_uuid(&c->params, task);
	params_array(&c->params, &id);
	params_array(&c->params, &name);
	params_array(&c->params, &type);
	params_array(&c->params, &file);
	params_json(&c->params, limits);
	return call_start(c, deadline_ms, read_nothing, done, arg);
}

/* What is not taken away here the sweeper finds. */
static void on_discarded(struct op *op, void *arg)
{
	(void)op;
	(void)arg;
}

void artifacts_discard(struct store *s, const struct uuid *task)
{
	struct call *c = call_new(s, arena_new(NULL), &discard_stmt);

	params_uuid(&c->params, task);
	call_start(c, 0, read_nothing, on_discarded, NULL);
}

void files_discard(struct store *s, const struct file_sent *v, size_t n)
{
	struct call *c = call_new(s, arena_new(NULL), &files_discard_stmt);
	struct array files, ages;

	array_begin(&files, c->op.arena, ARRAY_UUID);
	array_begin(&ages, c->op.arena, ARRAY_INT8);
	for (size_t i = 0; i < n; i++) {
		array_uuid(&files, &v[i].file);
		if (v[i].whole_ms < 0)
			array_null(&ages);
		else
			array_int8(&ages, v[i].whole_ms);
	}
	params_array(&c->params, &files);
	params_array(&c->params, &ages);
	call_start(c, 0, read_nothing, on_discarded, NULL);
}

struct op *artifacts_may_come(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by, int64_t deadline_ms,
			      op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &may_come_stmt);

	params_uuid(&c->params, task);
	params_principal(&c->params, by);
	return call_start(c, deadline_ms, read_nothing, done, arg);
}

static void add_new(struct call *c, const struct artifact_new *n)
{
	params_uuid(&c->params, &n->id);
	params_text(&c->params, n->name);
	params_text(&c->params, type_of(n));
	params_uuid(&c->params, &n->file);
}

struct op *artifacts_upload(struct store *s, struct arena *a, const struct uuid *task, const struct artifact_new *n, const struct json *limits,
			    const struct principal *by, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &upload_stmt);

	params_uuid(&c->params, task);
	add_new(c, n);
	params_json(&c->params, limits);
	params_principal(&c->params, by);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}

struct op *artifacts_write(struct store *s, struct arena *a, const struct artifact_maker *m, const struct artifact_new *n,
			   const struct json *limits, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &write_stmt);

	params_uuid(&c->params, &m->task);
	params_int(&c->params, m->fence);
	add_new(c, n);
	params_text(&c->params, m->step);
	params_digest(&c->params, &m->effect_key);
	params_json(&c->params, limits);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}

struct op *artifacts_list(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by, int64_t deadline_ms,
			  op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &list_stmt);

	params_uuid(&c->params, task);
	params_principal(&c->params, by);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}

struct str artifacts_text_of(const struct op *op)
{
	return call_text_of(op);
}

static int read_found(struct call *c, const PGresult *r, struct err *err)
{
	struct artifact_found *f = ARENA_NEW(c->op.arena, struct artifact_found);

	if (PQntuples(r) != 1 || !field_digest(r, 0, 3, &f->digest))
		return err_set(err, ERR_PG, "artifact_find: %d answers", PQntuples(r));
	f->id = field_uuid(r, 0, 0);
	f->name = field_str(r, 0, 1);
	f->size = field_int(r, 0, 2);
	f->media_type = field_str(r, 0, 4);
	f->file = field_uuid(r, 0, 5);
	c->result = f;
	return 0;
}

struct op *artifacts_find(struct store *s, struct arena *a, const struct uuid *id, const struct uuid *task, struct str name,
			  const struct principal *by, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	static const struct uuid none;
	struct call *c = call_new(s, a, &find_stmt);

	params_uuid(&c->params, id ? id : &none);
	params_uuid(&c->params, id ? &none : task);
	params_text(&c->params, id ? STR_NONE : name);
	params_principal(&c->params, by);
	return call_start(c, deadline_ms, read_found, done, arg);
}

const struct artifact_found *artifacts_found_of(const struct op *op)
{
	return ((const struct call *)op)->result;
}
