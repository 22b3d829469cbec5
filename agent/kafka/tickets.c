/* Tickets: those by which the clients of each side log in with Kerberos, got before they start and
 * renewed by a thread of its own. */
#include "kafka/tickets.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/jvm.h"
#include "kafka/kerberos.h"

/* A ticket is renewed after this part of its life, as Java does it
   (sasl.kerberos.ticket.renew.window.factor). */
#define RENEW_PERCENT 80
/* Others should have renewed theirs before only this part is left. */
#define LATE_PERCENT 10
/* Between attempts, and between looks at a cache of others: a tenth of the time that is left,
   within these. */
#define RETRY_LEAST_MS 1000
#define RETRY_MOST_MS 60000
/* When nothing is left. */
#define RETRY_LOST_MS 5000
/* The first tickets are waited for so long, for both sides together: Kerberos's library asks a KDC
   that says nothing for half a minute or more. */
#define FIRST_MS 9000

/* One side's. */
struct ticket {
	struct kerberos_login login; /* never changes once is_used */
	bool is_used;
	char cache[512]; /* which the clients take their tickets from */
	int64_t start;	 /* of the ticket; seconds since 1970 */
	int64_t due;	 /* clock_ms() when it is renewed or looked at, at the latest */
	bool has_failed; /* the last attempt */
	bool is_first;	 /* the first attempt has not ended */
	bool is_away;	 /* no KDC answered it; else first.text says what was wrong, or is empty */
	struct err first;
	struct ticket_state state;
};

static struct {
	pthread_mutex_t lock;  /* of all below */
	pthread_cond_t change; /* waited for by the clock that never jumps; made by begin_once */
	struct ticket tickets[CLIENT_SIDES];
	bool has_thread, is_ending, is_over;
} keeper = {.lock = PTHREAD_MUTEX_INITIALIZER};

static pthread_once_t once_begun = PTHREAD_ONCE_INIT;

/* Held while a side's first ticket is waited for. */
static pthread_mutex_t first_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *const names[CLIENT_SIDES] = {"source", "target"};
static const char *const own_caches[CLIENT_SIDES] = {
	"MEMORY:reflejo-source", "MEMORY:reflejo-target"};

static void
begin_once(void)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&keeper.change, &attributes);
	pthread_condattr_destroy(&attributes);
}

int64_t
ticket_wait(int64_t start, int64_t end, int64_t now_ms, bool is_ours, bool has_failed)
{
	int64_t life = (end - start) * 1000, left = end * 1000 - now_ms, wait;

	if (left <= 0)
		return RETRY_LOST_MS;
	if (is_ours && !has_failed) {
		wait = start * 1000 + life / 100 * RENEW_PERCENT - now_ms;
		return wait < RETRY_LEAST_MS ? RETRY_LEAST_MS : wait;
	}
	wait = left / 10;
	return wait < RETRY_LEAST_MS ? RETRY_LEAST_MS : wait > RETRY_MOST_MS ? RETRY_MOST_MS : wait;
}

bool
ticket_state(enum client_side side, struct ticket_state *ret)
{
	const struct ticket *ticket = &keeper.tickets[side];
	bool is_used;

	pthread_mutex_lock(&keeper.lock);
	is_used = ticket->is_used;
	*ret = ticket->state;
	pthread_mutex_unlock(&keeper.lock);
	return is_used;
}

void
tickets_enter(enum client_side side)
{
	const struct ticket *ticket = &keeper.tickets[side];
	char cache[sizeof(ticket->cache)] = "";

	pthread_mutex_lock(&keeper.lock);
	if (ticket->is_used)
		memcpy(cache, ticket->cache, sizeof(cache));
	pthread_mutex_unlock(&keeper.lock);
	if (*cache)
		kerberos_use(cache);
}

static void
say_got(enum client_side side, const struct kerberos_ticket *got)
{
	char expires[CLOCK_TEXT_SIZE];

	LOG(EVENT_ticket, F_STR("side", names[side]), F_STR("principal", got->principal),
		F_STR("cache", got->cache),
		F_STR("expires", clock_print(got->end * 1000, expires)));
}

static void
say_failed(enum client_side side, const char *why, int64_t end)
{
	char expires[CLOCK_TEXT_SIZE];

	LOG(EVENT_ticket_failed, F_STR("side", names[side]),
		F_STR("expires", end ? clock_print(end * 1000, expires) : NULL),
		F_STR("reason", why));
}

/* Is the ticket of others nearly over? Then nobody renews it. */
static bool
is_late(const struct ticket *ticket, const struct kerberos_ticket *got)
{
	int64_t left = got->end * 1000 - clock_wall_ms();

	return !ticket->login.keytab && left < (got->end - got->start) * 1000 / 100 * LATE_PERCENT;
}

/* When it would be renewed or looked at, by the clocks as they are now. The lock is held. */
static int64_t
next_due(const struct ticket *ticket)
{
	return clock_ms() + ticket_wait(ticket->start, ticket->state.end, clock_wall_ms(),
				    ticket->login.keytab, ticket->has_failed);
}

/* Writes down what an attempt has brought; got is NULL when it failed. Returns whether the ticket
   is another one than before. The lock is held. */
