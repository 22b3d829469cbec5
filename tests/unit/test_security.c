/* The security properties of Java clients, as they stand in real files, and what becomes of them.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/file.h"
#include "config/javaprops.h"
#include "javaprops_rig.h"

#define PLAIN "org.apache.kafka.common.security.plain.PlainLoginModule"
#define SCRAM "org.apache.kafka.common.security.scram.ScramLoginModule"
#define KERBEROS "com.sun.security.auth.module.Krb5LoginModule"
#define OAUTH "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
#define SASL(mechanism) "security.protocol=SASL_SSL\nsasl.mechanism=" mechanism "\n"
#define SASL_SETTINGS(mechanism) "security.protocol=sasl_ssl;sasl.mechanism=" mechanism ";"
#define TLS "security.protocol=SSL\n"
#define TLS_SETTINGS "security.protocol=ssl;"

static char folder[] = "/tmp/test_security.XXXXXX";

static int
remove_one(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
	(void)status, (void)kind, (void)ftw;
	return remove(path);
}

static void
remove_folder(void)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void
write_file(const char *path, const char *bytes, size_t n, mode_t mode)
{
	FILE *file = fopen(path, "we");

	if (!CHECK(file))
		return;
	CHECK_INT(fwrite(bytes, 1, n, file), n);
	fclose(file);
	CHECK_INT(chmod(path, mode), 0);
}

/* Goes to a folder of its own with the stores in it, which nobody else can read. */
static void
enter(void)
{
	static const char *const files[] = {"trust.jks", "trust.jceks", "trust.p12",
		"trust-old.p12", "trust-openssl.p12", "root.pem", "middle.pem", "key.jks",
		"key.jceks", "key.p12", "key-old.p12", "key.pem", "encrypted.pem", "expired.jks"};
	static bool is_there;

	if (is_there)
		return;
	is_there = true;
	unsetenv("KAFKA_OPTS");
	unsetenv("KRB5CCNAME");
	CHECK(mkdtemp(folder));
	atexit(remove_folder);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		char *from = mem_printf("tests/unit/data/stores/%s", files[i]), *bytes;
		char *to = mem_printf("%s/%s", folder, files[i]);
		size_t n;

		if (CHECK(file_read(from, 1 << 20, &bytes, &n, NULL) == 0)) {
			write_file(to, bytes, n, 0600);
			free(bytes);
		}
		free(from);
		free(to);
	}
	CHECK_INT(chdir(folder), 0);
	write_file("k.keytab", "x", 1, 0600);
	write_file("t.jwt", "x", 1, 0600);
	CHECK_INT(mkfifo("pipe", 0600), 0);
}

