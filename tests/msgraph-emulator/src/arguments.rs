//! The command line, and the library's options for it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use msgraph_emulator::{Lag, Limits, Options, Tenant, TenantError};

/// A Microsoft 365 tenant in memory behind real HTTP.
///
/// Prints one line, `listening on http://…`, when it is ready. Below that address, Graph is at /v1.0,
/// the token endpoint at /{tenant id}/oauth2/v2.0/token, and the controls at /_emulator.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:
  msgraph-emulator
  msgraph-emulator --listen 127.0.0.1:8080 --tenant tenant.json
  msgraph-emulator --seed 7 --users 10000
  msgraph-emulator --crowd 1000000
  msgraph-emulator --https authority.pem
  msgraph-emulator --latency 50ms --jitter 10ms --limits small

Exit status: 0 after SIGINT or SIGTERM, 1 if it cannot start."
)]
pub(crate) struct Arguments {
    /// Address to listen on; port 0 takes a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Address for the files of reports; by default a free port of another loopback address
    #[arg(long, value_name = "ADDRESS")]
    files: Option<SocketAddr>,
    /// Tenant file to start with, in JSON [default: a built-in tenant]
    #[arg(long, value_name = "FILE")]
    tenant: Option<PathBuf>,
    /// Seed of the added users
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Number of users to add
    #[arg(long, value_name = "N", default_value_t = 0)]
    users: u64,
    /// Number of users to compute on demand; a million need almost no memory
    #[arg(long, value_name = "N", default_value_t = 0)]
    crowd: u64,
    /// Licence of every user of the crowd, by part number
    #[arg(long, value_name = "SKU", requires = "crowd")]
    crowd_licensed: Option<String>,
    /// Make the users of the crowd differ: guests, managers, blocked accounts, sign-ins and licences of every SKU
    #[arg(long, requires = "crowd", conflicts_with = "crowd_licensed")]
    lifelike: bool,
    /// Latency of every round trip, such as 50ms
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = time)]
    latency: Duration,
    /// Largest deviation from the latency, such as 10ms
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = time)]
    jitter: Duration,
    /// Enforce the limits that Microsoft publishes for a tenant of this size
    #[arg(long, value_name = "SIZE", value_parser = ["small", "medium", "large"])]
    limits: Option<String>,
    /// Divide the size and time of every limit by this number
    #[arg(long, value_name = "N", default_value_t = 1, requires = "limits")]
    limits_scale: u32,
    /// Hide a new user for this many reads, such as 3, or for a time, such as 500ms
    #[arg(long, value_name = "LAG", value_parser = lag)]
    new_users_after: Option<Lag>,
    /// Show the state before a write, for this many reads or for a time
    #[arg(long, value_name = "LAG", value_parser = lag)]
    stale_reads: Option<Lag>,
    /// Duration of a copy of files for each item, such as 5ms
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = time)]
    copy_pace: Duration,
    /// Make every copy say that it is completed while it goes on
    #[arg(long)]
    copies_end_early: bool,
    /// Refuse a licence call while another one is running
    #[arg(long)]
    exclusive_licensing: bool,
    /// Serve HTTPS, and write the certificate to trust to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) https: Option<PathBuf>,
}

impl Arguments {
    /// The library's options for these arguments.
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
        if self.crowd > 0 {
            tenant = tenant.crowd(self.seed, self.crowd);
        }
        if let Some(sku) = &self.crowd_licensed {
            tenant = tenant.crowd_licensed(sku);
        }
        if self.lifelike {
            tenant = tenant.lifelike();
        }
        let mut options = Options::new(tenant).listen(self.listen).latency(self.latency).jitter(self.jitter);
        options = options.copy_pace(self.copy_pace);
        if let Some(address) = self.files {
            options = options.files(address);
        }
        let limits = self.limits.as_deref().map(|size| match size {
            "small" => Limits::small(),
            "medium" => Limits::medium(),
            _ => Limits::large(),
        });
        if let Some(limits) = limits {
            options = options.limits(limits.scaled(self.limits_scale));
        }
        if let Some(lag) = self.new_users_after {
            options = options.new_users_after(lag);
        }
        if let Some(lag) = self.stale_reads {
            options = options.stale_reads(lag);
        }
        if self.copies_end_early {
            options = options.copies_end_early();
        }
        if self.exclusive_licensing {
            options = options.exclusive_licensing();
        }
        if self.https.is_some() {
            options = options.https();
        }
        Ok(options)
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

/// Reads a number of reads, or a time.
fn lag(text: &str) -> Result<Lag, String> {
    match text.parse() {
        Ok(reads) => Ok(Lag::Reads(reads)),
        Err(_) => time(text).map(Lag::Time),
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
        assert_eq!(lag("3"), Ok(Lag::Reads(3)));
        assert_eq!(lag("3s"), Ok(Lag::Time(Duration::from_secs(3))));
        assert!(time("ms").is_err() && time("1.5s").is_err() && time("-1s").is_err());
    }
}
