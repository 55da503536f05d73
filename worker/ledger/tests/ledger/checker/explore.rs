//! Looks through every world that can be reached, breadth first.

use std::collections::{HashMap, VecDeque};

use ledger::{Rules, State};

use super::{
    mistakes::{Mistake, Mistaken},
    model::World,
    scenario::{Final, Scenario},
    steps::Step,
};

/// What was found.
pub enum Found {
    /// So many worlds, and every promise was kept in each.
    Nothing { worlds: usize },
    /// A promise that was broken, and the shortest way there.
    Violation { what: String, history: Vec<Step>, worlds: usize },
}

/// How each world was first reached, and where its steps lead.
#[derive(Default)]
struct Graph {
    reached_by: Vec<Option<(u32, Step)>>,
    edges: Vec<(u32, u32)>,
    at_rest: Vec<u32>,
}

impl Graph {
    fn history(&self, mut world: u32) -> Vec<Step> {
        let mut history = Vec::new();
        while let Some((before, step)) = self.reached_by[world as usize] {
            history.push(step);
            world = before;
        }
        history.reverse();
        history
    }

    /// The first world from which nothing leads to an end.
    fn endless(&self) -> Option<u32> {
        let mut backwards: Vec<Vec<u32>> = vec![Vec::new(); self.reached_by.len()];
        for (from, to) in &self.edges {
            backwards[*to as usize].push(*from);
        }
        let mut ends = vec![false; self.reached_by.len()];
        let mut next = self.at_rest.clone();
        while let Some(world) = next.pop() {
            if !std::mem::replace(&mut ends[world as usize], true) {
                next.extend(&backwards[world as usize]);
            }
        }
        ends.iter().position(|ends| !ends).map(|world| u32::try_from(world).unwrap())
    }
}

/// Every world of a scenario, worked by workers that make one mistake or none.
pub fn explore<R: Rules + Clone>(scenario: &Scenario, mistake: Mistake) -> Found {
    let with_arrival = mistake == Mistake::OrderOfArrival;
    Mistaken::make(mistake);
    let mut known: HashMap<u64, u32> = HashMap::new();
    let mut graph = Graph::default();
    let first = World::<R>::new(scenario);
    known.insert(first.fingerprint(with_arrival), 0);
    graph.reached_by.push(None);
    let mut next = VecDeque::from([(0, first)]);
    while let Some((number, world)) = next.pop_front() {
        let what = world.violation.map(str::to_owned).or_else(|| check(&world, scenario, number, &mut graph));
        if let Some(what) = what {
            return Found::Violation { what, history: graph.history(number), worlds: known.len() };
        }
        for step in world.steps(scenario, mistake) {
            let after = world.after(step, scenario, mistake);
            let count = u32::try_from(known.len()).unwrap();
            let to = *known.entry(after.fingerprint(with_arrival)).or_insert(count);
            graph.edges.push((number, to));
            if to == count {
                graph.reached_by.push(Some((number, step)));
                next.push_back((to, after));
            }
        }
    }
    match graph.endless() {
        Some(world) => {
            let what = "a run that never ends".to_owned();
            Found::Violation { what, history: graph.history(world), worlds: known.len() }
        }
        None => Found::Nothing { worlds: known.len() },
    }
}

/// What is wrong with a world in which nothing is left to do; notes it, if it is one.
fn check<R: Rules + Clone>(
    world: &World<R>,
    scenario: &Scenario,
    number: u32,
    graph: &mut Graph,
) -> Option<String> {
    let is_at_rest = world.queue.is_empty()
        && world.workers.is_empty()
        && world.orphans.is_empty()
        && world.today == scenario.last_day();
    if !is_at_rest {
        return None;
    }
    graph.at_rest.push(number);
    let mut states = Vec::new();
    for (number, event) in scenario.events.iter().enumerate() {
        let number = u8::try_from(number).unwrap();
        let state = if event.is_rejected { Some(State::Failed) } else { world.state_of(scenario, number) };
        match state {
            Some(state) if state.is_over() => states.push(state),
            other => return Some(format!("no message carries event {number}, and its run is {other:?}")),
        }
        if !world.announced[usize::from(number)] {
            return Some(format!("the end of event {number} was never announced"));
        }
    }
    let mut holds = world.ledger.people().flat_map(|person| &person.holds);
    // A worker that died after its run had ended leaves a hold, which is passed over.
    let is_live = |hold: &ledger::Hold| {
        world
            .ledger
            .person_of(hold.run)
            .and_then(|it| it.run(hold.run))
            .is_some_and(|run| !run.state.is_over())
    };
    if holds.any(is_live) {
        return Some("a hold of a run that goes on outlives all workers".to_owned());
    }
    let (is_in, values) = (world.is_in, world.values);
    let end = Final { is_in, values, states };
    let text = format!("ends with is_in {is_in}, values {values:?}, states {:?}", end.states);
    (!(scenario.ends_well)(&end)).then_some(text)
}
