/* Unit tests of the plan: which topics are mirrored, under which name, into which partitions. */
#include "tests/unit/plan_rig.h"

/* flags, topics of the source, of the target (NULL: away), the plan, and a problem of the first. */
static const struct {
	const char *flags, *sources, *targets, *plan, *problem;
} by_config[] = {
	{"", "a:3 b:1", "a:3 b:1", "a>a key 3, b>b key 1", NULL},
	{"", "a:3", NULL, "a>a key -1", NULL},
	{"", "a:3", "", "a>a key 0!", "a is not there at the target: create it with 3 partitions,"},
	{"", "a:1", "", "a>a key 0!", "create it with 1 partition, or let"},
	{"", "", "", "", NULL},
	{"", "__consumer_offsets:50 a:1", "a:1", "-__consumer_offsets, a>a key 1", NULL},
	{"--exclude b.*,c", "a:1 bb:1 c:1 cc:1", "a:1 cc:1", "a>a key 1, -bb, -c, cc>cc key 1",
		NULL},
	{"--topic.prefix x. --topic.suffix .y", "a:1", "x.a.y:2", "a>x.a.y key 2", NULL},
	{"--topic.rename.regex (.*)-(.*) --topic.rename.replacement $2.$1", "a-b:1 c:1",
		"b.a:1 c:1", "a-b>b.a key 1, c>c key 1", NULL},
	/* The whole name must match, and prefix and suffix come after. */
	{"--topic.rename.regex a --topic.rename.replacement $0$0 --topic.prefix p", "a:1 ab:1",
		"paa:1 pab:1", "a>paa key 1, ab>pab key 1", NULL},
	{"--topic.rename.regex a --topic.rename.replacement \\$1", "a:1", "", "-a!",
		"'$1' cannot be a topic's name"},
	{"--topic.prefix ..", "a:1", "..a:1", "a>..a key 1", NULL},
	{"--topic.rename.regex a --topic.rename.replacement ..", "a:1", "", "-a!",
		"'..' cannot be"},
	{"--topic.suffix +", "a:1", "", "-a!", "letters, digits, dots, dashes and underscores"},
	{"--partition.mode preserve", "a:3", "a:2", "a>a preserve 2!",
		"a has 2 partitions and the source 3"},
	{"--partition.mode preserve", "a:3", "a:4", "a>a preserve 4", NULL},
	{"--partition.mode preserve", "a:3", NULL, "a>a preserve -1", NULL},
	{"--partition.mode round.robin", "a:3", "a:2", "a>a round.robin 2", NULL},
	{"--partition.mode crc32", "a:3", "a:2", "a>a crc32 2", NULL},
	/* Two into one, said once. */
	{"--topic.rename.regex .* --topic.rename.replacement m", "a:1 b:1", "m:1",
		"a>m key 1!, b>m key 1", "b goes to m as well: their records are mixed and only"},
	{"--topic.rename.regex .* --topic.rename.replacement m", "a:1 b:1 c:1", "m:1",
		"a>m key 1!, b>m key 1, c>m key 1", "b and 1 more go to m as well"},
	{"--topic.rename.regex .* --topic.rename.replacement m --partition.mode preserve",
		"a:1 b:1", "m:1", "a>m preserve 1!, b>m preserve 1", "partition by partition"},
	/* The source holds what looks like the mirror's own copies. */
	{"--topic.prefix x.", "a:1 x.a:1", "x.a:1 x.x.a:1", "a>x.a key 1!, x.a>x.x.a key 1",
		"records go round"},
	{"--topic.prefix x. --exclude x\\..*", "a:1 x.a:1", "x.a:1", "a>x.a key 1, -x.a", NULL},
};

