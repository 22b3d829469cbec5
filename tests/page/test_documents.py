"""The stub's documents are what conf/openapi.yaml describes, so that the page is tested against the contract; and the embedding."""

import copy
import functools

import pytest
import yaml
from openapi_schema_validator import OAS30Validator

import documents
from stub import PAGE, TOP, embed_page


@functools.cache
def contract():
    return yaml.safe_load((TOP / "conf" / "openapi.yaml").read_text(encoding="utf-8"))


def resolve(schema):
    """The schema with every reference replaced by what it names."""
    if isinstance(schema, list):
        return [resolve(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        part = contract()
        for name in schema["$ref"].removeprefix("#/").split("/"):
            part = part[name]
        return resolve(part)
    return {key: resolve(part) for key, part in schema.items()}


def validator(name):
    """A validator of one schema of the contract, with unknown names refused: a stub must not know more than the agent says."""
    schema = copy.deepcopy(resolve(contract()["components"]["schemas"][name]))
    close(schema)
    return OAS30Validator(schema)


def close(schema):
    if isinstance(schema, dict):
        if schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for part in schema.values():
            close(part)
    elif isinstance(schema, list):
        for part in schema:
            close(part)


@pytest.mark.parametrize("name", documents.SCENES)
def test_a_scene_is_a_status_of_the_contract(name):
    doc = documents.SCENES[name]()
    validator("Status").validate(doc)
    for topic in doc["topics"][:3]:
        validator("Status").validate({**doc, "detail": documents.details(doc, topic["topic"])})


def test_a_wrong_document_is_noticed():
    doc = documents.flowing()
    del doc["topics"][0]["lag_records"]
    doc["surprise"] = 1
    assert len(list(validator("Status").iter_errors(doc))) == 2


PAGES = {
    "as it is": ("", "", None), "style attribute": ("<main", "<main style='color:red'", "a style attribute"),
    "handler": ("<main", "<main onclick='x()'", "an inline handler, onclick"), "image": ("<main", "<img src='//x/y.png'><main", "src names something"),
    "second script": ("</body>", "<script>1</script></body>", "2 script elements"), "second style": ("</head>", "<style></style></head>", "2 style elements"),
    "external script": ("<script>", "<script src='x.js'>", "src names something"), "carriage return": ("<main", "\r\n<main", "carriage returns"),
    "too large": ("<main", "x" * 61_440 + "<main", "61440 are the most"),
}


@pytest.mark.parametrize("name", PAGES)
def test_what_the_policy_would_break_is_refused(name):
    old, new, sentence = PAGES[name]
    text = PAGE.read_text(encoding="utf-8").replace(old, new, 1) if old else PAGE.read_text(encoding="utf-8")
    if sentence is None:
        assert embed_page().policy(text).startswith("default-src 'none'; style-src 'sha256-")
        return
    with pytest.raises(ValueError, match=sentence):
        embed_page().policy(text)


def test_a_literal_gives_its_bytes_back():
    text = "a\"b\\c?\u00e91\t\u2028\x7f0\n"
    literal = embed_page().literal(text)
    assert literal.isascii() and "\n" not in literal
    assert eval("b" + literal) == text.encode()  # Python reads these escapes as C does
