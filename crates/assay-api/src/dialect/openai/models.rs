use serde_json::{Value, json};

use crate::dialect::Listing;

/// `GET /models`: all on one page, each as the API reference has it; xAI's aliases have a route alone.
pub(super) const LISTING: Listing = Listing {
    route: "/models",
    schema: || {
        json!({
            "type": "object",
            "required": ["object", "data"],
            "properties": {
                "object": {"const": "list"},
                "data": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["id", "object", "created", "owned_by"],
                        "properties": {
                            "id": {"type": "string", "minLength": 1},
                            "object": {"const": "model"},
                            "created": {"type": "integer", "minimum": 0},
                            "owned_by": {"type": "string"},
                        },
                    },
                },
            },
        })
    },
    names: |page| named(&page["data"], "id"),
    next: |_| None,
    one: Some("/models/{model}"),
};

/// A field of each row.
pub(in crate::dialect) fn named(rows: &Value, field: &str) -> Vec<String> {
    let rows = rows.as_array().into_iter().flatten();
    rows.filter_map(|row| row[field].as_str().map(str::to_owned))
        .collect()
}
