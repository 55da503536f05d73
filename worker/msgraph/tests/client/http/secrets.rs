//! No error's text contains a secret or a person.

use std::error::Error as _;

use msgraph::{Error, NewUser, UserKey, UserPatch};

use crate::server::{Reply, SECRET, Server, granted, json, refusal};

const PASSWORD: &str = "p4ss-word-of-ada";
const UPN: &str = "ada.lovelace@contoso.example";

/// Every text of an error.
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
async fn no_error_contains_a_secret_or_a_name() {
    let secrets = || format!("No {UPN}, {SECRET}, {PASSWORD}, token-1");
    let replies: [fn(String) -> Reply; 9] = [
        |_| Reply::Break,
        |secrets| Reply::Truncated { status: 200, body: secrets },
        |secrets| json(200, &secrets),
        |secrets| json(200, &format!(r#"{{"value":[{{"id":{{"{secrets}":1}}}}]}}"#)),
        |secrets| json(500, &secrets),
        |secrets| refusal(400, &secrets, &secrets),
        |secrets| refusal(404, "Request_ResourceNotFound", &secrets).with("request-id", secrets),
        |secrets| json(302, "").with("Location", format!("/{secrets}")),
        |secrets| refusal(429, "TooManyRequests", &secrets).with("Retry-After", secrets),
    ];
    let mut checked = 0;
    for on_token in [true, false] {
        for reply in replies {
            let server = Server::with_tokens(
                move |_, n| if on_token { reply(secrets()) } else { granted(n, 3600) },
                move |_, _| reply(secrets()),
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
                checked += 1;
                let words = words(&error).to_lowercase();
                for secret in [SECRET, PASSWORD, "token-1", UPN, "lovelace"] {
                    assert!(!words.contains(secret), "{secret} in {words}");
                }
            }
        }
    }
    assert!(checked > 60, "only {checked} errors were checked");
}
