/* Unit tests of tickets: when they are renewed, and what is said when there is none. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "kafka/tickets.h"

TEST(when_it_is_renewed)
{
	enum { OURS = 1, FAILED = 2 };
	static const struct {
		int64_t start, end, now_ms;
		int how;
		int64_t expected;
	} cases[] = {
		/* after four fifths of its life, whenever it is looked at */
		{1000, 1100, 1000000, OURS, 80000},
		{1000, 1100, 1050000, OURS, 30000},
		{1000, 1100, 1079500, OURS, 1000},
		{1000, 1100, 1099000, OURS, 1000},
		{1000, 1000 + 36000, 1000000, OURS, 28800000},
		/* a failure, or a look at one of others: a tenth of what is left */
		{1000, 1100, 1080000, OURS | FAILED, 2000},
		{1000, 1100, 1099000, OURS | FAILED, 1000},
		{1000, 1000 + 36000, 28800000, OURS | FAILED, 60000},
		{1000, 1100, 1000000, 0, 10000},
		{1000, 1000 + 36000, 1000000, 0, 60000},
		{1000, 1100, 1080000, FAILED, 2000},
		/* it has ended, or there was none */
		{1000, 1100, 1100000, OURS | FAILED, 5000},
		{1000, 1100, 2000000, OURS, 5000},
		{0, 0, 2000000, OURS | FAILED, 5000},
		{1000, 1100, 1200000, FAILED, 5000},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK_INT(ticket_wait(cases[i].start, cases[i].end, cases[i].now_ms,
				  cases[i].how & OURS, cases[i].how & FAILED),
			cases[i].expected);
}

/* What can be told without asking a KDC. */
TEST(what_is_said)
{
	static struct client_setting no_keytab[] = {
		{(char *)"sasl.kerberos.keytab", (char *)"/nowhere", false, NULL},
		{(char *)"sasl.kerberos.principal", (char *)"mirror@R.TEST", false, NULL}};
	struct client_settings settings = {.wants_ticket = true};
	struct ticket_state state;
	struct err err;

	setenv("KRB5_CONFIG", "/dev/null", 1);
	settings.ticket_cache = (char *)"FILE:/nowhere";
	CHECK(tickets_need(CLIENT_SOURCE, &settings, &err) == -1);
	CHECK_STR(err.text,
		"Kerberos login of the source: there is no ticket in the cache FILE:/nowhere (No "
		"credentials cache found (filename: /nowhere)): get one with `kinit -c "
		"FILE:/nowhere PRINCIPAL`, or write useKeyTab=true and keyTab for the agent to get "
		"its own");
	settings.items = no_keytab;
	settings.count = 2;
	CHECK(tickets_need(CLIENT_TARGET, &settings, &err) == -1);
	CHECK_STR(err.text,
		"Kerberos login of the target: cannot read the key tab '/nowhere': No such file or "
		"directory; it must be there, and readable for the agent's user");
	no_keytab[0].value = (char *)"/dev/null";
	CHECK(tickets_need(CLIENT_TARGET, &settings, &err) == -1);
	CHECK_STR(err.text,
		"Kerberos login of the target: '/dev/null' is no key tab, or an empty one: write "
		"another one as keyTab");
	no_keytab[1].value = (char *)"mirror";
	CHECK(tickets_need(CLIENT_TARGET, &settings, &err) == -1);
	CHECK(strstr(err.text, "'mirror' has no realm, and krb5.conf no default_realm: write "
			       "NAME@REALM"));
	settings.wants_ticket = false;
	CHECK(tickets_need(CLIENT_TARGET, &settings, &err) == 0);
	CHECK(!ticket_state(CLIENT_SOURCE, &state));
	CHECK(!ticket_state(CLIENT_TARGET, &state));
	CHECK(tickets_stop(1000));
}
