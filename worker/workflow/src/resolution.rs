//! What the steps of a run name is looked up before the run writes anything: a misspelt group is found before the
//! account exists, and not after.
//!
//! All lookups run at once. Only rejections count. Whatever else keeps a lookup from an answer, such as a missing
//! permission or an outage, the step itself meets in its turn, and the run does what it always did.

use futures_util::future::join_all;
use outcome::{Class, Outcome, Progress, Record, Told};

use crate::prepare::{Prepared, PreparedStep, Task};
use crate::records::finished;
use crate::rejection;

/// The records of the steps that name something which does not exist; none once a step has written something. Where a
/// lost worker may have written, an operator decides about them.
pub(crate) async fn unresolved<W: Sync>(
    prepared: &Prepared<'_, W>,
    world: &W,
    progress: &Progress,
) -> Vec<Record> {
    let has_begun = progress.may_have_written();
    if has_begun && !(progress.steps.is_empty() && progress.waiting.is_empty()) {
        return Vec::new();
    }
    let steps =
        prepared.stages.iter().flat_map(|stage| stage.steps.iter().map(move |step| (stage.name, step)));
    let open = steps.filter(|(stage, step)| progress.find(stage, step.name).is_none());
    let looked = join_all(open.map(|(stage, step)| look_up(stage, step, world)));
    let found = looked.await.into_iter().flatten();
    found.map(|record| if has_begun { rejection::on_the_way(record) } else { record }).collect()
}

async fn look_up<W: Sync>(stage: &str, step: &PreparedStep<'_, W>, world: &W) -> Option<Record> {
    let Task::Run { step: body, params, from_event } = &step.task else { return None };
    let failure = body.resolve(params, world).await.err()?;
    if failure.class != Class::Rejected {
        return None;
    }
    let finished = finished(stage, step, Outcome::Failed);
    Some(Record { finished, told: Told::default() }.failed(rejection::of_event(failure, from_event)))
}
