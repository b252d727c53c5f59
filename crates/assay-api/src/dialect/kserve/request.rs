use serde_json::{Value, json};

/// Numbers of an input at most: what is asked has to fit into a request.
const MOST: usize = 1 << 20;

/// Inputs as the model's metadata has them, of numbers that the words stand for. A size that is free is 1.
pub(in crate::dialect) fn infer(words: &str, about: &Value) -> Result<Value, String> {
    let inputs = about["inputs"].as_array().filter(|its| !its.is_empty());
    let inputs = inputs.ok_or("the model's metadata names no inputs")?;
    let inputs: Result<Vec<Value>, String> = inputs.iter().map(|its| input(words, its)).collect();
    Ok(json!({"inputs": inputs?}))
}

fn input(words: &str, about: &Value) -> Result<Value, String> {
    let name = about["name"].as_str().ok_or("an input has no name")?;
    let kind = about["datatype"].as_str().ok_or("an input has no type")?;
    let sizes = about["shape"].as_array().ok_or("an input has no shape")?;
    let shape: Vec<usize> = sizes
        .iter()
        .map(|size| size.as_u64().map_or(1, |size| size as usize))
        .collect();
    let count = shape
        .iter()
        .try_fold(1_usize, |count, size| count.checked_mul(*size));
    let count = count
        .filter(|count| *count <= MOST)
        .ok_or(format!("the input `{name}` is too large"))?;
    let bytes = words.bytes().cycle();
    let data: Vec<Value> = bytes
        .take(count)
        .map(|byte| value(kind, byte, words))
        .collect();
    Ok(json!({"name": name, "shape": shape, "datatype": kind, "data": data}))
}

/// A value of a type: fractions below 1, whole numbers below 8 (which are words of any vocabulary).
fn value(kind: &str, byte: u8, words: &str) -> Value {
    match kind {
        "BYTES" => words.into(),
        "BOOL" => (byte.is_multiple_of(2)).into(),
        _ if kind.starts_with("FP") || kind == "BF16" => (f64::from(byte) / 256.0).into(),
        _ => (byte % 8).into(),
    }
}
