/// As long as the part of a key behind its prefix, and longer than words: those of services have 32 letters and more.
const KEY: usize = 20;

/// Whether a text can be the name of an environment variable (POSIX.1-2024, XBD 8.1; small letters as well).
///
/// # Errors
/// In words without the text: it may be the key itself. What could be a name and is set is one; what is not set is taken for a key where a
/// part of it between two `_` is as long as one, and not of capitals alone.
pub fn variable(text: &str) -> Result<(), &'static str> {
    let is_name = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !text.is_empty()
        && !text.starts_with(|first: char| first.is_ascii_digit());
    let is_key = text
        .split('_')
        .any(|part| part.len() >= KEY && !part.bytes().all(|byte| byte.is_ascii_uppercase()));
    if is_name && (!is_key || std::env::var_os(text).is_some()) {
        Ok(())
    } else {
        Err("what stands here is no name of an environment variable")
    }
}

/// What to do about it.
pub const VARIABLE_HINT: &str = "a name has letters, digits and _, and no digit first; a key stands in a variable, never here: \
    export SERVER_KEY=…, and name SERVER_KEY";
