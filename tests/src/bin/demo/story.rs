//! The story, act by act. Each act makes something happen, shows it, and checks it.

use std::collections::BTreeSet;
use std::time::Instant;

use jiff::Timestamp;
use messages::{KnownState, Outcome, ResultData, ResultEvent, RunFinished, RunWaiting, State, StepFinished};
use msgraph_emulator::{Entry, Fault};
use serde_json::Value;
use system_tests::contoso;
use system_tests::settings::setting;
use system_tests::site::{LOOK, PATIENCE, Site, Trouble};
use uuid::Uuid;

use crate::DEMO;
use crate::names::Names;
use crate::screen::{self, Screen, Style};

/// Attempts at a stage before a run fails.
const MAX_ATTEMPTS: u32 = 3;

/// People of the tenant besides those of the story.
const COLLEAGUES: u64 = 200;

/// Shows everything, act by act.
pub async fn tell(screen: &Screen, url: &str, broker: &broker::Settings) -> Result<(), Trouble> {
    let began = Instant::now();
    let mut site = Site::open(DEMO, contoso::tenant().crowd(1, COLLEAGUES).lifelike(), url, broker).await?;
    // Few attempts, so that the demo shows the end of Grace's run.
    site.set(setting("RETRY__MAX_ATTEMPTS", MAX_ATTEMPTS));
    site.start_worker()?;
    site.start_worker()?;
    site.ready().await?;
    let title = screen.paint(Style::Bold, "Gatehouse at work:");
    screen.line(&format!("{title} two workers, RabbitMQ, and Contoso, an emulated tenant"))?;
    let mut story = Story { screen, site, received: Vec::new() };
    story.show_events().await?;
    story.show_files()?;
    story.show_tenant()?;
    story.show_dead_letters().await?;
    story.show_replay().await?;
    story.show_sync().await?;
    story.end(began).await
}

struct Story<'a> {
    screen: &'a Screen,
    site: Site,
    /// Every result so far.
    received: Vec<ResultEvent>,
}

