// SPDX-License-Identifier: MIT
/* Owns choosing and opening a structure for the verbs. Prints nothing but a guess at the width of
 * keys. */
#include "tools/records/records_choice.h"

#include <inttypes.h>

/* What the command line says, else the names file, else hex. Whoever types a command may run it;
 * whoever wrote a names file may not. */
static int choose_codec(const struct records_args *args, const char *typed, const char *named,
			struct codec *out, struct err *err)
{
	const char *spec = typed ? typed : named ? named : "hex";
	int rc = codec_parse(spec, out, err);

	if (rc == 0 && !typed && out->ops == &codec_exec && !args->allow_exec)
		rc = err_set(err, -EPERM,
			     "the names file's '%s' would run a command; --allow-exec lets it",
			     spec);
	return rc;
}

static int choose_codecs(const struct records_args *args, struct records_choice *c, struct err *err)
{
	const struct name *name = c->name;
	struct err why = {""};
	int rc = choose_codec(args, args->key, name ? name->key : NULL, &c->key, &why);

	if (rc < 0)
		return err_set(err, rc, "--key: %s", why.text);
	rc = choose_codec(args, args->value, name ? name->value : NULL, &c->value, &why);
	return rc < 0 ? err_set(err, rc, "--value: %s", why.text) : 0;
}

static int choose_width(const char *text, int *out, struct err *err)
{
	uint64_t width;
	int rc;

	if (strcmp(text, "prefixed") == 0) {
		*out = SS_WIDTH_PREFIXED;
		return 0;
	}
	rc = parse_number(text, 0, SS_WIDTH_MAX, &width, err);
	if (rc < 0)
		return err_prefix(err, rc, "--key-width");
	*out = (int)width;
	return 0;
}

static void set_order(struct ss_options *opts, enum ss_order order)
{
	opts->sort = opts->value_sort = (struct ss_sort){.order = order};
}

/* What a codec tells of the keys; what it does not tell stays as it was. */
static void add_key_facts(struct ss_options *opts, const struct codec *key)
{
	if (key->width > 0)
		opts->key_width_hint = (int)key->width;
	if (key->sort.order != SS_ORDER_INFER)
		opts->sort = key->sort;
	if (key->prefixed)
		opts->key_width = SS_WIDTH_PREFIXED;
}

/* What a name tells of the structure. */
static struct ss_options options_by(struct name *name)
{
	const struct name_codecs *codecs = name ? records_name_codecs(name) : NULL;
	struct ss_options opts = SS_OPTIONS;

	if (name)
		opts.key_width = name->key_width;
	/* Keys without a bound have their length in front. */
	if (name && name->key_width == SS_WIDTH_INFER && name->max_key == NAME_UNBOUNDED)
		opts.key_width = SS_WIDTH_PREFIXED;
	if (codecs) {
		add_key_facts(&opts, &codecs->key);
		opts.value_sort = codecs->value.sort;
	}
	if (name && name->order != SS_ORDER_INFER)
		set_order(&opts, name->order);
	return opts;
}

static void drop_codecs(void *kept)
{
	struct name_codecs *codecs = kept;

	codec_end(&codecs->key);
	codec_end(&codecs->value);
	free(codecs);
}

const struct name_codecs *records_name_codecs(struct name *name)
{
	struct name_codecs *codecs = name->kept;

	if (codecs || !name->name)
		return codecs;
	codecs = calloc(1, sizeof(*codecs));
	if (!codecs)
		return NULL;
	/* A verb that shows values says what is wrong with a codec. */
	if (codec_parse(name->key ? name->key : "hex", &codecs->key, NULL) < 0)
		(void)!codec_parse("hex", &codecs->key, NULL);
	if (codec_parse(name->value ? name->value : "hex", &codecs->value, NULL) < 0)
		(void)!codec_parse("hex", &codecs->value, NULL);
	name->kept = codecs;
	name->drop = drop_codecs;
	return codecs;
}

struct ss_options records_name_options(void *ctx, int mm_id)
{
	struct names *names = ctx;
	bool named = names && mm_id >= 0 && names->id[mm_id].name;

	return options_by(named ? &names->id[mm_id] : NULL);
}

/* Of two codecs for the same bytes, the one that tells a bound. */
static int64_t bound_of(int64_t told, const struct codec *named, const struct codec *typed)
{
	if (told >= 0)
		return told;
	return named && named->max_len >= 0 ? named->max_len : typed->max_len;
}

/* The bounds of the program's types. What is typed to show them in another way changes none. */
static void choose_bounds(struct records_choice *c)
{
	const struct name_codecs *named = c->name ? records_name_codecs(c->name) : NULL;

	c->max_key = bound_of(c->name ? c->name->max_key : -1, named ? &named->key : NULL, &c->key);
	c->max_value = bound_of(c->name ? c->name->max_value : -1, named ? &named->value : NULL,
				&c->value);
}

static int choose_options(const struct records_args *args, struct records_choice *c,
			  struct err *err)
{
	enum ss_order order = SS_ORDER_INFER;
	int rc = 0;

