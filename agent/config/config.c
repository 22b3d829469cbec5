/* The configuration: everything that files and flags said, read once, checked, and never changed.
 */
#include "config/config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/instant.h"
#include "base/mem.h"
#include "base/parse.h"
#include "config/creation.h"
#include "config/flags.h"
#include "config/javaprops.h"
#include "config/options.h"
#include "config/origin.h"
#include "config/placeholder.h"
#include "config/privacy.h"
#include "config/properties.h"
#include "config/verdicts.h"

const char *
client_settings_get(const struct client_settings *settings, const char *name)
{
	for (size_t i = settings->count; i-- > 0;) {
		if (!strcmp(settings->items[i].name, name))
			return settings->items[i].value;
	}
	return NULL;
}

/* Moves all of from to the end of to; section replaces theirs when it is not NULL. */
static void
append(struct properties *to, struct properties *from, const char *section)
{
	for (size_t i = 0; i < from->count; i++) {
		struct property *item = &from->items[i];

		to->items = mem_grow(to->items, &to->capacity, to->count, sizeof(*to->items));
		to->items[to->count] = *item;
		if (section) {
			free(item->section);
			to->items[to->count].section = mem_strdup(section);
		}
		to->count++;
	}
	free(from->items);
	*from = (struct properties){0};
}

/* Reads one file, resolves its placeholders with its own config.providers, and appends it. -1 when
   it cannot be read at all. */
static int
append_file(struct properties *all, const char *path, enum properties_format format,
	const char *section, struct problems *problems)
{
	struct properties properties = {0};

	if (!path)
		return 0;
	if (properties_read(path, format, &properties, problems))
		return -1;
	properties_mark_passed(&properties, format == PROPERTIES_INI, problems);
	placeholders_resolve(&properties, problems);
	privacy_check_properties(path, &properties, problems);
	append(all, &properties, section);
	return 0;
}

/* All properties in the order in which the later one wins. */
static void
gather(struct properties *all, struct flags *flags, struct problems *problems)
{
	int missing = append_file(all, flags->config, PROPERTIES_INI, NULL, problems);

	missing += append_file(all, flags->consumer_config, PROPERTIES_JAVA, "consumer", problems);
	missing += append_file(all, flags->producer_config, PROPERTIES_JAVA, "producer", problems);
	flags->is_file_missing = missing != 0;
	for (size_t i = 0; i < flags->properties.count; i++) {
		struct property *item = &flags->properties.items[i];

		/* Only a client's property can be a secret; elsewhere @ and $ are themselves. */
		if (strcmp(item->section, "consumer") && strcmp(item->section, "producer"))
			item->is_passed = true;
	}
	placeholders_resolve(&flags->properties, problems);
	for (size_t i = 0; i < flags->properties.count; i++)
		flags->properties.items[i].is_passed = false;
	privacy_check_flags(&flags->properties, problems);
	append(all, &flags->properties, NULL);
	properties_mark_passed(all, false, problems);
}

static bool
is_given(const struct properties *all, const char *key)
{
	return properties_get(all, "mirror", key) != NULL;
}

/* Is it the name of a Java class: words with dots between them? */
static bool
is_class_name(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)s[i]) && !strchr("._$", s[i]))
			return false;
	}
	return n && strchr(s, '.') && !(n > 4 && !strcmp(s + n - 4, ".lua"));
}

/* A Java class cannot run here. */
static void
refuse_class(const struct property *property, struct problems *problems)
{
	problems_error(problems, property->origin,
		"'%s' is a Java class, which cannot run here; %s", property->value,
		strstr(property->key, "listener")
			? "remove it (rebalances are logged as assigned and revoked)"
			: "write the handler as a Lua script and name its file (lua/README.md), or "
			  "remove it if records may be mirrored as they are");
}

/* Does this line name a Java class, or a listener, for which there is no script? */
static bool
is_class(const struct option_info *option, const struct property *property)
{
	return !strcmp(option->key, "consumer.rebalance.listener") ||
	       (!strcmp(option->key, "message.handler") && is_class_name(property->value));
}

