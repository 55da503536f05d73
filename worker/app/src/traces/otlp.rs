//! Sends spans to a receiver that speaks OTLP, as the `OTEL_*` variables say.
//!
//! The names of attributes are those of OpenTelemetry's semantic conventions 1.45 where there are any; those for
//! messaging are still in development. This file is the list of what a span can say.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    Link, Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags,
    TraceId, TraceState, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanExporter};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::context::TraceParent;
use super::span::{About, Place};
use super::variables::{self, Wanted};

/// How long the worker stays for its last spans when it stops.
const LAST_SPANS: Duration = Duration::from_secs(3);

/// What makes spans. There is none until the environment asks for it.
static TRACING: OnceLock<Tracing> = OnceLock::new();

struct Tracing {
    tracer: SdkTracer,
    provider: SdkTracerProvider,
    /// The first part of the name of every queue and exchange.
    prefix: String,
}

/// A span under way.
pub struct Recorded(Mutex<opentelemetry_sdk::trace::Span>);

impl Recorded {
    /// What a message says that is sent from here.
    pub fn context(&self) -> Option<TraceParent> {
        let span = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let context = span.span_context();
        let (trace, span, flags) = (context.trace_id(), context.span_id(), context.trace_flags().to_u8());
        TraceParent::parse(&format!("00-{trace}-{span}-{flags:02x}"))
    }

    /// Adds an attribute.
    pub fn note(&self, name: &'static str, value: &str) {
        let mut span = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        span.set_attribute(KeyValue::new(name, value.to_owned()));
    }

    /// Says that the work failed, and with which code.
    pub fn fail(&self, code: &str) {
        let mut span = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        span.set_attribute(KeyValue::new("error.type", code.to_owned()));
        span.set_status(Status::error(code.to_owned()));
    }
}

/// Begins a span, if spans are sent.
pub fn begin(about: &About<'_>, place: &Place<'_>) -> Option<Recorded> {
    let Tracing { tracer, prefix, .. } = TRACING.get()?;
    let now = SystemTime::now();
    let (began, name, kind, attributes) = match about {
        About::Delivery { queue } => {
            let queue = format!("{prefix}.{queue}");
            (now, format!("process {queue}"), SpanKind::Consumer, messaging("process", queue))
        }
        About::Sending { exchange } => {
            let exchange = format!("{prefix}.{exchange}");
            (now, format!("send {exchange}"), SpanKind::Producer, messaging("send", exchange))
        }
        About::Step { step, action } => {
            let attributes = vec![text("gatehouse.step", step), text("gatehouse.action", action)];
            (now, (*action).to_owned(), SpanKind::Internal, attributes)
        }
        About::Request { report, to } => {
            let began = now.checked_sub(report.elapsed).unwrap_or(now);
            (began, format!("{} {}", report.method, to.route), SpanKind::Client, request(report, to))
        }
    };
    let links = place.link.map(|link| Link::with_context(span_context(link, true)));
    let builder = SpanBuilder::from_name(name)
        .with_kind(kind)
        .with_start_time(began)
        .with_attributes(attributes)
        .with_links(links.into_iter().collect());
    let above = place.parent.map_or_else(Context::new, |parent| {
        Context::new().with_remote_span_context(span_context(parent, place.is_remote))
    });
    let mut span = tracer.build_with_context(builder, &above);
    if let About::Request { report, .. } = about {
        match report.outcome {
            msgraph::Outcome::Status(status @ 400..) => span.set_status(Status::error(status.to_string())),
            msgraph::Outcome::Failed(class) => span.set_status(Status::error(class)),
            msgraph::Outcome::Status(_) => {}
        }
    }
    Some(Recorded(Mutex::new(span)))
}

fn text(name: &'static str, value: &str) -> KeyValue {
    KeyValue::new(name, value.to_owned())
}

fn messaging(operation: &'static str, destination: String) -> Vec<KeyValue> {
    vec![
        KeyValue::new("messaging.system", "rabbitmq"),
        KeyValue::new("messaging.operation.type", operation),
        KeyValue::new("messaging.operation.name", operation),
        KeyValue::new("messaging.destination.name", destination),
    ]
}

