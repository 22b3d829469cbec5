/* Any bytes as a topic expression: compiled and tried on a name, both parts of the input. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "mirror/topics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The expression ends at the first NUL; what follows is the name. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *expression = mem_strndup((const char *)data, size);
	size_t length = strlen(expression);
	char *name = length < size ? mem_strndup((const char *)data + length + 1, size - length - 1)
				   : mem_strdup("test-topic.1");
	struct err err;
	struct topics *topics = topics_new(expression, size & 1, true, &err);

	if (topics)
		topics_match(topics, name, &err);
	topics_free(&topics);
	free(expression);
	free(name);
	return 0;
}
