/* Instants and durations as a person types them: ISO 8601. */
#include "base/instant.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
/* A duration of more is a slip. */
#define DURATION_MOST_DAYS 36500

static bool
is_digit(char c)
{
	return isdigit((unsigned char)c) != 0;
}

static const char *
skip_blanks(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

/* Exactly so many digits at *at, as a number from min to max; moves behind them. */
static bool
read_number(const char **at, int digits, int min, int max, int *ret)
{
	int value = 0;

	for (int i = 0; i < digits; i++) {
		if (!is_digit((*at)[i]))
			return false;
		value = value * 10 + ((*at)[i] - '0');
	}
	*at += digits;
	*ret = value;
	return value >= min && value <= max;
}

static bool
read_char(const char **at, char c)
{
	if (**at != c)
		return false;
	++*at;
	return true;
}

/* ".25" or ",25" as milliseconds, 0 when there is none; false when no digit follows. */
static bool
read_fraction(const char **at, int *ret_ms)
{
	int worth = 100;

	*ret_ms = 0;
	if (**at != '.' && **at != ',')
		return true;
	++*at;
	if (!is_digit(**at))
		return false;
	for (; is_digit(**at); ++*at, worth /= 10)
		*ret_ms += (**at - '0') * worth;
	return true;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && is_leap);
}

/* Days since 1970-01-01 of a date from then on. */
static int64_t
days_since_epoch(int year, int month, int day)
{
	int64_t before = year - 1, days = before * 365 + before / 4 - before / 100 + before / 400;

	for (int m = 1; m < month; m++)
		days += days_in_month(year, m);
	return days + day - 1 - 719162;
}

static bool
read_date(const char **at, int64_t *ret_days)
{
	int year, month, day;

	if (!read_number(at, 4, 1970, 9999, &year) || !read_char(at, '-') ||
		!read_number(at, 2, 1, 12, &month) || !read_char(at, '-') ||
		!read_number(at, 2, 1, days_in_month(year, month), &day))
		return false;
	*ret_days = days_since_epoch(year, month, day);
	return true;
}

static bool
read_time(const char **at, int64_t *ret_ms)
{
	int hour, minute, second = 0, fraction = 0;

	if (!read_number(at, 2, 0, 23, &hour) || !read_char(at, ':') ||
		!read_number(at, 2, 0, 59, &minute))
		return false;
	if (read_char(at, ':') &&
		(!read_number(at, 2, 0, 59, &second) || !read_fraction(at, &fraction)))
		return false;
	*ret_ms = ((hour * 60 + minute) * 60 + second) * INT64_C(1000) + fraction;
	return true;
}

/* Z, or how far local time is ahead of UTC; the text ends behind it. */
static bool
read_zone(const char *s, int64_t *ret_ms)
{
	int sign = *s == '-' ? -1 : 1, hours, minutes = 0;

	*ret_ms = 0;
	if (*s == 'Z' || *s == 'z')
		return *skip_blanks(s + 1) == '\0';
	if (*s != '+' && *s != '-')
		return false;
	s++;
	if (!read_number(&s, 2, 0, 18, &hours))
		return false;
	if ((is_digit(*s) || read_char(&s, ':')) && !read_number(&s, 2, 0, 59, &minutes))
		return false;
	*ret_ms = sign * (hours * 60 + minutes) * INT64_C(60000);
	return *skip_blanks(s) == '\0';
}

int
instant_parse(const char *text, int64_t *ret_ms, struct err *err)
{
	static const char form[] = "write it as 2026-01-31T00:00:00Z";
	const char *s = skip_blanks(text);
	int64_t days, time, zone;

	if (!read_date(&s, &days) || (*s != 'T' && *s != 't' && *s != ' ') ||
		(s++, !read_time(&s, &time)))
		return err_set(err, "'%s' is no instant; %s", text, form);
	if (!*skip_blanks(s))
		return err_set(err,
			"'%s' does not say of which time zone it is; put a Z behind it for UTC, or "
			"+01:00",
			text);
	if (!read_zone(s, &zone) || days * DAY_MS + time < zone)
		return err_set(err, "'%s' is no instant; %s", text, form);
	*ret_ms = days * DAY_MS + time - zone;
	return 0;
}

/* What a letter is worth in milliseconds, by whether a T stands before it; 0: nothing. *rank grows
   from large to small. */
static int64_t
unit_worth(char letter, bool is_time, int *rank)
{
	static const struct {
		char letter;
		bool is_time;
		int64_t worth;
	} units[] = {
		{'W', false, 7 * DAY_MS},
		{'D', false, DAY_MS},
		{'H', true, 3600000},
		{'M', true, 60000},
		{'S', true, 1000},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (units[i].letter == toupper((unsigned char)letter) &&
			units[i].is_time == is_time) {
			*rank = (int)i;
			return units[i].worth;
		}
	return 0;
}

/* The parts behind the P, each smaller than the one before it. */
static bool
read_parts(const char *s, int64_t *ret_ms)
{
	const int64_t most = DURATION_MOST_DAYS * DAY_MS;
	bool is_time = false;
	int last = -1;

	*ret_ms = 0;
	while (*s) {
		int64_t number = 0, worth;
		int fraction = 0, rank = 0;
		bool has_fraction;

		if (!is_time && (*s == 'T' || *s == 't')) {
			is_time = true;
			s++;
		}
		if (!is_digit(*s))
			return false;
		for (; is_digit(*s); s++)
			number = number > most ? number : number * 10 + (*s - '0');
		has_fraction = *s == '.' || *s == ',';
		if (!read_fraction(&s, &fraction))
			return false;
		worth = unit_worth(*s++, is_time, &rank);
		if (worth == 0 || rank <= last || (has_fraction && worth != 1000) ||
			number > (most - *ret_ms) / worth)
			return false;
		last = rank;
		*ret_ms += number * worth + fraction;
	}
	return *ret_ms > 0;
}

int
instant_parse_duration(const char *text, int64_t *ret_ms, struct err *err)
{
	int64_t ms;

	if ((*text != 'P' && *text != 'p') || !read_parts(text + 1, &ms))
		return err_set(err,
			"'%s' is no duration; write it in weeks, days, hours, minutes and seconds, "
			"as PT6H, P1DT12H or P2W",
			text);
	*ret_ms = ms;
	return 0;
}
