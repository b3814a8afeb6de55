// SPDX-License-Identifier: MIT
/*
 * The records of one memory, or of a raw image. Holds a screenful of them: whatever key moves, the
 * records that are shown then are read anew, from a place that is found in the tree.
 */
#include <inttypes.h>
#include <stdio.h>

#include "tools/browse/frame.h"
#include "tools/browse/list.h"
#include "tools/browse/record_rows.h"
#include "tools/browse/task.h"
#include "tools/facts/content.h"
#include "tools/records/info_structure.h"
#include "tools/records/record_find.h"

struct memory_view {
	struct view v;
	struct subject *image;
	int mm_id; /* -1: a raw image */
	struct content content;
	struct records_args args;
	char key_spec[CODEC_MAX_SPEC_LEN], value_spec[CODEC_MAX_SPEC_LEN]; /* typed here */
	struct records_choice choice;
	struct records r; /* r.ss NULL: no records */
	struct err why;   /* there are none, or what is odd about them */
	struct record_rows rows;
	size_t at;   /* the chosen row */
	size_t room; /* rows on the screen */
	enum value_form form;
};

static const struct key_help keys[] = {
	{"Enter", "open", "the value of the chosen record"},
	{"g", "go to", "go to a key, or to an index"},
	{"Tab", "form", "keys and values by their codecs, as text, or in hex"},
	{"i", "facts", "what the structure is made of; reads all of it"},
	{"x", "bytes", "the memory's bytes"},
	{"m", "map", "where its buckets lie in the image"},
	{"c", "check", "what is wrong with the image"},
	{"s", "points", "snapshots and checkpoints, and what changed since"},
	{"K", NULL, "choose a codec for keys"},
	{"V", NULL, "choose a codec for values"},
	{NULL},
};

static struct record_look look_of(const struct memory_view *m)
{
	return (struct record_look){m->r.ss, &m->choice.key, &m->choice.value, m->form};
}

/* ---- opening ---- */

static void drop_structure(struct memory_view *m)
{
	/* The image stays open for others. */
	m->r.image = (struct image){NULL, NULL};
	record_rows_clear(&m->rows);
	records_drop(&m->r);
	records_choice_end(&m->choice);
	m->choice = (struct records_choice){0};
}

/* Of a payload the bytes prove what it is. */
static const char *codec_of_content(const struct content *content)
{
	if (strncmp(content->kind, "cbor", 4) == 0)
		return "cbor";
	return strncmp(content->kind, "candid", 6) == 0 ? "candid" : NULL;
}

/* The codecs that were told, else hex. */
static int choose(struct memory_view *m, struct err *err)
{
	const char *named = NULL;
	int rc;

	if (m->mm_id >= 0 && names_of(m->args.names, (unsigned)m->mm_id))
		named = m->args.names->id[m->mm_id].value;
	if (!m->args.value && !named)
		m->args.value = codec_of_content(&m->content);
	rc = records_choose(&m->args, &m->choice, err);
	if (rc == 0)
		return 0;
	records_choice_end(&m->choice);
	m->args.key = m->args.value = "hex";
	return records_choose(&m->args, &m->choice, NULL);
}

static int open_bytes(struct memory_view *m, struct err *err)
{
	m->r.image.mm = m->image->mm;
	if (m->mm_id >= 0)
		return ss_memory_store(m->image->mm, (unsigned)m->mm_id, false, &m->r.memory, err);
	m->r.image.store = m->image->store;
	return 0;
}

static void tell_guess(struct memory_view *m)
{
	const struct ss_facts *f = ss_facts(m->r.ss);

	if (f->key_width_guessed && !m->why.text[0])
		ss_tell_widths(f, &m->why);
}

/* Whatever fails, what could be opened is shown. */
static void open_structure(struct memory_view *m)
{
	struct err why = {""};
	int rc;

	drop_structure(m);
	m->why.text[0] = 0;
	if (m->mm_id < 0)
		content_of_raw(m->image->store, &m->content);
	else
		content_of_memory(m->image->mm, (unsigned)m->mm_id, &m->content);
	if (choose(m, &m->why) < 0 || open_bytes(m, &m->why) < 0)
		return;
	task_begin("opening", 0);
	rc = records_open_structure(&m->r, &m->choice, &why);
	(void)task_end();
	if (rc < 0 && !(rc == -EINVAL && !m->r.ss))
		m->why = why;
	if (m->r.ss)
		tell_guess(m);
}

/* ---- which records are shown ---- */

