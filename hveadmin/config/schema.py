"""
JSON Schemas (2020-12) made from the models, for editors and for programs that write these files.

They are published in the package (`hveadmin.schema.json`, `plan.schema.json`, `snapshot.schema.json`); a test compares
them with what the models say now, and `publish` writes them anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from hveadmin.config.model import ConfigFile
from hveadmin.config.planfile import FORMAT_VERSION, PlanDocument
from hveadmin.config.snapshot_shape import SnapshotDocument
from hveadmin.config.snapshotfile import FORMAT_VERSION as SNAPSHOT_VERSION

DIALECT = "https://json-schema.org/draft/2020-12/schema"
CONFIG_FILE = "hveadmin.schema.json"
PLAN_FILE = "plan.schema.json"
SNAPSHOT_FILE = "snapshot.schema.json"


class _AsWritten(GenerateJsonSchema):
    """A key may be left out; where it stands it has a value. Written down, `None` is neither."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default", 0) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def config_schema() -> dict[str, Any]:
    """The schema of hve.yaml and the files it includes."""
    return _schema(ConfigFile, "urn:hveadmin:schema:config:1", "hveadmin configuration", _AsWritten, "validation")


def plan_schema() -> dict[str, Any]:
    """The schema of a saved plan."""
    name = f"urn:hveadmin:schema:plan:{FORMAT_VERSION}"
    return _schema(PlanDocument, name, "hveadmin plan file", GenerateJsonSchema, "serialization")


def snapshot_schema() -> dict[str, Any]:
    """The schema of a snapshot."""
    name = f"urn:hveadmin:schema:snapshot:{SNAPSHOT_VERSION}"
    return _schema(SnapshotDocument, name, "hveadmin snapshot", GenerateJsonSchema, "serialization")


def published(schema: dict[str, Any]) -> str:
    """A schema as it stands in its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def publish(folder: Path = Path(__file__).parent) -> None:
    """Write the schemas into the package. For those who change the models."""
    (folder / CONFIG_FILE).write_text(published(config_schema()), encoding="utf-8")
    (folder / PLAN_FILE).write_text(published(plan_schema()), encoding="utf-8")
    (folder / SNAPSHOT_FILE).write_text(published(snapshot_schema()), encoding="utf-8")


def _schema(
    model: type[BaseModel], name: str, title: str, generator: type[GenerateJsonSchema], mode: JsonSchemaMode
) -> dict[str, Any]:
    made = model.model_json_schema(schema_generator=generator, mode=mode)
    return {"$schema": DIALECT, "$id": name, **made, "title": title}
