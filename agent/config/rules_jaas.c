/* Rules of logins: what the login modules of JAAS mean for librdkafka. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/file.h"
#include "config/jaas.h"
#include "config/jvm.h"
#include "config/placeholder.h"
#include "config/privacy.h"
#include "config/translation.h"

/* Where Java is told of its login file, and what part of that is Kafka's clients'. */
#define LOGIN_FILE "java.security.auth.login.config"
#define CONTEXT "KafkaClient"

/* One login on its way to settings. */
struct login {
	struct translation *t;
	const struct jaas_module *module;
	const char *where; /* "jaas.conf:3: ", "" in a line */
	struct text given; /* the settings that were made of it */
	bool is_refused;
};

/* The first thing that is wrong with it is said. */
static void refuse(struct login *login, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
refuse(struct login *login, const char *fmt, ...)
{
	struct text text = {0};
	va_list ap;

	if (login->is_refused)
		return;
	va_start(ap, fmt);
	text_vprintf(&text, fmt, ap);
	va_end(ap);
	translation_refuse(login->t, "%s%s", login->where, text.s);
	text_fini(&text);
	login->is_refused = true;
}

/* Gives a setting to the library; nothing of it is shown but its name. */
static void
give(struct login *login, const char *name, const char *value)
{
	char why[256] = "";
	int answer = translation_add(login->t, name, value, why);

	if (answer == 1)
		text_printf(&login->given, "%s%s", login->given.length ? ", " : "", name);
	else if (answer == 0)
		refuse(login, "the installed librdkafka does not know %s, which this login needs",
			name);
	else
		refuse(login, "librdkafka does not take the value for %s", name);
}

/* Is the option given, and true? */
static bool
is_true(const struct jaas_module *module, const char *name)
{
	const char *value = jaas_get(module, name);

	return value && !strcasecmp(value, "true");
}

static void
take_password(struct login *login)
{
	static const struct {
		const char *option, *to;
	} needed[] = {{"username", "sasl.username"}, {"password", "sasl.password"}};

	if (is_true(login->module, "tokenauth")) {
		refuse(login,
			"librdkafka cannot log in with delegation tokens (tokenauth=true); make a "
			"user for the agent with `kafka-configs.sh --alter --add-config "
			"'SCRAM-SHA-512=[password=...]' --entity-type users --entity-name NAME`");
		return;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		const char *value = jaas_get(login->module, needed[i].option);

		if (value)
			give(login, needed[i].to, value);
		else
			refuse(login, "%s has no option '%s'", jaas_class(login->module),
				needed[i].option);
	}
}

/* A path without the file: that Java takes in front of it. */
static const char *
without_scheme(const char *path)
{
	if (strncasecmp(path, "file:", 5) != 0)
		return path;
	path += 5;
	return !strncmp(path, "///", 3) ? path + 2 : path;
}

static void
take_service(struct login *login)
{
	const char *service = jaas_get(login->module, "serviceName");
	const char *other = translation_other(login->t, "sasl.kerberos.service.name");

	if (!service)
		return;
	if (other && strcmp(other, service) != 0)
		refuse(login,
			"serviceName is '%s', but sasl.kerberos.service.name is '%s'; write the "
			"same, or leave one of them out",
			service, other);
	else
		give(login, "sasl.kerberos.service.name", service);
}

static void
take_keytab(struct login *login, const char *path)
{
	const char *principal = jaas_get(login->module, "principal");

	path = without_scheme(path);
	if (!principal) {
		refuse(login,
			"a key tab is given, but not whose: write principal=\"NAME@REALM\" "
			"(`klist -k %s` lists the names in it)",
			path);
	} else if (access(path, R_OK)) {
		refuse(login, "cannot read the key tab '%s': %s", path, strerror(errno));
	} else {
		give(login, "sasl.kerberos.keytab", path);
		give(login, "sasl.kerberos.principal", principal);
		privacy_check_file(path, "the key of the Kerberos principal",
			login->t->current->origin, login->t->problems);
	}
}

/* A ticket that others get and renew. Java's caches are files. */
static void
take_cache(struct login *login)
{
	const char *principal = jaas_get(login->module, "principal");
	const char *cache = jaas_get(login->module, "ticketCache");
	const char *ibm = jaas_get(login->module, "useCcache"); /* IBM's names the file itself */
	struct client_settings *settings = login->t->settings;

	if (!cache && ibm && strcasecmp(ibm, "true") != 0 && strcasecmp(ibm, "false") != 0)
		cache = ibm;
	if (cache)
		privacy_check_file(without_scheme(cache), "a Kerberos ticket",
			login->t->current->origin, login->t->problems);
	free(settings->ticket_cache);
	settings->ticket_cache = cache ? mem_printf("FILE:%s", without_scheme(cache)) : NULL;
	text_printf(&login->given, "%sthe ticket in %s", login->given.length ? ", " : "",
		cache ? settings->ticket_cache : "the default cache");
	if (principal)
		give(login, "sasl.kerberos.principal", principal);
}

static void
take_kerberos(struct login *login)
{
	const struct jaas_module *module = login->module;
	const char *keytab = jaas_get(module, "keyTab");
	const char *ibm = jaas_get(module, "useKeytab"); /* IBM's names the file itself */

	if (ibm && strcasecmp(ibm, "true") != 0 && strcasecmp(ibm, "false") != 0)
		keytab = ibm;
	else if (!is_true(module, "useKeyTab"))
		keytab = NULL;
	take_service(login);
	if (keytab)
		take_keytab(login, keytab);
	else if (is_true(module, "useKeyTab"))
		refuse(login, "useKeyTab=true needs the file: write keyTab=\"/PATH/TO.keytab\"");
	else if (is_true(module, "useTicketCache") || is_true(module, "useDefaultCcache") ||
		 jaas_get(module, "useCcache"))
		take_cache(login);
	else
		refuse(login,
			"%s names neither a key tab nor a ticket cache; write "
			"useKeyTab=true, keyTab=\"FILE\" and principal=\"NAME@REALM\", or "
			"useTicketCache=true",
			jaas_class(module));
}

/* Options of OAuthBearerLoginModule, Kafka's and Strimzi's, for a client with a secret. */
static const struct {
	const char *option, *to;
} oauth_options[] = {
	{"clientId", "sasl.oauthbearer.client.id"},
	{"clientSecret", "sasl.oauthbearer.client.secret"},
	{"scope", "sasl.oauthbearer.scope"},
	{"oauth.client.id", "sasl.oauthbearer.client.id"},
	{"oauth.client.secret", "sasl.oauthbearer.client.secret"},
	{"oauth.scope", "sasl.oauthbearer.scope"},
	{"oauth.token.endpoint.uri", "sasl.oauthbearer.token.endpoint.url"},
};

/* All options with this prefix as name=value, separator between them, before in front of each.
 * @gives a string */
static char *
print_extensions(const struct jaas_module *module, const char *prefix, const char *before,
	const char *separator)
{
	struct text text = {0};

	for (size_t i = 0; i < module->count; i++) {
		const struct jaas_option *option = &module->options[i];

		if (!strncmp(option->name, prefix, strlen(prefix)))
			text_printf(&text, "%s%s%s=%s", text.length ? separator : "", before,
				option->name + strlen(prefix), option->value);
	}
	return text_take(&text);
}

/* The token without a signature that Kafka has for tests. */
static void
take_unsecured(struct login *login, const char *subject)
{
	const char *seconds = jaas_get(login->module, "unsecuredLoginLifetimeSeconds");
	char *extensions =
		print_extensions(login->module, "unsecuredLoginExtension_", "extension_", " ");
	char *config = mem_printf("principalClaimName=sub principal=%s%s%s%s%s", subject,
		seconds ? " lifeSeconds=" : "", seconds ? seconds : "", *extensions ? " " : "",
		extensions);

	if (strpbrk(subject, " \t"))
		refuse(login, "librdkafka takes no blanks in unsecuredLoginStringClaim_sub");
	give(login, "enable.sasl.oauthbearer.unsecure.jwt", "true");
	give(login, "sasl.oauthbearer.config", config);
	free(config);
	free(extensions);
}

static void
take_client(struct login *login)
{
	const char *url = translation_other(login->t, "sasl.oauthbearer.token.endpoint.url");
	char *extensions = print_extensions(login->module, "extension_", "", ",");

	if (!url)
		url = jaas_get(login->module, "oauth.token.endpoint.uri");
	if (!url) {
		refuse(login, "nothing says where tokens come from; write "
			      "sasl.oauthbearer.token.endpoint.url=https://HOST/PATH");
	} else if (translation_check_oidc(login->t)) {
		give(login, "sasl.oauthbearer.method", "oidc");
		for (size_t i = 0; i < sizeof(oauth_options) / sizeof(*oauth_options); i++) {
			const char *value = jaas_get(login->module, oauth_options[i].option);

			if (value)
				give(login, oauth_options[i].to, value);
		}
		if (*extensions)
			give(login, "sasl.oauthbearer.extensions", extensions);
	} else {
		login->is_refused = true; /* and it is said why */
	}
	free(extensions);
}

bool
translation_take_token(struct translation *t, const char *path)
{
	struct client_token *token = &t->settings->token;
	struct err err;

	path = without_scheme(path);
	if (file_check_lasting(path, &err)) {
		translation_refuse(t, "%s", err.text);
		return false;
	}
	free(token->file);
	free(token->origin);
	token->file = mem_strdup(path);
	token->origin = mem_strdup(t->current->origin);
	privacy_check_file(path, "a token", t->current->origin, t->problems);
	return true;
}

/* A token that somebody else gets and writes into a file. */
static void
take_token_file(struct login *login, const char *path)
{
	struct client_token *token = &login->t->settings->token;
	char *extensions = print_extensions(login->module, "extension_", "", ",");

	if (path && !translation_take_token(login->t, path))
		login->is_refused = true; /* and it is said why */
	free(token->extensions);
	token->extensions = extensions;
}

static void
take_oauth(struct login *login)
{
	const char *subject = jaas_get(login->module, "unsecuredLoginStringClaim_sub");
	const char *file = jaas_get(login->module, "oauth.access.token.location");

	if (subject)
		take_unsecured(login, subject);
	else if (file || translation_has_token_file(login->t))
		take_token_file(login, file);
	else if (jaas_get(login->module, "oauth.access.token"))
		refuse(login,
			"a token in the line itself cannot be renewed; write it into a file, and "
			"oauth.access.token.location=\"FILE\"");
	else if (jaas_get(login->module, "clientId") ||
		 jaas_get(login->module, "oauth.client.id") ||
		 translation_other(login->t, "sasl.oauthbearer.client.credentials.client.id"))
		take_client(login);
	else if (!translation_other(login->t, "sasl.oauthbearer.method") &&
		 !translation_other(login->t, "sasl.oauthbearer.assertion.algorithm"))
		refuse(login, "OAuthBearerLoginModule says nothing about the client; write "
			      "clientId=\"...\" and clientSecret=\"...\" into it, or "
			      "sasl.oauthbearer.token.endpoint.url=file:///PATH for a token that "
			      "stands in a file");
}

/* The login modules by what stands behind the last dot of their class: other packages have copies
 * of them. */
static const struct login_kind {
	const char *class, *mechanism; /* what the mechanism begins with */
	void (*take)(struct login *login);
} kinds[] = {
	{"PlainLoginModule", "PLAIN", take_password},
	{"ScramLoginModule", "SCRAM-", take_password},
	{"Krb5LoginModule", "GSSAPI", take_kerberos},
	{"OAuthBearerLoginModule", "OAUTHBEARER", take_oauth},
};

static const struct login_kind *
find_kind(const struct jaas_module *module)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(jaas_class(module), kinds[i].class))
			return &kinds[i];
	return NULL;
}

