// SPDX-License-Identifier: MIT
/*
 * Reads one structure at a time, as its memory is now: opened again whenever the memory has
 * changed. Beside it this keeps, for each memory, what only a walk over its keys tells, as long as
 * the memory does not change:
 *
 * - whether all keys are text, and so name their files. The walk ends at the first that is none: of
 *   numbers, that is one of the first few keys.
 * - in which order the keys are. Whoever finds a key does not need to know; but only this tells
 * that a key is not there.
 *
 * It looks at WALK_MAX keys at most, some seconds' work. The names of a longer map are hexadecimal,
 * and its first keys tell the order.
 */
#include "fusefs/records/records.h"

enum {
	WALK_MAX = 1 << 22,
	HURRY_MAX = 64, /* records that a search in a hurry compares */
};

int record_view_has(struct record_view *v, unsigned mm_id, bool *has, struct err *err)
{
	const struct record_facts *facts = &v->facts[mm_id];
	auto_store struct store *store = NULL;
	struct ss_content content;
	int rc;

	*has = facts->known && facts->changes == mm_change_count(v->mm, mm_id);
	if (*has || v->hurry)
		return *has ? 0 : -EAGAIN;
	rc = ss_memory_store(v->mm, mm_id, false, &store, err);
	if (!rc && store->len > 0) {
		rc = ss_recognise(store, &content, err);
		*has = !rc && (ss_kind_has_records(content.kind) ||
			       ss_kind_has_records(content.resembles));
	}
	return rc;
}

void record_view_close(struct record_view *v)
{
	ss_close(v->ss);
	store_close(v->store);
	store_close(v->data);
	v->ss = NULL;
	v->store = v->data = NULL;
}

/* The order that the names file tells is as good a guess as the one that was found before a change.
 */
static struct ss_options options_of(const struct record_view *v)
{
	const struct record_facts *facts = &v->facts[v->mm_id];
	struct ss_options opts = v->names ? v->names[v->mm_id].records : SS_OPTIONS;

	if (opts.key_width == SS_WIDTH_INFER && facts->known && facts->changes == v->changes)
		opts.key_width = facts->key_width;
	if (facts->order == SS_ORDER_TYPE)
		return opts; /* it is the one that the names file tells */
	if (facts->order != SS_ORDER_INFER)
		opts.sort = (struct ss_sort){.order = facts->order};
	return opts;
}

static int open_data(struct record_view *v, struct err *err)
{
	int named = v->names ? v->names[v->mm_id].log_data : -1;
	unsigned partner = named >= 0 ? (unsigned)named : 0;
	int rc = named >= 0 ? 0 : ss_log_partner(v->mm, v->mm_id, &partner, err);

	if (rc)
		return rc == -ENOENT ? -EUCLEAN : rc;
	v->partner = (int)partner;
	v->partner_changes = mm_change_count(v->mm, partner);
	return ss_memory_store(v->mm, partner, false, &v->data, err);
}

static int open_structure(struct record_view *v, struct err *err)
{
	struct ss_options opts = options_of(v);
	struct ss_content content = {.kind = SS_UNKNOWN};
	int rc = ss_memory_store(v->mm, v->mm_id, false, &v->store, err);

	if (!rc)
		rc = ss_recognise(v->store, &content, err);
	if (!rc && !ss_kind_has_records(content.kind) && !ss_kind_has_records(content.resembles))
		rc = err_set(err, -ENOENT, "there are none");
	if (!rc && content.kind == SS_LOG_INDEX)
		rc = open_data(v, err);
	if (!rc)
		rc = ss_open(v->store, v->data, &opts, &v->ss, err);
	if (!rc && ss_facts(v->ss)->key_width_guessed)
		rc = err_set(err, -EDOM, "the width of its keys cannot be told");
	return rc;
}

bool record_view_is_late(const struct record_view *v)
{
	return v->changes != mm_change_count(v->mm, v->mm_id) ||
	       (v->partner >= 0 &&
		v->partner_changes != mm_change_count(v->mm, (unsigned)v->partner));
}

