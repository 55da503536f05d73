//! From when on the history is read: a date, a time, or so long ago.

use broker::Since;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use workflow::Delay;

use crate::commands::CommandError;

/// From when on.
#[derive(clap::Args)]
pub struct SinceArgs {
    /// Only what happened since: so long ago (90m, 12h, 30d), a date (in UTC) or a time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

impl SinceArgs {
    /// The place to begin at.
    pub fn start(&self) -> Result<Since, CommandError> {
        let Some(text) = &self.since else { return Ok(Since::First) };
        let at = time(text, Timestamp::now()).ok_or_else(|| {
            CommandError::Input(format!(
                "--since {text}: expected so long ago such as 90m, 12h or 30d, a date such as 2026-03-02, or a time \
                 such as 2026-03-02T08:00:00Z"
            ))
        })?;
        Ok(Since::Time(at))
    }
}

fn time(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Ok(ago) = text.parse::<Delay>() {
        return now.checked_sub(SignedDuration::try_from(ago.duration()).ok()?).ok();
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let date: Date = text.parse().ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_so_long_ago_a_date_or_a_moment() {
        let now: Timestamp = "2026-03-31T12:00:00Z".parse().unwrap();
        let rows = [
            ("30d", Some("2026-03-01T12:00:00Z")),
            ("90m", Some("2026-03-31T10:30:00Z")),
            ("2026-03-02", Some("2026-03-02T00:00:00Z")),
            ("2026-03-02T09:00:00+01:00", Some("2026-03-02T08:00:00Z")),
            ("yesterday", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(time(text, now), expected.map(|at| at.parse().unwrap()), "{text}");
        }
    }
}