void
config_extra_set(
	struct config_extra *extra, const char *name, const char *value, const char *origin)
{
	for (size_t i = 0; i < extra->count; i++) {
		if (strcmp(extra->items[i].name, name))
			continue;
		free(extra->items[i].value);
		free(extra->items[i].origin);
		extra->items[i].value = mem_strdup(value);
		extra->items[i].origin = mem_strdup(origin);
		return;
	}
	extra->items = mem_resize(extra->items, extra->count + 1, sizeof(*extra->items));
	extra->items[extra->count++] =
		(struct config_pair){mem_strdup(name), mem_strdup(value), mem_strdup(origin)};
}

void
config_extra_fini(struct config_extra *extra)
{
	for (size_t i = 0; i < extra->count; i++) {
		free(extra->items[i].name);
		free(extra->items[i].value);
		free(extra->items[i].origin);
	}
	free(extra->items);
	*extra = (struct config_extra){0};
}

/* Text without the blanks at its end (those at its start are gone). */
static void
trim_end(char *s)
{
	size_t n = strlen(s);

	while (n && isspace((unsigned char)s[n - 1]))
		s[--n] = '\0';
}

/* Takes one line whose key is the user's own; err says what is wrong with it. */
static enum verdict
take_extra(struct config *config, const struct option_extra *extra, struct property *property,
	struct problems *problems, struct err *err)
{
	bool is_flag = !strncmp(property->origin, "--", 2);

	if (property->is_passed) {
		err_set(err, "%s", "given again, and the last one counts");
		return VERDICT_IGNORED;
	}
	if (extra->type != OPTION_TYPE_TEXT)
		trim_end(property->value);
	if (options_check_extra(extra, property->value, err) < 0) {
		problems_error(problems, property->origin, "%s%s%s", is_flag ? "" : property->key,
			is_flag ? "" : ": ", err->text);
		return VERDICT_REFUSED;
	}
	config_extra_set(options_extra_of(config, extra), property->key + strlen(extra->prefix),
		property->value, property->origin);
	return VERDICT_SET;
}

/* A key that has its place elsewhere, often by the name that its flag has; or a misspelt one. */
static void
complain_unknown(const struct property *property, struct problems *problems)
{
	const struct option_info *home = options_find_flag(property->key);
	const char *nearest = options_nearest_key(property->section, property->key);

	if (home)
		problems_error(problems, property->origin,
			"unknown key '%s' in [%s]; it stands in [%s], as '%s'", property->key,
			property->section, home->section, home->key);
	else
		problems_error(problems, property->origin, "unknown key '%s' in [%s]%s%s%s",
			property->key, property->section, nearest ? "; did you mean '" : "",
			nearest ? nearest : "", nearest ? "'?" : "");
}

/* Takes one line of a section with options. */
static void
take_option(struct config *config, struct property *property, struct problems *problems)
{
	const struct option_info *option = options_find(property->section, property->key);
	const struct option_extra *extra = options_find_extra(property->section, property->key);
	enum verdict verdict = VERDICT_SET;
	const char *detail = "";
	struct err err = {0};

	if (!option && extra) {
		verdict = take_extra(config, extra, property, problems, &err);
		detail = err.text;
	} else if (!option) {
		complain_unknown(property, problems);
		verdict = VERDICT_REFUSED;
	} else if (property->is_passed) {
		verdict = VERDICT_IGNORED;
		detail = "given again, and the last one counts";
	} else if (is_class(option, property)) {
		refuse_class(property, problems);
		verdict = VERDICT_REFUSED;
	} else if (option->type == OPTION_TYPE_OLD) {
		problems_warn(problems, property->origin, "%s has no effect: %s", property->key,
			option->help);
		verdict = VERDICT_WARNED;
		detail = option->help;
	} else {
		trim_end(property->value);
		if (options_set(config, option, property->value, &err)) {
			bool is_flag = !strncmp(property->origin, "--", 2);
			bool is_zero_streams = !strcmp(option->key, "num.streams") &&
					       !strcmp(property->value, "0");

			problems_error(problems, property->origin, "%s%s%s%s",
				is_flag ? "" : property->key, is_flag ? "" : ": ", err.text,
				is_zero_streams
					? " (MirrorMaker would end at once and mirror nothing)"
					: "");
			verdict = VERDICT_REFUSED;
			detail = err.text;
		}
	}
	verdicts_add(config->verdicts, property->origin, property->section, property->key,
		property->value, verdict, "%s", detail);
}

