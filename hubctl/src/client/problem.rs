//! Error answers → failures. A newer hub may use codes that this hubctl does not know.

use hub_core::exit::Exit;
use hub_core::problem::{ErrorCode, FieldError};
use serde::Deserialize;

use super::not_understood;
use crate::error::Failure;

/// A problem body, with whatever code it has.
#[derive(Deserialize)]
struct AnyProblem {
    code: String,
    detail: String,
    request_id: Option<String>,
    #[serde(default)]
    errors: Vec<FieldError>,
}

/// The failure that an error answer stands for.
pub(super) fn failure(status: u16, request_id: Option<String>, body: &[u8]) -> Failure {
    let Ok(problem) = serde_json::from_slice::<AnyProblem>(body) else {
        return foreign(status).with(|parts| {
            parts.status = Some(status);
            parts.request_id = request_id;
        });
    };
    let known = ErrorCode::ALL.iter().copied().find(|code| code.as_str() == problem.code);
    let exit = known.map_or_else(|| exit_of(status), ErrorCode::exit);
    let message = with_fields(problem.detail, &problem.errors);
    Failure::new(exit, "", message).with(|parts| {
        parts.code =
            if is_code(&problem.code) { problem.code } else { "unknown".to_owned() }.into();
        parts.status = Some(status);
        parts.request_id = request_id.or(problem.request_id);
        parts.hint = known.and_then(hint).map(str::to_owned);
    })
}

/// Whether a code looks like one: it is written as it is, and what answers may be no hub.
fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn with_fields(detail: String, errors: &[FieldError]) -> String {
    let faults: Vec<_> = errors.iter().map(|e| format!("{} {}", e.field, e.message)).collect();
    if faults.is_empty() {
        return detail;
    }
    format!("{}: {}", detail.trim_end_matches(": see errors"), faults.join("; "))
}

/// An answer that did not come from a hub, but from a proxy or another server.
fn foreign(status: u16) -> Failure {
    match status {
        500.. => Failure::new(
            Exit::HubFailed,
            "bad_gateway",
            format!("a server in front of the hub answered {status}"),
        ),
        429 => Failure::new(
            Exit::Limited,
            "rate_limited",
            "a server in front of the hub limits requests",
        ),
        300..=399 => not_understood("it redirects").hint("give the URL that it redirects to"),
        _ => not_understood(&format!("status {status} without a problem body")),
    }
}

fn exit_of(status: u16) -> Exit {
    match status {
        401 => Exit::NotAuthenticated,
        403 => Exit::NotPermitted,
        404 => Exit::NotFound,
        409 | 412 => Exit::Conflict,
        429 => Exit::Limited,
        400..=499 => Exit::Usage,
        500.. => Exit::HubFailed,
        _ => Exit::Incompatible,
    }
}

fn hint(code: ErrorCode) -> Option<&'static str> {
    Some(match code {
        ErrorCode::AdminKeyMissing | ErrorCode::AdminKeyInvalid => {
            "check HUBCTL_ADMIN_KEY_FILE, HUBCTL_ADMIN_KEY or --admin-key-file, and the URL"
        }
        ErrorCode::RoleForbidden => "hubctl whoami tells which role this key has",
        ErrorCode::ClientNotEmpty => "--cascade deletes its instances too",
        ErrorCode::NotActivated => "it gets its first hub key from hubctl activate",
        ErrorCode::PreconditionFailed => {
            "it was changed meanwhile: look at it, then run this again"
        }
        ErrorCode::RouteNotFound | ErrorCode::MethodNotAllowed => {
            "compare the versions with: hubctl version"
        }
        ErrorCode::LicenseInvalid => "check that the file holds the license key and nothing else",
        ErrorCode::DatabaseUnavailable | ErrorCode::Internal => "safe to run again",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_exit() {
        for code in ErrorCode::ALL {
            let body = format!(r#"{{"code": "{}", "detail": "x"}}"#, code.as_str());
            let failure = failure(code.status().as_u16(), None, body.as_bytes());
            assert_eq!(failure.exit(), code.exit(), "{code:?}");
            assert!(failure.is(*code));
        }
    }

    #[test]
    fn strangers_are_told_from_hubs() {
        assert_eq!(failure(502, None, b"<html>").exit(), Exit::HubFailed);
        assert_eq!(failure(404, None, b"<html>").exit(), Exit::Incompatible);
        assert_eq!(failure(301, None, b"").exit(), Exit::Incompatible);
        let newer = failure(403, None, br#"{"code": "tomorrow", "detail": "x"}"#);
        assert_eq!((newer.exit(), newer.parts().code.as_ref()), (Exit::NotPermitted, "tomorrow"));
        let odd = failure(403, None, br#"{"code": "a\u001b[31m\nb", "detail": "x"}"#);
        assert_eq!(odd.parts().code, "unknown");
    }

    #[test]
    fn every_wrong_field_is_told() {
        let body = br#"{"code": "invalid_request", "detail": "wrong fields",
            "errors": [{"field": "slug", "message": "must be a"}, {"field": "name", "message": "is required"}]}"#;
        assert_eq!(
            failure(422, None, body).parts().message,
            "wrong fields: slug must be a; name is required"
        );
    }
}
