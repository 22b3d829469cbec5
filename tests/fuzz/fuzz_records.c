/* Any bytes as the records of reflejo test --records, run through a script that looks at all of a
   record and says of itself what it has seen: every line is refused with its number, or its outcome
   stands there. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "script/tester.h"
#include "tests/unit/script_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What it does depends on the key's first letter. */
static const char script[] =
	"local mirror = require 'mirror'\n"
	"local function see(r)\n"
	"  local n = 0\n"
	"  for name, value in r.headers:each() do n = n + #name + (value and #value or 0) end\n"
	"  return ('%s %d %d %s %d'):format(r.source_topic, r.partition or -1, r.offset, "
	"tostring(r.timestamp), n)\n"
	"end\n"
	"return { api = 1,\n"
	"route = function(t)\n"
	"  if t.name == 'no' then return false end\n"
	"  if t.name == 'same' then return { partitions = 'preserve' } end\n"
	"  if t.name == 'map' then return { topic = 'to', partitions = 'map' } end\n"
	"end,\n"
	"partition = function(source) return source.partition end,\n"
	"record = function(r)\n"
	"  local c = (r.key or ''):sub(1, 1)\n"
	"  if c == 'd' then return r:drop(see(r)) end\n"
	"  if c == 'l' then return r:dead_letter(see(r)) end\n"
	"  if c == 'r' then return r:retry(5) end\n"
	"  if c == 'x' then error(see(r)) end\n"
	"  if c == 'e' then r:emit { topic = 'to', key = r.value, value = see(r), headers = { { "
	"'h', "
	"r.key } } } end\n"
	"  if c == 'v' then r.value, r.key = r.key, r.value end\n"
	"  if c == 'h' then r.headers:set('h', see(r)) r.headers:add('h', nil) end\n"
	"  if c == 'j' then local v = mirror.json.decode(r.value or '') r.key = v and "
	"mirror.json.encode(v) end\n"
	"end }\n";

static struct rig rig;
static char *records;

static void
end(void)
{
	free(records);
	rig_fini(&rig);
}

static void
begin(void)
{
	rig_init(&rig);
	rig_write(&rig, "s.lua", script, sizeof(script) - 1);
	rig.config.script.file = mem_printf("%s/s.lua", rig.folder);
	records = mem_printf("%s/r.jsonl", rig.folder);
	atexit(end);
}

static void
complain(const char *text)
{
	fprintf(stderr, "%s\n", text);
	abort();
}

/* "FILE:3: what is wrong", or what a hook raised. */
static void
check_error(const char *text)
{
	size_t size = strlen(records);
	bool is_line = !strncmp(text, records, size) && text[size] == ':' &&
		       strtol(text + size + 1, NULL, 10) > 0;

	if (!is_line)
		complain(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {""};
	char *text = NULL;

	if (!records)
		begin();
	rig_write(&rig, "r.jsonl", (const char *)data, size);
	if (tester_run_records(&rig.config, records, &text, &err) < 0)
		check_error(err.text);
	free(text);
	return 0;
}
