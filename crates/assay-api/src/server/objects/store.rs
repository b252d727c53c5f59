use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use md5::{Digest, Md5};

/// What is kept. It is gone with the server.
#[derive(Debug, Default)]
pub(in crate::server) struct Store(Mutex<Kept>);

#[derive(Debug, Default)]
pub(super) struct Kept {
    objects: BTreeMap<String, Object>,
    /// Uploads by their ids.
    pub(super) uploads: BTreeMap<String, Upload>,
    pub(super) begun: u64,
}

/// An object.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) body: Bytes,
    pub(super) kind: String,
    pub(super) tag: String,
}

/// An upload, and its parts in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Upload {
    pub(super) parts: Vec<(u32, Bytes)>,
}

impl Store {
    pub(super) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, name: &str) -> Option<Object> {
        self.kept().objects.get(name).cloned()
    }

    pub(super) fn put(&self, name: &str, object: Object) {
        self.kept().objects.insert(name.to_owned(), object);
    }

    pub(super) fn remove(&self, name: &str) {
        self.kept().objects.remove(name);
    }

    /// Names that begin so, in the order of their bytes.
    pub(super) fn names(&self, prefix: &str) -> Vec<String> {
        let kept = self.kept();
        let names = kept.objects.keys();
        names
            .filter(|name| name.starts_with(prefix))
            .cloned()
            .collect()
    }
}

/// The MD5 of bytes, in quotes.
pub(super) fn etag(bytes: &[u8]) -> String {
    let digest: String = Md5::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("\"{digest}\"")
}

/// The ETag of parts: the MD5 of theirs, and their number.
pub(super) fn etag_of_parts(parts: &[Bytes]) -> String {
    let each: Vec<u8> = parts.iter().flat_map(Md5::digest).collect();
    etag(&each).trim_end_matches('"').to_owned() + &format!("-{}\"", parts.len())
}

/// RFC 4648 § 4.
pub(super) fn md5_in_base64(bytes: &[u8]) -> String {
    STANDARD.encode(Md5::digest(bytes))
}
