/* Rates: how many bytes and records a second, by the time of day, as a person typed it. */
#include "base/rates.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/mem.h"
#include "base/parse.h"

#define DAY (24 * 60)
#define WINDOWS (sizeof(((struct rates_rule *)0)->windows) / sizeof(struct rates_window))

static const char *
skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

static int
not_a_rate(const char *s, size_t n, struct err *err)
{
	return err_set(err,
		"'%.*s' is not a rate: write 20MB/s (B kB MB GB KiB MiB GiB), 500r/s for records, "
		"or none",
		(int)n, s);
}

/* The field that a rate of this unit belongs to. */
static int64_t *
field_of(struct rates_rule *rule, const char *unit, size_t n)
{
	static const char *const records[] = {"r", "record", "records"};

	for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++)
		if (strlen(records[i]) == n && !strncasecmp(unit, records[i], n))
			return &rule->records;
	return &rule->bytes;
}

/* One number with its unit, without the "/s" behind it. */
static int
take_amount(struct rates_rule *rule, const char *s, size_t n, struct err *err)
{
	size_t digits = strspn(s, "0123456789");
	const char *unit = skip_blanks(s + digits);
	int64_t *field = field_of(rule, unit, (size_t)(s + n - unit)), value = 0;
	char *number = mem_strndup(s, field == &rule->records ? digits : n);
	struct err why;
	int rc = field == &rule->records ? parse_int(number, 0, INT64_MAX, &value, &why)
					 : parse_size(number, 0, INT64_MAX, &value, &why);

	free(number);
	if (digits == 0 || rc < 0)
		return not_a_rate(s, n + 2, err);
	if (value == 0)
		return err_set(err,
			"a rate of 0 would stop everything: pause what shall not flow, or write "
			"none for no limit");
	if (*field != RATES_NONE)
		return err_set(err, "'%.*s' is a second rate for %s in one rule", (int)(n + 2), s,
			field == &rule->records ? "records" : "bytes");
	*field = value;
	return 0;
}

/* The rates of a rule, which end at *at with the rule or its windows. */
static int
take_rates(const char **at, struct rates_rule *rule, struct err *err)
{
	const char *s = skip_blanks(*at);
	bool is_none = false;
	size_t count = 0;

	for (; *s && *s != ';' && *s != '@'; s = skip_blanks(s), count++) {
		size_t n = strcspn(s, "/;@"), word = strcspn(s, " \t/;@");

		if (word == 4 && !strncasecmp(s, "none", 4) && s[word] != '/') {
			is_none = true;
			s += word;
			continue;
		}
		if (s[n] != '/' || tolower((unsigned char)s[n + 1]) != 's' ||
			!strchr(" \t;@", s[n + 2]))
			return not_a_rate(s, strcspn(s, ";@"), err);
		if (take_amount(rule, s, n, err) < 0)
			return -1;
		s += n + 2;
	}
	*at = s;
	if (count == 0)
		return err_set(err, "a rate is missing: write 20MB/s, 500r/s, both, or none");
	if (is_none && count > 1)
		return err_set(err, "'none' cannot stand together with a rate");
	return 0;
}

/* HH:MM at *at, as minutes of the day. */
static bool
take_time(const char **at, int *ret)
{
	const char *s = skip_blanks(*at);

	for (int i = 0; i < 5; i++)
		if (i == 2 ? s[i] != ':' : !isdigit((unsigned char)s[i]))
			return false;
	*ret = ((s[0] - '0') * 10 + s[1] - '0') * 60 + (s[3] - '0') * 10 + s[4] - '0';
	*at = s + 5;
	return s[3] <= '5' && *ret <= DAY;
}

static int
take_window(const char **at, struct rates_rule *rule, struct err *err)
{
	const char *start = skip_blanks(*at), *s = start;
	int n = (int)strcspn(start, ",;"), from, to;

	if (!take_time(&s, &from) || *(s = skip_blanks(s)) != '-' || (s++, !take_time(&s, &to)) ||
		from == DAY || !strchr(",;", *skip_blanks(s)))
		return err_set(err, "'%.*s' is not a time of day: write @08:00-18:00", n, start);
	if (from == to)
		return err_set(err,
			"the window %.*s is empty: leave it out for the whole day, or write "
			"00:00-24:00",
			n, start);
	if (rule->window_count == WINDOWS)
		return err_set(err, "a rule can have %d windows: write another rule for more",
			(int)WINDOWS);
	rule->windows[rule->window_count++] =
		(struct rates_window){(int16_t)from, (int16_t)(to == DAY ? 0 : to)};
	*at = skip_blanks(s);
	return 0;
}

static int
take_rule(const char **at, struct rates_rule *rule, struct err *err)
{
	*rule = (struct rates_rule){.bytes = RATES_NONE, .records = RATES_NONE};
	if (take_rates(at, rule, err) < 0)
		return -1;
	if (**at == '@') {
		do {
			(*at)++;
			if (take_window(at, rule, err) < 0)
				return -1;
		} while (**at == ',');
	}
	return 0;
}

int
rates_parse(const char *text, struct rates *ret, struct err *err)
{
	struct rates rates = {0};
	struct rates_rule rule;
	const char *at = text;

	if (strlen(text) > RATES_TEXT_MOST)
		return err_set(err, "a limit can have %d characters at most", RATES_TEXT_MOST);
	for (;;) {
		if (rates.count > 0 && rates.rules[rates.count - 1].window_count == 0) {
			err_set(err,
				"'%s' is never reached: the rule before it is for all day; "
				"put that last",
				skip_blanks(at));
			goto fail;
		}
		if (take_rule(&at, &rule, err) < 0)
			goto fail;
		rates.rules = mem_resize(rates.rules, rates.count + 1, sizeof(*rates.rules));
		rates.rules[rates.count++] = rule;
		if (*at != ';' || !*(at = skip_blanks(at + 1)))
			break;
	}
	*ret = rates;
	return 0;
fail:
	rates_fini(&rates);
	return -1;
}

int
rates_check(const char *text, struct err *err)
{
	struct rates rates;

	if (rates_parse(text, &rates, err) < 0)
		return -1;
	rates_fini(&rates);
	return 0;
}

static bool
is_within(const struct rates_window *w, int minute)
{
	if (w->from < w->to)
		return minute >= w->from && minute < w->to;
	return minute >= w->from || minute < w->to;
}

const struct rates_rule *
rates_at(const struct rates *rates, int minute)
{
	for (size_t i = 0; i < rates->count; i++) {
		const struct rates_rule *rule = &rates->rules[i];

		if (rule->window_count == 0)
			return rule;
		for (size_t n = 0; n < rule->window_count; n++)
			if (is_within(&rule->windows[n], minute))
				return rule;
	}
	return NULL;
}

int
rates_minute(int64_t wall_ms)
{
	time_t seconds = wall_ms / 1000;
	struct tm tm;

	localtime_r(&seconds, &tm);
	return tm.tm_hour * 60 + tm.tm_min;
}

bool
rates_are_none(const struct rates *rates)
{
	for (size_t i = 0; i < rates->count; i++)
		if (rates->rules[i].bytes != RATES_NONE || rates->rules[i].records != RATES_NONE)
			return false;
	return true;
}

void
rates_fini(struct rates *rates)
{
	free(rates->rules);
	*rates = (struct rates){0};
}
