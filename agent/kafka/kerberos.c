/* Kerberos: tickets that are got with a key or found in a cache, and whose a thread's logins use.
 * For kafka/ only. */
#include "kafka/kerberos.h"

#include <errno.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

/* What one call works with. */
struct session {
	const struct kerberos_login *login;
	krb5_context context;
	krb5_principal principal; /* NULL: not known, yet */
	char *name;		  /* the principal's, or what was given for it */
	krb5_ccache cache;
	struct err *err;
};

/* A name's realm, "" where there is none. */
static const char *
realm_of(const char *name)
{
	const char *at = strrchr(name, '@');

	return at ? at + 1 : "";
}

/* Kerberos's own words for a failure, without a full stop. @gives a string */
static char *
reason(krb5_context context, krb5_error_code code)
{
	const char *text = krb5_get_error_message(context, code);
	char *copy = mem_strdup(text);
	size_t n = strlen(copy);

	krb5_free_error_message(context, text);
	if (n && copy[n - 1] == '.')
		copy[n - 1] = '\0';
	return copy;
}

/* What to do about a failure; $P is the principal, $R its realm, $K the key tab. */
static const struct {
	krb5_error_code code;
	bool is_away; /* nobody was asked */
	const char *advice;
} advices[] = {
	{KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, false,
		"the KDC of the realm $R does not know '$P': write the principal as "
		"`klist -k $K` has it, or make it at the KDC"},
	{KRB5KDC_ERR_PREAUTH_FAILED, false,
		"the KDC does not take the key of '$P' in $K, because the principal has another "
		"one now: write the key tab anew (`kadmin -q 'ktadd -k $K $P'`)"},
	{KRB5KRB_AP_ERR_BAD_INTEGRITY, false,
		"the KDC does not take the key of '$P' in $K, because the principal has another "
		"one now: write the key tab anew (`kadmin -q 'ktadd -k $K $P'`)"},
	{KRB5KDC_ERR_CLIENT_REVOKED, false,
		"'$P' is locked at the KDC of the realm $R: have it unlocked there"},
	{KRB5KDC_ERR_NAME_EXP, false,
		"'$P' has expired at the KDC of the realm $R: have its time extended there"},
	{KRB5KDC_ERR_KEY_EXP, false,
		"the key of '$P' has expired: write the key tab anew (`kadmin -q 'ktadd -k $K "
		"$P'`)"},
	{KRB5KDC_ERR_ETYPE_NOSUPP, false,
		"the KDC of the realm $R takes no kind of key that $K has for '$P': write the "
		"key tab anew, with a kind that `klist -ke $K` does not show yet"},
	{KRB5KRB_AP_ERR_SKEW, false,
		"the clocks of this host and of the KDC of the realm $R are minutes apart: set "
		"them right (NTP)"},
	{KRB5_KDCREP_SKEW, false,
		"the clocks of this host and of the KDC of the realm $R are minutes apart: set "
		"them right (NTP)"},
	{KRB5_KDC_UNREACH, true,
		"no KDC of the realm $R answers: check [realms] of krb5.conf, and that its port "
		"88 can be reached from here"},
	{KRB5_REALM_UNKNOWN, false,
		"nothing says where the KDC of the realm $R is: write the realm, with the line "
		"kdc = HOST, into [realms] of krb5.conf, or correct the principal '$P'"},
	{KRB5_REALM_CANT_RESOLVE, true,
		"the name of the KDC of the realm $R is not known here: check [realms] of "
		"krb5.conf, and the DNS"},
	{KRB5KDC_ERR_WRONG_REALM, false,
		"'$P' is not of the realm $R: write the principal with its own realm"},
	{KRB5_CONFIG_NODEFREALM, false,
		"'$P' has no realm, and krb5.conf no default_realm: write NAME@REALM"},
	{KRB5_CONFIG_BADFORMAT, false, "krb5.conf cannot be understood: mend it"},
	{KRB5_CONFIG_CANTOPEN, false,
		"krb5.conf cannot be read: make it, or name it in KRB5_CONFIG"},
};