/* The mechanism that the configuration names; NULL: it names none. */
static const char *
given_mechanism(const struct translation *t)
{
	static const char *const names[] = {"rdkafka.sasl.mechanism", "rdkafka.sasl.mechanisms",
		"sasl.mechanism", "sasl.mechanisms"};
	const char *value = NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !value; i++)
		value = translation_other(t, names[i]);
	return value;
}

/* The mechanism of the client; Java's default, and librdkafka's, is Kerberos. */
static const char *
mechanism(const struct translation *t)
{
	const char *given = given_mechanism(t);

	return given ? given : "GSSAPI";
}

static bool
fits(const struct login_kind *kind, const struct translation *t)
{
	return kind && !strncasecmp(mechanism(t), kind->mechanism, strlen(kind->mechanism));
}

/* A module of a class that is not known here, or is not the mechanism's. */
static void
refuse_module(struct login *login, const struct login_kind *kind)
{
	if (!kind)
		refuse(login,
			"the login module '%s' is a Java class and cannot run here; known are "
			"PlainLoginModule, ScramLoginModule, Krb5LoginModule and "
			"OAuthBearerLoginModule",
			login->module->class);
	else
		refuse(login, "%s does not go with sasl.mechanism=%s%s; write sasl.mechanism=%s",
			kind->class, mechanism(login->t),
			given_mechanism(login->t) ? "" : ", the default",
			strcmp(kind->mechanism, "SCRAM-") ? kind->mechanism : "SCRAM-SHA-512");
}