/* Takes the cursor. The rows of it, with the one at `place` chosen; SS_NO_PLACE: the first. */
static void show_from(struct memory_view *m, struct ss_cursor *c, uint64_t place)
{
	struct record_look look = look_of(m);
	struct err err = {""};

	if (record_rows_fill(&m->rows, &look, c, m->room, &err) < 0)
		browser_fail(m->v.b, &err);
	m->at = 0;
	for (size_t i = 0; place != SS_NO_PLACE && i < m->rows.count; i++)
		if (m->rows.row[i].place == place)
			m->at = i;
}

/* So many records before the place. */
static bool show_before(struct memory_view *m, uint64_t place, uint64_t n, uint64_t chosen)
{
	struct ss_cursor *c;
	struct err err = {""};

	if (ss_back(m->r.ss, place, n, &c, &err) < 0) {
		browser_fail(m->v.b, &err);
		return false;
	}
	show_from(m, c, chosen);
	return true;
}

static void show_first(struct memory_view *m)
{
	struct ss_cursor *c;
	struct err err = {""};

	if (ss_first(m->r.ss, &c, &err) < 0)
		m->rows.damage = err;
	else
		show_from(m, c, SS_NO_PLACE);
}

static void show_last(struct memory_view *m)
{
	if (show_before(m, SS_NO_PLACE, m->room, SS_NO_PLACE))
		m->at = m->rows.count ? m->rows.count - 1 : 0;
}

/* The same records again: in another form, or on a screen of another size. */
static void show_again(struct memory_view *m)
{
	uint64_t chosen = m->rows.count ? m->rows.row[m->at].place : SS_NO_PLACE;
	uint64_t top = m->rows.count ? m->rows.row[0].place : SS_NO_PLACE;

	if (!m->rows.count) {
		show_first(m);
		return;
	}
	if (m->at >= m->room)
		top = m->rows.row[m->at - m->room + 1].place;
	(void)show_before(m, top, 0, chosen);
	/* The screen has become higher than what follows. */
	if (m->rows.at_end && m->rows.count < m->room)
		(void)show_before(m, SS_NO_PLACE, m->room, chosen);
}

/* Puts the record at the place on the screen, with some before it. */
static void show_place(struct memory_view *m, uint64_t place)
{
	(void)show_before(m, place, m->room / 3, place);
	if (m->rows.at_end && m->rows.count < m->room)
		(void)show_before(m, SS_NO_PLACE, m->room, place);
}

static void move_down(struct memory_view *m, size_t n)
{
	size_t wanted = m->at + n, need;

	if (!m->rows.count)
		return;
	if (wanted >= m->rows.count && !m->rows.at_end && m->rows.count == m->room) {
		need = MIN(wanted - m->rows.count + 1, m->rows.count - 1);
		(void)show_before(m, m->rows.row[need].place, 0, SS_NO_PLACE);
		wanted -= need;
		if (m->rows.at_end && m->rows.count < m->room) {
			wanted += m->room - m->rows.count;
			(void)show_before(m, SS_NO_PLACE, m->room, SS_NO_PLACE);
		}
	}
	m->at = MIN(wanted, m->rows.count ? m->rows.count - 1 : 0);
}

static void move_up(struct memory_view *m, size_t n)
{
	uint64_t top;

	if (!m->rows.count)
		return;
	if (n <= m->at) {
		m->at -= n;
		return;
	}
	top = m->rows.row[0].place;
	(void)show_before(m, top, n - m->at, SS_NO_PLACE);
}

/* ---- drawing ---- */

static int draw_facts(const struct memory_view *m, int row)
{
	int width = screen_columns();

	screen_put(row++, 1, width - 1, STYLE_PLAIN, m->content.text);
	if (m->why.text[0])
		screen_put(row++, 1, width - 1, STYLE_BOLD, m->why.text);
	return row;
}

static void first_column(const struct memory_view *m, const struct record_row *row, char *text,
			 size_t room)
{
	if (row->key)
		snprintf(text, room, "%s", row->key);
	else if (ss_kind_is_array(ss_facts(m->r.ss)->kind))
		snprintf(text, room, "%" PRIu64, row->index);
	else
		snprintf(text, room, "%s", "-");
}

/* As broad as what stands in it, up to two fifths of the screen; of a set all of the screen. */
static int key_width(const struct memory_view *m)
{
	int width = 5, limit = screen_columns() * 2 / 5;
	bool has_values = false;
	char text[512];

	for (size_t i = 0; i < m->rows.count; i++) {
		first_column(m, &m->rows.row[i], text, sizeof(text));
		width = MAX(width, (int)MIN(strlen(text), sizeof(text)));
		has_values = has_values || m->rows.row[i].value_len > 0;
	}
	return has_values ? MIN(width, limit) : screen_columns() - 2;
}