static const char *
section_candidate(size_t i, void *arg)
{
	static const char *const clients[] = {"consumer", "producer"};

	(void)arg;
	return i < 2 ? clients[i] : options_section(i - 2);
}

static bool
is_section(const char *name)
{
	const char *section;

	for (size_t i = 0; (section = options_section(i)); i++)
		if (!strcmp(section, name))
			return true;
	return false;
}

/* A section that there is none of. */
static void
complain_section(const struct property *item, struct problems *problems)
{
	const char *nearest = parse_nearest(item->section, section_candidate, NULL), *name;
	struct text known = {0};

	for (size_t i = 0; (name = section_candidate(i, NULL)); i++)
		text_printf(&known, " [%s]", name);
	problems_error(problems, item->origin, "there is no section [%s]%s%s%s; known are%s",
		item->section, nearest ? "; did you mean [" : "", nearest ? nearest : "",
		nearest ? "]?" : "", known.s);
	text_fini(&known);
}

/* Takes the sections with options, and complains once about each run of lines in a section there is
 * none of. */
static void
take_options(struct config *config, struct properties *all, struct problems *problems)
{
	const char *complained = "";

	for (size_t i = 0; i < all->count; i++) {
		struct property *item = &all->items[i];

		if (is_section(item->section)) {
			take_option(config, item, problems);
		} else if (strcmp(item->section, "consumer") && strcmp(item->section, "producer") &&
			   strcmp(item->section, complained)) {
			complain_section(item, problems);
			complained = item->section;
		}
	}
}

/* Is there any line for this client? */
static bool
has_section(const struct properties *all, const char *section)
{
	for (size_t i = 0; i < all->count; i++) {
		if (!strcmp(all->items[i].section, section))
			return true;
	}
	return false;
}

/* The files MirrorMaker cannot do without; sections of an INI file will do. */
static void
check_files(const struct properties *all, const struct flags *flags, struct problems *problems)
{
	if (!flags->consumer_config && !has_section(all, "consumer")) {
		problems_error(problems, NULL, "Missing required argument \"[consumer.config]\"");
		problems->wants_usage = true;
	}
	if (!flags->producer_config && !has_section(all, "producer")) {
		problems_error(problems, NULL, "Missing required argument \"[producer.config]\"");
		problems->wants_usage = true;
	}
}

static void
check_topics(const struct config *config, const struct properties *all, struct problems *problems)
{
	const struct config_mirror *mirror = &config->mirror;

	if (!mirror->include && !mirror->whitelist && !mirror->blacklist)
		problems_error(problems, NULL,
			"include list must be specified: write --whitelist EXPRESSION with the "
			"topics to "
			"mirror");
	if (mirror->include && is_given(all, "whitelist"))
		problems_warn(problems, NULL, "--whitelist is ignored, because --include is given");
	if (mirror->blacklist && (mirror->include || mirror->whitelist))
		problems_error(problems, NULL,
			"--blacklist cannot stand together with --%s: write either the topics to "
			"mirror or "
			"those to leave out",
			mirror->include ? "include" : "whitelist");
}

static void
take_over(char **field, const char *value)
{
	if (!*field && value)
		*field = mem_strdup(value);
}

/* A topic that no cluster would take must not be waited for. name NULL: there is none. */
static void
check_topic_name(const char *name, const char *key, struct problems *problems)
{
	if (name && !parse_is_topic_name(name))
		problems_error(problems, NULL,
			"%s: '%s' cannot be a topic's name: Kafka takes 1 to 249 letters, digits, "
			"dots, dashes and underscores",
			key, name);
}

