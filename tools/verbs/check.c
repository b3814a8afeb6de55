// SPDX-License-Identifier: MIT
/*
 * check: what is wrong with an image, put right on request, and the way back. The knowledge is
 * memmgr's; here it is told, and turned into the exit bits of fsck(8).
 */
#include <limits.h>
#include <stdlib.h>

#include "tools/cmd/cmd.h"
#include "tools/image/image_open.h"
#include "tools/image/mounted.h"
#include "tools/out/fields.h"
#include "tools/out/text.h"
#include "tools/records/findings.h"
#include "tools/records/rebuild.h"
#include "tools/sandbox/sandbox.h"
#include "tools/undo/undo.h"

struct check_args {
	bool repair;
	bool shallow;
	struct names *names;
	const char *save;
	const char *undo;
	uint64_t rebuild;
	bool json;
	const char *image;
};

static const struct cmd_option options[] = {
	{"repair", 'r', CMD_FLAG, WHERE(struct check_args, repair), NULL,
	 "put right what can be, after saving what is overwritten"},
	{"rebuild", 0, CMD_ID_WRITE, WHERE(struct check_args, rebuild), "ID",
	 "with --repair: make the map in memory ID anew from what can be read of it"},
	{"save", 's', CMD_FILE, WHERE(struct check_args, save), "FILE",
	 "save it to FILE, not to IMAGE.undo"},
	{"undo", 'u', CMD_FILE, WHERE(struct check_args, undo), "FILE",
	 "take a repair back: restore what FILE saved, and do nothing else"},
	{"shallow", 0, CMD_FLAG, WHERE(struct check_args, shallow), NULL,
	 "only the manager and its space, not what is inside the memories"},
	CMD_NAMES_FILE(struct check_args, names),
	{"json", 0, CMD_FLAG, WHERE(struct check_args, json), NULL, "print one JSON document"},
	CMD_BASE_PAGE,
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"IMAGE", CMD_FILE, WHERE(struct check_args, image)},
	{NULL},
};

static const struct field finding_fields[] = {
	{"severity", NULL, FIELD_TEXT, offsetof(struct finding, severity)},
	{"id", NULL, FIELD_TEXT, offsetof(struct finding, id)},
	{"memory", NULL, FIELD_ID, offsetof(struct finding, mm_id)},
	{"repairable", NULL, FIELD_FLAG, offsetof(struct finding, repairable)},
	{"text", NULL, FIELD_TEXT, offsetof(struct finding, text)},
	{NULL},
};

static int look_at(const struct check_args *args, struct store *store, struct findings *look,
		   struct err *err)
{
	findings_free(look);
	return findings_look(store, args->names, args->shallow, look, err);
}

/* Notes are no defects: an image that has but notes is clean. */
static unsigned defects(const struct findings *look)
{
	return look->result.warnings + look->result.errors;
}

struct outcome {
	struct findings before, after; /* the same unless it was repaired */
	bool repaired;
	char *undo_file;              /* what a repair has saved to */
	struct mounted_changed mount; /* the same, where the mount has repaired */
};

static int repair(const struct check_args *args, struct store *store, struct bond *bond,
		  struct outcome *out, struct err *err)
{
	auto_store struct store *undo = NULL;
	uint8_t id[MM_ID_LEN];
	struct store *ending;
	int rc = bond_require_id(bond, id, err);

	if (!rc)
		rc = undo_begin_beside(store, id, args->image, args->save, &undo, &out->undo_file,
				       err);
	if (rc)
		return rc;
	rc = mm_repair(undo, err);
	if (rc)
		return err_prefix(err, rc, "the repair stopped, and %s has what it overwrote",
				  out->undo_file);
	ending = undo;
	undo = NULL;
	rc = undo_end(ending, &out->repaired, err);
	return rc ? rc : look_at(args, store, &out->after, err);
}

static bool needs_repair(const struct outcome *out)
{
	return defects(&out->before) > out->before.result.unrepairable;
}

static int look_at_mount(const struct check_args *args, struct findings *look, struct err *err)
{
	auto_store struct store *store = NULL;
	int rc = image_open_store(args->image, false, &store, err);

	return rc ? rc : look_at(args, store, look, err);
}