TEST(the_configuration_decides_without_a_script)
{
	for (size_t i = 0; i < sizeof(by_config) / sizeof(by_config[0]); i++) {
		struct rig r;
		struct err err;
		const struct plan *plan;

		open_rig(&r, by_config[i].flags, by_config[i].sources, by_config[i].targets);
		plan = make(&r, &err);
		if (CHECK(plan != NULL)) {
			CHECK_PLAN(plan, by_config[i].plan);
			if (by_config[i].problem &&
				!CHECK(has_problem(plan, r.sources[0].name, by_config[i].problem)))
				printf("# no problem: %s\n", by_config[i].problem);
		}
		close_rig(&r);
	}
}

TEST(names_of_249_letters_are_the_longest)
{
	for (size_t length = 249; length <= 250; length++) {
		struct rig r;
		struct err err;
		char name[260] = "";
		const struct plan *plan;

		open_rig(&r, "--topic.prefix 0123456789", "a:1", NULL);
		free((char *)(uintptr_t)r.sources[0].name);
		memset(name, 'n', length - 10);
		r.sources[0].name = mem_strdup(name);
		plan = make(&r, &err);
		CHECK_INT(plan->mirrored, length == 249);
		CHECK_INT(plan->topics[0].problem_count, length == 250);
		close_rig(&r);
	}
}

TEST(what_does_not_compile_names_its_key)
{
	static const struct {
		const char *flags, *says;
	} rows[] = {{"--exclude a(", "exclude: "},
		{"--topic.rename.regex ( --topic.rename.replacement b", "topic.rename.regex: "}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig r;
		struct err err = {""};

		open_rig(&r, rows[i].flags, "a:1", NULL);
		CHECK(!r.rules && !plan_rules_new(r.config, &err));
		CHECK(!strncmp(err.text, rows[i].says, strlen(rows[i].says)));
		close_rig(&r);
	}
}

/* What the hooks say stands over the keys. */
TEST(the_topics_hook_overrides_the_expressions)
{
	struct rig r;
	struct err err;

	open_rig(&r, "--exclude b", "__consumer_offsets:1 a:1 b:1 c:1", "a:1 b:1 c:1");
	use_hooks(&r);
	r.answers.wanted = "b";
	r.answers.refused = "a";
	CHECK_PLAN(make(&r, &err), "-__consumer_offsets, -a, b>b key 1, c>c key 1");
	CHECK_STR(plan_find(r.input.previous, "a")->why_not, "the script's topics() says no");
	CHECK(!plan_find(r.input.previous, "b")->why_not);
	/* Not even a hook brings in the target's own bookkeeping. */
	r.answers.wanted = "__consumer_offsets";
	CHECK_PLAN(make(&r, &err), "-__consumer_offsets, -a, -b, c>c key 1");
	CHECK(!r.answers.saw_internal);
	CHECK_INT(r.answers.asked[0], 6);
	close_rig(&r);
}

TEST(internal_topics_are_the_hooks_when_they_are_let_in)
{
	struct rig r;
	struct err err;

	open_rig(&r, "--consumer.exclude.internal.topics false", "__consumer_offsets:1", "");
	use_hooks(&r);
	r.answers.wanted = "__consumer_offsets";
	CHECK_PLAN(make(&r, &err), "__consumer_offsets>__consumer_offsets key 0!");
	CHECK(r.answers.saw_internal);
	close_rig(&r);
}