/* MirrorMaker's flags for its handler name the script; what needs a script or a dead-letter topic
   must have it. */
static void
check_script(struct config *config, struct problems *problems)
{
	struct config_mirror *mirror = &config->mirror;
	struct config_script *script = &config->script;
	bool puts_aside =
		!strcmp(script->on_error, "dead-letter") ||
		(!strcmp(mirror->send_on_error, "dead-letter") && !mirror->abort_on_send_failure);

	if (!mirror->message_handler || !is_class_name(mirror->message_handler)) {
		take_over(&script->file, mirror->message_handler);
		take_over(&script->args, mirror->message_handler_args);
	}
	if (!script->file && !strcmp(mirror->partition_mode, "map"))
		problems_error(problems, NULL,
			"partition.mode=map needs a script whose partition hook answers: write "
			"--script.file FILE, or use partition.mode=preserve");
	if (!script->file && script->test)
		problems_warn(problems, NULL, "script.test has no effect without script.file");
	if (puts_aside && !mirror->dead_letter_topic)
		problems_error(problems, NULL,
			"records are to be put into the dead-letter topic, but there is none: "
			"write --dead.letter.topic TOPIC");
	check_topic_name(mirror->dead_letter_topic, "dead.letter.topic", problems);
	check_topic_name(config->groups.topic, "groups.topic", problems);
	if (!mirror->topic_rename_regex != !mirror->topic_rename_replacement)
		problems_error(problems, NULL,
			"topic.rename.regex and topic.rename.replacement belong together; write "
			"both, or none");
}

/* What stands beside start.from and offsets.import must go together with them. */
static void
check_positions(const struct config *config, struct problems *problems)
{
	const struct config_mirror *mirror = &config->mirror;
	const char *import = mirror->offsets_import ? mirror->offsets_import : "";

	if (config->start.force && !strcasecmp(config->start.from, "committed") &&
		config->start.extra.count == 0)
		problems_error(problems, NULL,
			"start.force needs to know where to: write --start.from earliest, latest, "
			"timestamp:INSTANT, duration:DURATION or offsets:FILE");
	if (!strcmp(import, "mm2") && !mirror->offsets_import_alias)
		problems_error(problems, NULL,
			"offsets.import=mm2 needs MirrorMaker 2's name for the source cluster: "
			"write "
			"--offsets.import.alias ALIAS");
	if (!strcmp(import, "zookeeper") && !config->source.zookeeper_connect)
		problems_error(problems, NULL,
			"offsets.import=zookeeper needs zookeeper.connect among the consumer's "
			"properties");
	if (strcmp(import, "mm2") && (mirror->offsets_import_alias || mirror->offsets_import_topic))
		problems_warn(problems, NULL,
			"offsets.import.alias and offsets.import.topic have no effect without "
			"offsets.import=mm2");
}

bool
config_imports_zookeeper(const struct config *config)
{
	const char *import = config->mirror.offsets_import;

	return config->source.zookeeper_connect && (!import || !strcmp(import, "zookeeper"));
}

bool
config_is_one_shot(const struct config *config)
{
	const struct config_mirror *mirror = &config->mirror;

	return mirror->until_end || mirror->until_timestamp || mirror->until_idle_ms > 0;
}

/* A moment that is still to come is compared with the records that are there now: what comes until
   then would be left out. */
static void
check_until(const struct config *config, struct problems *problems)
{
	const struct config_mirror *mirror = &config->mirror;
	int64_t ms;

	if (config_is_one_shot(config) && mirror->dry_run)
		problems_error(problems, NULL,
			"until.end, until.timestamp and until.idle cannot stand together with "
			"dry-run, which ends by itself when it has read what is there: leave one "
			"of them out");
	if (mirror->report && !config_is_one_shot(config))
		problems_error(problems, NULL,
			"report needs something that the mirror ends at: write until.end, "
			"until.timestamp or until.idle as well");
	if (mirror->until_timestamp && instant_parse(mirror->until_timestamp, &ms, NULL) == 0 &&
		ms > clock_wall_ms())
		problems_error(problems, NULL,
			"until.timestamp=%s is still to come, and where the partitions end is "
			"looked up at the start: start when it has passed, or use until.end",
			mirror->until_timestamp);
}

