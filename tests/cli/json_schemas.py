#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds lines of JSON against the schemas in docs/schema/. A key that a schema does not tell of is an
error here, though readers must let it pass: pages promise that keys may be added.

    json_schemas.py SCHEMAS LINES     each of LINES: the schema's name, a tab, one document
"""
import json
import pathlib
import sys

import jsonschema


def closed(schema):
    """The same schema, but no object may have a key that is not among its properties."""
    if isinstance(schema, dict):
        schema = {key: closed(value) for key, value in schema.items()}
        if "properties" in schema and "additionalProperties" not in schema:
            schema["additionalProperties"] = False
    elif isinstance(schema, list):
        schema = [closed(item) for item in schema]
    return schema


def main():
    folder, lines = map(pathlib.Path, sys.argv[1:])
    problems = []
    schemas = {path.name.removesuffix(".schema.json"): json.loads(path.read_text())
               for path in sorted(folder.glob("*.schema.json"))}
    told = {name: 0 for name in schemas}
    validators = {}
    for name, schema in schemas.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        validators[name] = jsonschema.Draft202012Validator(closed(schema))
        if not schema.get("title"):
            problems.append(f"{name}: has no title")
    for line in lines.read_text().splitlines():
        name, document = line.split("\t", 1)
        if name not in schemas:
            problems.append(f"there is no {name}.schema.json")
            continue
        told[name] += 1
        for error in validators[name].iter_errors(json.loads(document)):
            problems.append(f"{name}: {error.json_path}: {error.message}")
    problems += [f"{name}: nothing was held against it" for name, n in told.items() if n == 0]
    print("\n".join(dict.fromkeys(problems)) or f"{sum(told.values())} documents fit {len(told)} schemas")
    return 1 if problems else 0


sys.exit(main())
