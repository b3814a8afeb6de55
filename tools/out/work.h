/* SPDX-License-Identifier: MIT */
/*
 * Long work that somebody watches: its progress on stderr, and SIGINT, SIGTERM and SIGHUP, which
 * end it so that nothing half-done is left. One at a time in a process.
 */
#ifndef CANISTERFS_WORK_H
#define CANISTERFS_WORK_H

#include "snapshot/snapshot.h"
#include "tools/out/progress.h"

struct work {
	struct snap_watch watch; /* for the work; ends it with -ECANCELED after a signal */
	struct progress progress;
	const char *what;
	bool begun;
};

/* `work` must stay where it is until work_end. */
void work_begin(struct work *work, const char *what);
void work_end(struct work *work);
/* After the work has failed with rc and all is cleaned up: a signal that ended it ends the process
 * too, as its sender expects. Returns where there was none. */
void work_die(int rc);

#endif