/* @gives a string */
static char *
fill(const struct session *s, const char *advice)
{
	struct text text = {0};

	for (; *advice; advice++) {
		if (*advice != '$' || !strchr("PRK", advice[1])) {
			text_putc(&text, *advice);
			continue;
		}
		advice++;
		text_puts(&text, *advice == 'P'	    ? s->name
				 : *advice == 'R'   ? realm_of(s->name)
				 : s->login->keytab ? s->login->keytab
						    : "KEYTAB");
	}
	return text_take(&text);
}

/* The sentence about a failure. Always -1. */
static int
explain(struct session *s, krb5_error_code code, bool *ret_is_away)
{
	char *why = reason(s->context, code), *advice;

	for (size_t i = 0; i < sizeof(advices) / sizeof(*advices); i++) {
		if (advices[i].code != code)
			continue;
		*ret_is_away = advices[i].is_away;
		advice = fill(s, advices[i].advice);
		err_set(s->err, "%s (%s)", advice, why);
		free(advice);
		free(why);
		return -1;
	}
	err_set(s->err, "no ticket for '%s': %s", s->name, why);
	free(why);
	return -1;
}

/* The principals of a key tab, each once, with commas between them. @gives a string */
static char *
print_names(struct session *s, krb5_keytab keytab)
{
	struct text text = {0};
	krb5_keytab_entry entry;
	krb5_kt_cursor cursor;

	if (krb5_kt_start_seq_get(s->context, keytab, &cursor))
		return text_take(&text);
	while (krb5_kt_next_entry(s->context, keytab, &entry, &cursor) == 0) {
		char *name = NULL;

		if (krb5_unparse_name(s->context, entry.principal, &name) == 0 &&
			(!text.s || !strstr(text.s, name)) && text.length < 300)
			text_printf(&text, "%s'%s'", text.length ? ", " : "", name);
		krb5_free_unparsed_name(s->context, name);
		krb5_free_keytab_entry_contents(s->context, &entry);
	}
	krb5_kt_end_seq_get(s->context, keytab, &cursor);
	return text_take(&text);
}

/* Has the key tab a key of the principal? It is read anew each time. */
static int
check_keytab(struct session *s, krb5_keytab keytab)
{
	const char *path = s->login->keytab;
	krb5_keytab_entry entry;
	char *names;

	if (access(path, R_OK))
		return err_set(s->err,
			"cannot read the key tab '%s': %s; it must be there, and readable for the "
			"agent's user",
			path, strerror(errno));
	if (krb5_kt_get_entry(s->context, keytab, s->principal, 0, 0, &entry) == 0) {
		krb5_free_keytab_entry_contents(s->context, &entry);
		return 0;
	}
	names = print_names(s, keytab);
	if (*names)
		err_set(s->err,
			"the key tab '%s' has no key of '%s', only of %s: write one of these as "
			"principal, or another key tab",
			path, s->name, names);
	else
		err_set(s->err, "'%s' is no key tab, or an empty one: write another one as keyTab",
			path);
	free(names);
	return -1;
}

/* Asks the KDC for a ticket, which the library puts in the place of the cache's one before. */
static int
ask(struct session *s, krb5_keytab keytab, struct kerberos_ticket *ret, bool *ret_is_away)
{
	krb5_get_init_creds_opt *options = NULL;
	krb5_creds creds = {0};
	krb5_error_code code = krb5_cc_resolve(s->context, s->login->cache, &s->cache);

	if (!code)
		code = krb5_get_init_creds_opt_alloc(s->context, &options);
	if (!code)
		code = krb5_get_init_creds_opt_set_out_ccache(s->context, options, s->cache);
	if (!code)
		code = krb5_get_init_creds_keytab(
			s->context, &creds, s->principal, keytab, 0, NULL, options);
	if (options)
		krb5_get_init_creds_opt_free(s->context, options);
	if (code)
		return explain(s, code, ret_is_away);
	/* The times are 32 bits without a sign. */
	ret->start =
		(uint32_t)(creds.times.starttime ? creds.times.starttime : creds.times.authtime);
	ret->end = (uint32_t)creds.times.endtime;
	krb5_free_cred_contents(s->context, &creds);
	snprintf(ret->cache, sizeof(ret->cache), "%s", s->login->cache);
	return 0;
}

