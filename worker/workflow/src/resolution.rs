//! What the steps of a run name is looked up before the run writes anything: a misspelt group is found before the
//! account exists, and not after.
//!
//! All lookups run at once. Only rejections count. Whatever else keeps a lookup from an answer, such as a missing
//! permission or an outage, the step itself meets in its turn, and the run does what it always did.

use futures_util::future::join_all;
use outcome::{Class, Outcome, Progress, Record, Told};

use crate::next::{Because, Next};
use crate::people::People;
use crate::prepare::{Prepared, PreparedStep, Task};
use crate::records::finished;
use crate::rejection;
use crate::run::{Attempt, Interrupted, Recorder, Run};

impl<W: Sync> Run<'_, W> {
    /// Records the steps that name something which does not exist, and answers whether there are any.
    pub(crate) async fn find_unresolved(
        &self,
        progress: &mut Progress,
        recorder: &dyn Recorder,
    ) -> Result<bool, Interrupted> {
        let unresolved = unresolved(self.prepared, self.world, progress).await;
        if unresolved.is_empty() {
            return Ok(false);
        }
        recorder.recorded(&unresolved).await?;
        unresolved.into_iter().for_each(|record| progress.record(record));
        Ok(true)
    }

    /// Looks at the tenant and writes nothing: whether what the steps name exists, and whom they mean.
    pub async fn begin(&self, mut progress: Progress, recorder: &dyn Recorder) -> (Progress, Next) {
        let next = match self.find_unresolved(&mut progress, recorder).await {
            Ok(true) => Next::Over,
            Ok(false) => {
                let attempt = Attempt { before: Vec::new(), people: People::of(&progress) };
                self.find_people(&progress, &attempt).await;
                progress.people = attempt.people.into_pinned();
                Next::Resume { at: (self.clock)(), because: Because::Begins }
            }
            Err(Interrupted) => Next::Interrupted,
        };
        (progress, next)
    }
}

/// The records of the steps that name something which does not exist; none once a step has written something. Where a
/// lost worker may have written, an operator decides about them.
async fn unresolved<W: Sync>(prepared: &Prepared<'_, W>, world: &W, progress: &Progress) -> Vec<Record> {
    let has_begun = progress.may_have_written();
    // What was found at the first sight is there, unless an operator tries again what was not.
    let was_resolved = progress.first_sight.is_some() && progress.replays == 0;
    if was_resolved || (has_begun && !(progress.steps.is_empty() && progress.waiting.is_empty())) {
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
