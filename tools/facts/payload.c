// SPDX-License-Identifier: MIT
/*
 * See payload.h. The reading of what the bytes are is memmgr/structures'; here is only what follows
 * from it for the end.
 */
#include "tools/facts/payload.h"

#include <inttypes.h>
#include <stdio.h>

#include "memmgr/structures/structures.h"

static int count_stale(struct store *s, uint64_t off, uint64_t *count, struct err *err)
{
	enum { STEP_LEN = 1 << 20 };
	auto_free uint8_t *buf = malloc(STEP_LEN);
	int rc = buf ? 0 : err_set(err, -ENOMEM, "out of memory");

	while (!rc && off < s->len) {
		uint64_t start, end;
		size_t len;

		rc = store_next_data(s, off, &start, &end, err);
		if (rc || start >= s->len)
			break;
		len = (size_t)MIN(end - start, (uint64_t)STEP_LEN);
		rc = store_read(s, buf, len, start, err);
		for (size_t i = 0; !rc && i < len; i++)
			*count += buf[i] != 0;
		off = start + len;
	}
	return rc;
}

static int end_by_kind(struct store *s, const struct ss_content *c, struct payload *out,
		       struct err *err)
{
	switch (c->kind) {
	case SS_CBOR:
	case SS_CANDID:
	case SS_CBOR_PREFIXED:
	case SS_CANDID_PREFIXED:
		out->len = c->payload_off + c->payload_len;
		out->prefixed = c->payload_off > 0;
		return 0;
	case SS_SQLITE:
		out->len = c->payload_len > 0 ? MIN(c->payload_len, s->len) : s->len;
		return 0;
	case SS_BTREE:
	case SS_CELL:
	case SS_VEC:
	case SS_HEAP:
	case SS_LOG_INDEX:
	case SS_LOG_DATA:
		out->len = s->len;
		return 0;
	case SS_EMPTY:
	case SS_ZEROS:
		return err_set(err, -EINVAL, "there is nothing in it: %s", c->text);
	case SS_MANAGER:
		return err_set(err, -EINVAL, "a managed image already: %s", c->text);
	case SS_UNKNOWN:
	case SS_MOTOKO_REGIONS:
	case SS_MOTOKO_PARKED:
	case SS_STABLE_FS:
	case SS_KINDS:
		break;
	}
	return err_set(err, -EDOM,
		       "nothing tells where its content ends (%s); say it with --length", c->text);
}

int payload_find(struct store *s, uint64_t length, struct payload *out, struct err *err)
{
	struct ss_content c;
	int rc = ss_recognise(s, &c, err);

	*out = (struct payload){.len = length};
	if (!rc && (length == UINT64_MAX || c.kind == SS_MANAGER))
		rc = end_by_kind(s, &c, out, err);
	else if (!rc && length > s->len)
		rc = err_set(err, -EINVAL, "--length is %" PRIu64 ", and it has %" PRIu64 " bytes",
			     length, s->len);
	if (rc)
		return rc;
	if (length == UINT64_MAX)
		snprintf(out->what, sizeof(out->what), "%s", c.text);
	else
		snprintf(out->what, sizeof(out->what), "%" PRIu64 " bytes", length);
	return count_stale(s, out->len, &out->stale_len, err);
}
