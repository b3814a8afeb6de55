// SPDX-License-Identifier: MIT
/*
 * run: lets a command loose on an image that is never written, and tells what it changed. The mount
 * is a process of its own, of this same program; this one only starts, asks, and cleans up.
 */
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "tools/cmd/cmd.h"
#include "tools/image/snapper.h"
#include "tools/image/trial.h"
#include "tools/out/fields.h"
#include "tools/out/text.h"

struct run_args {
	const char *image, *check, *keep;
	bool twice, json;
	struct cmd_list command;
};

static const struct cmd_option options[] = {
	{"check", 'c', CMD_TEXT, WHERE(struct run_args, check), "CMD",
	 "then run CMD, a line for sh; it must succeed too"},
	{"twice", '2', CMD_FLAG, WHERE(struct run_args, twice), NULL,
	 "run the command again: it must change nothing more"},
	{"keep", 'k', CMD_FILE, WHERE(struct run_args, keep), "FILE",
	 "keep what was written, as an overlay"},
	{"json", 0, CMD_FLAG, WHERE(struct run_args, json), NULL, "print one JSON document"},
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"IMAGE", CMD_FILE, WHERE(struct run_args, image)},
	{"COMMAND", CMD_REST, WHERE(struct run_args, command)},
	{NULL},
};

struct change {
	int id;
	uint64_t pages;
};

struct changes {
	struct change row[MM_MAX_MEMORIES];
	size_t count;
	uint64_t pages;
};

struct trial {
	char *dir, *mnt;
	bool mounted;
	struct snapper snapper;
	/* what came of it */
	int status, again_status, check_status; /* exit codes; -1: not run */
	uint64_t milliseconds;
	struct changes first, second;
};

/* The command's, for a signal that is to end it and not the clean-up. */
static volatile pid_t running;

static void pass_on(int number)
{
	if (running > 0)
		kill(running, number);
}

static void catch_signals(void)
{
	static const int caught[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};
	struct sigaction act = {.sa_handler = pass_on};

	for (size_t i = 0; i < ARRAY_LEN(caught); i++)
		sigaction(caught[i], &act, NULL);
	signal(SIGPIPE, SIG_DFL); /* the command's */
	signal(SIGXFSZ, SIG_DFL);
}

/* Exit code, or 128 and the signal's number, as a shell has it; -errno: it could not be run. stdout
 * is for our answer: what others print there goes to stderr. */
static int run_command(const char *file, char *const *argv)
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

/* It tells what is wrong itself. */
static int run_self(char *const *argv, struct err *err)
{
	int rc = run_command("/proc/self/exe", argv);

	return rc < 0 ? err_sys(err, rc, "cannot run canisterfs itself") : rc == 0 ? 0 : -EIO;
}

