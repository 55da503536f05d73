//! One delivery from arrival to acknowledgement: receive, decode, run, publish, settle.
//!
//! The order is always results, then the one message that carries the run on, then the acknowledgement; each is
//! confirmed before the next. A crash between any two of them repeats work that finds itself done, and results
//! whose ids are the same. This is the only place that settles a delivery.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use broker::{DeadLetter, Delivery, Due, Message, Outgoing, Properties, Publisher, Receipt};
use futures_util::FutureExt;
use jiff::Timestamp;
use messages::{Cause, Continuation, Event, Incoming, ResultData, ResultEvent, RunFinished, Undecodable};
use tracing::Instrument as _;
use workflow::step::BoxFuture;
use workflow::{Class, Failure, Interrupted, OutcomeKind, Progress, Record, Recorder};

use crate::delivery::outbox::{self, Announcement, Outbox};
use crate::delivery::recent::{Key, Memory, Remembered};
use crate::operate::metrics::Metrics;
use crate::runs::wire;
use crate::runs::{Conclusion, Dead, Workflows};
use crate::settings::QUEUE;

/// Handles every delivery of the workflow queue.
pub struct Consumer {
    /// Runs workflows.
    pub workflows: Workflows,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Knows what was dealt with already.
    pub memory: Memory<Outbox>,
    /// Who sets messages aside, for their record.
    pub worker: String,
}

/// What a message turned out to be.
struct Job {
    event: Event,
    progress: Option<Progress>,
    replays: u32,
}

impl broker::Handler for Consumer {
    async fn handle(&self, delivery: Delivery, publisher: &Publisher) {
        let (message, receipt) = delivery.split();
        match decode(&message) {
            Ok(job) => {
                let run_id = job.event.run_id();
                let span = tracing::info_span!("run", run.id = %run_id, event.id = %job.event.id);
                self.work(job, (message, receipt), publisher).instrument(span).await;
            }
            Err(undecodable) => {
                let outbox = self.refuse(&message, &undecodable);
                self.settle(&outbox, receipt, publisher, None).await;
            }
        }
    }
}

