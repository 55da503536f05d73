//! One entry of the history in words.

use messages::{
    BrakeChange, OperatorAction, OperatorBrakeChanged, OperatorRunCancelled, ResultData, ResultEvent,
    RunFinished, RunPlanned, RunWaiting, ShutRun, StepFinished,
};
use outcome::{Left, Needs, Outcome};
use serde_json::Value;

use super::summary::is_braked;
use super::trail::Kept;
use crate::print::who;

/// What happened, in one sentence or several.
pub fn told(kept: &Kept) -> String {
    let Some(result) = &kept.result else { return of_a_later_version(&kept.event) };
    match &result.data {
        ResultData::StepFinished(step) => of_step(step),
        ResultData::RunPlanned(plan) => of_plan(plan),
        ResultData::RunWaiting(waiting) => of_wait(waiting),
        ResultData::RunFinished(run) => of_end(run),
        ResultData::EventDuplicate(_) => "the same event came again: nothing was done for it".to_owned(),
        ResultData::DeadLetterAdded(added) => {
            format!("set aside as a dead letter of class {}", added.dead_class)
        }
        ResultData::OperatorReplayed(deed) => format!("replayed {}", by(&deed.0)),
        ResultData::OperatorDiscarded(deed) => format!("its dead letter was deleted {}", by(&deed.0)),
        ResultData::OperatorAllowed(deed) => {
            format!("released, though somebody is protected, {}", by(&deed.0))
        }
        ResultData::OperatorBrakeChanged(deed) => of_brake(deed, result),
        ResultData::OperatorRunCancelled(OperatorRunCancelled { by, name, why, .. }) => {
            format!("cancelled {}", person(by, name.as_deref(), Some(why)))
        }
        _ => of_a_later_version(&kept.event),
    }
}

/// The type of a result, in words: for those that say all they have to say by it.
fn of_a_later_version(event: &Value) -> String {
    let event_type = event.get("type").and_then(Value::as_str).unwrap_or("unknown");
    let word = event_type.strip_prefix("gatehouse.").unwrap_or(event_type);
    word.rsplit_once(".v").map_or(word, |(word, _)| word).replace(['.', '_'], " ")
}

fn of_step(step: &StepFinished) -> String {
    let mut text = format!("{} {}", step.step, step.outcome.as_str());
    match step.changes.len() {
        0 => {}
        1 => text.push_str(": 1 write"),
        writes => text.push_str(&format!(": {writes} writes")),
    }
    if let Some(failure) = &step.failure {
        text.push_str(&format!(": {} ({}; {})", failure.message, failure.code, who(failure.class)));
    }
    if let Some(reason) = step.reason.as_ref().filter(|_| step.outcome == Outcome::Skipped) {
        text.push_str(&format!(": {reason}"));
    }
    for Left { detail, needs, .. } in &step.left {
        let whom = if *needs == Needs::Operator { "left for an operator" } else { "left" };
        text.push_str(&format!("; {whom}: {detail}"));
    }
    text
}

fn of_plan(plan: &RunPlanned) -> String {
    let planned = plan.steps.iter().filter(|step| step.outcome == Outcome::Planned).count();
    let refusals: Vec<_> = plan.refusals.iter().map(|refusal| refusal.code.as_str()).collect();
    let refused =
        if refusals.is_empty() { String::new() } else { format!("; refused: {}", refusals.join(", ")) };
    format!("planned: {planned} of {} steps would change something{refused}", plan.steps.len())
}

fn of_wait(waiting: &RunWaiting) -> String {
    let RunWaiting { stage, until, reason, steps, .. } = waiting;
    let verb = match is_braked(reason.as_deref()) {
        true => "held by the brake; asks again at",
        false => "sleeps until",
    };
    let place = if steps.is_empty() { "before" } else { "in" };
    let mut text = format!("{verb} {until:.0}, {place} stage {stage}");
    if let Some(reason) = reason {
        text.push_str(&format!(", for {reason}"));
    }
    for step in steps {
        text.push_str(&format!("; {} waits for {}", step.step, step.reason));
    }
    text
}

fn of_end(run: &RunFinished) -> String {
    let mut text = format!("ended: {}", run.state.as_str());
    if let Some(failure) = &run.failure {
        text.push_str(&format!(": {} ({}; {})", failure.message, failure.code, who(failure.class)));
    }
    if let Some(by) = &run.ended_by {
        text.push_str(&format!(", by run {by}"));
    }
    if let Some(step) = &run.point_of_no_return {
        text.push_str(&format!("; nobody can give back what {step} removed"));
    }
    for ShutRun { run_id, .. } in &run.shut {
        text.push_str(&format!("; shut run {run_id}"));
    }
    text
}

fn of_brake(deed: &OperatorBrakeChanged, result: &ResultEvent) -> String {
    let tenant = result.cause.tenant.as_deref().unwrap_or("the tenant");
    let did = match (deed.change, deed.allow, &deed.until) {
        (BrakeChange::Allowed, Some(more), _) => format!("{more} more may leave {tenant}, as allowed"),
        (BrakeChange::Allowed, None, _) => format!("more may leave {tenant}, as allowed"),
        (BrakeChange::Off, _, Some(until)) => {
            format!("the brake of {tenant} is off until {until:.0}, switched")
        }
        (BrakeChange::Off, _, None) => format!("the brake of {tenant} is off, switched"),
        (BrakeChange::On, ..) => format!("the brake of {tenant} is on again, switched"),
    };
    format!("{did} {}", person(&deed.by, deed.name.as_deref(), Some(&deed.why)))
}

fn by(action: &OperatorAction) -> String {
    person(&action.by, action.name.as_deref(), action.why.as_deref())
}

/// The operator and the reason.
fn person(user: &str, name: Option<&str>, why: Option<&str>) -> String {
    let name = name.map_or_else(String::new, |name| format!(" ({name})"));
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    format!("by {user}{name}{why}")
}
