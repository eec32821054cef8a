/* metric.c - see metric.h. A series is found by its label values, and its text is written once. */
#include "base/metric.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"

enum { MAX_SERIES = 400, CELLS = 1024, MAX_LABEL = 100 };

struct series {
	struct str labels;	/* as shown */
	struct str key;
	int64_t value[METRIC_MAX_VALUES];
	int64_t told[METRIC_MAX_VALUES];	/* in reports that were taken */
	int64_t telling[METRIC_MAX_VALUES];	/* as metric_news() last saw it */
};

struct family {
	struct series **cells;	/* open addressing, less than half full; NULL: nothing was counted */
	size_t n;
};

static const struct metric_family families[] = {
#define METRIC(symbol, name, type, scope, unit, labels, help) {name, METRIC_##type, METRIC_##scope, METRIC_##unit, labels, help},
#include "base/metric.def"
#undef METRIC
};

/* Upper bounds of buckets, ascending. */
static const int64_t bounds_ms[] = {1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 60000};
static const int64_t bounds_tokens[] = {1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864};
enum { N_BOUNDS = sizeof bounds_ms / sizeof bounds_ms[0] };
_Static_assert(sizeof bounds_tokens == sizeof bounds_ms, "all histograms have as many buckets");
_Static_assert(N_BOUNDS + 2 <= METRIC_MAX_VALUES, "buckets, the one without bound, the sum");

static struct family kept[METRICS];
static struct arena *memory;

const struct metric_family *metric_family(enum metric m)
{
	return &families[m];
}

enum metric metric_by_name(struct str name)
{
	for (int m = 0; m < METRICS; m++)
		if (str_is(name, families[m].name))
			return (enum metric)m;
	return METRICS;
}

size_t metric_values(enum metric m)
{
	return families[m].type == METRIC_HISTOGRAM ? N_BOUNDS + 2 : 1;
}

static const int64_t *bounds_of(enum metric m)
{
	return families[m].unit == METRIC_TOKENS ? bounds_tokens : bounds_ms;
}

/* --- series --- */

void metric_write_label(struct buf *out, const char *name, struct str value)
{
	struct str v = str_clip(str_sub(value, 0, utf8_prefix(value)), MAX_LABEL);

	buf_addf(out, "%s=\"", name);
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '\n') {
			buf_adds(out, "\\n");
			continue;
		}
		if (v.p[i] == '"' || v.p[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, v.p[i]);
	}
	buf_addc(out, '"');
}

static struct str labels_text(struct arena *a, enum metric m, const struct str *values)
{
	struct str rest = str_from(families[m].labels);
	struct buf b;
	char name[64];

	buf_init(&b, a);
	for (size_t i = 0; rest.n; i++) {
		ptrdiff_t comma = str_chr(rest, ',');
		struct str one = comma < 0 ? rest : str_sub(rest, 0, (size_t)comma);

		snprintf(name, sizeof name, "%s" STR_FMT, i ? "," : "", STR_ARG(one));
		metric_write_label(&b, name, values ? values[i] : STR("other"));
		rest = comma < 0 ? STR_NONE : str_sub(rest, (size_t)comma + 1, rest.n);
	}
	return buf_str(&b);
}

/* The values behind one another, each ended by a NUL: what a series is found by, without writing its text. */
struct key {
	size_t n;
	char bytes[METRIC_MAX_LABELS * (MAX_LABEL + 1)];
};

static void key_make(struct key *k, enum metric m, const struct str *values)
{
	size_t labels = *families[m].labels ? 1 : 0;

	for (const char *p = families[m].labels; *p; p++)
		labels += *p == ',';
	k->n = 0;
	for (size_t i = 0; i < labels; i++) {
		size_t n = values[i].n < MAX_LABEL ? values[i].n : MAX_LABEL;

		if (n)
			memcpy(k->bytes + k->n, values[i].p, n);
		k->n += n;
		k->bytes[k->n++] = '\0';
	}
}

