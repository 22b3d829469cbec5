/* Newer: records that may be at the target and need not, counted by content in bounded memory. */
#ifndef MIRROR_NEWER_H
#define MIRROR_NEWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct newer;

/* bytes: the most that it takes. @gives; newer_free */
struct newer *newer_new(size_t bytes);
void newer_free(struct newer **newer);

/* One more with this content, which is not 0; false: there is no room for it. */
bool newer_add(struct newer *newer, uint64_t content);

/* One less with this content; false: there is none. */
bool newer_take(struct newer *newer, uint64_t content);

/* How many were added. */
size_t newer_count(const struct newer *newer);

#endif
