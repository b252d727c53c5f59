use serde_json::json;

use crate::dialect::Listing;
use crate::dialect::openai::models::named;

/// `GET /models`: all on one page.
pub(super) const LISTING: Listing = Listing {
    route: "/models",
    schema: || {
        let model = json!({"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "minLength": 1}}});
        json!({
            "type": "object",
            "required": ["models"],
            "properties": {"models": {"type": "array", "items": model}},
        })
    },
    names: |page| named(&page["models"], "id"),
    next: |_| None,
    one: None,
};
