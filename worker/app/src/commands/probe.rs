//! `gatehouse probe`: asks a worker on this machine whether it is well, for where there is no other HTTP client.

use std::process::ExitCode;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{CommandError, verdict};
use crate::print;
use crate::settings::Config;
use crate::settings::error::ConfigError;

/// Asks a worker.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gatehouse probe
  gatehouse probe --alive
  gatehouse probe --address 127.0.0.1:9465")]
pub struct Args {
    /// Ask only whether the process answers (/healthz), not whether it is ready to work (/readyz)
    #[arg(long)]
    alive: bool,
    /// Address to ask [default: that of admin.listen]
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<String>,
    /// How long to wait for the answer
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    timeout: u64,
}

/// More than a worker says of all its tenants.
const BODY_LIMIT: usize = 65_536;

/// Why there is no answer.
type Silence = Box<dyn std::error::Error + Send + Sync>;

pub async fn run(
    args: Args,
    config: impl Fn() -> Result<Config, ConfigError>,
) -> Result<ExitCode, CommandError> {
    let address = match args.address {
        Some(address) => address,
        None => at_home(&config()?.admin.listen).map_err(CommandError::Input)?,
    };
    let path = if args.alive { "/healthz" } else { "/readyz" };
    let answer = tokio::time::timeout(Duration::from_secs(args.timeout), ask(&address, path)).await;
    let why = match answer {
        Ok(Ok((true, body))) => {
            print::lines(&print::printable(body.trim_end()))?;
            return Ok(ExitCode::SUCCESS);
        }
        Ok(Ok((false, body))) => format!("the worker at {address} is not ready: {}", body.trim_end()),
        Ok(Err(silence)) => format!("no worker answers at {address}: {silence}"),
        Err(_) => format!("the worker at {address} did not answer within {} s", args.timeout),
    };
    eprintln!("gatehouse: {}", print::printable(&why));
    Ok(verdict(false))
}

/// Where this machine reaches what listens on an address: on loopback, if it listens on every address.
fn at_home(listen: &str) -> Result<String, String> {
    let Some((host, port)) = listen.rsplit_once(':') else {
        return Err(
            "admin.listen is empty, so the worker answers no one; name an address with --address".to_owned()
        );
    };
    if port == "0" {
        return Err("admin.listen takes any free port; name the worker's with --address".to_owned());
    }
    let host = match host {
        "0.0.0.0" => "127.0.0.1",
        "[::]" => "[::1]",
        other => other,
    };
    Ok(format!("{host}:{port}"))
}

/// Whether the worker says yes, and its words.
async fn ask(address: &str, path: &str) -> Result<(bool, String), Silence> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the answer, or with the command.
    tokio::spawn(connection);
    let request = Request::get(path).header(HOST, address).body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let is_well = response.status().is_success();
    let body = Limited::new(response.into_body(), BODY_LIMIT).collect().await?.to_bytes();
    Ok((is_well, String::from_utf8_lossy(&body).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_asked_where_this_machine_reaches_it() {
        for (listen, address) in [
            ("127.0.0.1:9464", "127.0.0.1:9464"),
            ("0.0.0.0:9464", "127.0.0.1:9464"),
            ("[::]:9464", "[::1]:9464"),
            ("10.0.0.7:80", "10.0.0.7:80"),
        ] {
            assert_eq!(at_home(listen).unwrap(), address);
        }
        for listen in ["", "127.0.0.1:0"] {
            assert!(at_home(listen).unwrap_err().contains("--address"));
        }
    }
}
