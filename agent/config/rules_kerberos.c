/* Rules of Kerberos: what it needs that no single property says. */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "config/jvm.h"
#include "config/privacy.h"
#include "config/translation.h"

/* Is Cyrus's plug-in for Kerberos, through which librdkafka logs in, where distributions put it? */
static bool
has_plugin(void)
{
	static const char *const patterns[] = {"/usr/lib/sasl2/libgssapiv2.so*",
		"/usr/lib64/sasl2/libgssapiv2.so*", "/usr/lib/*/sasl2/libgssapiv2.so*",
		"/usr/local/lib/sasl2/libgssapiv2.so*"};
	bool is_found = getenv("SASL_PATH") != NULL; /* it may be anywhere */
	glob_t found;

	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns) && !is_found; i++) {
		is_found = glob(patterns[i], 0, NULL, &found) == 0;
		globfree(&found);
	}
	return is_found;
}

/* Java can be told of a KDC without krb5.conf; Kerberos's library cannot. */
static void
check_realm(struct translation *t)
{
	const char *variable;
	char *kdc = jvm_property("java.security.krb5.kdc", &variable);

	if (kdc)
		problems_warn(t->problems, variable,
			"java.security.krb5.kdc has no effect here: write the realm, with the line "
			"kdc = %s, into [realms] of /etc/krb5.conf",
			kdc);
	free(kdc);
}

/* A key tab that librdkafka's own property names. */
static void
check_keytab(struct translation *t)
{
	const char *path = translation_other(t, "sasl.kerberos.keytab"), *origin = NULL;

	for (size_t i = 0; i < t->settings->count; i++)
		if (!strcmp(t->settings->items[i].name, "sasl.kerberos.keytab"))
			origin = t->settings->items[i].origin;
	if (!path || !*path || !origin)
		return;
	if (!client_settings_get(t->settings, "sasl.kerberos.principal"))
		problems_error(t->problems, origin,
			"sasl.kerberos.keytab is given, but not whose: write "
			"sasl.kerberos.principal=NAME@REALM (`klist -k %s` lists the names in it)",
			path);
	else if (access(path, R_OK))
		problems_error(t->problems, origin, "cannot read the key tab '%s': %s", path,
			strerror(errno));
	else
		privacy_check_file(path, "the key of the Kerberos principal", origin, t->problems);
}

void
rules_finish_kerberos(struct translation *t)
{
	const char *mechanism = client_settings_get(t->settings, "sasl.mechanism");

	/* Without one it is Java's default, and librdkafka's. */
	if (!translation_has_sasl(t) || (mechanism && strcasecmp(mechanism, "GSSAPI") != 0))
		return;
	t->settings->wants_ticket = true;
	check_realm(t);
	check_keytab(t);
	if (t->known && !has_plugin())
		problems_warn(t->problems, t->section,
			"Kerberos needs a plug-in of Cyrus SASL, which is not where it should be: "
			"install libsasl2-modules-gssapi-mit (Debian) or cyrus-sasl-gssapi");
}
