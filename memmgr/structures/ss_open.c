// SPDX-License-Identifier: MIT
/*
 * Owns the choice of the file that opens a structure: by what is recognised in its bytes.
 */
#include "memmgr/structures/ss.h"

int ss_open(struct store *s, struct store *data, const struct ss_options *opts, struct ss **out,
	    struct err *err)
{
	const struct ss_options defaults = SS_OPTIONS;
	struct ss_content content;
	int rc = ss_recognise(s, &content, err);

	*out = NULL;
	if (rc < 0)
		return rc;
	/* What only begins like a container is opened as one, to say what is wrong with it. */
	switch (ss_is_container(content.resembles) ? content.resembles : content.kind) {
	case SS_BTREE:
		return bt_open(s, opts ? opts : &defaults, out, err);
	case SS_VEC:
	case SS_HEAP:
		return vec_open(s, opts ? opts : &defaults, out, err);
	case SS_LOG_INDEX:
		return log_open(s, data, out, err);
	case SS_CELL:
	case SS_CBOR:
	case SS_CBOR_PREFIXED:
	case SS_CANDID:
	case SS_CANDID_PREFIXED:
		return single_open(s, &content, out, err);
	case SS_UNKNOWN:
	case SS_EMPTY:
	case SS_ZEROS:
	case SS_LOG_DATA:
	case SS_SQLITE:
	case SS_MANAGER:
	case SS_MOTOKO_REGIONS:
	case SS_MOTOKO_PARKED:
	case SS_STABLE_FS:
	case SS_KINDS:
		break;
	}
	return err_set(err, -EINVAL, "no records here: %s", content.text);
}
