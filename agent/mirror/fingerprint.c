/* The fingerprint: what is kept of a record to compare it, instead of its bytes. */
#include "mirror/fingerprint.h"

#include <string.h>

#include "script/digest.h"

/* What stands in front of each part, so that null is not empty, and a header is not a value. */
enum part { PART_KEY = 1, PART_VALUE, PART_NAME, PART_HEADER };
#define PART_IS_NULL 16

uint64_t
fingerprint_mix(uint64_t x)
{
	/* The finalizer of SplitMix64. */
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* One more part: each half goes into both, in an order that counts. */
static void
add(struct fingerprint *fp, enum part part, const void *bytes, size_t size)
{
	uint64_t seed = fp->content[0] ^ (uint64_t)part ^ (bytes ? 0 : PART_IS_NULL), hash[2];

	digest_xxh3(bytes ? bytes : "", bytes ? size : 0, seed, hash);
	fp->content[0] = hash[0] + fp->content[1] * 0x9e3779b97f4a7c15u;
	fp->content[1] = fingerprint_mix(fp->content[1] ^ hash[1]) + hash[0];
}

void
fingerprint_begin(struct fingerprint *fp, const void *key, size_t key_size, const void *value,
	size_t value_size)
{
	*fp = (struct fingerprint){.key_size = (uint32_t)(key ? key_size : 0),
		.value_size = (uint32_t)(value ? value_size : 0),
		.has_key = key != NULL};
	add(fp, PART_KEY, key, key_size);
	fp->key = fp->content[0];
	fp->place = key ? (uint32_t)digest_murmur2(key, key_size) & 0x7fffffff : 0;
	add(fp, PART_VALUE, value, value_size);
}

void
fingerprint_header(struct fingerprint *fp, const char *name, const void *value, size_t value_size)
{
	add(fp, PART_NAME, name, strlen(name));
	add(fp, PART_HEADER, value, value_size);
}

void
fingerprint_end(struct fingerprint *fp, int64_t timestamp)
{
	uint64_t time = fingerprint_mix((uint64_t)timestamp + 0x9e3779b97f4a7c15u);

	fp->bare = fp->content[0];
	fp->timestamp = timestamp;
	fp->content[0] = fingerprint_mix(fp->content[0] ^ time);
	fp->content[1] += time;
}