/* What cannot stand beside exactly.once, or would take away what it promises. */
static void
check_exactly_once(const struct config *config, struct problems *problems)
{
	const struct config_mirror *mirror = &config->mirror;
	const char *acks = client_settings_get(&config->producer, "acks");
	const char *isolation = client_settings_get(&config->consumer, "isolation.level");

	check_topic_name(mirror->exactly_once_topic, "exactly.once.topic", problems);
	if (!mirror->exactly_once) {
		if (mirror->exactly_once_topic)
			problems_warn(problems, NULL,
				"exactly.once.topic has no effect without exactly.once=true");
		return;
	}
	if (config->start.force)
		problems_error(problems, NULL,
			"start.force changes the group's positions, and with exactly.once=true "
			"those of exactly.once.topic count: leave start.force out, and take "
			"another group.id to begin anew");
	if (!config->target.idempotence)
		problems_error(problems, NULL,
			"exactly.once=true needs an idempotent producer: take "
			"enable.idempotence=false, and whatever else turns it off, out of the "
			"producer's properties");
	if (acks && strcmp(acks, "all") != 0 && strcmp(acks, "-1") != 0)
		problems_error(problems, NULL,
			"exactly.once=true needs acks=all: take acks=%s out of the producer's "
			"properties",
			acks);
	if (isolation && !strcmp(isolation, "read_uncommitted"))
		problems_warn(problems, NULL,
			"isolation.level=read_uncommitted is overridden to read_committed by "
			"exactly.once=true");
}

/* A dry run reads beside the group, not as one more member that takes partitions from it. */
static void
leave_group(struct config *config)
{
	char *own;

	if (!config->mirror.dry_run || !config->source.group_id)
		return;
	own = mem_printf("%s-dry-run-%d", config->source.group_id, (int)getpid());
	free(config->source.group_id);
	config->source.group_id = own;
	for (size_t i = 0; i < config->consumer.count; i++) {
		struct client_setting *setting = &config->consumer.items[i];

		if (strcmp(setting->name, "group.id") != 0)
			continue;
		free(setting->value);
		setting->value = mem_strdup(own);
	}
	free(config->source.group_instance_id);
	config->source.group_instance_id = NULL;
}

/* Where a client's missing line belongs: the file that was given for it, or the INI file's section.
 */
static const char *
place_of(const char *file, const struct flags *flags)
{
	if (file)
		return file;
	return flags->config;
}

static void
check_clients(const struct config *config, const struct properties *all, const struct flags *flags,
	struct problems *problems)
{
	const char *consumer = place_of(flags->consumer_config, flags);
	const char *producer = place_of(flags->producer_config, flags);
	bool has_consumer = flags->consumer_config || has_section(all, "consumer");
	bool has_producer = flags->producer_config || has_section(all, "producer");

	if (has_consumer && !config->source.group_id &&
		!properties_get(all, "consumer", "group.id"))
		problems_error(problems, consumer,
			"the consumer has no group.id; write group.id=mirrorgroup, or the name "
			"that your "
			"MirrorMaker had");
	if (has_consumer && !config->source.bootstrap_servers &&
		!config->source.zookeeper_connect &&
		!properties_get(all, "consumer", "bootstrap.servers"))
		problems_error(problems, consumer,
			"the consumer has neither bootstrap.servers nor zookeeper.connect; write "
			"bootstrap.servers=HOST:9092 with the brokers of the source");
	if (has_producer && !config->target.bootstrap_servers &&
		!properties_get(all, "producer", "bootstrap.servers"))
		problems_error(problems, producer,
			"the producer has no bootstrap.servers; write bootstrap.servers=HOST:9092 "
			"with the "
			"brokers of the target");
}