static void draw_record(const struct memory_view *m, size_t n, int row, int width)
{
	const struct record_row *r = &m->rows.row[n];
	struct style style = n == m->at ? STYLE_BAR : STYLE_PLAIN;
	int rest = screen_columns() - width - 3;
	char text[512];

	first_column(m, r, text, sizeof(text));
	screen_put_padded(row, 0, screen_columns(), style, "");
	screen_put(row, 1, width, style, text);
	style.bold = r->damaged;
	if (rest > 0 && r->value)
		screen_put(row, width + 3, rest, style, r->value);
}

static void draw_records(struct memory_view *m, int row, int rows)
{
	int width;

	if (m->room != (size_t)MAX(rows - 1, 1)) {
		m->room = (size_t)MAX(rows - 1, 1);
		show_again(m);
	}
	width = key_width(m);
	screen_put(row, 1, width, STYLE_DIM, ss_facts(m->r.ss)->keyed ? "key" : "index");
	screen_put(row, width + 3, 6, STYLE_DIM, "value");
	screen_put(row, MAX(screen_columns() - 6, width + 9), 5, STYLE_DIM,
		   value_form_names[m->form]);
	for (size_t i = 0; i < m->rows.count; i++)
		draw_record(m, i, row + 1 + (int)i, width);
	if (m->rows.damage.text[0])
		screen_put(row + 1 + (int)m->rows.count, 1, screen_columns() - 1, STYLE_BOLD,
			   m->rows.damage.text);
	else if (!m->rows.count)
		screen_put(row + 1, 1, screen_columns() - 1, STYLE_DIM, "no records");
}

static void draw(struct view *v, int row, int rows)
{
	struct memory_view *m = (struct memory_view *)v;
	int begin = draw_facts(m, row);

	if (m->r.ss)
		draw_records(m, begin + 1, rows - (begin + 1 - row));
	else
		screen_put(begin + 1, 1, screen_columns() - 1, STYLE_DIM,
			   "no records: Enter shows its bytes");
}

/* ---- values and bytes ---- */

struct value_ctx {
	struct ss_cursor *cursor;
	struct store *memory;
};

static int read_value(void *ctx, void *buf, size_t len, uint64_t off, struct err *err)
{
	return ss_value_read(((struct value_ctx *)ctx)->cursor, buf, len, off, err);
}

static int read_memory(void *ctx, void *buf, size_t len, uint64_t off, struct err *err)
{
	return store_read(((struct value_ctx *)ctx)->memory, buf, len, off, err);
}

static void drop_value(void *ctx)
{
	ss_cursor_close(((struct value_ctx *)ctx)->cursor);
	free(ctx);
}

static void open_memory_bytes(struct memory_view *m)
{
	struct value_ctx *ctx = calloc(1, sizeof(*ctx));
	struct store *memory = records_store(&m->r);

	if (!ctx || !memory) {
		free(ctx);
		browser_say(m->v.b, "its bytes cannot be read");
		return;
	}
	ctx->memory = memory;
	view_value_open(
		m->v.b, "bytes",
		(struct value_source){
			.len = memory->len, .read = read_memory, .drop = drop_value, .ctx = ctx},
		VALUE_HEX);
}

static int seek_chosen(struct memory_view *m, struct ss_cursor **c, struct ss_record *rec,
		       struct err *err)
{
	bool more = false;
	int rc = ss_back(m->r.ss, m->rows.row[m->at].place, 0, c, err);

	if (rc == 0)
		rc = ss_next(*c, rec, &more, err);
	return rc == 0 && !more ? err_set(err, -ENOENT, "the record is gone") : rc;
}

static void open_value(struct memory_view *m)
{
	auto_ss_cursor struct ss_cursor *c = NULL;
	struct value_ctx *ctx;
	struct ss_record rec;
	struct err err = {""};
	char title[512];

	if (!m->r.ss || !m->rows.count) {
		open_memory_bytes(m);
		return;
	}
	if (seek_chosen(m, &c, &rec, &err) < 0 || !(ctx = calloc(1, sizeof(*ctx)))) {
		browser_fail(m->v.b, &err);
		return;
	}
	ctx->cursor = c;
	c = NULL;
	first_column(m, &m->rows.row[m->at], title, sizeof(title));
	view_value_open(m->v.b, title,
			(struct value_source){.len = rec.value_len,
					      .codec = &m->choice.value,
					      .read = read_value,
					      .drop = drop_value,
					      .ctx = ctx},
			m->form);
}