TEST(password_logins)
{
	static const struct lines_case cases[] = {
		{SASL("PLAIN") "sasl.jaas.config=" PLAIN " required username=\"u\" password=\"p\";",
			SASL_SETTINGS("PLAIN") "sasl.username=u;sasl.password=p;translated;set;"
					       "translated;"},
		/* Azure Event Hubs */
		{SASL("PLAIN") "sasl.jaas.config=" PLAIN " required username=\"$ConnectionString\" "
			       "password=\"Endpoint=sb://n.servicebus.windows.net/;"
			       "SharedAccessKeyName=k;SharedAccessKey=a+b/c=\";",
			SASL_SETTINGS(
				"PLAIN") "sasl.username=$ConnectionString;"
					 "sasl.password=Endpoint=sb://n.servicebus.windows.net/;"
					 "SharedAccessKeyName=k;SharedAccessKey=a+b/c=;"
					 "translated;set;translated;"},
		/* Confluent Cloud's page, in several lines */
		{"security.protocol=SASL_SSL\nsasl.jaas.config=" PLAIN " required \\\n"
		 "  username=\"KEY\" \\\n  password='SECRET' ;\nsasl.mechanism=PLAIN",
			"security.protocol=sasl_ssl;sasl.username=KEY;sasl.password=SECRET;"
			"sasl.mechanism=PLAIN;translated;translated;set;"},
		/* a copy of the classes in another package */
		{SASL("PLAIN") "sasl.jaas.config=kafkashaded." PLAIN
			       " required username=u password=p serviceName=kafka;",
			SASL_SETTINGS("PLAIN") "sasl.username=u;sasl.password=p;translated;set;"
					       "translated;"},
		/* backslashes: once for the properties file, once for JAAS */
		{SASL("PLAIN") "sasl.jaas.config=" PLAIN
			       " required username=\"D\\\\\\\\u\" password=\"a\\\\\"b\";",
			SASL_SETTINGS("PLAIN") "sasl.username=D\\u;sasl.password=a\"b;translated;"
					       "set;translated;"},
		{SASL("SCRAM-SHA-512") "sasl.jaas.config=" SCRAM
				       " required username=\"u\" password=\"p\" "
				       "tokenauth=\"false\";",
			SASL_SETTINGS("SCRAM-SHA-512") "sasl.username=u;sasl.password=p;"
						       "translated;set;translated;"},
		{SASL("scram-sha-256") "sasl.jaas.config=" SCRAM
				       " sufficient username=u password=p;",
			SASL_SETTINGS("SCRAM-SHA-256") "sasl.username=u;sasl.password=p;"
						       "translated;translated;translated;"},
		{SASL("SCRAM-SHA-512") "sasl.jaas.config=" SCRAM
				       " required username=\"t\" password=\"p\" "
				       "tokenauth=\"true\";",
			SASL_SETTINGS("SCRAM-SHA-512") "translated;set;refused;!f:3: "
						       "sasl.jaas.config: librdkafka cannot log in "
						       "with delegation tokens (tokenauth=true); "
						       "make a user for the agent with "
						       "`kafka-configs.sh --alter --add-config "
						       "'SCRAM-SHA-512=[password=...]' "
						       "--entity-type users --entity-name NAME`;"},
		{"security.protocol=SASL_SSL\nrdkafka.sasl.mechanisms=PLAIN\nsasl.jaas."
		 "config=" PLAIN " required username=u password=p;",
			"security.protocol=sasl_ssl;sasl.username=u;sasl.password=p;"
			"sasl.mechanism=PLAIN;translated;translated;translated;"},
		{SASL("PLAIN") "sasl.jaas.config=" PLAIN " required username=\"u\";",
			SASL_SETTINGS("PLAIN") "sasl.username=u;translated;set;refused;!f:3: "
					       "sasl.jaas.config: PlainLoginModule has no option "
					       "'password';"},
		{"security.protocol=SASL_SSL\nsasl.jaas.config=" PLAIN
		 " required username=\"u\" password=\"p\";",
			"security.protocol=sasl_ssl;translated;refused;!f:2: sasl.jaas.config: "
			"PlainLoginModule does not go with sasl.mechanism=GSSAPI, the default; "
			"write sasl.mechanism=PLAIN;"},
		{SASL("PLAIN") "sasl.jaas.config=" SCRAM " required username=\"u\" password=\"p\";",
			SASL_SETTINGS("PLAIN") "translated;set;refused;!f:3: sasl.jaas.config: "
					       "ScramLoginModule does not go with "
					       "sasl.mechanism=PLAIN; write "
					       "sasl.mechanism=SCRAM-SHA-512;"},
		{SASL("PLAIN") "sasl.jaas.config=" PLAIN " required username=\"u\" password=\"p\"",
			SASL_SETTINGS("PLAIN") "translated;set;refused;!f:3: sasl.jaas.config: the "
					       "options of the login module must end with ;;"},
		{SASL("PLAIN") "sasl.jaas.config=" PLAIN " required username=u password=p; " PLAIN
			       " required;",
			SASL_SETTINGS("PLAIN") "translated;set;refused;!f:3: sasl.jaas.config is 2 "
					       "login modules, but must be one;"},
		{SASL("PLAIN") "sasl.jaas.config=com.example.VaultLoginModule required;",
			SASL_SETTINGS("PLAIN") "translated;set;refused;!f:3: sasl.jaas.config: the "
					       "login module 'com.example.VaultLoginModule' is a "
					       "Java class and cannot run here; known are "
					       "PlainLoginModule, ScramLoginModule, "
					       "Krb5LoginModule and OAuthBearerLoginModule;"},
		{"sasl.jaas.config=" PLAIN " required username=u password=p;",
			"warned;?f:1: sasl.jaas.config has no effect without SASL in "
			"security.protocol;"},
		{"security.protocol=PLAINTEXTSASL\nsasl.mechanism=PLAIN\nsasl.username=u\n"
		 "sasl.password=p",
			"security.protocol=sasl_plaintext;sasl.mechanism=PLAIN;sasl.username=u;"
			"sasl.password=p;translated;set;set;set;"},
	};

	enter();
	CHECK_CASES(SIDE_CONSUMER, cases);
}

