/* Instants that a person typed: ISO 8601 with a zone. */
#include "base/instant.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define MINUTE_MS 60000
#define DAY_MS 86400000LL

/* Exactly so many digits as a number; *at moves behind them. */
static bool
read_digits(const char **at, int count, int *ret)
{
	int value = 0;

	for (int i = 0; i < count; i++) {
		if (!isdigit((unsigned char)(*at)[i]))
			return false;
		value = value * 10 + ((*at)[i] - '0');
	}
	*at += count;
	*ret = value;
	return true;
}

static bool
read_char(const char **at, const char *any)
{
	if (!**at || !strchr(any, **at))
		return false;
	++*at;
	return true;
}

static int
days_of_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && is_leap);
}

/* Days since 1970-01-01. Years begin in March here, so that the day that not all of them have is
   their last one. */
static int64_t
days_since_1970(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t m = month > 2 ? month - 3 : month + 9;

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

static bool
read_day(const char **at, int64_t *ret_days)
{
	int year, month, day;

	if (!read_digits(at, 4, &year) || !read_char(at, "-") || !read_digits(at, 2, &month) ||
		!read_char(at, "-") || !read_digits(at, 2, &day))
		return false;
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month))
		return false;
	*ret_days = days_since_1970(year, month, day);
	return true;
}

/* Digits behind the point of a second, as milliseconds. */
static bool
read_fraction(const char **at, int64_t *ret_ms)
{
	int64_t worth = 100;

	*ret_ms = 0;
	if (!isdigit((unsigned char)**at))
		return false;
	for (; isdigit((unsigned char)**at); ++*at, worth /= 10)
		*ret_ms += worth * (**at - '0');
	return true;
}

static bool
read_time(const char **at, int64_t *ret_ms)
{
	int hour, minute, second = 0;
	int64_t fraction = 0;

	if (!read_digits(at, 2, &hour) || !read_char(at, ":") || !read_digits(at, 2, &minute))
		return false;
	if (read_char(at, ":")) {
		if (!read_digits(at, 2, &second))
			return false;
		if (read_char(at, ".,") && !read_fraction(at, &fraction))
			return false;
	}
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	*ret_ms = (hour * 60 + minute) * (int64_t)MINUTE_MS + second * 1000 + fraction;
	return true;
}

/* How far the zone is ahead of UTC. */
static bool
read_zone(const char **at, int64_t *ret_ms)
{
	bool is_behind = **at == '-';
	int hour, minute = 0;

	*ret_ms = 0;
	if (read_char(at, "Zz"))
		return true;
	if (!read_char(at, "+-") || !read_digits(at, 2, &hour))
		return false;
	if ((read_char(at, ":") || isdigit((unsigned char)**at)) && !read_digits(at, 2, &minute))
		return false;
	if (hour > 23 || minute > 59)
		return false;
	*ret_ms = (hour * 60 + minute) * (int64_t)MINUTE_MS * (is_behind ? -1 : 1);
	return true;
}

static const char *
skip_blanks(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

int
instant_parse(const char *text, int64_t *ret_ms, struct err *err)
{
	const char *at = skip_blanks(text);
	int64_t days, time, zone = 0, ms;

	if (!read_day(&at, &days) || !read_char(&at, "Tt ") || !read_time(&at, &time))
		return err_set(err,
			"'%s' is not a moment: a day, T, the time and the zone, as in "
			"2026-01-31T00:00:00Z or 2026-01-31T01:00:00+01:00",
			text);
	if (!*skip_blanks(at))
		return err_set(err,
			"'%s' does not say in which zone: put Z behind it for UTC, or the zone, as "
			"in +01:00",
			text);
	if (!read_zone(&at, &zone) || *skip_blanks(at))
		return err_set(
			err, "'%s' ends in something that is no zone: Z, or as in +01:00", text);
	ms = days * DAY_MS + time - zone;
	if (ms < 0)
		return err_set(err, "'%s' lies before 1970", text);
	*ret_ms = ms;
	return 0;
}
