/* Reading numbers, booleans, sizes and words that a person typed. */
#include "base/parse.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

/* What a unit is worth. */
struct unit {
	const char *name;
	int64_t worth;
};

static const struct unit size_units[] = {
	{"", 1},
	{"b", 1},
	{"kb", 1000},
	{"mb", 1000000},
	{"gb", 1000000000},
	{"kib", 1024},
	{"mib", 1048576},
	{"gib", 1073741824},
	{NULL, 0},
};

static const struct unit duration_units[] = {
	{"ms", 1},
	{"s", 1000},
	{"m", 60000},
	{"h", 3600000},
	{"d", 86400000},
	{NULL, 0},
};

static const char *
skip_blanks(const char *s)
{
	while (*s && isspace((unsigned char)*s))
		s++;
	return s;
}

/* The digits at *at as a number held at INT64_MAX or INT64_MIN when there are too many; *at moves
   behind them. False when there is no digit. */
static bool
read_integer(const char **at, int64_t *ret)
{
	const char *s = *at;
	bool is_negative = *s == '-';
	uint64_t limit = (uint64_t)INT64_MAX + (is_negative ? 1 : 0), value = 0;

	if (*s == '-' || *s == '+')
		s++;
	if (!isdigit((unsigned char)*s))
		return false;
	for (; isdigit((unsigned char)*s); s++) {
		uint64_t digit = (uint64_t)(*s - '0');

		value = value > (limit - digit) / 10 ? limit : value * 10 + digit;
	}
	*at = s;
	*ret = is_negative ? (int64_t)(0 - value) : (int64_t)value;
	return true;
}

static int
out_of_range(const char *s, int64_t min, int64_t max, const char *unit, struct err *err)
{
	if (max == INT64_MAX)
		return err_set(err, "'%s' is too small: at least %" PRId64 "%s", s, min, unit);
	if (min == INT64_MIN)
		return err_set(err, "'%s' is too large: at most %" PRId64 "%s", s, max, unit);
	return err_set(
		err, "'%s' is out of range: from %" PRId64 " to %" PRId64 "%s", s, min, max, unit);
}

int
parse_int(const char *s, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
	const char *at = skip_blanks(s);
	int64_t value;

	if (!read_integer(&at, &value) || *skip_blanks(at))
		return err_set(err, "'%s' is not a whole number", s);
	if (value < min || value > max)
		return out_of_range(s, min, max, "", err);
	*ret = value;
	return 0;
}

/* Is s the word, blanks around and case apart? */
static bool
is_word(const char *s, const char *word)
{
	size_t n = strlen(word);

	s = skip_blanks(s);
	return strncasecmp(s, word, n) == 0 && !*skip_blanks(s + n);
}

int
parse_bool(const char *s, bool *ret, struct err *err)
{
	bool is_true = is_word(s, "true");

	if (!is_true && !is_word(s, "false"))
		return err_set(err, "'%s' is neither true nor false", s);
	*ret = is_true;
	return 0;
}

/* A number and one of the units. bare is what a number without a unit is worth, or 0 when the table
   has a row for it. *ret is held at the ends of int64_t. -1 when it is not of that form. */
static int
read_with_unit(const char *s, const struct unit *units, int64_t bare, int64_t *ret)
{
	const char *at = skip_blanks(s);
	int64_t value, product, worth = 0;

	if (!read_integer(&at, &value))
		return -1;
	at = skip_blanks(at);
	if (bare && !*at)
		worth = bare;
	for (const struct unit *unit = units; !worth && unit->name; unit++) {
		if (is_word(at, unit->name))
			worth = unit->worth;
	}
	if (!worth)
		return -1;
	if (__builtin_mul_overflow(value, worth, &product))
		product = value < 0 ? INT64_MIN : INT64_MAX;
	*ret = product;
	return 0;
}

int
parse_size(const char *s, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
	int64_t value;

	if (read_with_unit(s, size_units, 0, &value))
		return err_set(err,
			"'%s' is not a size: a whole number of bytes, or with kB MB GB KiB MiB GiB",
			s);
	if (value < min || value > max)
		return out_of_range(s, min, max, " bytes", err);
	*ret = value;
	return 0;
}

int
parse_duration(const char *s, int64_t default_unit_ms, int64_t min, int64_t max, int64_t *ret,
	struct err *err)
{
	int64_t value;

	if (read_with_unit(s, duration_units, default_unit_ms, &value))
		return err_set(err, "'%s' is not a time: a whole number, or with ms s m h d", s);
	if (value >= min && value <= max) {
		*ret = value;
		return 0;
	}
	if (default_unit_ms == 1000 && min % 1000 == 0 && max % 1000 == 0)
		return out_of_range(s, min / 1000, max / 1000, " s", err);
	return out_of_range(s, min, max, " ms", err);
}

/* Edit distance (Levenshtein, case apart) of two words; row has room for strlen(b) + 1. */
static size_t
distance(const char *a, const char *b, size_t *row)
{
	size_t n = strlen(b);

	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t up = row[j];
			bool same = tolower((unsigned char)a[i - 1]) ==
				    tolower((unsigned char)b[j - 1]);
			size_t best = diagonal + (same ? 0 : 1);

			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diagonal = up;
		}
	}
	return row[n];
}

/* Longer words are nobody's typing error, and would cost time. */
#define NEAREST_LONGEST 100

const char *
parse_nearest(const char *word, const char *(*candidate)(size_t i, void *arg), void *arg)
{
	size_t row[NEAREST_LONGEST + 1], length = strlen(word), best = length / 3 + 1;
	const char *nearest = NULL, *name;

	if (length == 0 || length > NEAREST_LONGEST)
		return NULL;
	for (size_t i = 0; (name = candidate(i, arg)); i++) {
		size_t d;

		if (strlen(name) > NEAREST_LONGEST)
			continue;
		d = distance(word, name, row);
		if (d < best) {
			best = d;
			nearest = name;
		}
	}
	return nearest;
}

void
parse_address(char *text, const char *default_port, const char **ret_host, const char **ret_port)
{
	char *colon = strrchr(text, ':');
	size_t length;

	*ret_host = text;
	*ret_port = default_port;
	if (colon && !strchr(colon, ']')) {
		*colon = '\0';
		*ret_port = colon + 1;
	}
	length = strlen(text);
	if (*text == '[' && text[length - 1] == ']') {
		text[length - 1] = '\0';
		*ret_host = text + 1;
	}
}

/* org.apache.kafka.common.internals.Topic */
bool
parse_is_topic_name(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

	return n > 0 && n <= 249 && !s[n] && strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}
