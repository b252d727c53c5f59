use std::collections::HashSet;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Bytes of a key that give nothing of it away.
const LEAST: usize = 8;

/// Keys of fewer bytes are no secrets: a server without keys is sent `x`, for clients that want one.
const SHORTEST: usize = 4;

/// A key. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// One that was read somewhere.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// Itself, for the header that it goes into.
    pub(crate) fn exposed(&self) -> &str {
        &self.0
    }

    /// Text without it: what a server says may repeat what it was sent, whole or cut off, as it is, escaped in JSON, percent-encoded, in
    /// base64 or in hexadecimal. Eight bytes of any of these that stand together are hidden.
    #[must_use]
    pub fn hidden_in(&self, text: &str) -> String {
        const SHOWN: &str = "[key]";
        let forms = self.forms();
        let parts: HashSet<&[u8]> = forms
            .iter()
            .flat_map(|form| form.as_bytes().windows(form.len().min(LEAST)))
            .collect();
        let lengths: HashSet<usize> = parts.iter().map(|part| part.len()).collect();
        let bytes = text.as_bytes();
        let found = |at: usize| {
            let longest = lengths
                .iter()
                .filter(|length| parts.contains(bytes.get(at..at + **length).unwrap_or_default()))
                .max();
            longest.copied().unwrap_or(0)
        };
        let mut shown = String::new();
        let mut hidden_to = 0;
        for (at, letter) in text.char_indices() {
            let was_hidden = at < hidden_to;
            hidden_to = hidden_to.max(at + found(at));
            match (was_hidden, at < hidden_to) {
                (false, true) => shown.push_str(SHOWN),
                (true, true) => {}
                (_, false) => shown.push(letter),
            }
        }
        shown
    }

    /// How it may stand in a text.
    fn forms(&self) -> Vec<String> {
        let key = self.0.as_bytes();
        if key.len() < SHORTEST {
            return Vec::new();
        }
        let json = serde_json::Value::from(self.0.as_str()).to_string();
        let json = json.trim_matches('"').to_owned();
        let percent = |upper: bool| -> String {
            let code = |byte: &u8| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    char::from(*byte).to_string()
                }
                byte if upper => format!("%{byte:02X}"),
                byte => format!("%{byte:02x}"),
            };
            key.iter().map(code).collect()
        };
        let hex = |between: &str| -> String {
            let codes: Vec<String> = key.iter().map(|byte| format!("{byte:02x}")).collect();
            codes.join(between)
        };
        let mut forms = vec![
            json.replace('/', "\\/"),
            json,
            percent(true),
            percent(false),
            hex(""),
            hex("").to_uppercase(),
            hex(" "),
            hex(":"),
            hex("%"),
            hex("%").to_uppercase(),
            hex("\\u00"),
            self.0.clone(),
            self.0.to_lowercase(),
            self.0.to_uppercase(),
        ];
        // By where it begins among the three bytes that four letters stand for.
        for before in 0..3 {
            let letters = STANDARD_NO_PAD.encode([vec![0; before], key.to_vec()].concat());
            let (from, to) = ((before * 8).div_ceil(6), (before + key.len()) * 8 / 6);
            forms.push(letters[from..to].replace('+', "-").replace('/', "_"));
            forms.push(letters[from..to].to_owned());
        }
        forms
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key([key])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-a/1+b\"of-gold=27";

    #[test]
    fn a_key_is_hidden_in_every_form_and_however_it_is_cut() {
        let key = Key::new(KEY);
        let form = |code: fn(&u8) -> String, between: &str| {
            let codes: Vec<String> = KEY.as_bytes().iter().map(code).collect();
            codes.join(between)
        };
        let texts = [
            format!("Incorrect API key provided: {KEY}."),
            format!("Bearer {}", &KEY[..KEY.len() - 3]),
            format!("…{}", &KEY[4..]),
            KEY.to_lowercase(),
            form(|byte| format!("%{byte:02X}"), ""),
            form(|byte| format!("\\u00{byte:02x}"), ""),
            form(|byte| format!("{byte:02x}"), ":"),
            serde_json::json!({"error": KEY}).to_string(),
            serde_json::json!({"error": KEY})
                .to_string()
                .replace('/', "\\/"),
            KEY.replace('/', "%2F")
                .replace('+', "%2B")
                .replace('"', "%22")
                .replace('=', "%3D"),
            form(|byte| format!("{byte:02x}"), ""),
            form(|byte| format!("{byte:02x}"), " "),
            STANDARD_NO_PAD.encode(KEY),
            STANDARD_NO_PAD.encode(format!("user:{KEY}")),
            STANDARD_NO_PAD.encode(format!("assay:{KEY}")),
            base64::engine::general_purpose::URL_SAFE.encode(format!("a:{KEY}:z")),
        ];
        for text in texts {
            let shown = key.hidden_in(&text);
            assert!(shown.contains("[key]"), "{text}: {shown}");
            for form in key.forms() {
                for part in form.as_bytes().windows(LEAST) {
                    let part = String::from_utf8_lossy(part);
                    assert!(!shown.contains(&*part), "{text}: {shown}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_key_stays_as_it_is() {
        let text = "héllo, sk-a/1 is no key: gold 👩‍🔬 \u{fffd}";
        assert_eq!(Key::new(KEY).hidden_in(text), text);
        assert_eq!(Key::new("x").hidden_in("x marks"), "x marks");
        assert_eq!(Key::new("gold").hidden_in("a gold ring"), "a [key] ring");
        assert_eq!(
            Key::new("schlüssel").hidden_in("ein schlüssel, ü"),
            "ein [key], ü"
        );
    }
}