TEST(kerberos_logins)
{
	static const struct lines_case cases[] = {
		{"security.protocol=SASL_PLAINTEXT\nsasl.kerberos.service.name=kafka\n"
		 "sasl.jaas.config=" KERBEROS " required useKeyTab=true storeKey=true "
		 "keyTab=\"k.keytab\" principal=\"mirror/h.example.com@EXAMPLE.COM\";",
			"security.protocol=sasl_plaintext;sasl.kerberos.service.name=kafka;"
			"sasl.kerberos.keytab=k.keytab;"
			"sasl.kerberos.principal=mirror/h.example.com@EXAMPLE.COM;translated;set;"
			"translated;"},
		{SASL("GSSAPI") "sasl.jaas.config=" KERBEROS
				" required useKeyTab=true keyTab=\"file:k.keytab\" "
				"principal=\"m@R\" serviceName=\"kafka\";",
			SASL_SETTINGS("GSSAPI") "sasl.kerberos.service.name=kafka;"
						"sasl.kerberos.keytab=k.keytab;"
						"sasl.kerberos.principal=m@R;translated;set;"
						"translated;"},
		/* HDInsight's ESP clusters */
		{SASL("GSSAPI") "sasl.jaas.config=" KERBEROS
				" required useTicketCache=true renewTicket=true "
				"serviceName=\"kafka\";",
			SASL_SETTINGS("GSSAPI") "sasl.kerberos.service.name=kafka;"
						"translated;set;translated;"},
		{SASL("GSSAPI") "sasl.jaas.config=com.ibm.security.auth.module.Krb5LoginModule "
				"required useKeytab=\"file:k.keytab\" credsType=both "
				"principal=\"m@R\";",
			SASL_SETTINGS("GSSAPI") "sasl.kerberos.keytab=k.keytab;"
						"sasl.kerberos.principal=m@R;translated;set;"
						"translated;"},
		{SASL("GSSAPI") "sasl.kerberos.service.name=kafka\nsasl.jaas.config=" KERBEROS
				" required useTicketCache=true serviceName=other;",
			SASL_SETTINGS("GSSAPI") "sasl.kerberos.service.name=kafka;"
						"translated;set;set;refused;!f:4: "
						"sasl.jaas.config: serviceName is 'other', but "
						"sasl.kerberos.service.name is 'kafka'; write the "
						"same, or leave one of them out;"},
		{SASL("GSSAPI") "sasl.jaas.config=" KERBEROS
				" required useTicketCache=true ticketCache=\"/tmp/cc\";",
			SASL_SETTINGS("GSSAPI") "translated;set;translated;"},
		{SASL("GSSAPI") "sasl.jaas.config=" KERBEROS " required useKeyTab=true "
				"principal=m@R;",
			SASL_SETTINGS("GSSAPI") "translated;set;refused;!f:3: sasl.jaas.config: "
						"useKeyTab=true needs the file: write "
						"keyTab=\"/PATH/TO.keytab\";"},
		{SASL("GSSAPI") "sasl.jaas.config=" KERBEROS
				" required useKeyTab=true keyTab=k.keytab;",
			SASL_SETTINGS("GSSAPI") "translated;set;refused;!f:3: sasl.jaas.config: a "
						"key tab is given, but not whose: write "
						"principal=\"NAME@REALM\" (`klist -k k.keytab` "
						"lists the names in it);"},
		{SASL("GSSAPI") "sasl.jaas.config=" KERBEROS
				" required useKeyTab=true keyTab=\"/nowhere\" principal=m@R;",
			SASL_SETTINGS("GSSAPI") "translated;set;refused;!f:3: sasl.jaas.config: "
						"cannot read the key tab '/nowhere': No such file "
						"or directory;"},
		{SASL("GSSAPI") "sasl.jaas.config=" KERBEROS " required;",
			SASL_SETTINGS("GSSAPI") "translated;set;refused;!f:3: sasl.jaas.config: "
						"Krb5LoginModule names neither a key tab nor a "
						"ticket cache; write useKeyTab=true, "
						"keyTab=\"FILE\" and principal=\"NAME@REALM\", or "
						"useTicketCache=true;"},
		{SASL("GSSAPI") "sasl.kerberos.principal=m@R\nsasl.kerberos.keytab=/nowhere",
			SASL_SETTINGS("GSSAPI") "sasl.kerberos.principal=m@R;"
						"sasl.kerberos.keytab=/nowhere;translated;set;"
						"set;set;!f:4: cannot read the key tab '/nowhere': "
						"No such file or directory;"},
		{SASL("GSSAPI") "sasl.kerberos.keytab=k.keytab",
			SASL_SETTINGS("GSSAPI") "sasl.kerberos.keytab=k.keytab;translated;set;set;"
						"!f:3: sasl.kerberos.keytab is given, but not "
						"whose: write sasl.kerberos.principal=NAME@REALM "
						"(`klist -k k.keytab` lists the names in it);"},
	};

	enter();
	CHECK_CASES(SIDE_CONSUMER, cases);
}

/* Is a ticket wanted, and where do others keep it? */
TEST(tickets)
{
	static const struct {
		const char *lines, *cache; /* NULL: the default one */
		bool is_wanted;
	} cases[] = {
		{SASL("PLAIN") "sasl.username=u\nsasl.password=p", NULL, false},
		{"sasl.kerberos.principal=m@R", NULL, false}, /* PLAINTEXT */
		{"security.protocol=SASL_SSL\nsasl.kerberos.principal=m@R", NULL, true},
		{SASL("gssapi") "sasl.kerberos.keytab=k.keytab", NULL, true},
		{SASL("PLAIN") "rdkafka.sasl.mechanism=GSSAPI", NULL, true},
		{"security.protocol=SASL_SSL\nrdkafka.sasl.mechanisms=PLAIN", NULL, false},
		{SASL("GSSAPI") "rdkafka.sasl.mechanisms=PLAIN", NULL, false},
		{SASL("GSSAPI") "sasl.jaas.config=" KERBEROS " required useTicketCache=true;", NULL,
			true},
		{SASL("GSSAPI") "sasl.jaas.config=" KERBEROS
				" required useTicketCache=true ticketCache=\"/tmp/cc\";",
			"FILE:/tmp/cc", true},
		{SASL("GSSAPI") "sasl.jaas.config=" KERBEROS
				" required useTicketCache=true ticketCache=\"file:///tmp/cc\";",
			"FILE:/tmp/cc", true},
		{SASL("GSSAPI") "sasl.jaas.config=com.ibm.security.auth.module.Krb5LoginModule "
				"required useCcache=\"file:/tmp/cc\";",
			"FILE:/tmp/cc", true},
	};

	enter();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct config config;
		char *found = dump(SIDE_CONSUMER, cases[i].lines, NULL, &config);

		CHECK(config.consumer.wants_ticket == cases[i].is_wanted);
		CHECK_STR(config.consumer.ticket_cache, cases[i].cache);
		free(found);
		forget(&config);
	}
}

