//! Signature version 4 (`docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html`).

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderName, HeaderValue, Uri, header};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::endpoint::Signer;
use crate::wire::Outgoing;

/// Signs everything that is there: the method, the path, the query, each header, the body.
pub(crate) fn sign(
    outgoing: &mut Outgoing,
    key: &str,
    signer: &Signer,
    at: Timestamp,
) -> Result<(), &'static str> {
    let time = at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let digest = hex(&Sha256::digest(&outgoing.body));
    let mut put = |name: &'static str, value: &str, is_secret| {
        let mut value = HeaderValue::from_str(value).map_err(|_| "the session token")?;
        value.set_sensitive(is_secret);
        outgoing
            .headers
            .insert(HeaderName::from_static(name), value);
        Ok::<(), &'static str>(())
    };
    put("x-amz-date", &time, false)?;
    put("x-amz-content-sha256", &digest, false)?;
    if let Some(session) = &signer.session {
        put("x-amz-security-token", session.exposed(), true)?;
    }
    let host = host(&outgoing.uri);
    let (names, headers) = headers(outgoing, &host);
    let query = query(&outgoing.uri);
    let path = outgoing.uri.path();
    let request = format!(
        "{}\n{path}\n{query}\n{headers}\n{names}\n{digest}",
        outgoing.method
    );
    let day = &time[..8];
    let scope = format!("{day}/{}/s3/aws4_request", signer.region);
    let told = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        hex(&Sha256::digest(request))
    );
    let mut secret = format!("AWS4{key}").into_bytes();
    for part in [day, &signer.region, "s3", "aws4_request"] {
        secret = keyed(&secret, part.as_bytes())?;
    }
    let signature = hex(&keyed(&secret, told.as_bytes())?);
    let id = &signer.id;
    let value = format!(
        "AWS4-HMAC-SHA256 Credential={id}/{scope},SignedHeaders={names},Signature={signature}"
    );
    let mut value = HeaderValue::from_str(&value).map_err(|_| "the name of the key")?;
    value.set_sensitive(true);
    outgoing.headers.insert(header::AUTHORIZATION, value);
    Ok(())
}

/// `host`, as it is sent: without the port that is the scheme's own.
fn host(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    match (uri.scheme_str(), uri.port_u16()) {
        (_, None) | (Some("http"), Some(80)) | (Some("https"), Some(443)) => host.to_owned(),
        (_, Some(port)) => format!("{host}:{port}"),
    }
}

/// The names of all headers, and a line of each.
fn headers(outgoing: &Outgoing, host: &str) -> (String, String) {
    let named = |name: &HeaderName| *name != header::AUTHORIZATION;
    let own = outgoing.headers.iter().filter(|its| named(its.0));
    let mut rows: Vec<(&str, String)> = own
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.as_str(), value.trim().to_owned())
        })
        .collect();
    rows.push(("host", host.to_owned()));
    rows.sort();
    let names: Vec<&str> = rows.iter().map(|row| row.0).collect();
    let mut lines = String::new();
    for (name, value) in &rows {
        let _ = writeln!(lines, "{name}:{value}");
    }
    (names.join(";"), lines)
}

/// The query in its order; what has no value has an empty one.
fn query(uri: &Uri) -> String {
    let parts = uri.query().unwrap_or_default().split('&');
    let mut rows: Vec<(&str, &str)> = parts
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .collect();
    rows.sort_unstable();
    let rows: Vec<String> = rows
        .iter()
        .map(|its| format!("{}={}", its.0, its.1))
        .collect();
    rows.join("&")
}

fn keyed(key: &[u8], words: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| "the key")?;
    mac.update(words);
    Ok(mac.finalize().into_bytes().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A name in a path or a query: all but what RFC 3986 § 2.3 leaves as it is; in a path `/`, too.
pub(crate) fn encoded(name: &str, is_path: bool) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if is_plain || (is_path && byte == b'/') {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};

    use super::*;

    /// Amazon's own examples, "GET Object" and "GET Bucket (List Objects)".
    #[test]
    fn the_examples_of_the_specification() {
        let signer = Signer {
            id: "AKIAIOSFODNN7EXAMPLE".into(),
            region: "us-east-1".into(),
            session: None,
        };
        let at: Timestamp = "2013-05-24T00:00:00Z".parse().expect("a time");
        let signed = |path: &str, headers: HeaderMap| {
            let address = format!("https://examplebucket.s3.amazonaws.com/{path}");
            let mut outgoing = Outgoing {
                method: Method::GET,
                uri: address.parse().expect("an address"),
                headers,
                body: Bytes::new(),
            };
            let key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
            sign(&mut outgoing, key, &signer, at).expect("a signature");
            let value = outgoing.headers[header::AUTHORIZATION]
                .to_str()
                .expect("text");
            value.rsplit('=').next().map(str::to_owned)
        };
        let mut range = HeaderMap::new();
        range.insert("range", HeaderValue::from_static("bytes=0-9"));
        let expected = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        assert_eq!(signed("test.txt", range).as_deref(), Some(expected));
        let expected = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
        let list = signed("?max-keys=2&prefix=J", HeaderMap::new());
        assert_eq!(list.as_deref(), Some(expected));
    }

    #[test]
    fn names_are_encoded_as_the_signature_has_them() {
        assert_eq!(encoded("a b/ü~", true), "a%20b/%C3%BC~");
        assert_eq!(encoded("a/b", false), "a%2Fb");
    }
}
