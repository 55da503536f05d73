//! The command line, and the options it stands for.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use msgraph_emulator::{Options, Tenant, TenantError};

/// A Microsoft 365 tenant in memory behind real HTTP.
///
/// Prints one line, `listening on http://…`, when it is ready. Graph is at /v1.0 below that address,
/// the token endpoint at /{tenant id}/oauth2/v2.0/token, the controls at /_emulator.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:
  msgraph-emulator
  msgraph-emulator --listen 127.0.0.1:8080 --tenant tenant.json
  msgraph-emulator --seed 7 --users 10000
  msgraph-emulator --latency 50ms --jitter 10ms

Ends with 0 after SIGINT or SIGTERM, with 1 where it cannot start."
)]
pub(crate) struct Arguments {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Tenant to start with, as JSON; without it a built-in one
    #[arg(long, value_name = "FILE")]
    tenant: Option<PathBuf>,
    /// Seed of the users to add
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Number of users to add
    #[arg(long, value_name = "N", default_value_t = 0)]
    users: u64,
    /// Time every round trip takes, such as 50ms
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = time)]
    latency: Duration,
    /// How much shorter or longer a round trip may be
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = time)]
    jitter: Duration,
}

impl Arguments {
    /// The options these arguments stand for.
    ///
    /// # Errors
    ///
    /// The tenant file cannot be read or is not one, or a generated name is taken.
    pub(crate) fn options(&self) -> Result<Options, TenantError> {
        let mut tenant = match &self.tenant {
            Some(path) => Tenant::from_file(path)?,
            None => Tenant::contoso(),
        };
        tenant.grow(self.seed, self.users)?;
        Ok(Options::new(tenant).listen(self.listen).latency(self.latency).jitter(self.jitter))
    }
}

/// Reads a time with its unit.
fn time(text: &str) -> Result<Duration, String> {
    let unit = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    let number: u64 = number.parse().map_err(|_| format!("`{text}` is not a time such as 50ms or 2s"))?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        _ => Err(format!("`{text}` has no unit: write {number}ms or {number}s")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(time("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(time("2s"), Ok(Duration::from_secs(2)));
        assert!(time("50").unwrap_err().contains("write 50ms or 50s"));
        assert!(time("ms").is_err() && time("1.5s").is_err() && time("-1s").is_err());
    }
}
