// SPDX-License-Identifier: MIT
/*
 * Old bytes are on disk before the image's new ones can be: so a snapshot is whole after a power
 * cut, too. A writer that has put old bytes into the newest snapshot waits here until they are on
 * disk; one sync serves all who wait when it begins.
 */
#include "snapshot/live.h"

#include "snapshot/qcow2/qcow2_write.h"

void kept_sync_init(struct kept_sync *k)
{
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->ended, NULL);
}

void kept_sync_end(struct kept_sync *k)
{
	pthread_mutex_destroy(&k->lock);
	pthread_cond_destroy(&k->ended);
}

/* This thread syncs for all who have asked so far. The lock is held, and let go of meanwhile. */
static int sync_for_all(struct snap_live *live, struct err *err)
{
	struct kept_sync *k = &live->kept_sync;
	uint64_t asked = k->asked;
	int rc;

	k->running = true;
	pthread_mutex_unlock(&k->lock);
	rc = qcow2_sync_data(live->receiver->file, err);
	pthread_mutex_lock(&k->lock);
	k->running = false;
	if (!rc)
		k->done = asked;
	pthread_cond_broadcast(&k->ended);
	return rc ? err_prefix(err, rc, "the old bytes cannot be kept for snapshot '%s'",
			       live->receiver->name)
		  : 0;
}

int kept_sync(struct snap_live *live, struct err *err)
{
	struct kept_sync *k = &live->kept_sync;
	uint64_t mine;
	int rc = 0;

	pthread_mutex_lock(&k->lock);
	mine = ++k->asked;
	while (!rc && k->done < mine) {
		if (k->running)
			pthread_cond_wait(&k->ended, &k->lock);
		else
			rc = sync_for_all(live, err);
	}
	pthread_mutex_unlock(&k->lock);
	return rc;
}
