// SPDX-License-Identifier: MIT
/*
 * Owns the bytes of the state extension. Keeps nothing, takes no lock.
 */
#include "snapshot/qcow2/state.h"

#include "snapshot/qcow2/boot.h"

void state_encode(const struct state *st, uint8_t *buf)
{
	memset(buf, 0, STATE_LEN);
	put_be32(buf, STATE_VERSION);
	put_be32(buf + 4, st->in_use);
	put_be64(buf + 8, st->len);
	put_be64(buf + 16, st->synced_end);
	memcpy(buf + 24, st->boot, STATE_BOOT_LEN);
	put_be32(buf + 40, st->record_len);
	memcpy(buf + 48, st->record, st->record_len);
}

int state_decode(const uint8_t *buf, size_t len, struct state *out, struct err *err)
{
	struct state st = {0};

	if (len >= 4 && get_be32(buf) > STATE_VERSION)
		return err_set(err, -ENOTSUP, "is written by version %u, where 1 is known",
			       get_be32(buf));
	if (len != STATE_LEN || get_be32(buf) != STATE_VERSION)
		return err_set(err, -EUCLEAN, "the state extension has %zu bytes, not %d", len,
			       STATE_LEN);
	st.in_use = get_be32(buf + 4);
	st.len = get_be64(buf + 8);
	st.synced_end = get_be64(buf + 16);
	memcpy(st.boot, buf + 24, STATE_BOOT_LEN);
	st.record_len = get_be32(buf + 40);
	if (get_be32(buf + 4) > 1 || st.len > INT64_MAX || st.record_len > STATE_RECORD_MAX)
		return err_set(err, -EUCLEAN, "the state extension is damaged");
	memcpy(st.record, buf + 48, st.record_len);
	*out = st;
	return 0;
}

bool state_lost_power(const struct state *st)
{
	return st->in_use && !boot_is_this(st->boot);
}
