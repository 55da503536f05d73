//! Devices without a browser: a code that a person types elsewhere, and the polls until they have.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::form::Wish;
use super::refusal::NoToken;
use crate::random::unguessable;
use crate::tenant::Application;

/// How long a code may wait for its person, as in Entra (2024).
const LIFE: Duration = Duration::from_secs(900);

/// The address where the person enters the code.
const VERIFICATION_URI: &str = "https://microsoft.com/devicelogin";

/// A sign-in that waits for its person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PendingSignIn {
    /// The code the person types.
    pub user_code: String,
    /// The application that asks.
    pub client_id: String,
    /// How often it has polled.
    pub polls: u64,
}

/// The decision about a sign-in on another device.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The user of this name signs in and consents.
    Approve(String),
    /// The person declines.
    Decline,
    /// The code expires before the person types it.
    Expire,
}

#[derive(Debug)]
struct Device {
    code: String,
    pending: PendingSignIn,
    /// The wish sent with the request for the code.
    wish: Wish,
    answer: Answer,
    interval: Duration,
    /// The earliest time for the next poll.
    next_poll: Instant,
    expires: Instant,
}

#[derive(Debug)]
enum Answer {
    None,
    Approved(Uuid),
    Declined,
}

/// Every code handed out.
#[derive(Debug, Default)]
pub(super) struct Devices(Vec<Device>);

impl Devices {
    /// The device codes, which are as good as tokens until they are used.
    pub(super) fn codes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|device| device.code.as_str())
    }

    /// Hands out a code.
    pub(super) fn begin(&mut self, application: &Application, wish: Wish) -> Value {
        let code = format!("D{}{}", unguessable().simple(), unguessable().simple());
        let user_code = unguessable().simple().to_string().to_uppercase().chars().take(9).collect::<String>();
        let interval = application.poll_interval;
        let body = json!({
            "device_code": code,
            "user_code": user_code,
            "verification_uri": VERIFICATION_URI,
            "expires_in": LIFE.as_secs(),
            "interval": interval,
            "message": format!("To sign in, open {VERIFICATION_URI} and enter the code {user_code}."),
        });
        let interval = Duration::from_secs(interval);
        let now = Instant::now();
        let client_id = application.client_id.clone();
        self.0.push(Device {
            code,
            pending: PendingSignIn { user_code, client_id, polls: 0 },
            wish,
            answer: Answer::None,
            interval,
            next_poll: now + interval,
            expires: now + LIFE,
        });
        body
    }

    /// The undecided sign-ins.
    pub(super) fn pending(&self) -> Vec<PendingSignIn> {
        let undecided = self.0.iter().filter(|device| matches!(device.answer, Answer::None));
        undecided.map(|device| device.pending.clone()).collect()
    }

    /// Decides a sign-in; whether there is one with this code.
    pub(super) fn decide(&mut self, user_code: &str, user: Option<Uuid>, decision: &Decision) -> bool {
        let Some(device) = self.0.iter_mut().find(|device| device.pending.user_code == user_code) else {
            return false;
        };
        match (decision, user) {
            (Decision::Approve(_), Some(user)) => device.answer = Answer::Approved(user),
            (Decision::Approve(_), None) => return false,
            (Decision::Decline, _) => device.answer = Answer::Declined,
            (Decision::Expire, _) => device.expires = Instant::now(),
        }
        true
    }

    /// Answers a poll: the user who signed in, and the wish. A code is valid for one answer.
    pub(super) fn poll(&mut self, code: &str, application: &Application) -> Result<(Uuid, Wish), NoToken> {
        let place = self
            .0
            .iter()
            .position(|device| device.code == code && device.pending.client_id == application.client_id);
        let unknown = || NoToken::bad("bad_verification_code", 70_018, "Invalid verification code.");
        let place = place.ok_or_else(unknown)?;
        let device = self.0.get_mut(place).ok_or_else(unknown)?;
        device.pending.polls += 1;
        let now = Instant::now();
        if now >= device.expires {
            return Err(NoToken::bad("expired_token", 70_019, "Verification code expired."));
        }
        let is_too_soon = now < device.next_poll;
        device.next_poll = now + device.interval;
        match device.answer {
            // RFC 8628, 3.5. Entra's documentation does not list it (2024).
            _ if is_too_soon => Err(NoToken::bad("slow_down", 70_016, "The device polls too often.")),
            Answer::None => Err(NoToken::bad(
                "authorization_pending",
                70_016,
                "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
            )),
            Answer::Declined => {
                Err(NoToken::bad("authorization_declined", 65_004, "User declined to consent."))
            }
            Answer::Approved(user) => {
                let device = self.0.swap_remove(place);
                Ok((user, device.wish))
            }
        }
    }
}