impl Story<'_> {
    async fn show_events(&mut self) -> Result<(), Trouble> {
        self.screen.act("What became of each event, step by step")?;
        self.trouble_for_grace()?;
        let events = [
            ("hire-ada.json", contoso::hire()),
            ("leave-edsger.json", contoso::leaver()),
            ("leave-grace.json", contoso::troubled_leaver()),
        ];
        for (file, event) in events {
            self.site.write(file, &serde_json::to_string_pretty(&event)?)?;
        }
        self.screen.command("gatehouse publish hire-ada.json leave-edsger.json leave-grace.json", "")?;
        self.site.gatehouse(&["publish", "hire-ada.json", "leave-edsger.json", "leave-grace.json"]).await?;
        let hired = self.end_of("hire-1815", 0).await?;
        self.screen.event("hire-ada.json", "Ada Lovelace starts", Some(screen::state(hired.state)))?;
        self.show_steps(contoso::ADA, &hired, 0)?;
        insist(hired.state == State::Succeeded && hired.steps.len() == 6, "Ada's run should succeed")?;
        self.show_leaver().await?;
        self.show_duplicate().await?;
        self.show_invalid().await?;
        self.show_trouble().await
    }

    /// Edsger's run, from the lock-out to the day on which his account goes.
    async fn show_leaver(&mut self) -> Result<(), Trouble> {
        let asleep = self.asleep_in("leave-1930", "delete").await?;
        self.screen.event("leave-edsger.json", "Edsger Dijkstra leaves", None)?;
        let names: Vec<_> = self.steps_of(asleep.run_id, 0).map(|step| step.step.clone()).collect();
        let steps = self.steps_of(asleep.run_id, 0).cloned().collect::<Vec<_>>();
        let (quiet, steps): (Vec<_>, Vec<_>) = steps.into_iter().partition(is_unchanged);
        for step in &steps {
            insist(step.failure.is_none(), &format!("{} should not fail", step.step))?;
            self.show_step(contoso::EDSGER, step)?;
        }
        let text = format!("{} steps had nothing to do", quiet.len());
        self.screen.row("the others", (Style::Dim, "unchanged"), &text)?;
        let until = asleep.until.strftime("%Y-%m-%d");
        self.screen.row(
            "delete_user",
            (Style::Yellow, "sleeps"),
            &format!("in the broker, until {until}"),
        )?;
        insist(names.iter().collect::<BTreeSet<_>>().len() == names.len(), "each step should end once")
    }

    /// Shows each of Edsger's files, from the list beside the copies.
    fn show_files(&self) -> Result<(), Trouble> {
        self.screen.act("Edsger's files in Grace's OneDrive, by path, size and hash")?;
        let day = Timestamp::now().strftime("%Y-%m-%d");
        let path = format!("Files of Edsger Dijkstra, {day}/Gatehouse migration.csv");
        let list = self.site.emulator.file("grace@contoso.example", &path);
        let list = String::from_utf8(list.ok_or("the list of the files should be there")?)?;
        let mut results = Vec::new();
        for line in list.lines().skip(1) {
            let [path, _, result, _, size, copied, hash, copied_hash] = fields(line);
            results.push(result.clone());
            if size.is_empty() {
                continue;
            }
            let sizes =
                if size == copied { format!("{size} bytes") } else { format!("{size} bytes, now {copied}") };
            let hashes = if hash == copied_hash { "same hash" } else { "another hash" };
            let text = format!("{path}: {sizes}, {hashes}");
            self.screen.file(&result, &text)?;
        }
        let count = |result: &str| results.iter().filter(|its| *its == result).count();
        insist(results.len() == 6, "four files and two folders should be listed")?;
        insist(count("identical") == 4, "what can be the same should be")?;
        insist(count("rewritten by the service") == 1 && count("renamed") == 1, "and two should not")
    }

    /// Makes requests for Grace fail: she leaves her team, then Graph throttles, then Graph fails.
    fn trouble_for_grace(&self) -> Result<(), Trouble> {
        let names = Names::of(&self.site.emulator);
        let path = format!("/members/{}/$ref", names.id(contoso::GRACE).ok_or("Grace should be there")?);
        self.site.emulator.fault(Fault::status(429).path(&path).nth(1).retry_after("1"));
        self.site.emulator.fault(Fault::status(503).path(&path).from(2));
        Ok(())
    }

    async fn show_duplicate(&mut self) -> Result<(), Trouble> {
        self.screen.command("gatehouse publish hire-ada.json", "the same event again")?;
        let (from, effects) = (self.received.len(), self.effects_about(contoso::ADA).len());
        self.site.gatehouse(&["publish", "hire-ada.json"]).await?;
        let stands = loop {
            let found = self.results_of("hire-1815", from).find_map(|data| match data {
                ResultData::EventDuplicate(event) => Some(event.state),
                _ => None,
            });
            match found {
                Some(state) => break state,
                None => self.receive().await?,
            }
        };
        insist(stands == KnownState::Done, "the run of a duplicate should be known")?;
        insist(self.effects_about(contoso::ADA).len() == effects, "a duplicate should change nothing")?;
        let text = "its run has reached its end; nothing is done again";
        Ok(self.screen.row("the event", (Style::Yellow, "duplicate"), text)?)
    }

    async fn show_invalid(&mut self) -> Result<(), Trouble> {
        let what = "Ada, by a script that checks nothing";
        self.site.publish_unchecked("onboarding.requested", &contoso::nameless()).await?;
        let refused = self.end_of("hire-1852", 0).await?;
        insist(refused.state == State::Rejected, "the invalid event should be rejected")?;
        insist(refused.violations.len() == 2, "both mistakes should be named")?;
        self.screen.event("(plain AMQP)", what, Some(screen::state(refused.state)))?;
        refused.violations.iter().try_for_each(|violation| {
            let (_, field) = violation.pointer.rsplit_once('/').unwrap_or_default();
            Ok(self.screen.row(field, (Style::Yellow, "violation"), &violation.message)?)
        })
    }

    /// Shows Grace's run while it happens: sign-in and team succeed, the next stage is delayed twice and then fails, and
    /// what does not need it goes on.
    async fn show_trouble(&mut self) -> Result<(), Trouble> {
        self.screen.event("leave-grace.json", "Grace Hopper leaves, while Graph fails", None)?;
        let is_removal = |data: &ResultData| match data {
            ResultData::StepFinished(step) => (step.step == "remove_from_teams").then_some(step.run_id),
            _ => None,
        };
        let run = loop {
            let found = self.results_of("leave-1906", 0).find_map(is_removal);
            if let Some(run) = found {
                break run;
            }
            self.receive().await?;
        };
        let done = self.steps_of(run, 0).filter(|step| !is_unchanged(step));
        let done: Vec<_> = done.map(|step| step.step.as_str()).collect();
        let text = done.join(", ");
        self.screen.row("lock out to teams", screen::outcome(Outcome::Changed), &text)?;
        for attempt in 1..MAX_ATTEMPTS {
            let status = self.failed_request(attempt).await?.status.unwrap_or_default();
            let text = format!("Graph answers {status}; attempt {} follows", attempt + 1);
            self.screen.row("remove_from_groups", (Style::Yellow, "delayed"), &text)?;
        }
        self.failed_request(MAX_ATTEMPTS).await?;
        let end = self.end_of("leave-1906", 0).await?;
        let failed: Vec<_> = self.steps_of(run, 0).filter(|step| step.failure.is_some()).cloned().collect();
        failed.iter().try_for_each(|step| self.show_step(contoso::GRACE, step))?;
        let code = end.failure.as_ref().map(|failure| failure.code.as_str());
        insist(end.state == State::Failed, "Grace's run should fail")?;
        insist(code == Some("retries_exhausted"), "Grace's run should fail for want of further attempts")
    }

    /// The request that failed in an attempt.
    async fn failed_request(&self, attempt: u32) -> Result<Entry, Trouble> {
        let mut looks = tokio::time::interval(LOOK);
        let spoiled = async {
            loop {
                let journal = self.site.emulator.journal().into_iter();
                let mut spoiled = journal.filter(|entry| entry.fault.is_some());
                if let Some(entry) = spoiled.nth(attempt as usize - 1) {
                    return entry;
                }
                looks.tick().await;
            }
        };
        let spoiled = tokio::time::timeout(PATIENCE, spoiled).await;
        Ok(spoiled.map_err(|_| format!("attempt {attempt} at Grace's run did not come"))?)
    }

    fn show_tenant(&self) -> Result<(), Trouble> {
        self.screen.act("What changed in the tenant")?;
        let all = self.site.emulator.effects();
        let mut shown = 0;
        for (person, expected) in [(contoso::ADA, 6), (contoso::EDSGER, 14), (contoso::GRACE, 7)] {
            let effects = self.effects_about(person);
            let found = effects.len();
            insist(found == expected, &format!("{person} should have {expected} changes, not {found}"))?;
            self.screen.changes(person, &effects)?;
            shown += effects.len();
        }
        let files = all.iter().filter(|effect| is_about_files(effect)).count();
        let moved = ["+ a folder", "+ 6 items copied", "+ the list of them"].map(ToOwned::to_owned);
        self.screen.changes("Grace's files", &moved)?;
        insist(files == moved.len() && shown + files == all.len(), "nothing else should have changed")?;
        insist(unique(&all), "nothing should be changed twice")
    }

    async fn show_dead_letters(&mut self) -> Result<(), Trouble> {
        self.screen.act("The dead letters, and why")?;
        self.screen.command("gatehouse dead list", "")?;
        let list = self.site.gatehouse(&["dead", "list"]).await?;
        self.screen.line(&list)?;
        let classes: BTreeSet<_> =
            self.dead_letters().await?.into_iter().map(|letter| letter.class).collect();
        let expected = BTreeSet::from(["invalid_event".to_owned(), "retries_exhausted".to_owned()]);
        insist(classes == expected, "there should be one dead letter of each kind")
    }

    async fn show_replay(&mut self) -> Result<(), Trouble> {
        self.screen.act("Graph works again: the run resumes at the step that failed")?;
        self.site.emulator.clear_faults();
        let letters = self.dead_letters().await?;
        let id_of = |class: &str| letters.iter().find(|letter| letter.class == class).map(|found| &found.id);
        let stuck = id_of("retries_exhausted").ok_or("Grace's run should be a dead letter")?;
        let invalid = id_of("invalid_event").ok_or("the invalid event should be a dead letter")?;
        let (from, before) = (self.received.len(), self.effects_about(contoso::GRACE).len());
        self.operate(&["dead", "replay", stuck, "--why", "Graph is up"]).await?;
        let end = self.end_of("leave-1906", from).await?;
        self.screen.event("leave-grace.json", "Grace Hopper leaves", Some(screen::state(end.state)))?;
        self.show_steps(contoso::GRACE, &end, from)?;
        let ran = self.steps_of(end.run_id, from).filter(|step| step.outcome != Outcome::Skipped);
        let ran: Vec<_> = ran.map(|step| step.step.as_str()).collect();
        insist(ran == ["remove_from_groups"], "only the step that failed should run")?;
        insist(end.state == State::Succeeded && end.replays == 1, "the replayed run should succeed")?;
        let effects = self.effects_about(contoso::GRACE);
        insist(effects.len() == before + 1, "the replay should make the one change that was missing")?;
        self.operate(&["dead", "discard", invalid, "--yes", "--why", "HR corrected it"]).await
    }

    /// Reads the tenant, which changes nothing.
    async fn show_sync(&mut self) -> Result<(), Trouble> {
        self.screen.act("Which apps people open")?;
        let effects = self.site.emulator.effects().len();
        let arguments = ["sync", "usage", "--days", "7"];
        self.screen.command(&format!("gatehouse {}", arguments.join(" ")), "reads, and changes nothing")?;
        let tables = self.site.gatehouse(&arguments).await?;
        // The tables of departments and of unused licences would fill another screen.
        let shown = tables.split_once("\n\nDepartments").map_or(tables.as_str(), |(shown, _)| shown);
        self.screen.line(&format!("{}\n…", shown.trim_end()))?;
        insist(tables.contains("7 of 7 days"), "there should be figures of every day")?;
        insist(self.site.emulator.effects().len() == effects, "a sync should change nothing")
    }

    /// Checks that no dead letter is left and stops the workers.
    async fn end(self, began: Instant) -> Result<(), Trouble> {
        insist(self.dead_letters().await?.is_empty(), "no dead letter should be left")?;
        let effects = self.site.emulator.effects();
        insist(unique(&effects), "nothing should be changed twice")?;
        self.site.close().await?;
        let seconds = began.elapsed().as_secs_f64();
        let text =
            format!("Everything is as expected: {} changes, none twice, {seconds:.1} s", effects.len());
        Ok(self.screen.line(&self.screen.paint(Style::Green, &text))?)
    }

    /// Shows the steps of a run in their order, from results later than `from`.
    fn show_steps(&self, person: &str, end: &RunFinished, from: usize) -> Result<(), Trouble> {
        let place = |name: &str| end.steps.iter().position(|step| step.step == name);
        let mut steps: Vec<_> = self.steps_of(end.run_id, from).collect();
        steps.sort_by_key(|step| place(&step.step));
        steps.retain(|step| step.outcome != Outcome::Skipped);
        steps.into_iter().try_for_each(|step| self.show_step(person, step))
    }

    fn show_step(&self, person: &str, step: &StepFinished) -> Result<(), Trouble> {
        let names = Names::of(&self.site.emulator);
        let mut sentences = if verified(step).is_some() { Vec::new() } else { step.changes.clone() };
        sentences.extend(verified(step));
        let left = step.left.iter().filter(|left| left.code == "dynamic_group");
        sentences.extend(left.map(|left| format!("left: {}", left.detail)));
        sentences
            .extend(step.failure.iter().map(|failure| format!("{}; the run is set aside", failure.code)));
        sentences.extend(step.reason.clone());
        let text = names.about(person, &sentences.join("; "));
        Ok(self.screen.row(&step.step, screen::outcome(step.outcome), &text)?)
    }

    /// Runs a command of an operator and shows what it says.
    async fn operate(&self, arguments: &[&str]) -> Result<(), Trouble> {
        let quoted = arguments.iter().map(|argument| {
            if argument.contains(' ') { format!("\"{argument}\"") } else { (*argument).to_owned() }
        });
        let typed: Vec<_> = quoted.collect();
        self.screen.command(&format!("gatehouse {}", typed.join(" ")), "")?;
        let said = self.site.gatehouse(arguments).await?;
        Ok(self.screen.line(&said)?)
    }

    /// Waits until the run of this event ends, in a result later than `from`.
    async fn end_of(&mut self, event: &str, from: usize) -> Result<RunFinished, Trouble> {
        loop {
            let end = self.results_of(event, from).find_map(|data| match data {
                ResultData::RunFinished(end) => Some(end.clone()),
                _ => None,
            });
            match end {
                Some(end) => return Ok(end),
                None => self.receive().await?,
            }
        }
    }

    async fn receive(&mut self) -> Result<(), Trouble> {
        let received = self.site.received().await?;
        self.received.push(received);
        Ok(())
    }

    /// Waits until the run of this event sleeps before this stage.
    async fn asleep_in(&mut self, event: &str, stage: &str) -> Result<RunWaiting, Trouble> {
        loop {
            let asleep = self.results_of(event, 0).find_map(|data| match data {
                ResultData::RunWaiting(asleep) if asleep.stage == stage => Some(asleep.clone()),
                _ => None,
            });
            match asleep {
                Some(asleep) => return Ok(asleep),
                None => self.receive().await?,
            }
        }
    }

    /// What the results of an event say, from results later than `from`.
    fn results_of(&self, event: &str, from: usize) -> impl Iterator<Item = &ResultData> {
        let of_event = move |result: &&ResultEvent| result.cause.causation_id.as_deref() == Some(event);
        self.received.iter().skip(from).filter(of_event).map(|result| &result.data)
    }

    /// The steps of a run, from results later than `from`.
    fn steps_of(&self, run: Uuid, from: usize) -> impl Iterator<Item = &StepFinished> {
        self.received.iter().skip(from).filter_map(move |result| match &result.data {
            ResultData::StepFinished(step) if step.run_id == run => Some(step),
            _ => None,
        })
    }

    /// The changes to a person, from the tenant's journal.
    fn effects_about(&self, person: &str) -> Vec<String> {
        let names = Names::of(&self.site.emulator);
        let effects = self.site.emulator.effects();
        let theirs = effects.iter().filter(|effect| names.first_in(effect) == Some(person));
        theirs.map(|effect| names.signed(person, effect)).collect()
    }

    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, Trouble> {
        let list = self.site.gatehouse(&["dead", "list", "--output", "json"]).await?;
        Ok(list.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
    }
}

