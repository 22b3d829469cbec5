/* kafka/slack: which threads the kernel may wake late. */
#include "kafka/slack.h"

#include <glob.h>
#include <stdlib.h>

#include "kafka/library.h"
#include "tests/unit/unit.h"

static void
read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "r");

	if (!file || !fgets(line, (int)size, file))
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (file)
		fclose(file);
}

/* Of the threads whose names begin so: how many there are, and how many nanoseconds late they may
   be woken, -1 where they differ. */
static int
count_threads(const char *name, long *ret_slack)
{
	glob_t tasks;
	int count = 0;

	CHECK_INT(glob("/proc/self/task/*", 0, NULL, &tasks), 0);
	for (size_t i = 0; i < tasks.gl_pathc; i++) {
		char path[256], line[64];
		long slack;

		snprintf(path, sizeof(path), "%s/comm", tasks.gl_pathv[i]);
		read_line(path, line, sizeof(line));
		if (strncmp(line, name, strlen(name)) != 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%s/timerslack_ns",
			strrchr(tasks.gl_pathv[i], '/') + 1);
		read_line(path, line, sizeof(line));
		slack = atol(line);
		*ret_slack = count++ && *ret_slack != slack ? -1 : slack;
	}
	globfree(&tasks);
	return count;
}

TEST(main_threads_may_be_late_and_those_of_brokers_not)
{
	char why[256], usual_line[64];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;
	long usual, slack;

	read_line("/proc/self/timerslack_ns", usual_line, sizeof(usual_line));
	usual = atol(usual_line);
	slack_watch(conf);
	rd_kafka_conf_set(conf, "test.mock.num.brokers", "2", why, sizeof(why));
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
	if (!CHECK(rk != NULL))
		return;
	CHECK_INT(count_threads("rdk:main", &slack), 1);
	CHECK_INT(slack, library_at_least(2, 4, 0) ? usual : 1000000);
	CHECK(count_threads("rdk:broker", &slack) > 1);
	CHECK_INT(slack, usual);
	rd_kafka_destroy(rk);
}
