// SPDX-License-Identifier: MIT
/*
 * version: which canisterfs this is and what it was built with.
 */
#include "tools/cmd/cmd.h"
#include "tools/out/json.h"

struct version_args {
	bool json;
};

static const struct cmd_option options[] = {
	{"json", 0, CMD_FLAG, WHERE(struct version_args, json), NULL, "print one JSON document"},
	{NULL},
};

static int cmd_version(const void *arguments)
{
	const struct version_args *args = arguments;
	bool mount = verb_named("mount") != NULL;
	struct json doc;

	if (!args->json) {
		printf("canisterfs %s%s\n", CANISTERFS_VERSION, mount ? "" : " (without mount)");
		return CMD_DONE;
	}
	doc = json_begin();
	json_put(&doc, doc.root, "version", json_string(CANISTERFS_VERSION));
	json_put(&doc, doc.root, "mount", json_boolean(mount));
	return json_print(&doc);
}

const struct verb verb_version = {
	.name = "version",
	.summary = "say which canisterfs this is",
	.text = "Prints the version, and whether the mount is built in.",
	.options = options,
	.args_len = sizeof(struct version_args),
	.run = cmd_version,
};
