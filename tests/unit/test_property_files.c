/* Whole property files of clients, as services and operators hand them out, and what becomes of
 * their security. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "javaprops_rig.h"

#define CONNECT "bootstrap.servers=b:9092\n"
#define PLAIN "org.apache.kafka.common.security.plain.PlainLoginModule"
#define SCRAM "org.apache.kafka.common.security.scram.ScramLoginModule"
#define OAUTH "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
#define KERBEROS "com.sun.security.auth.module.Krb5LoginModule"
#define STORES "tests/unit/data/stores/"

static const struct file_case {
	const char *what, *lines;
	const char *expected; /* the settings without bootstrap.servers, and what is said */
} cases[] = {
	{"Confluent Cloud's client.properties",
		"# Required connection configs for Kafka producer, consumer, and admin\n" CONNECT
		"security.protocol=SASL_SSL\n"
		"sasl.jaas.config=" PLAIN " required username='ABCDEFGHIJKLMNOP' "
		"password='s3cr3t/KEY+0=';\n"
		"sasl.mechanism=PLAIN\n"
		"# Required for correctness in Apache Kafka clients prior to 2.6\n"
		"client.dns.lookup=use_all_dns_ips\n",
		"security.protocol=sasl_ssl;sasl.username=ABCDEFGHIJKLMNOP;"
		"sasl.password=s3cr3t/KEY+0=;sasl.mechanism=PLAIN;"
		"client.dns.lookup=use_all_dns_ips;"},
	{"Confluent Cloud with OAuth",
		CONNECT
		"security.protocol=SASL_SSL\n"
		"sasl.mechanism=OAUTHBEARER\n"
		"sasl.login.callback.handler.class=org.apache.kafka.common.security."
		"oauthbearer.secured.OAuthBearerLoginCallbackHandler\n"
		"sasl.login.connect.timeout.ms=15000\n"
		"sasl.oauthbearer.token.endpoint.url=https://login.example.com/token\n"
		"sasl.jaas.config=" OAUTH " required \\\n"
		"  clientId='client' \\\n  clientSecret='secret' \\\n  scope='api://1/.default' "
		"\\\n"
		"  extension_logicalCluster='lkc-abc' \\\n"
		"  extension_identityPoolId='pool-1';\n",
		"security.protocol=sasl_ssl;sasl.mechanism=OAUTHBEARER;"
		"sasl.oauthbearer.method=oidc;"
		"sasl.oauthbearer.token.endpoint.url=https://login.example.com/token;"
		"sasl.oauthbearer.method=oidc;sasl.oauthbearer.client.id=client;"
		"sasl.oauthbearer.client.secret=secret;"
		"sasl.oauthbearer.scope=api://1/.default;"
		"sasl.oauthbearer.extensions=logicalCluster=lkc-abc,identityPoolId=pool-1;"},
	{"Amazon MSK with SCRAM",
		CONNECT "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n"
			"ssl.truststore.location=" STORES "trust.jks\n"
			"sasl.jaas.config=" SCRAM " required\n",
		"security.protocol=sasl_ssl;sasl.mechanism=SCRAM-SHA-512;"
		"ssl.ca.pem=PEM*2;"
		"!f:5: sasl.jaas.config: the options of the login module must end with "
		";"},
	{"Amazon MSK with SCRAM, the line continued",
		CONNECT "security.protocol = SASL_SSL\nsasl.mechanism = SCRAM-SHA-512\n"
			"sasl.jaas.config = " SCRAM " required \\\n"
			"   username=\"alice\" \\\n   password=\"alice-secret\";\n"
			"ssl.truststore.location: " STORES "trust.jks\n",
		"security.protocol=sasl_ssl;sasl.mechanism=SCRAM-SHA-512;"
		"sasl.username=alice;sasl.password=alice-secret;ssl.ca.pem=PEM*2;"},
	{"Amazon MSK with IAM",
		CONNECT "security.protocol=SASL_SSL\nsasl.mechanism=AWS_MSK_IAM\n"
			"sasl.jaas.config=software.amazon.msk.auth.iam.IAMLoginModule required;\n"
			"sasl.client.callback.handler.class=software.amazon.msk.auth.iam."
			"IAMClientCallbackHandler\n",
		"security.protocol=sasl_ssl;"
		"!f:3: sasl.mechanism: Amazon's AWS_MSK_IAM is a Java class and cannot "
		"run here;"
		" turn SASL/SCRAM on for the cluster, and write "
		"sasl.mechanism=SCRAM-SHA-512 with a user of it (port 9096);"
		"!f:4: sasl.jaas.config: the login module "
		"'software.amazon.msk.auth.iam.IAMLoginModule' is a Java class and "
		"cannot run here;"
		" known are PlainLoginModule, ScramLoginModule, Krb5LoginModule and "
		"OAuthBearerLoginModule;"
		"!f:5: sasl.client.callback.handler.class: Java classes do not run "
		"here; sasl.mechanism has what is possible without them;"},
	{"HDInsight with ESP, by its own tools' name of the protocol",
		CONNECT "security.protocol=PLAINTEXTSASL\nsasl.mechanism=GSSAPI\n"
			"sasl.kerberos.service.name=kafka\n"
			"sasl.jaas.config=" KERBEROS " required useTicketCache=true "
			"renewTicket=true serviceName=\"kafka\";\n",
		"security.protocol=sasl_plaintext;sasl.mechanism=GSSAPI;"
		"sasl.kerberos.service.name=kafka;sasl.kerberos.service.name=kafka;"},
	{"Azure Event Hubs",
		"bootstrap.servers=n.servicebus.windows.net:9093\n"
		"security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n"
		"sasl.jaas.config=" PLAIN " required username=\"$ConnectionString\" "
		"password=\"Endpoint=sb://n.servicebus.windows.net/;SharedAccessKeyName="
		"RootManageSharedAccessKey;SharedAccessKey=k+/=\";\n",
		"security.protocol=sasl_ssl;sasl.mechanism=PLAIN;"
		"sasl.username=$ConnectionString;"
		"sasl.password=Endpoint=sb://n.servicebus.windows.net/;"
		"SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=k+/=;"},
	{"Aiven with SASL",
		CONNECT "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-256\n"
			"sasl.jaas.config=" SCRAM
			" required username=\"avnadmin\" password=\"AVNS_x\";\n"
			"ssl.truststore.type=jks\nssl.truststore.location=" STORES "trust.jks\n"
			"ssl.truststore.password=storepass\n",
		"security.protocol=sasl_ssl;sasl.mechanism=SCRAM-SHA-256;"
		"sasl.username=avnadmin;sasl.password=AVNS_x;ssl.ca.pem=PEM*2;"},
	{"Aiven with a client certificate",
		CONNECT "security.protocol=SSL\nssl.protocol=TLS\n"
			"ssl.endpoint.identification.algorithm=\n"
			"ssl.key.password=storepass\nssl.keystore.location=key.p12\n"
			"ssl.keystore.password=storepass\nssl.keystore.type=PKCS12\n"
			"ssl.truststore.location=" STORES "trust.jks\n"
			"ssl.truststore.password=storepass\n",
		"security.protocol=ssl;ssl.endpoint.identification.algorithm=none;"
		"ssl.certificate.pem=PEM*3;ssl.key.pem=PEM*1;ssl.ca.pem=PEM*2;"},
	{"Strimzi with a user's certificate",
		CONNECT "security.protocol=SSL\nssl.truststore.location=" STORES "trust.p12\n"
			"ssl.truststore.password=${env:TEST_STORE}\nssl.truststore.type=PKCS12\n"
			"ssl.keystore.location=key.p12\nssl.keystore.password=${file:pass}\n"
			"ssl.keystore.type=PKCS12\n",
		"security.protocol=ssl;ssl.ca.pem=PEM*2;ssl.certificate.pem=PEM*3;"
		"ssl.key.pem=PEM*1;"},
	{"Strimzi with SCRAM, the line from its secret",
		CONNECT "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-512\n"
			"sasl.jaas.config=${directory:.:sasl.jaas.config}\n",
		"security.protocol=sasl_plaintext;sasl.mechanism=SCRAM-SHA-512;"
		"sasl.username=my-user;sasl.password=x;"},
	{"Strimzi with OAuth",
		CONNECT "security.protocol=SASL_SSL\nsasl.mechanism=OAUTHBEARER\n"
			"sasl.jaas.config=" OAUTH " required oauth.token.endpoint.uri=\"https://k/"
			"token\" oauth.client.id=\"c\" oauth.client.secret=\"s\" "
			"oauth.scope=\"any\";\n"
			"sasl.login.callback.handler.class=io.strimzi.kafka.oauth.client."
			"JaasClientOauthLoginCallbackHandler\n",
		"security.protocol=sasl_ssl;sasl.mechanism=OAUTHBEARER;"
		"sasl.oauthbearer.method=oidc;sasl.oauthbearer.client.id=c;"
		"sasl.oauthbearer.client.secret=s;sasl.oauthbearer.scope=any;"
		"sasl.oauthbearer.token.endpoint.url=https://k/token;"
		"sasl.oauthbearer.method=oidc;"},
	{"IBM Event Streams",
		CONNECT "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n"
			"sasl.jaas.config=" PLAIN
			" required username=\"token\" password=\"apikey-1\";\n"
			"ssl.protocol=TLSv1.2\nssl.enabled.protocols=TLSv1.2\n"
			"ssl.endpoint.identification.algorithm=HTTPS\n",
		"security.protocol=sasl_ssl;sasl.mechanism=PLAIN;sasl.username=token;"
		"sasl.password=apikey-1;ssl.endpoint.identification.algorithm=HTTPS;"},
	{"IBM Event Streams on OpenShift",
		CONNECT "security.protocol=SASL_SSL\nssl.protocol=TLSv1.3\n"
			"ssl.truststore.location=" STORES "trust.p12\nssl.truststore.type=PKCS12\n"
			"ssl.truststore.password=storepass\nsasl.mechanism=SCRAM-SHA-512\n"
			"sasl.jaas.config=" SCRAM
			" required username=\"es-user\" password=\"x\";\n",
		"security.protocol=sasl_ssl;ssl.ca.pem=PEM*2;"
		"sasl.mechanism=SCRAM-SHA-512;sasl.username=es-user;sasl.password=x;"},
	{"Cloudera, with a JAAS file",
		CONNECT "security.protocol=SASL_SSL\nsasl.mechanism=GSSAPI\n"
			"sasl.kerberos.service.name=kafka\n"
			"ssl.truststore.location=" STORES "trust.jks\n"
			"ssl.truststore.password=storepass\n"
			"java.security.auth.login.config=jaas.conf\n",
		"security.protocol=sasl_ssl;sasl.mechanism=GSSAPI;"
		"sasl.kerberos.service.name=kafka;ssl.ca.pem=PEM*2;"
		"sasl.kerberos.service.name=kafka;"},
	{"Heroku, certificates in the environment",
		CONNECT "security.protocol=SSL\nssl.endpoint.identification.algorithm=\n"
			"ssl.truststore.type=PEM\n"
			"ssl.truststore.certificates=${file:" STORES "root.pem}\n"
			"ssl.keystore.type=PEM\nssl.keystore.certificate.chain=${file:key.pem}\n"
			"ssl.keystore.key=${file:key.pem}\n",
		"security.protocol=ssl;ssl.endpoint.identification.algorithm=none;"
		"ssl.ca.pem=PEM*1;ssl.certificate.pem=PEM*6;ssl.key.pem=PEM*1;"},
	{"Oracle's streaming service",
		CONNECT "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n"
			"sasl.jaas.config=" PLAIN " required "
			"username=\"tenancy/user@example.com/ocid1.streampool.oc1..a\" "
			"password=\"(tok;en)[1]{2}\";\n",
		"security.protocol=sasl_ssl;sasl.mechanism=PLAIN;"
		"sasl.username=tenancy/user@example.com/ocid1.streampool.oc1..a;"
		"sasl.password=(tok;en)[1]{2};"},
	{"Redpanda",
		CONNECT "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-256\n"
			"sasl.jaas.config=" SCRAM " required username=\"r\" password=\"p\" ;\n",
		"security.protocol=sasl_ssl;sasl.mechanism=SCRAM-SHA-256;sasl.username=r;"
		"sasl.password=p;"},
	{"Google's managed service with its own handler",
		CONNECT "security.protocol=SASL_SSL\nsasl.mechanism=OAUTHBEARER\n"
			"sasl.login.callback.handler.class=com.google.cloud.hosted.kafka.auth."
			"GcpLoginCallbackHandler\n"
			"sasl.jaas.config=" OAUTH " required;\n",
		"security.protocol=sasl_ssl;sasl.mechanism=OAUTHBEARER;"
		"!f:4: sasl.login.callback.handler.class: "
		"'com.google.cloud.hosted.kafka.auth.GcpLoginCallbackHandler' is a "
		"Java class and cannot run here;"
		"!f:5: sasl.jaas.config: OAuthBearerLoginModule says nothing about the "
		"client;"
		" write clientId=\"...\" and clientSecret=\"...\" into it, or "
		"sasl.oauthbearer.token.endpoint.url=file:///PATH for a token that "
		"stands in a file;"},
	{"Kubernetes' service account tokens",
		CONNECT "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\n"
			"sasl.oauthbearer.token.endpoint.url=file:t.jwt\n"
			"sasl.login.callback.handler.class=org.apache.kafka.common.security."
			"oauthbearer.OAuthBearerLoginCallbackHandler\n"
			"sasl.jaas.config=" OAUTH " required;\n",
		"security.protocol=sasl_plaintext;sasl.mechanism=OAUTHBEARER;"
		"token(t.jwt,,);"},
	{"the old consumer's names, and a listener's",
		CONNECT "security.protocol=sasl_ssl\nsasl.mechanisms=PLAIN\n"
			"sasl.username=u\nsasl.password=p\nssl.ca.location=" STORES "root.pem\n",
		"security.protocol=sasl_ssl;sasl.mechanism=PLAIN;sasl.username=u;"
		"sasl.password=p;ssl.ca.location=tests/unit/data/stores/root.pem;"},
	{"librdkafka's names beside Java's",
		CONNECT "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n"
			"sasl.username=u\nsasl.password=@pass\n"
			"rdkafka.ssl.cipher.suites=ECDHE-RSA-AES256-GCM-SHA384\n",
		"security.protocol=sasl_ssl;sasl.mechanism=PLAIN;sasl.username=u;"
		"sasl.password=storepass;ssl.cipher.suites=ECDHE-RSA-AES256-GCM-SHA384;"},
};

