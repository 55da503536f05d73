//! The pause of a tenant whose credential is missing or refused.
//!
//! Nothing can be done there until somebody acts, and nothing of it has to be given up: its messages wait in the delay
//! as they came, other tenants go on, and a new token is asked for again and again. The credential's file is read each
//! time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use msgraph::Client;
use tokio::time::{Instant, sleep};

use crate::delivery::work::PutOff;

/// The first wait between two requests for a token; each is twice as long as the one before.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How long nothing is said of a refusal that may end by itself: a new secret or application is known to some of
/// Microsoft's servers before others.
const SETTLING: Duration = Duration::from_secs(120);
/// How long a message stays away: a tenth of what the pause has lasted, within these bounds.
const SHORTEST_STAY: Duration = Duration::from_secs(5);
const LONGEST_STAY: Duration = Duration::from_secs(300);

/// Whether a tenant is paused. Clones share it.
#[derive(Clone, Default)]
pub struct Pause(Arc<Mutex<Option<Paused>>>);

struct Paused {
    since: Instant,
    /// Why, and what to do; nothing while the refusal may still end by itself.
    told: Option<String>,
}

impl Pause {
    /// Gets a token if there is none. If the credential is missing or refused, the tenant is paused from now on.
    pub async fn may_begin(&self, tenant: &str, client: &Client) -> Result<(), PutOff> {
        if let Some(paused) = &*self.state() {
            return Err(paused.put_off());
        }
        match client.sign_in().await {
            Err(error) if error.is_shut_out() => {
                let put_off = {
                    let mut state = self.state();
                    let is_first = state.is_none();
                    let paused = state.get_or_insert_with(|| Paused { since: Instant::now(), told: None });
                    paused.hear(tenant, &error);
                    if is_first {
                        tokio::spawn(self.clone().ask_again(tenant.to_owned(), client.clone()));
                    }
                    paused.put_off()
                };
                Err(put_off)
            }
            // What else can go wrong, a run meets and postpones itself.
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Why the tenant is paused and what to do, if it is.
    pub fn reason(&self) -> Option<String> {
        self.state().as_ref()?.told.clone()
    }

    /// Asks for a token until there is one.
    async fn ask_again(self, tenant: String, client: Client) {
        let mut wait = FIRST_WAIT;
        loop {
            sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
            match client.sign_in().await {
                Ok(()) => {
                    if self.state().take().is_some_and(|paused| paused.told.is_some()) {
                        tracing::info!(tenant, "the credential works; the tenant goes on");
                    }
                    return;
                }
                Err(error) if error.is_shut_out() => {
                    if let Some(paused) = &mut *self.state() {
                        paused.hear(&tenant, &error);
                    }
                }
                // The sign-in service cannot be reached: nothing is known of the credential.
                Err(_) => {}
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, Option<Paused>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Paused {
    /// Takes in the latest refusal, and says so when it is another one.
    fn hear(&mut self, tenant: &str, error: &msgraph::Error) {
        if error.may_settle() && self.since.elapsed() < SETTLING {
            return;
        }
        let reason = error.reason();
        if self.told.as_ref() != Some(&reason) {
            tracing::error!(
                tenant,
                error = reason,
                "the tenant is paused: its credential is missing or refused"
            );
            self.told = Some(reason);
        }
    }

    fn put_off(&self) -> PutOff {
        let after = (self.since.elapsed() / 10).clamp(SHORTEST_STAY, LONGEST_STAY);
        PutOff { after, reason: "tenant_paused" }
    }
}