int record_view_open(struct record_view *v, unsigned mm_id, struct err *err)
{
	struct record_facts *facts = &v->facts[mm_id];
	int rc;

	if (v->ss && v->mm_id == mm_id && !record_view_is_late(v))
		return 0;
	if (v->hurry)
		return -EAGAIN;
	record_view_close(v);
	v->mm_id = mm_id;
	v->partner = -1;
	v->changes = mm_change_count(v->mm, mm_id);
	rc = open_structure(v, err);
	if (rc) {
		record_view_close(v);
		/* EDOM: not damaged, but the width of keys cannot be told. */
		return rc == -EIO || rc == -ENOMEM || rc == -EDOM || rc == -ENOENT ? rc : -EUCLEAN;
	}
	if (!facts->known || facts->changes != v->changes)
		*facts = (struct record_facts){.known = true,
					       .changes = v->changes,
					       .order = facts->order,
					       .before = SS_NO_PLACE};
	facts->key_width = ss_facts(v->ss)->key_width;
	return 0;
}

/* ---- what a walk tells ---- */

enum { ORDERS = (1 << SS_ORDER_OWN) - (1 << SS_ORDER_BYTES) };

/* The key before, and the orders that all keys so far keep to. */
struct walk {
	const struct ss_type *type; /* that the names file tells, or NULL */
	uint8_t *key;
	size_t len, cap;
	unsigned orders;
	bool text;
};

static int walk_on(struct walk *w, struct ss_bytes key, bool first, struct err *err)
{
	struct ss_bytes before = {w->key, w->len};

	w->text = w->text && record_key_is_text(key);
	for (unsigned o = SS_ORDER_BYTES; !first && o <= SS_ORDER_TYPE; o++) {
		struct ss_sort sort = {(enum ss_order)o, w->type};

		if ((w->orders & 1u << o) && ss_sort_compare(&sort, before, key) >= 0)
			w->orders &= ~(1u << o);
	}
	if (key.len > w->cap) {
		uint8_t *more = realloc(w->key, key.len);

		if (!more)
			return err_set(err, -ENOMEM, "no memory for a key");
		w->key = more;
		w->cap = key.len;
	}
	if (key.len > 0)
		memcpy(w->key, key.data, key.len);
	w->len = key.len;
	return 0;
}

static int walk(struct record_view *v, bool for_order, struct walk *w, struct err *err)
{
	struct record_facts *facts = &v->facts[v->mm_id];
	auto_ss_cursor struct ss_cursor *c = NULL;
	bool more = true;
	unsigned n;
	int rc = ss_first(v->ss, &c, err);

	for (n = 0; !rc && n < WALK_MAX && (w->text || (for_order && w->orders)); n++) {
		struct ss_record rec;

		rc = *v->ending ? -EINTR : ss_next(c, &rec, &more, err);
		if (rc || !more)
			break;
		rc = walk_on(w, rec.key, n == 0, err);
	}
	if (rc)
		return rc;
	facts->style = w->text && !more ? RECORD_TEXT : RECORD_HEX;
	facts->style_known = true;
	if (!for_order && more && w->orders)
		return 0;
	facts->order_known = true;
	facts->order = w->orders ? (enum ss_order)__builtin_ctz(w->orders) : SS_ORDER_OWN;
	return 0;
}

static int find_out(struct record_view *v, bool order, struct err *err)
{
	struct record_facts *facts = &v->facts[v->mm_id];
	struct walk w = {.orders = ORDERS, .text = true};
	int rc;

	if (order ? facts->order_known : facts->style_known)
		return 0;
	if (v->names && v->names[v->mm_id].records.sort.order == SS_ORDER_TYPE) {
		w.type = v->names[v->mm_id].records.sort.type;
		w.orders |= 1u << SS_ORDER_TYPE;
	}
	rc = v->hurry ? -EAGAIN : walk(v, order, &w, err);
	free(w.key);
	return rc;
}

