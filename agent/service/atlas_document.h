/* The atlas as it is kept: one JSON document a source partition. */
#ifndef SERVICE_ATLAS_DOCUMENT_H
#define SERVICE_ATLAS_DOCUMENT_H

#include <stddef.h>

#include "base/err.h"
#include "mirror/atlas.h"

/* The key that it is kept under. @gives a string */
char *atlas_document_key(const struct leaf *leaf);

/* A leaf's map, at most about 4000 runs of it, the newest whole. writer: who says so. @gives a
 * string */
char *atlas_document(const struct leaf *leaf, const char *writer);

/* What was kept. */
struct atlas_kept {
	char *topic, *writer;
	int32_t partition;
	bool is_clean;
	struct offset_map *map;
};

/* Reads a document. -1: it is none, or of a newer kind. @gives what *ret holds; atlas_kept_fini */
int atlas_document_read(const char *text, size_t size, struct atlas_kept *ret, struct err *err);

/* Frees what is still there. */
void atlas_kept_fini(struct atlas_kept *kept);

#endif
