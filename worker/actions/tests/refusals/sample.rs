//! The form of a sample: what is asked, what is answered, what becomes of it.

use std::time::Duration;

use actions::Error;
use msgraph::{AddLicense, Client, DeltaStep, DeltaToken, NewUser, Report, ReportSpan, UserKey, UserPatch};
use outcome::{Class, Failure};
use serde_json::{Value, json};

use crate::server::{Reply, Server, granted};

/// What is asked: a call of the client's that leads to the sample's endpoint, or has its method.
#[derive(Clone, Copy)]
pub enum Call {
    /// A `GET` whose every refusal is one.
    Get,
    /// A `POST` that asks for nothing back.
    Post,
    /// A `PATCH`.
    Patch,
    /// A `DELETE`, of a membership: the one this client knows.
    Delete,
    User,
    Manager,
    CreateUser,
    AddMember,
    AssignLicense,
    TakeLicense,
    Delta,
    /// A report whose redirect is the answer; the file behind it is there.
    Report,
    /// A report whose file is answered with this.
    ReportFile,
    /// A `GET` before which no token is given.
    Token,
}

/// What becomes of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Becomes {
    /// It is done, or was so already.
    Done,
    /// There is no such thing, and that is an answer.
    Absent,
    /// Everything has to be read afresh, and that is an answer.
    Resync,
    /// A failure of this class and code, of an error of which exactly these predicates hold.
    Fails { class: Class, code: String, is: String, after: Option<Duration> },
}

pub struct Sample {
    pub name: &'static str,
    call: Call,
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    pub becomes: Becomes,
}

/// A refusal in Graph's format, which is done or absent until it is said what it becomes.
pub fn sample(name: &'static str, call: Call, status: u16, code: &str, message: &str) -> Sample {
    let ids = json!({
        "date": "2026-03-02T08:00:00",
        "request-id": "6e9a3c1c-0000-4000-8000-000000000001",
        "client-request-id": "6e9a3c1c-0000-4000-8000-000000000002",
    });
    let body = json!({ "error": { "code": code, "message": message, "innerError": ids } });
    let headers = vec![("Content-Type", "application/json".to_owned())];
    Sample { name, call, status, headers, body: body.to_string(), becomes: Becomes::Done }
}

impl Sample {
    /// Answers with this body instead.
    pub fn with_body(self, body: impl Into<String>) -> Self {
        Self { body: body.into(), ..self }
    }

    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Adds a code inside the error.
    pub fn with_inner_code(self, code: &str) -> Self {
        self.edited(|error| error["innerError"]["code"] = json!(code))
    }

    /// Adds what Graph says about a property.
    pub fn with_detail(self, code: &str, target: &str) -> Self {
        self.edited(|error| {
            error["details"] = json!([{ "code": code, "message": "", "target": target }]);
        })
    }

    fn edited(self, edit: impl FnOnce(&mut Value)) -> Self {
        let mut body: Value = serde_json::from_str(&self.body).unwrap();
        edit(body.get_mut("error").unwrap());
        Self { body: body.to_string(), ..self }
    }

    pub fn absent(self) -> Self {
        Self { becomes: Becomes::Absent, ..self }
    }

    pub fn resync(self) -> Self {
        Self { becomes: Becomes::Resync, ..self }
    }

    /// Time heals it.
    pub fn retry(self, code: &str, is: &str) -> Self {
        self.fails(Class::Retry, code, is)
    }

    /// An operator or administrator has to act.
    pub fn blocked(self, code: &str, is: &str) -> Self {
        self.fails(Class::Blocked, code, is)
    }

    /// We have to act.
    pub fn fault(self, code: &str, is: &str) -> Self {
        self.fails(Class::Fault, code, is)
    }

    fn fails(self, class: Class, code: &str, is: &str) -> Self {
        let wait = self.headers.iter().find(|(name, _)| *name == "Retry-After");
        let after = wait.map(|(_, seconds)| Duration::from_secs_f64(seconds.parse().unwrap()));
        let becomes = Becomes::Fails { class, code: code.to_owned(), is: is.to_owned(), after };
        Self { becomes, ..self }
    }

