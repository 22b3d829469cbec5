/* config/config: files and flags together, as a person gives them. */
#include "config/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/verdicts.h"
#include "unit.h"

/* Files of a test, removed with it: c, p and i stand for them in command lines. */
struct files {
	char *directory, *consumer, *producer, *ini;
};

static char *
write_file(const char *directory, const char *name, const char *text)
{
	char *path = mem_printf("%s/%s", directory, name);
	FILE *file = fopen(path, "w");

	CHECK(file && fputs(text, file) >= 0);
	if (file)
		fclose(file);
	return path;
}

static struct files
write_files(const char *consumer, const char *producer, const char *ini)
{
	const char *parent = getenv("TMPDIR");
	struct files files = {
		.directory = mem_printf("%s/reflejo-XXXXXX", parent ? parent : "/tmp")};

	CHECK(mkdtemp(files.directory));
	files.consumer = write_file(files.directory, "c", consumer);
	files.producer = write_file(files.directory, "p", producer);
	files.ini = write_file(files.directory, "i", ini);
	return files;
}

static void
remove_files(struct files *files)
{
	unlink(files->consumer);
	unlink(files->producer);
	unlink(files->ini);
	rmdir(files->directory);
	free(files->consumer);
	free(files->producer);
	free(files->ini);
	free(files->directory);
}

/* Loads a command line, in which the words c, p and i are the files. */
static struct config *
load(const struct files *files, const char *line, struct problems *problems)
{
	char *copy = mem_strdup(line), *argv[32];
	struct config *config;
	int argc = 0;

	for (char *word = strtok(copy, " "); word && argc < 32; word = strtok(NULL, " ")) {
		argv[argc++] = !strcmp(word, "c")   ? files->consumer
			       : !strcmp(word, "p") ? files->producer
			       : !strcmp(word, "i") ? files->ini
						    : word;
	}
	config = config_load(argc, argv, NULL, problems);
	free(copy);
	return config;
}

/* The problems as lines, "?" before warnings, files by their letter. @gives a string */
static char *
dump(const struct problems *problems, const struct files *files)
{
	struct text text = {0};
	size_t n = strlen(files->directory);

	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *problem = &problems->items[i];
		const char *origin = problem->origin ? problem->origin : "";

		if (!strncmp(origin, files->directory, n))
			origin += n + 1;
		text_printf(&text, "%s%s%s%s\n", problem->is_error ? "" : "?", origin,
			*origin ? ": " : "", problem->text);
	}
	return text_take(&text);
}

#define CONSUMER "bootstrap.servers=a:9092\ngroup.id=mirrorgroup\n"
#define PRODUCER "bootstrap.servers=b:9092\n"
#define FILES "--consumer.config c --producer.config p "

/* The files of the HDInsight page, with the host names it shows. */
TEST(the_page)
{
	static const char zookeeper[] =
		"zk0-source.aazwc2onlofevkbof0cuixrp5h.gx.internal.cloudapp.net:2181,"
		"zk1-source.aazwc2onlofevkbof0cuixrp5h.gx.internal.cloudapp.net:2181,"
		"zk6-source.aazwc2onlofevkbof0cuixrp5h.gx.internal.cloudapp.net:2181,"
		"zk7-source.aazwc2onlofevkbof0cuixrp5h.gx.internal.cloudapp.net:2181";
	char *consumer = mem_printf("zookeeper.connect=%s\ngroup.id=mirrorgroup\n", zookeeper);
	struct files files = write_files(consumer, PRODUCER "compression.type=none\n", "");
	struct problems problems = {0};
	struct config *config = load(&files,
		"kafka.tools.MirrorMaker " FILES "--whitelist testtopic --num.streams 4",
		&problems);
	bool excludes = true;

	CHECK(sizeof(zookeeper) > 250);
	CHECK_INT(problems.count, 0);
	CHECK(config != NULL);
	if (config) {
		CHECK_STR(config->source.zookeeper_connect, zookeeper);
		CHECK(config->source.bootstrap_servers == NULL);
		CHECK_STR(config->source.group_id, "mirrorgroup");
		CHECK_INT(config->source.offset_reset, OFFSET_RESET_LATEST);
		CHECK_STR(config->source.security_protocol, "plaintext");
		CHECK_STR(config->target.bootstrap_servers, "b:9092");
		CHECK_STR(client_settings_get(&config->producer, "compression.type"), "none");
		CHECK_STR(config_topic_expression(config, &excludes), "testtopic");
		CHECK_INT(excludes, false);
		CHECK_INT(config->mirror.num_streams, 4);
		CHECK_INT(config->mirror.offset_commit_interval_ms, 5000);
		CHECK_INT(config->mirror.abort_on_send_failure, true);
		CHECK_INT(config->source.metadata_max_age_ms, 30000);
	}
	config_free(&config);
	CHECK(config == NULL);
	remove_files(&files);
	free(consumer);
}

