//! How a delivery ends: the steps, each confirmed before the next.

use crate::person::State;

/// How a delivery ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// The run has ended.
    Over(State),
    /// The run goes on later, from a message in the delay: asleep, waiting or braked.
    Later(State),
    /// Another message carries the run, or it has ended already. A delivery that acted still releases.
    NotOurs {
        /// Whether it had been granted a hold.
        held: bool,
    },
}

/// A step of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Publish the results.
    Results,
    /// Publish the message that carries the run on.
    Continuation,
    /// Set the message aside.
    DeadLetter,
    /// Publish the release with this state.
    Release(State),
    /// Acknowledge the message.
    Acknowledge,
}

impl Ending {
    /// The steps, in order. A release before the continuation, or an acknowledgement before the release, would leave
    /// runs that never end.
    pub fn steps(self) -> Vec<Step> {
        match self {
            Self::Over(state @ State::SetAside) => {
                vec![Step::Results, Step::DeadLetter, Step::Release(state), Step::Acknowledge]
            }
            Self::Over(state) => vec![Step::Results, Step::Release(state), Step::Acknowledge],
            Self::Later(state) => {
                vec![Step::Results, Step::Continuation, Step::Release(state), Step::Acknowledge]
            }
            // The state says nothing new: a release of what was passed by only clears.
            Self::NotOurs { held: true } => vec![Step::Release(State::Waiting), Step::Acknowledge],
            Self::NotOurs { held: false } => vec![Step::Acknowledge],
        }
    }
}
