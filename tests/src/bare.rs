//! The ceiling of benchmarks: a hyper server that reads the body and answers a constant, in a process of
//! its own.

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::watchdog::{self, Chore};

/// The argument that turns a benchmark into the server; the number of bytes to answer follows it.
const FLAG: &str = "--bare";

/// The server, killed when dropped.
#[derive(Debug)]
pub struct Bare {
    child: Child,
    address: String,
    _chore: Chore,
}

impl Bare {
    /// Starts this program again as a server whose answers have so many bytes. The program must begin
    /// with [`serve_if_asked`].
    #[must_use]
    pub fn start(answer: usize) -> Self {
        let program = std::env::current_exe().expect("a program knows its own path");
        let mut server = Command::new(program);
        server.args([FLAG, &answer.to_string()]).stdout(Stdio::piped());
        let mut child = server.spawn().expect("the server starts");
        let chore = watchdog::at_exit(&format!("kill -9 {}", child.id()));
        let mut address = String::new();
        let stdout = child.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut address).expect("the server says where it listens");
        Self { child, address: address.trim().to_owned(), _chore: chore }
    }

    /// Where it listens: `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The number of its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until it is killed, if this process was started by [`Bare::start`].
pub fn serve_if_asked() {
    let mut arguments = std::env::args().skip_while(|argument| argument != FLAG).skip(1);
    if let Some(answer) = arguments.next() {
        serve(answer.parse().expect("a number of bytes"));
    }
}

fn serve(answer: usize) {
    let answer = Bytes::from(vec![b'x'; answer]);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("a bound socket has an address");
        writeln!(std::io::stdout(), "{address}").expect("the parent listens");
        while let Ok((io, _)) = socket.accept().await {
            io.set_nodelay(true).expect("a socket option");
            let answer = answer.clone();
            let service = service_fn(move |request| reply(request, answer.clone()));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(io), service));
        }
    });
}

async fn reply(
    request: Request<Incoming>,
    answer: Bytes,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let _ = request.into_body().collect().await;
    Ok(Response::new(Full::new(answer)))
}
