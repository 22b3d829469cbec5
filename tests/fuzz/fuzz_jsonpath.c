/* Any bytes as a JSON path and a text: what is found lies within the text, and all ways of asking
 * agree. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "script/json.h"
#include "script/jsonpath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(int holds)
{
	if (!holds)
		abort();
}

/* The path ends at the first NUL; what follows is the text. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = (const char *)data, *nul = size ? memchr(data, 0, size) : NULL;
	const char *json = nul ? nul + 1 : path;
	size_t path_size = nul ? (size_t)(nul - path) : 1;
	size_t json_size = nul ? size - path_size - 1 : size;
	const struct script_span *spans = NULL;
	struct script_value value = {0};
	struct err err;
	struct script_path *p = size ? jsonpath_new(nul ? path : "a", path_size, &err) : NULL;
	int found, all;

	if (!p)
		return 0;
	found = jsonpath_get(p, json, json_size, &value);
	require(found < 1 || value._kind > SCRIPT_NONE);
	all = jsonpath_spans(p, json, json_size, &spans);
	require((found < 0) == (all < 0) && (found != 1 || all >= 1));
	for (int i = 0; i < all; i++)
		require(spans[i]._first < spans[i]._end && (size_t)spans[i]._end <= json_size &&
			(!i || spans[i - 1]._end < spans[i]._first));
	jsonpath_free(p);
	return 0;
}
