"""conf/openapi.yaml as schemas that documents are held against."""

import pathlib

import jsonschema
import yaml

DOCUMENT = yaml.safe_load((pathlib.Path(__file__).resolve().parents[2] / "conf" / "openapi.yaml").read_text(encoding="utf-8"))


def _as_json_schema(node):
    """OpenAPI 3.0 says nullable where JSON Schema has a type more."""
    if isinstance(node, list):
        return [_as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _as_json_schema(value) for key, value in node.items()}
    if node.pop("nullable", False):
        return {"anyOf": [node, {"type": "null"}]}
    return node


_ROOT = _as_json_schema(DOCUMENT)


def check(document, schema):
    """Fails when the document is not as components/schemas/NAME says."""
    jsonschema.Draft7Validator({"$ref": f"#/components/schemas/{schema}", **_ROOT}).validate(document)
