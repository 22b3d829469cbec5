/* Rules of TLS itself: cipher suites by Java's names, versions, whose name a certificate must have.
 */
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "config/translation.h"

/* Where OpenSSL is told which versions it may use. */
#define OPENSSL_PLACE \
	"[system_default_sect] of /etc/ssl/openssl.cnf, or of the file that OPENSSL_CONF names"

/* The next entry of a list; *s moves behind it. NULL at its end. @gives a string */
static char *
next_entry(const char **s)
{
	size_t n;
	char *entry;

	*s += strspn(*s, ", \t:[]");
	n = strcspn(*s, ", \t:[]");
	entry = n ? mem_strndup(*s, n) : NULL;
	*s += n;
	return entry;
}

RULE(identification)
{
	(void)row;
	translation_give(t, "ssl.endpoint.identification.algorithm", *value ? value : "none", NULL);
}

/* A suite of TLS 1.3, which cannot be chosen by ssl.cipher.suites; and the sign that is no suite.
 */
static bool
is_fixed(const char *suite)
{
	return !strncmp(suite, "TLS_AES_", 8) || !strncmp(suite, "TLS_CHACHA20_POLY1305_SHA", 25) ||
	       !strcmp(suite, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV");
}

/* OpenSSL's name of a suite; names that are not Java's stay. NULL: OpenSSL does not have it. */
static const char *
openssl_name(const char *suite)
{
	char *standard;
	const char *name;

	if (strncmp(suite, "TLS_", 4) != 0 && strncmp(suite, "SSL_", 4) != 0)
		return suite;
	standard = mem_printf("TLS_%s", suite + 4);
	name = OPENSSL_cipher_name(standard);
	free(standard);
	return name && strcmp(name, "(NONE)") != 0 ? name : NULL;
}

RULE(cipher_suites)
{
	struct text names = {0}, unknown = {0};
	const char *s = value;
	bool has_fixed = false;
	char *suite;

	(void)row;
	while ((suite = next_entry(&s))) {
		const char *name = openssl_name(suite);

		if (is_fixed(suite))
			has_fixed = true;
		else if (name)
			text_printf(&names, "%s%s", names.length ? ":" : "", name);
		else
			text_printf(&unknown, "%s%s", unknown.length ? ", " : "", suite);
		free(suite);
	}
	if (unknown.length && names.length)
		problems_warn(t->problems, t->current->origin,
			"ssl.cipher.suites: OpenSSL does not have %s; the other suites are used",
			unknown.s);
	if (names.length)
		translation_give(t, "ssl.cipher.suites", names.s,
			has_fixed ? "those of TLS 1.3 are always there" : NULL);
	else if (has_fixed)
		translation_warn(t,
			"names suites of TLS 1.3 only, which are always there; to refuse TLS 1.2 "
			"write MinProtocol = TLSv1.3 into " OPENSSL_PLACE);
	else if (unknown.length)
		translation_refuse(t,
			"OpenSSL has none of these; `openssl ciphers -stdname` lists what it has");
	else
		translation_note(t, VERDICT_IGNORED, "empty: the default stays");
	text_fini(&names);
	text_fini(&unknown);
}

RULE(tls_versions)
{
	bool has_common = false, has_newest = false, has_old = false;
	const char *s = value;
	char *version;

	while ((version = next_entry(&s))) {
		if (!strcasecmp(version, "TLSv1.2") || !strcasecmp(version, "TLS") ||
			!strcasecmp(version, "SSL"))
			has_common = true;
		else if (!strcasecmp(version, "TLSv1.3"))
			has_newest = true;
		else
			has_old = true;
		free(version);
	}
	/* The newest one that is allowed is what ssl.protocol means for Java. */
	if (has_common || !(has_newest || has_old) ||
		(has_newest && !strcmp(row->name, "ssl.protocol")))
		translation_note(t, VERDICT_IGNORED,
			"the newest version that both sides have is used, from 1.2 on");
	else if (has_newest)
		translation_warn(t, "has no effect here: TLS 1.2 is taken as well; to refuse it "
				    "write MinProtocol = TLSv1.3 into " OPENSSL_PLACE);
	else
		translation_warn(t,
			"has no effect here: OpenSSL refuses versions before 1.2; if the brokers "
			"have no other, write MinProtocol = TLSv1 and CipherString = "
			"DEFAULT@SECLEVEL=0 into " OPENSSL_PLACE);
}