static void
write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	if (!CHECK(file))
		return;
	fputs(text, file);
	fclose(file);
	CHECK_INT(chmod(path, 0600), 0);
}

/* A folder of its own with the files that the cases name, and with the stores. */
static void
enter(char *folder)
{
	static const char *const copied[] = {"key.p12", "key.pem"};
	char root[4096];

	CHECK(mkdtemp(folder) && getcwd(root, sizeof(root)));
	for (size_t i = 0; i < sizeof(copied) / sizeof(*copied); i++) {
		char *command = mem_printf("cp " STORES "%s %s && chmod 600 %s/%s", copied[i],
			folder, folder, copied[i]);

		CHECK_INT(system(command), 0);
		free(command);
	}
	CHECK_INT(chdir(folder), 0);
	CHECK_INT(mkdir("tests", 0700) | mkdir("tests/unit", 0700) | mkdir("tests/unit/data", 0700),
		0);
	{
		char *stores = mem_printf("%s/" STORES, root);

		stores[strlen(stores) - 1] = '\0';
		CHECK_INT(symlink(stores, "tests/unit/data/stores"), 0);
		free(stores);
	}
	write_text("pass", "storepass\n");
	write_text("t.jwt", "x");
	write_text("sasl.jaas.config", SCRAM " required username=\"my-user\" password=\"x\";\n");
	write_text("jaas.conf", "KafkaServer {\n " PLAIN " required;\n};\n"
				"// the client's\nKafkaClient {\n " KERBEROS
				" required\n useTicketCache=true\n renewTGT=true\n "
				"serviceName=\"kafka\";\n};\nClient {\n " KERBEROS
				" required useTicketCache=true;\n};\n");
	setenv("TEST_STORE", "storepass", 1);
	unsetenv("KAFKA_OPTS");
	unsetenv("KRB5CCNAME");
}

