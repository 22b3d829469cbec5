/* The configuration: everything that files and flags said, read once, checked, and never changed.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/file.h"
#include "config/problems.h"
#include "config/secrets.h"

/* One setting for a Kafka client, in librdkafka's names and syntax. */
struct client_setting {
	char *name, *value;
	bool is_secret; /* never print the value */
	char *origin;	/* "consumer.properties:3", or "--consumer.NAME" */
};

/* What the user's file said for one client, translated; later entries win. Settings that the agent
   forces or defaults are not in here: kafka/client adds them. */
struct client_settings {
	struct client_setting *items;
	size_t count;
	bool wants_ticket;  /* the client logs in with Kerberos; kafka/tickets gets its ticket */
	char *ticket_cache; /* where others keep that, NULL: Kerberos's default; without meaning
			       where sasl.kerberos.keytab is set */
	/* What OAUTHBEARER shows, where it stands in a file. */
	struct client_token {
		char *file;	  /* NULL: it comes from elsewhere */
		char *claim;	  /* that names who it is for; NULL: sub */
		char *extensions; /* "name=value,name=value"; NULL: none */
		char *origin;	  /* where the file is named; NULL with no file, and of clients that
				     live */
	} token;
};

/* The last value of a setting by its librdkafka name, NULL when the user did not give it. */
const char *client_settings_get(const struct client_settings *settings, const char *name);

/* What auto.offset.reset asks for. */
enum offset_reset { OFFSET_RESET_LATEST, OFFSET_RESET_EARLIEST, OFFSET_RESET_NONE };

/* Options by section, one field a row of options.def. */
#define OPTION_FIELD_TEXT(field) char *field;
#define OPTION_FIELD_FILE(field) char *field;
#define OPTION_FIELD_WORD(field) char *field;
#define OPTION_FIELD_RATE(field) char *field;
#define OPTION_FIELD_START(field) char *field;
#define OPTION_FIELD_INSTANT(field) char *field;
#define OPTION_FIELD_BOOL(field) bool field;
#define OPTION_FIELD_FLAG(field) bool field;
#define OPTION_FIELD_UINT(field) int64_t field;
#define OPTION_FIELD_SIZE(field) int64_t field;
#define OPTION_FIELD_MILLIS(field) int64_t field;
#define OPTION_FIELD_SECONDS(field) int64_t field;
#define OPTION_FIELD_OLD(field)

/* Keys of the user's own, in the order given; a later one of the same name has replaced the earlier
   one's value. */
struct config_extra {
	struct config_pair {
		char *name, *value, *origin;
	} * items;
	size_t count;
};

struct config {
	/* struct config_mirror mirror; and so on, one for each section of the table, with one field
	   a row */
#define SECTION(name) struct config_##name {
#define EXTRA(name, prefix, what, type, help) struct config_extra extra;
#define OPTION(section, field, key, type, def, min, max, help) OPTION_FIELD_##type(field)
#define SECTION_END(name) \
	}                 \
	name;
#include "config/options.def"
#undef SECTION
#undef EXTRA
#undef OPTION
#undef SECTION_END

	bool streams_given; /* num.streams stands somewhere, under this name or an older one */
	bool buffer_given;  /* likewise [mirror] buffer.memory */
	/* To the source's brokers, or its ZooKeeper where only that is named, in microseconds, as
	   it was at the start; -1: not known. Nobody gives it. */
	int64_t source_round_trip;
	struct client_settings consumer, producer;

	/* What reflejo itself handles of the consumer's properties. */
	struct config_source {
		char *group_id;		 /* never NULL in a valid configuration */
		char *group_instance_id; /* NULL: dynamic members */
		char *bootstrap_servers; /* NULL: brokers come from ZooKeeper */
		char *zookeeper_connect; /* NULL: none; used only without bootstrap_servers, or for
					    old positions */
		enum offset_reset offset_reset; /* Java's default: latest */
		bool exclude_internal_topics;	/* Java's default: true */
		int64_t metadata_max_age_ms;	/* default 30000 */
		char *security_protocol;	/* lower case, "plaintext" when not given: selects
						   ZooKeeper endpoints */
		int64_t max_poll_records;	/* 0 when not given */
	} source;
	/* The same of the producer's. */
	struct config_target {
		char *bootstrap_servers; /* never NULL in a valid configuration */
		bool idempotence_given; /* enable.idempotence stands in the properties, or what else
					   they say turns it off */
		bool idempotence;	/* what is wanted; default true */
		int64_t batch_size; /* bytes, 1000000 or more unless max.request.size is less; 1:
				       each record alone */
		int64_t metadata_max_age_ms; /* default 300000 */
	} target;

	/* What the clients log in and show themselves with, as it was read, and from which files.
	 */
	struct secrets consumer_secrets, producer_secrets;
	struct file_list files;

	struct config_verdicts *verdicts; /* what became of each line; see config/verdicts.h */
};

/* Puts a pair in, or another value in its place. name, value and origin are copied. */
void config_extra_set(
	struct config_extra *extra, const char *name, const char *value, const char *origin);

/* Frees what it holds and clears it. */
void config_extra_fini(struct config_extra *extra);

/* Asks the Kafka library about one of its properties: 1 it takes the value, 0 it does not know the
   name, -1 it refuses the value (why, at most why_size bytes). kafka/library.h has one:
   library_knows_property. */
typedef int config_known(const char *name, const char *value, char *why, size_t why_size);

/* Reads what the user typed after `run` (argc/argv without program and subcommand): flags, --config
   FILE,
   --consumer.config FILE, --producer.config FILE. A leading kafka.tools.MirrorMaker is dropped;
   --help and --version are not looked at (see options_has_flag). known may be NULL: then every
   property is taken. Every problem found is added to problems; returns NULL when one of them is an
   error. Warnings alone still give a configuration.
   @gives the configuration; free with config_free. Reads files; call before threads are started. */
struct config *config_load(
	int argc, char *const argv[], config_known *known, struct problems *problems);

/* The same, but gives the configuration with its verdicts even when there are errors. It is then
   only good for showing them. Never NULL. @gives the configuration; free with config_free. */
struct config *config_check(
	int argc, char *const argv[], config_known *known, struct problems *problems);

/* Are the old consumer's positions taken over from ZooKeeper, where the group has none? */
bool config_imports_zookeeper(const struct config *config);

/* Does the mirror end by itself (until.*)? */
bool config_is_one_shot(const struct config *config);

/* Frees and clears. NULL is accepted. */
void config_free(struct config **config);

/* The topic expression to use and whether it excludes: include over whitelist, or blacklist. NULL
   when none was given (never in a configuration of config_load). @borrows config */
const char *config_topic_expression(const struct config *config, bool *ret_excludes);

/* Where the agent keeps what outlives it: given, or when that is NULL reflejo-UID-GROUP.KIND (a /
   in the group is a _) in the first folder of $STATE_DIRECTORY, which systemd sets, or in /var/tmp.
   @gives a string @thread main */
char *config_state_file(const struct config *config, const char *given, const char *kind);

#endif