/* FNV-1a */
static uint64_t hash(struct str s)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 1099511628211u;
	return h;
}

static struct series **cell_of(const struct family *f, struct str key)
{
	size_t i = (size_t)hash(key) % CELLS;

	while (f->cells[i] && !str_eq(f->cells[i]->key, key))
		i = (i + 1) % CELLS;
	return &f->cells[i];
}

/* Values that differ only in what is not shown are one series. */
static struct series *series_shown(const struct family *f, struct str labels)
{
	for (size_t i = 0; i < CELLS; i++)
		if (f->cells[i] && str_eq(f->cells[i]->labels, labels))
			return f->cells[i];
	return NULL;
}

static struct series *series_make(enum metric m, const struct str *values, struct str key)
{
	struct arena *scratch = arena_new(NULL);
	struct family *f = &kept[m];
	struct str labels = labels_text(scratch, m, f->n < MAX_SERIES ? values : NULL);
	struct series *s = series_shown(f, labels);

	if (!s) {
		s = ARENA_NEW(memory, struct series);
		s->labels = str_dup(memory, labels);
		s->key = str_dup(memory, key);
		*cell_of(f, key) = s;
		f->n++;		/* one more than MAX_SERIES: "other" */
	}
	arena_free(scratch);
	return s;
}

static struct series *series_of(enum metric m, const struct str *values)
{
	struct family *f = &kept[m];
	struct key k;
	struct str key;
	struct series *s;

	if (!memory)
		memory = arena_new(NULL);
	if (!f->cells)
		f->cells = ARENA_ARRAY(memory, CELLS, struct series *);
	key_make(&k, m, values);
	key = (struct str){k.bytes, k.n};
	s = *cell_of(f, key);
	return s ? s : series_make(m, values, key);
}

static void grow(int64_t *v, int64_t n)
{
	if (__builtin_add_overflow(*v, n, v))
		*v = INT64_MAX;
}

void metric_add_labels(enum metric m, const struct str *labels, int64_t n)
{
	struct series *s = series_of(m, labels);
	const int64_t *bounds = bounds_of(m);
	size_t i = 0;

	if (n < 0)
		n = 0;
	if (families[m].type != METRIC_HISTOGRAM) {
		grow(&s->value[0], n);
		return;
	}
	while (i < N_BOUNDS && n > bounds[i])
		i++;
	grow(&s->value[i], 1);
	grow(&s->value[N_BOUNDS + 1], n);
}

void metric_set_labels(enum metric m, const struct str *labels, int64_t value)
{
	series_of(m, labels)->value[0] = value;
}

void metric_each(enum metric m, metric_each_fn *fn, void *arg)
{
	for (size_t i = 0; kept[m].cells && i < CELLS; i++)
		if (kept[m].cells[i])
			fn(arg, kept[m].cells[i]->labels, kept[m].cells[i]->value);
}

/* --- news --- */

static void tell(enum metric m, struct series *s, metric_news_fn *fn, void *arg)
{
	int64_t news[METRIC_MAX_VALUES] = {0};
	bool any = false;

	memcpy(s->telling, s->value, sizeof s->telling);
	for (size_t i = 0; i < metric_values(m); i++) {
		any |= s->value[i] != s->told[i];
		news[i] = families[m].type == METRIC_GAUGE ? s->value[i] : s->value[i] - s->told[i];
	}
	if (any)
		fn(arg, m, s->labels, news);
}

void metric_news(metric_news_fn *fn, void *arg)
{
	for (int m = 0; m < METRICS; m++)
		for (size_t i = 0; families[m].scope == METRIC_SHARED && kept[m].cells && i < CELLS; i++)
			if (kept[m].cells[i])
				tell((enum metric)m, kept[m].cells[i], fn, arg);
}

