// SPDX-License-Identifier: MIT
/* The line of JSON that ends the lines of images. */
#include <inttypes.h>

#include "tools/waste/waste_sum.h"

static json_t *size_to_json(struct json *doc, uint64_t len, const struct waste_sum *sum,
			    const struct price *price)
{
	json_t *o = json_object();
	int64_t saved = (int64_t)(sum->image_len - len);
	int64_t cycles =
		(int64_t)price_of_year(price, saved < 0 ? -(uint64_t)saved : (uint64_t)saved);

	json_put(doc, o, "image_bytes", json_u64(len));
	json_put(doc, o, "saved_bytes", json_integer(saved));
	json_put(doc, o, "saved_cycles_per_year", json_integer(saved < 0 ? -cycles : cycles));
	return o;
}

static json_t *sizes_to_json(struct json *doc, const struct waste_sum *sum,
			     const struct price *price)
{
	json_t *array = json_array();

	for (size_t i = 0; i < ADVICE_SIZES; i++) {
		json_t *o = size_to_json(doc, sum->at[i], sum, price);

		json_put(doc, o, "bucket_pages", json_integer(advice_sizes[i]));
		json_put(doc, o, "images_too_large", json_u64(sum->too_small[i]));
		json_put(doc, o, "images_best_here", json_u64(sum->best_count[i]));
		json_add(doc, array, o);
	}
	return array;
}

static json_t *bins_to_json(struct json *doc, const struct waste_sum *sum)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < WASTE_BINS; i++) {
		json_t *o = json_object();

		json_put(doc, o, "from_percent", json_integer(i * 100 / WASTE_BINS));
		json_put(doc, o, "images", json_u64(sum->bin_count[i]));
		json_put(doc, o, "waste_bytes", json_u64(sum->bin_len[i]));
		json_add(doc, array, o);
	}
	return array;
}

static json_t *worst_to_json(struct json *doc, const struct waste_sum *sum)
{
	json_t *array = json_array();

	for (size_t i = 0; i < sum->worst_count; i++) {
		json_t *o = json_object();

		json_put(doc, o, "path", json_any(sum->worst[i].path));
		json_put(doc, o, "waste_bytes", json_u64(waste_len(&sum->worst[i])));
		json_put(doc, o, "image_bytes", json_u64(sum->worst[i].image_len));
		json_add(doc, array, o);
	}
	return array;
}

static json_t *memories_to_json(struct json *doc, const struct waste_sum *sum)
{
	json_t *array = json_array();

	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		json_t *o;

		if (sum->by_id[id].images == 0)
			continue;
		o = json_object();
		json_put(doc, o, "memory", json_integer(id));
		json_put(doc, o, "images", json_u64(sum->by_id[id].images));
		json_put(doc, o, "data_bytes", json_u64(sum->by_id[id].data_len));
		json_put(doc, o, "slack_bytes", json_u64(sum->by_id[id].slack_len));
		json_add(doc, array, o);
	}
	return array;
}

char *waste_sum_to_json(const struct waste_sum *sum, const struct price *price)
{
	const struct {
		const char *key;
		uint64_t n;
	} numbers[] = {
		{"managed", sum->count[WASTE_MANAGED]},
		{"raw", sum->count[WASTE_RAW]},
		{"empty", sum->count[WASTE_EMPTY]},
		{"other_files", sum->count[WASTE_OTHER]},
		{"cut", sum->count[WASTE_CUT]},
		{"damaged", sum->count[WASTE_DAMAGED]},
		{"unreadable", sum->count[WASTE_ERROR]},
		{"left_out_bytes", sum->left_out_len},
		{"hard_links", sum->count[WASTE_LINK]},
		{"hard_link_bytes", sum->link_len},
		{"memories", sum->memories},
		{"image_bytes", sum->image_len},
		{"data_bytes", sum->data_len},
		{"waste_bytes", waste_sum_len(sum)},
		{"slack_bytes", sum->slack_len},
		{"hole_bytes", sum->hole_len},
		{"tail_bytes", sum->tail_len},
		{"raw_bytes", sum->other_len},
		{"rate", price->rate},
		{"snapshots", price->snapshots},
		{"cycles_per_year", price_of_year(price, sum->image_len)},
	};
	struct json doc = json_begin();
	json_t *o = json_object();
	char *text;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		json_put(&doc, o, numbers[i].key, json_u64(numbers[i].n));
	json_put(&doc, o, "histogram", bins_to_json(&doc, sum));
	json_put(&doc, o, "worst", worst_to_json(&doc, sum));
	json_put(&doc, o, "by_memory", memories_to_json(&doc, sum));
	json_put(&doc, o, "sizes", sizes_to_json(&doc, sum, price));
	json_put(&doc, o, "best", size_to_json(&doc, sum->best_len, sum, price));
	json_put(&doc, doc.root, "summary", o);
	text = doc.failed ? NULL : json_plain_text(doc.root, JSON_COMPACT);
	json_decref(doc.root);
	return text;
}
