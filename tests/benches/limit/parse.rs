//! Bodies → what the hub works with, on one thread.

use std::hint::black_box;
use std::time::Duration;

use hub_core::api::{Activate, Endpoint};
use hub_core::fields::{ReadBody, Unknown};
use hub_core::redact::redact;
use hub_core::time::Timestamp;
use hub_tests::clock;
use hub_tests::fleet::own_license_key;
use hub_tests::workload::{activation_body, listed, report_body};

use crate::engine::{BATCH, Cost, measure};

pub(crate) fn activations(lasting: Duration) -> Cost {
    reading::<<Activate as Endpoint>::Body>(&activation_body(&own_license_key(1)), lasting)
}

pub(crate) fn reports(lasting: Duration) -> Cost {
    let (body, listed, now) = (report_body(), listed(), clock::now());
    measure(
        lasting,
        BATCH,
        |_| (),
        |()| {
            for _ in 0..BATCH {
                let read = redact(black_box(body.as_bytes()), &listed, now);
                assert!(black_box(read).is_ok(), "a body of our own");
            }
        },
    )
}

fn reading<T: ReadBody>(body: &str, lasting: Duration) -> Cost {
    let now: Timestamp = clock::now();
    measure(
        lasting,
        BATCH,
        |_| (),
        |()| {
            for _ in 0..BATCH {
                let read = T::read_body(black_box(body.as_bytes()), Unknown::Unnamed, now);
                assert!(black_box(read).is_ok(), "a body of our own");
            }
        },
    )
}
