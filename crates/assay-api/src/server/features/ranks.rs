use serde_json::Value;

use super::vectors::vector;
use crate::server::Fault;
use crate::server::answers::{Call, failed, invalid};
use crate::server::voice::{Ranking, Refused};

impl Call {
    /// Documents by how near they are to the query.
    pub(super) fn ranked(&self, body: &Value) -> Result<Value, Refused> {
        let voice = self.voice().rerank.ok_or_else(failed)?;
        let asked = (voice.asked)(body).filter(|asked| !asked.documents.is_empty());
        let Ranking {
            query,
            documents,
            first,
        } = asked.ok_or_else(|| invalid("there are no query and documents".into()))?;
        let query = vector(&query);
        let nearness = |text: &String| -> f64 {
            let pairs = vector(text).into_iter().zip(&query);
            pairs.map(|(one, other)| one * other).sum()
        };
        let mut ranks: Vec<(usize, f64)> = documents.iter().map(nearness).enumerate().collect();
        if !self.is(Fault::RanksAreNotSorted) {
            ranks.sort_by(|one, other| other.1.total_cmp(&one.1));
        }
        if let Some(first) = first.filter(|_| !self.is(Fault::RankLimitIsIgnored)) {
            ranks.truncate(first);
        }
        match self.settings.fault {
            Some(Fault::RankTwice) => ranks[0].0 = ranks[ranks.len() - 1].0,
            Some(Fault::RankBeyondTheDocuments) => ranks[0].0 = documents.len(),
            _ => {}
        }
        Ok((voice.ranks)(&ranks))
    }
}
