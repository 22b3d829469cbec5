/* The process: what the kernel says it uses. */
#include "service/process.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

void
process_allow_dumps(bool allow)
{
	prctl(PR_SET_DUMPABLE, allow ? 1 : 0);
}

static int64_t
resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long long size, resident = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%lld %lld", &size, &resident) != 2)
		resident = 0;
	fclose(f);
	return resident * sysconf(_SC_PAGESIZE);
}

static int64_t
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int64_t count = 0;

	if (!d)
		return 0;
	while (readdir(d))
		count++;
	closedir(d);
	return count - 3; /* ".", "..", and the folder itself */
}

void
process_usage(struct process_usage *ret)
{
	struct timespec cpu = {0};
	struct rlimit limit = {0};

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	getrlimit(RLIMIT_NOFILE, &limit);
	ret->cpu_seconds = (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9;
	ret->resident_bytes = resident_bytes();
	ret->open_fds = open_fds();
	ret->max_fds = (int64_t)limit.rlim_cur;
}
