//! The page of a sync, without a browser: what it never has. The browser is in the tests with foreign software.

use msgraph_emulator::{Tenant, User};

use crate::bench::Bench;

fn tenant() -> Tenant {
    (0..9).fold(Tenant::contoso(), |tenant, number| {
        let upn = format!("u{number}@contoso.example");
        tenant.user(User::new(&upn, "Somebody").with("department", "<script>alert(1)</script>"))
    })
}

#[tokio::test]
async fn a_page_names_nobody_and_asks_for_no_changes() {
    let bench = Bench::of(tenant());
    let page = bench.name("people.html");
    bench.sync(&["users", "--out", &page]).await.ok();
    bench.sync(&["licenses", "--out", &bench.name("licenses.html")]).await.ok();
    for file in ["people.html", "licenses.html"] {
        let text = bench.text(file);
        for name in ["Lovelace", "Hopper", "Somebody", "@contoso.example"] {
            assert!(!text.contains(name), "{file}: {name}");
        }
        assert!(text.starts_with("<!doctype html>") && !text.contains("<script"), "{file}");
    }
    let refused = bench.sync(&["users", "--out", &page, "--cursor-file", &bench.name("cursor")]).await;
    assert!(refused.stderr.contains("leave out one of them"), "{refused:?}");
    assert_eq!(refused.code, Some(3));
}
