/* Settings: names with values, as a topic at the target is to have them. */
#include "base/settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Where a name is, or would be: they are kept in order. */
static size_t
place_of(const struct settings *s, const char *name)
{
	size_t i = 0;

	while (i < s->count && strcmp(s->items[i].name, name) < 0)
		i++;
	return i;
}

static bool
is_at(const struct settings *s, size_t i, const char *name)
{
	return i < s->count && !strcmp(s->items[i].name, name);
}

void
settings_set(struct settings *s, const char *name, const char *value)
{
	size_t i = place_of(s, name);

	if (is_at(s, i, name)) {
		free(s->items[i].value);
		s->items[i].value = mem_strdup(value);
		return;
	}
	s->items = mem_resize(s->items, s->count + 1, sizeof(*s->items));
	memmove(s->items + i + 1, s->items + i, (s->count++ - i) * sizeof(*s->items));
	s->items[i] = (struct setting){mem_strdup(name), mem_strdup(value)};
}

bool
settings_remove(struct settings *s, const char *name)
{
	size_t i = place_of(s, name);

	if (!is_at(s, i, name))
		return false;
	free(s->items[i].name);
	free(s->items[i].value);
	memmove(s->items + i, s->items + i + 1, (--s->count - i) * sizeof(*s->items));
	return true;
}

const char *
settings_get(const struct settings *s, const char *name)
{
	size_t i = place_of(s, name);

	return is_at(s, i, name) ? s->items[i].value : NULL;
}

/* Takes "NAME=VALUE", without the blanks around both. */
static int
take_pair(const char *part, size_t size, struct settings *s, struct err *err)
{
	const char *equals = memchr(part, '=', size);
	size_t name_size = (size_t)(equals - part), value_size = size - name_size - 1;
	const char *value = equals + 1;
	char *name_text, *value_text;

	while (name_size > 0 && strchr(" \t", part[name_size - 1]))
		name_size--;
	while (value_size > 0 && strchr(" \t", *value))
		value++, value_size--;
	while (value_size > 0 && strchr(" \t", value[value_size - 1]))
		value_size--;
	if (name_size == 0)
		return err_set(err, "'%.*s' has no name in front of the =", (int)size, part);
	name_text = mem_strndup(part, name_size);
	value_text = mem_strndup(value, value_size);
	settings_set(s, name_text, value_text);
	free(name_text);
	free(value_text);
	return 0;
}

/* Where the item that begins at text ends: at a comma behind which another NAME= stands, or at the
   end. */
static const char *
end_of_item(const char *text)
{
	const char *end = text + strcspn(text, ",");

	while (*end) {
		size_t next = strcspn(end + 1, ",=");

		if (end[1 + next] == '=')
			return end;
		end += 1 + next;
	}
	return end;
}

/* Is this word of the text so many bytes long? */
static bool
is_word(const char *text, size_t size, const char *word)
{
	while (size > 0 && strchr(" \t", text[size - 1]))
		size--;
	return size == strlen(word) && !strncmp(text, word, size);
}

int
settings_parse(const char *text, struct settings *ret, struct err *err)
{
	struct settings s = {0};
	bool is_first = true;

	text += strspn(text, " \t");
	if (is_word(text, strlen(text), "none")) {
		*ret = s;
		return 0;
	}
	for (const char *end; *text; is_first = false) {
		text += strspn(text, " \t");
		end = end_of_item(text);
		if (is_first && is_word(text, (size_t)(end - text), "source")) {
			s.copies_source = true;
		} else if (!memchr(text, '=', (size_t)(end - text))) {
			settings_fini(&s);
			return err_set(err,
				"must be none, source, or a list of NAME=VALUE with commas between "
				"them, not '%.*s'",
				(int)(end - text), text);
		} else if (take_pair(text, (size_t)(end - text), &s, err) < 0) {
			settings_fini(&s);
			return -1;
		}
		text = *end ? end + 1 : end;
	}
	if (is_first)
		return err_set(err, "is empty; write none, source, or NAME=VALUE");
	*ret = s;
	return 0;
}

char *
settings_text(const struct settings *s)
{
	struct text text = {0};

	for (size_t i = 0; i < s->count; i++)
		text_printf(&text, "%s%s=%s", i ? "," : "", s->items[i].name, s->items[i].value);
	return text_take(&text);
}

void
settings_fini(struct settings *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->items[i].name);
		free(s->items[i].value);
	}
	free(s->items);
	*s = (struct settings){0};
}
