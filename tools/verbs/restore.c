// SPDX-License-Identifier: MIT
/*
 * restore: the image out of a checkpoint. A file appears when its content is proven, and not
 * before; a block device is written in place.
 */
#include <inttypes.h>
#include <sys/stat.h>

#include "tools/cmd/cmd.h"
#include "tools/image/image_open.h"
#include "tools/image/sides.h"
#include "tools/out/json.h"
#include "tools/out/sink.h"
#include "tools/out/spool.h"
#include "tools/out/text.h"
#include "tools/out/work.h"

struct restore_args {
	uint64_t jobs;
	bool force, json;
	const char *checkpoint, *image;
};

static const struct cmd_option options[] = {
	{"jobs", 'j', CMD_NUMBER, WHERE(struct restore_args, jobs), "N",
	 "work on N cores; all is the default", 1, 32},
	{"force", 'f', CMD_FLAG, WHERE(struct restore_args, force), NULL,
	 "replace IMAGE where it exists, or overwrite a block device"},
	{"json", 0, CMD_FLAG, WHERE(struct restore_args, json), NULL, "print one JSON document"},
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"CHECKPOINT", CMD_FILE, WHERE(struct restore_args, checkpoint)},
	{"IMAGE", CMD_FILE, WHERE(struct restore_args, image)},
	{NULL},
};

static bool is_device(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISBLK(st.st_mode);
}

static int copy(const struct restore_args *args, struct store *from, struct store *to, bool fresh,
		struct snap_restored *done, struct err *err)
{
	struct work work;
	struct snap_work how = {
		.jobs = args->jobs == CMD_UNSET ? 0 : (unsigned)args->jobs,
		.watch = &work.watch,
	};
	int rc;

	work_begin(&work, "unpacking");
	rc = snap_restore(from, to, fresh, &how, done, err);
	work_end(&work);
	return rc;
}

static int to_device(const struct restore_args *args, struct store *from,
		     struct snap_restored *done, struct err *err)
{
	auto_store struct store *to = NULL;
	int rc;

	if (!args->force)
		return err_set(err, -EEXIST, "a block device, which only --force overwrites");
	rc = file_store_open(args->image, true, &to, err);
	if (!rc)
		rc = copy(args, from, to, false, done, err);
	return rc ? rc : store_sync(to, err);
}

static int to_file(const struct restore_args *args, struct store *from,
		   const struct side_files *side, struct snap_restored *done, struct err *err)
{
	auto_image_new struct image_new new = IMAGE_NEW_NONE;
	int rc = image_new_open(args->image, args->force, NULL, &new, err);

	new.side = side;
	if (!rc)
		rc = copy(args, from, new.store, true, done, err);
	return rc ? rc : image_new_commit(&new, err);
}

/* What comes out is proven before the first byte is written. */
static int to_stdout(const struct restore_args *args, struct store *from,
		     struct snap_restored *done, struct err *err)
{
	auto_store struct store *spool = NULL;
	int fd = spool_open(err);
	int rc = fd < 0 ? fd : file_store_from_fd(fd, true, &spool, err);

	if (!rc)
		rc = copy(args, from, spool, true, done, err);
	return rc ? rc : sink_put(spool, 0, spool->len, err);
}

static int print(const struct restore_args *args, const struct snap_restored *done, uint64_t len)
{
	char hash[SNAP_HASH_TEXT_LEN];
	struct json doc;

	snap_hash_text(done->content, hash);
	if (!args->json) {
		text_print("%s: %s, of which %s are data; content %s%s\n", args->image,
			   text_size(len).s, text_size(done->data_len).s, hash,
			   done->proven ? "" : " (the file has none to compare)");
		return CMD_DONE;
	}
	doc = json_begin();
	json_put(&doc, doc.root, "image", json_any(args->image));
	json_put(&doc, doc.root, "image_bytes", json_u64(len));
	json_put(&doc, doc.root, "data_bytes", json_u64(done->data_len));
	json_put(&doc, doc.root, "content_hash", json_string(hash));
	json_put(&doc, doc.root, "proven", json_boolean(done->proven));
	return json_print(&doc);
}

static int cmd_restore(const void *arguments)
{
	const struct restore_args *args = arguments;
	auto_store struct store *from = NULL;
	auto_sides struct sides sides = SIDES_NONE;
	struct snap_restored done;
	struct err err = {""}, note = {""};
	bool stdout_meant = strcmp(args->image, "-") == 0;
	int rc;

	if (stdout_meant && args->json)
		return cmd_usage(&verb_restore, "--json has no place where the image is written to "
						"standard output");
	rc = image_open_stored(args->checkpoint, &from, &err);
	if (!rc)
		rc = sides_open(from, NULL, &sides, &err);
	if (rc)
		return cmd_fail(args->checkpoint, &err);
	if ((stdout_meant || is_device(args->image)) && sides.files &&
	    side_files_warning(sides.files, &note))
		cmd_error(args->checkpoint, "note: %s, which %s has no place for", note.text,
			  stdout_meant ? "standard output" : "a block device");
	rc = stdout_meant             ? to_stdout(args, from, &done, &err)
	     : is_device(args->image) ? to_device(args, from, &done, &err)
				      : to_file(args, from, sides.files, &done, &err);
	work_die(rc);
	if (rc == -EBADMSG || rc == -EUCLEAN) {
		cmd_error(args->checkpoint,
			  "%s; nothing was installed ('canisterfs verify' tells what is damaged)",
			  err.text);
		return CMD_FAILED;
	}
	/* A reader that has seen enough needs no message. */
	if (rc)
		return rc == -EPIPE && stdout_meant ? CMD_FAILED : cmd_fail(args->image, &err);
	return stdout_meant ? CMD_DONE : print(args, &done, from->len);
}

const struct verb verb_restore = {
	.name = "restore",
	.summary = "bring an image back from a checkpoint",
	.text = "Unpacks CHECKPOINT, with all that it is based on, into IMAGE: a new file, sparse, or\n"
		"the directory of a canister snapshot, or with --force a block device. A file gets\n"
		"its name when all is written, synced, and its content hash is the one that the\n"
		"checkpoint says; until then an image of that name stays as it was. Any qcow2 file\n"
		"can be restored so; where another program made it, there is no hash to compare.\n"
		"Scratch files that the checkpoint holds lie beside IMAGE then, for the next mount.\n"
		"\n"
		"CHECKPOINT may also be an image that is packed by gzip or zstd, or '-', standard\n"
		"input. Where IMAGE is '-', the image goes to standard output when it is proven:\n"
		"\n"
		"  canisterfs restore x.ckpt - | gzip > stable_memory.bin.gz",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct restore_args),
	.run = cmd_restore,
};
