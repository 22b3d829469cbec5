/* Rules of single security properties: what librdkafka can do with what was written for Java. */
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "config/translation.h"

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

bool
translation_check_oidc(struct translation *t)
{
	const char *url = translation_other(t, "sasl.oauthbearer.token.endpoint.url");
	char why[256] = "";

	if (url && !strncasecmp(url, "file:", 5)) {
		translation_refuse(t, "tokens are not read from a file in this version; write the "
				      "https address where the client gets them with its secret");
		return false;
	}
	if (!t->known || t->known("sasl.oauthbearer.method", "oidc", why, sizeof(why)) == 1)
		return true;
	translation_refuse(t, "the installed librdkafka was built without OIDC, by which clients "
			      "get tokens; install one that has it, as Confluent's packages do "
			      "(it needs libcurl)");
	return false;
}

RULE(oidc)
{
	if (translation_check_oidc(t))
		rule_same(t, row, value);
}

RULE(sasl_handler)
{
	const char *dot = strrchr(value, '.'), *class = dot ? dot + 1 : value;

	(void)row;
	if (!strcmp(class, "OAuthBearerUnsecuredLoginCallbackHandler")) {
		translation_note(t, VERDICT_HANDLED, "what is done without it, too");
	} else if (!strcmp(class, "OAuthBearerLoginCallbackHandler") ||
		   !strcmp(class, "JaasClientOauthLoginCallbackHandler")) {
		if (translation_check_oidc(t))
			translation_give(t, "sasl.oauthbearer.method", "oidc", NULL);
	} else {
		translation_refuse(t, "'%s' is a Java class and cannot run here", value);
	}
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