/* Makes settings of a module, and gives the current property its verdict. */
static void
take_module(struct translation *t, const struct jaas_module *module, const char *where)
{
	const struct login_kind *kind = find_kind(module);
	struct login login = {.t = t, .module = module, .where = where};

	if (fits(kind, t))
		kind->take(&login);
	else
		refuse_module(&login, kind);
	if (!login.is_refused && login.given.length)
		translation_note(
			t, VERDICT_TRANSLATED, "%s: %s", jaas_class(module), login.given.s);
	else if (!login.is_refused)
		translation_note(t, VERDICT_HANDLED, "%s: other properties say the rest",
			jaas_class(module));
	text_fini(&login.given);
}

RULE(jaas)
{
	struct jaas jaas = {0};
	struct err err;

	(void)row;
	if (!translation_has_sasl(t))
		translation_warn(t, "has no effect without SASL in security.protocol");
	else if (jaas_parse(value, JAAS_LINE, &jaas, &err))
		translation_refuse(t, "%s", err.text);
	else if (jaas.count > 1)
		translation_refuse(t, "is %zu login modules, but must be one", jaas.count);
	else
		take_module(t, &jaas.modules[0], "");
	jaas_fini(&jaas);
}

/* Text with Java's system properties put in for ${name}; ${name:...} stays. NULL after an error.
 * @gives a string */
