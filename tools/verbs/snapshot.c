// SPDX-License-Identifier: MIT
/*
 * snapshot: the live snapshots of an image, mounted or not: create, list, remove, rename, rollback,
 * diff.
 */
#include <inttypes.h>
#include <time.h>

#include "tools/cmd/cmd.h"
#include "tools/cmd/names.h"
#include "tools/image/snapper.h"
#include "tools/out/fields.h"
#include "tools/out/text.h"

struct snapshot_args {
	const char *action, *image, *name, *other;
	uint64_t memory;
	bool json;
	struct names *names;
};

static const struct cmd_option options[] = {
	{"memory", 'm', CMD_ID_WRITE, WHERE(struct snapshot_args, memory), "ID",
	 "rollback: bring back this memory alone"},
	{"json", 0, CMD_FLAG, WHERE(struct snapshot_args, json), NULL,
	 "list and diff: print one JSON document"},
	CMD_NAMES_FILE(struct snapshot_args, names),
	CMD_BASE_PAGE,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"ACTION", CMD_TEXT, WHERE(struct snapshot_args, action)},
	{"IMAGE", CMD_FILE, WHERE(struct snapshot_args, image)},
	{"NAME", CMD_TEXT, WHERE(struct snapshot_args, name), .optional = true},
	{"OTHER", CMD_TEXT, WHERE(struct snapshot_args, other), .optional = true},
	{NULL},
};

/* ---- list ---- */

struct row {
	const char *name, *time, *memories;
	uint64_t seconds, held_len, image_len, changed;
	bool stale;
	char name_text[256], time_text[32], memories_text[MM_MAX_MEMORIES * 4 + 1];
};

static const struct field list_fields[] = {
	{"name", "snapshot", FIELD_TEXT, offsetof(struct row, name)},
	{"time", "taken", FIELD_TEXT, offsetof(struct row, time)},
	{"seconds", NULL, FIELD_NUMBER, offsetof(struct row, seconds)},
	{"held_bytes", "holds", FIELD_BYTES, offsetof(struct row, held_len)},
	{"image_bytes", NULL, FIELD_NUMBER, offsetof(struct row, image_len)},
	{"stale", "stale", FIELD_FLAG, offsetof(struct row, stale)},
	{"memories_changed", "memories changed since", FIELD_NUMBER, offsetof(struct row, changed)},
	{"memories", "which", FIELD_TEXT, offsetof(struct row, memories)},
	{NULL},
};

static int fill_changes(struct snapper *s, struct row *row, struct err *err)
{
	auto_free struct fs_request *r = malloc(sizeof(*r));
	size_t len = 0;
	int rc = r ? mounted_request(r, FS_SNAP_DIFF, row->name_text, NULL, err) : -ENOMEM;

	if (!rc) {
		r->number = FS_SNAP_WHETHER;
		rc = snapper_ask(s, r, err);
	}
	for (unsigned id = 0; !rc && id < MM_MAX_MEMORIES; id++) {
		if (r->pages[id] == 0)
			continue;
		len += (size_t)snprintf(row->memories_text + len, sizeof(row->memories_text) - len,
					"%s%u", len ? "," : "", id);
		row->changed++;
	}
	row->memories = len ? row->memories_text : NULL;
	return rc;
}