/// An attempt at a call. Each is a span of its own, as the conventions for HTTP have it.
fn request(report: &msgraph::RequestReport<'_>, to: &msgraph::Destination<'_>) -> Vec<KeyValue> {
    let mut attributes = vec![
        text("http.request.method", report.method),
        text("server.address", to.host),
        KeyValue::new("url.template", to.route.clone()),
        text("gatehouse.graph.service", report.service.as_str()),
        text("azure.service.request.id", report.request_id),
    ];
    attributes.extend(to.port.map(|port| KeyValue::new("server.port", i64::from(port))));
    match report.outcome {
        msgraph::Outcome::Status(status) => {
            attributes.push(KeyValue::new("http.response.status_code", i64::from(status)));
            if status >= 400 {
                attributes.push(KeyValue::new("error.type", status.to_string()));
            }
        }
        msgraph::Outcome::Failed(class) => attributes.push(KeyValue::new("error.type", class)),
    }
    if report.attempt > 1 {
        let repeats = i64::from(report.attempt).saturating_sub(1);
        attributes.push(KeyValue::new("http.request.resend_count", repeats));
    }
    attributes
}

fn span_context(of: &TraceParent, is_remote: bool) -> SpanContext {
    let mut parts = of.as_str().split('-').skip(1);
    let mut part = || parts.next().unwrap_or_default();
    let trace = TraceId::from_hex(part()).unwrap_or(TraceId::INVALID);
    let span = SpanId::from_hex(part()).unwrap_or(SpanId::INVALID);
    let flags = u8::from_str_radix(part(), 16).unwrap_or_default();
    SpanContext::new(trace, span, TraceFlags::new(flags), is_remote, TraceState::NONE)
}

/// Sends spans from now on, if the environment asks for it. Whatever is wrong there is said in one line.
pub fn start(prefix: &str, process: &str) {
    let (wanted, complaints) = variables::read(|name| std::env::var(name).ok());
    if !complaints.is_empty() {
        tracing::warn!(problems = complaints.join("; "), "some OTEL_* variables cannot be used as they are");
    }
    let Wanted::Traces { has_name } = wanted else { return };
    // The exporter's HTTP client has none of its own, and panics without. An error says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let exporter = match opentelemetry_otlp::SpanExporter::builder().with_http().build() {
        Ok(exporter) => exporter,
        Err(error) => {
            tracing::warn!(%error, "no traces are sent: correct the OTEL_EXPORTER_OTLP_* variables");
            return;
        }
    };
    let exporter =
        Exporter { inner: Arc::new(exporter), runtime: Handle::current(), fails: AtomicBool::new(false) };
    let about = Resource::builder()
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(text("service.instance.id", process));
    let about = if has_name { about } else { about.with_service_name("gatehouse") };
    let provider =
        SdkTracerProvider::builder().with_resource(about.build()).with_batch_exporter(exporter).build();
    let tracer = provider.tracer("gatehouse");
    if TRACING.set(Tracing { tracer, provider, prefix: prefix.to_owned() }).is_ok() {
        tracing::info!("traces are sent");
    }
}

/// Sends what is left, for a few seconds.
pub async fn stop() {
    let Some(tracing) = TRACING.get() else { return };
    let provider = tracing.provider.clone();
    // It waits for a thread that waits for this runtime.
    let stopped = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_SPANS)).await;
    if !matches!(stopped, Ok(Ok(()))) {
        tracing::warn!("the last spans could not be sent");
    }
}

/// Sends spans on the worker's runtime: the thread that collects them has none, and the HTTP client needs one.
struct Exporter {
    inner: Arc<opentelemetry_otlp::SpanExporter>,
    runtime: Handle,
    /// Whether the last ones were not taken.
    fails: AtomicBool,
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter").finish_non_exhaustive()
    }
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let inner = Arc::clone(&self.inner);
        let sent = self.runtime.spawn(async move { timeout(LONGEST, inner.export(batch)).await });
        let sent = match sent.await {
            Ok(Ok(sent)) => sent,
            Ok(Err(_)) => Err(OTelSdkError::Timeout(LONGEST)),
            Err(_) => Err(OTelSdkError::AlreadyShutdown),
        };
        let failed_before = self.fails.swap(sent.is_err(), Ordering::Relaxed);
        match &sent {
            Err(error) if !failed_before => {
                tracing::warn!(%error, "traces were not taken; spans are lost until they are, and nothing else is");
            }
            Ok(()) if failed_before => tracing::info!("traces are taken again"),
            Ok(()) | Err(_) => {}
        }
        sent
    }

    fn set_resource(&mut self, resource: &Resource) {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.set_resource(resource);
        }
    }
}

/// How long one batch may take with all its attempts, whatever the variables say.
const LONGEST: Duration = Duration::from_secs(60);
