use serde_json::json;

use crate::dialect::Listing;
use crate::dialect::openai::models::named;
use crate::dialect::s3::encoded;

/// `GET /models`, page by page. Aliases (`claude-…-latest`) are in no list; a route tells the model that one is.
pub(super) const LISTING: Listing = Listing {
    route: "/models",
    schema: || {
        json!({
            "type": "object",
            "required": ["data", "has_more"],
            "properties": {
                "data": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["type", "id", "display_name", "created_at"],
                        "properties": {
                            "type": {"const": "model"},
                            "id": {"type": "string", "minLength": 1},
                            "display_name": {"type": "string"},
                            "created_at": {"type": "string", "minLength": 1},
                        },
                    },
                },
                "has_more": {"type": "boolean"},
                "first_id": {"type": ["string", "null"]},
                "last_id": {"type": ["string", "null"]},
            },
        })
    },
    names: |page| named(&page["data"], "id"),
    next: |page| {
        let last = page["last_id"].as_str()?;
        (page["has_more"] == true).then(|| format!("after_id={}", encoded(last, false)))
    },
    one: Some("/models/{model}"),
};