/* ---- going to a key, finding text ---- */

/* The cursor is closed. */
static void show_next_of(struct memory_view *m, struct ss_cursor *c, struct ss_bytes wanted)
{
	struct ss_record rec;
	struct err err = {""};
	bool more;

	if (ss_next(c, &rec, &more, &err) < 0) {
		browser_fail(m->v.b, &err);
	} else if (!more) {
		show_last(m);
		browser_say(m->v.b, "no such one: the last one is chosen");
	} else {
		bool other = wanted.data && ss_compare(SS_ORDER_BYTES, rec.key, wanted) != 0;

		show_place(m, rec.place);
		if (other)
			browser_say(m->v.b, "no such key: the next one is chosen");
	}
	ss_cursor_close(c);
}

static int seek(struct memory_view *m, const struct buf *key, uint64_t index, struct ss_cursor **c,
		struct err *err)
{
	int rc;

	if (!ss_facts(m->r.ss)->keyed)
		return ss_seek_index(m->r.ss, index, c, err);
	if (record_is_ordered(m->r.ss))
		return ss_seek(m->r.ss, record_bytes(key), c, err);
	task_begin("looking at all keys, as nobody tells their order", 0);
	rc = record_find(m->r.ss, record_bytes(key), c, err);
	return task_end() ? rc : err_set(err, -ECANCELED, "stopped");
}

static void go_to(struct memory_view *m)
{
	auto_buf struct buf key = {0};
	struct ss_cursor *c = NULL;
	struct err err = {""};
	uint64_t index = 0;
	char word[256] = "";
	bool keyed;

	if (!m->r.ss)
		return;
	keyed = ss_facts(m->r.ss)->keyed;
	if (!browser_ask(m->v.b, keyed ? "go to key:" : "go to index:", word, sizeof(word)))
		return;
	if (record_read_word(m->r.ss, &m->choice.key, word, &key, &index, &err) < 0 ||
	    seek(m, &key, index, &c, &err) < 0) {
		ss_cursor_close(c);
		browser_fail(m->v.b, &err);
		return;
	}
	show_next_of(m, c, keyed ? record_bytes(&key) : (struct ss_bytes){NULL, 0});
}

/* The place of the next record that has the text. */
static int search(struct memory_view *m, struct ss_cursor *c, const char *text, uint64_t *place,
		  struct err *err)
{
	struct record_look look = look_of(m);
	struct ss_record rec;
	bool more, has = false;
	int rc = 0;

	while (rc == 0 && !has) {
		rc = ss_next(c, &rec, &more, err);
		if (rc == 0 && !more)
			return -ENOENT;
		if (rc == 0)
			rc = record_has(&look, c, &rec, text, &has, err);
		if (rc == 0 && task_step(rec.key.len + rec.value_len) < 0)
			rc = -ECANCELED;
	}
	*place = rec.place;
	return rc;
}

static int find(struct view *v, const char *text, struct err *err)
{
	struct memory_view *m = (struct memory_view *)v;
	auto_ss_cursor struct ss_cursor *c = NULL;
	uint64_t place = SS_NO_PLACE;
	int rc;

	if (!m->r.ss || !m->rows.count)
		return -ENOENT;
	rc = ss_resume(m->r.ss, m->rows.row[m->at].place, &c, err);
	if (rc < 0)
		return rc;
	task_begin("searching", 0);
	rc = search(m, c, text, &place, err);
	if (!task_end())
		return err_set(err, -ECANCELED, "stopped");
	if (rc == 0)
		show_place(m, place);
	return rc;
}

/* ---- other keys ---- */

static void ask_codec(struct memory_view *m, const char *question, char *spec, const char **arg)
{
	char typed[CODEC_MAX_SPEC_LEN];
	struct codec codec;
	struct err err = {""};

	snprintf(typed, sizeof(typed), "%s", *arg ? *arg : "");
	if (!browser_ask(m->v.b, question, typed, sizeof(typed)))
		return;
	if (typed[0] && codec_parse(typed, &codec, &err) < 0) {
		browser_fail(m->v.b, &err);
		return;
	}
	if (typed[0])
		codec_end(&codec);
	strcpy(spec, typed);
	*arg = typed[0] ? spec : NULL;
	m->form = VALUE_JSON;
	open_structure(m);
	if (m->r.ss)
		show_first(m);
}

