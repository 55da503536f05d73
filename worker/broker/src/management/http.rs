//! One request to RabbitMQ's management API. HTTP/1.0, whose answer ends with the connection: for a few small answers in
//! a command no client is needed.

use std::{future::poll_fn, io, pin::Pin, time::Duration};

use async_rs::{Tokio, TokioRuntime, traits::Reactor};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_io::{AsyncRead as _, AsyncWrite as _};
use lapin::{AsyncTcpStream, tcp::OwnedTLSConfig};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::Error;

/// A listing of ten thousand queues has a tenth of this.
const LARGEST: usize = 32 * 1024 * 1024;
const CHUNK: usize = 32 * 1024;

/// Where the management API is, and as whom to ask.
pub(super) struct Place {
    encrypted: bool,
    host: String,
    port: u16,
    /// What stands before `/api`.
    path: String,
    /// A user and a password, if the address names them.
    user: Option<(String, SecretString)>,
}

/// What came back.
struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Place {
    /// # Errors
    /// The address is none. No error quotes it: it may have a password.
    pub(super) fn new(url: &SecretString) -> Result<Self, Error> {
        let wrong = || {
            Error::invalid(
                "broker.management_url: give http://host:port or https://host:port, with user:password@ before the host if it is \
                 another user than that of broker.url",
            )
        };
        let (scheme, rest) = url.expose_secret().trim().split_once("://").ok_or_else(wrong)?;
        let encrypted = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(wrong()),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, server) = match authority.rsplit_once('@') {
            Some((user, server)) => (Some(user), server),
            None => (None, authority),
        };
        let (host, port) = match server.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
            Some((host, port)) => (host, port.parse().map_err(|_| wrong())?),
            None => (server, if encrypted { 443 } else { 80 }),
        };
        if host.is_empty() || server.contains(char::is_whitespace) || path.contains(char::is_whitespace) {
            return Err(wrong());
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let user = user.map(|user| {
            let (user, password) = user.split_once(':').unwrap_or((user, ""));
            (decoded(user), SecretString::from(decoded(password)))
        });
        let path = path.trim_end_matches('/').trim_end_matches("api").trim_end_matches('/');
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        Ok(Self { encrypted, host: host.trim_matches(['[', ']']).to_owned(), port, path, user })
    }

    /// The same for this user, unless the address names one.
    pub(super) fn or_user(self, user: String, password: SecretString) -> Self {
        Self { user: self.user.or(Some((user, password))), ..self }
    }

    /// Whom it asks as.
    pub(super) fn user(&self) -> &str {
        self.user.as_ref().map_or("nobody", |(user, _)| user)
    }

    /// The host, if a password would cross a network to it unencrypted.
    pub(super) fn unencrypted_host(&self) -> Option<&str> {
        let is_here = || {
            self.host == "localhost" || self.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
        };
        (!self.encrypted && !is_here()).then_some(self.host.as_str())
    }

    /// What the API says under this path; nothing if the user may not see it.
    ///
    /// # Errors
    /// Nothing answers, or something else than the API.
    pub(super) async fn ask(
        &self,
        path: &str,
        tls: &OwnedTLSConfig,
        limit: Duration,
    ) -> Result<Option<Value>, Error> {
        let (host, port) = (&self.host, self.port);
        let asked = tokio::time::timeout(limit, self.get(path, tls)).await;
        let answer = asked.map_err(|_| {
            Error::configuration(format!(
                "broker.management_url: {host}:{port} did not answer within {} s; see whether a firewall is between",
                limit.as_secs()
            ))
        })??;
        let no_api = |what: &str| {
            Error::configuration(format!(
                "broker.management_url: {host}:{port} {what}; give the address of RabbitMQ's management API, usually at port 15672, \
                 or 15671 with TLS"
            ))
        };
        match answer.status {
            200 => serde_json::from_slice(&answer.body).map(Some).map_err(|_| no_api("answers with no JSON")),
            401 | 403 => Ok(None),
            404 => Err(no_api(&format!("has nothing at {}{path}", self.path))),
            status => Err(Error::configuration(format!(
                "broker.management_url: {host}:{port} answers with status {status}; see the log of RabbitMQ"
            ))),
        }
    }

    async fn get(&self, path: &str, tls: &OwnedTLSConfig) -> Result<Answer, Error> {
        let (host, port) = (&self.host, self.port);
        let failed = |what: &str| Error::configuration(format!("broker.management_url: {what}"));
        let mut stream = self.connect().await.map_err(|error| {
            failed(&format!(
                "nothing answers at {host}:{port} ({error}); enable the plugin with `rabbitmq-plugins enable rabbitmq_management`, \
                 and check the port, usually 15672, or 15671 with TLS"
            ))
        })?;
        if self.encrypted {
            stream = stream.into_tls(host, tls.as_ref()).await.map_err(|error| {
                failed(&format!(
                    "no TLS with {host}:{port} ({error}); check that this port has TLS, and that broker.ca_file names who vouches for \
                     its certificate"
                ))
            })?;
        }
        let answer = exchange(&mut stream, self.request(path).expose_secret().as_bytes()).await;
        let answer = answer.map_err(|error| {
            failed(&format!(
                "{host}:{port} broke off ({error}); check the port, usually 15672, or 15671 with TLS"
            ))
        })?;
        parsed(&answer).ok_or_else(|| {
            failed(&format!(
                "{host}:{port} speaks no HTTP; check the port, usually 15672, or 15671 with TLS, and whether it is http:// or https://"
            ))
        })
    }

    async fn connect(&self) -> io::Result<AsyncTcpStream<<Tokio as Reactor>::TcpStream>> {
        let runtime = TokioRuntime::tokio_current();
        let address = runtime.to_socket_addrs((self.host.clone(), self.port));
        AsyncTcpStream::connect(&runtime, address).await
    }

    fn request(&self, path: &str) -> SecretString {
        let (user, password) =
            self.user.as_ref().map_or(("", ""), |(user, secret)| (user, secret.expose_secret()));
        let credentials = STANDARD.encode(format!("{user}:{password}"));
        let Self { host, port, path: before, .. } = self;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let request = format!(
            "GET {before}{path} HTTP/1.0\r\nHost: {host}:{port}\r\nAuthorization: Basic {credentials}\r\n\r\n"
        );
        request.into()
    }
}

