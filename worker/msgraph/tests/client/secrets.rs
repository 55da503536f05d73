//! No text of any error holds a secret or a person.

use std::error::Error as _;

use msgraph::{Error, NewUser, UserKey, UserPatch};

use crate::server::{Reply, SECRET, Server, granted, json, refusal};

const PASSWORD: &str = "p4ss-word-of-ada";
const UPN: &str = "ada.lovelace@contoso.example";

/// Everything an error can be made to say.
fn words(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    text
}

#[tokio::test]
async fn no_error_tells_a_secret_or_a_name() {
    let told = || format!("No {UPN}, {SECRET}, {PASSWORD}, token-1");
    let replies: [fn(String) -> Reply; 9] = [
        |_| Reply::Break,
        |told| Reply::Truncated { status: 200, body: told },
        |told| json(200, &told),
        |told| json(200, &format!(r#"{{"value":[{{"id":{{"{told}":1}}}}]}}"#)),
        |told| json(500, &told),
        |told| refusal(400, &told, &told),
        |told| refusal(404, "Request_ResourceNotFound", &told).with("request-id", told),
        |told| json(302, "").with("Location", format!("/{told}")),
        |told| refusal(429, "TooManyRequests", &told).with("Retry-After", told),
    ];
    let mut heard = 0;
    for on_token in [true, false] {
        for reply in replies {
            let server = Server::with_tokens(
                move |_, n| if on_token { reply(told()) } else { granted(n, 3600) },
                move |_, _| reply(told()),
            )
            .await;
            let client = server.client();
            let properties = UserPatch {
                user_principal_name: Some(UPN.into()),
                display_name: Some("Ada Lovelace".into()),
                ..UserPatch::default()
            };
            let user = NewUser { password: PASSWORD.into(), properties };
            let upn = UserKey::Upn(UPN.into());
            let errors = [
                client.writer().create_user(&user).await.err(),
                client.reader().user(&upn, &[]).await.err(),
                client.reader().deleted_namesakes(&[UPN.into()], None).await.err(),
                client.reader().groups_named(UPN).await.err(),
            ];
            for error in errors.into_iter().flatten() {
                heard += 1;
                let words = words(&error).to_lowercase();
                for secret in [SECRET, PASSWORD, "token-1", UPN, "lovelace"] {
                    assert!(!words.contains(secret), "{secret} in {words}");
                }
            }
        }
    }
    assert!(heard > 60, "only {heard} errors were looked at");
}