static void fill_facts(void *ctx, struct sheet *s, int width)
{
	sheet_add(s, STYLE_PLAIN, width, 12, ctx);
}

static void open_facts(struct memory_view *m)
{
	struct err err = {""};
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	int rc;

	if (!to)
		return;
	task_begin("walking", records_store(&m->r) ? records_store(&m->r)->len : 0);
	rc = info_structure_print(&m->r, &m->choice, to, &err);
	if (!task_end())
		rc = err_set(&err, -ECANCELED, "stopped");
	if (fclose(to) != 0 || rc < 0) {
		browser_fail(m->v.b, &err);
		free(text);
		return;
	}
	view_sheet_open(m->v.b, "facts",
			(struct sheet_source){.fill = fill_facts, .drop = free, .ctx = text});
}

static bool move(struct memory_view *m, int code)
{
	size_t page = MAX(m->room, 2u) - 1;

	if (code == SCREEN_UP || code == 'k')
		move_up(m, 1);
	else if (code == SCREEN_DOWN || code == 'j')
		move_down(m, 1);
	else if (code == SCREEN_WHEEL_UP)
		move_up(m, 3);
	else if (code == SCREEN_WHEEL_DOWN)
		move_down(m, 3);
	else if (code == SCREEN_PAGE_UP)
		move_up(m, page);
	else if (code == SCREEN_PAGE_DOWN || code == ' ')
		move_down(m, page);
	else if (code == SCREEN_HOME)
		show_first(m);
	else if (code == SCREEN_END)
		show_last(m);
	else
		return false;
	return true;
}

/* Choosing the chosen one opens it. */
static bool click(struct memory_view *m, int row)
{
	int first = 1 + 1 + (m->why.text[0] != 0) + 1 + 1; /* title, facts, a gap, the heading */
	size_t n = (size_t)(row - first);

	if (row < first || n >= m->rows.count)
		return true;
	if (n == m->at)
		open_value(m);
	m->at = n;
	return true;
}

static bool key(struct view *v, struct screen_key key)
{
	struct memory_view *m = (struct memory_view *)v;

	if (key.code == SCREEN_CLICK)
		return click(m, key.row);
	if (m->r.ss && move(m, key.code))
		return true;
	if (key.code == SCREEN_ENTER || key.code == SCREEN_RIGHT) {
		open_value(m);
	} else if (key.code == 'g') {
		go_to(m);
	} else if (key.code == SCREEN_TAB) {
		m->form = (m->form + 1) % VALUE_FORMS;
		if (m->r.ss)
			show_again(m);
	} else if (key.code == 'i') {
		open_facts(m);
	} else if (key.code == 'x') {
		open_memory_bytes(m);
	} else if (key.code == 'K') {
		ask_codec(m, "codec of keys:", m->key_spec, &m->args.key);
	} else if (key.code == 'V') {
		ask_codec(m, "codec of values:", m->value_spec, &m->args.value);
	} else {
		return view_shared_key(m->v.b, m->image, m->mm_id, key.code);
	}
	return true;
}

static void close_view(struct view *v)
{
	struct memory_view *m = (struct memory_view *)v;

	drop_structure(m);
	free(m->rows.row);
	subject_drop(m->image);
}

static const struct view_ops memory_ops = {.name = "records",
					   .keys = keys,
					   .draw = draw,
					   .key = key,
					   .find = find,
					   .close = close_view};

/* What was typed on the command line holds for the memory that was named there. */
static struct records_args args_for(const struct records_args *typed, int mm_id)
{
	struct records_args args = *typed;
	uint64_t id = mm_id < 0 ? CMD_UNSET : (uint64_t)mm_id;

	if (args.id != id) {
		args.key = args.value = args.key_width = args.order = NULL;
		args.data_id = CMD_UNSET;
	}
	args.id = id;
	return args;
}

void view_memory_open(struct browser *b, struct subject *image, int mm_id)
{
	const char *name = mm_id < 0 ? NULL : names_of(b->args->names, (unsigned)mm_id);
	struct memory_view *m;

	if (mm_id < 0)
		m = view_new(b, &memory_ops, sizeof(*m), "raw");
	else
		m = view_new(b, &memory_ops, sizeof(*m), "%d%s%s", mm_id, name ? " " : "",
			     name ? name : "");
	if (!m)
		return;
	m->image = subject_hold(image);
	m->mm_id = mm_id;
	m->args = args_for(b->args, mm_id);
	open_structure(m);
	view_push(&m->v);
}
