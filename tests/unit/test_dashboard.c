/* Unit tests of the embedded page: it is the file, and its policy is about the file. */
#include "tests/unit/unit.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/mem.h"
#include "service/dashboard.h"

TEST(the_page_is_the_file)
{
	FILE *file = fopen("agent/service/dashboard.html", "rb");
	char *text = mem_alloc(dashboard_size + 2);
	size_t size = 0;

	if (CHECK(file != NULL)) {
		size = fread(text, 1, dashboard_size + 2, file);
		fclose(file);
	}
	CHECK_INT(size, dashboard_size);
	CHECK(size == dashboard_size && !memcmp(text, dashboard_html, size));
	CHECK_INT(strlen(dashboard_html), dashboard_size);
	free(text);
}

/* Does the policy hold the hash of what this element of the page holds? */
static bool
is_allowed(const char *element)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char encoded[2 * EVP_MAX_MD_SIZE];
	char *open = mem_printf("<%s>", element), *close = mem_printf("</%s>", element);
	const char *from = strstr(dashboard_html, open), *to = from ? strstr(from, close) : NULL;
	char *source = NULL;
	unsigned length;
	bool is = false;

	if (CHECK(to != NULL)) {
		from += strlen(open);
		EVP_Digest(from, (size_t)(to - from), digest, &length, EVP_sha256(), NULL);
		EVP_EncodeBlock((unsigned char *)encoded, digest, (int)length);
		source = mem_printf("; %s-src 'sha256-%s'; ", element, encoded);
		is = strstr(dashboard_csp, source) != NULL;
	}
	free(open);
	free(close);
	free(source);
	return is;
}

TEST(the_policy_allows_its_style_and_script_and_nothing_else)
{
	CHECK(is_allowed("style"));
	CHECK(is_allowed("script"));
	CHECK(strstr(dashboard_csp, "default-src 'none'; ") == dashboard_csp);
	CHECK(strstr(dashboard_csp, "; frame-ancestors 'none'") != NULL);
	CHECK(strstr(dashboard_csp, "unsafe") == NULL);
}