impl Consumer {
    /// Works on an accepted event, unless this process has done so already.
    async fn work(&self, job: Job, (message, receipt): (Message, Receipt), publisher: &Publisher) {
        let _turn = self.memory.turn(job.event.run_id()).await;
        let key = job.key();
        let (kind, accepted) = (job.event.kind.event_type(), |outcome| {
            self.metrics.events_total.with_label_values(&[job.event.kind.event_type(), outcome]).inc();
        });
        let interrupted = match self.memory.of(&key) {
            Some(Remembered::Published) if message.redelivered => {
                accepted("duplicate");
                self.acknowledge(receipt).await;
                return;
            }
            Some(Remembered::Unpublished(outbox)) => {
                self.settle(&outbox, receipt, publisher, Some(key)).await;
                return;
            }
            Some(Remembered::Interrupted(progress)) => Some(progress),
            Some(Remembered::Published) | None => None,
        };
        accepted("accepted");
        tracing::debug!(event.r#type = kind, attempt = key.attempt, "event accepted");
        match AssertUnwindSafe(self.run(&job, interrupted, &message, publisher)).catch_unwind().await {
            Ok(Ok(outbox)) => {
                let outbox = Arc::new(outbox);
                self.memory.put(key, Remembered::Unpublished(Arc::clone(&outbox)));
                self.settle(&outbox, receipt, publisher, Some(key)).await;
            }
            // The receipt goes unsettled and the message comes again, here with what is remembered.
            Ok(Err(progress)) => self.memory.put(key, Remembered::Interrupted(progress)),
            Err(_) => {
                self.metrics.panics_total.inc();
                let outbox = self.panicked(&job, &message);
                self.settle(&outbox, receipt, publisher, Some(key)).await;
            }
        }
    }

    /// Runs the event's workflow and says what follows; or how far it came when nobody could be told.
    async fn run(
        &self,
        job: &Job,
        interrupted: Option<Progress>,
        message: &Message,
        publisher: &Publisher,
    ) -> Result<Outbox, Progress> {
        let started = std::time::Instant::now();
        let recorder = StepResults { consumer: self, job, message, publisher };
        if let Some(progress) = &interrupted {
            // What was recorded last may not have been heard of; whoever heard it sees the same ids.
            let came = job.progress.as_ref().map_or(0, |came| came.records.len());
            if recorder.tell(progress.records.get(came..).unwrap_or_default()).await.is_err() {
                return Err(progress.clone());
            }
        }
        let progress = interrupted.or_else(|| job.progress.clone());
        let conclusion = self.workflows.run(&job.event, job.replays, progress, &recorder).await;
        let seconds = started.elapsed().as_secs_f64();
        let workflow = match &conclusion {
            // A name that no workflow has is the publisher's and no label.
            Conclusion::Finished { result, .. } if result.state == messages::RunState::Rejected => "none",
            _ => job.event.workflow(),
        };
        self.metrics.run_duration_seconds.with_label_values(&[workflow]).observe(seconds);
        match conclusion {
            Conclusion::Interrupted(progress) => Err(progress),
            Conclusion::Planned(plan) => {
                tracing::info!(workflow, "run planned");
                self.metrics.runs_total.with_label_values(&[workflow, "planned"]).inc();
                Ok(Outbox::new(self.announce(job, message, ResultData::RunPlanned(plan)), None))
            }
            Conclusion::Finished { result, dead } => {
                let onward = dead.map(|dead| self.set_aside(job, message, &dead));
                self.count_finished(workflow, &result);
                Ok(Outbox::new(self.announce(job, message, ResultData::RunFinished(result)), onward))
            }
            Conclusion::Later { progress, after, because } => {
                if !after.is_zero() {
                    tracing::warn!(
                        workflow,
                        code = because,
                        retry_after_ms = after.as_millis() as u64,
                        attempt = progress.attempt,
                        "run put off"
                    );
                    self.metrics.retries_total.with_label_values(&[&because]).inc();
                }
                let due = Some(after).filter(|after| !after.is_zero()).map(Due::after);
                let onward = self.carry_on(job, message, progress, due).unwrap_or_else(|dead| *dead);
                Ok(Outbox::new(None, Some(onward)))
            }
            Conclusion::Asleep { progress, until, waiting, because } => {
                tracing::info!(workflow, code = because, until = %until, sleeps = progress.sleeps, "run asleep");
                self.metrics.sleeps_total.with_label_values(&[workflow]).inc();
                if let Some(code) = because {
                    self.metrics.retries_total.with_label_values(&[&code]).inc();
                }
                let told = waiting.and_then(|it| self.announce(job, message, ResultData::RunWaiting(it)));
                // What is waited for is a time that somebody has chosen: nobody is woken before it.
                let due = Some(Due::at(until).with_tolerance(Duration::ZERO));
                let due = due.filter(|_| until > Timestamp::now());
                match self.carry_on(job, message, progress, due) {
                    Ok(onward) => Ok(Outbox::new(told, Some(onward))),
                    Err(dead) => Ok(Outbox::new(None, Some(*dead))),
                }
            }
        }
    }

    fn count_finished(&self, workflow: &str, result: &RunFinished) {
        let state = match result.state {
            messages::RunState::Succeeded => "succeeded",
            messages::RunState::Partial => "partial",
            messages::RunState::Failed => "failed",
            messages::RunState::Rejected => "rejected",
        };
        self.metrics.runs_total.with_label_values(&[workflow, state]).inc();
        match &result.failure {
            None => tracing::info!(workflow, state, "run finished"),
            Some(failure) if failure.class == messages::FailureClass::Rejected => {
                tracing::info!(workflow, state, code = failure.code, "run finished");
            }
            Some(failure) => {
                tracing::error!(
                    workflow,
                    state,
                    code = failure.code,
                    error = failure.message,
                    "run finished"
                );
            }
        }
    }

    /// A result for everybody, and a copy for the queue the event asked to be answered at.
    fn announce(&self, job: &Job, message: &Message, data: ResultData) -> Option<Announcement> {
        let result = ResultEvent::new(Cause::from(&job.event), Timestamp::now(), data);
        Announcement::of(&result, message.properties.reply_to.as_deref())
    }

    /// The run's next message: its event and how far it has come; its dead letter if no message can hold that.
    fn carry_on(
        &self,
        job: &Job,
        message: &Message,
        progress: messages::Progress,
        due: Option<Due>,
    ) -> Result<Outgoing, Box<Outgoing>> {
        let properties = continuation_properties(job, message, &progress);
        let continuation = Continuation { event: job.event.clone(), progress };
        match (continuation.to_bytes(), due) {
            (Ok(body), None) => Ok(Outgoing::work(QUEUE, body).with_properties(properties)),
            (Ok(body), Some(due)) => Ok(Outgoing::delayed(QUEUE, due, body).with_properties(properties)),
            (Err(error), _) => {
                let failure = Failure::new(Class::Fault, "progress_too_large", error.to_string());
                Err(Box::new(self.dead(message, &self.letter(&failure), job.replays)))
            }
        }
    }

    /// The run as a dead letter that a replay takes up where it failed.
    fn set_aside(&self, job: &Job, message: &Message, dead: &Dead) -> Outgoing {
        let letter = DeadLetter {
            step: Some(dead.step.clone()),
            attempts: Some(dead.progress.attempt),
            first_failed_at: Some(dead.progress.first_seen),
            ..self.letter(&dead.failure)
        };
        // An operator names the dead letter by its run, however often it dies.
        let run_id = Some(job.event.run_id().to_string());
        let properties =
            Properties { message_id: run_id, ..continuation_properties(job, message, &dead.progress) };
        let continuation = Continuation { event: job.event.clone(), progress: dead.progress.clone() };
        match continuation.to_bytes() {
            Ok(body) => self.dead(&Message { body, properties, ..message.clone() }, &letter, job.replays),
            // Without its progress it starts over when it is replayed, which is slower and just as right.
            Err(_) => self.dead(message, &letter, job.replays),
        }
    }

    fn refuse(&self, message: &Message, undecodable: &Undecodable) -> Outbox {
        let code = undecodable.code();
        tracing::info!(code, bytes = message.body.len(), "message refused and set aside");
        self.metrics.events_total.with_label_values(&["unknown", code]).inc();
        let replays = message.replays();
        let result = RunFinished::rejected(undecodable, Timestamp::now(), replays).map(|result| {
            let cause = Cause::from(&*undecodable.envelope);
            ResultEvent::new(cause, Timestamp::now(), ResultData::RunFinished(result))
        });
        let reply_to = message.properties.reply_to.as_deref();
        let failure = Failure::rejected(code, undecodable.to_string());
        let announcement = result.and_then(|result| Announcement::of(&result, reply_to));
        Outbox::new(announcement, Some(self.dead(message, &self.letter(&failure), replays)))
    }

    fn panicked(&self, job: &Job, message: &Message) -> Outbox {
        let failure = Failure::new(Class::Fault, "internal", "the worker panicked; its log has the place");
        tracing::error!(code = failure.code, "run set aside after a panic");
        let started = job.progress.as_ref().map_or_else(Timestamp::now, |progress| progress.first_seen);
        let result = RunFinished {
            run_id: job.event.run_id(),
            workflow: Some(job.event.workflow().to_owned()),
            state: messages::RunState::Failed,
            started_at: started,
            finished_at: Timestamp::now(),
            attempts: job.progress.as_ref().map_or(1, |progress| progress.attempt),
            replays: job.replays,
            steps: Vec::new(),
            failure: Some(wire::failure(&failure)),
            violations: Vec::new(),
        };
        let announcement = self.announce(job, message, ResultData::RunFinished(result));
        Outbox::new(announcement, Some(self.dead(message, &self.letter(&failure), job.replays)))
    }

    fn letter(&self, failure: &Failure) -> DeadLetter {
        DeadLetter {
            http_status: failure.http_status,
            request_id: failure.request_id.clone(),
            worker: Some(self.worker.clone()),
            ..DeadLetter::new(&failure.code, &failure.message)
        }
    }

    fn dead(&self, message: &Message, letter: &DeadLetter, replays: u32) -> Outgoing {
        self.metrics.dead_letters_total.with_label_values(&[&letter.class]).inc();
        Outgoing::dead(QUEUE, &DeadLetter { replays, ..letter.clone() }, message)
    }

    /// Publishes what follows, and only then acknowledges.
    async fn settle(&self, outbox: &Outbox, receipt: Receipt, publisher: &Publisher, key: Option<Key>) {
        if let Err(error) = outbox.publish(publisher).await {
            if !error.is_session_lost() {
                tracing::error!(%error, "a message could not be published; its cause is delivered again");
            }
            // Dropping the receipt ends the session, if it has not ended yet.
            return;
        }
        if let Some(key) = key {
            self.memory.put(key, Remembered::Published);
        }
        self.acknowledge(receipt).await;
    }

    async fn acknowledge(&self, receipt: Receipt) {
        if let Err(error) = receipt.ack().await {
            tracing::debug!(%error, "not acknowledged; the message comes again and is known by then");
        }
    }
}

/// Tells of steps as their stage ends.
struct StepResults<'a> {
    consumer: &'a Consumer,
    job: &'a Job,
    message: &'a Message,
    publisher: &'a Publisher,
}