static bool
note(struct ticket *ticket, const struct kerberos_ticket *got, const char *error)
{
	struct ticket_state *state = &ticket->state;
	int64_t now = clock_wall_ms();
	bool is_new = got && (got->end != state->end || got->start != ticket->start);

	if (got) {
		ticket->start = got->start;
		state->end = got->end;
		memcpy(ticket->cache, got->cache, sizeof(ticket->cache));
		memcpy(state->principal, got->principal, sizeof(state->principal));
	}
	if (is_new)
		state->renewed = now / 1000;
	if (error)
		state->failures++;
	snprintf(state->error, sizeof(state->error), "%s", error ? error : "");
	ticket->has_failed = error;
	ticket->due = next_due(ticket);
	return is_new;
}

/* Gets a side's ticket, or looks at it. -1: there is none that can be used, or it was not renewed.
   @blocks */
static int
get(enum client_side side, bool *ret_is_away, struct err *err)
{
	struct ticket *ticket = &keeper.tickets[side];
	struct kerberos_ticket got;
	bool is_got = kerberos_get(&ticket->login, &got, ret_is_away, err) == 0, is_new;
	bool has_failed = !is_got;
	int64_t end;

	if (is_got && is_late(ticket, &got)) {
		err_set(err,
			"nobody has renewed the ticket of '%s' in the cache %s, which is nearly "
			"over: get a new one with `kinit -c %s %s`, and have a timer do so in time",
			got.principal, got.cache, got.cache, got.principal);
		has_failed = true;
	}
	pthread_mutex_lock(&keeper.lock);
	is_new = note(ticket, is_got ? &got : NULL, has_failed ? err->text : NULL);
	end = ticket->state.end;
	pthread_mutex_unlock(&keeper.lock);
	if (is_new)
		say_got(side, &got);
	if (has_failed && (is_got || *ret_is_away || end))
		say_failed(side, err->text, end);
	return is_got ? 0 : -1;
}

/* The wall's clock may have been set, or the machine have slept, since the last attempt: then a
   ticket is over sooner than was thought. The lock is held. */
static void
hurry(struct ticket *ticket)
{
	int64_t due = next_due(ticket);

	if (due < ticket->due)
		ticket->due = due;
}

/* The side whose turn is next; *ret_wait_ms is how long until then. The lock is held. */
static int
next_side(int64_t *ret_wait_ms)
{
	int next = -1;

	for (int side = 0; side < CLIENT_SIDES; side++) {
		struct ticket *ticket = &keeper.tickets[side];

		if (ticket->is_used)
			hurry(ticket);
		if (ticket->is_used && (next < 0 || ticket->due < keeper.tickets[next].due))
			next = side;
	}
	*ret_wait_ms = next < 0 ? RETRY_MOST_MS : keeper.tickets[next].due - clock_ms();
	if (*ret_wait_ms > RETRY_MOST_MS)
		*ret_wait_ms = RETRY_MOST_MS; /* to hurry in time */
	return next;
}

/* The thread's attempt. The lock is held, but not meanwhile. */
static void
try(enum client_side side)
{
	struct ticket *ticket = &keeper.tickets[side];
	struct err err = {0};
	bool is_away = false;

	pthread_mutex_unlock(&keeper.lock);
	if (get(side, &is_away, &err) == 0)
		err.text[0] = '\0';
	pthread_mutex_lock(&keeper.lock);
	if (!ticket->is_first)
		return;
	ticket->is_first = false;
	ticket->is_away = is_away;
	ticket->first = err;
	pthread_cond_broadcast(&keeper.change);
}

static void *
keep(void *arg)
{
	struct timespec until;
	int64_t wait;
	int side;

	(void)arg;
	pthread_mutex_lock(&keeper.lock);
	while (!keeper.is_ending) {
		side = next_side(&wait);
		if (side >= 0 && keeper.tickets[side].due <= clock_ms()) {
			try((enum client_side)side);
			continue;
		}
		clock_deadline_steady((int)wait, &until);
		pthread_cond_timedwait(&keeper.change, &keeper.lock, &until);
	}
	keeper.is_over = true;
	pthread_cond_broadcast(&keeper.change);
	pthread_mutex_unlock(&keeper.lock);
	return NULL;
}

/* Starts the thread, which gets no signals, where it does not run yet. The lock is held. */
static int
start_thread(struct err *err)
{
	sigset_t all, before;
	pthread_t thread;
	int result;

	if (keeper.has_thread) {
		pthread_cond_broadcast(&keeper.change);
		return 0;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&thread, NULL, keep, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result)
		return err_set(err, "no thread can be started: %s", strerror(result));
	pthread_detach(thread);
	keeper.has_thread = true;
	return 0;
}

/* Java is told of krb5.conf in its own way; Kerberos's library looks into the environment. */
void
tickets_prepare(void)
{
	char *path = jvm_property("java.security.krb5.conf", NULL);

	if (path)
		setenv("KRB5_CONFIG", path, 0);
	free(path);
}

static char *
copy(const char *s)
{
	return s && *s ? mem_strdup(s) : NULL;
}

