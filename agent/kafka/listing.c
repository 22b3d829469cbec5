/* All topics of a cluster, asked for once, so that the library knows them before they are used. */
#include "kafka/listing.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "kafka/library.h"

/* How long an answer may take, doubled whenever it takes longer: over a line of a second and more
   none comes in the first one. */
#define ANSWER_MS 1000
#define MOST_ANSWER_MS 8000
#define TRIES 5

struct listing {
	pthread_t thread;
	rd_kafka_t *rk;
	int fd;
	atomic_bool is_over, must_end;
};

/* From 2.1.0 to 2.3.0 the library forgets all it knew with such an answer, and until 2.9.0 it keeps
   of it only what it had asked for before (rd_kafka_parse_Metadata). */
static bool
is_kept(void)
{
	return !library_at_least(2, 1, 0) || library_at_least(2, 10, 0);
}

static void *
run(void *arg)
{
	static const uint64_t one = 1;
	struct listing *l = arg;
	const struct rd_kafka_metadata *md;
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TRANSPORT;
	int answer_ms = ANSWER_MS;

	for (int tries = 0; code && tries < TRIES && !atomic_load(&l->must_end);) {
		code = rd_kafka_metadata(l->rk, 1, NULL, &md, answer_ms);
		if (!code)
			rd_kafka_metadata_destroy(md);
		if (code == RD_KAFKA_RESP_ERR__TRANSPORT)
			answer_ms = ANSWER_MS;
		else if (code == RD_KAFKA_RESP_ERR__TIMED_OUT && answer_ms < MOST_ANSWER_MS)
			answer_ms *= 2;
		/* Without a broker nothing could be sent either. */
		tries += code != RD_KAFKA_RESP_ERR__TRANSPORT;
	}
	atomic_store(&l->is_over, true);
	if (write(l->fd, &one, sizeof(one)) < 0)
		return NULL;
	return NULL;
}

struct listing *
listing_start(rd_kafka_t *rk, int fd)
{
	struct listing *l;

	if (!is_kept())
		return NULL;
	l = mem_zero(1, sizeof(*l));
	l->rk = rk;
	l->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (l->fd >= 0 && pthread_create(&l->thread, NULL, run, l) == 0)
		return l;
	if (l->fd >= 0)
		close(l->fd);
	free(l);
	return NULL;
}

bool
listing_is_over(const struct listing *l)
{
	return atomic_load(&l->is_over);
}

void
listing_leave(struct listing *l)
{
	if (l)
		atomic_store(&l->must_end, true);
}

void
listing_free(struct listing **listing)
{
	struct listing *l = *listing;

	if (!l)
		return;
	listing_leave(l);
	pthread_join(l->thread, NULL);
	close(l->fd);
	free(l);
	*listing = NULL;
}
