//! Points in time as RFC 3339 has them.

use std::{
    io::Write,
    time::{Duration, SystemTime},
};

use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

/// UTC with milliseconds: `2026-11-22T10:00:00.123Z`.
const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// The last millisecond of the year 9999: RFC 3339 has four digits for the year.
const LAST: Duration = Duration::from_millis(253_402_300_799_999);

/// Appends a point in time; one before 1970 or after 9999, which only a broken clock shows,
/// becomes the nearest there is.
pub(super) fn append(time: SystemTime, out: &mut Vec<u8>) {
    let since_epoch = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .min(LAST);
    let time = OffsetDateTime::UNIX_EPOCH + since_epoch;
    let start = out.len();
    if time.format_into(&mut *out, FORMAT).is_err() {
        // Every component is in range: not reached, but a message must not hold half a time.
        out.truncate(start);
        let _ = out.write_all(b"1970-01-01T00:00:00.000Z");
    }
}

/// A point in time as text, in UTC with milliseconds.
pub fn timestamp(time: SystemTime) -> String {
    let mut text = Vec::new();
    append(time, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc_with_milliseconds() {
        let epoch = SystemTime::UNIX_EPOCH;
        let cases = [
            (epoch, "1970-01-01T00:00:00.000Z"),
            (epoch - Duration::from_secs(1), "1970-01-01T00:00:00.000Z"),
            (
                epoch + Duration::from_millis(1_795_341_600_123),
                "2026-11-22T10:00:00.123Z",
            ),
            // Cut, not rounded: a time must not lie ahead of itself.
            (
                epoch + Duration::from_nanos(1_999_999),
                "1970-01-01T00:00:00.001Z",
            ),
            (
                epoch + Duration::from_secs(951_782_400),
                "2000-02-29T00:00:00.000Z",
            ),
            (epoch + LAST, "9999-12-31T23:59:59.999Z"),
            (
                epoch + LAST + Duration::from_millis(1),
                "9999-12-31T23:59:59.999Z",
            ),
        ];
        for (time, expected) in cases {
            let mut out = Vec::new();
            append(time, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