impl StepResults<'_> {
    async fn tell(&self, records: &[Record]) -> Result<(), Interrupted> {
        let Self { consumer, job, message, publisher } = self;
        let attempt = job.progress.as_ref().map_or(1, |progress| progress.attempt);
        let results = records.iter().filter_map(|record| {
            let run = (job.event.run_id(), job.event.workflow());
            let step = wire::step_finished(record, run, (attempt, job.replays));
            consumer.announce(job, message, ResultData::StepFinished(step))
        });
        outbox::publish(&results.collect::<Vec<_>>(), publisher).await.map_err(|error| {
            tracing::warn!(%error, "a step's result could not be published; the run goes no further here");
            Interrupted
        })
    }
}

impl Recorder for StepResults<'_> {
    fn recorded<'a>(&'a self, records: &'a [Record]) -> BoxFuture<'a, Result<(), Interrupted>> {
        Box::pin(async move {
            for record in records {
                count_step(&self.consumer.metrics, record);
            }
            self.tell(records).await
        })
    }
}

fn count_step(metrics: &Metrics, record: &Record) {
    let (action, outcome) = (record.action.as_str(), record.outcome.kind());
    metrics.steps_total.with_label_values(&[action, outcome.as_str()]).inc();
    if outcome != OutcomeKind::Skipped {
        metrics.step_duration_seconds.with_label_values(&[action]).observe(record.took.as_secs_f64());
    }
    let duration_ms = u64::try_from(record.took.as_millis()).unwrap_or(u64::MAX);
    if let workflow::Outcome::Failed(failure) = &record.outcome {
        let labels = [action, failure.class.as_str(), failure.code.as_str()];
        metrics.step_failures_total.with_label_values(&labels).inc();
        tracing::info!(
            action,
            step.name = record.step,
            outcome = outcome.as_str(),
            code = failure.code,
            duration_ms,
            request.id = failure.request_id,
            "step finished"
        );
    } else {
        tracing::info!(
            action,
            step.name = record.step,
            outcome = outcome.as_str(),
            changes = record.changes,
            duration_ms,
            "step finished"
        );
    }
}