TEST(later_wins)
{
	struct files files = write_files("group.id=from-file\nfetch.min.bytes=2\n",
		"bootstrap.servers=from-file:1\n",
		"[mirror]\nwhitelist=ini\nnum.streams = 3 \n[consumer]\ngroup.id=from-ini\n"
		"session.timeout.ms=7000\nbootstrap.servers=from-ini:1\n[producer]\n"
		"bootstrap.servers=from-ini:1\n[log]\nlevel=debug\n");
	struct problems problems = {0};
	struct config *config = load(&files,
		"--config i " FILES "--num.streams 5 --consumer.fetch.min.bytes 9 --log.level warn",
		&problems);

	CHECK_INT(problems.count, 0);
	CHECK(config != NULL);
	if (config) {
		CHECK_STR(config->source.group_id, "from-file");
		CHECK_STR(config->source.bootstrap_servers, "from-ini:1");
		CHECK_STR(config->target.bootstrap_servers, "from-file:1");
		CHECK_STR(client_settings_get(&config->consumer, "fetch.min.bytes"), "9");
		CHECK_STR(client_settings_get(&config->consumer, "session.timeout.ms"), "7000");
		CHECK_STR(config->mirror.whitelist, "ini");
		CHECK_INT(config->mirror.num_streams, 5);
		CHECK_STR(config->log.level, "warn");
	}
	config_free(&config);
	remove_files(&files);
}

/* What is said about a command line with these files. */
struct problem_case {
	const char *consumer, *producer, *ini, *line, *expected;
};

static void
check_problems(const struct problem_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct files files =
			write_files(cases[i].consumer, cases[i].producer, cases[i].ini);
		struct problems problems = {0};
		struct config *config = load(&files, cases[i].line, &problems);
		char *found = dump(&problems, &files);

		CHECK_STR(found, cases[i].expected);
		CHECK((config == NULL) == (problems.errors > 0));
		config_free(&config);
		problems_fini(&problems);
		remove_files(&files);
		free(found);
	}
}