TEST(token_logins)
{
	static const struct lines_case cases[] = {
		{SASL("OAUTHBEARER") "sasl.oauthbearer.token.endpoint.url=https://i/token\n"
				     "sasl.login.callback.handler.class=org.apache.kafka.common."
				     "security.oauthbearer.secured."
				     "OAuthBearerLoginCallbackHandler\n"
				     "sasl.jaas.config=" OAUTH
				     " required clientId=\"c\" clientSecret=\"s\" scope=\"a\" "
				     "extension_logicalCluster=\"lkc\" extension_pool=\"p\";",
			SASL_SETTINGS("OAUTHBEARER") "sasl.oauthbearer.token.endpoint.url=https://"
						     "i/token;"
						     "sasl.oauthbearer.method=oidc;sasl."
						     "oauthbearer.method=oidc;"
						     "sasl.oauthbearer.client.id=c;sasl."
						     "oauthbearer.client.secret=s;"
						     "sasl.oauthbearer.scope=a;"
						     "sasl.oauthbearer.extensions=logicalCluster="
						     "lkc,pool=p;translated;set;set;"
						     "translated;translated;"},
		/* Strimzi's library */
		{SASL("OAUTHBEARER") "sasl.login.callback.handler.class=io.strimzi.kafka.oauth."
				     "client.JaasClientOauthLoginCallbackHandler\n"
				     "sasl.jaas.config=" OAUTH
				     " required oauth.client.id=\"c\" oauth.client.secret=\"s\" "
				     "oauth.token.endpoint.uri=\"https://i/t\";",
			SASL_SETTINGS("OAUTHBEARER") "sasl.oauthbearer.method=oidc;sasl."
						     "oauthbearer.method=oidc;"
						     "sasl.oauthbearer.client.id=c;sasl."
						     "oauthbearer.client.secret=s;"
						     "sasl.oauthbearer.token.endpoint.url=https://"
						     "i/t;translated;set;"
						     "translated;translated;"},
		/* Kafka 4.1 */
		{SASL("OAUTHBEARER") "sasl.oauthbearer.token.endpoint.url=https://i/token\n"
				     "sasl.oauthbearer.client.credentials.client.id=c\n"
				     "sasl.oauthbearer.client.credentials.client.secret=s\n"
				     "sasl.jaas.config=" OAUTH " required;",
			SASL_SETTINGS("OAUTHBEARER") "sasl.oauthbearer.token.endpoint.url=https://"
						     "i/token;"
						     "sasl.oauthbearer.client.id=c;sasl."
						     "oauthbearer.client.secret=s;"
						     "sasl.oauthbearer.method=oidc;translated;set;"
						     "set;translated;translated;"
						     "translated;"},
		{SASL("OAUTHBEARER") "sasl.jaas.config=" OAUTH
				     " required unsecuredLoginStringClaim_sub=\"me\" "
				     "unsecuredLoginLifetimeSeconds=\"60\";",
			SASL_SETTINGS("OAUTHBEARER") "enable.sasl.oauthbearer.unsecure.jwt=true;"
						     "sasl.oauthbearer.config=principalClaimName="
						     "sub principal=me "
						     "lifeSeconds=60;translated;set;translated;"},
		{SASL("OAUTHBEARER") "sasl.jaas.config=" OAUTH " required clientId=c;",
			SASL_SETTINGS(
				"OAUTHBEARER") "translated;set;refused;!f:3: sasl.jaas.config: "
					       "nothing says where tokens "
					       "come from; write "
					       "sasl.oauthbearer.token.endpoint.url=https://HOST/"
					       "PATH;"},
		{SASL("OAUTHBEARER") "sasl.jaas.config=" OAUTH " required;",
			SASL_SETTINGS(
				"OAUTHBEARER") "translated;set;refused;!f:3: sasl.jaas.config: "
					       "OAuthBearerLoginModule says "
					       "nothing about the client; write clientId=\"...\" "
					       "and clientSecret=\"...\" into it, or "
					       "sasl.oauthbearer.token.endpoint.url=file:///PATH "
					       "for a token that stands in a file;"},
		{SASL("OAUTHBEARER") "sasl.login.callback.handler.class=com.example.Mine",
			SASL_SETTINGS("OAUTHBEARER") "translated;set;refused;!f:3: "
						     "sasl.login.callback.handler.class: "
						     "'com.example.Mine' is a Java class and "
						     "cannot run here;"},
	};

	enter();
	CHECK_CASES(SIDE_CONSUMER, cases);
}

