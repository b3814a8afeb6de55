// SPDX-License-Identifier: MIT
/*
 * verify: proves a checkpoint. The knowledge is snapshot's; here a damaged cluster gets the name of
 * what it holds, and the outcome becomes the exit bits of fsck(8).
 */
#include <inttypes.h>

#include "tools/cmd/cmd.h"
#include "tools/facts/beside.h"
#include "tools/facts/place.h"
#include "tools/image/base.h"
#include "tools/image/image_open.h"
#include "tools/out/fields.h"
#include "tools/out/text.h"
#include "tools/out/work.h"
#include "tools/sandbox/sandbox.h"

/* More would not tell more; all are counted. */
enum { MAX_TOLD = 1000 };

struct verify_args {
	uint64_t jobs;
	bool json;
	const char *checkpoint;
};

static const struct cmd_option options[] = {
	{"jobs", 'j', CMD_NUMBER, WHERE(struct verify_args, jobs), "N",
	 "work on N cores; all is the default", 1, 32},
	{"json", 0, CMD_FLAG, WHERE(struct verify_args, json), NULL, "print one JSON document"},
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"CHECKPOINT", CMD_FILE, WHERE(struct verify_args, checkpoint)},
	{NULL},
};

struct row {
	const char *severity, *id, *text, *place;
	uint64_t depth, image_off, memory_off;
	int mm_id;
};

static const struct field row_fields[] = {
	{"severity", NULL, FIELD_TEXT, offsetof(struct row, severity)},
	{"id", NULL, FIELD_TEXT, offsetof(struct row, id)},
	{"depth", NULL, FIELD_NUMBER, offsetof(struct row, depth)},
	{"image_offset", NULL, FIELD_OFFSET, offsetof(struct row, image_off)},
	{"place", NULL, FIELD_TEXT, offsetof(struct row, place)},
	{"memory", NULL, FIELD_ID, offsetof(struct row, mm_id)},
	{"memory_offset", NULL, FIELD_OFFSET, offsetof(struct row, memory_off)},
	{"text", NULL, FIELD_TEXT, offsetof(struct row, text)},
	{NULL},
};

struct findings {
	struct snap_finding *finding;
	size_t count;
};

static void take_finding(void *ctx, const struct snap_finding *finding)
{
	struct findings *f = ctx;

	if (f->count < MAX_TOLD)
		f->finding[f->count++] = *finding;
}

/* What the image's bytes are, as far as the manager's page can still be read. */
static struct places *places_of(struct store *s)
{
	auto_store struct store *window = NULL;
	auto_mm struct mm *mm = NULL;
	struct places *p = NULL;
	uint64_t base_len;
	enum mm_kind kind;
	struct err why;
	int rc = base_of(NULL, s, false, &base_len, &why);

	if (!rc)
		rc = window_look(s, base_len, s->len - base_len, &window, &why);
	if (!rc)
		rc = mm_probe(window, &kind, &why);
	if (!rc && kind == MM_MANAGED)
		rc = mm_open(window, &mm, &why);
	return rc || places_new(mm, s->len, &p, &why) ? NULL : p;
}

static void fill_place(const struct places *places, uint64_t len, struct row *row)
{
	struct place place;

	if (!places || row->image_off >= len)
		return;
	place = place_at(places, row->image_off);
	row->place = place_names[place.kind];
	row->mm_id = place.mm_id;
	if (place.mm_id >= 0)
		row->memory_off = place.off;
}

static struct row row_of(const struct snap_finding *f, const struct places *places, uint64_t len)
{
	struct row row = {
		.severity = f->harmless ? "warning" : "error",
		.id = f->id,
		.text = f->text,
		.depth = f->depth,
		.image_off = UINT64_MAX,
		.memory_off = UINT64_MAX,
		.mm_id = -1,
	};

	if (f->has_cluster) {
		row.image_off = f->cluster * SNAP_CLUSTER_LEN;
		fill_place(places, len, &row);
	}
	return row;
}

static void print_row(const struct row *row)
{
	text_print("%-7s  %-8s  ", row->severity, row->id);
	if (row->depth > 0)
		text_print("base %" PRIu64 ": ", row->depth);
	if (row->image_off == UINT64_MAX) {
		text_print("%s\n", row->text);
		return;
	}
	text_print("page %" PRIu64 " of the image", row->image_off / MM_PAGE_LEN);
	if (row->mm_id >= 0)
		text_print(" (%spage %" PRIu64 " of memory %d)",
			   strcmp(row->place, "memory") == 0 ? "" : "slack, ",
			   row->memory_off / MM_PAGE_LEN, row->mm_id);
	else if (row->place)
		text_print(" (%s)", row->place);
	text_print(": %s\n", row->text);
}

