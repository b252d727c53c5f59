use serde_json::json;

use crate::dialect::Listing;
use crate::dialect::openai::models::named;

/// `GET /api/tags`: all on one page. `tiny` is another name of `tiny:latest`.
pub(super) const LISTING: Listing = Listing {
    route: "/tags",
    schema: || {
        json!({
            "type": "object",
            "required": ["models"],
            "properties": {
                "models": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name", "modified_at", "size", "digest"],
                        "properties": {
                            "name": {"type": "string", "minLength": 1},
                            "model": {"type": "string", "minLength": 1},
                            "modified_at": {"type": "string", "minLength": 1},
                            "size": {"type": "integer", "minimum": 0},
                            "digest": {"type": "string"},
                            "details": {"type": "object"},
                        },
                    },
                },
            },
        })
    },
    names: |page| {
        let mut names = named(&page["models"], "name");
        let short = names.iter().filter_map(|name| name.strip_suffix(":latest"));
        let short: Vec<String> = short.map(str::to_owned).collect();
        names.extend(short);
        names
    },
    next: |_| None,
    one: None,
};