static struct config *
config_new(void)
{
	struct config *config = mem_zero(1, sizeof(*config));

	options_set_defaults(config);
	config->source_round_trip = -1;
	config->source.exclude_internal_topics = true;
	config->source.metadata_max_age_ms = 30000;
	config->source.security_protocol = mem_strdup("plaintext");
	config->target.idempotence = true;
	config->target.metadata_max_age_ms = 300000;
	config->verdicts = mem_zero(1, sizeof(*config->verdicts));
	return config;
}

struct config *
config_check(int argc, char *const argv[], config_known *known, struct problems *problems)
{
	struct config *config = config_new();
	struct properties all = {0};
	struct flags flags;

	file_note_into(&config->files);
	flags_parse(argc, argv, &flags, problems);
	gather(&all, &flags, problems);
	take_options(config, &all, problems);
	javaprops_translate(config, SIDE_CONSUMER, &all, known, problems);
	javaprops_translate(config, SIDE_PRODUCER, &all, known, problems);
	config->streams_given |= is_given(&all, "num.streams");
	config->buffer_given = is_given(&all, "buffer.memory");
	check_topics(config, &all, problems);
	check_script(config, problems);
	creation_check(config, &all, problems);
	origin_check(config, &all, problems);
	check_positions(config, problems);
	check_until(config, problems);
	check_exactly_once(config, problems);
	if (!flags.is_file_missing) {
		check_files(&all, &flags, problems);
		check_clients(config, &all, &flags, problems);
	}
	leave_group(config);
	secrets_take(&config->consumer,
		config->source.bootstrap_servers ? NULL : config->source.zookeeper_connect,
		&config->consumer_secrets);
	secrets_take(&config->producer, NULL, &config->producer_secrets);
	file_note_into(NULL);
	properties_fini(&all);
	flags_fini(&flags);
	return config;
}

struct config *
config_load(int argc, char *const argv[], config_known *known, struct problems *problems)
{
	size_t errors = problems->errors;
	struct config *config = config_check(argc, argv, known, problems);

	if (problems->errors > errors)
		config_free(&config);
	return config;
}

static void
settings_fini(struct client_settings *settings)
{
	for (size_t i = 0; i < settings->count; i++) {
		free(settings->items[i].name);
		mem_wipe(&settings->items[i].value);
		free(settings->items[i].origin);
	}
	free(settings->items);
	free(settings->ticket_cache);
	free(settings->token.file);
	free(settings->token.claim);
	free(settings->token.extensions);
	free(settings->token.origin);
}

void
config_free(struct config **config)
{
	struct config *c = *config;
	const struct option_extra *extra;

	if (!c)
		return;
	options_fini(c);
	for (size_t i = 0; (extra = options_extra_at(i)); i++)
		config_extra_fini(options_extra_of(c, extra));
	settings_fini(&c->consumer);
	settings_fini(&c->producer);
	free(c->source.group_id);
	free(c->source.group_instance_id);
	free(c->source.bootstrap_servers);
	free(c->source.zookeeper_connect);
	free(c->source.security_protocol);
	free(c->target.bootstrap_servers);
	file_list_fini(&c->files);
	verdicts_free(&c->verdicts);
	free(c);
	*config = NULL;
}

const char *
config_topic_expression(const struct config *config, bool *ret_excludes)
{
	*ret_excludes = !config->mirror.include && !config->mirror.whitelist;
	if (config->mirror.include)
		return config->mirror.include;
	return config->mirror.whitelist ? config->mirror.whitelist : config->mirror.blacklist;
}

char *
config_state_file(const struct config *config, const char *given, const char *kind)
{
	const char *folders = getenv("STATE_DIRECTORY");
	char *group, *path;

	if (given)
		return mem_strdup(given);
	if (!folders || *folders != '/')
		folders = "/var/tmp";
	group = mem_strdup(config->source.group_id);
	for (char *c = group; *c; c++)
		if (*c == '/')
			*c = '_';
	path = mem_printf("%.*s/reflejo-%u-%s.%s", (int)strcspn(folders, ":"), folders,
		(unsigned)getuid(), group, kind);
	free(group);
	return path;
}
