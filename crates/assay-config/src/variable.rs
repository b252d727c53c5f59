/// As long as keys are, and longer than names: those of services have 32 letters and more.
const KEY: usize = 30;

/// Whether a text can be the name of an environment variable (POSIX.1-2024, XBD 8.1; small letters as well).
///
/// # Errors
/// In words without the text: it may be the key itself. One that could be a name and is as long as a key, of large and small letters and
/// digits, is taken for one.
pub fn variable(text: &str) -> Result<(), &'static str> {
    let has = |what: fn(&u8) -> bool| text.as_bytes().iter().any(what);
    let is_name = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !text.is_empty()
        && !text.starts_with(|first: char| first.is_ascii_digit());
    let is_key = text.len() >= KEY
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit);
    if is_name && !is_key {
        Ok(())
    } else {
        Err("what stands here is no name of an environment variable")
    }
}

/// What to do about it.
pub const VARIABLE_HINT: &str = "a name has letters, digits and _, and no digit first; a key stands in a variable, never here: \
    export SERVER_KEY=…, and name SERVER_KEY";
