/* fs_read.c - read {path, max_bytes?} -> {path, size, text | base64, truncated?}. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "tools/fs.h"
#include "tools/output.h"

enum { MAX_READ_BYTES = 16 << 20, FRAME_BYTES = 512 };

/* At most max bytes; a file may shrink or grow meanwhile. */
static int read_some(struct fs_job *job, struct str path, int fd, size_t max, struct str *ret, struct err *err)
{
	char *p = arena_alloc(job->arena, max + 1);
	size_t n = 0;

	while (n < max) {
		ssize_t got = read(fd, p + n, max - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fs_fail_errno(err, "cannot read", path);
		if (got == 0)
			break;
		n += (size_t)got;
		if (fs_check_running(job, err) < 0)
			return -1;
	}
	p[n] = '\0';
	*ret = (struct str){p, n};
	return 0;
}

/* A cut may have split the last character. */
static struct str trim_split(struct str s)
{
	for (size_t back = 1; back <= 3 && back <= s.n; back++) {
		unsigned char c = (unsigned char)s.p[s.n - back];

		if ((c & 0xc0) == 0x80)
			continue;
		if ((c >= 0xc0 && back < 2) || (c >= 0xe0 && back < 3) || (c >= 0xf0 && back < 4))
			s.n -= back;
		break;
	}
	return s;
}

static bool is_text(struct str s)
{
	return (s.n == 0 || !memchr(s.p, '\0', s.n)) && utf8_valid(s);
}

const struct json *fs_content(const struct fs_job *job, const char *key, struct str name, int64_t size, struct str bytes)
{
	bool cut = size > (int64_t)bytes.n;
	struct arena *a = job->arena;
	struct str text = cut ? trim_split(bytes) : bytes;
	size_t room = job->max_output > FRAME_BYTES + name.n ? (job->max_output - FRAME_BYTES - name.n) / 4 * 3 : 0;
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, key, json_string(a, name));
	json_object_setc(&b, "size", json_int(a, size));
	if (is_text(text)) {
		json_object_setc(&b, "text", json_string_ref(a, text));
	} else {
		if (job->truncate && bytes.n > room) {	/* here, so that what is left can be decoded */
			bytes.n = room;
			cut = true;
		}
		json_object_setc(&b, "base64", json_stringc(a, base64_encode(a, bytes.p, bytes.n)));
	}
	if (cut)
		json_object_setc(&b, "truncated", json_bool(true));
	return json_object_end(&b);
}

int fs_choose_limit(const struct fs_job *job, int64_t size, size_t *ret, struct err *err)
{
	int64_t wanted;

	*ret = job->max_output < MAX_READ_BYTES ? job->max_output : MAX_READ_BYTES;
	if (json_to_int(json_getc(job->args, "max_bytes"), &wanted)) {
		if (wanted < 0)
			return err_set(err, ERR_TOOL_ARGS, "argument \"max_bytes\": expected 0 or more");
		if ((size_t)wanted < *ret)
			*ret = (size_t)wanted;
	} else if (size > (int64_t)*ret && !job->truncate) {
		err_set(err, ERR_TOOL_OUTPUT, "the file has %lld bytes, expected at most %zu (output.max of the tool)",
			(long long)size, *ret);
		return err_hint(err, "max_bytes reads its beginning");
	}
	return 0;
}

/* limit NULL: as fs_choose_limit() says. */
static int get(struct fs_job *job, int root, struct str path, const size_t *limit, int64_t *ret_size, struct str *ret, struct err *err)
{
	size_t max = limit ? *limit : 0;
	struct stat st;
	int fd, rc;

	*ret = STR_NONE;
	if (path.n == 0)
		return err_set(err, ERR_TOOL_ARGS, "argument \"path\": expected the name of a file");
	fd = file_open_beneath(root, str_cstr(job->arena, path), O_RDONLY, 0, err);
	if (fd < 0)
		return fs_fail(err);
	if (fstat(fd, &st) < 0)
		rc = fs_fail_errno(err, "cannot look at", path);
	else
		rc = !limit && fs_choose_limit(job, st.st_size, &max, err) < 0 ? -1 : read_some(job, path, fd, max, ret, err);
	close(fd);
	*ret_size = rc == 0 ? st.st_size : 0;
	return rc;
}

int fs_get(struct fs_job *job, int root, struct str path, size_t max, struct str *ret, struct err *err)
{
	int64_t size;

	if (get(job, root, path, &max, &size, ret, err) < 0)
		return -1;
	if (size > (int64_t)max)
		return err_set(err, ERR_TOOL_FAILED, "\"" STR_FMT "\" has %lld bytes, expected at most %zu", STR_ARG(str_clip(path, 300)),
			       (long long)size, max);
	return 0;
}

int fs_read(struct fs_job *job, int root, struct err *err)
{
	struct str path = json_str(json_getc(job->args, "path")), bytes;
	int64_t size;

	if (get(job, root, path, NULL, &size, &bytes, err) < 0)
		return -1;
	job->value = fs_content(job, "path", path, size, bytes);
	return 0;
}
