//! Examples below the help of commands. `--help` lists all options.

macro_rules! examples {
    ($($name:ident $($line:literal)+;)+) => {
        $(pub(super) const $name: &str = concat!(
            "Examples:\n", $("    hubctl ", $line, "\n",)+ "\n--help shows all options."
        );)+
    };
}

examples! {
    STATUS "status" "status --within 60d -o json";
    CLIENT_LIST "client list" "client list --search gmbh --label tier=gold" "client list -o csv";
    CLIENT_CREATE "client create acme --name \"Acme GmbH\"" "client create --name \"Acme GmbH\"      # its handle is acme-gmbh";
    CLIENT_ENSURE "client ensure acme --name \"Acme GmbH\" --label tier=gold";
    CLIENT_UPDATE "client update acme --label tier=gold --label trial-" "client update acme globex --no-labels --dry-run";
    CLIENT_SUSPEND "client suspend acme --reason unpaid" "client list --label overdue=yes -q | hubctl client suspend --stdin --yes";
    CLIENT_DELETE "client delete acme" "client delete acme --cascade --yes";
    INSTANCE_LIST "instance list --client acme" "instance list --expires-within 30d --sort expires_at" "instance list --silent-for 24h -o json";
    INSTANCE_ISSUE "instance issue acme-prod --client acme --sink file:acme-prod.key" "instance issue trial --client acme --expires-at 30d --grace-days 7 --sink stdout";
    INSTANCE_ENSURE "instance ensure ci-42 --client acme --sink file:ci.key -o name" "instance ensure acme-prod --client acme --label env=prod";
    INSTANCE_UPDATE "instance update acme-prod --expires-at 2027-12-31 --grace-days 14" "instance update acme-1 acme-2 --label env=test --dry-run";
    INSTANCE_RENEW "instance renew acme-prod --for 365d" "instance renew acme-prod --until 2028-12-31" "instance list --expires-within 30d -q | hubctl instance renew --stdin --for 52w";
    INSTANCE_SUSPEND "instance suspend acme-prod --reason unpaid" "instance list --label env=trial -q | hubctl instance suspend --stdin --yes";
    INSTANCE_DELETE "instance delete acme-prod" "instance delete acme-1 acme-2 --if-exists --yes";
    INSTANCE_WAIT "instance wait acme-prod --for seen --timeout 10m";
    ROTATE_LICENSE "instance rotate-license acme-prod --overlap 1h --sink file:acme-prod.key";
    ROTATE_HUB_KEY "instance rotate-hub-key acme-prod --overlap 1h --sink file:hub.key";
    ACTIVATE "activate --license-file license.key --sink file:/etc/letsbe/hub.key --if-needed";
    VALIDATE "validate --license-file license.key" "validate < license.key";
    TOOLS "telemetry tools --since 7d" "telemetry tools --by client --since 4w" "telemetry tools --client acme --since 2026-11-01 -o csv";
    SERIES "telemetry series --step 1w --since 12w" "telemetry series --tool web.open --tool shell.run --step 1d" "telemetry series --tool browser.navigate --since 24h";
    REPORT "telemetry report --since 30d --out fleet.html" "telemetry report --client acme > acme.html";
    ADMIN_KEY_CREATE "admin-key create ci --role provisioner --expires-at 90d --sink file:ci.key";
    AUDIT_LIST "audit list --since 24h" "audit list --actor admin:ci --action instance.create --limit 20";
    AUDIT_VERIFY "audit verify && echo untouched";
    LOGIN "login" "login prod --url https://hub.example.org";
    API "api GET /api/v1/admin/stats" "api PATCH /api/v1/admin/clients/acme --input change.json";
}
