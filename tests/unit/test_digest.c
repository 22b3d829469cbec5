/* Unit tests of digests and codes, by published vectors. */
#include "tests/unit/unit.h"

#include "base/mem.h"
#include "script/digest.h"

TEST(murmur2_is_that_of_kafkas_java_client)
{
	static const struct {
		const char *key;
		int32_t hash;
	} rows[] = {{"21", -973932308}, {"foobar", -790332482},
		{"a-little-bit-long-string", -985981536},
		{"a-little-bit-longer-string", -1486304829},
		{"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
		{"abc", 479470107}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_INT(digest_murmur2(rows[i].key, strlen(rows[i].key)), rows[i].hash);
}

TEST(checksums_and_hashes_have_their_published_values)
{
	char out[DIGEST_XXHASH_SIZE + 1] = "";

	CHECK_INT(digest_crc32("123456789", 9), 0xcbf43926);
	CHECK_INT(digest_crc32("", 0), 0);
	CHECK_INT(digest_fnv1a("", 0), 0x811c9dc5);
	CHECK_INT(digest_fnv1a("foobar", 6), 0xbf9cf968);
	CHECK_INT(digest_fnv1a_sarama("foobar", 6), 0x40630698);
	CHECK_INT(digest_fnv1a_sarama("b", 1), digest_fnv1a_sarama("b", 1) & 0x7fffffff);
	digest_xxhash("", 0, out);
	CHECK_STR(out, "ef46db3751d8e999");
	digest_xxhash("abc", 3, out);
	CHECK_STR(out, "44bc2cf5ad770999");
}

static void
check_hex(const char *bytes, const char *expected)
{
	char out[2 * DIGEST_SHA256_SIZE + 1] = "";

	digest_hex(bytes, DIGEST_SHA256_SIZE, out);
	CHECK_STR(out, expected);
}

TEST(sha256_and_hmac_have_their_published_values)
{
	char out[DIGEST_SHA256_SIZE];

	CHECK_INT(digest_sha256("abc", 3, out), 0);
	check_hex(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	CHECK_INT(digest_sha256("", 0, out), 0);
	check_hex(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	CHECK_INT(digest_hmac("Jefe", 4, "what do ya want for nothing?", 28, out), 0);
	check_hex(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	CHECK_INT(digest_hmac("", 0, "", 0, out), 0);
	check_hex(out, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(a_fraction_is_the_same_for_the_same_bytes_and_spreads)
{
	int below = 0;
	char key[16];

	for (int i = 0; i < 10000; i++) {
		int n = snprintf(key, sizeof(key), "k%d", i);
		double f = digest_fraction(key, (size_t)n, 7);
		CHECK(f >= 0 && f < 1 && f == digest_fraction(key, (size_t)n, 7));
		below += f < 0.1;
	}
	CHECK(below > 850 && below < 1150);
}

TEST(hex_goes_both_ways)
{
	char out[8] = "";

	digest_hex("\x00\x0f\xff", 3, out);
	CHECK_STR(out, "000fff");
	CHECK_INT(digest_unhex("000FfF", 6, out), 3);
	CHECK(!memcmp(out, "\x00\x0f\xff", 3));
	CHECK_INT(digest_unhex("0", 1, out), -1);
	CHECK_INT(digest_unhex("0g", 2, out), -1);
	CHECK_INT(digest_unhex("", 0, out), 0);
}

TEST(base64_goes_both_ways)
{
	static const struct {
		const char *plain, *standard, *url;
	} rows[] = {{"", "", ""}, {"f", "Zg==", "Zg"}, {"fo", "Zm8=", "Zm8"},
		{"foo", "Zm9v", "Zm9v"}, {"foob", "Zm9vYg==", "Zm9vYg"},
		{"\xfb\xff", "+/8=", "-_8"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char out[16] = "", back[16] = "";
		size_t size = strlen(rows[i].plain);
		CHECK_INT(digest_base64(rows[i].plain, size, 0, out), strlen(rows[i].standard));
		CHECK_STR(out, rows[i].standard);
		memset(out, 0, sizeof(out));
		CHECK_INT(digest_base64(rows[i].plain, size, 1, out), strlen(rows[i].url));
		CHECK_STR(out, rows[i].url);
		CHECK_INT(digest_unbase64(out, strlen(out), back), size);
		CHECK_STR(back, rows[i].plain);
		CHECK_INT(digest_unbase64(rows[i].standard, strlen(rows[i].standard), back), size);
	}
}

TEST(what_is_not_base64_is_refused)
{
	static const char *const rows[] = {
		"A", "AAAAA", "Zg=", "Zg===", "====", "=", "Z=g=", "Zh==", "Zm9", "Zm 9"};
	char out[16];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_INT(digest_unbase64(rows[i], strlen(rows[i]), out), -1);
}