static int
get_by_key(struct session *s, struct kerberos_ticket *ret, bool *ret_is_away)
{
	char *name = mem_printf("FILE:%s", s->login->keytab);
	krb5_keytab keytab = NULL;
	krb5_error_code code = krb5_kt_resolve(s->context, name, &keytab);
	int rc;

	free(name);
	if (code)
		return explain(s, code, ret_is_away);
	rc = check_keytab(s, keytab);
	if (rc == 0)
		rc = ask(s, keytab, ret, ret_is_away);
	krb5_kt_close(s->context, keytab);
	return rc;
}

/* Is it the ticket for other tickets? */
static bool
is_granting(const krb5_creds *creds)
{
	const krb5_data *first = creds->server->length ? &creds->server->data[0] : NULL;

	return first && first->length == 6 && !memcmp(first->data, "krbtgt", 6);
}

/* From when to when the cache's tickets can be used: its longest one for others counts, or else its
   longest one. */
static void
take_times(struct session *s, struct kerberos_ticket *ret)
{
	bool has_granting = false;
	krb5_cc_cursor cursor;
	krb5_creds creds;

	if (krb5_cc_start_seq_get(s->context, s->cache, &cursor))
		return;
	while (krb5_cc_next_cred(s->context, s->cache, &cursor, &creds) == 0) {
		int64_t end = (uint32_t)creds.times.endtime;
		bool grants = is_granting(&creds);

		if (!krb5_is_config_principal(s->context, creds.server) &&
			(grants > has_granting || (grants == has_granting && end > ret->end))) {
			has_granting = grants;
			ret->start = (uint32_t)(creds.times.starttime ? creds.times.starttime
								      : creds.times.authtime);
			ret->end = end;
		}
		krb5_free_cred_contents(s->context, &creds);
	}
	krb5_cc_end_seq_get(s->context, s->cache, &cursor);
}

/* Opens the cache that is named, or the one of its collection that is the principal's. */
static krb5_error_code
open_cache(struct session *s)
{
	const char *name = s->login->cache;
	krb5_principal whose = NULL;
	krb5_ccache other = NULL;
	krb5_error_code code;

	code = name ? krb5_cc_resolve(s->context, name, &s->cache)
		    : krb5_cc_default(s->context, &s->cache);
	if (code || !s->principal)
		return code;
	if (krb5_cc_get_principal(s->context, s->cache, &whose) == 0 &&
		krb5_principal_compare(s->context, whose, s->principal)) {
		krb5_free_principal(s->context, whose);
		return 0;
	}
	krb5_free_principal(s->context, whose);
	if (!name && krb5_cc_cache_match(s->context, s->principal, &other) == 0) {
		krb5_cc_close(s->context, s->cache);
		s->cache = other;
	}
	return 0;
}

/* Whose the cache is; it must be the principal, where one is given. */
static int
check_owner(struct session *s, const char *cache)
{
	krb5_principal whose = NULL;
	krb5_error_code code = krb5_cc_get_principal(s->context, s->cache, &whose);
	char *why, *name = NULL;
	int rc = 0;

	if (code) {
		why = reason(s->context, code);
		err_set(s->err,
			"there is no ticket in the cache %s (%s): get one with `kinit -c %s %s`, "
			"or write useKeyTab=true and keyTab for the agent to get its own",
			cache, why, cache, *s->name ? s->name : "PRINCIPAL");
		free(why);
		return -1;
	}
	krb5_unparse_name(s->context, whose, &name);
	if (s->principal && !krb5_principal_compare(s->context, whose, s->principal)) {
		rc = err_set(s->err,
			"the ticket in the cache %s is of '%s', not of '%s': write the cache of "
			"the latter as ticketCache",
			cache, name ? name : "", s->name);
	} else {
		free(s->name);
		s->name = mem_strdup(name ? name : "");
	}
	krb5_free_unparsed_name(s->context, name);
	krb5_free_principal(s->context, whose);
	return rc;
}