TEST(tokens_in_files)
{
	static const struct lines_case cases[] = {
		/* KIP-768: somebody else gets the token, and writes it into a file. */
		{SASL("OAUTHBEARER") "sasl.oauthbearer.token.endpoint.url=file:t.jwt\n"
				     "sasl.login.callback.handler.class=org.apache.kafka.common."
				     "security.oauthbearer.OAuthBearerLoginCallbackHandler\n"
				     "sasl.oauthbearer.sub.claim.name=appid\n"
				     "sasl.jaas.config=" OAUTH " required;",
			SASL_SETTINGS("OAUTHBEARER") "token(t.jwt,appid,);translated;set;handled;"
						     "handled;handled;handled;"},
		/* the same since Kafka 4.1, with extensions as Confluent Cloud wants them */
		{SASL("OAUTHBEARER") "sasl.oauthbearer.jwt.retriever.class=org.apache.kafka.common."
				     "security.oauthbearer.FileJwtRetriever\n"
				     "sasl.oauthbearer.token.endpoint.url=file:t.jwt\n"
				     "sasl.jaas.config=" OAUTH " required "
				     "extension_logicalCluster='lkc-1' "
				     "extension_identityPoolId='pool-2';",
			SASL_SETTINGS("OAUTHBEARER") "token(t.jwt,,logicalCluster=lkc-1,"
						     "identityPoolId=pool-2);translated;set;"
						     "handled;handled;handled;"},
		/* Strimzi's */
		{SASL("OAUTHBEARER") "sasl.login.callback.handler.class=io.strimzi.kafka.oauth."
				     "client.JaasClientOauthLoginCallbackHandler\n"
				     "sasl.jaas.config=" OAUTH
				     " required oauth.access.token.location=\"t.jwt\";",
			SASL_SETTINGS("OAUTHBEARER") "token(t.jwt,,);translated;set;handled;"
						     "handled;"},
		{SASL("OAUTHBEARER") "sasl.jaas.config=" OAUTH
				     " required oauth.access.token=\"secret\";",
			SASL_SETTINGS("OAUTHBEARER") "translated;set;refused;!f:3: "
						     "sasl.jaas.config: a token in the line itself "
						     "cannot be renewed; write it into a file, and "
						     "oauth.access.token.location=\"FILE\";"},
		{SASL("OAUTHBEARER") "sasl.oauthbearer.token.endpoint.url=file:///no/t\n",
			SASL_SETTINGS("OAUTHBEARER") "translated;set;refused;!f:3: "
						     "sasl.oauthbearer.token.endpoint.url: cannot "
						     "read '/no/t': No such file or directory;"},
		{SASL("OAUTHBEARER") "sasl.oauthbearer.token.endpoint.url=file:pipe\n",
			SASL_SETTINGS("OAUTHBEARER") "translated;set;refused;!f:3: "
						     "sasl.oauthbearer.token.endpoint.url: 'pipe' "
						     "is no file that can be read again and "
						     "again, but a directory, pipe or device; "
						     "write the path of such a file;"},
		{SASL("OAUTHBEARER") "sasl.oauthbearer.jwt.retriever.class=FileJwtRetriever\n",
			SASL_SETTINGS("OAUTHBEARER") "translated;set;refused;!f:3: "
						     "sasl.oauthbearer.jwt.retriever.class is "
						     "nothing without the file: write "
						     "sasl.oauthbearer.token."
						     "endpoint.url=file:///PATH;"},
	};

	enter();
	CHECK_CASES(SIDE_CONSUMER, cases);
}

TEST(stores)
{
	static const struct lines_case cases[] = {
		{TLS "ssl.truststore.location=trust.jks\nssl.truststore.password=storepass",
			TLS_SETTINGS "ssl.ca.pem=PEM*2;translated;translated;handled;"},
		{TLS "ssl.truststore.location=trust.jceks\nssl.truststore.password=storepass\n"
		     "ssl.truststore.type=JKS",
			TLS_SETTINGS "ssl.ca.pem=PEM*2;translated;translated;handled;ignored;"},
		{TLS "ssl.truststore.location=trust.p12\nssl.truststore.password=storepass",
			TLS_SETTINGS "ssl.ca.pem=PEM*2;translated;translated;handled;"},
		{TLS "ssl.truststore.location=trust-old.p12\nssl.truststore.password=storepass",
			TLS_SETTINGS "ssl.ca.pem=PEM*2;translated;translated;handled;"},
		{TLS "ssl.truststore.type=PEM\nssl.truststore.location=root.pem",
			TLS_SETTINGS "ssl.ca.pem=PEM*1;translated;ignored;translated;"},
		/* Java trusts whoever is in it, OpenSSL only roots. */
		{TLS "ssl.truststore.type=PEM\nssl.truststore.location=middle.pem",
			TLS_SETTINGS "ssl.ca.pem=PEM*1;translated;ignored;translated;"},
		{TLS "ssl.truststore.location=trust.jks\nssl.truststore.password=wrong",
			TLS_SETTINGS "translated;refused;handled;!f:2: ssl.truststore.location: "
				     "the password of 'trust.jks' is wrong, or the file is "
				     "damaged;"},
		{TLS "ssl.truststore.location=/nowhere",
			TLS_SETTINGS "translated;refused;!f:2: ssl.truststore.location: cannot "
				     "read '/nowhere': No such file or directory;"},
		{"ssl.truststore.location=trust.jks",
			"warned;?f:1: ssl.truststore.location has no effect without SSL in "
			"security.protocol;"},
		{TLS "ssl.keystore.location=key.jks\nssl.keystore.password=storepass\n"
		     "ssl.key.password=keypass",
			TLS_SETTINGS "ssl.certificate.pem=PEM*3;ssl.key.pem=PEM*1;translated;"
				     "translated;handled;handled;"},
		{TLS "ssl.keystore.location=key.jceks\nssl.keystore.password=storepass\n"
		     "ssl.key.password=keypass",
			TLS_SETTINGS "ssl.certificate.pem=PEM*3;ssl.key.pem=PEM*1;translated;"
				     "translated;handled;handled;"},
		{TLS "ssl.keystore.type=PKCS12\nssl.keystore.location=key-old.p12\n"
		     "ssl.keystore.password=storepass",
			TLS_SETTINGS "ssl.certificate.pem=PEM*3;ssl.key.pem=PEM*1;translated;"
				     "ignored;translated;handled;"},
		{TLS "ssl.key.password=keypass\nssl.keystore.type=PEM\n"
		     "ssl.keystore.location=encrypted.pem",
			TLS_SETTINGS "ssl.certificate.pem=PEM*3;ssl.key.pem=PEM*1;"
				     "translated;handled;ignored;translated;"},
		{TLS "ssl.keystore.location=key.jks\nssl.keystore.password=storepass",
			TLS_SETTINGS "translated;refused;handled;!f:2: ssl.keystore.location: the "
				     "password does not open the key in 'key.jks'; if the key has "
				     "a password of its own, write ssl.key.password=PASSWORD;"},
		{TLS "ssl.keystore.location=trust.jks\nssl.keystore.password=storepass",
			TLS_SETTINGS "translated;refused;handled;!f:2: ssl.keystore.location: "
				     "'trust.jks' holds no private key; `keytool -list -keystore "
				     "trust.jks` must show a PrivateKeyEntry;"},
		{TLS "ssl.keystore.location=expired.jks\nssl.keystore.password=storepass",
			TLS_SETTINGS "ssl.certificate.pem=PEM*1;ssl.key.pem=PEM*1;translated;"
				     "translated;handled;?f:2: ssl.keystore.location: the client's "
				     "certificate expired on 2002-01-01, and brokers will refuse "
				     "it; get a new one;"},
		{TLS "ssl.keystore.certificate.chain=x",
			TLS_SETTINGS "translated;refused;!f:2: ssl.keystore.certificate.chain: "
				     "needs the key to its certificate; write ssl.keystore.key;"},
		{TLS "ssl.keystore.key=x",
			TLS_SETTINGS "translated;refused;!f:2: ssl.keystore.key: needs its "
				     "certificate; write ssl.keystore.certificate.chain;"},
	};

	enter();
	CHECK_CASES(SIDE_PRODUCER, cases);
}