TEST(what_is_missing)
{
	static const struct problem_case cases[] = {
		{CONSUMER, PRODUCER, "", FILES "--whitelist t", ""},
		{CONSUMER, PRODUCER, "", FILES,
			"include list must be specified: write --whitelist EXPRESSION with the "
			"topics "
			"to mirror\n"},
		{CONSUMER, PRODUCER, "", "--producer.config p --whitelist t",
			"Missing required argument \"[consumer.config]\"\n"},
		{CONSUMER, PRODUCER, "", "--consumer.config c --whitelist t",
			"Missing required argument \"[producer.config]\"\n"},
		{"group.id=g\n", PRODUCER, "", FILES "--whitelist t",
			"c: the consumer has neither bootstrap.servers nor zookeeper.connect; "
			"write "
			"bootstrap.servers=HOST:9092 with the brokers of the source\n"},
		{"bootstrap.servers=a:1\n", "acks=all\n", "", FILES "--whitelist t",
			"c: the consumer has no group.id; write group.id=mirrorgroup, or the name "
			"that "
			"your MirrorMaker had\n"
			"p: the producer has no bootstrap.servers; write "
			"bootstrap.servers=HOST:9092 "
			"with the brokers of the target\n"},
		{"", "", "[consumer]\ngroup.id=g\n[producer]\nbootstrap.servers=b:1\n",
			"--config i --whitelist t",
			"i: the consumer has neither bootstrap.servers nor zookeeper.connect; "
			"write "
			"bootstrap.servers=HOST:9092 with the brokers of the source\n"},
		{CONSUMER, PRODUCER, "",
			"--consumer.config /nowhere --producer.config / --whitelist t",
			"cannot read '/nowhere': No such file or directory\n"
			"'/' is a directory, not a file\n"},
		{CONSUMER "mirror.topics.whitelist=old\n", PRODUCER, "", FILES, ""},
	};

	check_problems(cases, sizeof(cases) / sizeof(*cases));
}

TEST(what_is_wrong)
{
	static const struct problem_case cases[] = {
		{CONSUMER, PRODUCER, "", FILES "--whitelist t --num.streams 0",
			"--num.streams: '0' is out of range: from 1 to 256 "
			"(MirrorMaker "
			"would end at once and mirror nothing)\n"},
		{CONSUMER, PRODUCER, "", FILES "--whitelist t --abort.on.send.failure maybe",
			"--abort.on.send.failure: 'maybe' is neither true "
			"nor "
			"false\n"},
		{CONSUMER, PRODUCER, "", FILES "--whitelist t --include u",
			"?--whitelist is ignored, because --include is given\n"},
		{CONSUMER, PRODUCER, "", FILES "--whitelist t --blacklist u",
			"--blacklist cannot stand together with --whitelist: write either the "
			"topics "
			"to mirror or those to leave out\n"},
		{CONSUMER, PRODUCER, "", FILES "--whitelist t --num.producers 2",
			"?--num.producers: num.producers has no effect: MirrorMaker 0.8's producer "
			"count. Each stream has its own producer here.\n"},
		{CONSUMER, PRODUCER, "", FILES "--whitelist t --message.handler a.b.Handler",
			"--message.handler: 'a.b.Handler' is a Java class, which cannot run here; "
			"write the handler as a Lua script and name its file (lua/README.md), or "
			"remove it if records may be mirrored as they are\n"},
		{CONSUMER, PRODUCER, "", FILES "--whitelist t --message.handler dir/x.lua", ""},
		{CONSUMER, PRODUCER, "", FILES "--whitelist t --consumer.rebalance.listener x",
			"--consumer.rebalance.listener: 'x' is a Java class, which cannot run "
			"here; "
			"remove it (rebalances are logged as assigned and revoked)\n"},
		{CONSUMER, PRODUCER, "", FILES "--whitelist t --partition.mode map",
			"partition.mode=map needs a script whose partition hook answers: write "
			"--script.file FILE, or use partition.mode=preserve\n"},
		{CONSUMER, PRODUCER, "", FILES "--whitelist t --script.on.error dead-letter",
			"records are to be put into the dead-letter topic, but there is none: "
			"write --dead.letter.topic TOPIC\n"},
		{CONSUMER, PRODUCER, "", FILES "--whitelist t --dead.letter.topic a:b",
			"dead.letter.topic: 'a:b' cannot be a topic's name: Kafka takes 1 to 249 "
			"letters, digits, dots, dashes and underscores\n"},
		{CONSUMER, PRODUCER, "", FILES "--whitelist t --topic.rename.regex a",
			"topic.rename.regex and topic.rename.replacement belong together; write "
			"both, or none\n"},
		{CONSUMER, PRODUCER,
			"[mirror]\nwhitelist=t\nnum.stream=2\n[mirrr]\na=b\nc=d\n[script]\nfile="
			"x\n",
			FILES "--config i",
			"i:3: unknown key 'num.stream' in [mirror]; did you mean 'num.streams'?\n"
			"i:5: there is no section [mirrr]; did you mean [mirror]?; known are "
			"[consumer] [producer] [mirror] "
			"[start] [limits] [topics] [groups] [script] [admin] [metrics] [log]\n"},
		{CONSUMER "foo=1\n\nfetch.min.bytes=x\nsasl.password=@/nowhere\n",
			PRODUCER "acks=2\n", "", FILES "--whitelist t --numstreams 3 stray",
			"--numstreams is not a flag (--help lists them); did you mean "
			"--num.streams?\n"
			"'stray' belongs to no flag (MirrorMaker ignores such a word; here it is "
			"an "
			"error, because something was meant by it)\n"
			"c:6: sasl.password: @ stands for the content of a file (@@ for an @ "
			"itself): "
			"cannot read '/nowhere': No such file or directory\n"
			"c:5: fetch.min.bytes: 'x' is not a whole number\n"
			"p:2: acks: '2' is none of: all -1 0 1\n"},
	};

	check_problems(cases, sizeof(cases) / sizeof(*cases));
}

