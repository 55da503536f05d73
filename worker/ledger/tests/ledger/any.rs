//! Records of every type about few people, so that they meet.

use ledger::{
    Body, Brake, Cancels, Claim, Clear, Done, Forget, Intent, Key, Kind, Release, Side, State, Stop,
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::story::{act, day, key};

pub fn any_body() -> impl Strategy<Value = Body> {
    prop_oneof![
        6 => any_claim().prop_map(Body::Claim),
        4 => (1..8_u128, 1..4_u128, any_state(), 0..3_u32).prop_map(|(run, nonce, state, leg)| {
            let done = Done::of(vec![format!("step {leg}")], None);
            let (run, nonce) = (Uuid::from_u128(run), Uuid::from_u128(nonce));
            Body::Release(Release { run, nonce, state, leg, replays: 0, until: Some(day(3)), done })
        }),
        1 => (1..8_u128).prop_map(|run| Body::Stop(Stop { run: Uuid::from_u128(run) })),
        1 => (0..2_u32).prop_map(|allow| Body::Brake(Brake { tenant: key(Kind::Tenant, ""), allow, until: None })),
        1 => any_keys().prop_map(|keys| Body::Clear(Clear { keys })),
        1 => (0..6_i64).prop_map(|before| Body::Forget(Forget { before: day(before) })),
    ]
}

fn any_state() -> impl Strategy<Value = State> {
    prop::sample::select(vec![State::Done, State::SetAside, State::Asleep, State::Waiting, State::Superseded])
}

fn any_keys() -> impl Strategy<Value = Vec<Key>> {
    let kinds = prop::sample::select(vec![Kind::EntraId, Kind::EmployeeId, Kind::Upn]);
    let keys = prop::collection::vec((kinds, prop::sample::select(vec!["a", "b", "c"])), 1..3);
    keys.prop_map(|keys| keys.into_iter().flat_map(|(kind, value)| key(kind, value)).collect())
}

fn any_claim() -> impl Strategy<Value = Claim> {
    let intents = vec![
        Intent::Cancel,
        Intent::Change,
        Intent::Onboarding,
        Intent::Restore,
        Intent::AccessRevoke,
        Intent::Offboarding,
    ];
    let who = (prop::sample::select(intents), 1..8_u8, 1..4_u8, any_keys());
    let when = (0..6_i64, 0..9_i64, 0..3_u32, 0..2_u32);
    (who, when, any::<[bool; 2]>(), prop::collection::vec(0..40_u64, 0..3)).prop_map(
        |((intent, number, nonce, keys), (published, effective, leg, replays), [fresh, pending], over)| {
            let act = act(intent, number, published).on(effective).delivery(nonce).leg(leg).braked(2, 3);
            let cancels = (intent == Intent::Cancel).then_some(Cancels::Side(Side::Leave));
            Claim { keys, fresh, pending, replays, over, names: vec![number.into(), 1], cancels, ..act.0 }
        },
    )
}
