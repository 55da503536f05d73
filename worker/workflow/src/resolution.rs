//! What the steps of a run name is looked up before the run writes anything: a misspelt group is found before the
//! account exists, and not after.
//!
//! All lookups run at once. Only rejections count. Whatever else keeps a lookup from an answer, such as a missing
//! permission or an outage, the step itself meets in its turn, and the run does what it always did.

use futures_util::future::{join, join_all};
use outcome::{Class, Failure, Outcome, Progress, Record, Told};

use crate::next::{Because, Next};
use crate::people::People;
use crate::prepare::{Prepared, PreparedStep, Task};
use crate::recorder::{Interrupted, Recorder};
use crate::records::finished;
use crate::rejection;
use crate::run::{Attempt, Run};

impl<W: Sync> Run<'_, W> {
    /// Looks before anything is written: whether the run may change the people whom its steps name, and whether what
    /// they name exists. Answers with the end of the run if not.
    pub(crate) async fn look_first(
        &self,
        progress: &mut Progress,
        attempt: &Attempt<'_>,
    ) -> Result<Option<Next>, Interrupted> {
        let seen = self.look(progress, attempt).await;
        take_in(seen, progress, attempt.recorder).await
    }

    /// The refusal to change somebody, or else the records of the steps that name what does not exist.
    async fn look(&self, progress: &Progress, attempt: &Attempt<'_>) -> Result<Vec<Record>, Failure> {
        let asked = self.prepared.still_to_run(progress).map(|(step, params, literal)| {
            let call = self.call_in((params, literal), progress, attempt, None);
            step.may_change(call)
        });
        let looks = unresolved(self.prepared, self.world, progress);
        let (unresolved, answers) = join(looks, join_all(asked)).await;
        answers.into_iter().find_map(Result::err).map_or(Ok(unresolved), Err)
    }

    /// Looks at the tenant and writes nothing: whether what the steps name exists, and whom they mean.
    pub async fn begin(&self, mut progress: Progress, recorder: &dyn Recorder) -> (Progress, Next) {
        let attempt = Attempt { before: Vec::new(), people: People::of(&progress), recorder };
        // At once, so that what both need is read once.
        let (seen, ()) = join(self.look(&progress, &attempt), self.find_people(&progress, &attempt)).await;
        let next = match take_in(seen, &mut progress, recorder).await {
            Ok(Some(end)) => end,
            Ok(None) => {
                progress.people = attempt.people.into_pinned();
                Next::Resume { at: (self.clock)(), because: Because::Begins }
            }
            Err(Interrupted) => Next::Interrupted,
        };
        (progress, next)
    }
}

/// What follows from a look: the end of the run, or nothing.
async fn take_in(
    seen: Result<Vec<Record>, Failure>,
    progress: &mut Progress,
    recorder: &dyn Recorder,
) -> Result<Option<Next>, Interrupted> {
    let unresolved = match seen {
        Ok(unresolved) if unresolved.is_empty() => return Ok(None),
        Ok(unresolved) => unresolved,
        Err(refusal) => return Ok(Some(Next::Refused(refusal))),
    };
    recorder.recorded(&unresolved).await?;
    unresolved.into_iter().for_each(|record| progress.record(record));
    Ok(Some(Next::Over))
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
    let Task::Run { step: body, params, from_event, literal } = &step.task else { return None };
    let failure = body.resolve(params, literal, world).await.err()?;
    if failure.class != Class::Rejected {
        return None;
    }
    let finished = finished(stage, step, Outcome::Failed);
    Some(Record { finished, told: Told::default() }.failed(rejection::of_event(failure, from_event)))
}
