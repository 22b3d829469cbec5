/* Digests and codes of bytes: what partitioners hash keys with, checksums, SHA-256, hex and base64.
 */
#ifndef SCRIPT_DIGEST_H
#define SCRIPT_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_SHA256_SIZE 32
#define DIGEST_XXHASH_SIZE 16

/* Kafka's murmur2, the number that Java's default partitioner has (signed). @thread any */
int32_t digest_murmur2(const char *bytes, size_t size);

/* CRC-32 as zlib, gzip and librdkafka's consistent partitioner have it. @thread any */
uint32_t digest_crc32(const char *bytes, size_t size);

/* FNV-1a of 32 bits. sarama: what librdkafka's fnv1a partitioner and Sarama make of it, the
   absolute value of the number read as signed. @thread any */
uint32_t digest_fnv1a(const char *bytes, size_t size);
uint32_t digest_fnv1a_sarama(const char *bytes, size_t size);

/* XXH64 with seed 0 as 16 hex digits, without a NUL. @thread any */
void digest_xxhash(const char *bytes, size_t size, char *out);

/* XXH64 with this seed as a number of [0, 1): the same bytes, the same number. @thread any */
double digest_fraction(const char *bytes, size_t size, double seed);

/* XXH3 of 128 bits with this seed, low half first. @thread any */
void digest_xxh3(const void *bytes, size_t size, uint64_t seed, uint64_t ret[2]);

/* SHA-256 and HMAC-SHA-256: 32 bytes into out. -1 when OpenSSL has none (a FIPS set-up may).
 * @thread any */
int digest_sha256(const char *bytes, size_t size, char *out);
int digest_hmac(const char *key, size_t key_size, const char *bytes, size_t size, char *out);

/* Two lower-case digits a byte, without a NUL. @thread any */
void digest_hex(const char *bytes, size_t size, char *out);

/* The bytes of hex digits of either case; returns how many, -1 when it is not hex. out: size / 2.
 * @thread any */
int32_t digest_unhex(const char *text, size_t size, char *out);

/* Base64 with padding, or with url the alphabet for file names and without padding; returns how
   many characters. out: (size + 2) / 3 * 4. @thread any */
int32_t digest_base64(const char *bytes, size_t size, int url, char *out);

/* The bytes of base64 in either alphabet, padding may be left out; returns how many, -1 when it is
   not base64. out: size. @thread any */
int32_t digest_unbase64(const char *text, size_t size, char *out);

#endif