	c->opts = options_by(c->name);
	add_key_facts(&c->opts, &c->key);
	if (c->value.sort.order != SS_ORDER_INFER)
		c->opts.value_sort = c->value.sort;
	if (c->name && c->name->order != SS_ORDER_INFER)
		set_order(&c->opts, c->name->order);
	choose_bounds(c);
	if (args->key_width)
		rc = choose_width(args->key_width, &c->opts.key_width, err);
	if (rc == 0 && args->order && ss_order_parse(args->order, &order) < 0)
		rc = err_set(err, -EINVAL,
			     "--order: '%s' is none of bytes, length, little-endian, signed, "
			     "reversed, own",
			     args->order);
	if (order != SS_ORDER_INFER)
		set_order(&c->opts, order);
	c->data_id = args->data_id != CMD_UNSET ? (int)args->data_id : c->name ? c->name->data : -1;
	return rc;
}

int records_choose(const struct records_args *args, struct records_choice *out, struct err *err)
{
	int rc;

	*out = (struct records_choice){.mm_id = args->id == CMD_UNSET ? -1 : (int)args->id};
	if (args->id != CMD_UNSET && names_of(args->names, (unsigned)args->id))
		out->name = &args->names->id[args->id];
	rc = choose_codecs(args, out, err);
	return rc < 0 ? rc : choose_options(args, out, err);
}

void records_choice_end(struct records_choice *c)
{
	codec_end(&c->key);
	codec_end(&c->value);
}

struct store *records_store(struct records *r)
{
	return r->memory ? r->memory : r->image.store;
}

static int open_raw(const char *path, struct records *out, struct err *err)
{
	struct err why = {""};
	enum mm_kind kind;
	int rc = image_open_raw(path, &out->image.store, err);

	if (rc == 0)
		rc = mm_probe(out->image.store, &kind, &why);
	if (rc == 0 && kind == MM_MANAGED)
		return err_set(err, -EINVAL, "this image has memories: say which one's records");
	return rc;
}

int records_open_memory(const char *path, int mm_id, bool writable, struct records *out,
			struct err *err)
{
	struct mm_memory facts;
	int rc;

	if (mm_id < 0)
		return open_raw(path, out, err);
	rc = writable ? image_open_install(path, &out->image, err)
		      : image_open(path, false, &out->image, err);
	writable = writable && out->image.store && out->image.store->writable;
	if (rc == 0)
		rc = image_find(out->image.mm, (unsigned)mm_id, &facts, err);
	if (rc == 0)
		rc = ss_memory_store(out->image.mm, (unsigned)mm_id, writable, &out->memory, err);
	return rc;
}

/* A log's index needs its data: the one told, or the only one that fits. From the data, the index
 * is looked for likewise, and the two change places. */
static int open_other_half(struct records *r, const struct records_choice *c, bool writable,
			   struct err *err)
{
	struct ss_content content;
	unsigned other = (unsigned)c->data_id;
	int rc = ss_recognise(r->memory, &content, err);
	bool is_data = rc == 0 && content.kind == SS_LOG_DATA;

	if (rc < 0 || (content.kind != SS_LOG_INDEX && !is_data))
		return rc;
	if (is_data || c->data_id < 0)
		rc = ss_log_partner(r->image.mm, (unsigned)c->mm_id, &other, err);
	if (rc == 0)
		rc = ss_memory_store(r->image.mm, other, writable, &r->data, err);
	if (rc == 0 && is_data) {
		struct store *index = r->data;

		r->data = r->memory;
		r->memory = index;
		r->swapped = true;
	}
	return rc;
}

static int expect_kind(const struct records *r, const struct records_choice *c, struct err *err)
{
	enum ss_kind kind = ss_facts(r->ss)->kind;

	if (!c->name || !c->name->kind || c->name->ss_kind == kind ||
	    (c->name->ss_kind == SS_LOG_DATA && kind == SS_LOG_INDEX))
		return 0;
	return err_set(err, -EINVAL, "memory %d ('%s') is a %s by the names file, but holds a %s",
		       c->mm_id, c->name->name, c->name->kind, ss_kind_name(kind));
}

int records_open_structure(struct records *r, const struct records_choice *c, struct err *err)
{
	bool writable = records_store(r)->writable;
	int rc = r->memory ? open_other_half(r, c, writable, err) : 0;

	if (rc == 0)
		rc = ss_open(records_store(r), r->data, &c->opts, &r->ss, err);
	if (rc == -EDOM)
		return err_set(err, rc, "%s; --key or --key-width does", err->text);
	return rc < 0 ? rc : expect_kind(r, c, err);
}

void records_drop(struct records *r)
{
	ss_close(r->ss);
	store_close(r->memory);
	store_close(r->data);
	image_drop(&r->image);
	*r = (struct records){0};
}

void records_say_guess(const char *path, const struct records *r, const struct records_choice *c)
{
	const struct ss_facts *facts = ss_facts(r->ss);
	struct err text;

	if (facts->key_width_guessed) {
		ss_tell_widths(facts, &text);
		cmd_error(path, "%s; --key or --key-width tells", text.text);
	} else if (facts->kind == SS_BTREE && facts->key_width >= 0 && c->opts.key_width < 0 &&
		   c->key.width == 0) {
		cmd_error(path, "keys are taken for %d bytes wide: that alone fits the nodes",
			  facts->key_width);
	}
}
