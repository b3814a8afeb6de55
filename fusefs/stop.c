// SPDX-License-Identifier: MIT
/*
 * The end of a mount by a signal, as good as an unmount: what programs have written and only the
 * kernel has yet is fetched while the workers are there to take it, by a thread that waits for the
 * signals; then the loop is told to end.
 */
#include <signal.h>
#include <time.h>

#include "fusefs/core/fs.h"

enum { RETRY_MS = 10 };

/* SIGUSR1 is ours: it interrupts what the main thread or the waiter waits in, and does no more. */
static void wake(int signal)
{
}

static void end_loop(struct stopper *stop)
{
	const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};

	fuse_session_exit(stop->fs->session);
	/* Again and again: it may look just before, and wait just after. */
	while (!stop->ended) {
		pthread_kill(stop->main_thread, SIGUSR1);
		nanosleep(&pause, NULL);
	}
}

static void *wait_for_signal(void *arg)
{
	struct stopper *stop = arg;
	int signal = SIGUSR1;

	while (signal == SIGUSR1 && !stop->ended)
		sigwait(&stop->signals, &signal);
	if (stop->ended)
		return NULL;
	fs_flush(stop->fs, false);
	end_loop(stop);
	return NULL;
}

/* What the waiter waits for: its own, and those that mean an end, but for what whoever started us
 * has told us to ignore. */
static void choose_signals(sigset_t *set)
{
	static const int wanted[] = {SIGHUP, SIGINT, SIGTERM};

	sigemptyset(set);
	sigaddset(set, SIGUSR1);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		struct sigaction old;

		if (sigaction(wanted[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaddset(set, wanted[i]);
	}
}

int stopper_start(struct stopper *stop, struct fs *fs, struct err *err)
{
	const struct sigaction waking = {.sa_handler = wake};
	sigset_t waking_set;
	int rc;

	*stop = (struct stopper){.fs = fs, .main_thread = pthread_self()};
	choose_signals(&stop->signals);
	sigaction(SIGUSR1, &waking, NULL);
	/* A reader of /dev/fuse that is gone is an error to be told, not a reason to die. */
	signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &stop->signals, NULL);
	rc = -pthread_create(&stop->waiter, NULL, wait_for_signal, stop);
	sigemptyset(&waking_set);
	sigaddset(&waking_set, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &waking_set, NULL);
	return rc ? err_sys(err, rc, "cannot wait for signals") : 0;
}

void stopper_end(struct stopper *stop)
{
	stop->ended = true;
	pthread_kill(stop->waiter, SIGUSR1);
	pthread_join(stop->waiter, NULL);
}
