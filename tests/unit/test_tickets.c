/* Unit tests of tickets: when they are renewed, and what is said when there is none. */
#include "tests/unit/unit.h"

#include <krb5.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
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

/* Writes a cache with a ticket for other tickets, and a longer one for a service. It proves nothing
   to a KDC. */
static void
write_cache(const char *cache, const char *principal, int64_t start, int64_t end)
{
	static const char *const services[] = {"krbtgt/R.TEST@R.TEST", "kafka/host@R.TEST"};
	krb5_context context;
	krb5_ccache opened;
	krb5_creds creds = {0};
	char key[16] = "0123456789abcde";

	CHECK(krb5_init_context(&context) == 0);
	CHECK(krb5_parse_name(context, principal, &creds.client) == 0);
	CHECK(krb5_cc_resolve(context, cache, &opened) == 0);
	CHECK(krb5_cc_initialize(context, opened, creds.client) == 0);
	creds.keyblock = (krb5_keyblock){.enctype = ENCTYPE_AES128_CTS_HMAC_SHA1_96,
		.length = sizeof(key),
		.contents = (krb5_octet *)key};
	creds.ticket = (krb5_data){.data = key, .length = sizeof(key)};
	for (int i = 0; i < 2; i++) {
		creds.times = (krb5_ticket_times){.authtime = (krb5_timestamp)start,
			.starttime = (krb5_timestamp)start,
			.endtime = (krb5_timestamp)(end + i)};
		CHECK(krb5_parse_name(context, services[i], &creds.server) == 0);
		CHECK(krb5_cc_store_cred(context, opened, &creds) == 0);
		krb5_free_principal(context, creds.server);
	}
	krb5_free_principal(context, creds.client);
	krb5_cc_close(context, opened);
	krb5_free_context(context);
}

/* Waits until the source's ticket ends then, and has failed to be renewed at least so often. */
static void
wait_state(int64_t end, uint64_t failures, struct ticket_state *ret)
{
	int64_t until = clock_ms() + 60000;

	while (ticket_state(CLIENT_SOURCE, ret) && clock_ms() < until &&
		(ret->end != end || ret->failures < failures))
		usleep(10000);
	CHECK_INT(ret->end, end);
	CHECK(ret->failures >= failures);
}

/* A cache that others keep is looked at again and again. */
TEST(caches_of_others)
{
	char folder[] = "/tmp/test_tickets.XXXXXX", *cache;
	struct client_settings settings = {.wants_ticket = true};
	int64_t now = clock_wall_ms() / 1000;
	struct ticket_state state;
	struct err err;

	log_set_level(LOG_LEVEL_ERROR);
	setenv("KRB5_CONFIG", "/dev/null", 1);
	CHECK(mkdtemp(folder));
	cache = mem_printf("FILE:%s/cc", folder);
	settings.ticket_cache = cache;
	write_cache(cache, "mirror@R.TEST", now - 100, now - 1);
	CHECK(tickets_need(CLIENT_SOURCE, &settings, &err) == -1);
	CHECK(strstr(
		err.text, "the ticket of 'mirror@R.TEST' in the cache FILE:/tmp/test_tickets."));
	CHECK(strstr(err.text, " has ended at "));
	CHECK(!ticket_state(CLIENT_SOURCE, &state));

	/* of its life too little is left */
	write_cache(cache, "mirror@R.TEST", now - 10000, now + 30);
	CHECK_INT(tickets_need(CLIENT_SOURCE, &settings, &err), 0);
	wait_state(now + 30, 1, &state);
	CHECK_STR(state.principal, "mirror@R.TEST");
	CHECK(strstr(state.error, "nobody has renewed the ticket of 'mirror@R.TEST' in "));
	write_cache(cache, "mirror@R.TEST", now, now + 1000);
	wait_state(now + 1000, 1, &state);
	CHECK_STR(state.error, "");
	CHECK(state.renewed >= now);
	CHECK(tickets_stop(10000));
	CHECK(!ticket_state(CLIENT_SOURCE, &state));
	unlink(cache + strlen("FILE:"));
	rmdir(folder);
	free(cache);
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
}

/* Somebody who takes what is sent to a port, by UDP and TCP, and says nothing. */
static int
be_silent(int *ret_datagrams, int *ret_stream)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	for (int tries = 0; tries < 100; tries++) {
		address.sin_port = 0;
		*ret_stream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		*ret_datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (bind(*ret_stream, (struct sockaddr *)&address, size) == 0 &&
			listen(*ret_stream, 16) == 0 &&
			getsockname(*ret_stream, (struct sockaddr *)&address, &size) == 0 &&
			bind(*ret_datagrams, (struct sockaddr *)&address, size) == 0)
			return ntohs(address.sin_port);
		close(*ret_stream);
		close(*ret_datagrams);
	}
	return -1;
}

/* A key tab with one key, and a krb5.conf that names the port as the realm's KDC. */
static void
write_realm(const char *keytab, const char *conf, int port)
{
	krb5_context context;
	krb5_keytab opened;
	char key[16] = "0123456789abcde";
	krb5_keytab_entry entry = {.vno = 1,
		.key = {.enctype = ENCTYPE_AES128_CTS_HMAC_SHA1_96,
			.length = sizeof(key),
			.contents = (krb5_octet *)key}};
	FILE *file = fopen(conf, "we");

	if (!CHECK(file))
		return;
	fprintf(file,
		"[libdefaults]\ndns_lookup_kdc = false\n[realms]\nR.TEST = {\nkdc = "
		"127.0.0.1:%d\n}\n",
		port);
	fclose(file);
	setenv("KRB5_CONFIG", conf, 1);
	CHECK(krb5_init_context(&context) == 0);
	CHECK(krb5_parse_name(context, "mirror@R.TEST", &entry.principal) == 0);
	CHECK(krb5_kt_resolve(context, keytab, &opened) == 0);
	CHECK(krb5_kt_add_entry(context, opened, &entry) == 0);
	krb5_kt_close(context, opened);
	krb5_free_principal(context, entry.principal);
	krb5_free_context(context);
}

/* Kerberos's library would wait for it half a minute. */
TEST(a_silent_kdc)
{
	char folder[] = "/tmp/test_tickets.XXXXXX", *keytab, *conf;
	struct client_setting items[] = {{(char *)"sasl.kerberos.keytab", NULL, false, NULL},
		{(char *)"sasl.kerberos.principal", (char *)"mirror@R.TEST", false, NULL}};
	struct client_settings settings = {.wants_ticket = true, .items = items, .count = 2};
	int datagrams, stream, port = be_silent(&datagrams, &stream);
	struct err err = {0};

	CHECK(port > 0 && mkdtemp(folder));
	keytab = items[0].value = mem_printf("%s/keytab", folder);
	conf = mem_printf("%s/krb5.conf", folder);
	write_realm(keytab, conf, port);
	CHECK(tickets_need_within(CLIENT_SOURCE, &settings, 2000, &err) == -1);
	CHECK_STR(err.text,
		"Kerberos login of the source: no KDC has answered within 2 seconds: see that the "
		"hosts of [realms] in krb5.conf are right, and can be reached from here by UDP or "
		"TCP at port 88");
	/* Nobody is there any more, which the library is told. */
	close(datagrams);
	close(stream);
	CHECK(tickets_stop(60000));
	unlink(keytab);
	unlink(conf);
	rmdir(folder);
	free(keytab);
	free(conf);
}
