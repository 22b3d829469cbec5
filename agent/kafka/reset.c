/* Resets: the line in which the library says that it gave up a position. */
#include "kafka/reset.h"

#include <stdlib.h>
#include <string.h>

/* "[thrd:main]: TOPIC [N]: offset reset (at offset X (leader epoch E), broker B) to ..." */
#define MARK "]: offset reset (at offset "

bool
reset_parse(const char *line, struct reset *ret)
{
	const char *mark = strstr(line, MARK), *open, *name, *number = mark ? mark : line;
	char *end;
	long long offset;

	/* Names of topics have neither blanks nor brackets: what stands before them is found from
	   behind. */
	while (mark && number > line && number[-1] >= '0' && number[-1] <= '9')
		number--;
	open = number - line >= 2 ? number - 2 : NULL;
	if (!mark || number == mark || !open || strncmp(open, " [", 2) != 0)
		return false;
	for (name = open; name > line && name[-1] != ' '; name--)
		;
	if (name == open || (size_t)(open - name) >= sizeof(ret->topic))
		return false;
	offset = strtoll(mark + strlen(MARK), &end, 10);
	/* "BEGINNING" and the like: there was no position. */
	if (end == mark + strlen(MARK) || offset < 0)
		return false;
	memcpy(ret->topic, name, (size_t)(open - name));
	ret->topic[open - name] = '\0';
	ret->partition = (int32_t)strtol(number, NULL, 10);
	ret->offset = offset;
	return true;
}
