//! Tests of the roster: which connection has to go, and whose it is.

use clap::{Args, FromArgMatches};
use futures_util::FutureExt;

use super::*;

fn roster(most: usize, flags: &[&str]) -> Arc<Roster> {
    let command = LimitsSettings::augment_args(clap::Command::new("hubd"));
    let matches = command.try_get_matches_from(["hubd"].iter().chain(flags)).unwrap();
    Roster::new(most, &LimitsSettings::from_arg_matches(&matches).unwrap())
}

fn enter(roster: &Arc<Roster>, peer: &str) -> Place {
    enter_at(roster, peer, 1).expect("there is room")
}

fn enter_at(roster: &Arc<Roster>, peer: &str, now: u64) -> Option<Place> {
    roster.try_enter(peer.parse().unwrap(), now)
}

/// The turn of a request, if it can be had now.
fn turn(place: &Place) -> Option<Turn> {
    place.turn().now_or_never()
}

fn is_closing(place: &Place) -> bool {
    place.closing().now_or_never().is_some()
}

#[test]
fn the_connection_that_was_idle_for_longest_makes_room() {
    let roster = roster(3, &[]);
    let places: Vec<Place> = (0..3).map(|_| enter(&roster, "192.0.2.1")).collect();
    for (place, since) in places.iter().zip([5, 3, 4]) {
        place.connection.since.store(since, Ordering::Relaxed);
    }
    let _first = turn(&places[1]).unwrap();
    let next = enter_at(&roster, "192.0.2.1", 10).unwrap();
    assert!(is_closing(&places[2]) && !is_closing(&places[0]) && !is_closing(&places[1]));
    let _second = turn(&places[0]).unwrap();
    let third = turn(&next).unwrap();
    assert!(enter_at(&roster, "192.0.2.1", 20).is_none(), "all are at work");
    third.wait();
    assert!(enter_at(&roster, "192.0.2.1", 20).is_some(), "a body that is awaited is no work");
    assert!(is_closing(&next));
}

#[test]
fn strangers_of_an_address_are_limited_and_the_proven_are_not() {
    let roster = roster(100, &["--address-connections=2", "--trusted-proxies=10.0.0.0/8"]);
    let first = enter(&roster, "192.0.2.1");
    let second = enter(&roster, "::ffff:192.0.2.1");
    let third = enter(&roster, "192.0.2.1");
    assert!(!first.is_beyond() && !second.is_beyond() && third.is_beyond());
    turn(&third).unwrap().prove();
    assert!(!third.is_beyond());
    turn(&first).unwrap().prove();
    assert!(!enter(&roster, "192.0.2.1").is_beyond(), "the first counts no more");
    let other = enter(&roster, "192.0.2.2");
    assert!(!other.is_beyond());
    let proxied: Vec<Place> = (0..3).map(|_| enter(&roster, "10.0.0.1")).collect();
    assert!(proxied.iter().all(|place| !place.is_beyond()));
    drop((first, second, third, other, proxied));
    assert!(roster.books().connections.is_empty() && roster.books().addresses.is_empty());
}

#[test]
fn an_address_has_few_connections_beyond_its_limit() {
    let roster = roster(1000, &["--address-connections=1"]);
    let _within = enter(&roster, "2001:db8::1");
    let beyond: Vec<Place> = (0..=MOST_BEYOND).map(|_| enter(&roster, "2001:db8::2")).collect();
    assert!(beyond.iter().skip(1).all(|place| place.is_beyond() && !is_closing(place)));
    assert!(is_closing(&beyond[0]), "the oldest makes room");
    drop(beyond);
    assert_eq!(roster.books().connections.len(), 1);
}

#[test]
fn a_strangers_connection_has_one_turn_at_a_time_and_a_proven_one_has_many() {
    let roster = roster(100, &["--instance-requests=3", "--trusted-proxies=10.0.0.0/8"]);
    let stranger = enter(&roster, "192.0.2.1");
    let first = turn(&stranger).unwrap();
    assert!(turn(&stranger).is_none());
    first.prove();
    first.prove();
    let others: Vec<Turn> = (0..2).map(|_| turn(&stranger).unwrap()).collect();
    assert!(turn(&stranger).is_none(), "as many as an instance may have in flight");
    let kept = first.rest();
    assert!(turn(&stranger).is_none(), "the answer is not sent");
    drop(kept);
    assert!(turn(&stranger).is_some());
    drop(others);
    assert!(!stranger.is_at_work());
    let proxy = enter(&roster, "10.0.0.1");
    let turns: Vec<Option<Turn>> = (0..4).map(|_| turn(&proxy)).collect();
    assert_eq!(turns.iter().flatten().count(), 3);
}

#[test]
fn a_connection_is_at_work_while_one_of_its_turns_is() {
    let roster = roster(100, &["--trusted-proxies=10.0.0.0/8"]);
    let place = enter(&roster, "10.0.0.1");
    let (one, other) = (turn(&place).unwrap(), turn(&place).unwrap());
    one.wait();
    one.wait();
    assert!(place.is_at_work());
    drop(other);
    assert!(!place.is_at_work());
    one.work();
    assert!(place.is_at_work());
    drop(one.rest());
    assert!(!place.is_at_work());
}
