//! Bodies → what the hub works with, on one thread.

use std::hint::black_box;
use std::time::Duration;

use hub_core::api::{Activate, Endpoint};
use hub_core::fields::{Fault, ReadBody, Unknown};
use hub_core::redact::redact;
use hub_tests::clock;
use hub_tests::fleet::own_license_key;
use hub_tests::workload::{activation_body, listed, report_body};

use crate::engine::{BATCH, Cost, measure};

pub(crate) fn activations(lasting: Duration) -> Cost {
    type Body = <Activate as Endpoint>::Body;
    let (body, now) = (activation_body(&own_license_key(1)), clock::now());
    reading(&body, lasting, |bytes| Body::read_body(bytes, Unknown::Unnamed, now))
}

pub(crate) fn reports(lasting: Duration) -> Cost {
    let (body, listed, now) = (report_body(), listed(), clock::now());
    reading(&body, lasting, |bytes| redact(bytes, &listed, now))
}

fn reading<T>(body: &str, lasting: Duration, read: impl Fn(&[u8]) -> Result<T, Fault>) -> Cost {
    measure(
        lasting,
        BATCH,
        |_| (),
        |()| {
            for _ in 0..BATCH {
                let read = read(black_box(body.as_bytes()));
                assert!(black_box(read).is_ok(), "a body of our own");
            }
        },
    )
}