int record_view_style(struct record_view *v, enum record_style *style, struct err *err)
{
	const struct ss_facts *facts = ss_facts(v->ss);
	int rc = facts->keyed ? find_out(v, false, err) : 0;

	*style = facts->keyed                    ? v->facts[v->mm_id].style
		 : ss_kind_is_array(facts->kind) ? RECORD_INDEX
						 : RECORD_VALUE;
	return rc;
}

/* ---- finding one ---- */

static int deliver(struct ss_cursor *c, struct ss_record *rec, struct err *err)
{
	bool more;
	int rc = ss_next(c, rec, &more, err);

	return rc || more ? rc : err_set(err, -ENOENT, "there is no such record");
}

/*
 * Compares record by record with a name, from the one that was found last: whoever asks for one
 * after the other, as they are listed, gets each at once.
 */
static int search(struct record_view *v, enum record_style style, const char *name,
		  struct ss_cursor **out, struct ss_record *rec, struct err *err)
{
	uint64_t from = v->facts[v->mm_id].before, before = from;
	int rc = from == SS_NO_PLACE ? ss_first(v->ss, out, err) : ss_resume(v->ss, from, out, err);
	bool wrapped = from == SS_NO_PLACE;
	char spelled[RECORD_NAME_MAX + 1];
	unsigned tried = 0;

	while (!rc) {
		if (v->hurry && tried++ == HURRY_MAX)
			return -EAGAIN;
		rc = *v->ending ? -EINTR : deliver(*out, rec, err);
		if (rc == -ENOENT && !wrapped) {
			wrapped = true;
			before = SS_NO_PLACE;
			ss_cursor_close(*out);
			*out = NULL;
			rc = ss_first(v->ss, out, err);
			continue;
		}
		if (!rc)
			rc = record_spell(style, rec, spelled, err);
		if (rc || strcmp(spelled, name) == 0)
			break;
		before = rec->place;
	}
	if (!rc)
		v->facts[v->mm_id].before = before;
	return rc;
}

static enum ss_order order_in_use(const struct record_view *v)
{
	enum ss_order order = ss_facts(v->ss)->sort.order;

	return order == SS_ORDER_INFER ? SS_ORDER_BYTES : order;
}

/* Does not answer that there is no such key before the order of keys is certain. */
static int find_key(struct record_view *v, enum record_style style, const char *name,
		    struct ss_bytes key, struct ss_cursor **out, struct ss_record *rec,
		    struct err *err)
{
	struct record_facts *facts = &v->facts[v->mm_id];
	int rc = ss_find(v->ss, key, out, err);

	if (rc != -ENOENT)
		return rc ? rc : deliver(*out, rec, err);
	rc = find_out(v, true, err);
	if (rc)
		return rc;
	if (facts->order == SS_ORDER_OWN)
		return search(v, style, name, out, rec, err);
	if (facts->order == order_in_use(v))
		return -ENOENT;
	if (v->hurry)
		return -EAGAIN;
	record_view_close(v);
	rc = record_view_open(v, v->mm_id, err);
	if (!rc)
		rc = ss_find(v->ss, key, out, err);
	return rc ? rc : deliver(*out, rec, err);
}

int record_view_find(struct record_view *v, enum record_style style, const char *name,
		     struct ss_cursor **out, struct ss_record *rec, struct err *err)
{
	const struct ss_facts *facts = ss_facts(v->ss);
	struct record_wanted want;
	int rc = record_parse(style, name, &want);

	*out = NULL;
	if (rc || facts->keyed != (style == RECORD_HEX || style == RECORD_TEXT) ||
	    ss_kind_is_array(facts->kind) != (style == RECORD_INDEX))
		return -ENOENT;
	if (want.search)
		return search(v, style, name, out, rec, err);
	if (facts->keyed)
		return find_key(v, style, name, (struct ss_bytes){want.key, want.key_len}, out, rec,
				err);
	rc = ss_seek_index(v->ss, want.index, out, err);
	return rc ? rc : deliver(*out, rec, err);
}
