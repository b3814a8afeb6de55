// SPDX-License-Identifier: MIT
/*
 * See stored.h. Holds no state.
 */
#include "tools/facts/stored.h"

#include <inttypes.h>
#include <stdio.h>

#include "tools/out/text.h"

struct stored stored_of(struct store *s)
{
	struct stored st = {.is_qcow2 = false};

	st.is_qcow2 = snap_info(window_whole(s, NULL), &st.info);
	return st;
}

static const char *kind_of(const struct snap_info *in)
{
	return !in->is_checkpoint ? "qcow2 file" : in->has_base ? "delta checkpoint" : "checkpoint";
}

static void print_chain(const struct snap_info *in)
{
	char hash[SNAP_HASH_TEXT_LEN];

	if (in->backing[0] == 0)
		return;
	text_print("  %-9s ", "base");
	text_put(stdout, in->backing);
	if (in->has_base)
		text_print(", content %s", snap_hash_text(in->base, hash));
	putchar('\n');
	text_print("  %-9s %s\n", "chain", text_plural(in->files, "file").s);
}

void stored_print(const struct stored *st)
{
	const struct snap_info *in = &st->info;
	char hash[SNAP_HASH_TEXT_LEN];

	if (!st->is_qcow2)
		return;
	text_print("  %-9s %s of %s", "stored", kind_of(in), text_size(in->file_len).s);
	if (in->is_checkpoint && in->stored_len > 0)
		text_print(", %.1f to 1 for %s of data",
			   (double)in->stored_len / (double)(in->file_len - in->side_len),
			   text_size(in->stored_len).s);
	putchar('\n');
	if (in->is_checkpoint)
		text_print("  %-9s %s\n", "content", snap_hash_text(in->content, hash));
	print_chain(in);
}

static json_t *hash_json(bool known, const uint8_t *hash)
{
	char text[SNAP_HASH_TEXT_LEN];

	return known ? json_string(snap_hash_text(hash, text)) : json_null();
}

json_t *stored_json(struct json *doc, const struct stored *st)
{
	const struct snap_info *in = &st->info;
	json_t *object;

	if (!st->is_qcow2)
		return json_null();
	object = json_object();
	json_put(doc, object, "checkpoint", json_boolean(in->is_checkpoint));
	json_put(doc, object, "file_bytes", json_u64(in->file_len));
	json_put(doc, object, "stored_bytes",
		 in->is_checkpoint ? json_u64(in->stored_len) : json_null());
	json_put(doc, object, "data_bytes",
		 in->is_checkpoint ? json_u64(in->data_len) : json_null());
	json_put(doc, object, "content_hash", hash_json(in->is_checkpoint, in->content));
	json_put(doc, object, "base", in->backing[0] ? json_any(in->backing) : json_null());
	json_put(doc, object, "base_content_hash", hash_json(in->has_base, in->base));
	json_put(doc, object, "files", json_u64(in->files));
	return object;
}