static int begin(const struct run_args *args, struct trial *t, struct err *err)
{
	auto_free char *overlay = NULL;
	int rc;

	if (args->keep && access(args->keep, F_OK) == 0)
		return err_set(err, -EEXIST, "%s exists already", args->keep);
	rc = trial_dir_make(NULL, &t->dir, err);
	if (rc)
		return rc;
	if (asprintf(&t->mnt, "%s/mnt", t->dir) < 0 ||
	    (args->keep ? asprintf(&overlay, "overlay=%s", args->keep)
			: asprintf(&overlay, "overlay=%s/overlay.qcow2", t->dir)) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	if (mkdir(t->mnt, 0700) < 0)
		return err_sys(err, -errno, "cannot make %s", t->mnt);
	rc = run_self((char *[]){"canisterfs", "mount", "-o", overlay, "-o",
				 image_trust_backing ? "trust_backing" : "rw", "-o",
				 "fast_snapshots", "--", (char *)args->image, t->mnt, NULL},
		      err);
	if (rc)
		return rc;
	t->mounted = true;
	if (setenv("MNT", t->mnt, 1) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	return snapper_open(t->mnt, true, &t->snapper, err);
}

static int end(struct trial *t, struct err *err)
{
	int rc = 0;

	snapper_drop(&t->snapper);
	if (t->mounted)
		rc = run_self((char *[]){"canisterfs", "umount", t->mnt, NULL}, err);
	if (!rc)
		trial_dir_remove(t->dir);
	free(t->dir);
	free(t->mnt);
	return rc;
}

static int ask(struct trial *t, uint32_t verb, const char *name, struct changes *out,
	       struct err *err)
{
	auto_free struct fs_request *r = malloc(sizeof(*r));
	int rc = r ? mounted_request(r, verb, name, NULL, err) : -ENOMEM;

	if (!rc)
		rc = snapper_ask(&t->snapper, r, err);
	for (int id = 0; !rc && out && id < MM_MAX_MEMORIES; id++) {
		if (r->pages[id] == 0)
			continue;
		out->row[out->count++] = (struct change){id, r->pages[id]};
		out->pages += r->pages[id];
	}
	return rc;
}

static int could_not(const char *what, int rc, struct err *err)
{
	return rc >= 0 ? 0 : err_sys(err, rc, "cannot run %s", what);
}

/* The command between two snapshots; what differs then. */
static int run_once(const struct run_args *args, struct trial *t, const char *name, int *status,
		    struct changes *out, struct err *err)
{
	int rc = ask(t, FS_SNAP_CREATE, name, NULL, err);

	if (rc)
		return rc;
	*status = run_command(args->command.item[0], (char *const *)args->command.item);
	rc = could_not(args->command.item[0], *status, err);
	return rc ? rc : ask(t, FS_SNAP_DIFF, name, out, err);
}

static int try_it(const struct run_args *args, struct trial *t, struct err *err)
{
	struct timespec from, to;
	int rc;

	clock_gettime(CLOCK_MONOTONIC, &from);
	rc = run_once(args, t, "before", &t->status, &t->first, err);
	clock_gettime(CLOCK_MONOTONIC, &to);
	t->milliseconds = (uint64_t)((to.tv_sec - from.tv_sec) * 1000 +
				     (to.tv_nsec - from.tv_nsec) / 1000000);
	if (!rc && t->status == 0 && args->twice)
		rc = run_once(args, t, "between", &t->again_status, &t->second, err);
	if (!rc && t->status == 0 && args->check) {
		t->check_status =
			run_command("sh", (char *[]){"sh", "-c", (char *)args->check, NULL});
		rc = could_not("sh", t->check_status, err);
	}
	if (!rc && args->keep)
		rc = ask(t, FS_SNAP_DROP, "before", NULL, err);
	if (!rc && args->keep && args->twice && t->again_status >= 0)
		rc = ask(t, FS_SNAP_DROP, "between", NULL, err);
	return rc;
}

static bool passed(const struct trial *t)
{
	return t->status == 0 && t->again_status <= 0 && t->second.count == 0 &&
	       t->check_status <= 0;
}

/* ---- the answer ---- */

static const struct field change_fields[] = {
	{"id", "memory", FIELD_ID, offsetof(struct change, id)},
	{"pages", "pages changed", FIELD_NUMBER, offsetof(struct change, pages)},
	{NULL},
};

static void put_status(struct json *doc, const char *key, int status)
{
	json_put(doc, doc->root, key, status < 0 ? json_null() : json_integer(status));
}

static int print_json(const struct trial *t)
{
	struct json doc = json_begin();

	json_put(&doc, doc.root, "passed", json_boolean(passed(t)));
	put_status(&doc, "status", t->status);
	put_status(&doc, "second_status", t->again_status);
	put_status(&doc, "check_status", t->check_status);
	json_put(&doc, doc.root, "milliseconds", json_u64(t->milliseconds));
	json_put(&doc, doc.root, "memories",
		 fields_array(&doc, change_fields, t->first.row, t->first.count,
			      sizeof(t->first.row[0])));
	json_put(&doc, doc.root, "second_memories",
		 fields_array(&doc, change_fields, t->second.row, t->second.count,
			      sizeof(t->second.row[0])));
	return json_print(&doc);
}

static void print_text(const struct trial *t)
{
	text_print("command: exit status %d after %" PRIu64 ".%03" PRIu64 " s\n", t->status,
		   t->milliseconds / 1000, t->milliseconds % 1000);
	if (t->first.count == 0)
		puts("no memory has changed");
	else
		fields_table(stdout, change_fields, t->first.row, t->first.count,
			     sizeof(t->first.row[0]), "  ");
	if (t->again_status > 0)
		text_print("second run: exit status %d\n", t->again_status);
	else if (t->again_status == 0 && t->second.count == 0)
		puts("second run: nothing changed");
	if (t->second.count > 0) {
		puts("second run: changed again, so the command is not idempotent");
		fields_table(stdout, change_fields, t->second.row, t->second.count,
			     sizeof(t->second.row[0]), "  ");
	}
	if (t->check_status >= 0)
		text_print("check: exit status %d\n", t->check_status);
	text_print("%s\n", passed(t) ? "passed" : "FAILED");
}

static int cmd_run(const void *arguments)
{
	const struct run_args *args = arguments;
	struct trial t = {.snapper = SNAPPER_NONE, .again_status = -1, .check_status = -1};
	struct err err = {""}, end_err = {""};
	const struct err *why;
	int rc, end_rc;

	if (args->command.count == 0)
		return cmd_usage(&verb_run, "a command is missing");
	catch_signals();
	rc = begin(args, &t, &err);
	if (!rc)
		rc = try_it(args, &t, &err);
	end_rc = end(&t, &end_err);
	why = rc ? &err : &end_err;
	if (rc || end_rc)
		return why->text[0] ? cmd_fail(args->image, why) : CMD_FAILED;
	if (args->json) {
		if (print_json(&t) != CMD_DONE)
			return CMD_FAILED;
	} else {
		print_text(&t);
	}
	return passed(&t) ? CMD_DONE : CMD_FAILED;
}

const struct verb verb_run = {
	.name = "run",
	.summary = "try a command on an image that is never written",
	.text = "Mounts IMAGE, with an overlay in front of it, in a private directory, whose path is\n"
		"in $MNT; runs COMMAND there; tells its exit status, the time it took, and which\n"
		"memories it changed. What it prints goes to stderr. IMAGE stays as it is, and can\n"
		"be a checkpoint. Exits with 0 when all went well, else with 1.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct run_args),
	.run = cmd_run,
};
