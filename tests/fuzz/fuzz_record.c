/* Random records through random small scripts: what the hook makes of each is compared with a model
   that does the same in C. The script is a list of steps, each done for some of the records only;
   both are made from the input. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tests/unit/script_rig.h"

#define STEPS_MOST 24
#define RECORDS_MOST 96
#define HEADERS_MOST 3
#define EMITS_MOST 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes; size -1: null. */
struct bytes {
	const char *p;
	int size;
};

/* What scripts write, as Lua has it and as bytes. */
static const struct {
	const char *lua;
	struct bytes bytes;
} texts[] = {
	{"nil", {NULL, -1}},
	{"''", {"", 0}},
	{"'x'", {"x", 1}},
	{"mirror.null", {NULL, -1}},
	{"'a\\0b'", {"a\0b", 3}},
	{"'\\255\\10'", {"\xff\n", 2}},
	{"('long'):rep(50)", {"longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglong"
			      "longlonglonglonglong"
			      "longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglong"
			      "longlonglonglonglong"
			      "longlonglonglonglonglong",
				     200}},
	{"'value'", {"value", 5}},
};

static const char *const names[] = {"a", "b", "c.d"};

#define TEXTS (sizeof(texts) / sizeof(*texts))
#define NAMES (sizeof(names) / sizeof(*names))

/* One record as the model has it, or one emit. */
struct fields {
	unsigned changes;
	struct bytes key, value;
	double timestamp;
	int partition;
	const char *topic;
	struct {
		const char *name;
		struct bytes value;
	} headers[STEPS_MOST + HEADERS_MOST];
	size_t header_count;
};

enum verdict { KEEP, DROP, DEAD, RETRY, FAILED };

struct model {
	struct fields own, emits[EMITS_MOST];
	size_t emit_count;
	enum verdict verdict;
	int wait;
	const char *reason; /* NULL: none */
	bool is_over;	    /* returned or failed */
};

struct step {
	uint8_t op, arg, guard;
};

/* --- the steps: each writes its Lua, and does the same to the model --- */

static void
set_key(struct model *m, struct bytes v)
{
	m->own.key = v;
	m->own.changes |= SCRIPT_CHANGED_KEY;
}

static void
set_value(struct model *m, struct bytes v)
{
	m->own.value = v;
	m->own.changes |= SCRIPT_CHANGED_VALUE;
}

static void
do_key(struct model *m, uint8_t arg)
{
	set_key(m, texts[arg % TEXTS].bytes);
}

static void
do_value(struct model *m, uint8_t arg)
{
	set_value(m, texts[arg % TEXTS].bytes);
}

static void
do_swap(struct model *m, uint8_t arg)
{
	struct bytes key = m->own.key;

	(void)arg;
	set_key(m, m->own.value);
	set_value(m, key);
}

static void
do_timestamp(struct model *m, uint8_t arg)
{
	m->own.timestamp = arg == 0 ? -1 : arg * 1e9;
	m->own.changes |= SCRIPT_CHANGED_TIMESTAMP;
}

static void
do_partition(struct model *m, uint8_t arg)
{
	m->own.partition = arg == 0 ? -1 : arg;
	m->own.changes |= SCRIPT_CHANGED_PARTITION;
}

static void
do_topic(struct model *m, uint8_t arg)
{
	m->own.topic = names[arg % NAMES];
	m->own.changes |= SCRIPT_CHANGED_TOPIC;
}

static void
add_header(struct fields *f, const char *name, struct bytes value)
{
	f->headers[f->header_count].name = name;
	f->headers[f->header_count++].value = value;
	f->changes |= SCRIPT_CHANGED_HEADERS;
}

static void
do_add(struct model *m, uint8_t arg)
{
	add_header(&m->own, names[arg % NAMES], texts[arg / NAMES % TEXTS].bytes);
}

/* Returns where the first was, count when there was none. */
static size_t
remove_headers(struct fields *f, const char *name, size_t from)
{
	size_t kept = from, first = f->header_count;

	for (size_t i = from; i < f->header_count; i++) {
		if (strcmp(f->headers[i].name, name) != 0)
			f->headers[kept++] = f->headers[i];
		else if (first == f->header_count)
			first = i;
	}
	if (kept < f->header_count)
		f->changes |= SCRIPT_CHANGED_HEADERS;
	f->header_count = kept;
	return first;
}

static void
do_remove(struct model *m, uint8_t arg)
{
	remove_headers(&m->own, names[arg % NAMES], 0);
}

