/* Fencing: a transactional.id is taken from whoever writes under it. */
#ifndef KAFKA_FENCE_H
#define KAFKA_FENCE_H

#include <stdatomic.h>

#include "base/err.h"
#include "config/config.h"
#include "kafka/outcome.h"

/* When DONE, an open transaction under this transactional.id is aborted, or completed where that
   was decided before, and its producer's calls fail from now on. AGAIN: not yet; REFUSED: the
   target will not have it. err says why. @blocks until then, a time-out of seconds, or *must_stop
 */
enum outcome fence_writer(const struct config *config, const char *transactional_id,
	const atomic_bool *must_stop, struct err *err);

#endif
