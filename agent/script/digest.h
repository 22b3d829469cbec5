/* Digests: the hashes that Kafka clients choose partitions with, and those that scripts mask values with. */
#ifndef SCRIPT_DIGEST_H
#define SCRIPT_DIGEST_H

#include <stddef.h>
#include <stdint.h>

/* All: @thread any */

/* Kafka's hash of keys, signed as in Java (org.apache.kafka.common.utils.Utils.murmur2): a partition is
   (hash AND 0x7fffffff) modulo the number of partitions. */
int32_t digest_murmur2(const void *bytes, size_t size);

/* CRC-32 (ISO 3309), as librdkafka's "consistent" partitioner. */
uint32_t digest_crc32(const void *bytes, size_t size);

/* FNV-1a, 32 bits, as librdkafka's "fnv1a" partitioner (which takes its absolute value). */
uint32_t digest_fnv1a(const void *bytes, size_t size);

/* XXH64 with seed 0. */
uint64_t digest_xxhash(const void *bytes, size_t size);

/* SHA-256, and HMAC with it: 32 bytes into ret. */
void digest_sha256(const void *bytes, size_t size, unsigned char *ret);
void digest_hmac(const void *key, size_t key_size, const void *bytes, size_t size, unsigned char *ret);

#endif
