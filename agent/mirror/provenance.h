/* Provenance: the header in which a mirrored record carries where it came from.

   Its value is text, a list of hops with commas between them, the oldest first:

     east/orders:3@1042,west/orders:1@77

   was record 1042 of partition 3 of the topic orders in the cluster east; a mirror copied it to
   west, where it was record 77 of orders:1, and another one copied it from there. In full:

     value    full ("," hop)*                   at most PROVENANCE_HOPS_MOST in all
     hop      full | cluster
     full     cluster "/" place
     place    topic ":" partition "@" offset    decimal, without zeros in front
     cluster  origin_is_name, in config/origin.h
     topic    parse_is_topic_name, in base/parse.h

   None of the four signs can be in a name. Each mirror adds one hop at the end. Of more than
   provenance.hops places the first and the newest stay; of the others the cluster alone, and not
   even that where another hop names it as well. So no cluster that a record has passed is
   forgotten, and a list grows with the number of clusters only, even where records go round. More
   than PROVENANCE_HOPS_MOST hops do not fit: then the oldest of the clusters without a place is
   forgotten, but never the first hop.

   Whoever writes to a cluster can write such a header, too. What it says is a claim about its own
   record, believed as far as it has this form: it becomes the beginning of the list, and may have
   the record left out as one that came from the target. What has another form says nothing, and is
   replaced. Of several headers the last one that has it counts. */
#ifndef MIRROR_PROVENANCE_H
#define MIRROR_PROVENANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "config/origin.h"

#define PROVENANCE_HOPS_MOST 64

/* What the two clusters are called in the header; "": not known, or it need not be. */
struct provenance_clusters {
	char source[ORIGIN_NAME_MOST + 1];
	char target[ORIGIN_NAME_MOST + 1];
	char target_id[ORIGIN_NAME_MOST + 1]; /* as well, where mirrors go by the cluster's id */
};

/* The names by the configuration, or else the ids that the brokers tell ("" they tell none, NULL
   nobody has asked). An error where provenance or loop.drop need one that nobody tells; none for
   lack of an id that was not asked for. *ret is zeroed first. */
int provenance_name_clusters(const struct config *config, const char *source_id,
	const char *target_id, struct provenance_clusters *ret, struct err *err);

/* Must the target's id be asked for before the first record is mirrored? */
bool provenance_needs_target(const struct config *config);

/* A header's value, taken apart. Pointers are into the value. */
struct provenance_hop {
	const char *cluster, *place; /* place: "topic:partition@offset"; NULL: only the cluster is
					known */
	uint16_t cluster_size, place_size;
};
struct provenance_hops {
	const char *text; /* all of it */
	size_t size;
	size_t count, places; /* hops; those with a place */
	struct provenance_hop items[PROVENANCE_HOPS_MOST];
};

/* False when it has not the form. value may be NULL. @borrows value as long as *ret is used.
   @thread any */
bool provenance_parse(const void *value, size_t size, struct provenance_hops *ret);

/* Does a hop name this cluster? "" is no cluster. */
bool provenance_has(const struct provenance_hops *hops, const char *cluster);

/* What one stream needs to mark records and to find those that came from the target. One thread at
   a time. */
struct provenance;

/* NULL when the configuration asks for neither. @borrows config until provenance_free @gives;
   provenance_free */
struct provenance *provenance_new(
	const struct config *config, const struct provenance_clusters *clusters);

/* Frees and clears. NULL is accepted. */
void provenance_free(struct provenance **provenance);

/* The header's name, when records get it; NULL: they do not. */
const char *provenance_header(const struct provenance *provenance);

/* Are records left out by it? */
bool provenance_drops(const struct provenance *provenance);

/* What the last well-formed header of a consumer's message says; false: there is none. Without
   headers this costs next to nothing. @borrows the message's memory */
bool provenance_read(
	const struct provenance *provenance, void *message, struct provenance_hops *ret);

/* Did such a record come from the target? */
bool provenance_is_loop(const struct provenance *provenance, const struct provenance_hops *hops);

/* Has the record been in the source cluster before? */
bool provenance_is_back(const struct provenance *provenance, const struct provenance_hops *hops);

/* Did the record come from the source at last? */
bool provenance_is_from_source(
	const struct provenance *provenance, const struct provenance_hops *hops);

/* Is this the last hop: place (of provenance_place) and offset? */
bool provenance_ends_with(const struct provenance_hops *hops, const char *place, int64_t offset);

/* The new hop of a partition of the source, but for the offset: "east/orders:3@". @gives a string
 */
char *provenance_place(const struct provenance *provenance, const char *topic, int32_t partition);

/* The header's value for a record: hops (NULL: none) and one more, place and offset. It lives until
   the next call. */
const char *provenance_write(struct provenance *provenance, const struct provenance_hops *hops,
	const char *place, int64_t offset, size_t *ret_size);

#endif
