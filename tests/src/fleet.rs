//! The steps that most stories begin with: a client, an instance, an activation.

use std::fmt::Write as _;

use hub_core::api::Role;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::Hub;

/// A license that was just issued.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The instance's handle.
    pub instance_id: String,
    /// The license key.
    pub license_key: String,
}

impl Hub {
    /// Creates a client with this handle.
    pub async fn client(&self, slug: &str) -> Value {
        let new = json!({"name": format!("Client {slug}"), "slug": slug});
        self.admin().post("/api/v1/admin/clients", new).await.expect(201).json()
    }

    /// Issues an instance of a client with default terms.
    pub async fn issue(&self, client: &str, instance_id: &str) -> Issued {
        self.issue_with(client, instance_id, json!({})).await
    }

    /// Issues an instance of a client with these terms.
    pub async fn issue_with(&self, client: &str, instance_id: &str, terms: Value) -> Issued {
        let mut new = terms;
        new["instance_id"] = instance_id.into();
        let path = format!("/api/v1/admin/clients/{client}/instances");
        let issued = self.admin().post(&path, new).await.expect(201).json();
        let license_key = text(&issued, "license_key");
        Issued { instance_id: instance_id.to_owned(), license_key }
    }

    /// Activates, and gives the whole answer's JSON.
    pub async fn activate(&self, license_key: &str) -> Value {
        let body = json!({"license_key": license_key});
        self.anonymous().post("/api/v1/instances/activate", body).await.ok()
    }

    /// Activates, and gives the hub key.
    pub async fn hub_key(&self, license_key: &str) -> String {
        text(&self.activate(license_key).await, "hub_api_key")
    }

    /// Uses a hub key, so that the next activation counts.
    pub async fn use_key(&self, hub_key: &str) -> Value {
        self.instance(hub_key).get("/api/v1/instances/self").await.ok()
    }

    /// An instance as operators see it.
    pub async fn show(&self, instance_id: &str) -> Value {
        self.admin().get(&format!("/api/v1/admin/instances/{instance_id}")).await.ok()
    }

    /// Changes an instance.
    pub async fn patch_instance(&self, instance_id: &str, change: Value) -> Value {
        let path = format!("/api/v1/admin/instances/{instance_id}");
        self.admin().patch(&path, change).await.ok()
    }

    /// `POST …/{instance_id}/{verb}`, such as `suspend`, with this body.
    pub async fn act(&self, instance_id: &str, verb: &str, body: Value) -> Value {
        let path = format!("/api/v1/admin/instances/{instance_id}/{verb}");
        self.admin().post(&path, body).await.ok()
    }

    /// Creates an admin key and gives the key.
    pub async fn admin_key_of(&self, name: &str, role: Role) -> String {
        let new = json!({"name": name, "role": role});
        let created = self.admin().post("/api/v1/admin/keys", new).await.expect(201).json();
        text(&created, "admin_key")
    }

    /// The audit log, newest first, as `(actor, action, target)`.
    pub async fn audit(&self) -> Vec<(String, String, String)> {
        let page = self.admin().get("/api/v1/admin/audit?limit=500").await.ok();
        let rows = page["items"].as_array().expect("items is a list");
        rows.iter().map(|e| (text(e, "actor"), text(e, "action"), text(e, "target"))).collect()
    }
}

/// A member of an object, which must be a string.
#[must_use]
pub fn text(object: &Value, name: &str) -> String {
    let text = object[name].as_str();
    text.unwrap_or_else(|| panic!("no text {name} in {object}")).to_owned()
}

/// SHA-256 of a key, as a caller registers it.
#[must_use]
pub fn sha256(key: &str) -> String {
    hex::encode(Sha256::digest(key))
}

/// The fingerprint of a key, which people are shown in its place.
#[must_use]
pub fn fingerprint(key: &str) -> String {
    sha256(key)[..12].to_owned()
}

/// A hub key that a caller made.
#[must_use]
pub fn own_hub_key(n: u32) -> String {
    format!("hk_{n:024x}")
}

/// A license key that a caller made.
#[must_use]
pub fn own_license_key(n: u32) -> String {
    format!("lb_inst_{n:032x}")
}

/// A fleet file of so many new instances, a hundred of each client, with each key in a file in `keys`.
#[must_use]
pub fn large_fleet(instances: usize) -> String {
    let mut file = "version = 1\nfleet = \"large\"\n".to_owned();
    for n in 0..instances {
        if n % 100 == 0 {
            let _ = writeln!(file, "[[client]]\nslug = \"client-{:03}\"", n / 100);
        }
        let _ = writeln!(
            file,
            "[[client.instance]]\ninstance_id = \"i-{n:05}\"\nsink = \"file:keys/i-{n:05}.key\""
        );
    }
    file
}
