//! The ceiling: a hyper server that reads the body and answers a constant, in a process of its own.

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

/// Makes this program the server.
pub(crate) const FLAG: &str = "--bare";

/// The server, killed when dropped.
pub(crate) struct Bare {
    child: Child,
    address: String,
}

impl Bare {
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn start() -> Bare {
    let program = std::env::current_exe().expect("a program knows its own path");
    let mut child =
        Command::new(program).arg(FLAG).stdout(Stdio::piped()).spawn().expect("the server starts");
    let mut address = String::new();
    let stdout = child.stdout.take().expect("stdout is piped");
    BufReader::new(stdout).read_line(&mut address).expect("the server says where it listens");
    Bare { child, address: address.trim().to_owned() }
}

pub(crate) fn serve() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("a bound socket has an address");
        writeln!(std::io::stdout(), "{address}").expect("the parent listens");
        while let Ok((io, _)) = socket.accept().await {
            io.set_nodelay(true).expect("a socket option");
            let served =
                http1::Builder::new().serve_connection(TokioIo::new(io), service_fn(answer));
            tokio::spawn(served);
        }
    });
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let _ = request.into_body().collect().await;
    Ok(Response::new(Full::new(Bytes::from_static(&[b'x'; 400]))))
}
