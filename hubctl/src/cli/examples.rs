//! Examples below the help of commands.

macro_rules! examples {
    ($($name:ident $($line:literal)+;)+) => {
        $(pub(super) const $name: &str = concat!("Examples:", $("\n    hubctl ", $line,)+);)+
    };
}

examples! {
    HUBCTL "login prod --url https://hub.example.org" "client create acme --name \"Acme GmbH\"" "instance issue acme-prod --client acme --sink file:acme-prod.key";
    STATUS "status" "status --within 60d -o json";
    CLIENT "client create acme --name \"Acme GmbH\"" "client list --label tier=gold";
    CLIENT_LIST "client list" "client list --search gmbh --label tier=gold" "client list -o csv";
    CLIENT_GET "client get acme" "client get acme globex -o csv";
    CLIENT_CREATE "client create acme --name \"Acme GmbH\"" "client create --name \"Acme GmbH\"      # its handle is acme-gmbh";
    CLIENT_ENSURE "client ensure acme --name \"Acme GmbH\" --label tier=gold";
    CLIENT_UPDATE "client update acme --label tier=gold --label trial-" "client update acme globex --no-labels --dry-run";
    CLIENT_SUSPEND "client suspend acme --reason unpaid" "client list --label due=1 -q | hubctl client suspend --stdin --yes";
    CLIENT_REACTIVATE "client reactivate acme";
    CLIENT_DELETE "client delete acme" "client delete acme --cascade --yes";
    INSTANCE "instance issue acme-prod --client acme --sink file:acme-prod.key" "instance list --expires-within 30d";
    INSTANCE_GET "instance get acme-prod" "instance get acme-prod --fields license.expires_at";
    INSTANCE_LIST "instance list --client acme" "instance list --expires-within 30d --sort expires_at" "instance list --silent-for 24h -o json";
    INSTANCE_ISSUE "instance issue acme-prod --client acme --sink file:acme-prod.key" "instance issue trial --client acme --expires-at 30d --sink stdout";
    INSTANCE_ENSURE "instance ensure ci-42 --client acme --sink file:ci.key -o name" "instance ensure acme-prod --client acme --label env=prod";
    INSTANCE_UPDATE "instance update acme-prod --expires-at 2027-12-31 --grace-days 14" "instance update acme-1 acme-2 --label env=test --dry-run";
    INSTANCE_RENEW "instance renew acme-prod --for 365d" "instance renew acme-prod --until 2028-12-31" "instance list --expires-within 30d -q |\n      hubctl instance renew --stdin --for 52w";
    INSTANCE_SUSPEND "instance suspend acme-prod --reason unpaid" "instance list --label env=trial -q |\n      hubctl instance suspend --stdin --yes";
    INSTANCE_REACTIVATE "instance reactivate acme-prod";
    INSTANCE_DELETE "instance delete acme-prod" "instance delete acme-1 acme-2 --if-exists --yes";
    INSTANCE_WAIT "instance wait acme-prod --for seen --timeout 10m";
    ROTATE_LICENSE "instance rotate-license acme-prod --overlap 1h --sink file:new.key";
    ROTATE_HUB_KEY "instance rotate-hub-key acme-prod --overlap 1h --sink file:hub.key";
    ACTIVATE "activate --license-file license.key --sink file:hub.key --if-needed";
    VALIDATE "validate --license-file license.key" "validate < license.key";
    CERTIFICATE "certificate verify --certificate-file acme-prod.jwt";
    CERTIFICATE_VERIFY "certificate verify --instance acme-prod < acme-prod.jwt" "certificate verify --jwks jwks.json < acme-prod.jwt      # offline";
    TELEMETRY "telemetry tools --since 7d" "telemetry report --since 30d --out fleet.html";
    TOOLS "telemetry tools --since 7d" "telemetry tools --by client --since 4w" "telemetry tools --client acme --since 2026-11-01 -o csv";
    SERIES "telemetry series --step 1w --since 12w" "telemetry series --tool web.open --tool shell.run --step 1d" "telemetry series --tool browser.navigate --since 24h";
    REPORT "telemetry report --since 30d --out fleet.html" "telemetry report --client acme > acme.html";
    USAGE_ERRORS "telemetry errors --since 7d" "telemetry errors --client acme -o csv";
    USAGE_COUNTS "telemetry counts --since 7d" "telemetry counts --instance acme-prod";
    PREVIEW "telemetry preview report.json" "telemetry preview report.json --catalogue catalogue.json";
    SEND "telemetry send report.json --hub-key-file hub.key";
    CATALOGUE "telemetry catalogue get" "telemetry catalogue add browser.navigate --code TIMEOUT";
    CATALOGUE_GET "telemetry catalogue get" "telemetry catalogue get -o json > catalogue.json";
    CATALOGUE_SET "telemetry catalogue set --file catalogue.json" "telemetry catalogue set browser.navigate web.open --code TIMEOUT";
    CATALOGUE_ADD "telemetry catalogue add browser.navigate --count agents_online" "telemetry catalogue add --from report.json";
    CATALOGUE_REMOVE "telemetry catalogue remove browser.navigate --code TIMEOUT";
    ADMIN_KEY "admin-key list" "admin-key create ci --role provisioner --sink file:ci.key";
    ADMIN_KEY_LIST "admin-key list" "admin-key list -o json";
    ADMIN_KEY_REVOKE "admin-key revoke ci";
    AUDIT "audit list --since 24h" "audit verify";
    ADMIN_KEY_CREATE "admin-key create ci --role provisioner --sink file:ci.key";
    AUDIT_LIST "audit list --since 24h" "audit list --actor admin:ci --action instance.create --limit 20";
    AUDIT_VERIFY "audit verify && echo untouched";
    PLAN "plan -f fleet.toml" "plan -f fleet.toml --out p.json && hubctl apply p.json";
    APPLY "apply -f fleet.toml" "apply -f fleet.toml --prune --max-deletes 2 --yes";
    EXPORT "export > fleet.toml" "export --fleet acme-prod | hubctl plan -f -";
    STATS "stats" "stats -o json";
    WHOAMI "whoami" "whoami --context prod";
    VERSION "version" "version -o json";
    DOCTOR "doctor" "doctor --url https://hub.example.org";
    CONTEXT "context list" "context use prod";
    CONTEXT_LIST "context list";
    CONTEXT_USE "context use prod";
    CONTEXT_SHOW "context show" "context show prod -o json";
    CONTEXT_ADD "context add prod --url https://hub.example.org";
    CONTEXT_REMOVE "context remove prod";
    FINGERPRINT "fingerprint < license.key";
    COMPLETION "completion bash > ~/.local/share/bash-completion/completions/hubctl" "completion fish > ~/.config/fish/completions/hubctl.fish";
    MAN "man client create | man -l -" "man --out /usr/local/share/man/man1";
    HELP "help instance issue" "help exit-codes";
    LOGIN "login" "login prod --url https://hub.example.org";
    API "api GET /api/v1/admin/stats" "api PATCH /api/v1/admin/clients/acme --input change.json";
}
