/* SPDX-License-Identifier: MIT */
/*
 * A disk that may lose power. A program that is linked with this calls pwrite, fsync and so on
 * here. Before calls that change a file below the watched directory, that directory is copied as a
 * disk could have it if the power went now: of each file any pages that were not synced are as they
 * were at its last sync; the names in a directory are those of its last sync or those of now; of a
 * page that was being written each sector is old or new.
 */
#ifndef CANISTERFS_TESTS_POWER_DISK_H
#define CANISTERFS_TESTS_POWER_DISK_H

#include "tests/unit/test.h"

struct power {
	bool watching;
	struct rng rng;
	unsigned one_in; /* of so many calls one is cut before */
	/* Before each call; may be NULL. */
	void (*before_call)(void);
	/* Looks at a copy, in another boot. Another thread's: the program is inside a call. */
	void (*check)(const char *dir);
	unsigned cuts;
	char failed[512]; /* "": not yet. No cut follows a failure */
};
extern struct power power;

/* All that lies below `dir` is on the disk. */
void power_begin(const char *dir);
/* Fills an empty directory with what a cut leaves now. */
void power_cut_to(const char *dir);
/* From now on, or no longer, the program sees another boot. */
void power_set_rebooted(bool rebooted);
void power_end(void);
/* Opens as the program under test does not: no cut comes before it. Returns the descriptor or -1.
 */
int power_open_raw(const char *path, int flags);

#endif
