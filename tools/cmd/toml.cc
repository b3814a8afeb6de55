// SPDX-License-Identifier: MIT
/* Owns turning TOML into JSON text. Nothing else here is C++. */
#include "tools/cmd/toml.h"

#include <cstdio>
#include <cstring>
#include <exception>
#include <sstream>

#include <toml++/toml.h>

char *toml_to_json(const char *toml, size_t len, char *why, size_t why_len)
{
	try {
		const toml::table table = toml::parse(std::string_view(toml, len));
		std::ostringstream text;

		text << toml::json_formatter(table);
		return strdup(text.str().c_str());
	} catch (const toml::parse_error &e) {
		const auto &at = e.source().begin;

		if (at.line > 0)
			std::snprintf(why, why_len, "line %u: %s", static_cast<unsigned>(at.line),
				      std::string(e.description()).c_str());
		else
			std::snprintf(why, why_len, "%s", std::string(e.description()).c_str());
	} catch (const std::exception &e) {
		std::snprintf(why, why_len, "%s", e.what());
	}
	return nullptr;
}
