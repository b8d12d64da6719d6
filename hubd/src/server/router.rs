//! Finds the route of a method and a path in the shared table.

use std::borrow::Cow;

use hub_core::api::Route;
use hub_core::problem::ErrorCode;
use hyper::{Method, Uri};
use percent_encoding::percent_decode_str;

use crate::domain::Refusal;

/// The table, indexed by path.
#[derive(Debug)]
pub(crate) struct Router {
    paths: matchit::Router<Vec<Route>>,
}

/// The route that a request asks for.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) route: Route,
    /// The part of the path in the place of `{…}`; empty when the route has no such place.
    pub(crate) handle: String,
}

/// No route matches the request.
#[derive(Debug)]
pub(crate) struct NotFound {
    pub(crate) refusal: Refusal,
    /// The methods that the path supports, for the `Allow` header.
    pub(crate) allow: Option<String>,
}

impl From<ErrorCode> for NotFound {
    fn from(code: ErrorCode) -> Self {
        Self { refusal: Refusal::new(code), allow: None }
    }
}

impl Router {
    pub(crate) fn new() -> Self {
        let mut paths = matchit::Router::new();
        let mut seen: Vec<&str> = Vec::new();
        for path in Route::ALL.iter().map(|route| route.path()) {
            if seen.contains(&path) {
                continue;
            }
            seen.push(path);
            let here = Route::ALL.iter().copied().filter(|route| route.path() == path).collect();
            if let Err(error) = paths.insert(path, here) {
                unreachable!("the route table is consistent: {error}");
            }
        }
        Self { paths }
    }

    /// Finds the route. HEAD is handled as a GET whose answer has no body.
    pub(crate) fn find(&self, method: &Method, uri: &Uri) -> Result<Target, NotFound> {
        let path = uri.path();
        if !path.starts_with('/') || *method == Method::CONNECT || !is_encoded_well(path) {
            return Err(ErrorCode::InvalidRequestTarget.into());
        }
        let found = self.paths.at(path).map_err(|_| ErrorCode::RouteNotFound)?;
        let wanted = if *method == Method::HEAD { Method::GET } else { method.clone() };
        let Some(&route) = found.value.iter().find(|route| route.method() == wanted) else {
            let allow = Some(allowed(found.value));
            let refusal = Refusal::new(ErrorCode::MethodNotAllowed);
            return Err(NotFound { refusal, allow });
        };
        let encoded = found.params.iter().next().map_or("", |(_, value)| value);
        let handle = percent_decode_str(encoded).decode_utf8();
        let handle = handle.map(Cow::into_owned).map_err(|_| ErrorCode::InvalidRequestTarget)?;
        Ok(Target { route, handle })
    }
}

fn allowed(routes: &[Route]) -> String {
    let mut methods: Vec<String> = routes.iter().map(|route| route.method().to_string()).collect();
    if methods.iter().any(|method| method == "GET") {
        methods.push("HEAD".to_owned());
    }
    methods.join(", ")
}

/// Whether two hex digits follow every `%`, and the decoded path is UTF-8 without NUL.
fn is_encoded_well(path: &str) -> bool {
    if !path.contains('%') {
        return true; // a `Uri` cannot contain a NUL itself
    }
    let whole = path.bytes().enumerate().filter(|(_, b)| *b == b'%').all(|(at, _)| {
        path.as_bytes().get(at + 1..at + 3).is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit))
    });
    let decoded = percent_decode_str(path).decode_utf8();
    whole && decoded.is_ok_and(|decoded| !decoded.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(method: &str, target: &str) -> Result<Target, (ErrorCode, Option<String>)> {
        let router = Router::new();
        let found = router.find(&method.parse().unwrap(), &target.parse().unwrap());
        found.map_err(|not_found| (not_found.refusal.code, not_found.allow))
    }

    #[test]
    fn every_route_is_found_by_its_own_path() {
        for &route in Route::ALL {
            let found = find(route.method().as_str(), &route.fill("acme-1")).unwrap();
            assert_eq!(found.route, route);
            assert_eq!(found.handle, if route.takes_handle() { "acme-1" } else { "" });
        }
    }

    #[test]
    fn a_missing_path_differs_from_a_missing_method() {
        assert_eq!(find("GET", "/api/v2").unwrap_err().0, ErrorCode::RouteNotFound);
        assert_eq!(find("GET", "/healthz/").unwrap_err().0, ErrorCode::RouteNotFound);
        let (code, allow) = find("PUT", "/api/v1/admin/clients/acme").unwrap_err();
        assert_eq!(code, ErrorCode::MethodNotAllowed);
        assert_eq!(allow.as_deref(), Some("GET, PATCH, DELETE, HEAD"));
        assert_eq!(find("HEAD", "/healthz").unwrap().route, Route::Health);
        for wrong in ["*", "/api/v1/admin/clients/%zz", "/%ff", "/%00", "/a%2"] {
            assert_eq!(
                find("GET", wrong).unwrap_err().0,
                ErrorCode::InvalidRequestTarget,
                "{wrong}"
            );
        }
    }
}
