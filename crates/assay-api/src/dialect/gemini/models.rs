use serde_json::json;

use crate::dialect::Listing;
use crate::dialect::openai::models::named;
use crate::dialect::s3::encoded;

/// `GET /models`, page by page; fields that are empty are left out, as everywhere in Google's JSON. Aliases (`…-latest`) are in no list; a
/// route tells the model that one is.
pub(super) const LISTING: Listing = Listing {
    route: "/models",
    schema: || {
        json!({
            "type": "object",
            "required": ["models"],
            "properties": {
                "models": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {
                            "name": {"type": "string", "pattern": "^[a-zA-Z]+/."},
                            "version": {"type": "string"},
                            "displayName": {"type": "string"},
                            "inputTokenLimit": {"type": "integer"},
                            "outputTokenLimit": {"type": "integer"},
                            "supportedGenerationMethods": {"type": "array", "items": {"type": "string"}},
                        },
                    },
                },
                "nextPageToken": {"type": "string"},
            },
        })
    },
    names: |page| {
        let names = named(&page["models"], "name").into_iter();
        names
            .map(|name| name.strip_prefix("models/").unwrap_or(&name).to_owned())
            .collect()
    },
    next: |page| {
        let token = page["nextPageToken"].as_str()?;
        (!token.is_empty()).then(|| format!("pageToken={}", encoded(token, false)))
    },
    one: Some("/models/{model}"),
};
