//! The books of callers, alone and under random schedules of many.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use super::*;

fn callers() -> Arc<Callers> {
    let most = Most { instance_requests: 3, admin_requests: 1, activations: 1, bytes: 100 };
    Arc::new(Callers::new(most))
}

fn code(refused: Result<impl std::fmt::Debug, Refusal>) -> ErrorCode {
    refused.unwrap_err().code
}

/// Runs a story that is the same in each schedule.
fn once(story: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(story, 1);
}

#[test]
fn a_caller_beyond_its_share_takes_nothing_from_another() {
    once(|| {
        let callers = callers();
        let held: Vec<_> = (0..3).map(|_| callers.enter(Caller::Instance(1)).unwrap()).collect();
        let refused = callers.enter(Caller::Instance(1)).unwrap_err();
        assert_eq!(refused.code, ErrorCode::RateLimited);
        assert!(refused.retry_after.is_some());
        assert!(callers.enter(Caller::Instance(2)).is_ok());
        assert!(callers.enter(Caller::Admin([1; 32])).is_ok());
        drop(held);
        assert!(callers.enter(Caller::Instance(1)).is_ok());
        assert!(callers.books().of_callers.is_empty(), "nothing stays of those who are answered");
    });
}

#[test]
fn the_bodies_of_one_caller_leave_room_for_others() {
    once(|| {
        let callers = callers();
        let caller_permit = |n| callers.enter(Caller::Instance(n)).unwrap();
        let (mut one, mut two) = (caller_permit(1), caller_permit(1));
        one.charge(40).unwrap();
        two.charge(20).unwrap();
        assert_eq!(code(two.charge(1)), ErrorCode::RateLimited);
        let mut other = caller_permit(2);
        other.charge(40).unwrap();
        assert_eq!(code(other.charge(1)), ErrorCode::Overloaded);
        one.discharge();
        other.charge(1).unwrap();
        assert_eq!(
            callers.books().of_callers[&Caller::Instance(1)].requests,
            2,
            "not answered yet"
        );
        drop((one, two));
        other.charge(59).unwrap();
        drop(other);
        assert_eq!(callers.books().bytes, 0);
    });
}

/// What requests hold at this moment, counted by the requests themselves.
#[derive(Default)]
struct Held {
    requests: [AtomicUsize; 2],
    bytes: AtomicUsize,
}

/// Ten requests of two instances, which is more than they may have. Each comes, sends a body in pieces and
/// goes.
#[test]
fn no_share_is_exceeded_and_each_is_given_back() {
    shuttle::check_random(
        || {
            let (callers, held) = (callers(), Arc::new(Held::default()));
            let requests: Vec<_> = (0..10)
                .map(|n| {
                    let (callers, held) = (Arc::clone(&callers), Arc::clone(&held));
                    thread::spawn(move || request(n % 2, &callers, &held))
                })
                .collect();
            for request in requests {
                request.join().unwrap();
            }
            let books = callers.books();
            assert!(books.of_callers.is_empty() && books.bytes == 0, "{books:?}");
        },
        2_000,
    );
}

fn request(instance: usize, callers: &Arc<Callers>, held: &Held) {
    let Ok(mut caller_permit) = callers.enter(Caller::Instance(i64::from(instance != 0))) else {
        return;
    };
    let own = &held.requests[instance];
    assert!(own.fetch_add(1, Ordering::SeqCst) < 3, "an instance has more than its share");
    let mut charged = 0;
    for _ in 0..3 {
        let piece = thread_rng().gen_range(1..40);
        thread::yield_now();
        if caller_permit.charge(piece).is_err() {
            break;
        }
        charged += piece;
        let all = held.bytes.fetch_add(piece, Ordering::SeqCst) + piece;
        assert!(all <= 100, "the bodies of all are more than they may be");
    }
    held.bytes.fetch_sub(charged, Ordering::SeqCst);
    own.fetch_sub(1, Ordering::SeqCst);
    drop(caller_permit);
}
