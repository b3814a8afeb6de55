/* SPDX-License-Identifier: MIT */
/*
 * One line on stderr that tells how far a long piece of work is: only on a terminal, only after
 * half a second, and gone when the work ends. For one thread.
 */
#ifndef CANISTERFS_PROGRESS_H
#define CANISTERFS_PROGRESS_H

#include "memmgr/util.h"

struct progress {
	const char *what;     /* "reading", "moving buckets" */
	uint64_t done, total; /* bytes; total 0: unknown */
	uint64_t start_ms, shown_ms;
	bool on, shown;
};

/* `quiet`: never show it, for an answer that goes to the same terminal. */
struct progress progress_begin(const char *what, uint64_t total, bool quiet);
void progress_add(struct progress *p, uint64_t bytes);
void progress_end(struct progress *p);
#define auto_progress __attribute__((cleanup(progress_end)))

#endif