/* How the settings say that the side logs in. */
static void
take_login(enum client_side side, const struct client_settings *settings)
{
	const char *keytab = client_settings_get(settings, "sasl.kerberos.keytab");
	const char *principal = client_settings_get(settings, "sasl.kerberos.principal");

	keeper.tickets[side].login = (struct kerberos_login){
		.principal = copy(principal),
		.keytab = copy(keytab),
		.cache = copy(keytab && *keytab ? own_caches[side] : settings->ticket_cache),
	};
}

/* As if it had never been. The lock is held. */
static void
forget_login(struct ticket *ticket)
{
	free((void *)(uintptr_t)ticket->login.principal);
	free((void *)(uintptr_t)ticket->login.keytab);
	free((void *)(uintptr_t)ticket->login.cache);
	memset(ticket, 0, sizeof(*ticket));
}

/* Has the thread make the first attempt, and waits for it. The lock is held. */
static int
begin(enum client_side side, const struct client_settings *settings, int64_t deadline,
	struct err *err)
{
	struct ticket *ticket = &keeper.tickets[side];
	int64_t wait = deadline - clock_ms();
	struct timespec until;
	int rc = 0;

	tickets_prepare();
	take_login(side, settings);
	snprintf(ticket->cache, sizeof(ticket->cache), "%s",
		ticket->login.cache ? ticket->login.cache : own_caches[side]);
	ticket->is_used = ticket->is_first = true;
	ticket->due = clock_ms();
	if (start_thread(err) < 0)
		return -1;
	clock_deadline_steady(wait > 0 ? (int)wait : 0, &until);
	while (ticket->is_first && rc == 0)
		rc = pthread_cond_timedwait(&keeper.change, &keeper.lock, &until);
	return 0;
}

/* What the first attempt has come to. The lock is held. */
static int
judge(enum client_side side, bool may_be_away, int timeout_ms, struct err *err)
{
	struct ticket *ticket = &keeper.tickets[side];

	if (may_be_away && (ticket->is_first || ticket->is_away))
		return 0;
	if (ticket->is_first)
		return err_set(err,
			"Kerberos login of the %s: no KDC has answered within %d seconds: see that "
			"the hosts of [realms] in krb5.conf are right, and can be reached from "
			"here by UDP or TCP at port 88",
			names[side], timeout_ms / 1000);
	if (!*ticket->first.text)
		return 0;
	*err = ticket->first;
	return err_prefix(err, "Kerberos login of the %s: ", names[side]);
}

/* timeout_ms is how long before the deadline it began. */
static int
need(enum client_side side, const struct client_settings *settings, bool may_be_away,
	int64_t deadline, int timeout_ms, struct err *err)
{
	struct ticket *ticket = &keeper.tickets[side];
	int rc = 0;

	if (!settings->wants_ticket)
		return 0;
	pthread_once(&once_begun, begin_once);
	pthread_mutex_lock(&first_lock);
	pthread_mutex_lock(&keeper.lock);
	if (!ticket->is_used)
		rc = begin(side, settings, deadline, err);
	if (!rc)
		rc = judge(side, may_be_away, timeout_ms, err);
	/* Another client may ask for it with other words in krb5.conf, or another cache. */
	if (rc && !ticket->is_first)
		forget_login(ticket);
	pthread_mutex_unlock(&keeper.lock);
	pthread_mutex_unlock(&first_lock);
	return rc;
}

int
tickets_need(enum client_side side, const struct client_settings *settings, struct err *err)
{
	return tickets_need_within(side, settings, FIRST_MS, err);
}

int
tickets_need_within(enum client_side side, const struct client_settings *settings, int timeout_ms,
	struct err *err)
{
	return need(side, settings, false, clock_ms() + timeout_ms, timeout_ms, err);
}

int
tickets_start(const struct config *config, struct err *err)
{
	int64_t deadline = clock_ms() + FIRST_MS;

	if (need(CLIENT_SOURCE, &config->consumer, true, deadline, FIRST_MS, err) < 0)
		return -1;
	return need(CLIENT_TARGET, &config->producer, true, deadline, FIRST_MS, err);
}

bool
tickets_stop(int timeout_ms)
{
	struct timespec until;
	bool is_over;
	int rc = 0;

	pthread_once(&once_begun, begin_once);
	clock_deadline_steady(timeout_ms, &until);
	pthread_mutex_lock(&keeper.lock);
	keeper.is_ending = true;
	pthread_cond_broadcast(&keeper.change);
	while (keeper.has_thread && !keeper.is_over && rc == 0)
		rc = pthread_cond_timedwait(&keeper.change, &keeper.lock, &until);
	is_over = !keeper.has_thread || keeper.is_over;
	for (int side = 0; is_over && side < CLIENT_SIDES; side++) {
		if (keeper.tickets[side].is_used && keeper.tickets[side].login.keytab)
			kerberos_forget(keeper.tickets[side].cache);
		forget_login(&keeper.tickets[side]);
	}
	if (is_over)
		keeper.has_thread = keeper.is_ending = keeper.is_over = false;
	pthread_mutex_unlock(&keeper.lock);
	return is_over;
}