    /// Has it answered over HTTP, and says what became of it.
    pub async fn send(self) -> Becomes {
        let Self { call, status, headers, body, .. } = self;
        let refuses_tokens = matches!(call, Call::Token);
        let answer = move || Reply::Answer { status, headers: headers.clone(), body: body.clone() };
        let again = answer.clone();
        let server = Server::with_tokens(
            move |_, n| if refuses_tokens { answer() } else { granted(n, 3600) },
            move |seen, _| match (call, seen.path.starts_with("/v1.0/")) {
                (Call::Report, false) => crate::server::json(200, "Report Refresh Date,User Principal Name"),
                (Call::ReportFile, true) => {
                    crate::server::json(302, "").with("Location", "/data/download/opaque")
                }
                _ => again(),
            },
        )
        .await;
        match ask(&server.client(), call).await {
            Ok(becomes) => becomes,
            Err(error) => {
                let is = predicates(&error);
                let Failure { class, code, retry_after, .. } = Error::from(error).into();
                Becomes::Fails { class, code, is, after: retry_after }
            }
        }
    }
}

async fn ask(client: &Client, call: Call) -> Result<Becomes, msgraph::Error> {
    let there = |is_there| if is_there { Becomes::Done } else { Becomes::Absent };
    let (reader, writer) = (client.reader(), client.writer());
    let license = AddLicense { sku_id: "s".into(), disabled_plans: Vec::new() };
    match call {
        Call::Get | Call::Token => reader.subscribed_skus().await.map(|_| Becomes::Done),
        Call::Post => writer.revoke_sessions("1").await.map(|()| Becomes::Done),
        Call::Patch => writer.update_user("1", &UserPatch::default()).await.map(|()| Becomes::Done),
        Call::Delete => writer.remove_member("g", "1").await.map(|()| Becomes::Done),
        Call::Report | Call::ReportFile => {
            reader.report(Report::AppUsers, ReportSpan::D7).await.map(|_| Becomes::Done)
        }
        Call::Delta => match reader.users_delta(&[], Some(&DeltaToken::new("t")))?.next().await? {
            Some(DeltaStep::Resync) => Ok(Becomes::Resync),
            _ => Ok(Becomes::Done),
        },
        Call::User => reader.user(&UserKey::Id("1".into()), &[]).await.map(|user| there(user.is_some())),
        Call::Manager => reader.manager("1").await.map(|manager| there(manager.is_some())),
        Call::CreateUser => writer.create_user(&NewUser::default()).await.map(|_| Becomes::Done),
        Call::AddMember => writer.add_member("g", "1").await.map(|()| Becomes::Done),
        Call::AssignLicense => writer.assign_licenses("1", &[license], &[]).await.map(|()| Becomes::Done),
        Call::TakeLicense => writer.assign_licenses("1", &[], &["s"]).await.map(|()| Becomes::Done),
    }
}

/// The names of every predicate that holds, in alphabetical order.
fn predicates(error: &msgraph::Error) -> String {
    let all = [
        ("address_taken", error.is_address_taken()),
        ("against_policy", error.is_against_policy()),
        ("already_exists", error.is_already_exists()),
        ("already_gone", error.is_already_gone()),
        ("ambiguous", error.is_ambiguous()),
        ("conflict", error.is_conflict()),
        ("credentials", error.is_credentials()),
        ("decode", error.is_decode()),
        ("drive_missing", error.is_drive_missing()),
        ("forbidden", error.is_forbidden()),
        ("license_conflict", error.is_license_conflict()),
        ("license_stale", error.is_license_stale()),
        ("limit_reached", error.is_limit_reached()),
        ("listing_expired", error.is_listing_expired()),
        ("locked", error.is_locked()),
        ("mailbox_missing", error.is_mailbox_missing()),
        ("malformed", error.is_malformed()),
        ("not_bought", error.is_not_bought()),
        ("not_found", error.is_not_found()),
        ("password_refused", error.is_password_refused()),
        ("resync_required", error.is_resync_required()),
        ("seat_missing", error.is_seat_missing()),
        ("shut_out", error.is_shut_out()),
        ("synced", error.is_synced()),
        ("throttled", error.is_throttled()),
        ("transient", error.is_transient()),
        ("unauthorized", error.is_unauthorized()),
        ("unprepared", error.is_unprepared()),
    ];
    let held: Vec<_> = all.iter().filter(|(_, holds)| *holds).map(|(name, _)| *name).collect();
    held.join(" ")
}