/* The mount repairs what it has open. */
static int repair_mounted(const struct check_args *args, struct outcome *out, struct err *err)
{
	int rc = look_at_mount(args, &out->before, err);

	if (rc || !needs_repair(out))
		return rc;
	if (args->save)
		return err_set(
			err, -EINVAL,
			"a snapshot is the way back of a mounted image: --save is for others");
	rc = mounted_change(args->image, FS_REPAIR, 0, "before-repair", &out->mount, err);
	out->repaired = !rc;
	return rc ? rc : look_at_mount(args, &out->after, err);
}

static int examine(const struct check_args *args, struct outcome *out, struct err *err)
{
	auto_store struct store *store = NULL;
	struct bond *bond;
	int rc;

	if (args->repair && mounted_is(args->image))
		return repair_mounted(args, out, err);
	rc = args->repair ? image_open_with_sides(args->image, true, &store, &bond, err)
			  : image_open_store(args->image, false, &store, err);

	if (!rc)
		rc = sandbox_inputs_open(err);
	if (!rc)
		rc = look_at(args, store, &out->before, err);
	if (rc || !args->repair || !needs_repair(out))
		return rc;
	return repair(args, store, bond, out, err);
}

static void print_findings(const struct findings *look)
{
	int width = 0;

	for (size_t i = 0; i < look->count; i++)
		width = MAX(width, (int)strlen(look->finding[i].id));
	for (size_t i = 0; i < look->count; i++) {
		const struct finding *f = &look->finding[i];

		text_print("%-7s  %-*s  %s%s\n", f->severity, width, f->id, f->text,
			   f->repairable ? "" : " (cannot be repaired)");
	}
}

static void print_counts(const struct findings *look)
{
	const struct mm_check_result *r = &look->result;
	const struct {
		unsigned n;
		const char *noun;
	} parts[] = {{r->errors, "error"}, {r->warnings, "warning"}, {r->notes, "note"}};
	const char *gap = "";

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (parts[i].n == 0)
			continue;
		text_print("%s%s", gap, text_plural(parts[i].n, parts[i].noun).s);
		gap = ", ";
	}
}

static void print_outcome(const struct check_args *args, const struct outcome *out)
{
	const struct findings *left = out->repaired ? &out->after : &out->before;

	print_findings(&out->before);
	text_print("%s: ", args->image);
	if (out->before.count == 0) {
		puts("clean");
		return;
	}
	if (defects(&out->before) == 0)
		fputs("clean, with ", stdout);
	print_counts(&out->before);
	if (out->repaired && out->undo_file)
		text_print("; repaired, and what was overwritten is in %s", out->undo_file);
	else if (out->repaired)
		text_print("; repaired, and snapshot '%s' is the way back", out->mount.kept);
	else if (!args->repair && defects(left) > left->result.unrepairable)
		fputs("; 'canisterfs check --repair' mends what can be mended", stdout);
	putchar('\n');
	if (out->repaired && left->count > 0) {
		text_print("%s: what is left:\n", args->image);
		print_findings(left);
	}
}

static int print_json(const struct outcome *out)
{
	const struct findings *left = out->repaired ? &out->after : &out->before;
	struct json doc = json_begin();

	json_put(&doc, doc.root, "clean", json_boolean(defects(left) == 0));
	json_put(&doc, doc.root, "repaired", json_boolean(out->repaired));
	json_put(&doc, doc.root, "undo_file",
		 out->undo_file && out->repaired ? json_any(out->undo_file) : json_null());
	json_put(&doc, doc.root, "snapshot",
		 out->mount.kept[0] ? json_any(out->mount.kept) : json_null());
	json_put(&doc, doc.root, "errors", json_integer(out->before.result.errors));
	json_put(&doc, doc.root, "warnings", json_integer(out->before.result.warnings));
	json_put(&doc, doc.root, "notes", json_integer(out->before.result.notes));
	json_put(&doc, doc.root, "findings",
		 fields_array(&doc, finding_fields, out->before.finding, out->before.count,
			      sizeof(struct finding)));
	json_put(&doc, doc.root, "left",
		 fields_array(&doc, finding_fields, left->finding, left->count,
			      sizeof(struct finding)));
	return json_print(&doc);
}