/* Is it a verdict (they are not the matter here), the brokers, or of Kerberos' tickets, which have
   tests of their own? */
static bool
is_aside(const char *part)
{
	for (int i = 0; i < VERDICT_COUNT; i++)
		if (!strcmp(part, verdict_name((enum verdict)i)))
			return true;
	return !strncmp(part, "bootstrap.", 10) ||
	       (!strncmp(part, "sasl.kerberos.", 14) && !strstr(part, "service.name"));
}

/* The settings, then what is said. @gives a string */
static char *
print(const char *lines)
{
	struct config config;
	struct text text = {0};
	char *all = dump(SIDE_CONSUMER, lines, NULL, &config), *state = NULL;

	for (char *part = strtok_r(all, ";", &state); part; part = strtok_r(NULL, ";", &state))
		if (!is_aside(part))
			text_printf(&text, "%s;", part);
	free(all);
	forget(&config);
	return text_take(&text);
}

TEST(files)
{
	char folder[] = "/tmp/test_property_files.XXXXXX", *command;

	enter(folder);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *found = print(cases[i].lines);

		if (!CHECK_STR(found, cases[i].expected))
			printf("# in: %s\n", cases[i].what);
		free(found);
	}
	command = mem_printf("rm -r %s", folder);
	CHECK_INT(system(command), 0);
	free(command);
}