/// Sends everything, and reads to the end.
async fn exchange(
    stream: &mut AsyncTcpStream<<Tokio as Reactor>::TcpStream>,
    request: &[u8],
) -> io::Result<Vec<u8>> {
    let mut rest = request;
    while !rest.is_empty() {
        let sent = poll_fn(|cx| Pin::new(&mut *stream).poll_write(cx, rest)).await?;
        rest = rest.get(sent..).filter(|_| sent > 0).ok_or(io::ErrorKind::WriteZero)?;
    }
    poll_fn(|cx| Pin::new(&mut *stream).poll_flush(cx)).await?;
    let (mut answer, mut chunk) = (Vec::new(), vec![0; CHUNK]);
    loop {
        let read = poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, &mut chunk)).await;
        match read {
            Ok(0) => return Ok(answer),
            // RabbitMQ may close without a goodbye of TLS.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && !answer.is_empty() => {
                return Ok(answer);
            }
            Ok(read) => answer.extend_from_slice(chunk.get(..read).unwrap_or_default()),
            Err(error) => return Err(error),
        }
        if answer.len() > LARGEST {
            return Err(io::Error::other("the answer is longer than 32 MiB"));
        }
    }
}

/// The status and body of an answer; nothing if it is not HTTP.
fn parsed(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = std::str::from_utf8(answer.get(..end)?).ok()?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: answer.get(end + 4..)?.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Result<Place, Error> {
        Place::new(&url.to_owned().into())
    }

    #[test]
    fn an_address_may_have_a_user_a_port_and_a_path() {
        let place = place("https://ada%40x:p%3Aw@[::1]:15671/rabbit/api/").unwrap();
        assert_eq!((place.host.as_str(), place.port, place.path.as_str()), ("::1", 15671, "/rabbit"));
        assert!(place.encrypted && place.unencrypted_host().is_none());
        let place = place.or_user("grace".to_owned(), "other".to_owned().into());
        let request = place.request("/api/whoami").expose_secret().to_owned();
        assert!(request.starts_with("GET /rabbit/api/whoami HTTP/1.0\r\nHost: [::1]:15671\r\n"), "{request}");
        assert!(request.contains(&format!("Basic {}\r\n", STANDARD.encode("ada@x:p:w"))), "{request}");
    }

    #[test]
    fn an_address_without_them_has_the_usual_ones() {
        let place = place("http://rabbit.contoso.example").unwrap();
        assert_eq!((place.port, place.path.as_str(), place.user()), (80, "", "nobody"));
        assert_eq!(place.unencrypted_host(), Some("rabbit.contoso.example"));
        assert_eq!(place.or_user("grace".to_owned(), "".to_owned().into()).user(), "grace");
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_quoted() {
        for url in
            ["amqp://u:swordfish@h", "h:15672", "http://", "http://u:swordfish@h:port", "http://h:1/a b"]
        {
            let error = place(url).err().unwrap_or_else(|| panic!("{url} is accepted")).to_string();
            assert!(error.contains("give http://host:port") && !error.contains("swordfish"), "{error}");
        }
    }

    #[test]
    fn only_http_is_an_answer() {
        let answer = parsed(b"HTTP/1.1 401 Unauthorized\r\nServer: x\r\n\r\n{}").unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (401, b"{}".as_slice()));
        assert!(parsed(b"AMQP\0\0\x09\x01").is_none());
        assert!(parsed(b"").is_none());
    }
}