TEST(what_is_wrong_with_topics)
{
	static const struct problem_case cases[] = {
		{CONSUMER, PRODUCER,
			"[mirror]\nwhitelist=t\n[topics]\npartitions=0\nreplication.factor=many\n"
			"configs=retention\ncreate=always\n",
			FILES "--config i",
			"i:7: create: 'always' is none of: missing never\n"
			"i:4: partitions: must be source or a number from 1 to 1000000, not '0'\n"
			"i:5: replication.factor: must be source, -1 or a number from 1 to 32767, "
			"not 'many'\n"
			"i:6: configs: must be none, source, or a list of NAME=VALUE with commas "
			"between them, not 'retention'\n"},
		{CONSUMER, PRODUCER, "", FILES "--whitelist t --topics.replication.factor -2",
			"--topics.replication.factor: must be source, -1 or a number from 1 to "
			"32767, not '-2'\n"},
		{CONSUMER, PRODUCER, "", FILES "--whitelist t --topics.sync.configs true",
			"--topics.sync.configs: there is nothing to keep, because topics.configs "
			"is none; set that to source, or to settings\n"},
		{CONSUMER, PRODUCER, "",
			FILES "--whitelist t --topics.sync.configs true --topics.configs a=1 "
			      "--topics.partitions 5 --topics.replication.factor -1 "
			      "--topics.sync.interval 10m",
			""},
	};

	check_problems(cases, sizeof(cases) / sizeof(*cases));
}