static int fill_row(struct snapper *s, const struct fs_request *r, struct row *row, struct err *err)
{
	const struct snap_live_info *info = &r->info;
	time_t when = (time_t)info->sec;
	struct tm tm;

	*row = (struct row){.seconds = (uint64_t)info->sec,
			    .held_len = info->held_len,
			    .image_len = info->image_len,
			    .stale = info->stale};
	snprintf(row->name_text, sizeof(row->name_text), "%s", info->name);
	if (!row->stale && gmtime_r(&when, &tm))
		strftime(row->time_text, sizeof(row->time_text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return row->stale ? 0 : fill_changes(s, row, err);
}

static int collect(struct snapper *s, struct row **rows, size_t *count, struct err *err)
{
	auto_free struct fs_request *r = calloc(1, sizeof(*r));
	int rc = r ? 0 : -ENOMEM;

	for (*count = 0; !rc; (*count)++) {
		struct row *more;

		*r = (struct fs_request){.verb = FS_SNAP_INFO, .number = (uint32_t)*count};
		rc = snapper_ask(s, r, err);
		if (rc || !r->info.name[0])
			break;
		more = realloc(*rows, (*count + 1) * sizeof(*more));
		if (!more)
			return err_set(err, -ENOMEM, "out of memory");
		*rows = more;
		rc = fill_row(s, r, &more[*count], err);
	}
	return rc;
}

static int list(const struct snapshot_args *args, struct snapper *s, struct err *err)
{
	auto_free struct row *rows = NULL;
	size_t count = 0;
	int rc = collect(s, &rows, &count, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < count; i++) {
		rows[i].name = rows[i].name_text;
		rows[i].time = rows[i].time_text[0] ? rows[i].time_text : NULL;
		rows[i].memories = rows[i].memories_text[0] ? rows[i].memories_text : NULL;
	}
	if (args->json) {
		struct json doc = json_begin();

		json_put(&doc, doc.root, "snapshots",
			 fields_array(&doc, list_fields, rows, count, sizeof(*rows)));
		return json_print(&doc) == CMD_DONE ? 0 : err_set(err, -EIO, "no answer");
	}
	if (count == 0)
		puts("no snapshots");
	else
		fields_table(stdout, list_fields, rows, count, sizeof(*rows), "");
	return 0;
}

/* ---- diff ---- */

struct change {
	int id;
	const char *name;
	uint64_t pages;
};

static const struct field diff_fields[] = {
	{"id", "memory", FIELD_ID, offsetof(struct change, id)},
	{"name", "name", FIELD_NAME, offsetof(struct change, name)},
	{"pages", "pages changed", FIELD_NUMBER, offsetof(struct change, pages)},
	{NULL},
};

static int diff(const struct snapshot_args *args, struct snapper *s, struct err *err)
{
	auto_free struct fs_request *r = malloc(sizeof(*r));
	struct change rows[MM_MAX_MEMORIES];
	size_t count = 0;
	int rc = r ? mounted_request(r, FS_SNAP_DIFF, args->name, args->other, err) : -ENOMEM;

	if (!rc)
		rc = snapper_ask(s, r, err);
	if (rc)
		return rc;
	for (int id = 0; id < MM_MAX_MEMORIES; id++)
		if (r->pages[id] > 0)
			rows[count++] = (struct change){id, names_of(args->names, (unsigned)id),
							r->pages[id]};
	if (args->json) {
		struct json doc = json_begin();

		json_put(&doc, doc.root, "memories",
			 fields_array(&doc, diff_fields, rows, count, sizeof(*rows)));
		return json_print(&doc) == CMD_DONE ? 0 : err_set(err, -EIO, "no answer");
	}
	if (count == 0)
		puts("no memory has changed");
	else
		fields_table(stdout, diff_fields, rows, count, sizeof(*rows), "");
	return 0;
}

/* ---- the rest ---- */

static int simple(const struct snapshot_args *args, struct snapper *s, uint32_t what,
		  struct err *err)
{
	auto_free struct fs_request *r = malloc(sizeof(*r));
	int rc = r ? mounted_request(r, what, args->name, args->other, err) : -ENOMEM;

	if (!rc && args->memory != CMD_UNSET)
		r->mm_id = (int32_t)args->memory;
	return rc ? rc : snapper_ask(s, r, err);
}

static const struct action {
	const char *name;
	uint32_t verb;     /* 0: list */
	unsigned min, max; /* names */
	bool writes;
} actions[] = {
	{"create", FS_SNAP_CREATE, 1, 1, true},     {"list", FS_SNAP_INFO, 0, 0, false},
	{"remove", FS_SNAP_DROP, 1, 1, true},       {"rename", FS_SNAP_RENAME, 2, 2, true},
	{"rollback", FS_SNAP_ROLLBACK, 1, 1, true}, {"diff", FS_SNAP_DIFF, 1, 2, false},
};

static const struct action *find_action(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	return NULL;
}

static int act(const struct snapshot_args *args, const struct action *a, struct err *err)
{
	auto_snapper struct snapper s = SNAPPER_NONE;
	int rc = snapper_open(args->image, a->writes, &s, err);

	if (rc)
		return rc;
	if (a->verb == FS_SNAP_INFO)
		rc = list(args, &s, err);
	else if (a->verb == FS_SNAP_DIFF)
		rc = diff(args, &s, err);
	else
		rc = simple(args, &s, a->verb, err);
	return rc || !a->writes ? rc : snapper_close(&s, err);
}

static int cmd_snapshot(const void *arguments)
{
	const struct snapshot_args *args = arguments;
	const struct action *a = find_action(args->action);
	unsigned names = (args->name != NULL) + (args->other != NULL);
	struct err err = {""};

	if (!a)
		return cmd_usage(&verb_snapshot,
				 "'%s' is none of create, list, remove, rename, rollback and diff",
				 args->action);
	if (names < a->min || names > a->max)
		return cmd_usage(&verb_snapshot, "%s takes %s", a->name,
				 a->max == 0   ? "no name"
				 : a->min == 2 ? "two names"
				 : a->max == 2 ? "one name or two"
					       : "one name");
	if (args->memory != CMD_UNSET && a->verb != FS_SNAP_ROLLBACK)
		return cmd_usage(&verb_snapshot, "--memory is for rollback");
	if (args->json && a->writes)
		return cmd_usage(&verb_snapshot, "--json is for list and diff");
	return act(args, a, &err) ? cmd_fail(args->image, &err) : CMD_DONE;
}

const struct verb verb_snapshot = {
	.name = "snapshot",
	.summary = "freeze all memories at once; look at them later, or bring them back",
	.text = "IMAGE is an image that is not mounted, or the directory where one is. ACTION:\n"
		"  create NAME         freeze all memories as they are now\n"
		"  list                show all: when taken, bytes held, memories changed since\n"
		"  remove NAME         drop one; the others stay as they are\n"
		"  rename NAME OTHER\n"
		"  rollback NAME       the image becomes what it was, or with --memory one\n"
		"                      memory; all snapshots stay\n"
		"  diff NAME [OTHER]   pages changed, by memory, from NAME to the newer OTHER,\n"
		"                      or to now\n"
		"Snapshots lie in IMAGE.snap and hold what was overwritten since. When anything but\n"
		"canisterfs writes to the image they are stale, and can only be removed.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct snapshot_args),
	.run = cmd_snapshot,
};
