//! What the server has to know of a request when it is answered, however that came about.

use hub_core::api::REQUEST_ID_HEADER;
use hyper::HeaderMap;

use super::request_id::RequestId;
use crate::limits::CallerPermit;

/// The traces of a request.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) request_id: RequestId,
    /// The body has not arrived whole: what comes next on the connection may be the rest of it.
    pub(crate) body_left: bool,
    /// The caller has shown a valid key.
    pub(crate) is_proven: bool,
    /// The caller's permit for this request, which it has until the answer is sent. A refusal needs none.
    pub(crate) caller_permit: Option<CallerPermit>,
}

impl Trace {
    pub(crate) fn new(request_id: RequestId, body_left: bool) -> Self {
        Self { request_id, body_left, is_proven: false, caller_permit: None }
    }

    /// Keeps the caller's permit until the answer is sent. The body is gone by now.
    pub(super) fn keep(&mut self, mut caller_permit: Option<CallerPermit>) {
        caller_permit.iter_mut().for_each(CallerPermit::discharge);
        self.caller_permit = caller_permit;
    }

    /// Takes over the id that an operator gave the request, if it is a plain word. It gets into the log
    /// and the audit, so it counts only after the key is proven.
    pub(super) fn name(&mut self, headers: &HeaderMap) {
        let given = headers.get(REQUEST_ID_HEADER).and_then(|value| value.to_str().ok());
        if let Some(given) = given.and_then(RequestId::parse) {
            self.request_id = given;
        }
    }
}
