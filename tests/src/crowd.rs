//! Crowds that misbehave while a story goes on: sockets that stay open, and clients that never pause.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures_util::future::join_all;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::load::{self, Request};

/// A connection to the hub from this local address: every address of `127.0.0.0/8` is at hand.
pub async fn connect_from(from: &str, hub: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::new(from.parse().expect("an address"), 0)).expect("a local address");
    socket.connect(hub.parse().expect("an address")).await.expect("the hub listens")
}

/// Raises the limit of sockets that this process may have, and gives it.
pub fn room() -> u64 {
    static ROOM: OnceLock<u64> = OnceLock::new();
    *ROOM.get_or_init(|| {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("it is allowed");
        maximum.unwrap_or(u64::MAX)
    })
}

/// Sockets that have sent something and stay open until they are dropped.
#[derive(Debug)]
pub struct Crowd(Vec<TcpStream>);

impl Crowd {
    /// So many sockets from this address.
    pub async fn of(n: usize, from: &str, hub: &str, sent: &[u8]) -> Self {
        room();
        let open = (0..n).map(|_| async {
            let mut socket = connect_from(from, hub).await;
            // The hub may have closed it for the next one.
            let _ = socket.write_all(sent).await;
            socket
        });
        Self(join_all(open).await)
    }

    /// How many of them the hub has not closed.
    #[must_use]
    pub fn open(&mut self) -> usize {
        let mut rest = Vec::new();
        let is_open = |socket: &&mut TcpStream| {
            rest.clear();
            loop {
                match socket.try_read_buf(&mut rest) {
                    Ok(0) => return false,
                    Ok(_) => {}
                    Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
                }
            }
        };
        self.0.iter_mut().filter(is_open).count()
    }

    /// Waits until each has been answered or closed.
    pub async fn answered(&mut self) {
        let mut buffer = Vec::new();
        for socket in &mut self.0 {
            let _ = answer(socket, &mut buffer).await;
        }
    }
}

/// Clients that send one request again and again until this is dropped.
#[derive(Debug)]
pub struct Flood {
    statuses: Arc<Mutex<BTreeMap<u16, u64>>>,
    _clients: JoinSet<()>,
}

impl Flood {
    /// So many clients from this address.
    #[must_use]
    pub fn of(n: usize, from: &str, hub: &str, request: &Request) -> Self {
        let statuses = Arc::<Mutex<BTreeMap<u16, u64>>>::default();
        let mut clients = JoinSet::new();
        for _ in 0..n {
            let (from, hub, request) = (from.to_owned(), hub.to_owned(), request.clone());
            clients.spawn(send(from, hub, request, Arc::clone(&statuses)));
        }
        Self { statuses, _clients: clients }
    }

    /// How often each status was answered so far.
    #[must_use]
    pub fn statuses(&self) -> BTreeMap<u16, u64> {
        self.statuses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many were answered.
    pub async fn answered(&self, n: u64) {
        while self.statuses().values().sum::<u64>() < n {
            tokio::task::yield_now().await;
        }
    }
}

async fn send(
    from: String,
    hub: String,
    request: Request,
    statuses: Arc<Mutex<BTreeMap<u16, u64>>>,
) {
    let mut buffer = Vec::with_capacity(4096);
    loop {
        let mut socket = connect_from(&from, &hub).await;
        while socket.write_all(request.bytes()).await.is_ok() {
            let Some(status) = answer(&mut socket, &mut buffer).await else { break };
            *statuses.lock().unwrap_or_else(PoisonError::into_inner).entry(status).or_default() +=
                1;
        }
        tokio::task::yield_now().await;
    }
}

/// The status of the next answer; `None` when the hub closes instead.
pub async fn answer(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<u16> {
    buffer.clear();
    while load::whole(buffer).is_none() {
        if socket.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    std::str::from_utf8(buffer.get(9..12)?).ok()?.parse().ok()
}