static void
do_set(struct model *m, uint8_t arg)
{
	const char *name = names[arg % NAMES];
	struct bytes value = texts[arg / NAMES % TEXTS].bytes;
	struct fields *f = &m->own;

	for (size_t i = 0; i < f->header_count; i++) {
		if (strcmp(f->headers[i].name, name) != 0)
			continue;
		f->headers[i].value = value;
		remove_headers(f, name, i + 1);
		f->changes |= SCRIPT_CHANGED_HEADERS;
		return;
	}
	add_header(f, name, value);
}

/* The last a, or null, once more as b. */
static void
do_copy(struct model *m, uint8_t arg)
{
	struct bytes found = {NULL, -1};

	(void)arg;
	for (size_t i = 0; i < m->own.header_count; i++)
		if (!strcmp(m->own.headers[i].name, "a"))
			found = m->own.headers[i].value;
	add_header(&m->own, "b", found);
}

static struct fields *
new_emit(struct model *m)
{
	if (m->emit_count == EMITS_MOST) {
		m->verdict = FAILED;
		m->is_over = true;
		return NULL;
	}
	m->emits[m->emit_count] = (struct fields){.partition = -1};
	return &m->emits[m->emit_count++];
}

static void
do_emit(struct model *m, uint8_t arg)
{
	struct fields *e = new_emit(m);
	struct bytes text = texts[arg / NAMES % TEXTS].bytes;

	if (!e)
		return;
	e->topic = names[arg % NAMES];
	e->changes = SCRIPT_CHANGED_TOPIC;
	/* nil in a table is nothing. */
	if (arg / NAMES % TEXTS == 0)
		return;
	e->key = text;
	e->changes |= SCRIPT_CHANGED_KEY;
	add_header(e, names[arg % NAMES], text);
}

static void
do_emit_value(struct model *m, uint8_t arg)
{
	struct fields *e = new_emit(m);

	if (!e)
		return;
	e->value = m->own.key;
	e->changes = m->own.key.size >= 0 ? SCRIPT_CHANGED_VALUE : 0;
	e->partition = arg;
	e->timestamp = arg;
	e->changes |= SCRIPT_CHANGED_PARTITION | SCRIPT_CHANGED_TIMESTAMP;
}

static void
do_drop(struct model *m, uint8_t arg)
{
	m->verdict = DROP;
	m->reason = arg % 2 ? names[arg % NAMES] : NULL;
}

static void
do_dead(struct model *m, uint8_t arg)
{
	m->verdict = DEAD;
	m->reason = names[arg % NAMES];
}

static void
do_retry(struct model *m, uint8_t arg)
{
	m->verdict = RETRY;
	m->wait = arg + 1;
}

static void
do_error(struct model *m, uint8_t arg)
{
	(void)arg;
	m->verdict = FAILED;
	m->is_over = true;
}

static void
do_return_false(struct model *m, uint8_t arg)
{
	(void)arg;
	if (m->verdict == KEEP)
		m->verdict = DROP;
	m->is_over = true;
}

static void
do_return_true(struct model *m, uint8_t arg)
{
	(void)arg, (void)m;
	m->is_over = true;
}

static void
do_nothing(struct model *m, uint8_t arg)
{
	(void)arg, (void)m;
}

/* %t a text, %n a name (both of arg), %d arg, %e arg + 1, %o arg or nil for 0 */
static const struct {
	const char *lua;
	void (*run)(struct model *m, uint8_t arg);
} ops[] = {
	{"r.key = %T", do_key},
	{"r.value = %T", do_value},
	{"r.key, r.value = r.value, r.key", do_swap},
	{"r.timestamp = %o and %o * 1e9", do_timestamp},
	{"r.partition = %o", do_partition},
	{"r.topic = '%n'", do_topic},
	{"r.topic = mirror.topic '%n'", do_topic},
	{"h:add('%n', %t)", do_add},
	{"h:remove '%n'", do_remove},
	{"h:set('%n', %t)", do_set},
	{"h:add('b', (h:get 'a'))", do_copy},
	{"r:emit { topic = '%n', key = %t, headers = %t ~= nil and { { '%n', %t } } or nil }",
		do_emit},
	{"r:emit { value = r.key, partition = %d, timestamp = %d }", do_emit_value},
	{"r:drop(%d % 2 == 1 and '%n' or nil)", do_drop},
	{"r:dead_letter '%n'", do_dead},
	{"r:retry(%e)", do_retry},
	{"error 'on purpose'", do_error},
	{"r.key = 5", do_error},
	{"r.topic = 'not a name'", do_error},
	{"r:emit { key = 'x', headers = { { '%n', 5 } } }", do_error},
	{"do return 5 end", do_error},
	{"do return false end", do_return_false},
	{"do return true end", do_return_true},
	{"local n = 0 for name, value in h:each() do n = n + #name end "
	 "for i = 1, h:count() do n = n + i end",
		do_nothing},
	{"local s = (r.key or '') .. (r.value or '') .. r.source_topic .. r.offset", do_nothing},
	{"local x = r:key_has_prefix 'a' or r:value_contains 'lon' or r:key_equals 'x'",
		do_nothing},
	{"local t = {} for k, v in pairs { a = 1, b = 2 } do t[v] = k .. r.offset end", do_nothing},
};

