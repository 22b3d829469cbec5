/* Any bytes as what a peer sends to the admin API: the real server and calls answer, whole and well
   formed, whatever comes and in whatever pieces, and have nothing of the peer left when it is gone.
   The first byte says through which socket, in which pieces, and whether mirroring has begun. */
#include "tests/fuzz/http_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define IS_TCP 1
#define IS_MIRRORING 2
#define IS_CUT 4 /* the peer goes without having read what happens later */

static struct rig rig;

static void
end(void)
{
	rig_fini(&rig);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t mode = size ? data[0] : 0;
	/* All at once, or cut into up to 32 pieces. */
	size_t piece = mode & 0x80 ? size / 32 + 1 + (mode >> 3 & 15) : SIZE_MAX;
	bool is_open;
	int fd, status = 0;

	if (!rig.config) {
		rig_init(&rig);
		atexit(end);
	}
	rig_begin(&rig, mode & IS_MIRRORING);
	fd = rig_connect(&rig, mode & IS_TCP);
	is_open = size < 2 || rig_send(&rig, fd, data + 1, size - 1, piece);
	if (!(mode & IS_CUT)) {
		rig_happen(&rig);
		if (is_open)
			rig_turn(&rig, fd);
		rig_check(&rig, &status);
	}
	rig_close(&rig, fd);
	rig_end(&rig);
	return 0;
}
