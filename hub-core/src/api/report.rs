//! The schema of a report as a sender writes it. The hub reads it member by member and keeps what
//! [`CleanReport`](crate::redact::CleanReport) has a place for.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::redact::RawReport;

impl JsonSchema for RawReport {
    fn schema_name() -> Cow<'static, str> {
        "Report".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "How the instance's tools were used. Members that the hub does not know are \
                dropped and counted.",
            "required": ["report_id", "window_start", "window_end"],
            "properties": {
                "report_id": {"type": "string", "format": "uuid",
                    "description": "Counts once for an instance, however often it is sent."},
                "window_start": {"type": "string", "format": "date-time",
                    "description": "At most 7 days ago."},
                "window_end": {"type": "string", "format": "date-time",
                    "description": "At most 24 hours after the start, and 5 minutes from now."},
                "tools": {"type": "array", "items": {"type": "object", "properties": {
                    "name": {"type": "string", "description": "As the catalogue lists it."},
                    "calls": {"type": "integer", "minimum": 0, "maximum": 1_000_000_000},
                    "errors": {"type": "object", "description": "How often it failed, by code.",
                        "additionalProperties":
                            {"type": "integer", "minimum": 0, "maximum": 1_000_000_000}},
                    "durations_ms": {"type": "array",
                        "items": {"type": "number", "minimum": 0, "maximum": 86_400_000}},
                }}},
                "counts": {"type": "object", "description": "Numbers by name.",
                    "additionalProperties":
                        {"type": "integer", "minimum": 0, "maximum": 1_000_000_000}},
            },
            "additionalProperties": true,
        })
    }
}