fn continuation_properties(job: &Job, message: &Message, progress: &messages::Progress) -> Properties {
    let messages::Progress { replays, attempt, sleeps, steps, .. } = progress;
    let what = format!("continuation {replays} {attempt} {} {sleeps}", steps.len());
    Properties {
        content_type: Some(Continuation::CONTENT_TYPE.to_owned()),
        message_id: Some(ResultEvent::id_for(job.event.run_id(), &what).to_string()),
        correlation_id: Some(job.event.run_id().to_string()),
        kind: Some(job.event.kind.event_type().to_owned()),
        app_id: Some("gatehouse".to_owned()),
        ..message.properties.clone()
    }
}

fn decode(message: &Message) -> Result<Job, Undecodable> {
    let content_type = message.properties.content_type.as_deref();
    let replays = message.replays();
    if content_type == Some(Continuation::CONTENT_TYPE) {
        let Continuation { event, progress } = Continuation::from_bytes(&message.body)?;
        let progress = wire::progress_in(&progress);
        let progress =
            if replays > progress.replays { progress.replayed(replays, Timestamp::now()) } else { progress };
        return Ok(Job { event, replays: progress.replays, progress: Some(progress) });
    }
    let texts: Vec<_> =
        message.headers.iter().filter_map(|(name, value)| Some((name, header_text(value)?))).collect();
    let headers: Vec<_> = texts.iter().map(|(name, text)| (*name, text.as_ref())).collect();
    let event = messages::decode(&Incoming { content_type, headers: &headers, body: &message.body })?;
    Ok(Job { event, progress: None, replays })
}

/// A header as CloudEvents in binary mode wants it: publishers send attributes in AMQP's own types as well.
fn header_text(value: &broker::Value) -> Option<Cow<'_, str>> {
    Some(match value {
        broker::Value::Text(text) => Cow::Borrowed(text),
        broker::Value::Int(number) => Cow::Owned(number.to_string()),
        broker::Value::Bool(value) => Cow::Owned(value.to_string()),
        broker::Value::Time(seconds) => {
            Cow::Owned(Timestamp::from_second(i64::try_from(*seconds).ok()?).ok()?.to_string())
        }
        _ => return None,
    })
}

impl Job {
    fn key(&self) -> Key {
        let progress = self.progress.as_ref();
        Key {
            run_id: self.event.run_id(),
            replays: self.replays,
            attempt: progress.map_or(1, |progress| progress.attempt),
            steps: progress.map(|progress| progress.records.len()),
            sleeps: progress.map_or(0, |progress| progress.sleeps),
        }
    }
}