#define OPS (sizeof(ops) / sizeof(*ops))

static bool
is_for(const struct step *step, size_t i)
{
	return i % (size_t)(step->guard % 4 + 1) == 0;
}

static void
write_step(struct text *out, const struct step *step)
{
	uint8_t arg = step->arg;

	text_printf(out, "if r.offset %% %d == 0 then ", step->guard % 4 + 1);
	for (const char *p = ops[step->op % OPS].lua; *p; p++) {
		if (*p != '%' || p[1] == ' ') {
			text_putc(out, *p);
			continue;
		}
		switch (*++p) {
		case 'T': text_puts(out, texts[arg % TEXTS].lua); break;
		case 't': text_puts(out, texts[arg / NAMES % TEXTS].lua); break;
		case 'n': text_puts(out, names[arg % NAMES]); break;
		case 'd': text_printf(out, "%d", arg); break;
		case 'e': text_printf(out, "%d", arg + 1); break;
		case 'o': text_printf(out, arg ? "%d" : "nil", arg); break;
		default: abort();
		}
	}
	text_puts(out, " end\n");
}

/* --- the comparison --- */

static void
print_fields(struct text *out, const struct fields *f)
{
	if (f->changes & SCRIPT_CHANGED_KEY) {
		text_puts(out, " key=");
		rig_add_bytes(out, f->key.p, f->key.size);
	}
	if (f->changes & SCRIPT_CHANGED_VALUE) {
		text_puts(out, " value=");
		rig_add_bytes(out, f->value.p, f->value.size);
	}
	if (f->changes & SCRIPT_CHANGED_TIMESTAMP)
		text_printf(out, " timestamp=%.17g", f->timestamp);
	if (f->changes & SCRIPT_CHANGED_HEADERS) {
		text_puts(out, " headers=[");
		for (size_t i = 0; i < f->header_count; i++) {
			text_printf(out, "%s%s=", i ? " " : "", f->headers[i].name);
			rig_add_bytes(out, f->headers[i].value.p, f->headers[i].value.size);
		}
		text_putc(out, ']');
	}
	if (f->changes & SCRIPT_CHANGED_TOPIC)
		text_printf(out, " topic=%s", f->topic);
	if (f->changes & SCRIPT_CHANGED_PARTITION)
		text_printf(out, " partition=%d", f->partition);
}

static void
print_model(struct text *out, const struct model *m)
{
	static const char *const words[] = {"keep", "drop", "dead", "retry", "failed"};

	text_puts(out, words[m->verdict]);
	if (m->verdict == FAILED)
		return;
	if (m->verdict == RETRY)
		text_printf(out, " %d", m->wait);
	if (m->reason && m->verdict != KEEP)
		text_printf(out, "(%s)", m->reason);
	if (m->verdict == RETRY)
		return;
	print_fields(out, &m->own);
	for (size_t i = 0; i < m->emit_count; i++) {
		text_puts(out, " +");
		print_fields(out, &m->emits[i]);
	}
}

static void
model_run(struct model *m, const struct rig_record *r, const struct step *steps, size_t count)
{
	*m = (struct model){.own = {.key = {r->key, r->key_size},
				    .value = {r->value, r->value_size},
				    .timestamp = (double)r->timestamp,
				    .partition = -1}};
	for (size_t i = 0; i < r->header_count; i++)
		add_header(&m->own, r->headers[i].name,
			(struct bytes){r->headers[i].value, r->headers[i].size});
	m->own.changes = 0;
	for (size_t i = 0; i < count && !m->is_over; i++)
		if (is_for(&steps[i], (size_t)r->offset))
			ops[steps[i].op % OPS].run(m, steps[i].arg);
}

