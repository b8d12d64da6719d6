//! Ports of this machine, and the programs that come to listen on them.

use std::net::{TcpListener, TcpStream};
use std::process::Child;
use std::time::Duration;

/// A port that nobody listens on.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound listener has an address").port()
}

/// Waits until a program listens. If it ends instead, the test fails with what it said.
pub fn until_listening(program: &mut Child, port: u16, said: impl Fn() -> String) {
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = program.try_wait().expect("the program is our child");
        assert!(ended.is_none(), "it ended: {ended:?} {}", said());
        std::thread::sleep(Duration::from_millis(10));
    }
}
