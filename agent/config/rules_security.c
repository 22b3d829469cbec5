/* Rules of single security properties: what librdkafka can do with what was written for Java. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
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
	if (!strcasecmp(value, "AWS_MSK_IAM"))
		translation_refuse(t, "Amazon's AWS_MSK_IAM is a Java class and cannot run here; "
				      "turn SASL/SCRAM on for the cluster, and write "
				      "sasl.mechanism=SCRAM-SHA-512 with a user of it (port 9096)");
	else
		translation_refuse(t,
			"'%s' is none of: GSSAPI PLAIN SCRAM-SHA-256 SCRAM-SHA-512 OAUTHBEARER",
			value);
}

bool
translation_check_oidc(struct translation *t)
{
	char why[256] = "";

	if (!t->known || t->known("sasl.oauthbearer.method", "oidc", why, sizeof(why)) == 1)
		return true;
	translation_refuse(t,
		"the installed librdkafka was built without OIDC, by which clients "
		"get tokens; install one that has it, as Confluent's packages do "
		"(it needs libcurl), or have somebody write the token into a file and "
		"name it: sasl.oauthbearer.token.endpoint.url=file:///PATH");
	return false;
}

bool
translation_has_token_file(const struct translation *t)
{
	const char *url = translation_other(t, "sasl.oauthbearer.token.endpoint.url");
	const char *jaas = translation_other(t, "sasl.jaas.config");

	return (url && !strncasecmp(url, "file:", 5)) ||
	       (jaas && strstr(jaas, "oauth.access.token.location"));
}

RULE(token_url)
{
	if (!strncasecmp(value, "file:", 5)) {
		if (translation_take_token(t, value))
			translation_note(t, VERDICT_HANDLED,
				"read by the agent, again when it changes or grows old");
	} else if (translation_check_oidc(t)) {
		rule_same(t, row, value);
	}
}

RULE(oidc)
{
	if (translation_has_token_file(t))
		translation_note(t, VERDICT_IGNORED, "the token stands in a file");
	else if (translation_check_oidc(t))
		rule_same(t, row, value);
}

RULE(subject_claim)
{
	if (!translation_has_token_file(t)) {
		rule_newer(t, row, value);
		return;
	}
	free(t->settings->token.claim);
	t->settings->token.claim = mem_strdup(value);
	translation_note(t, VERDICT_HANDLED, "says whose the token is");
}

RULE(sasl_handler)
{
	const char *dot = strrchr(value, '.'), *class = dot ? dot + 1 : value;

	(void)row;
	if (!strcmp(class, "OAuthBearerUnsecuredLoginCallbackHandler")) {
		translation_note(t, VERDICT_HANDLED, "what is done without it, too");
	} else if (!strcmp(class, "OAuthBearerLoginCallbackHandler") ||
		   !strcmp(class, "JaasClientOauthLoginCallbackHandler")) {
		if (translation_has_token_file(t))
			translation_note(t, VERDICT_HANDLED, "the agent reads the token's file");
		else if (translation_check_oidc(t))
			translation_give(t, "sasl.oauthbearer.method", "oidc", NULL);
	} else {
		translation_refuse(t, "'%s' is a Java class and cannot run here", value);
	}
}

RULE(jwt_retriever)
{
	const char *dot = strrchr(value, '.'), *class = dot ? dot + 1 : value;

	(void)row;
	if (!strcmp(class, "FileJwtRetriever") && translation_has_token_file(t))
		translation_note(t, VERDICT_HANDLED, "the agent reads the token's file");
	else if (!strcmp(class, "FileJwtRetriever"))
		translation_refuse(t, "is nothing without the file: write "
				      "sasl.oauthbearer.token.endpoint.url=file:///PATH");
	else if (!strcmp(class, "JwtBearerJwtRetriever"))
		translation_give(t, "sasl.oauthbearer.grant.type",
			"urn:ietf:params:oauth:grant-type:jwt-bearer", NULL);
	else if (!strcmp(class, "DefaultJwtRetriever") ||
		 !strcmp(class, "ClientCredentialsJwtRetriever"))
		translation_note(t, VERDICT_IGNORED, "it is what librdkafka does");
	else
		translation_refuse(t, "'%s' is a Java class and cannot run here", value);
}
