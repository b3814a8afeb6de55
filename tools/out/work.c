// SPDX-License-Identifier: MIT
/*
 * See work.h. The signal's number is the only thing that the handler touches.
 */
#include "tools/out/work.h"

#include <signal.h>

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
static volatile sig_atomic_t caught;

static void catch (int number)
{
	caught = number;
}

static int step(void *ctx, uint64_t done_len, uint64_t total_len)
{
	struct work *work = ctx;

	if (!work->begun) {
		work->progress = progress_begin(work->what, total_len, false);
		work->begun = true;
	}
	progress_add(&work->progress, done_len - work->progress.done);
	return caught;
}

void work_begin(struct work *work, const char *what)
{
	/* Not SA_RESETHAND: a second one must not cut the cleaning up short. */
	struct sigaction action = {.sa_handler = catch, .sa_flags = SA_RESTART};

	*work = (struct work){.watch = {step, work}, .what = what};
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		struct sigaction old;

		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
}

void work_end(struct work *work)
{
	if (work->begun)
		progress_end(&work->progress);
	work->begun = false;
}

void work_die(int rc)
{
	if (rc != -ECANCELED || !caught)
		return;
	signal(caught, SIG_DFL);
	raise(caught);
}
