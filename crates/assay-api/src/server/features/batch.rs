use serde_json::{Value, json};

use crate::server::Fault;
use crate::server::answers::{Call, invalid};
use crate::server::voice::{Refused, texts};
use crate::server::words::tell;

impl Call {
    /// Several inputs at once.
    pub(super) fn batched(&self, body: &Value) -> Result<Value, Refused> {
        let inputs = texts(&body["inputs"]).ok_or_else(|| invalid("`inputs` is missing".into()))?;
        let outputs = inputs
            .iter()
            .map(|input| tell(input, 1, None).tokens.concat());
        let mut outputs: Vec<String> = outputs.collect();
        match self.settings.fault {
            Some(Fault::BatchOutOfOrder) => outputs.reverse(),
            Some(Fault::BatchLosesOne) => drop(outputs.pop()),
            _ => {}
        }
        Ok(json!({"outputs": outputs}))
    }
}
