/* Digests: the hashes that Kafka clients choose partitions with, and those that scripts mask values with. */
#include "script/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <xxhash.h>

int32_t
digest_murmur2(const void *bytes, size_t size)
{
	const unsigned char *p = bytes;
	const uint32_t m = 0x5bd1e995;
	uint32_t h = 0x9747b28c ^ (uint32_t)size, k;
	size_t left = size;

	for (; left >= 4; p += 4, left -= 4) {
		k = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
		k *= m;
		k ^= k >> 24;
		h = (h * m) ^ (k * m);
	}
	for (size_t i = left; i-- > 0;)
		h ^= (uint32_t)p[i] << (8 * i);
	if (left > 0)
		h *= m;
	h = (h ^ h >> 13) * m;
	return (int32_t)(h ^ h >> 15);
}

/* One table for the byte at each of eight distances from the end of a step. */
static uint32_t crc_table[8][256];

__attribute__((constructor)) static void
make_crc_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
		crc_table[0][i] = c;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int t = 1; t < 8; t++)
			crc_table[t][i] = crc_table[t - 1][i] >> 8 ^ crc_table[0][crc_table[t - 1][i] & 255];
}

uint32_t
digest_crc32(const void *bytes, size_t size)
{
	const unsigned char *p = bytes;
	uint32_t c = 0xffffffffu;

	for (; size >= 8; p += 8, size -= 8) {
		uint32_t low = c ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
					   (uint32_t)p[3] << 24);

		c = crc_table[7][low & 255] ^ crc_table[6][low >> 8 & 255] ^
		    crc_table[5][low >> 16 & 255] ^ crc_table[4][low >> 24] ^ crc_table[3][p[4]] ^
		    crc_table[2][p[5]] ^ crc_table[1][p[6]] ^ crc_table[0][p[7]];
	}
	while (size-- > 0)
		c = c >> 8 ^ crc_table[0][(c ^ *p++) & 255];
	return c ^ 0xffffffffu;
}

uint32_t
digest_fnv1a(const void *bytes, size_t size)
{
	const unsigned char *p = bytes;
	uint32_t h = 0x811c9dc5u;

	for (size_t i = 0; i < size; i++)
		h = (h ^ p[i]) * 0x01000193u;
	return h;
}

uint64_t
digest_xxhash(const void *bytes, size_t size)
{
	return XXH64(bytes, size, 0);
}

void
digest_sha256(const void *bytes, size_t size, unsigned char *ret)
{
	EVP_Digest(bytes, size, ret, NULL, EVP_sha256(), NULL);
}

void
digest_hmac(const void *key, size_t key_size, const void *bytes, size_t size, unsigned char *ret)
{
	HMAC(EVP_sha256(), key, (int)key_size, bytes, size, ret, NULL);
}
