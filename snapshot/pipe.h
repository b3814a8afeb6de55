/* SPDX-License-Identifier: MIT */
/*
 * Work on all cores, with its beginning and its end in order: jobs are handed out one after the
 * other, worked on side by side, and taken in as they were handed out. A bounded number of them is
 * under way, so that memory is bounded whatever the image.
 *
 *     next (in order) --> work (any number at once) --> done (in order)
 */
#ifndef CANISTERFS_PIPE_H
#define CANISTERFS_PIPE_H

#include "memmgr/util.h"

enum { PIPE_MAX_JOBS = 32 };

struct pipe_ops {
	size_t job_len; /* bytes of a job, zeroed before its first use and reused after */
	/* What a thread needs for itself; NULL where it needs nothing. worker_free is also called
	 * with what a worker_new that failed has left: NULL, or half of it. */
	int (*worker_new)(void *ctx, void **worker);
	void (*worker_free)(void *worker);
	/* 1: `job` is filled. 0: there are no more. Never at the same time as another next. */
	int (*next)(void *ctx, void *job, struct err *err);
	int (*work)(void *ctx, void *worker, void *job, struct err *err);
	/* Never at the same time as another done. */
	int (*done)(void *ctx, void *job, struct err *err);
};

/* How many jobs at once `wanted` means; 0: one per core. */
unsigned pipe_jobs(unsigned wanted);

/* Runs until next gives no more, or anything fails: then that is the answer, and what it said. The
 * calling thread works too. */
int MUST_CHECK pipe_run(const struct pipe_ops *ops, void *ctx, unsigned jobs, struct err *err);

#endif
