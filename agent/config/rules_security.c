/* Rules of single security properties: what librdkafka can do with what was written for Java. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "config/translation.h"

/* How the login of sasl.jaas.config is written instead. */
static const char *
jaas_way_out(const char *value)
{
	if (strstr(value, "Krb5LoginModule"))
		return "write sasl.kerberos.service.name, sasl.kerberos.principal and "
		       "sasl.kerberos.keytab with its parts instead";
	if (strstr(value, "OAuthBearerLoginModule"))
		return "write sasl.oauthbearer.method=oidc, sasl.oauthbearer.client.id, "
		       "sasl.oauthbearer.client.secret and sasl.oauthbearer.token.endpoint.url "
		       "instead";
	return "write sasl.username and sasl.password with its parts instead (a value @FILE is "
	       "read "
	       "from a file)";
}

RULE(jaas)
{
	(void)row;
	if (translation_has_sasl(t))
		translation_refuse(
			t, "is not read yet; remove the line and %s", jaas_way_out(value));
	else
		translation_warn(t, "has no effect without SASL in security.protocol");
}

RULE(mechanism)
{
	static const char *const names[] = {
		"GSSAPI", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"};

	(void)row;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcasecmp(value, names[i])) {
			translation_give(t, "sasl.mechanism", names[i], NULL);
			return;
		}
	}
	translation_refuse(
		t, "'%s' is none of: GSSAPI PLAIN SCRAM-SHA-256 SCRAM-SHA-512 OAUTHBEARER", value);
}

RULE(identification)
{
	(void)row;
	translation_give(t, "ssl.endpoint.identification.algorithm", *value ? value : "none", NULL);
}

/* How a file of keys or certificates starts. */
enum store_format { STORE_UNKNOWN, STORE_PEM, STORE_PKCS12, STORE_JKS };

/* By the property that names its type, or by the file's first bytes. @blocks on reading */
static enum store_format
store_format(const char *type, const char *path)
{
	unsigned char head[64] = {0};
	size_t n = 0;
	FILE *file;

	if (type && strcasestr(type, "PEM"))
		return STORE_PEM;
	file = fopen(path, "rbe");
	if (file) {
		n = fread(head, 1, sizeof(head) - 1, file);
		fclose(file);
	}
	if (n >= 4 && memcmp(head, "\xfe\xed\xfe\xed", 4) == 0)
		return STORE_JKS;
	if (n >= 2 && head[0] == 0x30 && head[1] >= 0x80)
		return STORE_PKCS12;
	if (strstr((const char *)head, "-----BEGIN"))
		return STORE_PEM;
	if (type && strcasestr(type, "PKCS12"))
		return STORE_PKCS12;
	return type && strcasestr(type, "JKS") ? STORE_JKS : STORE_UNKNOWN;
}

/* Is there use for a store, and can it be read? Gives the verdict when not. */
static bool
is_store_usable(struct translation *t, const char *path)
{
	if (!translation_has_tls(t))
		translation_warn(t, "has no effect without SSL in security.protocol");
	else if (access(path, R_OK))
		translation_refuse(t, "cannot read '%s': %s", path, strerror(errno));
	else
		return true;
	return false;
}

RULE(truststore)
{
	(void)row;
	if (!is_store_usable(t, value))
		return;
	switch (store_format(translation_other(t, "ssl.truststore.type"), value)) {
	case STORE_PEM: translation_give(t, "ssl.ca.location", value, NULL); return;
	case STORE_PKCS12:
		translation_refuse(t,
			"a PKCS12 file is not read yet; run `openssl pkcs12 -in %s -nokeys -out "
			"ca.pem` "
			"and write ssl.ca.location=ca.pem instead",
			value);
		return;
	case STORE_JKS:
	case STORE_UNKNOWN:
		translation_refuse(t,
			"a JKS file is not read yet; run `keytool -list -rfc -keystore %s > "
			"ca.pem` and "
			"write ssl.ca.location=ca.pem instead",
			value);
	}
}

RULE(keystore)
{
	char why[256];

	(void)row;
	if (!is_store_usable(t, value))
		return;
	switch (store_format(translation_other(t, "ssl.keystore.type"), value)) {
	case STORE_PEM:
		if (translation_give(
			    t, "ssl.certificate.location", value, "and ssl.key.location the same"))
			translation_add(t, "ssl.key.location", value, why);
		return;
	case STORE_PKCS12: translation_give(t, "ssl.keystore.location", value, NULL); return;
	case STORE_JKS:
	case STORE_UNKNOWN:
		translation_refuse(t,
			"a JKS file is not read yet; run `keytool -importkeystore -srckeystore %s "
			"-destkeystore client.p12 -deststoretype PKCS12` and write "
			"ssl.keystore.location=client.p12 and ssl.keystore.type=PKCS12 instead",
			value);
	}
}

RULE(keystore_password)
{
	const char *path = translation_other(t, "ssl.keystore.location");

	if (path && translation_has_tls(t) &&
		store_format(translation_other(t, "ssl.keystore.type"), path) == STORE_PKCS12)
		rule_same(t, row, value);
	else
		translation_note(t, VERDICT_IGNORED, "only a PKCS12 file has use for it");
}

RULE(sasl_handler)
{
	const char *dot = strrchr(value, '.'), *class = dot ? dot + 1 : value;

	(void)row;
	if (!strcmp(class, "OAuthBearerLoginCallbackHandler"))
		translation_give(t, "sasl.oauthbearer.method", "oidc", NULL);
	else
		translation_refuse(t, "'%s' is a Java class and cannot run here", value);
}

RULE(jwt_retriever)
{
	const char *dot = strrchr(value, '.'), *class = dot ? dot + 1 : value;

	(void)row;
	if (!strcmp(class, "JwtBearerJwtRetriever"))
		translation_give(t, "sasl.oauthbearer.grant.type",
			"urn:ietf:params:oauth:grant-type:jwt-bearer", NULL);
	else if (!strcmp(class, "DefaultJwtRetriever") ||
		 !strcmp(class, "ClientCredentialsJwtRetriever"))
		translation_note(t, VERDICT_IGNORED, "it is what librdkafka does");
	else
		translation_refuse(t, "'%s' is a Java class and cannot run here", value);
}
