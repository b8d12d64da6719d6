//! `hubctl certificate`: verifies a certificate with a hub's public keys.

use std::path::Path;

use hub_core::api::{GetCertificateKeys, JwkSet};
use hub_core::certificate::{Claims, Jwk, Unverified};
use hub_core::exit::Exit;
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::Deserialize;

use super::Invocation;
use crate::cli::{CertificateCommand, CertificateVerifyArgs};
use crate::error::{Failure, Result};
use crate::output::Out;
use crate::{input, output, settings};

/// Runs one of them; asks the hub for its keys.
pub(super) async fn run(command: CertificateCommand, invocation: &Invocation<'_>) -> Result<Exit> {
    let CertificateCommand::Verify(args) = command;
    output::reads(&args.certificate_file);
    let file = args.certificate_file.clone();
    let text = input::waiting(move || read(&file)).await?;
    let keys = invocation.hub()?.call::<GetCertificateKeys>("", &(), &()).await?;
    verify(&args, &text, &keys, invocation.out)
}

/// Verifies with keys from a file.
pub(super) fn offline(args: &CertificateVerifyArgs, keys: &Path, out: &Out) -> Result<Exit> {
    if keys == Path::new("-") && args.certificate_file == Path::new("-") {
        let both = "--certificate-file and --jwks cannot both be standard input";
        return Err(Failure::usage(both));
    }
    output::reads(&args.certificate_file);
    let text = read(&args.certificate_file)?;
    let keys: JwkSet = serde_json::from_slice(&input::read_bytes(keys, "the keys")?)
        .map_err(|_| Failure::usage("--jwks is not a file of keys (RFC 7517)"))?;
    verify(args, &text, &keys, out)
}

/// Reads a certificate, or the answer of an activation or of `self` that holds it.
fn read(file: &Path) -> Result<String> {
    #[derive(Deserialize)]
    struct Answer {
        certificate: Option<String>,
    }
    let text = input::read_secret(file, "the certificate")?;
    if !text.trim_start().starts_with('{') {
        return Ok(text.trim().to_owned());
    }
    let answer = serde_json::from_str::<Answer>(&text).ok().and_then(|answer| answer.certificate);
    answer.ok_or_else(|| invalid("the answer holds no certificate"))
}

fn verify(args: &CertificateVerifyArgs, text: &str, keys: &JwkSet, out: &Out) -> Result<Exit> {
    let claims = claims(text, keys)?;
    let end = seconds(claims.exp);
    if settings::now() >= end {
        let message = format!("the certificate of {} ended at {end}", claims.sub);
        return Err(Failure::new(Exit::NotPermitted, "certificate_expired", message)
            .hint("the instance gets a new one from the hub: GET /api/v1/instances/self"));
    }
    if args.instance.as_ref().is_some_and(|instance| *instance != claims.sub) {
        let message = format!("the certificate is of the instance {}", claims.sub);
        return Err(Failure::of(ErrorCode::InstanceMismatch, message));
    }
    write(&claims, out)?;
    Ok(Exit::Done)
}

/// What the certificate states, once its signature is verified.
fn claims(text: &str, keys: &JwkSet) -> Result<Claims> {
    let certificate =
        Unverified::parse(text).map_err(|malformed| invalid(malformed.to_string()))?;
    let key = keys.keys.iter().find(|key| key.kid == certificate.kid);
    let key = key.and_then(Jwk::public_key).ok_or_else(|| {
        invalid("no key of the hub has the name that the certificate gives")
            .hint("after a new key, fetch /.well-known/jwks.json again")
    })?;
    let message = certificate.message.as_bytes();
    UnparsedPublicKey::new(&ED25519, key)
        .verify(message, &certificate.signature)
        .map_err(|_| invalid("the signature does not verify"))?;
    Ok(certificate.claims)
}

fn write(claims: &Claims, out: &Out) -> Result<()> {
    let entitlements = claims.entitlements.iter().collect::<Vec<_>>().join(" ");
    let details = [
        ("INSTANCE", claims.sub.to_string()),
        ("CLIENT", claims.client.clone()),
        ("LICENSE", claims.lic.to_string()),
        ("ENTITLEMENTS", entitlements),
        ("ISSUER", claims.iss.clone()),
        ("ISSUED", out.times().write(seconds(claims.iat))),
        ("VALID UNTIL", out.times().write(seconds(claims.exp))),
    ];
    out.record(claims, claims.sub.as_str(), &details)
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_unix_ms(seconds.saturating_mul(1000))
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(Exit::NotAuthenticated, "certificate_invalid", message)
}
