use std::fmt;

use regex::Regex;

/// How a name is compared. The plain forms are told from a glob once, when it is read, because a filter is asked for
/// hundreds of thousands of cases.
#[derive(Debug, Clone)]
pub struct Pattern {
    source: String,
    matcher: Matcher,
}

#[derive(Debug, Clone)]
enum Matcher {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
    Regex(Regex),
}

impl Pattern {
    /// Reads `=exact`, `~part`, `/regex/` or a glob with `*`, `?`, `[a-z]` and `{a,b}`, in which `*` stands for any text.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn new(source: &str) -> Result<Self, String> {
        let matcher = if let Some(exact) = source.strip_prefix('=') {
            Matcher::Exact(exact.into())
        } else if let Some(part) = source.strip_prefix('~') {
            Matcher::Contains(part.into())
        } else if let Some(regex) = source.strip_prefix('/') {
            let regex = regex
                .strip_suffix('/')
                .ok_or("the regular expression has no closing `/`")?;
            Matcher::Regex(Regex::new(regex).map_err(|error| one_line(&error.to_string()))?)
        } else {
            glob(source)?
        };
        Ok(Self {
            source: source.into(),
            matcher,
        })
    }

    /// Whether a name is meant.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match &self.matcher {
            Matcher::Exact(exact) => name == exact,
            Matcher::Prefix(prefix) => name.starts_with(prefix.as_str()),
            Matcher::Suffix(suffix) => name.ends_with(suffix.as_str()),
            Matcher::Contains(part) => name.contains(part.as_str()),
            Matcher::Regex(regex) => regex.is_match(name),
        }
    }
}

const SPECIAL: [char; 7] = ['*', '?', '[', ']', '{', '}', '\\'];

fn glob(source: &str) -> Result<Matcher, String> {
    let plain = |text: &str| !text.contains(SPECIAL);
    let stars = (source.strip_prefix('*'), source.strip_suffix('*'));
    Ok(match stars {
        _ if plain(source) => Matcher::Exact(source.into()),
        (Some(rest), _) if plain(rest) => Matcher::Suffix(rest.into()),
        (_, Some(rest)) if plain(rest) => Matcher::Prefix(rest.into()),
        (Some(rest), Some(_)) if rest.strip_suffix('*').is_some_and(plain) => {
            Matcher::Contains(rest.strip_suffix('*').unwrap_or(rest).into())
        }
        _ => {
            let glob = globset::GlobBuilder::new(source)
                .literal_separator(false)
                .backslash_escape(true)
                .build()
                .map_err(|error| one_line(&error.kind().to_string()))?;
            // globset means bytes of paths; a name is text.
            let regex = glob.regex().trim_start_matches("(?-u)");
            Matcher::Regex(Regex::new(regex).map_err(|error| one_line(&error.to_string()))?)
        }
    })
}

/// The last line of a message says what is wrong; the ones before draw it.
fn one_line(message: &str) -> String {
    let last = message.lines().last().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

/// As it was written, with a `)` escaped where it would end the predicate.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source.starts_with('/') {
            return f.write_str(&self.source);
        }
        for c in self.source.chars() {
            if matches!(c, ')' | '(') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        Ok(())
    }
}
