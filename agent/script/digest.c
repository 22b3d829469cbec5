/* Digests and codes of bytes: what partitioners hash keys with, checksums, SHA-256, hex and base64.
 */
#include "script/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <xxhash.h>
#include <zlib.h>

static uint32_t
read_le32(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The numbers are those of org.apache.kafka.common.utils.Utils.murmur2; a key's partition hangs on
 * them. */
int32_t
digest_murmur2(const char *bytes, size_t size)
{
	const uint32_t m = 0x5bd1e995, seed = 0x9747b28c;
	const unsigned char *p = (const unsigned char *)bytes;
	uint32_t h = seed ^ (uint32_t)size;
	size_t left = size;

	for (; left >= 4; p += 4, left -= 4) {
		uint32_t k = read_le32(p) * m;
		h = (h * m) ^ ((k ^ (k >> 24)) * m);
	}
	if (left == 3)
		h ^= (uint32_t)p[2] << 16;
	if (left >= 2)
		h ^= (uint32_t)p[1] << 8;
	if (left)
		h = (h ^ p[0]) * m;
	h = (h ^ (h >> 13)) * m;
	return (int32_t)(h ^ (h >> 15));
}

uint32_t
digest_crc32(const char *bytes, size_t size)
{
	return (uint32_t)crc32_z(0, (const unsigned char *)bytes, size);
}

uint32_t
digest_fnv1a(const char *bytes, size_t size)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < size; i++)
		h = (h ^ (unsigned char)bytes[i]) * 16777619u;
	return h;
}

uint32_t
digest_fnv1a_sarama(const char *bytes, size_t size)
{
	uint32_t h = digest_fnv1a(bytes, size);

	return h & 0x80000000u ? 0u - h : h;
}

void
digest_xxhash(const char *bytes, size_t size, char *out)
{
	XXH64_canonical_t canonical;

	XXH64_canonicalFromHash(&canonical, XXH64(bytes, size, 0));
	digest_hex((const char *)canonical.digest, sizeof(canonical.digest), out);
}

double
digest_fraction(const char *bytes, size_t size, double seed)
{
	return (double)(XXH64(bytes, size, (XXH64_hash_t)seed) >> 11) / 9007199254740992.0;
}

void
digest_xxh3(const void *bytes, size_t size, uint64_t seed, uint64_t ret[2])
{
	XXH128_hash_t hash = XXH3_128bits_withSeed(bytes, size, seed);

	ret[0] = hash.low64;
	ret[1] = hash.high64;
}

int
digest_sha256(const char *bytes, size_t size, char *out)
{
	return EVP_Digest(bytes, size, (unsigned char *)out, NULL, EVP_sha256(), NULL) ? 0 : -1;
}

int
digest_hmac(const char *key, size_t key_size, const char *bytes, size_t size, char *out)
{
	if (key_size > INT32_MAX)
		return -1;
	return HMAC(EVP_sha256(), key, (int)key_size, (const unsigned char *)bytes, size,
		       (unsigned char *)out, NULL)
		       ? 0
		       : -1;
}

void
digest_hex(const char *bytes, size_t size, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		*out++ = digits[(unsigned char)bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 32) >= 'a' && (c | 32) <= 'f')
		return (c | 32) - 'a' + 10;
	return -1;
}

int32_t
digest_unhex(const char *text, size_t size, char *out)
{
	if (size % 2 || size > INT32_MAX)
		return -1;
	for (size_t i = 0; i < size; i += 2) {
		int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
		if (high < 0 || low < 0)
			return -1;
		*out++ = (char)(high << 4 | low);
	}
	return (int32_t)(size / 2);
}

int32_t
digest_base64(const char *bytes, size_t size, int url, char *out)
{
	static const char standard[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char for_url[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *letters = url ? for_url : standard;
	const unsigned char *p = (const unsigned char *)bytes;
	char *o = out;

	for (size_t i = 0; i < size; i += 3) {
		size_t n = size - i < 3 ? size - i : 3;
		uint32_t word = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
				(n > 2 ? p[i + 2] : 0);
		for (size_t k = 0; k < 4; k++)
			if (k <= n)
				*o++ = letters[word >> (18 - 6 * k) & 63];
			else if (!url)
				*o++ = '=';
	}
	return (int32_t)(o - out);
}

static int
base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

int32_t
digest_unbase64(const char *text, size_t size, char *out)
{
	uint32_t word = 0, bits = 0;
	char *o = out;

	if (size > INT32_MAX)
		return -1;
	/* Padding is only what fills the last four up. */
	if (size && size % 4 == 0 && text[size - 1] == '=')
		size -= text[size - 2] == '=' ? 2 : 1;
	if (size % 4 == 1)
		return -1;
	for (size_t i = 0; i < size; i++) {
		int digit = base64_digit(text[i]);
		if (digit < 0)
			return -1;
		word = word << 6 | (uint32_t)digit;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*o++ = (char)(word >> bits);
		}
	}
	/* Bits left over are zero in what an encoder made: two texts for the same bytes would be
	 * two keys. */
	return word & ((1u << bits) - 1) ? -1 : (int32_t)(o - out);
}
