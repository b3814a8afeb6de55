// SPDX-License-Identifier: MIT
/*
 * From the first word to a verb, and from its answer to the exit code. Knows nothing of images.
 * Single-threaded.
 */
#include <locale.h>
#include <signal.h>
#include <sys/resource.h>

#include "tools/main.h"
#include "tools/run/refused.h"
#include "tools/sandbox/sandbox.h"

/* An answer that did not arrive is a failure, also when only the last buffer was lost. A reader
 * that went away (`canisterfs map IMAGE | head`) needs no message. */
static int finish(int rc, int failed_exit)
{
	int error = 0;

	if (ferror(stdout))
		error = EIO;
	if (fflush(stdout) != 0)
		error = errno;
	if (close(STDOUT_FILENO) != 0 && errno != EBADF)
		error = errno;
	if (!error)
		return rc;
	if (error != EPIPE)
		cmd_error("standard output", "the answer could not be written: %s",
			  strerror(error));
	return rc ? rc : failed_exit;
}

/* A mount has a file of the host for each scratch file, and a chain may be long. What `run` starts
 * keeps the limit that it would have without us. */
static void raise_file_limit(const struct verb *v)
{
	struct rlimit limit;

	if (strcmp(v->name, "run") == 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int run_verb(const struct verb *v, int argc, char **argv)
{
	auto_free void *args = calloc(1, v->args_len ? v->args_len : 1);
	struct err err = {""};
	int rc;

	if (!args) {
		cmd_error(NULL, "out of memory");
		return CMD_FAILED;
	}
	rc = cmd_parse(v, argc, argv, args, &err);
	if (rc > 0)
		help_verb(v, stdout);
	raise_file_limit(v);
	rc = rc > 0 ? CMD_DONE : rc < 0 ? cmd_usage(v, "%s", err.text) : v->run(args);
	cmd_parse_free(v, args);
	refused_note(v, rc, argc, argv);
	return finish(rc, v->failed_exit ? v->failed_exit : CMD_FAILED);
}

static int help(int argc, char **argv)
{
	const struct verb *v;

	if (argc < 2) {
		help_overview(stdout);
		return finish(CMD_DONE, CMD_FAILED);
	}
	v = verb_named(argv[1]);
	if (!v) {
		cmd_error(argv[1], "there is no such verb: 'canisterfs help' lists them");
		return CMD_USAGE;
	}
	help_verb(v, stdout);
	return finish(CMD_DONE, CMD_FAILED);
}

/* `canisterfs IMAGE MNT -o OPTS` is how mount(8) calls a helper: the words of `mount`, no verb. */
static int helper_form(int argc, char **argv)
{
	const struct verb *mount = verb_named("mount");

	if (argc < 3) {
		cmd_error(argv[1], "there is no such verb: 'canisterfs help' lists them");
		return CMD_USAGE;
	}
	if (!mount) {
		cmd_error(argv[1], "there is no such verb, and this canisterfs was built without "
				   "the mount (-Dfuse=disabled)");
		return MOUNT_USAGE;
	}
	return run_verb(mount, argc, argv);
}

/* `canisterfs --sandbox VERB ...` */
static int sandboxed(int argc, char **argv)
{
	const struct verb *v = argc > 1 ? verb_named(argv[1]) : NULL;
	struct err err = {""};

	if (!v) {
		cmd_error("--sandbox", "a verb is missing: 'canisterfs help' lists them");
		return CMD_USAGE;
	}
	if (!v->reads)
		return cmd_usage(v, "--sandbox is for verbs that write nothing but their answer");
	raise_file_limit(v);
	if (sandbox_begin(&err) != 0)
		return cmd_fail("--sandbox", &err);
	return run_verb(v, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	const struct verb *v;

	setlocale(LC_CTYPE, "");
	/* A reader that goes away must not end a repair half-way, nor a limit for the length of
	 * files a daemon that others write through: both are errors to be told. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);

	if (argc < 2) {
		help_overview(stderr);
		return CMD_USAGE;
	}
	if (strcmp(argv[1], "--complete") == 0 || strcmp(argv[1], "--describe") == 0) {
		complete(argc - 2, argv + 2, strcmp(argv[1], "--describe") == 0);
		return finish(CMD_DONE, CMD_FAILED);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help(1, argv);
	if (strcmp(argv[1], "help") == 0)
		return help(argc - 1, argv + 1);
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("canisterfs %s\n", CANISTERFS_VERSION);
		return finish(CMD_DONE, CMD_FAILED);
	}
	if (strcmp(argv[1], "--sandbox") == 0)
		return sandboxed(argc - 1, argv + 1);
	v = verb_named(argv[1]);
	if (v)
		return run_verb(v, argc - 1, argv + 1);
	if (argv[1][0] == '-' && !verb_named("mount")) {
		cmd_error(argv[1], "there is no such option: 'canisterfs help' lists the verbs");
		return CMD_USAGE;
	}
	return helper_form(argc, argv);
}