/* The line ends of a file as a properties file continues a line. @gives a string */
static char *
continued(const char *path)
{
	struct text text = {0};
	char *bytes;
	size_t n;

	CHECK(file_read(path, 1 << 20, &bytes, &n, NULL) == 0);
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] == '\n')
			text_puts(&text, " \\\n ");
		else if (bytes[i] != '\r')
			text_putc(&text, bytes[i]);
	}
	free(bytes);
	return text_take(&text);
}

TEST(certificates_in_the_value_itself)
{
	struct config config;
	char *root, *key, *lines, *found;

	enter();
	root = continued("root.pem");
	key = continued("encrypted.pem");
	lines = mem_printf(TLS "ssl.truststore.type=PEM\nssl.truststore.certificates=%s\n"
			       "ssl.keystore.type=PEM\nssl.keystore.certificate.chain=%s\n"
			       "ssl.keystore.key=%s\nssl.key.password=keypass\n",
		root, key, key);
	found = dump(SIDE_CONSUMER, lines, NULL, &config);
	CHECK_STR(found, TLS_SETTINGS
		"ssl.ca.pem=PEM*1;ssl.certificate.pem=PEM*6;ssl.key.pem=PEM*1;translated;ignored;"
		"translated;ignored;translated;handled;handled;");
	free(found);
	forget(&config);
	free(lines);
	free(root);
	free(key);
}

TEST(tls)
{
	static const struct lines_case cases[] = {
		{"ssl.endpoint.identification.algorithm=",
			"ssl.endpoint.identification.algorithm=none;translated;"},
		{"ssl.endpoint.identification.algorithm=https",
			"ssl.endpoint.identification.algorithm=https;set;"},
		{"ssl.cipher.suites=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "
		 "TLS_RSA_WITH_AES_128_CBC_SHA",
			"ssl.cipher.suites=ECDHE-RSA-AES256-GCM-SHA384:AES128-SHA;translated;"},
		{"ssl.cipher.suites=TLS_AES_256_GCM_SHA384,SSL_RSA_WITH_AES_256_CBC_SHA",
			"ssl.cipher.suites=AES256-SHA;translated;"},
		{"ssl.cipher.suites=ECDHE-RSA-AES256-GCM-SHA384:AES128-SHA",
			"ssl.cipher.suites=ECDHE-RSA-AES256-GCM-SHA384:AES128-SHA;set;"},
		{"ssl.cipher.suites=TLS_NEVER_WITH_HEARD,TLS_RSA_WITH_AES_256_CBC_SHA",
			"ssl.cipher.suites=AES256-SHA;translated;?f:1: ssl.cipher.suites: OpenSSL "
			"does not have TLS_NEVER_WITH_HEARD; the other suites are used;"},
		{"ssl.cipher.suites=TLS_NEVER_WITH_HEARD",
			"refused;!f:1: ssl.cipher.suites: OpenSSL has none of these; `openssl "
			"ciphers -stdname` lists what it has;"},
		{"ssl.enabled.protocols=TLSv1.2,TLSv1.1,TLSv1", "ignored;"},
		{"ssl.enabled.protocols=TLSv1.2, TLSv1.3\nssl.protocol=TLSv1.3",
			"ignored;ignored;"},
		{"ssl.enabled.protocols=TLSv1.3",
			"warned;?f:1: ssl.enabled.protocols has no effect here: TLS 1.2 is taken "
			"as well; to refuse it write MinProtocol = TLSv1.3 into "
			"[system_default_sect] of /etc/ssl/openssl.cnf, or of the file that "
			"OPENSSL_CONF names;"},
		{"ssl.protocol=TLSv1",
			"warned;?f:1: ssl.protocol has no effect here: OpenSSL refuses versions "
			"before 1.2; if the brokers have no other, write MinProtocol = TLSv1 and "
			"CipherString = DEFAULT@SECLEVEL=0 into [system_default_sect] of "
			"/etc/ssl/openssl.cnf, or of the file that OPENSSL_CONF names;"},
		{"security.protocol=TLS", "refused;!f:1: security.protocol: 'TLS' is none of: "
					  "PLAINTEXT SSL SASL_PLAINTEXT SASL_SSL;"},
		{"sasl.mechanism=AWS_MSK_IAM",
			"refused;!f:1: sasl.mechanism: Amazon's AWS_MSK_IAM is a Java class and "
			"cannot run here; turn SASL/SCRAM on for the cluster, and write "
			"sasl.mechanism=SCRAM-SHA-512 with a user of it (port 9096);"},
		{"sasl.mechanism=DIGEST-MD5",
			"refused;!f:1: sasl.mechanism: 'DIGEST-MD5' is none of: GSSAPI PLAIN "
			"SCRAM-SHA-256 SCRAM-SHA-512 OAUTHBEARER;"},
		{"ssl.key.location=key.pem\nssl.key.password=p",
			"ssl.key.location=key.pem;ssl.key.password=p;set;set;"},
	};

	enter();
	CHECK_CASES(SIDE_CONSUMER, cases);
}

