//! The limiter: counts every request, and refuses those over a limit.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};
use std::time::Instant;

use hyper::header::{HeaderName, RETRY_AFTER};
use serde::Serialize;

use super::bucket::Bucket;
use super::cost;
use super::service::{Charge, Service, mailbox};
use super::size::Limits;
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::http::request::Request;

/// How many requests for one mailbox Outlook carries out at a time.
pub(crate) const MAILBOX_CONCURRENCY: usize = 4;

/// The share of a limit from which answers report its use.
const WARNING: f64 = 0.8;

/// The requests to one service since the start or the last reset.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Usage {
    /// The requests accepted.
    pub requests: u64,
    /// The resource units they cost.
    pub units: u64,
    /// The requests answered 429.
    pub throttled: u64,
}

/// A request in progress; dropped when it ends.
#[derive(Clone, Debug)]
pub(crate) struct Hold(#[expect(dead_code, reason = "only its being there is looked at")] Arc<()>);

impl Hold {
    /// One more hold on a shared limit.
    pub(crate) fn on(shared: &Arc<()>) -> Self {
        Self(Arc::clone(shared))
    }
}

/// The decision of the limits about one request.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    /// The answer to a request over a limit.
    pub(crate) refused: Option<Reply>,
    /// The headers about limits for the answer, accepted or not.
    pub(crate) headers: Vec<(HeaderName, String)>,
    hold: Option<Hold>,
}

/// Every bucket so far, and the counts of each service.
#[derive(Debug)]
pub(crate) struct Limiter {
    limits: Option<Limits>,
    buckets: HashMap<String, Bucket>,
    mailboxes: HashMap<String, Weak<()>>,
    usage: BTreeMap<&'static str, Usage>,
}

impl Limiter {
    pub(crate) fn new(limits: Option<Limits>) -> Self {
        Self { limits, buckets: HashMap::new(), mailboxes: HashMap::new(), usage: BTreeMap::new() }
    }

    /// The counts of each service, by its name.
    pub(crate) fn usage(&self) -> &BTreeMap<&'static str, Usage> {
        &self.usage
    }

    /// Accepts or refuses a request of an application. Costs are reported also without limits.
    pub(crate) fn admit(&mut self, request: &Request, application: &str, tenant: &str) -> Admission {
        let segments = request.segments().unwrap_or_default();
        let path: Vec<&str> = segments.iter().map(String::as_str).skip(1).collect();
        let service = Service::of(request, &path);
        let units = cost::units(service, request, &path);
        let mut admission = Admission::default();
        if service == Service::Identity {
            admission.headers.push((HeaderName::from_static("x-ms-resource-unit"), units.to_string()));
        }
        if let Some(limits) = self.limits {
            let charges = service.charges(limits.size, request, &path, (application, tenant), units);
            self.charge(&mut admission, (service, limits.scale), charges, request);
            if admission.refused.is_none() && service == Service::Outlook {
                self.enter_mailbox(&mut admission, request, application, &path);
            }
        }
        let usage = self.usage.entry(service.name()).or_default();
        if admission.refused.is_some() {
            usage.throttled += 1;
        } else {
            usage.requests += 1;
            usage.units += units;
        }
        admission
    }

    /// Fills every bucket of a request, and refuses it if one of them is full.
    fn charge(
        &mut self,
        admission: &mut Admission,
        (service, scale): (Service, u32),
        charges: Vec<Charge>,
        request: &Request,
    ) {
        let now = Instant::now();
        let mut fullest: f64 = 0.0;
        let mut longest = None;
        for charge in charges {
            let fresh = || Bucket::new(charge.size / f64::from(scale), charge.time / scale, now);
            let bucket = self.buckets.entry(charge.scope.clone()).or_insert_with(fresh);
            if let Some(wait) = bucket.fill(charge.cost, now)
                && longest.as_ref().is_none_or(|(longest, _)| wait > *longest)
            {
                longest = Some((wait, charge));
            }
            fullest = fullest.max(bucket.fullness());
        }
        if fullest >= WARNING && service == Service::Identity {
            let name = HeaderName::from_static("x-ms-throttle-limit-percentage");
            admission.headers.push((name, format!("{fullest:.2}")));
        }
        if let Some((wait, charge)) = longest {
            // Graph sends whole seconds today; a scaled limit never lasts one.
            let seconds = wait.as_secs_f64();
            let seconds =
                if scale == 1 { format!("{:.0}", seconds.ceil().max(1.0)) } else { format!("{seconds:.3}") };
            let refusal = service.refusal(&charge);
            let mut reply = Reply::refusal(&refusal, request).header(RETRY_AFTER, &seconds);
            if service == Service::Identity {
                reply = reply
                    .header(HeaderName::from_static("x-ms-throttle-scope"), &charge.scope)
                    .header(HeaderName::from_static("x-ms-throttle-information"), charge.reason);
            }
            admission.refused = Some(reply);
        }
    }

    /// Counts a request as one of its mailbox's until it is over.
    fn enter_mailbox(
        &mut self,
        admission: &mut Admission,
        request: &Request,
        application: &str,
        path: &[&str],
    ) {
        let Some(mailbox) = mailbox(path) else { return };
        let place = self.mailboxes.entry(format!("{application}/{mailbox}")).or_default();
        if place.strong_count() >= MAILBOX_CONCURRENCY {
            let message = "Application is over its MailboxConcurrency limit.";
            let refusal = Refusal::throttled("ApplicationThrottled", message);
            admission.refused = Some(Reply::refusal(&refusal, request).header(RETRY_AFTER, "1"));
            return;
        }
        let held = place.upgrade().unwrap_or_default();
        *place = Arc::downgrade(&held);
        admission.hold = Some(Hold(held));
    }
}

impl Admission {
    /// Takes the hold that lives until the request is over.
    pub(crate) fn take_hold(&mut self) -> Option<Hold> {
        self.hold.take()
    }
}