TEST(usage_is_wanted)
{
	static const struct {
		const char *line;
		bool expected;
	} cases[] = {
		{"", true},
		{"--whitelist t", true},
		{FILES, false},
		{FILES "--whitelist t --num.streams 0", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct files files = write_files(CONSUMER, PRODUCER, "");
		struct problems problems = {0};
		struct config *config = load(&files, cases[i].line, &problems);

		CHECK(config == NULL);
		CHECK_INT(problems.wants_usage, cases[i].expected);
		config_free(&config);
		problems_fini(&problems);
		remove_files(&files);
	}
}

TEST(old_files)
{
	struct files files = write_files(
		"zookeeper.connect=z:2181/kafka\ngroupid=g\n"
		"mirror.consumer.numthreads=6\nmirror.topics.blacklist=private.*\n",
		"metadata.broker.list=b:9092\nproducer.type=async\nrequest.required.acks=-1\n", "");
	struct problems problems = {0};
	struct config *config = load(&files, FILES, &problems);
	bool excludes = false;

	CHECK(config != NULL);
	if (config) {
		CHECK_STR(config_topic_expression(config, &excludes), "private.*");
		CHECK_INT(excludes, true);
		CHECK_STR(config->source.group_id, "g");
		CHECK_INT(config->mirror.num_streams, 6);
		CHECK_STR(config->target.bootstrap_servers, "b:9092");
		CHECK_STR(client_settings_get(&config->producer, "bootstrap.servers"), "b:9092");
		CHECK_STR(client_settings_get(&config->producer, "acks"), "all");
	}
	config_free(&config);
	problems_fini(&problems);
	remove_files(&files);
}

/* Only who has not given it gets more streams over a long line. */
TEST(number_of_streams_is_given)
{
	static const struct {
		const char *consumer, *ini, *line;
		bool streams, buffer;
	} cases[] = {
		{CONSUMER, "", FILES "--whitelist t", false, false},
		{CONSUMER, "", FILES "--whitelist t --num.streams 1", true, false},
		{CONSUMER, "[mirror]\nnum.streams=1\n", "--config i " FILES "--whitelist t", true,
			false},
		{CONSUMER "mirror.consumer.numthreads=1\n", "", FILES "--whitelist t", true, false},
		{CONSUMER, "", FILES "--whitelist t --buffer.memory 32MiB", false, true},
		/* The producer's is another one. */
		{CONSUMER "buffer.memory=33554432\n", "", FILES "--whitelist t", false, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct files files = write_files(cases[i].consumer, PRODUCER, cases[i].ini);
		struct problems problems = {0};
		struct config *config = load(&files, cases[i].line, &problems);

		if (CHECK(config)) {
			CHECK_INT(config->mirror.num_streams, 1);
			CHECK_INT(config->mirror.buffer_memory, 32 << 20);
			CHECK_INT(config->streams_given, cases[i].streams);
			CHECK_INT(config->buffer_given, cases[i].buffer);
		}
		config_free(&config);
		problems_fini(&problems);
		remove_files(&files);
	}
}

TEST(verdicts_survive_errors)
{
	struct files files = write_files(CONSUMER "fetch.min.bytes=x\n", PRODUCER, "");
	struct problems problems = {0};
	char *argv[] = {"--consumer.config", files.consumer, "--whitelist", "t"};
	struct config *config = config_check(4, argv, NULL, &problems);

	CHECK_INT(problems.errors, 2);
	CHECK_INT(config->verdicts->count, 4);
	CHECK_STR(config->verdicts->items[3].key, "fetch.min.bytes");
	CHECK_INT(config->verdicts->items[3].verdict, VERDICT_REFUSED);
	CHECK_STR(config->verdicts->items[0].origin, "--whitelist");
	config_free(&config);
	problems_fini(&problems);
	remove_files(&files);
}

TEST(state_is_kept_where_systemd_says)
{
	char group[] = "east/orders";
	struct config config = {.source.group_id = group};
	const struct {
		const char *folders, *given, *folder;
	} cases[] = {
		{NULL, NULL, "/var/tmp"},
		{"", NULL, "/var/tmp"},
		{"relative", NULL, "/var/tmp"},
		{"/var/lib/reflejo/orders", NULL, "/var/lib/reflejo/orders"},
		{"/var/lib/first:/var/lib/second", NULL, "/var/lib/first"},
		{"/var/lib/first", "/tmp/mine", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *expected, *path;

		if (cases[i].folders)
			setenv("STATE_DIRECTORY", cases[i].folders, 1);
		else
			unsetenv("STATE_DIRECTORY");
		expected = cases[i].folder ? mem_printf("%s/reflejo-%u-east_orders.state",
						     cases[i].folder, (unsigned)getuid())
					   : mem_strdup(cases[i].given);
		path = config_state_file(&config, cases[i].given, "state");
		CHECK_STR(path, expected);
		free(expected);
		free(path);
	}
	unsetenv("STATE_DIRECTORY");
}