static int check(const struct check_args *args)
{
	struct outcome out = {.repaired = false};
	struct err err = {""};
	int rc = examine(args, &out, &err);
	int bits = CHECK_CLEAN;

	if (rc) {
		cmd_fail(args->image, &err);
		bits = CHECK_FAILED;
	} else if (!args->json) {
		print_outcome(args, &out);
	} else if (print_json(&out) != CMD_DONE) {
		bits = CHECK_FAILED;
	}
	if (out.repaired)
		bits |= CHECK_REPAIRED;
	if (defects(out.repaired ? &out.after : &out.before) > 0)
		bits |= CHECK_LEFT;
	findings_free(&out.before);
	findings_free(&out.after);
	free(out.undo_file);
	return bits;
}

static int take_back(const struct check_args *args)
{
	auto_store struct store *store = NULL;
	uint8_t id[MM_ID_LEN] = {0};
	struct bond *bond;
	struct err err = {""};
	int rc = image_open_with_sides(args->image, true, &store, &bond, &err);

	if (!rc)
		(void)bond_id(bond, id);
	if (!rc)
		rc = undo_apply(store, id, args->undo, &err);
	if (rc) {
		cmd_fail(args->image, &err);
		return CHECK_FAILED;
	}
	text_print("%s: as it was before the change\n", args->image);
	return CHECK_CLEAN;
}

/* What is asked for by name, since records may be lost with it. */
static int rebuild(const struct check_args *args)
{
	auto_image struct image img = {NULL};
	auto_free char *undo_file = NULL;
	struct ss_salvaged found;
	struct err err = {""}, text;
	int rc = image_open_undo(args->image, args->save, &img, &err);

	if (!rc) {
		rc = rebuild_map(&img, (unsigned)args->rebuild, args->names, &found, &err);
		if (rc && image_take_back(&img, &text))
			err_set(&err, rc, "%.200s; and it could not be taken back: %.200s",
				err.text, text.text);
	}
	if (!rc)
		rc = image_close_undo(&img, &undo_file, &err);
	if (rc == -EALREADY) {
		text_print("%s: %s\n", args->image, err.text);
		return CHECK_CLEAN;
	}
	if (rc) {
		cmd_fail(args->image, &err);
		return CHECK_FAILED;
	}
	rebuild_tell(&found, &text);
	text_print("%s: memory %u is rebuilt: %s; what was overwritten is in %s\n", args->image,
		   (unsigned)args->rebuild, text.text, undo_file ? undo_file : "-");
	return CHECK_REPAIRED;
}

static int cmd_check(const void *arguments)
{
	const struct check_args *args = arguments;

	if (args->rebuild != CMD_UNSET && (!args->repair || args->undo || args->json))
		return cmd_usage(&verb_check, "--rebuild goes with --repair, --save and --names");
	if (args->rebuild != CMD_UNSET)
		return rebuild(args);
	if (args->undo && (args->repair || args->save || args->json))
		return cmd_usage(&verb_check, "--undo goes with no other option");
	if (args->save && !args->repair)
		return cmd_usage(&verb_check, "--save is for --repair");
	return args->undo ? take_back(args) : check(args);
}

const struct verb verb_check = {
	.name = "check",
	.summary = "find what is wrong with an image, and repair it",
	.text = "Tells each defect of the manager's page and of the space it governs, a line each,\n"
		"by a name that does not change, and of the structures inside the memories, unless\n"
		"--shallow is given.\n"
		"\n"
		"--repair saves what it is about to overwrite to IMAGE.undo (IMAGE.undo-2, and so\n"
		"on, where that exists); --undo takes it back. Bytes of a memory never change.\n"
		"IMAGE may be an overlay, or a directory where an image is mounted: then the mount\n"
		"repairs it, and takes a snapshot 'before-repair' first.\n"
		"\n"
		"--rebuild ID makes a damaged map anew, in fresh pages, from each record that can\n"
		"still be read, and tells what is lost.\n"
		"\n"
		"Exits with the sum of: 0 clean, 1 repaired, 4 defects are left, 8 could not look\n"
		"or not repair, 16 bad command line.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct check_args),
	.run = cmd_check,
	.reads = true,
	.usage_exit = CHECK_USAGE,
	.failed_exit = CHECK_FAILED,
};