static int
look_at_cache(struct session *s, struct kerberos_ticket *ret, bool *ret_is_away)
{
	char *name = NULL, when[CLOCK_TEXT_SIZE];
	krb5_error_code code = open_cache(s);
	int rc = 0;

	if (!code)
		code = krb5_cc_get_full_name(s->context, s->cache, &name);
	if (code)
		return explain(s, code, ret_is_away);
	snprintf(ret->cache, sizeof(ret->cache), "%s", name);
	krb5_free_string(s->context, name);
	if (check_owner(s, ret->cache))
		return -1;
	take_times(s, ret);
	if (ret->end == 0)
		rc = err_set(s->err, "the cache %s holds no ticket: get one with `kinit -c %s %s`",
			ret->cache, ret->cache, s->name);
	else if (ret->end * 1000 <= clock_wall_ms())
		rc = err_set(s->err,
			"the ticket of '%s' in the cache %s has ended at %s: get a new one with "
			"`kinit -c %s %s`, and have a timer do so before it ends; or write "
			"useKeyTab=true and keyTab for the agent to get its own",
			s->name, ret->cache, clock_print(ret->end * 1000, when), ret->cache,
			s->name);
	return rc;
}

/* Who is meant, in full. */
static int
parse_principal(struct session *s, bool *ret_is_away)
{
	krb5_error_code code;
	char *name;

	if (!s->login->principal)
		return 0;
	code = krb5_parse_name(s->context, s->login->principal, &s->principal);
	if (!code)
		code = krb5_unparse_name(s->context, s->principal, &name);
	if (code)
		return explain(s, code, ret_is_away);
	free(s->name);
	s->name = mem_strdup(name);
	krb5_free_unparsed_name(s->context, name);
	return 0;
}

int
kerberos_get(const struct kerberos_login *login, struct kerberos_ticket *ret, bool *ret_is_away,
	struct err *err)
{
	struct session s = {.login = login, .err = err};
	struct kerberos_ticket ticket = {.end = 0};
	krb5_error_code code;
	int rc;

	*ret_is_away = false;
	s.name = mem_strdup(login->principal ? login->principal : "");
	code = krb5_init_context(&s.context);
	if (code)
		rc = explain(&s, code, ret_is_away);
	else if (parse_principal(&s, ret_is_away))
		rc = -1;
	else if (login->keytab)
		rc = get_by_key(&s, &ticket, ret_is_away);
	else
		rc = look_at_cache(&s, &ticket, ret_is_away);
	if (rc == 0) {
		snprintf(ticket.principal, sizeof(ticket.principal), "%s", s.name);
		*ret = ticket;
	}
	if (s.cache)
		krb5_cc_close(s.context, s.cache);
	krb5_free_principal(s.context, s.principal);
	if (s.context)
		krb5_free_context(s.context);
	free(s.name);
	return rc;
}

void
kerberos_use(const char *cache)
{
	OM_uint32 minor;

	/* Without credentials of the caller's, as Cyrus SASL calls it, GSSAPI takes the cache of
	   this name, which it keeps for each thread by itself; KRB5CCNAME and the choice by realm
	   come after that. */
	gss_krb5_ccache_name(&minor, cache, NULL);
}

void
kerberos_forget(const char *cache)
{
	krb5_context context;
	krb5_ccache opened;

	if (krb5_init_context(&context))
		return;
	if (krb5_cc_resolve(context, cache, &opened) == 0)
		krb5_cc_destroy(context, opened);
	krb5_free_context(context);
}