/// What matters here of a line of `gatehouse dead list --output json`.
#[derive(serde::Deserialize)]
struct DeadLetter {
    id: String,
    class: String,
}

/// Whether a step had nothing to do.
fn is_unchanged(step: &StepFinished) -> bool {
    matches!(step.outcome, Outcome::Unchanged | Outcome::Skipped)
}

/// The counts of a comparison of files, in place of the sentence about the list.
fn verified(step: &StepFinished) -> Option<String> {
    let count = |name: &str| step.details.get(name).and_then(Value::as_u64);
    let (items, failed) = (count("items")?, count("failed")?);
    let (same, rewritten, renamed) = (count("identical")?, count("rewritten")?, count("renamed")?);
    Some(format!(
        "{items} items: {same} identical, {rewritten} rewritten by SharePoint, {renamed} renamed, {failed} failed"
    ))
}

/// Whether a change is one to files in a OneDrive.
fn is_about_files(effect: &str) -> bool {
    ["create folder ", "copy ", "write "].iter().any(|start| effect.starts_with(start))
}

/// The fields of a line of the list of files.
fn fields(line: &str) -> [String; 8] {
    let (mut fields, mut at, mut quoted): ([String; 8], usize, bool) = Default::default();
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => at += 1,
            c => fields.get_mut(at).into_iter().for_each(|field| field.push(c)),
        }
    }
    fields
}

fn insist(holds: bool, otherwise: &str) -> Result<(), Trouble> {
    if holds {
        Ok(())
    } else {
        Err(format!("the demo shows something else than expected: {otherwise}").into())
    }
}

fn unique(effects: &[String]) -> bool {
    effects.iter().collect::<BTreeSet<_>>().len() == effects.len()
}
