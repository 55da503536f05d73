//! Reports: the redirect, the file behind it, and the failures of either.

use jiff::civil::Date;
use msgraph::{Client, Error, Report, ReportRows, ReportSpan};

use crate::server::{Reply, Seen, Server, json, refusal};

const HEADER: &str =
    "\u{feff}Report Refresh Date,Something New,Last Activity Date,User Principal Name,Word,Send Count";
const ADDRESS: &str = "/data/download/grants-access-by-itself?sig=a%2Fb";

type Half = fn(&str) -> Reply;
type Predicate = fn(&Error) -> bool;

fn csv(text: impl Into<String>) -> Reply {
    let (status, headers) = (200, vec![("Content-Type", "application/octet-stream".to_owned())]);
    Reply::Answer { status, headers, body: text.into() }
}

/// A server whose reports redirect to itself. `file` gets each request for the file and how many there were.
async fn reporting(file: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Server {
    redirecting(ADDRESS, file).await
}

async fn redirecting(to: &str, file: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Server {
    let to = to.to_owned();
    Server::start(move |seen, n| match seen.path.starts_with("/v1.0/") {
        true => json(302, "").with("Location", to.replace("HOST", seen.header("host").unwrap())),
        false => file(seen, n - 1),
    })
    .await
}

async fn opened(client: &Client) -> Result<ReportRows, Error> {
    client.reader().report(Report::AppUsers, ReportSpan::D7).await
}

async fn failed(server: &Server) -> Error {
    opened(&server.client()).await.err().unwrap()
}

#[tokio::test]
async fn a_report_is_read_by_the_names_of_its_columns() {
    let server = reporting(|_, _| {
        csv(format!(
            "{HEADER}\r\n2026-03-02,x,2026-02-28,ada@contoso.example,Yes,12\r\n\r\n\
             2026-03-01,\"a,\"\"b\"\"\",,\"grace@contoso.example\",no,\r\n"
        ))
    })
    .await;
    let client = server.client();
    let mut rows = opened(&client).await.unwrap();
    let [new, last, word, sent] =
        ["something new", "Last Activity Date", "Word", "Send Count"].map(|name| rows.column(name).unwrap());

    let ada = rows.next().await.unwrap().unwrap();
    assert_eq!((ada.person(), ada.is_concealed()), ("ada@contoso.example", false));
    assert_eq!(ada.refresh_date().unwrap(), Date::new(2026, 3, 2).unwrap());
    assert_eq!(ada.date(last).unwrap(), Some(Date::new(2026, 2, 28).unwrap()));
    assert_eq!((ada.flag(word).unwrap(), ada.number(sent).unwrap()), (Some(true), Some(12)));
    let grace = rows.next().await.unwrap().unwrap();
    assert_eq!((grace.person(), grace.text(new)), ("grace@contoso.example", "a,\"b\""));
    assert_eq!((grace.date(last).unwrap(), grace.number(sent).unwrap()), (None, None));
    assert_eq!(grace.flag(word).unwrap(), Some(false));
    for error in [grace.date(new).unwrap_err(), grace.number(word).unwrap_err(), grace.flag(new).unwrap_err()]
    {
        let text = format!("{error} {error:?}");
        assert!(error.is_decode() && text.contains("line 3, column `"), "{text}");
        assert!(!text.contains("a,\""), "a value was printed: {text}");
    }
    assert!(rows.next().await.unwrap().is_none());
}

#[tokio::test]
async fn the_redirect_is_followed_once_and_without_the_token() {
    let server = reporting(|_, _| csv(HEADER)).await;
    let client = server.client();
    let mut rows = opened(&client).await.unwrap();
    assert!(rows.next().await.unwrap().is_none());
    let [first, second] = &server.graph_requests()[..] else { panic!("two requests were expected") };
    assert_eq!(first.line(), "GET /v1.0/reports/getM365AppUserDetail(period='D7')");
    assert_eq!(first.header("authorization"), Some("Bearer token-1"));
    assert_eq!((second.line(), second.header("authorization")), (format!("GET {ADDRESS}"), None));

    let day = ReportSpan::On(Date::new(2026, 2, 3).unwrap());
    client.reader().report(Report::TeamsActivity, day).await.unwrap();
    assert_eq!(
        server.graph_requests()[2].line(),
        "GET /v1.0/reports/getTeamsUserActivityUserDetail(date=2026-02-03)"
    );

    let server = reporting(|_, _| json(302, "").with("Location", "/elsewhere")).await;
    let error = failed(&server).await;
    assert_eq!((error.status(), error.is_transient()), (Some(302), true));
    assert_eq!(server.graph_requests().len(), 2);
}

#[tokio::test]
async fn an_unencrypted_address_is_not_followed() {
    let addresses = [
        "http://reports.contoso.example/data/secret-part",
        "http://user@HOST/data/secret-part",
        "ftp://HOST/data/secret-part",
        "https://",
        "",
    ];
    for address in addresses {
        let server = redirecting(address, |_, _| csv(HEADER)).await;
        let error = failed(&server).await;
        let text = format!("{error} {error:?}");
        assert!(!error.is_transient() && !text.contains("secret-part"), "{address}: {text}");
    }
    let server = Server::start(|_, _| json(302, "")).await;
    assert_eq!(failed(&server).await.status(), Some(302));
    let server = Server::start(|_, _| csv(HEADER)).await;
    assert!(failed(&server).await.to_string().contains("a redirect was expected"));
}

#[tokio::test]
async fn a_refused_download_is_transient() {
    let refusals: [fn() -> Reply; 4] = [
        || refusal(401, "MissingCredentials", "Valid Authorization header is needed."),
        || refusal(403, "", ""),
        || json(404, "<html>Not Found</html>"),
        || json(410, ""),
    ];
    for reply in refusals {
        let server = reporting(move |_, _| reply()).await;
        let error = opened(&server.patient_client()).await.err().unwrap();
        assert!(error.is_transient() && !error.is_ambiguous(), "{error}");
        assert!(!error.is_unauthorized() && !error.is_forbidden() && !error.is_not_found(), "{error}");
        assert!(!error.is_resync_required(), "{error}");
        let text = format!("{error} {error:?}");
        assert!(!text.contains("grants-access"), "the address was printed: {text}");
        assert_eq!(server.graph_requests().len(), 2);
    }
}

#[tokio::test]
async fn a_download_met_by_an_outage_is_tried_again() {
    for broken in [|| json(503, ""), || Reply::Break, || json(429, "")] {
        let server = reporting(move |_, n| if n == 1 { broken() } else { csv(HEADER) }).await;
        opened(&server.patient_client()).await.unwrap();
        assert_eq!(server.graph_requests().len(), 3);
    }
}

#[tokio::test]
async fn a_report_that_lacks_a_column_names_it() {
    let cases = [
        ("Report Refresh Date,Name", "column `User Principal Name`"),
        ("User Principal Name", "column `Report Refresh Date`"),
        ("<html>Ada</html>", "column `Report Refresh Date`"),
        ("", "its first line"),
        ("\u{feff}\r\n", "its first line"),
    ];
    for (file, place) in cases {
        let server = reporting(move |_, _| csv(file)).await;
        let error = failed(&server).await;
        let text = format!("{error} {error:?}");
        assert!(error.is_decode() && text.contains(place) && !text.contains("Ada"), "{text}");
    }
    let server = reporting(|_, _| csv(HEADER)).await;
    let rows = opened(&server.client()).await.unwrap();
    let error = rows.column("PowerPoint").unwrap_err();
    assert!(error.to_string().contains("the column `PowerPoint`, which is missing"), "{error}");
}

#[tokio::test]
async fn a_report_that_breaks_off_is_an_error() {
    let half = format!("{HEADER}\n2026-03-02,x,,ada@contoso.example,Yes,1\n2026-03-02,x");
    let replies: [(Half, Predicate); 2] = [
        (|half| Reply::Truncated { status: 200, body: half.to_owned() }, Error::is_transient),
        (|half| csv(half), Error::is_decode),
    ];
    for (reply, is) in replies {
        let half = half.clone();
        let server = reporting(move |_, _| reply(&half)).await;
        let client = server.client();
        let mut rows = opened(&client).await.unwrap();
        assert_eq!(rows.next().await.unwrap().unwrap().person(), "ada@contoso.example");
        for _ in 0..3 {
            let error = rows.next().await.err().unwrap();
            assert!(is(&error), "{error}");
        }
    }
}

#[tokio::test]
async fn a_file_in_single_bytes_reads_the_same() {
    let file = format!("{HEADER}\r\n2026-03-02,\"ä,\",,FE7CC8C15246EDCCA289C9A4022762F7,Yes,1\r\n");
    let server = reporting(move |_, _| {
        let pieces: Vec<_> = file.chars().map(String::from).collect();
        Reply::Pieces(Box::new(pieces.into_iter()))
    })
    .await;
    let client = server.client();
    let mut rows = opened(&client).await.unwrap();
    let new = rows.column("Something New").unwrap();
    let row = rows.next().await.unwrap().unwrap();
    assert_eq!((row.text(new), row.is_concealed()), ("ä,", true));
    assert!(rows.next().await.unwrap().is_none());
}

#[tokio::test]
async fn whether_names_are_concealed_can_be_asked() {
    let server = Server::start(|_, n| {
        json(200, &format!(r#"{{"@odata.context":"c","id":"s","displayConcealedNames":{}}}"#, n == 1))
    })
    .await;
    let client = server.client();
    assert!(client.reader().report_settings().await.unwrap().display_concealed_names);
    assert!(!client.reader().report_settings().await.unwrap().display_concealed_names);
    assert_eq!(server.graph_requests()[0].line(), "GET /v1.0/admin/reportSettings");
}

#[tokio::test]
async fn a_missing_permission_is_recognised_with_any_status() {
    for status in [401, 403] {
        let server = Server::start(move |_, _| {
            refusal(status, "S2SUnauthorized", r#"{"error":{"message":"Invalid scope claims/roles."}}"#)
        })
        .await;
        let error = failed(&server).await;
        assert!(error.is_forbidden() && !error.is_unauthorized(), "{error}");
        assert_eq!(server.graph_requests().len(), 1);
    }
}
