// SPDX-License-Identifier: MIT
/*
 * checkpoint: an image as one small file that can be proven, mounted and read by qemu-img.
 */
#include <inttypes.h>

#include "tools/cmd/cmd.h"
#include "tools/image/image_open.h"
#include "tools/image/source.h"
#include "tools/out/json.h"
#include "tools/out/text.h"
#include "tools/out/work.h"

struct checkpoint_args {
	const char *base, *snapshot;
	uint64_t level, jobs;
	bool force, json;
	const char *source, *out;
};

static const struct cmd_option options[] = {
	{"base", 'b', CMD_FILE, WHERE(struct checkpoint_args, base), "FILE",
	 "store only what differs from this checkpoint"},
	{"snapshot", 's', CMD_TEXT, WHERE(struct checkpoint_args, snapshot), "NAME",
	 "pack SOURCE as it was at this live snapshot"},
	{"level", 'l', CMD_NUMBER, WHERE(struct checkpoint_args, level), "N",
	 "1, fast and the default, to 9, small", 1, 9},
	{"jobs", 'j', CMD_NUMBER, WHERE(struct checkpoint_args, jobs), "N",
	 "work on N cores; all is the default, and the bytes are the same for any", 1, 32},
	{"force", 'f', CMD_FLAG, WHERE(struct checkpoint_args, force), NULL,
	 "replace OUT where it exists"},
	{"json", 0, CMD_FLAG, WHERE(struct checkpoint_args, json), NULL, "print one JSON document"},
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"SOURCE", CMD_FILE, WHERE(struct checkpoint_args, source)},
	{"OUT", CMD_FILE, WHERE(struct checkpoint_args, out)},
	{NULL},
};

static int print_json(const struct checkpoint_args *args, const struct snap_exported *done)
{
	char hash[SNAP_HASH_TEXT_LEN];
	struct json doc = json_begin();

	json_put(&doc, doc.root, "checkpoint", json_any(args->out));
	json_put(&doc, doc.root, "base", args->base ? json_any(args->base) : json_null());
	json_put(&doc, doc.root, "content_hash", json_string(snap_hash_text(done->content, hash)));
	json_put(&doc, doc.root, "data_bytes", json_u64(done->data_len));
	json_put(&doc, doc.root, "stored_bytes", json_u64(done->stored_len));
	json_put(&doc, doc.root, "file_bytes", json_u64(done->file_len));
	return json_print(&doc);
}

static int print(const struct checkpoint_args *args, const struct snap_exported *done)
{
	char hash[SNAP_HASH_TEXT_LEN];

	if (args->json)
		return print_json(args, done);
	text_print("%s: %s", args->out, text_size(done->stored_len).s);
	if (args->base)
		text_print(" that differ from %s, of", args->base);
	else
		fputs(" of", stdout);
	text_print(" %s of data, in %s\n", text_size(done->data_len).s,
		   text_size(done->file_len).s);
	text_print("content %s\n", snap_hash_text(done->content, hash));
	return CMD_DONE;
}

static int cmd_checkpoint(const void *arguments)
{
	const struct checkpoint_args *args = arguments;
	auto_source struct source source = SOURCE_NONE;
	struct snap_exported done;
	struct err err = {""};
	struct work work;
	struct snap_export how = {
		.base = args->base,
		.trust_backing = image_trust_backing,
		.level = args->level == CMD_UNSET ? 0 : (unsigned)args->level,
		.jobs = args->jobs == CMD_UNSET ? 0 : (unsigned)args->jobs,
		.force = args->force,
		.watch = &work.watch,
	};
	int rc = source_open(args->source, args->snapshot, &source, &err);

	if (rc)
		return cmd_fail(args->source, &err);
	how.side = source.sides.files;
	work_begin(&work, "packing");
	rc = snap_export(window_whole(source.store, NULL), args->out, &how, &done, &err);
	work_end(&work);
	source_close(&source);
	work_die(rc);
	return rc ? cmd_fail(args->out, &err) : print(args, &done);
}

const struct verb verb_checkpoint = {
	.name = "checkpoint",
	.summary = "pack an image into one small file that can be proven and mounted",
	.text = "Writes SOURCE, an image or a checkpoint, as a compressed qcow2 file with checksums.\n"
		"'info', 'map', 'check', 'cat', 'compare' and 'mount' take it like an image, without\n"
		"unpacking it; 'restore' brings the image back, 'verify' proves the file; qemu-img\n"
		"reads it too. Only what holds data is read. Where SOURCE is a directory on which an\n"
		"image is mounted, whoever writes there goes on: what is packed is a snapshot.\n"
		"\n"
		"With --base only what differs is stored, and the base has to stay where it is, seen\n"
		"from OUT, and what it is. A base can itself have a base.\n"
		"\n"
		"The content hash that is printed is the image's: the same for each file, with or\n"
		"without a base, at any level, that holds the same bytes.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct checkpoint_args),
	.run = cmd_checkpoint,
};
