// SPDX-License-Identifier: MIT
/*
 * run: lets a command loose on an image that is never written, and tells what it changed. See
 * tools/run/run.h for the places where a trial can be.
 */
#include <inttypes.h>
#include <time.h>

#include "tools/cmd/cmd.h"
#include "tools/image/trial.h"
#include "tools/out/fields.h"
#include "tools/out/text.h"
#include "tools/run/refused.h"
#include "tools/run/run.h"

struct run_args {
	const char *image, *pre, *keep;
	struct names *names;
	struct cmd_list check;
	bool twice, files, account, json;
	struct cmd_list command;
};

static const struct cmd_option options[] = {
	{"pre", 'p', CMD_TEXT, WHERE(struct run_args, pre), "CMD",
	 "first run CMD, a line for sh; what it changes is not told"},
	{"check", 'c', CMD_LIST, WHERE(struct run_args, check), "CMD",
	 "then run CMD, a line for sh; it must succeed too; may be repeated"},
	{"twice", '2', CMD_FLAG, WHERE(struct run_args, twice), NULL,
	 "run the command again: it must change nothing more"},
	{"files", 0, CMD_FLAG, WHERE(struct run_args, files), NULL,
	 "plain files in place of a mount: for where there is no /dev/fuse"},
	{"account", 'a', CMD_FLAG, WHERE(struct run_args, account), NULL,
	 "tell which pages of 4 KiB the command read and dirtied"},
	{"keep", 'k', CMD_FILE, WHERE(struct run_args, keep), "FILE",
	 "keep what was written, as an overlay"},
	CMD_NAMES_FILE(struct run_args, names),
	{"json", 0, CMD_FLAG, WHERE(struct run_args, json), NULL, "print one JSON document"},
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"IMAGE", CMD_FILE, WHERE(struct run_args, image)},
	{"COMMAND", CMD_REST, WHERE(struct run_args, command)},
	{NULL},
};

/* What came of a line for sh. */
struct line {
	const char *command;
	uint64_t status;
};

struct report {
	int pre_status, status, again_status; /* exit codes; -1: not run */
	struct line *check;                   /* those that were run */
	size_t checks;
	uint64_t milliseconds;
	struct run_changes first, second;
	char **refused; /* the command lines of verbs that failed inside, ended by NULL */
};

/* ---- the trial ---- */

static int could_not(const char *what, int rc, struct err *err)
{
	return rc >= 0 ? 0 : err_sys(err, rc, "cannot run %s", what);
}

static int run_line(const char *line, int *status, struct err *err)
{
	*status = run_command("sh", (char *[]){"sh", "-c", (char *)line, NULL});
	return could_not("sh", *status, err);
}

/* The command between a mark and what differs then. */
static int run_once(const struct run_args *args, struct run_trial *t, const char *name, int *status,
		    struct run_changes *out, struct err *err)
{
	int rc = t->ops->mark(t, name, err);

	if (rc)
		return rc;
	*status = run_command(args->command.item[0], (char *const *)args->command.item);
	rc = could_not(args->command.item[0], *status, err);
	return rc ? rc : t->ops->tell(t, name, out, err);
}

static int run_checks(const struct run_args *args, struct report *r, struct err *err)
{
	int rc = 0;

	r->check = calloc(args->check.count + 1, sizeof(*r->check));
	if (!r->check)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; !rc && i < args->check.count; i++) {
		int status;

		rc = run_line(args->check.item[i], &status, err);
		r->check[r->checks++] = (struct line){args->check.item[i], (uint64_t)status};
	}
	return rc;
}

static int try_it(const struct run_args *args, struct run_trial *t, struct report *r,
		  struct err *err)
{
	struct timespec from, to;
	int rc = args->pre ? run_line(args->pre, &r->pre_status, err) : 0;

	if (rc || r->pre_status > 0)
		return rc;
	/* The first mark of plain files is the image itself. */
	if (args->pre && args->files) {
		struct run_changes before = {.count = 0};

		rc = t->ops->mark(t, "pre", err);
		if (!rc)
			rc = t->ops->tell(t, "pre", &before, err);
		if (rc)
			return rc;
	}
	clock_gettime(CLOCK_MONOTONIC, &from);
	rc = run_once(args, t, "before", &r->status, &r->first, err);
	clock_gettime(CLOCK_MONOTONIC, &to);
	r->milliseconds = (uint64_t)((to.tv_sec - from.tv_sec) * 1000 +
				     (to.tv_nsec - from.tv_nsec) / 1000000);
	if (!rc && r->status == 0 && args->twice)
		rc = run_once(args, t, "between", &r->again_status, &r->second, err);
	if (!rc && r->status == 0)
		rc = run_checks(args, r, err);
	if (!rc && args->keep)
		rc = t->ops->keep_it(t, r->again_status >= 0, err);
	return rc;
}