static void
write_text(const char *path, const char *text, mode_t mode)
{
	write_file(path, text, strlen(text), mode);
}

TEST(login_files)
{
	static const char lines[] = SASL("PLAIN") "java.security.auth.login.config=jaas.conf";
	static const struct {
		const char *file, *expected;
	} cases[] = {
		{"KafkaServer { " PLAIN " required username=a password=b; };\n"
		 "KafkaClient {\n  " PLAIN " required\n  username=\"u\"\n  password=\"p\";\n};\n",
			"sasl.username=u;sasl.password=p;translated;set;translated;"},
		{"KafkaClient { " SCRAM " required username=a password=b; " PLAIN
		 " required username=u password=p; };",
			"sasl.username=u;sasl.password=p;translated;set;translated;"},
		{"KafkaClient { " PLAIN " required username=\"${env:TEST_USER}\" "
		 "password=\"${file:secret}\"; };",
			"sasl.username=from the environment;sasl.password=from a file;translated;"
			"set;translated;"},
		{"KafkaClient { " PLAIN " required username=\"${my.user}\" password=\"${/}\"; };",
			"sasl.username=from -D;sasl.password=/;translated;set;translated;"},
		{"KafkaClient { " PLAIN " required username=\"${no.such}\" password=p; };",
			"translated;set;refused;!f:3: java.security.auth.login.config: "
			"jaas.conf:1: username: nobody says what ${no.such} is; write "
			"-Dno.such=VALUE into KAFKA_OPTS, or ${env:NAME};"},
		{"KafkaServer { " PLAIN " required; };",
			"translated;set;refused;!f:3: java.security.auth.login.config: "
			"'jaas.conf' has no login named KafkaClient;"},
		{"KafkaClient {\n " PLAIN " required username=u password=hidden words; };",
			"translated;set;refused;!f:3: java.security.auth.login.config: "
			"jaas.conf:2: behind the option 'password' stands something without =; a "
			"value with blanks or signs in it must stand in quotes;"},
		{"KafkaClient {\n\n" SCRAM " required username=u password=p; };",
			"translated;set;refused;!f:3: java.security.auth.login.config: "
			"jaas.conf:3: ScramLoginModule does not go with sasl.mechanism=PLAIN; "
			"write sasl.mechanism=SCRAM-SHA-512;"},
	};

	enter();
	write_text("secret", "from a file\n", 0600);
	setenv("TEST_USER", "from the environment", 1);
	setenv("KAFKA_OPTS", "-Xmx1g '-Dmy.user=from -D'", 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct config config;
		char *found;

		write_text("jaas.conf", cases[i].file, 0600);
		found = dump(SIDE_CONSUMER, lines, NULL, &config);
		CHECK_STR(found + strlen(SASL_SETTINGS("PLAIN")), cases[i].expected);
		free(found);
		forget(&config);
	}
	unsetenv("KAFKA_OPTS");
}

