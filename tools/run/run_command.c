// SPDX-License-Identifier: MIT
/* Runs commands for a trial, and counts what they have changed. See run.h. */
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "tools/records/record_count.h"
#include "tools/run/run.h"

/* The command's, for a signal that is to end it and not the clean-up. */
static volatile pid_t running;

static void pass_on(int number)
{
	if (running > 0)
		kill(running, number);
}

void run_catch_signals(void)
{
	static const int caught[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};
	struct sigaction act = {.sa_handler = pass_on};

	for (size_t i = 0; i < ARRAY_LEN(caught); i++)
		sigaction(caught[i], &act, NULL);
	signal(SIGPIPE, SIG_DFL); /* the command's */
	signal(SIGXFSZ, SIG_DFL);
}

/* stdout is for our answer: what others print there goes to stderr. */
int run_command(const char *file, char *const *argv)
{
	posix_spawn_file_actions_t actions;
	int status = 0, rc;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	rc = posix_spawnp(&pid, file, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (rc)
		return -rc;
	running = pid;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	running = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int run_self(char *const *argv, struct err *err)
{
	int rc = run_command("/proc/self/exe", argv);

	return rc < 0 ? err_sys(err, rc, "cannot run canisterfs itself") : rc == 0 ? 0 : -EIO;
}

void run_add(struct run_trial *t, struct run_changes *out, unsigned mm_id, uint64_t pages,
	     struct mm *was, struct mm *now)
{
	struct run_change *row = &out->row[out->count++];
	struct record_count n;
	struct err why = {""};
	int rc = record_count(was, now, mm_id, t->names, &n, &why);

	*row = (struct run_change){
		(int)mm_id, names_of(t->names, mm_id), pages, NULL, UINT64_MAX, UINT64_MAX,
		UINT64_MAX};
	if (rc)
		cmd_error(t->image, "note: memory %u: its records were not counted: %s", mm_id,
			  why.text);
	if (rc || !n.kind)
		return;
	row->kind = n.kind;
	row->added = n.added;
	row->removed = n.removed;
	row->changed = n.changed;
}
