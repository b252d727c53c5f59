/// Seconds of a duration: a number of seconds, or a number with units (`90s`, `5m`, `1h 30m`, `500ms`).
///
/// # Errors
/// What is expected, if it is none or not between 1 ms and a day.
pub fn seconds(text: &str) -> Result<f64, String> {
    let parsed = text.trim().parse::<f64>().ok().or_else(|| {
        text.parse::<jiff::SignedDuration>()
            .ok()
            .map(|duration| duration.as_secs_f64())
    });
    match parsed {
        Some(seconds) if (0.001..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("a time like 60, 90s, 5m or 1h 30m, from 1ms to a day".into()),
    }
}

/// Bytes of a size in the binary units of IEC 80000-13; a bare number is bytes.
///
/// # Errors
/// What is expected, if it is none or below 1 MiB.
pub fn bytes(text: &str) -> Result<u64, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "KiB" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        _ => return Err("a size like 512MiB or 4GiB".into()),
    };
    let bytes = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor));
    match bytes {
        Some(bytes) if bytes >= 1 << 20 => Ok(bytes),
        Some(_) => Err("at least 1MiB".into()),
        None => Err("a size like 512MiB or 4GiB".into()),
    }
}

/// A duration as it would be written in the file.
#[must_use]
pub fn duration_text(seconds: f64) -> String {
    format!("{seconds}s")
}

/// A size as it would be written in the file.
#[must_use]
pub fn size_text(bytes: u64) -> String {
    match bytes {
        bytes if bytes % (1 << 30) == 0 => format!("{}GiB", bytes >> 30),
        bytes if bytes % (1 << 20) == 0 => format!("{}MiB", bytes >> 20),
        bytes => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_binary_units() {
        assert_eq!(bytes("512MiB"), Ok(512 << 20));
        assert_eq!(bytes("4G"), Ok(4 << 30));
        for wrong in ["", "4GB", "x", "-1", "99999999999GiB", "0", "12"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_are_numbers_of_seconds_or_have_units() {
        for (text, expected) in [
            ("0.5", 0.5),
            ("90s", 90.0),
            ("5m", 300.0),
            ("1h 30m", 5400.0),
            ("500ms", 0.5),
        ] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for wrong in [
            "0",
            "-1",
            "nan",
            "inf",
            "1e9",
            "x",
            "",
            "5 parsecs",
            "-5s",
            "25h",
        ] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for size in [1 << 20, 3 << 30, (1 << 20) + 1] {
            assert_eq!(bytes(&size_text(size)), Ok(size));
        }
        assert_eq!(seconds(&duration_text(0.25)), Ok(0.25));
    }
}
