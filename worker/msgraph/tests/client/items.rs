//! Trees, folders, small files and copies, against the emulator.

use std::time::Duration;

use bytes::Bytes;
use msgraph::{Client, CopyOrder, CopyState, DriveItem, ROOT, Seal, Settings};
use msgraph_emulator::{Drive, Emulator, Fault, Options, Tenant, User};
use secrecy::SecretString;

use crate::server::client;
use crate::testing::{emulator_client, settings};

const ADA: &str = "ada@contoso.example";
const GRACE: &str = "grace@contoso.example";

fn tenant() -> Tenant {
    let files =
        Drive::new().file("Plans/100% #1 – année 🌊.txt", 5).infected_file("virus.exe", 9).made_up(1_200);
    Tenant::empty()
        .user(User::new(GRACE, "Grace Hopper").drive(files))
        .user(User::new(ADA, "Ada Lovelace").drive(Drive::new()))
        .user(User::new("edsger@contoso.example", "Edsger Dijkstra"))
}

async fn drive(client: &Client, upn: &str) -> String {
    client.reader().drive(upn).await.unwrap().unwrap().id
}

async fn items(client: &Client, drive: &str) -> Vec<DriveItem> {
    let mut listing = client.reader().drive_items(drive).unwrap();
    let mut items = Vec::new();
    while let Some(page) = listing.next().await.unwrap() {
        items.extend(page);
    }
    items
}

#[tokio::test]
async fn a_tree_is_read_whole_and_a_drive_has_its_quota() {
    let emulator = Emulator::start(Options::new(tenant())).unwrap();
    let client = emulator_client(&emulator);
    assert_eq!(client.reader().drive("edsger@contoso.example").await.unwrap(), None);
    let grace = client.reader().drive(GRACE).await.unwrap().unwrap();
    let items = items(&client, &grace.id).await;
    let size: u64 = items.iter().filter_map(|item| item.size).sum();
    assert_eq!(grace.quota.unwrap().used, i64::try_from(size).ok());
    assert_eq!(items.iter().filter(|item| item.root.is_some()).count(), 1);
    let odd = items.iter().find(|item| item.name.starts_with("100%")).unwrap();
    assert!(odd.is_file() && odd.quick_xor_hash().is_some());
    assert!(items.iter().any(|item| Some(item.id.as_str()) == odd.parent_id() && !item.is_file()));
}

#[tokio::test]
async fn folders_and_small_files_are_found_by_odd_names() {
    let emulator = Emulator::start(Options::new(tenant())).unwrap();
    let client = emulator_client(&emulator);
    let ada = drive(&client, ADA).await;
    let (reader, writer) = (client.reader(), client.writer());
    let name = "Files of Grace & Co #1 100% 'née' 🌊";
    assert_eq!(reader.child_item(&ada, ROOT, name).await.unwrap(), None);
    writer.create_folder(&ada, ROOT, name).await.unwrap();
    assert!(writer.create_folder(&ada, ROOT, name).await.unwrap_err().is_conflict());
    let folder = reader.child_item(&ada, ROOT, name).await.unwrap().unwrap();
    for content in ["one", "another"] {
        writer.upload(&ada, &folder.id, "100% #1.csv", Bytes::from(content)).await.unwrap();
        let file = reader.child_item(&ada, &folder.id, "100% #1.csv").await.unwrap().unwrap();
        assert_eq!(file.size, Some(content.len() as u64));
    }
    assert_eq!(emulator.file(ADA, &format!("{name}/100% #1.csv")).unwrap(), b"another");
}

#[tokio::test]
async fn a_copy_is_monitored_without_our_token_until_it_ends() {
    let options = Options::new(tenant()).copy_pace(Duration::from_millis(1));
    let emulator = Emulator::start(options).unwrap();
    let client = emulator_client(&emulator);
    let (grace, ada) = (drive(&client, GRACE).await, drive(&client, ADA).await);
    let order =
        CopyOrder { from: (&grace, ROOT), to: (&ada, ROOT), name: None, children_only: true, replace: false };
    let address = client.writer().copy_item(&order).await.unwrap().unwrap();
    let mut seen = Vec::new();
    let end = loop {
        match client.reader().copy_state(&address).await.unwrap() {
            CopyState::Running(share) => seen.push(share),
            end => break end,
        }
        assert!(seen.len() < 1_000_000);
        tokio::task::yield_now().await;
    };
    assert!(seen.is_sorted(), "{seen:?}");
    assert!(seen.iter().any(|share| *share > 0.0 && *share < 100.0), "it takes a second and more");
    let CopyState::Failed(refused) = end else { panic!("{end:?}") };
    let virus = items(&client, &grace).await.into_iter().find(|item| item.name == "virus.exe").unwrap();
    assert_eq!(
        (refused[0].code.as_str(), refused[0].item.as_deref()),
        ("malwareDetected", Some(virus.id.as_str()))
    );
    assert_eq!(items(&client, &ada).await.len(), items(&client, &grace).await.len() - 1);
}

#[tokio::test]
async fn an_expired_address_is_distinguished_from_an_outage() {
    let emulator = Emulator::start(Options::new(tenant())).unwrap();
    let seal = Seal::of(&[SecretString::from("a key that all workers share")]);
    let client = client(Settings { seal: seal.clone(), ..settings(&emulator) });
    let sealed = |address: &str| seal.close(&SecretString::from(address)).unwrap();
    let address = format!("{}/_api/v2.0/monitor/nothing", emulator.url());
    let unknown = sealed(&address);
    assert_eq!(client.reader().copy_state(&unknown).await.unwrap(), CopyState::Forgotten);
    emulator.fault(Fault::status(503).path("/_api/v2.0/monitor/*"));
    assert!(client.reader().copy_state(&unknown).await.unwrap_err().is_transient());
    let foreign = sealed("http://contoso.example/monitor");
    assert!(client.reader().copy_state(&foreign).await.is_err(), "not unencrypted to another machine");
}

#[tokio::test]
async fn an_address_that_nobody_here_has_sealed_is_not_asked() {
    let emulator = Emulator::start(Options::new(tenant())).unwrap();
    let client = emulator_client(&emulator);
    let address = format!("{}/_api/v2.0/monitor/nothing", emulator.url());
    let other = Seal::of(&[]).close(&SecretString::from(address.as_str())).unwrap();
    for address in [address, other] {
        assert_eq!(client.reader().copy_state(&address).await.unwrap(), CopyState::Sealed);
    }
    assert!(emulator.journal().is_empty(), "{:?}", emulator.journal());
}
