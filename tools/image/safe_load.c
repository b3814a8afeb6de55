// SPDX-License-Identifier: MIT
/*
 * See safe_load.h. Source: formats, canister snapshot directories, "The heap holds copies".
 */
#include "tools/image/safe_load.h"
#include "tools/out/text.h"

void safe_load_print(FILE *to, const char *dir)
{
	text_print_to(
		to,
		"\n"
		"%s: where the layout of a canister snapshot changes, the heap in it does not know:\n"
		"it still believes the old bucket lists and sizes, and what each map, cell and vector\n"
		"keeps there of its stable memory. Loading a snapshot runs no upgrade hook, so a\n"
		"canister that goes on from there writes the old layout over the new one. The safe\n"
		"way, in full:\n"
		"\n"
		"  dfx canister stop NAME\n"
		"  dfx canister install NAME --mode upgrade --upgrade-unchanged      saves the heap\n"
		"  dfx canister snapshot create NAME                                 tells an ID\n"
		"  dfx canister snapshot download NAME ID --dir DIR\n"
		"  ... change DIR, as here ...\n"
		"  dfx canister snapshot upload NAME --dir DIR                       tells a new ID\n"
		"  dfx canister snapshot load NAME NEW_ID\n"
		"  dfx canister install NAME --mode upgrade --upgrade-unchanged --skip-pre-upgrade\n"
		"  dfx canister start NAME\n"
		"\n"
		"The last upgrade drops the heap and reads stable memory anew. It does not help a\n"
		"Motoko canister that keeps its heap. See docs/canister-snapshots.md.\n",
		dir);
}
