// SPDX-License-Identifier: MIT
/*
 * What a structure is to be like that is made of nothing: no byte of the image tells, so the names
 * file must, or the encoding of a number or principal, whose type has one form.
 */
#include "tools/records/records_choice.h"

static int lacks(const struct records_choice *c, const char *fact, struct err *err)
{
	return err_set(err, -EINVAL,
		       "memory %d holds nothing yet, and the names file does not tell its %s",
		       c->mm_id, fact);
}

static uint64_t form_bound(int64_t bound)
{
	return bound == NAME_UNBOUNDED ? SS_UNBOUNDED : (uint64_t)bound;
}

static int form_btree(struct records_choice *c, struct ss_form *out, struct err *err)
{
	int64_t key = c->max_key, value = c->max_value;
	int *width = &c->opts.key_width;

	if (key < 0 && *width >= 0)
		key = *width;
	if (strcmp(c->name->kind, "btreeset") == 0)
		value = 0;
	if (key == NAME_UNBOUNDED) /* whatever the values are */
		value = NAME_UNBOUNDED;
	if (key < 0)
		return lacks(c, "max_key", err);
	if (value < 0)
		return lacks(c, "max_value", err);
	if (*width == SS_WIDTH_INFER && key == NAME_UNBOUNDED)
		*width = SS_WIDTH_PREFIXED;
	if (*width == SS_WIDTH_INFER && c->opts.key_width_hint > 0)
		*width = c->opts.key_width_hint;
	if (*width == SS_WIDTH_INFER)
		return lacks(c, "key_width", err);
	out->max_key_len = form_bound(key);
	out->max_value_len = form_bound(value);
	return 0;
}

static int form_vec(const struct records_choice *c, struct ss_form *out, struct err *err)
{
	const struct codec *codec = &records_name_codecs(c->name)->value;
	int64_t value = c->max_value;

	if (codec->max_len < 0)
		codec = &c->value;
	if (value < 0)
		return lacks(c, "max_value", err);
	if (c->name->fixed < 0 && codec->max_len < 0)
		return lacks(c, "fixed", err);
	out->fixed = c->name->fixed < 0 ? codec->width > 0 : c->name->fixed;
	out->max_value_len = form_bound(value);
	return 0;
}

static int find_form(struct records_choice *c, struct ss_form *out, struct err *err)
{
	*out = (struct ss_form){.kind = SS_UNKNOWN};
	if (!c->name)
		return err_set(err, -EINVAL,
			       "memory %d holds nothing yet: --names must tell what it is to be",
			       c->mm_id);
	if (!c->name->kind)
		return lacks(c, "kind", err);
	out->kind = c->name->ss_kind;
	if (out->kind == SS_BTREE)
		return form_btree(c, out, err);
	if (out->kind == SS_VEC || out->kind == SS_HEAP)
		return form_vec(c, out, err);
	return out->kind == SS_LOG_INDEX && c->data_id < 0 ? lacks(c, "data", err) : 0;
}

int records_is_empty(struct store *memory, bool *empty, struct err *err)
{
	struct ss_content content;
	int rc = ss_recognise(memory, &content, err);

	*empty = rc == 0 && (content.kind == SS_EMPTY || content.kind == SS_ZEROS);
	return rc;
}

int records_open_new(struct records *r, struct records_choice *c, struct ss_form *out,
		     struct err *err)
{
	bool empty = false;
	int rc = find_form(c, out, err);

	if (rc < 0 || out->kind != SS_LOG_INDEX)
		return rc;
	rc = ss_memory_store(r->image.mm, (unsigned)c->data_id, true, &r->data, err);
	if (rc == 0)
		rc = records_is_empty(r->data, &empty, err);
	if (rc == 0 && (!empty || c->data_id == c->mm_id))
		rc = err_set(err, -EINVAL,
			     "memory %d is to hold the data of the log, but is not empty",
			     c->data_id);
	return rc;
}
