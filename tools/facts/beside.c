// SPDX-License-Identifier: MIT
/*
 * See beside.h. Holds no state.
 */
#include "tools/facts/beside.h"

#include <inttypes.h>
#include <stdio.h>

#include "tools/out/fields.h"
#include "tools/out/text.h"

struct beside_file {
	const char *name;
	uint64_t len;
	char name_room[NAME_MAX + 1];
};

static const struct field file_fields[] = {
	{"name", NULL, FIELD_TEXT, offsetof(struct beside_file, name)},
	{"bytes", NULL, FIELD_BYTES, offsetof(struct beside_file, len)},
	{NULL},
};

struct beside_len {
	int mm_id;
	uint64_t len;
};

static const struct field len_fields[] = {
	{"memory", NULL, FIELD_ID, offsetof(struct beside_len, mm_id)},
	{"bytes", NULL, FIELD_BYTES, offsetof(struct beside_len, len)},
	{NULL},
};

static void take_file(struct beside *b, const struct side_file *file)
{
	struct beside_file *f = &b->file[b->count++];

	f->len = file->len;
	f->name = strcpy(f->name_room, file->name);
}

int beside_of(const struct side_files *files, struct beside *out, struct err *err)
{
	*out = BESIDE_NONE;
	if (!files)
		return 0;
	out->file = calloc(files->count + 1, sizeof(*out->file));
	out->len = calloc(MM_MAX_MEMORIES, sizeof(*out->len));
	if (!out->file || !out->len)
		return err_sys(err, -ENOMEM, "cannot look beside the image");
	for (size_t i = 0; i < files->count; i++)
		take_file(out, &files->file[i]);
	for (int id = 0; id < MM_MAX_MEMORIES; id++)
		if (files->exact_len[id] != SIDE_WHOLE_PAGES)
			out->len[out->len_count++] = (struct beside_len){id, files->exact_len[id]};
	side_files_warning(files, &out->warning);
	return 0;
}

int beside_of_store(struct store *s, struct beside *out, struct err *err)
{
	auto_bundle struct bundle *bundle = NULL;
	int rc = snap_side_open(window_whole(s, NULL), &bundle, err);

	if (!rc)
		return beside_of(bundle ? bundle_files(bundle) : NULL, out, err);
	*out = BESIDE_NONE;
	if (rc != -EUCLEAN && rc != -ENOTSUP)
		return rc;
	out->damaged = true;
	out->why = *err;
	return 0;
}

void beside_free(struct beside *b)
{
	free(b->file);
	free(b->len);
}

/* Only the first line has a heading. */
static void begin_line(size_t *lines)
{
	text_print("  %-9s ", (*lines)++ == 0 ? "beside" : "");
}

void beside_print(const struct beside *b)
{
	size_t lines = 0;

	for (size_t i = 0; i < b->count; i++) {
		begin_line(&lines);
		text_put(stdout, b->file[i].name);
		text_print(", %s\n", text_size(b->file[i].len).s);
	}
	for (size_t i = 0; i < b->len_count; i++) {
		begin_line(&lines);
		text_print("memory %d has %s\n", b->len[i].mm_id,
			   text_plural(b->len[i].len, "byte").s);
	}
	if (*b->warning.text) {
		begin_line(&lines);
		text_print("%s\n", b->warning.text);
	}
	if (b->damaged) {
		begin_line(&lines);
		puts("something that cannot be read");
	}
}

void beside_put(struct json *doc, json_t *object, const struct beside *b)
{
	json_put(doc, object, "side_files",
		 b->damaged ? json_null()
			    : fields_array(doc, file_fields, b->file, b->count, sizeof(*b->file)));
	json_put(doc, object, "exact_lengths",
		 b->damaged ? json_null()
			    : fields_array(doc, len_fields, b->len, b->len_count, sizeof(*b->len)));
}