static char *
expand_properties(const char *s, struct err *err)
{
	struct text text = {0};

	while (*s) {
		const char *end = s[0] == '$' && s[1] == '{' ? strchr(s, '}') : NULL;
		char *name, *value;

		if (!end || memchr(s, ':', (size_t)(end - s))) {
			text_putc(&text, *s++);
			continue;
		}
		name = mem_strndup(s + 2, (size_t)(end - s - 2));
		value = jvm_property(name, NULL);
		if (!value) {
			err_set(err,
				"nobody says what ${%s} is; write -D%s=VALUE into KAFKA_OPTS, or "
				"${env:NAME}",
				name, name);
			free(name);
			text_fini(&text);
			return NULL;
		}
		text_puts(&text, value);
		free(name);
		free(value);
		s = end + 1;
	}
	return text_take(&text);
}

/* Puts what placeholders stand for into the options. -1 when one of them cannot be found. */
static int
expand_module(struct jaas_module *module, struct err *err)
{
	for (size_t i = 0; i < module->count; i++) {
		char **value = &module->options[i].value;
		char *half = expand_properties(*value, err);
		char *whole = half ? placeholder_expand(half, err) : NULL;

		mem_wipe(&half);
		if (!whole)
			return err_prefix(err, "%s: ", module->options[i].name);
		mem_wipe(value);
		*value = whole;
	}
	return 0;
}

