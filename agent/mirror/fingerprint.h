/* The fingerprint: what is kept of a record to compare it, instead of its bytes. */
#ifndef MIRROR_FINGERPRINT_H
#define MIRROR_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Two records have the same one when key, value, headers and timestamp are the same, byte for byte;
   others do not, but for a chance of 1 in 2^128 (bare and key: 1 in 2^64). Null is not empty. */
struct fingerprint {
	uint64_t content[2];
	uint64_t bare; /* of all but the timestamp */
	uint64_t key;
	int64_t timestamp; /* ms, -1: none */
	uint32_t place; /* murmur2 of the key, as Java's partitioner takes it modulo; 0: no key */
	uint32_t key_size, value_size;
	bool has_key; /* the key is not null */
};

/* Begins with key and value; NULL is null. @thread any, for all calls */
void fingerprint_begin(struct fingerprint *fp, const void *key, size_t key_size, const void *value,
	size_t value_size);

/* Adds a header; in their order, between begin and end. */
void fingerprint_header(
	struct fingerprint *fp, const char *name, const void *value, size_t value_size);

/* Ends with the timestamp. */
void fingerprint_end(struct fingerprint *fp, int64_t timestamp);

/* A number's bits, spread over all of a 64-bit number; the same number, the same bits. */
uint64_t fingerprint_mix(uint64_t number);

#endif