static void print_outcome(const char *path, const struct snap_verified *done)
{
	uint64_t errors = done->findings - done->harmless;

	text_print("%s: ", path);
	if (done->findings == 0)
		fputs("clean", stdout);
	if (errors > 0)
		fputs(text_plural(errors, "error").s, stdout);
	if (done->harmless > 0)
		text_print("%s%s", errors ? ", " : "", text_plural(done->harmless, "warning").s);
	text_print("; looked at %s in %s%s\n", text_plural(done->clusters, "cluster").s,
		   text_plural(done->files, "file").s,
		   done->proven ? "" : ", not all of which have checksums");
}

static int print_json(const struct row *rows, size_t count, const struct snap_verified *done,
		      const struct beside *beside)
{
	struct json doc = json_begin();

	json_put(&doc, doc.root, "clean", json_boolean(done->findings == 0));
	json_put(&doc, doc.root, "proven", json_boolean(done->proven && done->findings == 0));
	json_put(&doc, doc.root, "errors", json_u64(done->findings - done->harmless));
	json_put(&doc, doc.root, "warnings", json_u64(done->harmless));
	json_put(&doc, doc.root, "clusters", json_u64(done->clusters));
	json_put(&doc, doc.root, "files", json_u64(done->files));
	json_put(&doc, doc.root, "findings",
		 fields_array(&doc, row_fields, rows, count, sizeof(*rows)));
	beside_put(&doc, doc.root, beside);
	return json_print(&doc);
}

static int print(const struct verify_args *args, struct store *s, const struct findings *f,
		 const struct snap_verified *done, const struct beside *beside)
{
	auto_free struct row *rows = calloc(f->count + 1, sizeof(*rows));
	auto_places struct places *places = f->count > 0 ? places_of(s) : NULL;
	int exit = done->findings ? CHECK_LEFT : CHECK_CLEAN;

	if (!rows) {
		cmd_error(args->checkpoint, "out of memory");
		return exit | CHECK_FAILED;
	}
	for (size_t i = 0; i < f->count; i++)
		rows[i] = row_of(&f->finding[i], places, s->len);
	if (args->json)
		return print_json(rows, f->count, done, beside) == CMD_DONE ? exit
									    : exit | CHECK_FAILED;
	for (size_t i = 0; i < f->count; i++)
		print_row(&rows[i]);
	if (f->count < done->findings)
		text_print("... and %s more\n", text_count(done->findings - f->count).s);
	print_outcome(args->checkpoint, done);
	beside_print(beside);
	return exit;
}

/* A file that does not even open was looked at, too, when its own bytes are why. */
static int fail(const struct verify_args *args, int rc, const struct err *err)
{
	work_die(rc);
	cmd_fail(args->checkpoint, err);
	return rc == -EUCLEAN || rc == -EBADMSG ? CHECK_LEFT : CHECK_FAILED;
}

static int cmd_verify(const void *arguments)
{
	const struct verify_args *args = arguments;
	auto_store struct store *s = NULL;
	auto_free void *room = calloc(MAX_TOLD, sizeof(struct snap_finding));
	auto_beside struct beside beside = BESIDE_NONE;
	struct findings findings = {.finding = room};
	struct snap_verified done;
	struct err err = {"out of memory"};
	struct work work;
	struct snap_work how = {
		.jobs = args->jobs == CMD_UNSET ? 0 : (unsigned)args->jobs,
		.watch = &work.watch,
	};
	int rc = room ? image_open_stored(args->checkpoint, &s, &err) : -ENOMEM;

	if (!rc)
		rc = sandbox_inputs_open(&err);
	if (rc)
		return fail(args, rc, &err);
	work_begin(&work, "verifying");
	rc = snap_verify(s, &how, take_finding, &findings, &done, &err);
	work_end(&work);
	if (!rc)
		rc = beside_of_store(s, &beside, &err);
	return rc ? fail(args, rc, &err) : print(args, s, &findings, &done, &beside);
}

const struct verb verb_verify = {
	.name = "verify",
	.summary = "prove a checkpoint: every byte of it, and of what it is based on",
	.text = "Reads all of CHECKPOINT and of its bases: the header and tables, how often each part\n"
		"of the file is used, each cluster as it is stored and unpacked, and the content\n"
		"hash. A damaged cluster is named with the memory and the page that it holds. Other\n"
		"qcow2 files can be verified as far as they can be unpacked; they have no checksums.\n"
		"\n"
		"Exits with the sum of: 0 clean, 4 damaged, 8 could not look, 16 bad command line.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct verify_args),
	.run = cmd_verify,
	.reads = true,
	.usage_exit = CHECK_USAGE,
	.failed_exit = CHECK_FAILED,
};