/* Java's environment names the files when nothing else says how to log in, or whom to trust. */
TEST(what_the_environment_names)
{
	static const struct {
		const char *variable, *options, *lines, *expected;
	} cases[] = {
		{"KAFKA_OPTS", "-Djava.security.auth.login.config=jaas.conf", SASL("PLAIN"),
			SASL_SETTINGS("PLAIN") "sasl.username=u;sasl.password=p;translated;set;"
					       "translated;"},
		{"KAFKA_KERBEROS_PARAMS",
			"-Djava.security.auth.login.config=/nowhere "
			"-Djava.security.auth.login.config==file:jaas.conf",
			SASL("PLAIN"),
			SASL_SETTINGS("PLAIN") "sasl.username=u;sasl.password=p;translated;set;"
					       "translated;"},
		{"KAFKA_OPTS",
			"-Djava.security.krb5.realm=R.TEST "
			"-Djava.security.krb5.kdc=kdc.example.com",
			SASL("GSSAPI") "sasl.kerberos.principal=m@R.TEST",
			SASL_SETTINGS(
				"GSSAPI") "sasl.kerberos.principal=m@R.TEST;translated;set;"
					  "set;?KAFKA_OPTS: java.security.krb5.kdc has no "
					  "effect here: write the realm, with the line kdc = "
					  "kdc.example.com, into [realms] of /etc/krb5.conf;"},
		{"KAFKA_OPTS", "-Djava.security.auth.login.config=/nowhere", SASL("PLAIN"),
			SASL_SETTINGS("PLAIN") "translated;set;refused;!KAFKA_OPTS: "
					       "java.security.auth.login.config: cannot read "
					       "'/nowhere': No such file or directory;"},
		{"KAFKA_OPTS", "-Djava.security.auth.login.config=/nowhere",
			SASL("PLAIN") "sasl.username=x\nsasl.password=y",
			SASL_SETTINGS("PLAIN") "sasl.username=x;sasl.password=y;translated;set;set;"
					       "set;"},
		{"KAFKA_OPTS", "-Djava.security.auth.login.config=/nowhere", "client.rack=r",
			"client.rack=r;set;"},
		{"KAFKA_OPTS",
			"-Djavax.net.ssl.trustStore=trust.jks "
			"-Djavax.net.ssl.trustStorePassword=storepass",
			TLS, TLS_SETTINGS "ssl.ca.pem=PEM*2;translated;translated;"},
		{"KAFKA_OPTS",
			"-Djavax.net.ssl.trustStore=trust.jks "
			"-Djavax.net.ssl.trustStorePassword=hidden",
			TLS,
			TLS_SETTINGS "translated;refused;!KAFKA_OPTS: javax.net.ssl.trustStore: "
				     "the password of 'trust.jks' is wrong, or the file is "
				     "damaged;"},
		{"KAFKA_OPTS", "-Djavax.net.ssl.trustStore=/nowhere",
			TLS "ssl.truststore.location=root.pem",
			TLS_SETTINGS "ssl.ca.pem=PEM*1;translated;translated;"},
	};

	enter();
	write_text("jaas.conf", "KafkaClient { " PLAIN " required username=u password=p; };", 0600);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct config config;
		char *found;

		setenv(cases[i].variable, cases[i].options, 1);
		found = dump(SIDE_CONSUMER, cases[i].lines, NULL, &config);
		CHECK_STR(found, cases[i].expected);
		unsetenv(cases[i].variable);
		free(found);
		forget(&config);
	}
}

TEST(files_that_everybody_can_read)
{
	static const struct lines_case cases[] = {
		{TLS "ssl.keystore.location=key.jks\nssl.keystore.password=storepass\n"
		     "ssl.key.password=keypass",
			TLS_SETTINGS "ssl.certificate.pem=PEM*3;ssl.key.pem=PEM*1;translated;"
				     "translated;handled;handled;?f:2: everybody on this host can "
				     "read 'key.jks', which holds the key of the client; run "
				     "`chmod o-r key.jks`;"},
		{TLS "ssl.truststore.location=trust.jks",
			TLS_SETTINGS "ssl.ca.pem=PEM*2;translated;translated;"},
		{SASL("GSSAPI") "sasl.jaas.config=" KERBEROS
				" required useKeyTab=true keyTab=k.keytab principal=m@R;",
			SASL_SETTINGS("GSSAPI") "sasl.kerberos.keytab=k.keytab;"
						"sasl.kerberos.principal=m@R;translated;set;"
						"translated;?f:3: everybody on this host can read "
						"'k.keytab', which holds the key of the Kerberos "
						"principal; run `chmod o-r k.keytab`;"},
		{SASL("OAUTHBEARER") "sasl.oauthbearer.token.endpoint.url=file:t.jwt",
			SASL_SETTINGS("OAUTHBEARER") "token(t.jwt,,);translated;set;handled;?f:3: "
						     "everybody on this host can read 't.jwt', "
						     "which holds a token; run `chmod o-r t.jwt`;"},
		{SASL("PLAIN") "java.security.auth.login.config=jaas.conf",
			SASL_SETTINGS("PLAIN") "sasl.username=u;sasl.password=p;translated;set;"
					       "translated;?f:3: everybody on this host can read "
					       "'jaas.conf', which holds a password; run `chmod "
					       "o-r jaas.conf`;"},
	};
	static const char *const files[] = {
		"key.jks", "trust.jks", "k.keytab", "jaas.conf", "t.jwt"};

	enter();
	write_text("jaas.conf", "KafkaClient { " PLAIN " required username=u password=p; };", 0600);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		CHECK_INT(chmod(files[i], 0644), 0);
	CHECK_CASES(SIDE_CONSUMER, cases);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		CHECK_INT(chmod(files[i], 0600), 0);
}

/* A library that was built without OIDC, as Debian's. */
static int
without_oidc(const char *name, const char *value, char *why, size_t why_size)
{
	(void)value;
	if (strncmp(name, "sasl.oauthbearer.", 17) != 0)
		return 1;
	snprintf(why, why_size, "not available in this build");
	return -1;
}

TEST(library_without_oidc)
{
	static const char lines[] =
		SASL("OAUTHBEARER") "sasl.oauthbearer.token.endpoint.url=https://i/t\n";
	struct config config;
	char *found = dump(SIDE_CONSUMER, lines, without_oidc, &config);

	CHECK_STR(found,
		SASL_SETTINGS(
			"OAUTHBEARER") "translated;set;refused;!f:3: "
				       "sasl.oauthbearer.token.endpoint.url: the installed "
				       "librdkafka was built without OIDC, by which clients get "
				       "tokens; install one that "
				       "has it, as Confluent's packages do (it needs libcurl), or "
				       "have somebody write the token into a file and name it: "
				       "sasl.oauthbearer.token.endpoint.url=file:///PATH;");
	free(found);
	forget(&config);
}