void metric_news_taken(bool ok)
{
	for (int m = 0; ok && m < METRICS; m++)
		for (size_t i = 0; families[m].scope == METRIC_SHARED && kept[m].cells && i < CELLS; i++)
			if (kept[m].cells[i])
				memcpy(kept[m].cells[i]->told, kept[m].cells[i]->telling, sizeof kept[m].cells[i]->told);
}

/* --- text --- */

void metric_write_head(struct buf *out, enum metric m)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};

	buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", families[m].name, families[m].help, families[m].name, types[families[m].type]);
}

static int scale_of(enum metric m)
{
	return families[m].unit == METRIC_MS ? 3 : families[m].unit == METRIC_PUSD ? 12 : 0;
}

/* digits, the last scale of them behind a point. */
static void add_scaled(struct buf *out, struct str digits, int scale)
{
	size_t n = (size_t)scale, zeros = digits.n <= n ? n - digits.n + 1 : 0, whole = digits.n + zeros - n;
	struct buf b;
	struct arena *a = arena_new(NULL);
	struct str all;

	buf_init(&b, a);
	for (size_t i = 0; i < zeros; i++)
		buf_addc(&b, '0');
	buf_addstr(&b, digits);
	all = buf_str(&b);
	while (all.n > whole && all.p[all.n - 1] == '0')
		all.n--;
	buf_addstr(out, str_sub(all, 0, whole));
	if (all.n > whole) {
		buf_addc(out, '.');
		buf_addstr(out, str_sub(all, whole, all.n));
	}
	arena_free(a);
}

static void line(struct buf *out, enum metric m, const char *suffix, struct str labels, const char *le, struct str digits, int scale)
{
	buf_addf(out, "%s%s", families[m].name, suffix);
	if (labels.n || le)
		buf_addf(out, "{" STR_FMT "%s%s%s%s}", STR_ARG(labels), labels.n && le ? "," : "", le ? "le=\"" : "", le ? le : "",
			 le ? "\"" : "");
	buf_addc(out, ' ');
	add_scaled(out, digits, scale);
	buf_addc(out, '\n');
}

static void write_histogram(struct buf *out, enum metric m, struct str labels, const struct str *values)
{
	const int64_t *bounds = bounds_of(m);
	int64_t sum = 0;
	char le[32], digits[32];

	for (size_t i = 0; i <= N_BOUNDS; i++) {
		grow(&sum, strtoll(values[i].p, NULL, 10));
		if (i == N_BOUNDS)
			snprintf(le, sizeof le, "+Inf");
		else if (scale_of(m))
			snprintf(le, sizeof le, "%g", (double)bounds[i] / 1000);
		else
			snprintf(le, sizeof le, "%" PRId64, bounds[i]);
		snprintf(digits, sizeof digits, "%" PRId64, sum);
		line(out, m, "_bucket", labels, le, str_from(digits), 0);
	}
	line(out, m, "_sum", labels, NULL, values[N_BOUNDS + 1], scale_of(m));
	line(out, m, "_count", labels, NULL, str_from(digits), 0);
}

void metric_write(struct buf *out, enum metric m, struct str labels, const struct str *values)
{
	if (families[m].type == METRIC_HISTOGRAM)
		write_histogram(out, m, labels, values);
	else
		line(out, m, "", labels, NULL, values[0], scale_of(m));
}

struct writing {
	struct buf *out;
	enum metric m;
};

static void write_series(void *arg, struct str labels, const int64_t *values)
{
	struct writing *w = arg;
	char digits[METRIC_MAX_VALUES][24];
	struct str v[METRIC_MAX_VALUES];

	for (size_t i = 0; i < METRIC_MAX_VALUES; i++) {
		snprintf(digits[i], sizeof digits[i], "%" PRId64, values[i]);
		v[i] = str_from(digits[i]);
	}
	metric_write(w->out, w->m, labels, v);
}

void metric_write_local(struct buf *out, enum metric m)
{
	struct writing w = {.out = out, .m = m};

	if (!kept[m].n)
		return;
	metric_write_head(out, m);
	metric_each(m, write_series, &w);
}