static int begin(const struct run_args *args, struct run_trial *t, struct err *err)
{
	int rc;

	if (args->keep && access(args->keep, F_OK) == 0)
		return err_set(err, -EEXIST, "%s exists already", args->keep);
	rc = trial_dir_make(NULL, &t->dir, err);
	if (rc)
		return rc;
	if (asprintf(&t->mnt, "%s/mnt", t->dir) < 0) {
		t->mnt = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	if (setenv("MNT", t->mnt, 1) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	rc = t->ops->begin(t, err);
	return rc ? rc : refused_watch(t->dir, err);
}

static int end(struct run_trial *t, struct err *err)
{
	int rc = t->ops->end(t, err);

	if (!rc)
		trial_dir_remove(t->dir);
	free(t->dir);
	free(t->mnt);
	return rc;
}

/* The exit code of the checks together: the first that is not 0; -1: there was none. */
static int check_status(const struct report *r)
{
	for (size_t i = 0; i < r->checks; i++)
		if (r->check[i].status != 0)
			return (int)r->check[i].status;
	return r->checks > 0 ? 0 : -1;
}

static bool passed(const struct report *r)
{
	return r->pre_status <= 0 && r->status == 0 && r->again_status <= 0 &&
	       r->second.count == 0 && check_status(r) <= 0 && !r->refused;
}

/* ---- the answer ---- */

static const struct field change_fields[] = {
	{"id", "memory", FIELD_ID, offsetof(struct run_change, id)},
	{"name", "name", FIELD_NAME, offsetof(struct run_change, name)},
	{"pages", "pages changed", FIELD_NUMBER, offsetof(struct run_change, pages)},
	{"structure", "structure", FIELD_TEXT, offsetof(struct run_change, kind)},
	{"added", "added", FIELD_OFFSET, offsetof(struct run_change, added)},
	{"removed", "removed", FIELD_OFFSET, offsetof(struct run_change, removed)},
	{"changed", "changed", FIELD_OFFSET, offsetof(struct run_change, changed)},
	{NULL},
};

static const struct field line_fields[] = {
	{"command", "command", FIELD_TEXT, offsetof(struct line, command)},
	{"status", "exit status", FIELD_NUMBER, offsetof(struct line, status)},
	{NULL},
};

static void put_status(struct json *doc, const char *key, int status)
{
	json_put(doc, doc->root, key, status < 0 ? json_null() : json_integer(status));
}

static void put_changes(struct json *doc, const char *key, const struct run_changes *c)
{
	json_put(doc, doc->root, key,
		 fields_array(doc, change_fields, c->row, c->count, sizeof(c->row[0])));
}

static const struct field page_fields[] = {
	{"id", "memory", FIELD_ID, offsetof(struct run_pages, id)},
	{"name", "name", FIELD_NAME, offsetof(struct run_pages, name)},
	{"read_pages", "read", FIELD_NUMBER, offsetof(struct run_pages, read)},
	{"read_pages_all", "in all", FIELD_NUMBER, offsetof(struct run_pages, read_all)},
	{"read_sequential_percent", "in turn %", FIELD_NUMBER,
	 offsetof(struct run_pages, read_sequential)},
	{"dirtied_pages", "dirtied", FIELD_NUMBER, offsetof(struct run_pages, dirtied)},
	{"dirtied_pages_all", "in all", FIELD_NUMBER, offsetof(struct run_pages, dirtied_all)},
	{"dirtied_sequential_percent", "in turn %", FIELD_NUMBER,
	 offsetof(struct run_pages, dirtied_sequential)},
	{NULL},
};

/* What a canister may read, and may write, in one message, and in an upgrade. */
#define MESSAGE_LEN (UINT64_C(2) << 30)
#define UPGRADE_LEN (UINT64_C(8) << 30)

static void print_limit(const char *what, uint64_t len)
{
	text_print("  %-7s  %s, %.2f %% of the %s of a message", what, text_size(len).s,
		   100.0 * (double)len / (double)MESSAGE_LEN, text_size(MESSAGE_LEN).s);
	text_print(" and %.2f %% of the %s of an upgrade\n",
		   100.0 * (double)len / (double)UPGRADE_LEN, text_size(UPGRADE_LEN).s);
}

static void print_account(const struct run_account *a)
{
	if (!a->counted)
		return;
	puts("pages of 4 KiB:");
	fields_table(stdout, page_fields, a->row, a->count, sizeof(a->row[0]), "  ");
	print_limit("read", a->read_len);
	print_limit("dirtied", a->dirtied_len);
	if (a->cached)
		puts("  a page that was read again from the kernel's cache is counted once");
}

static void put_account(struct json *doc, const struct run_account *a)
{
	json_t *object = json_object();

	if (!a->counted) {
		json_decref(object);
		return;
	}
	json_put(doc, object, "page_bytes", json_integer(4096));
	json_put(doc, object, "cached", json_boolean(a->cached));
	json_put(doc, object, "memories",
		 fields_array(doc, page_fields, a->row, a->count, sizeof(a->row[0])));
	json_put(doc, object, "read_bytes", json_u64(a->read_len));
	json_put(doc, object, "dirtied_bytes", json_u64(a->dirtied_len));
	json_put(doc, object, "message_bytes", json_u64(MESSAGE_LEN));
	json_put(doc, object, "upgrade_bytes", json_u64(UPGRADE_LEN));
	json_put(doc, doc->root, "account", object);
}

static int print_json(const struct report *r, const struct run_account *account)
{
	struct json doc = json_begin();
	json_t *refused = json_array();

	json_put(&doc, doc.root, "passed", json_boolean(passed(r)));
	put_status(&doc, "pre_status", r->pre_status);
	put_status(&doc, "status", r->status);
	put_status(&doc, "second_status", r->again_status);
	put_status(&doc, "check_status", check_status(r));
	json_put(&doc, doc.root, "checks",
		 fields_array(&doc, line_fields, r->check, r->checks, sizeof(r->check[0])));
	json_put(&doc, doc.root, "milliseconds", json_u64(r->milliseconds));
	put_changes(&doc, "memories", &r->first);
	put_changes(&doc, "second_memories", &r->second);
	for (char **line = r->refused; line && *line; line++)
		json_add(&doc, refused, json_any(*line));
	json_put(&doc, doc.root, "refused", refused);
	put_account(&doc, account);
	return json_print(&doc);
}

static void print_changes(const struct run_changes *c)
{
	fields_table(stdout, change_fields, c->row, c->count, sizeof(c->row[0]), "  ");
}

static void print_second(const struct report *r)
{
	if (r->again_status > 0)
		text_print("second run: exit status %d\n", r->again_status);
	else if (r->again_status == 0 && r->second.count == 0)
		puts("second run: nothing changed");
	if (r->second.count == 0)
		return;
	puts("second run: changed again, so the command is not idempotent");
	print_changes(&r->second);
}

static void print_text(const struct report *r, const struct run_account *account)
{
	if (r->pre_status > 0)
		text_print("before it: exit status %d, so the command was not run\n",
			   r->pre_status);
	else
		text_print("command: exit status %d after %" PRIu64 ".%03" PRIu64 " s\n", r->status,
			   r->milliseconds / 1000, r->milliseconds % 1000);
	if (r->status >= 0 && r->first.count == 0)
		puts("no memory has changed");
	else if (r->first.count > 0)
		print_changes(&r->first);
	print_account(account);
	print_second(r);
	for (size_t i = 0; i < r->checks; i++)
		text_print("check: exit status %" PRIu64 "%s%s\n", r->check[i].status,
			   r->checks > 1 ? ": " : "", r->checks > 1 ? r->check[i].command : "");
	for (char **line = r->refused; line && *line; line++)
		text_print("refused inside: %s\n", *line);
	text_print("%s\n", passed(r) ? "passed" : "FAILED");
}

static int answer(const struct run_args *args, const struct run_trial *t, const struct report *r)
{
	if (!args->json)
		print_text(r, &t->account);
	else if (print_json(r, &t->account) != CMD_DONE)
		return CMD_FAILED;
	return passed(r) ? CMD_DONE : CMD_FAILED;
}

static int cmd_run(const void *arguments)
{
	const struct run_args *args = arguments;
	struct run_trial t = {.ops = args->files ? &run_files : &run_mount,
			      .image = args->image,
			      .keep = args->keep,
			      .options =
				      args->account ? "fast_snapshots,account" : "fast_snapshots",
			      .account.counted = args->account,
			      .names = args->names,
			      .snapper = SNAPPER_NONE,
			      .co = CHECKOUT_NONE};
	struct report r = {.pre_status = -1, .status = -1, .again_status = -1};
	struct err err = {""}, end_err = {""};
	const struct err *why;
	int rc, end_rc;

	if (args->command.count == 0)
		return cmd_usage(&verb_run, "a command is missing");
	if (args->account && args->files)
		return cmd_usage(&verb_run, "--account needs the mount, which --files is without");
	run_catch_signals();
	rc = begin(args, &t, &err);
	if (!rc)
		rc = try_it(args, &t, &r, &err);
	if (!rc)
		rc = refused_read(t.dir, &r.refused, &err);
	end_rc = end(&t, &end_err);
	why = rc ? &err : &end_err;
	if (rc || end_rc)
		rc = why->text[0] ? cmd_fail(args->image, why) : CMD_FAILED;
	else
		rc = answer(args, &t, &r);
	refused_free(r.refused);
	free(r.check);
	return rc;
}

const struct verb verb_run = {
	.name = "run",
	.summary = "try a command on an image that is never written",
	.text = "Mounts IMAGE, with an overlay in front of it, in a private directory, whose path is\n"
		"in $MNT; runs COMMAND there; tells its exit status, the time it took, which\n"
		"memories it changed, and how many of their records. What it prints goes to stderr.\n"
		"IMAGE stays as it is, and can be a checkpoint. Exits with 0 when all went well,\n"
		"else with 1.\n"
		"\n"
		"A verb that is to change something, such as 'canisterfs load $MNT 3', and fails, is\n"
		"told, and nothing is passed then, whatever the command makes of it.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct run_args),
	.run = cmd_run,
};
