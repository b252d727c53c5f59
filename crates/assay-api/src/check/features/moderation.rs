use assay_model::Observation;
use serde_json::{Map, Value, json};

use super::{call, first, obeys};
use crate::Error;
use crate::check::Asking;
use crate::check::seen::Seen;
use crate::dialect::Capability;

/// Two texts at once. What is flagged is the model's own matter: what is said of it has to agree with itself.
pub(in crate::check) async fn moderation(asking: &Asking<'_>) -> Result<Observation, Error> {
    let mut seen = Seen::default();
    let texts = [
        "The jeweller weighs a ring of gold.",
        "I will hit you with a hammer.",
    ];
    let body = json!({"model": asking.endpoint.model, "input": texts});
    let whole = match first(asking, &call(asking, Capability::Moderation, &body)?).await? {
        Ok(whole) => whole,
        Err(absent) => return Ok(absent),
    };
    let body = whole.json().unwrap_or_default();
    obeys(&mut seen, &schema(), &body)?;
    let results: Vec<&Value> = body["results"].as_array().into_iter().flatten().collect();
    seen.that("texts with a result", results.len() == texts.len(), || {
        format!("{} of {}", results.len(), texts.len())
    });
    let none = Map::new();
    for result in results {
        let fields = |name: &str| result[name].as_object().unwrap_or(&none);
        let (categories, scores) = (fields("categories"), fields("category_scores"));
        let is_any = categories.values().any(|its| its == true);
        seen.that(
            "flags that are those of the categories",
            result["flagged"] == is_any,
            || format!("flagged: {}, any category: {is_any}", result["flagged"]),
        );
        seen.that(
            "categories with a score each",
            categories.keys().eq(scores.keys()),
            || format!("{} categories, {} scores", categories.len(), scores.len()),
        );
    }
    Ok(seen.done())
}

/// The answer of `POST /moderations`.
fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["id", "model", "results"],
        "properties": {
            "id": {"type": "string", "minLength": 1},
            "model": {"type": "string", "minLength": 1},
            "results": {"type": "array", "items": {
                "type": "object",
                "required": ["flagged", "categories", "category_scores"],
                "properties": {
                    "flagged": {"type": "boolean"},
                    "categories": {"type": "object", "minProperties": 1, "additionalProperties": {"type": ["boolean", "null"]}},
                    "category_scores": {"type": "object", "additionalProperties": {"type": ["number", "null"], "minimum": 0, "maximum": 1}},
                },
            }},
        },
    })
}
