//! Whether what several clients saw can have happened one after the other (Herlihy and Wing,
//! "Linearizability", 1990; the search is Wing and Gong's, with Lowe's memory of dead ends).

use std::collections::HashSet;
use std::hash::Hash;
use std::time::Instant;

/// What a thing does by itself.
pub trait Model: Clone + Eq + Hash {
    /// What a client does.
    type Step;
    /// What it is told.
    type Told: PartialEq;

    /// The states that a step may lead to, each with what whoever takes the step is told then.
    fn take(&self, step: &Self::Step) -> Vec<(Self, Self::Told)>;
}

/// A step of a client, when it was sent and answered, and the answer.
#[derive(Debug, Clone)]
pub struct Seen<M: Model> {
    /// What the client did.
    pub step: M::Step,
    /// What it was told.
    pub told: M::Told,
    /// When it was sent.
    pub sent: Instant,
    /// When it was answered.
    pub answered: Instant,
}

/// Whether there is an order of all that was seen, in which nothing comes before what was answered
/// before it was sent, and each answer is the model's.
#[must_use]
pub fn is_linear<M: Model>(start: M, seen: &[Seen<M>]) -> bool {
    assert!(seen.len() <= 64, "a set of steps is a number");
    let all = if seen.len() == 64 { u64::MAX } else { (1 << seen.len()) - 1 };
    let (mut dead_ends, mut open) = (HashSet::new(), vec![(0_u64, start)]);
    while let Some((done, state)) = open.pop() {
        if done == all {
            return true;
        }
        if !dead_ends.insert((done, state.clone())) {
            continue;
        }
        let left = || seen.iter().enumerate().filter(|(at, _)| done & 1 << at == 0);
        let first_answer = left().map(|(_, seen)| seen.answered).min();
        for (at, next) in left() {
            if first_answer.is_some_and(|answered| next.sent > answered) {
                continue; // another step was over before this one began
            }
            let outcomes = state.take(&next.step).into_iter();
            let told = outcomes.filter(|(_, told)| *told == next.told);
            open.extend(told.map(|(state, _)| (done | 1 << at, state)));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq, Hash)]
    struct Register(u8);

    #[derive(Debug, Clone)]
    enum Access {
        Write(u8),
        Read,
    }

    impl Model for Register {
        type Step = Access;
        type Told = u8;

        fn take(&self, step: &Access) -> Vec<(Self, u8)> {
            let value = match step {
                Access::Write(value) => *value,
                Access::Read => self.0,
            };
            vec![(Self(value), value)]
        }
    }

    #[test]
    fn an_old_value_after_a_new_one_is_noticed() {
        let began = Instant::now();
        let at = |ms| began + Duration::from_millis(ms);
        let seen = |step, told, sent, answered| Seen::<Register> {
            step,
            told,
            sent: at(sent),
            answered: at(answered),
        };
        let write = seen(Access::Write(1), 1, 0, 10);
        let old = |sent, answered| seen(Access::Read, 0, sent, answered);
        let new = |sent, answered| seen(Access::Read, 1, sent, answered);
        let is_linear = |history: &[Seen<Register>]| is_linear(Register(0), history);
        assert!(is_linear(&[write.clone(), old(1, 2), new(3, 4)]));
        assert!(is_linear(&[write.clone(), old(1, 9), new(3, 4)]));
        assert!(!is_linear(&[write.clone(), new(1, 2), old(3, 4)]));
        assert!(!is_linear(&[write, old(11, 12)]));
    }
}
