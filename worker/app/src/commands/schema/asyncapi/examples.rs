//! One example of each message, from the folder of examples.

use serde_json::{Value, json};

/// The schema, the variant and the text of a file: `example!("x.v1", "full")` is `schemas/examples/x.v1.full.json`.
macro_rules! example {
    ($schema:literal, $variant:literal) => {
        (
            $schema,
            $variant,
            include_str!(concat!("../../../../../../schemas/examples/", $schema, ".", $variant, ".json")),
        )
    };
}

const EXAMPLES: [(&str, &str, &str); 24] = [
    example!("onboarding.requested.v1", "minimal"),
    example!("onboarding.requested.v1", "effective"),
    example!("offboarding.requested.v1", "effective"),
    example!("change.requested.v1", "full"),
    example!("access.revoke.requested.v1", "minimal"),
    example!("restore.requested.v1", "minimal"),
    example!("run.cancel.requested.v1", "event"),
    example!("sync.requested.v1", "minimal"),
    example!("step.finished.v1", "changed"),
    example!("step.finished.v1", "failed"),
    example!("run.planned.v1", "full"),
    example!("run.waiting.v1", "date"),
    example!("run.finished.v1", "succeeded"),
    example!("run.finished.v1", "rejected"),
    example!("event.duplicate.v1", "done"),
    example!("sync.page.v1", "users"),
    example!("sync.waiting.v1", "usage"),
    example!("sync.finished.v1", "succeeded"),
    example!("dead_letter.added.v1", "full"),
    example!("operator.replayed.v1", "full"),
    example!("operator.discarded.v1", "minimal"),
    example!("operator.allowed.v1", "full"),
    example!("operator.brake_changed.v1", "allowed"),
    example!("operator.run_cancelled.v1", "run"),
];

/// The examples of a schema, as AsyncAPI writes them.
pub fn of(schema: &str) -> Vec<Value> {
    let ours = EXAMPLES.iter().filter(|(of, _, _)| *of == schema);
    ours.filter_map(|(_, variant, text)| {
        let payload: Value = serde_json::from_str(text).ok()?;
        Some(json!({ "name": variant, "payload": payload }))
    })
    .collect()
}