TEST(the_route_hook_overrides_the_names_and_the_mode)
{
	static const struct {
		struct script_route route;
		const char *plan;
	} rows[] = {
		{{.topic = "out", .rule = SCRIPT_RULE_NONE}, "a>out key 5"},
		{{.topic = "out", .rule = SCRIPT_PRESERVE}, "a>out preserve 5"},
		{{.topic = "", .rule = SCRIPT_CRC32}, "a>p.a crc32 0!"},
		{{.is_refused = true}, "-a"},
		{{.topic = "", .rule = SCRIPT_RULE_NONE}, "a>p.a key 0!"},
		{{.topic = "x y", .rule = SCRIPT_RULE_NONE}, "-a!"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig r;
		struct err err;

		open_rig(&r, "--topic.prefix p.", "a:2", "out:5");
		use_hooks(&r);
		r.answers.routed = "a";
		r.answers.route = rows[i].route;
		CHECK_PLAN(make(&r, &err), rows[i].plan);
		CHECK_INT(r.answers.seen_target, 5);
		CHECK(!r.answers.plan);
		close_rig(&r);
	}
}

/* The partitions that a missing topic should be made with. */
TEST(a_missing_topic_is_asked_for_as_its_route_says)
{
	struct rig r;
	struct err err;

	open_rig(&r, "", "a:2", "");
	use_hooks(&r);
	r.answers.routed = "a";
	r.answers.route = (struct script_route){.topic = "x", .create_partitions = 12};
	CHECK(has_problem(make(&r, &err), "a", "create it with 12 partitions"));
	r.answers.route = (struct script_route){.topic = "x", .rule = SCRIPT_MAP};
	r.answers.map[1] = 6;
	CHECK(has_problem(make(&r, &err), "a", "create it with 7 partitions"));
	close_rig(&r);
}

TEST(two_rules_into_one_topic_are_said)
{
	struct rig r;
	struct err err;

	open_rig(&r, "--topic.rename.regex .* --topic.rename.replacement m", "a:1 b:1", "m:1");
	use_hooks(&r);
	r.answers.routed = "b";
	r.answers.route = (struct script_route){.rule = SCRIPT_ROUND_ROBIN};
	CHECK(has_problem(make(&r, &err), "a", "by different rules"));
	close_rig(&r);
}

TEST(a_map_is_asked_for_once_while_the_counts_stay)
{
	struct rig r;
	struct err err;

	open_map(&r, "a:3", "out:4");
	CHECK_PLAN(make(&r, &err), "a>out map 4 0/-1/3");
	CHECK_INT(r.answers.asked[2], 3);
	/* Another script is asked, whatever was said before. */
	make(&r, &err);
	CHECK_INT(r.answers.asked[2], 6);
	r.input.is_same_script = true;
	r.answers.map[0] = 2;
	CHECK_PLAN(make(&r, &err), "a>out map 4 0/-1/3");
	CHECK_INT(r.answers.asked[2], 6);
	set_sources(&r, "a:4");
	CHECK_PLAN(make(&r, &err), "a>out map 4 2/-1/3/0");
	CHECK_INT(r.answers.asked[2], 10);
	set_targets(&r, "out:5");
	make(&r, &err);
	CHECK_INT(r.answers.asked[2], 14);
	set_targets(&r, "out:5 else:5");
	r.answers.route = (struct script_route){.topic = "else", .rule = SCRIPT_MAP};
	make(&r, &err);
	CHECK_INT(r.answers.asked[2], 18);
	close_rig(&r);
}

TEST(partitions_that_are_not_there_wait)
{
	struct rig r;
	struct err err;

	open_map(&r, "a:3", "out:3");
	r.input.is_same_script = true;
	CHECK_PLAN(make(&r, &err), "a>out map 3 0/-1/-2!");
	CHECK(has_problem(
		r.input.previous, "a", "sends partition 2 to 3, but out has 3; records wait"));
	r.answers.map[0] = 9;
	/* Asked again, for the script may have thought better of it. */
	CHECK_PLAN(make(&r, &err), "a>out map 3 -2/-1/-2!");
	CHECK(has_problem(r.input.previous, "a", "sends partition 0 to 9, but out has 3, and so"));
	/* What cannot be judged is taken as it is. */
	set_targets(&r, NULL);
	CHECK_PLAN(make(&r, &err), "a>out map -1 9/-1/3");
	close_rig(&r);
}

TEST(a_map_without_a_hook_is_refused)
{
	struct rig r;
	struct err err = {""};

	open_map(&r, "a:3", "out:3");
	r.input.hooks.partition = NULL;
	CHECK(!make(&r, &err));
	CHECK(strstr(err.text, "there is no partition hook") &&
		strstr(err.text, "(for the topic a)"));
	close_rig(&r);
}

/* A hook that fails at first ends the start. */
TEST(the_first_failure_is_an_error)
{
	static const struct {
		const char *topics, *route;
		int map;
		const char *says;
	} rows[] = {{"b", NULL, -1, "s.lua:3: no topics (for the topic b)"},
		{NULL, "b", -1, "s.lua:5: no route (for the topic b)"},
		{NULL, NULL, 1, "s.lua:7: no partition (for the topic a)"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig r;
		struct err err = {""};

		open_map(&r, "a:3 b:1", "out:4");
		r.answers.failing = rows[i].topics;
		r.answers.route_failing = rows[i].route;
		r.answers.map_failing = rows[i].map;
		CHECK(!make(&r, &err));
		CHECK_STR(err.text, rows[i].says);
		CHECK(!r.answers.plan);
		close_rig(&r);
	}
}

/* Later on, known topics keep their answer, and new ones wait outside. */
TEST(a_later_failure_keeps_what_was_known)
{
	struct rig r;
	struct err err;

	log_open("/dev/null", NULL);
	open_map(&r, "a:3 b:1", "b:1 out:4");
	r.input.is_same_script = true;
	make(&r, &err);
	r.answers.route_failing = "a";
	CHECK_PLAN(make(&r, &err), "a>out map 4 0/-1/3!, b>b key 1");
	CHECK(has_problem(r.input.previous, "a", "counts: s.lua:5: no route"));
	r.answers.route_failing = NULL;
	r.answers.map_failing = 2;
	set_sources(&r, "a:4 b:1");
	CHECK_PLAN(make(&r, &err), "a>out map 4 0/-1/3/-2!, b>b key 1");
	r.answers.failing = "b";
	set_sources(&r, "a:4 b:1");
	CHECK_PLAN(make(&r, &err), "a>out map 4 0/-1/3/-2!, b>b key 1!");
	set_sources(&r, "a:4 b:1 c:1");
	r.answers.failing = "c";
	CHECK_PLAN(make(&r, &err), "a>out map 4 0/-1/3/-2!, b>b key 1, -c");
	CHECK_STR(plan_find(r.input.previous, "c")->why_not,
		"the script fails for it: s.lua:3: no topics");
	/* The hook is asked until it answers again. */
	r.answers.map_failing = -1;
	r.answers.failing = NULL;
	set_targets(&r, "b:1 c:1 out:4");
	CHECK_PLAN(make(&r, &err), "a>out map 4 0/-1/3/0, b>b key 1, c>c key 1");
	close_rig(&r);
	log_open(NULL, NULL);
}

/* A map of another topic's partitions says nothing about this one's. */
TEST(a_kept_map_belongs_to_its_target)
{
	struct rig r;
	struct err err;

	log_open("/dev/null", NULL);
	open_map(&r, "a:3", "else:9 out:4");
	make(&r, &err);
	r.answers.route = (struct script_route){.topic = "else", .rule = SCRIPT_MAP};
	r.answers.map_failing = 0;
	CHECK_PLAN(make(&r, &err), "a>else map 9 -2/-2/-2!");
	close_rig(&r);
	log_open(NULL, NULL);
}

/* before, now: sources; flags of both; what is said */
static const struct {
	const char *before, *now, *flags, *changes;
} differences[] = {
	{"a:1", "a:1", "", NULL},
	{"a:1", "a:2", "", NULL},
	{"a:1", "a:1 b:1", "", "b to b (key) is new"},
	{"a:1 b:1", "b:1", "", "a is not mirrored any more"},
	{"", "", "", NULL},
	{"a:1", "b:1", "--topic.prefix x.", "a is not mirrored any more, b to x.b (key) is new"},
	{"a:1 x:1", "a:1", "--exclude x", NULL},
};

TEST(differences_are_told)
{
	for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++) {
		struct rig r;
		struct err err;
		const struct plan *before, *now;
		char *text;

		open_rig(&r, differences[i].flags, differences[i].before, NULL);
		before = plan_take(make(&r, &err));
		set_sources(&r, differences[i].now);
		now = make(&r, &err);
		text = plan_difference(before, now);
		CHECK_STR(text, differences[i].changes);
		CHECK_INT(plan_equals(before, now),
			!strcmp(differences[i].before, differences[i].now));
		free(text);
		plan_release(&before);
		close_rig(&r);
	}
}

TEST(moves_are_told)
{
	struct rig r;
	struct err err;
	const struct plan *before;
	char *text;

	open_map(&r, "a:3 b:1", "b:1 out:4");
	before = plan_take(make(&r, &err));
	r.answers.map[0] = 1;
	text = plan_difference(before, make(&r, &err));
	CHECK_STR(text, "a to other partitions of out (map)");
	free(text);
	r.answers.route = (struct script_route){.topic = "x", .rule = SCRIPT_PRESERVE};
	text = plan_difference(before, make(&r, &err));
	CHECK_STR(text, "a to x (preserve) instead of out (map)");
	free(text);
	plan_release(&before);
	close_rig(&r);
}

/* A limit moves no record: it is told, and the plan is another one, but nothing has to drain. */
TEST(limits_are_told)
{
	struct rig r;
	struct err err;
	const struct plan *before, *limited;
	char *text;

	open_rig(&r, "", "a:1 b:1", "a:1 b:1");
	log_open("/dev/null", NULL);
	use_hooks(&r);
	r.answers.routed = "a";
	before = plan_take(make(&r, &err));
	snprintf(r.answers.route.limit, sizeof(r.answers.route.limit), "5MB/s");
	limited = plan_take(make(&r, &err));
	CHECK(!plan_equals(before, limited) && plan_topic_equals(before->topics, limited->topics));
	text = plan_difference(before, limited);
	CHECK_STR(text, "a has the limit 5MB/s now");
	free(text);
	/* What the route said before it failed counts. */
	r.answers.route_failing = "a";
	CHECK(plan_equals(limited, make(&r, &err)));
	log_open(NULL, NULL);
	plan_release(&before);
	plan_release(&limited);
	close_rig(&r);
}

TEST(many_differences_are_counted)
{
	struct rig r;
	struct err err;
	struct plan_partitions many[30];
	char names[30][16], *text;
	const struct plan *before;

	open_rig(&r, "", "", NULL);
	before = plan_take(make(&r, &err));
	for (int i = 0; i < 30; i++) {
		snprintf(names[i], sizeof(names[i]), "t%02d", i);
		many[i] = (struct plan_partitions){.name = names[i], .partitions = 1};
	}
	r.input.sources = many;
	r.input.source_count = 30;
	text = plan_difference(before, make(&r, &err));
	CHECK(!strncmp(text, "t00 to t00 (key) is new, t01", 28));
	CHECK(!strstr(text, "t20"));
	CHECK_STR(strstr(text, ", and "), ", and 10 more");
	free(text);
	plan_release(&before);
	r.input.source_count = 0;
	close_rig(&r);
}

/* Do both plans send the topic's records to the same places? That a count of partitions matters
   depends on the rule. */
TEST(a_target_that_grows_moves_only_what_counts_partitions)
{
	static const struct {
		const char *mode;
		bool is_same;
		const char *changes;
	} rows[] = {{"key", true, NULL}, {"preserve", true, NULL},
		{"round.robin", false, "a to a (round.robin), which has 2 partitions now"},
		{"crc32", false, "a to a (crc32), which has 2 partitions now"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char flags[64], *text;
		struct rig r;
		struct err err;
		const struct plan *before, *now;

		snprintf(flags, sizeof(flags), "--partition.mode %s", rows[i].mode);
		open_rig(&r, flags, "a:1", "a:1");
		before = plan_take(make(&r, &err));
		set_targets(&r, "a:2");
		now = make(&r, &err);
		CHECK_INT(plan_topic_equals(&before->topics[0], &now->topics[0]), rows[i].is_same);
		CHECK(!plan_equals(before, now));
		text = plan_difference(before, now);
		CHECK_STR(text, rows[i].changes);
		free(text);
		plan_release(&before);
		close_rig(&r);
	}
}

TEST(a_plan_answers_for_topics)
{
	struct rig r;
	struct err err;
	const struct plan *plan;

	open_rig(&r, "--exclude b", "a:1 b:1", "a:7 else:3");
	plan = make(&r, &err);
	CHECK(plan_mirrors(plan, "a") && !plan_mirrors(plan, "b") && !plan_mirrors(plan, "c"));
	CHECK(!plan_find(plan, "c"));
	CHECK_INT(plan_target_partitions(plan, "else"), 3);
	CHECK_INT(plan_target_partitions(plan, "b"), 0);
	CHECK_INT(plan_target_partitions(NULL, "a"), -1);
	set_targets(&r, NULL);
	CHECK_INT(plan_target_partitions(make(&r, &err), "a"), -1);
	close_rig(&r);
}

/* Within one cluster: flags, topics, and what would be copied without end. */
static const struct {
	const char *flags, *sources, *endless;
} loops[] = {
	{"", "a:1", "and a, to which a is copied"},
	{"--topic.prefix x.", "a:1", "and x.a, to which a is copied"},
	/* What is excluded comes to an end, even before the first copy is there. */
	{"--topic.prefix x. --exclude x\\..*", "a:1", NULL},
	{"--topic.prefix x. --exclude x\\..*", "a:1 x.a:1", NULL},
	/* One copy of a copy is no loop. */
	{"--topic.prefix x. --exclude x\\.x\\..*", "a:1", NULL},
};

TEST(a_mirror_within_one_cluster_may_come_to_an_end)
{
	for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++) {
		struct rig r;
		struct err err;
		char *text;

		open_rig(&r, loops[i].flags, loops[i].sources, NULL);
		text = plan_endless(r.rules, &r.input, make(&r, &err));
		CHECK(!text == !loops[i].endless);
		CHECK(!text || !loops[i].endless || strstr(text, loops[i].endless));
		free(text);
		close_rig(&r);
	}
}

/* Reads "a:3" into a view; the number is how many looks in a row did not list it. */
static void
read_view(struct cluster_view *view, const char *text)
{
	struct plan_partitions list[MOST];

	*view = (struct cluster_view){.topic_count = read_topics(text, list)};
	view->topics = mem_zero(MOST, sizeof(*view->topics));
	for (size_t i = 0; i < view->topic_count; i++)
		view->topics[i] = (struct cluster_topic){.name = (char *)(uintptr_t)list[i].name,
			.partitions = 1,
			.absent = list[i].partitions};
}

TEST(topics_that_are_not_listed_once_are_borne_with)
{
	static const struct {
		const char *old, *now, *kept;
	} rows[] = {{"", "a:0", "a:0"}, {"a:0", "a:0", "a:0"}, {"a:1", "a:0", "a:0"},
		{"a:0 b:0 c:0", "b:0", "a:1 b:0 c:1"}, {"a:1 b:2 c:0", "", "a:2 c:1"},
		{"a:2", "", ""}, {"b:0", "a:0 c:0", "a:0 b:1 c:0"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cluster_view old, now;
		struct text kept = {0};
		bool is_kept;

		read_view(&old, rows[i].old);
		read_view(&now, rows[i].now);
		is_kept = cluster_view_keep(&old, &now, 3);
		for (size_t n = 0; n < now.topic_count; n++)
			text_printf(&kept, "%s%s:%d", n ? " " : "", now.topics[n].name,
				now.topics[n].absent);
		CHECK_STR(kept.s ? kept.s : "", rows[i].kept);
		CHECK_INT(is_kept, strlen(rows[i].now) != strlen(rows[i].kept));
		text_fini(&kept);
		cluster_view_fini(&old);
		cluster_view_fini(&now);
	}
}