/* The module of the file that is for the client's mechanism, or else the first of its context; NULL
 * when there is none. */
static struct jaas_module *
choose(const struct jaas *jaas, const struct translation *t)
{
	struct jaas_module *first = NULL;

	for (size_t i = 0; i < jaas->count; i++) {
		struct jaas_module *module = &jaas->modules[i];

		if (strcmp(module->context, CONTEXT) != 0)
			continue;
		if (fits(find_kind(module), t))
			return module;
		if (!first)
			first = module;
	}
	return first;
}

static bool
has_secret(const struct jaas *jaas)
{
	for (size_t i = 0; i < jaas->count; i++)
		if (jaas_get(&jaas->modules[i], "password") ||
			jaas_get(&jaas->modules[i], "clientSecret") ||
			jaas_get(&jaas->modules[i], "oauth.client.secret"))
			return true;
	return false;
}

/* Takes the login from a file whose text is given, for the current property. */
static void
take_file(struct translation *t, const char *path, const char *text)
{
	struct jaas jaas = {0};
	struct jaas_module *module;
	struct err err;
	char *where;

	if (jaas_parse(text, JAAS_FILE, &jaas, &err)) {
		translation_refuse(t, "%s:%s", path, err.text);
		return;
	}
	if (has_secret(&jaas))
		privacy_check_file(path, "a password", t->current->origin, t->problems);
	module = choose(&jaas, t);
	where = mem_printf("%s:%u: ", path, module ? module->line : 0);
	if (!module)
		translation_refuse(t, "'%s' has no login named " CONTEXT, path);
	else if (expand_module(module, &err))
		translation_refuse(t, "%s%s", where, err.text);
	else
		take_module(t, module, where);
	free(where);
	jaas_fini(&jaas);
}

RULE(login_file)
{
	/* Java takes -Dname==FILE for a file that stands for all others, too. */
	const char *path = without_scheme(*value == '=' ? value + 1 : value);
	struct err err;
	char *text;
	size_t n;

	(void)row;
	if (!translation_has_sasl(t))
		translation_note(t, VERDICT_IGNORED, "the client logs in nowhere");
	else if (translation_other(t, "sasl.jaas.config"))
		translation_note(t, VERDICT_IGNORED, "sasl.jaas.config is given");
	else if (file_read(path, 1024 * 1024, &text, &n, &err))
		translation_refuse(t, "%s", err.text);
	else {
		take_file(t, path, text);
		explicit_bzero(text, n);
		free(text);
	}
}

/* Does the client's configuration say how to log in, by whatever name? */
static bool
has_login(const struct translation *t)
{
	static const char *const names[] = {"sasl.jaas.config", LOGIN_FILE, "sasl.username",
		"sasl.kerberos.principal", "sasl.kerberos.keytab", "sasl.oauthbearer.config",
		"sasl.oauthbearer.client.id", "sasl.oauthbearer.method"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (translation_other(t, names[i]) || client_settings_get(t->settings, names[i]))
			return true;
	return false;
}

void
rules_finish_login(struct translation *t)
{
	const char *variable;
	char *path;

	if (!translation_has_sasl(t) || has_login(t))
		return;
	path = jvm_property(LOGIN_FILE, &variable);
	if (path)
		translation_apply(t, LOGIN_FILE, path, variable, rule_login_file);
	free(path);
}