static void
compare(struct rig *rig, const char *script, const struct step *steps, size_t step_count,
	size_t count, bool stops)
{
	size_t done = 0;

	for (size_t i = 0; i < count && done == i; i++) {
		static struct model m;
		struct text expected = {0};
		const char *outcome = rig_outcome(rig, i);

		model_run(&m, &rig->records[i], steps, step_count);
		print_model(&expected, &m);
		if (m.verdict == FAILED ? strncmp(outcome, "failed(s.lua:", 13) != 0
					: strcmp(outcome, expected.s) != 0) {
			fprintf(stderr, "%s\nrecord %zu\n  gives   %s\n  and not %s\n", script, i,
				outcome, expected.s);
			abort();
		}
		text_fini(&expected);
		done = i + 1;
		if (m.verdict == RETRY || (m.verdict == FAILED && stops))
			break;
	}
	if (rig->batch->_done != (int)done) {
		fprintf(stderr, "%s\nends after %d records, not %zu\n", script,
			(int)rig->batch->_done, done);
		abort();
	}
}

/* Bytes of the input, and when it is at its end, what follows from it: short inputs make long
 * scripts too. */
struct input {
	const uint8_t *at, *end;
	uint32_t random;
};

static uint8_t
next_byte(struct input *in)
{
	if (in->at < in->end)
		in->random = in->random * 31 + *in->at + 1;
	in->random ^= in->random << 13;
	in->random ^= in->random >> 17;
	in->random ^= in->random << 5;
	return in->at < in->end ? *in->at++ : (uint8_t)(in->random >> 11);
}

static struct bytes
next_text(struct input *in)
{
	uint8_t kind = next_byte(in);
	struct bytes text = {(const char *)in->at, kind % 32};

	if (kind % 8 == 7)
		return (struct bytes){NULL, -1};
	if (text.size > in->end - in->at)
		text.size = (int)(in->end - in->at);
	in->at += text.size;
	return text.size ? text : (struct bytes){"", 0};
}

static void
next_record(struct input *in, struct rig_record *r, struct rig_header *headers, size_t i)
{
	struct bytes key = next_text(in), value = next_text(in);

	*r = (struct rig_record){key.p, value.p, key.size, value.size, headers,
		next_byte(in) % (HEADERS_MOST + 1), (int64_t)i, next_byte(in) - 1,
		next_byte(in) % 3};
	for (size_t h = 0; h < r->header_count; h++) {
		struct bytes text = next_text(in);

		headers[h] = (struct rig_header){names[next_byte(in) % NAMES], text.p, text.size};
	}
}

static struct rig rig;

static void
end(void)
{
	rig_fini(&rig);
}

static void
prepend(struct text *text, const char *head)
{
	char *tail = text_take(text);

	text_puts(text, head);
	text_puts(text, tail);
	free(tail);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rig_record records[RECORDS_MOST];
	static struct rig_header headers[RECORDS_MOST][HEADERS_MOST];
	struct step steps[STEPS_MOST];
	struct input in = {data, data + size, 88172645};
	uint8_t mode = next_byte(&in);
	size_t step_count = next_byte(&in) % (STEPS_MOST + 1),
	       count = next_byte(&in) % RECORDS_MOST + 1;
	struct text script = {0};

	if (!rig.world) {
		rig_init(&rig);
		rig_set(&rig, "emit.limit", "4");
		atexit(end);
	}
	rig_set(&rig, "jit", mode & 1 ? "off" : "on");
	rig_set(&rig, "on.error", mode & 2 ? "pause" : "drop");
	text_puts(&script, "return { api = 1, record = function(r)\nlocal h = r.headers\n");
	for (size_t i = 0; i < step_count; i++) {
		steps[i] = (struct step){next_byte(&in), next_byte(&in), next_byte(&in)};
		write_step(&script, &steps[i]);
	}
	text_puts(&script, "end }\n");
	/* The library is most of the work of loading. */
	if (strstr(script.s, "mirror."))
		prepend(&script, "local mirror = require 'mirror' ");
	for (size_t i = 0; i < count; i++)
		next_record(&in, &records[i], headers[i], i);
	if (!rig_load(&rig, script.s)) {
		fprintf(stderr, "%s\n%s\n", script.s, rig.err.text);
		abort();
	}
	/* More than once: loops are compiled, and what one batch leaves must not show in the next.
	 */
	for (int run = 0; run < 3; run++) {
		rig_run(&rig, records, count);
		compare(&rig, script.s, steps, step_count, count, mode & 2);
	}
	script_free(&rig.script);
	text_fini(&script);
	return 0;
}
